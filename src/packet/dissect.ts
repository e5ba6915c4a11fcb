// Walks a frame from its outermost header inwards, through any tunnels, and says why it went no further.
//
// Each kind of layer has one step, a row of a table: it parses its header at the walk's place and names what comes next.
// The walk holds the place; `end` shrinks as length fields say so, and may lie beyond the bytes at hand in a frame that a
// capture cut. A length that cannot be is told, and read over: a frame that was cropped without a word ends where its
// outermost length says.

import { byteArray } from "../core/arguments.ts";
import { checkFields, type Fields, flag, object, whole } from "../core/fields.ts";
import { LINK_TYPE_ETHERNET } from "../layout/pcap.layout.ts";
import type { OddLength } from "../wire/parsed.ts";
import { type StopReason, stopReasons } from "../wire/stop-reasons.ts";
import { IP_STEPS } from "./ip-steps.ts";
import type { Layer, LayerName, PayloadHeader, StepName } from "./layers.ts";
import { LINK_STEPS } from "./link-steps.ts";
import { firstLayer, HOST_STEPS } from "./link-types.ts";
import { readingsByPort, TUNNEL_PORTS, type TunnelPorts } from "./tunnel-layers.ts";
import { TUNNEL_STEPS } from "./tunnel-steps.ts";
import { ETHERNET, type Here, type Next, type Step, type Steps, type Stop, type Walk } from "./walk.ts";

/** Settings of {@link dissect}. */
export interface DissectOptions {
  /**
   * As in capture files: 1 Ethernet (default), 101 raw IP, 113 and 276 Linux cooked, 0 and 108 BSD loopback, 9 and 50 PPP,
   * 104 Cisco HDLC, 105 and 127 IEEE 802.11, 239 netfilter log, and raw IP by its other numbers. Others give one layer "unknown" and a stop.
   */
  readonly linkType?: number | undefined;
  /** Bytes the frame had on the wire, if a capture cut it. Less than the frame's length counts as its length. */
  readonly wireLength?: number | undefined;
  /**
   * UDP destination ports of tunnels, by kind. Default: for each kind its own, and of VXLAN that of old Linux, too (8472).
   */
  readonly tunnelPorts?: TunnelPorts | undefined;
  /** Layers after which the walk ends: a guard against hostile frames. Default 64. */
  readonly maximumLayers?: number | undefined;
  /** Verifies the checksums of IPv4, UDP and GRE; the outcome stands in the layers. Default false. */
  readonly checksums?: boolean | undefined;
}

/** A length field that contradicts what is around it, and was read over. */
export interface Oddity {
  /** Offset of the field in the frame. */
  readonly offset: number;
  readonly reason: StopReason;
  /** The layer whose field it is. */
  readonly layer: LayerName;
  /** What is odd, for people. */
  readonly sentence: string;
}

/** A frame's layers, outermost first. */
export interface Dissection {
  readonly layers: readonly Layer[];
  /** Bytes that the frame had on the wire, as far as anything says so: its options, or a length in a cropped frame. */
  readonly wireLength: number;
  /** Absent if everything that is known was read. */
  readonly stop?: Stop | undefined;
  /** Absent if there is nothing odd. */
  readonly oddities?: readonly Oddity[] | undefined;
}

const STEPS: Steps<StepName> = { ...LINK_STEPS, ...HOST_STEPS, ...IP_STEPS, ...TUNNEL_STEPS };

/** A walk, and what it has come upon. */
interface Found extends Walk {
  wireLength: number;
  stop: Stop | undefined;
  oddities: Oddity[] | undefined;
}

/**
 * Reads all layers of a frame, outermost first, through tunnels nested to any depth. Never throws on bytes: truncation,
 * contradictions and unknown versions end the walk with a stop; a length field that is 0 or reaches beyond the end is an
 * oddity, and read over. Protocols that are not read (a spanning tree, control messages of tunnels) end as a layer
 * "payload", which is no stop.
 */
export function dissect(frame: Uint8Array, options: DissectOptions = {}): Dissection {
  byteArray("frame", frame);
  const checked = checkFields("options", OPTIONS, options);
  const { linkType, wireLength = 0, tunnelPorts } = checked;
  const tunnels = tunnelPorts === undefined ? USUAL_TUNNELS : readingsByPort(tunnelPorts);
  return walkThrough(frame, linkType, wireLength, checked, tunnels);
}

/** Reads frames as {@link dissect} does, with the options of the {@link dissector} that made it. */
export type Dissector = (frame: Uint8Array, linkType: number, wireLength: number) => Dissection;

