// Walks a frame from its outermost header inwards, through any tunnels, and says why it went no further.
//
// Each kind of layer has one step: it parses its header at the walk's place and names what comes next. The walk holds
// the place; `end` shrinks as length fields say so, and may lie beyond the bytes at hand in a frame a capture cut.

import { byteArray } from "../core/arguments.ts";
import { checkFields, type Fields, flag, object, whole } from "../core/fields.ts";
import {
  ETHERTYPE_ARP,
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  ETHERTYPE_MINIMUM,
  ETHERTYPE_NSH,
  ETHERTYPE_TEB,
} from "../layout/ethernet.layout.ts";
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
} from "../layout/vxlan.layout.ts";
import type { Reading } from "../tunnel/tunnel-kind.ts";
import { parseArp } from "../wire/arp.ts";
import type { ChecksumStatus } from "../wire/checksum.ts";
import { parseEthernet } from "../wire/ethernet.ts";
import { parseGeneve } from "../wire/geneve.ts";
import { greChecksumStatus, parseGre } from "../wire/gre.ts";
import { parseIcmp } from "../wire/icmp.ts";
import { ipv4ChecksumIsGood, parseIpv4 } from "../wire/ipv4.ts";
import { ipv6Fragment, parseIpv6 } from "../wire/ipv6.ts";
import { parseLlc } from "../wire/llc.ts";
import type { Parsed } from "../wire/parsed.ts";
import { type StopReason, stopReasons } from "../wire/stop-reasons.ts";
import { parseTcp } from "../wire/tcp.ts";
import { parseUdp, udpChecksumStatus } from "../wire/udp.ts";
import { isTpid, parseVlan } from "../wire/vlan.ts";
import { parseVxlan, type VxlanGpe } from "../wire/vxlan.ts";
import type { Layer, LayerHeaders, LayerName, PayloadHeader } from "./layers.ts";
import { readingsByPort, TUNNEL_PORTS, type TunnelHere, type TunnelPorts } from "./tunnel-layers.ts";

