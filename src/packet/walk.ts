// What the steps of a walk through a frame have in common: where the walk is, and how a header says what follows it.

import type { Reading } from "../tunnel/tunnel-kind.ts";
import type { ChecksumStatus } from "../wire/checksum.ts";
import type { Parsed } from "../wire/parsed.ts";
import type { StopReason } from "../wire/stop-reasons.ts";
import { BY_ETHERTYPE } from "./announced.ts";
import type { Layer, LayerHeaders, LayerName, PayloadHeader, StepName } from "./layers.ts";

/** Where and why a walk ended early. */
export interface Stop {
  /** Offset in the frame of the byte at fault, or where the bytes ran out. */
  readonly offset: number;
  readonly reason: StopReason;
  /** The layer that could not be read, if the walk had come to one: it is not among the layers. */
  readonly layer?: LayerName | undefined;
  /** The reason, for people. */
  readonly sentence: string;
}

/** What comes next, with what the header before it said about it. */
export interface Here {
  readonly name: StepName;
  /** Of a VLAN tag. */
  readonly tpid?: number;
  /** Of a VXLAN header. */
  readonly reading?: Reading | undefined;
  /** Of L2TPv3: what carries it. */
  readonly over?: "udp";
  /** Of ERSPAN, if it has no header. */
  readonly type?: 1;
  /** Of IEEE 802.11: whether its header is padded. */
  readonly padded?: boolean;
}

/** The end of the walk: bytes that are read no further. */
export interface End {
  readonly name: "payload";
  readonly header: PayloadHeader;
  readonly stop?: StopReason;
}

export type Next = Here | End;

export interface Walk {
  readonly frame: Uint8Array;
  readonly layers: Layer[];
  readonly checksums: boolean;
  readonly tunnels: ReadonlyMap<number, Here>;
  offset: number;
  end: number;
  /** Whether a length field has said where the frame ends. */
  bounded: boolean;
  /** Those of the last IP header: UDP checksums need them. */
  addresses: { readonly source: Uint8Array; readonly destination: Uint8Array } | undefined;
}

/** How a kind of layer is read, and what its header says comes next; undefined at the end. */
export interface Step<Name extends StepName> {
  parse(bytes: Uint8Array, offset: number, end: number, here: Here): Parsed<LayerHeaders[Name]>;
  next(header: LayerHeaders[Name], walk: Walk): Next | undefined;
  verify?(walk: Walk, offset: number, payload: number, end: number): ChecksumStatus;
  /** What stands there in its place, by bytes that more than one kind of layer begins with. */
  instead?(bytes: Uint8Array, offset: number, over: Here["over"]): Next | undefined;
  /** A length in its header bounds what follows. */
  readonly bounds?: true;
}

/** Steps of some kinds of layers. */
export type Steps<Name extends StepName> = { readonly [N in Name]: Step<N> };

export const ETHERNET: Here = { name: "ethernet" };
export const IPV4: Here = { name: "ipv4" };
export const IPV6: Here = { name: "ipv6" };
/** Length fields that cannot be are told, and no stop. */
export const LENIENT: { readonly lengths: "lenient" } = { lengths: "lenient" };
const UNREAD: End = { name: "payload", header: {} };

/** Nothing says what follows, or it is not for us to read. */
export function unread(): End {
  return UNREAD;
}

const HERE: ReadonlyMap<StepName, Here> = new Map([...BY_ETHERTYPE.values()].map((name) => [name, { name }]));

export function byEtherType(etherType: number): Next {
  const name = BY_ETHERTYPE.get(etherType);
  if (name === undefined) return { name: "payload", header: { etherType } };
  return name === "vlan" ? { name, tpid: etherType } : HERE.get(name)!;
}

/** An IP packet and nothing in front of it, told by its first four bits. */
export function byVersion({ frame, offset }: Walk): Next {
  if (offset >= frame.length) return IPV4;
  const version = frame[offset]! >>> 4;
  if (version === 4) return IPV4;
  return version === 6 ? IPV6 : { name: "payload", header: {}, stop: "ip-version" };
}
