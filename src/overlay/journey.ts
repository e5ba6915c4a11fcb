// The journey of frames: hop by hop, and in each the parts that ride in each other: passenger, tunnel, carrier.

import { formatIp, formatMac } from "../core/addresses.ts";
import { byteArray } from "../core/arguments.ts";
import { ARP_REQUEST } from "../layout/arp.layout.ts";
import {
  ICMP_ECHO_REPLY,
  ICMP_ECHO_REQUEST,
  ICMP_FRAGMENTATION_NEEDED,
  ICMP_TIME_EXCEEDED,
  ICMP_UNREACHABLE,
  ICMPV6_ECHO_REPLY,
  ICMPV6_ECHO_REQUEST,
  ICMPV6_PACKET_TOO_BIG,
  ICMPV6_TIME_EXCEEDED,
  NEIGHBOUR_ADVERTISEMENT,
  NEIGHBOUR_SOLICITATION,
} from "../layout/icmp.layout.ts";
import { dissect } from "../packet/dissect.ts";
import type { Layer } from "../packet/layers.ts";
import { isTunnel, tunnelTitle } from "../packet/tunnel-layers.ts";
import type { Hop } from "./link.ts";
import type { Network } from "./network.ts";

/** One part of a frame. A frame that nothing rides in is all passenger. */
export interface FramePart {
  /** A carrier is the headers in front of a tunnel's; what is in the innermost tunnel is the passenger. */
  readonly role: "carrier" | "tunnel" | "passenger";
  /** How many tunnels are around it: 0 is outermost. A tunnel has the depth of its carrier. */
  readonly depth: number;
  /** Where it begins in the frame, in bytes. */
  readonly offset: number;
  /** Bytes of its own headers; of a passenger all bytes. */
  readonly length: number;
  /** Bytes from its beginning to the end of the frame: itself and what rides in it. */
  readonly whole: number;
  /** Names of its headers, outermost first: `["ethernet", "ipv4", "udp"]`. */
  readonly layers: readonly string[];
  /** One line for people: `10.1.0.11 -> 10.1.0.12`, `VXLAN 1234`, `ARP: who has 172.20.0.2?`. */
  readonly text: string;
  /** Of a tunnel whose header has one. */
  readonly vni?: number | undefined;
}

export interface JourneyHop extends Hop {
  readonly parts: readonly FramePart[];
}

/** The parts of a frame, outermost first. Whatever the bytes: it never throws on them. */
export function partsOf(frame: Uint8Array): FramePart[] {
  const { layers } = dissect(byteArray("frame", frame));
  const parts: FramePart[] = [];
  let start = 0;
  const part = (end: number, to: number): Pick<FramePart, "offset" | "length" | "whole" | "layers"> => {
    const own = layers.slice(start, end);
    const offset = own[0]?.offset ?? 0;
    return { offset, length: to - offset, whole: frame.length - offset, layers: own.map(({ name }) => name) };
  };
  let depth = 0;
  layers.forEach((layer, index) => {
    if (!isTunnel(layer) || index === layers.length - 1) return;
    parts.push({
      role: "carrier",
      depth,
      text: textOf(layers.slice(start, index)),
      ...part(index, layer.offset),
    });
    start = index;
    const header = layer.offset + layer.length;
    const tunnel: FramePart = { role: "tunnel", depth, text: textOf([layer]), ...part(index + 1, header) };
    parts.push("vni" in layer.header ? { ...tunnel, vni: layer.header.vni } : tunnel);
    start = index + 1;
    depth++;
  });
  const text = textOf(layers.slice(start));
  parts.push({ role: "passenger", depth, text, ...part(layers.length, frame.length) });
  return parts;
}

/** Records every hop while `during` runs, each with its frame's parts. Hooks that are set go on being called. */
export function journeyOf(network: Network, during: () => void): JourneyHop[] {
  const hops: Hop[] = [];
  const before = network.onHop;
  network.onHop = (hop) => {
    hops.push(hop);
    before?.(hop);
  };
  try {
    during();
  } finally {
    network.onHop = before;
  }
  return hops.map((hop) => ({ ...hop, parts: partsOf(hop.frame) }));
}

/** The most telling of some headers, in a line. */
function textOf(layers: readonly Layer[]): string {
  const tags = layers.flatMap((layer) => (layer.name === "vlan" ? [`VLAN ${layer.header.vid}: `] : []));
  let text = "";
  let addresses = "";
  for (const layer of layers) {
    const line = lineOf(layer, addresses);
    if (line === undefined) continue;
    text = line;
    if (layer.name === "ipv4" || layer.name === "ipv6") addresses = line;
  }
  return `${tags.join("")}${text || layers.map(({ name }) => name).join(", ")}`;
}

function lineOf(layer: Layer, addresses: string): string | undefined {
  switch (layer.name) {
    case "ethernet":
      return `${formatMac(layer.header.source)} -> ${formatMac(layer.header.destination)}`;
    case "arp": {
      const { operation, senderIp, senderMac, targetIp } = layer.header;
      if (senderIp.length !== 4) return "ARP";
      if (operation !== ARP_REQUEST) return `ARP: ${formatIp(senderIp)} is at ${formatMac(senderMac)}`;
      return `ARP: who has ${formatIp(targetIp)}? tell ${formatIp(senderIp)}`;
    }
    case "ipv4":
    case "ipv6":
      return `${formatIp(layer.header.source)} -> ${formatIp(layer.header.destination)}`;
    case "udp":
      return `${addresses}, UDP ${layer.header.sourcePort} -> ${layer.header.destinationPort}`;
    case "tcp":
      return `${addresses}, TCP ${layer.header.sourcePort} -> ${layer.header.destinationPort}`;
    case "icmp":
      return `${addresses}, ${ICMP_NAMES.get(layer.header.type * 256 + layer.header.code) ?? "ICMP"}`;
    case "icmpv6":
      return `${addresses}, ${ICMPV6_NAMES.get(layer.header.type) ?? "ICMPv6"}`;
    default:
      if (!isTunnel(layer)) return undefined;
      return "vni" in layer.header ? `${tunnelTitle(layer)} ${layer.header.vni}` : tunnelTitle(layer);
  }
}

/** By type and code. */
const ICMP_NAMES: ReadonlyMap<number, string> = new Map([
  [ICMP_ECHO_REQUEST * 256, "echo request"],
  [ICMP_ECHO_REPLY * 256, "echo reply"],
  [ICMP_TIME_EXCEEDED * 256, "time exceeded"],
  [ICMP_UNREACHABLE * 256, "network unreachable"],
  [ICMP_UNREACHABLE * 256 + 1, "host unreachable"],
  [ICMP_UNREACHABLE * 256 + ICMP_FRAGMENTATION_NEEDED, "fragmentation needed"],
]);

const ICMPV6_NAMES: ReadonlyMap<number, string> = new Map([
  [ICMPV6_ECHO_REQUEST, "echo request"],
  [ICMPV6_ECHO_REPLY, "echo reply"],
  [ICMPV6_PACKET_TOO_BIG, "packet too big"],
  [ICMPV6_TIME_EXCEEDED, "time exceeded"],
  [NEIGHBOUR_SOLICITATION, "neighbour solicitation"],
  [NEIGHBOUR_ADVERTISEMENT, "neighbour advertisement"],
]);
