// Walks a frame from its outermost header inwards, through any tunnels, and says why it went no further.
//
// Each kind of layer has one step: it parses its header at the walk's place and names what comes next. The walk holds
// the place; `end` shrinks as length fields say so, and may lie beyond the bytes at hand in a frame a capture cut.

import { byteArray, knownKeys, trueOrFalse, wholeNumber } from "../core/arguments.ts";
import {
  ETHERTYPE_ARP,
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  ETHERTYPE_MINIMUM,
  ETHERTYPE_NSH,
  ETHERTYPE_TEB,
} from "../layout/ethernet.layout.ts";
import { GENEVE_PORT } from "../layout/geneve.layout.ts";
import { GRE_IN_UDP_PORT } from "../layout/gre.layout.ts";
import {
  IP_PROTOCOL_GRE,
  IP_PROTOCOL_ICMP,
  IP_PROTOCOL_ICMPV6,
  IP_PROTOCOL_IPV4,
  IP_PROTOCOL_IPV6,
  IP_PROTOCOL_TCP,
  IP_PROTOCOL_UDP,
  IPV4_VERSION,
} from "../layout/ipv4.layout.ts";
import { IPV6_NO_NEXT_HEADER, IPV6_VERSION } from "../layout/ipv6.layout.ts";
import { SNAP_OUI_ETHERTYPE } from "../layout/llc.layout.ts";
import { LINK_TYPE_ETHERNET, LINK_TYPE_RAW } from "../layout/pcap.layout.ts";
import {
  VXLAN_NEXT_ETHERNET,
  VXLAN_NEXT_IPV4,
  VXLAN_NEXT_IPV6,
  VXLAN_NEXT_NSH,
  VXLAN_PORT,
  VXLAN_PORT_GPE,
  VXLAN_PORT_LINUX,
} from "../layout/vxlan.layout.ts";
import { parseArp } from "./arp.ts";
import type { ChecksumStatus } from "./checksum.ts";
import { parseEthernet } from "./ethernet.ts";
import { parseGeneve } from "./geneve.ts";
import { greChecksumStatus, parseGre } from "./gre.ts";
import { parseIcmp } from "./icmp.ts";
import { ipv4ChecksumIsGood, parseIpv4 } from "./ipv4.ts";
import { ipv6Fragment, parseIpv6 } from "./ipv6.ts";
import type { Layer, LayerHeaders, LayerName, PayloadHeader } from "./layers.ts";
import { parseLlc } from "./llc.ts";
import type { Parsed } from "./parsed.ts";
import { type StopReason, stopReasons } from "./stop-reasons.ts";
import { parseTcp } from "./tcp.ts";
import { parseUdp, udpChecksumStatus } from "./udp.ts";
import { isTpid, parseVlan } from "./vlan.ts";
import { parseVxlan, type VxlanGpe, type VxlanHeader } from "./vxlan.ts";

/** Settings of {@link dissect}. */
export interface DissectOptions {
  /** As in capture files: 1 Ethernet (default), 101 raw IPv4 or IPv6. Others give one layer "unknown" and a stop. */
  readonly linkType?: number;
  /** Bytes the frame had on the wire, if a capture cut it. Less than the frame's length counts as its length. */
  readonly wireLength?: number;
  /** UDP destination ports of VXLAN. Default 4789, 8472 and 4790; 4790 is read as GPE. */
  readonly vxlanPorts?: readonly number[];
  /** UDP destination ports of Geneve. Default 6081. */
  readonly genevePorts?: readonly number[];
  /** Layers after which the walk ends: a guard against hostile frames. Default 64. */
  readonly maximumLayers?: number;
  /** Verifies the checksums of IPv4, UDP and GRE; the outcome stands in the layers. Default false. */
  readonly checksums?: boolean;
}

/** Where and why a walk ended early. */
export interface Stop {
  /** Offset in the frame of the byte at fault, or where the bytes ran out. */
  readonly offset: number;
  readonly reason: StopReason;
  /** The reason, for people. */
  readonly sentence: string;
}

/** A frame's layers, outermost first. */
export interface Dissection {
  readonly layers: readonly Layer[];
  /** Absent if everything that is known was read. */
  readonly stop?: Stop;
}

type StepName = Exclude<LayerName, "payload" | "unknown">;
type Next =
  | { readonly name: StepName; readonly tpid?: number; readonly gpe?: boolean }
  | { readonly name: "payload"; readonly header: PayloadHeader; readonly stop?: StopReason };

interface Walk {
  readonly frame: Uint8Array;
  readonly layers: Layer[];
  readonly checksums: boolean;
  readonly vxlanPorts: readonly number[];
  readonly genevePorts: readonly number[];
  offset: number;
  end: number;
  /** Addresses of the last IP header: UDP checksums need them. */
  source: Uint8Array;
  destination: Uint8Array;
  stop: Stop | undefined;
}

/**
 * Reads all layers of a frame, outermost first, through tunnels nested to any depth. Never throws on bytes: truncation,
 * contradictions and unknown versions end the walk with a stop. Protocols that are not read (a spanning tree, ERSPAN,
 * NSH, MPLS) end as a layer "payload", which is no stop.
 */