/** Settings of {@link dissect}. */
export interface DissectOptions {
  /** As in capture files: 1 Ethernet (default), 101 raw IPv4 or IPv6. Others give one layer "unknown" and a stop. */
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

/** A frame's layers, outermost first. */
export interface Dissection {
  readonly layers: readonly Layer[];
  /** Absent if everything that is known was read. */
  readonly stop?: Stop | undefined;
}

type StepName = Exclude<LayerName, "payload" | "unknown">;
/** What comes next, with what the header before it said about it. */
type Here = { readonly name: StepName; readonly tpid?: number; readonly reading?: Reading | undefined };
type Next = Here | { readonly name: "payload"; readonly header: PayloadHeader; readonly stop?: StopReason };

interface Walk {
  readonly frame: Uint8Array;
  readonly layers: Layer[];
  readonly checksums: boolean;
  readonly tunnels: ReadonlyMap<number, TunnelHere>;
  offset: number;
  end: number;
  /** Those of the last IP header: UDP checksums need them. */
  addresses: { readonly source: Uint8Array; readonly destination: Uint8Array } | undefined;
  stop: Stop | undefined;
}

/**
 * Reads all layers of a frame, outermost first, through tunnels nested to any depth. Never throws on bytes: truncation,
 * contradictions and unknown versions end the walk with a stop. Protocols that are not read (a spanning tree, ERSPAN,
 * NSH, MPLS) end as a layer "payload", which is no stop.
 */
export function dissect(frame: Uint8Array, options: DissectOptions = {}): Dissection {
  byteArray("frame", frame);
  const {
    linkType,
    maximumLayers: limit,
    tunnelPorts,
    checksums,
    ...more
  } = checkFields("options", OPTIONS, options);
  const wireLength = Math.max(more.wireLength ?? 0, frame.length);
  const walk: Walk = {
    frame,
    layers: [],
    checksums,
    tunnels: tunnelPorts === undefined ? USUAL_TUNNELS : readingsByPort(tunnelPorts),
    offset: 0,
    end: wireLength,
    addresses: undefined,
    stop: undefined,
  };

  let next = first(walk, linkType);
  while (next !== undefined) {
    if (walk.layers.length === limit) {
      halt(walk, walk.offset, "layer-limit");
      break;
    }
    next = next.name === "payload" ? takePayload(walk, next.header, next.stop) : take(walk, next.name, next);
  }
  if (walk.stop === undefined && wireLength > frame.length) halt(walk, frame.length, "cut-by-capture");
  return walk.stop === undefined ? { layers: walk.layers } : { layers: walk.layers, stop: walk.stop };
}

const OPTIONS: Fields<DissectOptions, "linkType" | "maximumLayers" | "checksums"> = {
  linkType: { ...whole(0, 0xffff), fallback: LINK_TYPE_ETHERNET },
  wireLength: whole(0, Number.MAX_SAFE_INTEGER),
  tunnelPorts: object<TunnelPorts>(TUNNEL_PORTS),
  maximumLayers: { ...whole(1, 1024), fallback: 64 },
  checksums: { ...flag(), fallback: false },
};

const USUAL_TUNNELS: ReadonlyMap<number, TunnelHere> = readingsByPort({});

/** How each kind of layer is read, and what its header says comes next; undefined at the end. */
interface Step<Name extends StepName> {
  parse(bytes: Uint8Array, offset: number, end: number, here: Here): Parsed<LayerHeaders[Name]>;
  next(header: LayerHeaders[Name], walk: Walk): Next | undefined;
  verify?(walk: Walk, offset: number, payload: number, end: number): ChecksumStatus;
}

const steps: { readonly [Name in StepName]: Step<Name> } = {
  ethernet: { parse: parseEthernet, next: ({ etherType }) => typeOrLength(etherType) },
  vlan: {
    parse: (bytes, offset, end, { tpid }) => parseVlan(bytes, offset, end, { tpid }),
    next: ({ etherType }) => typeOrLength(etherType),
  },
  llc: {
    parse: parseLlc,
    next: ({ snap }) => (snap?.oui === SNAP_OUI_ETHERTYPE ? byEtherType(snap.protocol) : unread()),
  },
  arp: { parse: parseArp, next: () => undefined },
  ipv4: {
    parse: parseIpv4,
    next(header, walk) {
      walk.addresses = header;
      return byProtocol(header.protocol, header.moreFragments || header.fragmentOffset > 0);
    },
    verify: ({ frame }, offset, payload) =>
      ipv4ChecksumIsGood(frame, offset, payload - offset) ? "good" : "bad",
  },
  ipv6: {
    parse: parseIpv6,
    next(header, walk) {
      walk.addresses = header;
      const fragment = ipv6Fragment(header);
      const partial = fragment !== undefined && (fragment.moreFragments || fragment.fragmentOffset > 0);
      return byProtocol(header.protocol, partial);
    },
  },
  udp: {
    parse: parseUdp,
    next: ({ destinationPort }, walk) => byPort(destinationPort, walk),
    verify: ({ frame, addresses }, offset, _, end) =>
      addresses === undefined
        ? "unknown"
        : udpChecksumStatus(frame, offset, end, addresses.source, addresses.destination),
  },
  tcp: { parse: parseTcp, next: unread },
  icmp: { parse: parseIcmp, next: unread },
  icmpv6: { parse: parseIcmp, next: unread },
  vxlan: {
    parse: (bytes, offset, end, { reading = "group-policy" }) =>
      parseVxlan(bytes, offset, end, { extension: reading }),
    next: ({ gpe }) => (gpe ? byNextProtocol(gpe) : { name: "ethernet" }),
  },
  geneve: {
    parse: (bytes, offset, end) => parseGeneve(bytes, offset, end),
    next: ({ oam, protocol }) =>
      oam ? { name: "payload", header: { etherType: protocol } } : byEtherType(protocol),
  },
  gre: {
    parse: (bytes, offset, end) => parseGre(bytes, offset, end, { rule: "lenient" }),
    next: ({ protocol }) => byEtherType(protocol),
    verify: ({ frame }, offset, _, end) => greChecksumStatus(frame, offset, end),
  },
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

function take<Name extends StepName>(walk: Walk, name: Name, here: Here): Next | undefined {
  const step: Step<Name> = steps[name];
  const { frame, offset } = walk;
  const result = step.parse(frame, offset, walk.end, here);
  if (!result.ok) {
    halt(walk, result.offset, result.stop, name);
    return undefined;
  }
  const { header, payload, end } = result;
  const layer = { name, offset, length: payload - offset, header };
  const checksum = walk.checksums ? step.verify?.(walk, offset, payload, end) : undefined;
  walk.layers.push((checksum === undefined ? layer : { ...layer, checksum }) as Layer);
  walk.offset = payload;
  walk.end = end;
  return step.next(header, walk);
}

function takePayload(walk: Walk, header: PayloadHeader, stop: StopReason | undefined): undefined {
  const { frame, offset } = walk;
  const length = Math.min(walk.end, frame.length) - offset;
  if (length > 0) walk.layers.push({ name: "payload", offset, length, header });
  if (stop !== undefined) halt(walk, offset, stop);
}

function halt(walk: Walk, offset: number, reason: StopReason, layer?: LayerName): void {
  const stop = { offset, reason, sentence: stopReasons[reason] };
  walk.stop = layer === undefined ? stop : { ...stop, layer };
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

function byPort(port: number, walk: Walk): Next {
  return walk.tunnels.get(port) ?? (port === GRE_IN_UDP_PORT ? { name: "gre" } : unread());
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