/** Makes what reads many frames with the same options, which are checked once. */
export function dissector(options: Omit<DissectOptions, "linkType" | "wireLength"> = {}): Dissector {
  const checked = checkFields("options", OPTIONS, options);
  const { tunnelPorts } = checked;
  const tunnels = tunnelPorts === undefined ? USUAL_TUNNELS : readingsByPort(tunnelPorts);
  return (frame, linkType, wireLength) => walkThrough(frame, linkType, wireLength, checked, tunnels);
}

function walkThrough(
  frame: Uint8Array,
  linkType: number,
  length: number,
  { maximumLayers: limit, checksums }: { readonly maximumLayers: number; readonly checksums: boolean },
  tunnels: ReadonlyMap<number, Here>,
): Dissection {
  const wireLength = Math.max(length, frame.length);
  const walk: Found = {
    frame,
    layers: [],
    checksums,
    tunnels,
    offset: 0,
    end: wireLength,
    bounded: false,
    addresses: undefined,
    wireLength,
    stop: undefined,
    oddities: undefined,
  };

  let next = first(walk, linkType);
  while (next !== undefined) {
    if (walk.layers.length === limit) {
      halt(walk, walk.offset, "layer-limit");
      break;
    }
    next = next.name === "payload" ? takePayload(walk, next.header, next.stop) : take(walk, next.name, next);
  }
  if (walk.stop === undefined && walk.wireLength > frame.length) halt(walk, frame.length, "cut-by-capture");
  const { layers, stop, oddities } = walk;
  const dissection = { layers, wireLength: walk.wireLength };
  if (stop === undefined && oddities === undefined) return dissection;
  return { ...dissection, ...(stop && { stop }), ...(oddities && { oddities }) };
}

const OPTIONS: Fields<DissectOptions, "linkType" | "maximumLayers" | "checksums"> = {
  linkType: { ...whole(0, 0xffff), fallback: LINK_TYPE_ETHERNET },
  wireLength: whole(0, Number.MAX_SAFE_INTEGER),
  tunnelPorts: object<TunnelPorts>(TUNNEL_PORTS),
  maximumLayers: { ...whole(1, 1024), fallback: 64 },
  checksums: { ...flag(), fallback: false },
};

const USUAL_TUNNELS: ReadonlyMap<number, Here> = readingsByPort({});

function first(walk: Found, linkType: number): Next | undefined {
  if (linkType === LINK_TYPE_ETHERNET) return ETHERNET;
  const known = firstLayer(linkType, walk);
  if (known !== undefined) return known;
  walk.layers.push({ name: "unknown", offset: 0, length: walk.frame.length, header: { linkType } });
  halt(walk, 0, "link-type");
  return undefined;
}

function take<Name extends StepName>(walk: Found, name: Name, here: Here): Next | undefined {
  const step: Step<Name> = STEPS[name];
  const { frame, offset } = walk;
  const other = step.instead?.(frame, offset, here.over);
  if (other !== undefined) return other;
  const result = step.parse(frame, offset, walk.end, here);
  if (!result.ok) {
    halt(walk, result.offset, result.stop, name);
    return undefined;
  }
  const { header, payload, end, odd } = result;
  if (odd !== undefined) tell(walk, odd, name);
  const layerEnd = odd === undefined ? end : walk.end;
  const layer = { name, offset, length: payload - offset, header };
  const checksum = walk.checksums ? step.verify?.(walk, offset, payload, layerEnd) : undefined;
  walk.layers.push((checksum === undefined ? layer : { ...layer, checksum }) as Layer);
  walk.offset = payload;
  walk.end = layerEnd;
  if (step.bounds === true) walk.bounded = true;
  return step.next(header, walk);
}

/** As long as nothing else has said where the frame ends, a length beyond the end says that it was cropped. */
function tell(walk: Found, { offset, reason, end }: OddLength, layer: LayerName): void {
  walk.oddities ??= [];
  walk.oddities.push({ offset, reason, layer, sentence: stopReasons[reason] });
  if (walk.bounded || end <= walk.end) return;
  walk.end = end;
  walk.wireLength = end;
  walk.bounded = true;
}

function takePayload(walk: Found, header: PayloadHeader, stop: StopReason | undefined): undefined {
  const { frame, offset } = walk;
  const length = Math.min(walk.end, frame.length) - offset;
  if (length > 0) walk.layers.push({ name: "payload", offset, length, header });
  if (stop !== undefined) halt(walk, offset, stop);
}

function halt(walk: Found, offset: number, reason: StopReason, layer?: LayerName): void {
  const stop = { offset, reason, sentence: stopReasons[reason] };
  walk.stop = layer === undefined ? stop : { ...stop, layer };
}