export function dissect(frame: Uint8Array, options: DissectOptions = {}): Dissection {
  byteArray("frame", frame);
  knownKeys("options", options, OPTIONS);
  const linkType = wholeNumber("linkType", options.linkType ?? LINK_TYPE_ETHERNET, 0, 0xffff);
  const limit = wholeNumber("maximumLayers", options.maximumLayers ?? 64, 1, 1024);
  const claimed = wholeNumber("wireLength", options.wireLength ?? frame.length, 0, Number.MAX_SAFE_INTEGER);
  const wireLength = Math.max(claimed, frame.length);
  const walk: Walk = {
    frame,
    layers: [],
    checksums: trueOrFalse("checksums", options.checksums ?? false),
    vxlanPorts: ports("vxlanPorts", options.vxlanPorts) ?? [VXLAN_PORT, VXLAN_PORT_LINUX, VXLAN_PORT_GPE],
    genevePorts: ports("genevePorts", options.genevePorts) ?? [GENEVE_PORT],
    offset: 0,
    end: wireLength,
    source: frame.subarray(0, 0),
    destination: frame.subarray(0, 0),
    stop: undefined,
  };

  let next = first(walk, linkType);
  while (next !== undefined) {
    if (walk.layers.length === limit) {
      halt(walk, walk.offset, "layer-limit");
      break;
    }
    next = next.name === "payload" ? takePayload(walk, next.header, next.stop) : steps[next.name](walk, next);
  }
  if (walk.stop === undefined && wireLength > frame.length) halt(walk, frame.length, "cut-by-capture");
  return walk.stop === undefined ? { layers: walk.layers } : { layers: walk.layers, stop: walk.stop };
}

const OPTIONS: readonly string[] = [
  "linkType",
  "wireLength",
  "vxlanPorts",
  "genevePorts",
  "maximumLayers",
  "checksums",
];

/** One step a kind of layer: reads it and says what comes next; undefined at the end. */
const steps: {
  readonly [Name in StepName]: (walk: Walk, here: Next & { name: StepName }) => Next | undefined;
} = {
  ethernet: (walk) =>
    take(walk, "ethernet", parseEthernet(walk.frame, walk.offset, walk.end), ({ etherType }) =>
      typeOrLength(etherType),
    ),
  vlan: (walk, { tpid }) =>
    take(
      walk,
      "vlan",
      parseVlan(walk.frame, walk.offset, walk.end, tpid === undefined ? {} : { tpid }),
      ({ etherType }) => typeOrLength(etherType),
    ),
  llc: (walk) =>
    take(walk, "llc", parseLlc(walk.frame, walk.offset, walk.end), ({ snap }) =>
      snap?.oui === SNAP_OUI_ETHERTYPE ? byEtherType(snap.protocol) : { name: "payload", header: {} },
    ),
  arp: (walk) => take(walk, "arp", parseArp(walk.frame, walk.offset, walk.end), () => undefined),
  ipv4: (walk) =>
    take(
      walk,
      "ipv4",
      parseIpv4(walk.frame, walk.offset, walk.end),
      (header) => {
        walk.source = header.source;
        walk.destination = header.destination;
        return byProtocol(header.protocol, header.moreFragments || header.fragmentOffset > 0);
      },
      (offset, payload) => (ipv4ChecksumIsGood(walk.frame, offset, payload - offset) ? "good" : "bad"),
    ),
  ipv6: (walk) =>
    take(walk, "ipv6", parseIpv6(walk.frame, walk.offset, walk.end), (header) => {
      walk.source = header.source;
      walk.destination = header.destination;
      const fragment = ipv6Fragment(header);
      const partial = fragment !== undefined && (fragment.moreFragments || fragment.fragmentOffset > 0);
      return byProtocol(header.protocol, partial);
    }),
  udp: (walk) =>
    take(
      walk,
      "udp",
      parseUdp(walk.frame, walk.offset, walk.end),
      ({ destinationPort }) => {
        if (walk.vxlanPorts.includes(destinationPort)) {
          return { name: "vxlan", gpe: destinationPort === VXLAN_PORT_GPE };
        }
        if (walk.genevePorts.includes(destinationPort)) return { name: "geneve" };
        return destinationPort === GRE_IN_UDP_PORT ? { name: "gre" } : { name: "payload", header: {} };
      },
      (offset, _, end) => udpChecksumStatus(walk.frame, offset, end, walk.source, walk.destination),
    ),
  tcp: (walk) => take(walk, "tcp", parseTcp(walk.frame, walk.offset, walk.end), unread),
  icmp: (walk) => take(walk, "icmp", parseIcmp(walk.frame, walk.offset, walk.end), unread),
  icmpv6: (walk) => take(walk, "icmpv6", parseIcmp(walk.frame, walk.offset, walk.end), unread),
  vxlan: (walk, { gpe }) =>
    take(
      walk,
      "vxlan",
      parseVxlan(walk.frame, walk.offset, walk.end, { extension: gpe ? "gpe" : "group-policy" }),
      (header: VxlanHeader) => (header.gpe ? byNextProtocol(header.gpe) : { name: "ethernet" }),
    ),
  geneve: (walk) =>
    take(walk, "geneve", parseGeneve(walk.frame, walk.offset, walk.end), ({ oam, protocol }) =>
      oam ? { name: "payload", header: { etherType: protocol } } : byEtherType(protocol),
    ),
  gre: (walk) =>
    take(
      walk,
      "gre",
      parseGre(walk.frame, walk.offset, walk.end),
      ({ protocol }) => byEtherType(protocol),
      (offset, _, end) => greChecksumStatus(walk.frame, offset, end),
    ),
};

