// What an encapsulation is made of beside the kinds of tunnels that switches have: one row, which says with what options which
// constant bytes go in front of a frame, and where the few fields lie that differ from frame to frame.

import { mac } from "../core/address-fields.ts";
import type { MacAddress } from "../core/addresses.ts";
import { type Checked, choice, type Fields } from "../core/fields.ts";
import { ENCAPSULATE } from "./fields.ts";
import type { Encapsulate, FieldRows, IpTypes } from "./tunnel-kind.ts";

/** What lies around a header. */
export type Around =
  | {
      readonly protocol: number;
      /** The version that the outer packet must be of, where that is part of the kind. */
      readonly version?: 4 | 6;
    }
  | {
      readonly udp: number;
      /** The source port, where both ends have agreed on one. Default: by the flow. */
      readonly source?: number;
    }
  | {
      readonly etherType: number;
      /** Of the outer VLAN tag. Default 0x8100. */
      readonly tpid?: number;
    }
  /** A tag: it goes in behind the addresses of the frame. */
  | "frame";

/** What goes in, and what is put around it. */
export interface Wrapping {
  readonly carries: "ethernet" | "ip" | "ipv4" | "ipv6";
  readonly around: Around;
  readonly header: ArrayLike<number>;
  readonly ipTypes?: IpTypes | undefined;
  /** 16 bits in the header that hold a length, and from where in it they count. */
  readonly length?: { readonly at: number; readonly from: number };
  /** Where in the header its own checksum lies, if it has one: over all of it and what it carries. */
  readonly checksumAt?: number | undefined;
}

/** A kind. */
export interface EncapsulationRow {
  readonly name: string;
  readonly fields: FieldRows;
  /** Of a kind that stands over IP with addresses, and on Ethernet without: which options it has only with them. */
  readonly overIp?: readonly string[] | undefined;
  readonly wrapping: (options: Readonly<Record<string, unknown>>) => Wrapping;
}

type Own<O> = Omit<O, "kind">;

/**
 * The row of a kind whose options a table describes; `wrapping` gets them checked. What the command line calls them stands in
 * src/cli/encapsulate-options.ts: no page is to pay for that.
 */
export function encapsulation<O extends { readonly kind: string }, D extends keyof Own<O> = never>(
  name: O["kind"],
  fields: Fields<Own<O>, D>,
  wrapping: (options: Checked<Own<O>, D>) => Wrapping,
  overIp?: readonly string[],
): EncapsulationRow {
  const kind = { ...choice(name), required: true };
  return {
    name,
    fields: { kind, ...fields } as unknown as FieldRows,
    overIp,
    wrapping: wrapping as unknown as EncapsulationRow["wrapping"],
  };
}

/** What every kind has that stands on Ethernet itself. */
export interface EncapsulateOnEthernet {
  readonly stage: "encapsulate";
  /** Outer MACs. Default: the frame's own; of frames without any 02:00:00:00:00:01 and 02:00:00:00:00:02. */
  readonly localMac?: MacAddress | undefined;
  readonly remoteMac?: MacAddress | undefined;
  /** VLAN of the outer frame, 1 to 4,094. Default: none. */
  readonly outerVid?: number | undefined;
  /** Seed of the flow hash, 0 to 2^32 - 1. Default 0. */
  readonly seed?: number | undefined;
}

export const ON_ETHERNET: Fields<EncapsulateOnEthernet, "stage" | "seed"> = {
  stage: ENCAPSULATE.stage,
  localMac: mac(),
  remoteMac: mac(),
  outerVid: ENCAPSULATE.outerVid,
  seed: ENCAPSULATE.seed,
};

/** Options with which a kind that can stand on Ethernet does so. */
export function isOnEthernet({ local, remote }: Pick<Encapsulate, "local" | "remote">): boolean {
  return local === undefined && remote === undefined;
}

/** Numbers as they lie in a header; of 32 bits with a sign, too. */
export function u16(value: number): number[] {
  return [(value >>> 8) & 0xff, value & 0xff];
}

export function u32(value: number): number[] {
  return [...u16(value >>> 16), ...u16(value)];
}

export function bit(value: boolean | undefined, place: number): number {
  return value ? 1 << place : 0;
}