function first(walk: Walk, linkType: number): Next | undefined {
  if (linkType === LINK_TYPE_ETHERNET) return { name: "ethernet" };
  const { frame } = walk;
  if (linkType === LINK_TYPE_RAW) {
    const version = frame.length === 0 ? IPV4_VERSION : frame[0]! >>> 4;
    if (version === IPV4_VERSION) return { name: "ipv4" };
    if (version === IPV6_VERSION) return { name: "ipv6" };
    return { name: "payload", header: {}, stop: "ip-version" };
  }
  walk.layers.push({ name: "unknown", offset: 0, length: frame.length, header: { linkType } });
  halt(walk, 0, "link-type");
  return undefined;
}

function take<Name extends StepName>(
  walk: Walk,
  name: Name,
  result: Parsed<LayerHeaders[Name]>,
  next: (header: LayerHeaders[Name]) => Next | undefined,
  verify?: (offset: number, payload: number, end: number) => ChecksumStatus,
): Next | undefined {
  if (!result.ok) {
    halt(walk, result.offset, result.stop);
    return undefined;
  }
  const { header, payload, end } = result;
  const { offset } = walk;
  const layer = { name, offset, length: payload - offset, header };
  const following = next(header);
  const checksum = walk.checksums && verify ? verify(offset, payload, end) : undefined;
  walk.layers.push((checksum === undefined ? layer : { ...layer, checksum }) as Layer);
  walk.offset = payload;
  walk.end = end;
  return following;
}

function takePayload(walk: Walk, header: PayloadHeader, stop: StopReason | undefined): undefined {
  const { frame, offset } = walk;
  const length = Math.min(walk.end, frame.length) - offset;
  if (length > 0) walk.layers.push({ name: "payload", offset, length, header });
  if (stop !== undefined) halt(walk, offset, stop);
}

function halt(walk: Walk, offset: number, reason: StopReason): void {
  walk.stop = { offset, reason, sentence: stopReasons[reason] };
}

function typeOrLength(etherType: number): Next {
  return etherType < ETHERTYPE_MINIMUM ? { name: "llc" } : byEtherType(etherType);
}

function byEtherType(etherType: number): Next {
  if (isTpid(etherType)) return { name: "vlan", tpid: etherType };
  if (etherType === ETHERTYPE_IPV4) return { name: "ipv4" };
  if (etherType === ETHERTYPE_IPV6) return { name: "ipv6" };
  if (etherType === ETHERTYPE_ARP) return { name: "arp" };
  if (etherType === ETHERTYPE_TEB) return { name: "ethernet" };
  return { name: "payload", header: { etherType } };
}

function byProtocol(protocol: number, fragment: boolean): Next | undefined {
  if (fragment) return { name: "payload", header: { protocol }, stop: "ip-fragment" };
  if (protocol === IP_PROTOCOL_UDP) return { name: "udp" };
  if (protocol === IP_PROTOCOL_TCP) return { name: "tcp" };
  if (protocol === IP_PROTOCOL_ICMP) return { name: "icmp" };
  if (protocol === IP_PROTOCOL_ICMPV6) return { name: "icmpv6" };
  if (protocol === IP_PROTOCOL_GRE) return { name: "gre" };
  if (protocol === IP_PROTOCOL_IPV4) return { name: "ipv4" };
  if (protocol === IP_PROTOCOL_IPV6) return { name: "ipv6" };
  if (protocol === IPV6_NO_NEXT_HEADER) return undefined;
  return { name: "payload", header: { protocol } };
}

function byNextProtocol({ nextProtocol, oam }: VxlanGpe): Next {
  if (oam) return unread();
  if (nextProtocol === undefined || nextProtocol === VXLAN_NEXT_ETHERNET) return { name: "ethernet" };
  if (nextProtocol === VXLAN_NEXT_IPV4) return { name: "ipv4" };
  if (nextProtocol === VXLAN_NEXT_IPV6) return { name: "ipv6" };
  return { name: "payload", header: nextProtocol === VXLAN_NEXT_NSH ? { etherType: ETHERTYPE_NSH } : {} };
}

function unread(): Next {
  return { name: "payload", header: {} };
}

function ports(name: string, list: readonly number[] | undefined): readonly number[] | undefined {
  if (list !== undefined && !Array.isArray(list)) throw new TypeError(`${name}: expected an array of ports`);
  list?.forEach((port, index) => {
    wholeNumber(`${name}[${index}]`, port, 0, 0xffff);
  });
  return list;
}
