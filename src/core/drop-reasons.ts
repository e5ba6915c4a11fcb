// Every reason for which a frame can be dropped: one table of code, name and sentence.
// A kernel writes the code, a counter is found by it, and a person reads the sentence.

import {
  DROP_BLACKHOLE,
  DROP_CLOSED,
  DROP_CUT_BY_CAPTURE,
  DROP_DUPLICATE,
  DROP_ECN_NOT_CAPABLE,
  DROP_EXCEEDS_MTU,
  DROP_FILTERED,
  DROP_FOR_ROUTER,
  DROP_FRAGMENT_CROPPED,
  DROP_FRAGMENT_INCOMPLETE,
  DROP_FRAGMENT_INVALID,
  DROP_FRAGMENT_OVERLAP,
  DROP_FRAGMENT_TABLE_FULL,
  DROP_FRAME_TOO_LONG,
  DROP_FRAME_TOO_SHORT,
  DROP_GENEVE_CRITICAL_OPTION,
  DROP_GENEVE_OAM,
  DROP_GENEVE_OPTIONS,
  DROP_GENEVE_PROTOCOL,
  DROP_GENEVE_TRUNCATED,
  DROP_GENEVE_VERSION,
  DROP_GPE_OAM,
  DROP_GPE_PROTOCOL,
  DROP_GPE_VERSION,
  DROP_GRE_CHECKSUM,
  DROP_GRE_PROTOCOL,
  DROP_GRE_RESERVED,
  DROP_GRE_TRUNCATED,
  DROP_GRE_VERSION,
  DROP_INNER_TAGGED,
  DROP_INNER_TRUNCATED,
  DROP_INNER_UNKNOWN,
  DROP_IP_CHECKSUM,
  DROP_IP_HEADER,
  DROP_LINK_DOWN,
  DROP_LINK_ENCRYPTED,
  DROP_LINK_TYPE,
  DROP_NO_EGRESS,
  DROP_NO_HEADROOM,
  DROP_NO_NEIGHBOUR,
  DROP_NO_PORT,
  DROP_NO_ROUTE,
  DROP_NO_TIME,
  DROP_NONE,
  DROP_NOT_ETHERNET,
  DROP_NOT_IP,
  DROP_NOT_SAMPLED,
  DROP_NOT_SENT,
  DROP_NOT_TUNNEL,
  DROP_NVGRE_FIELDS,
  DROP_OTHER_ADDRESS,
  DROP_OTHER_KEY,
  DROP_OTHER_LINK_TYPE,
  DROP_OTHER_VNI,
  DROP_OUTER_IP_CHECKSUM,
  DROP_OUTER_IP_FRAGMENT,
  DROP_OUTER_IP_HEADER,
  DROP_OUTER_IP_TRUNCATED,
  DROP_QUEUE_FULL,
  DROP_RATE,
  DROP_RESERVED_GROUP,
  DROP_RULE,
  DROP_SAME_PORT,
  DROP_SOURCE_GROUP,
  DROP_SOURCE_OWN,
  DROP_SOURCE_STATIC,
  DROP_SOURCE_ZERO,
  DROP_SPLIT_HORIZON,
  DROP_STAGE_FAILED,
  DROP_TTL_EXCEEDED,
  DROP_TUNNEL_CONTROL,
  DROP_TUNNEL_FRAGMENT,
  DROP_TUNNEL_TRUNCATED,
  DROP_TUNNEL_VERSION,
  DROP_UDP_CHECKSUM,
  DROP_UDP_LENGTH,
  DROP_UDP_TRUNCATED,
  DROP_UNKNOWN_REMOTE,
  DROP_UNKNOWN_UNICAST,
  DROP_UNREACHABLE,
  DROP_VLAN_NOT_ALLOWED,
  DROP_VXLAN_NO_VNI,
  DROP_VXLAN_RESERVED,
  DROP_VXLAN_TRUNCATED,
  DROP_WORKER_DIED,
  OWN_REASONS,
  OWN_REASONS_END,
} from "../layout/drop.layout.ts";
import { ArgumentRangeError } from "./argument-error.ts";
import { ownReasonName } from "./own-reasons.ts";

export interface DropReason {
  /** The number that kernels write into a descriptor. */
  readonly code: number;
  /** A stable name for programs: counters and JSON use it. */
  readonly name: string;
  /** What happened, for people. */
  readonly sentence: string;
}

/** All drop reasons; the index is the code. Code 0 means that the frame was not dropped. */
export const dropReasons: readonly DropReason[] = [
  { code: DROP_NONE, name: "none", sentence: "not dropped" },
  { code: DROP_FRAME_TOO_SHORT, name: "frame-too-short", sentence: "shorter than its link header" },
  {
    code: DROP_FRAME_TOO_LONG,
    name: "frame-too-long",
    sentence: "too long for its slot or for the outer length fields",
  },
  {
    code: DROP_NOT_ETHERNET,
    name: "not-ethernet",
    sentence: "not an Ethernet frame, where only those can be worked on",
  },
  { code: DROP_NO_HEADROOM, name: "no-headroom", sentence: "not enough headroom for the header" },
  { code: DROP_NOT_TUNNEL, name: "not-tunnel", sentence: "not a packet of this tunnel" },
  { code: DROP_OUTER_IP_TRUNCATED, name: "outer-ip-truncated", sentence: "ends inside the outer IP header" },
  { code: DROP_OUTER_IP_HEADER, name: "outer-ip-header", sentence: "outer IP header contradicts itself" },
  {
    code: DROP_OUTER_IP_CHECKSUM,
    name: "outer-ip-checksum",
    sentence: "outer IPv4 header checksum is wrong",
  },
  { code: DROP_OUTER_IP_FRAGMENT, name: "outer-ip-fragment", sentence: "a fragment of an outer IP packet" },
  { code: DROP_UDP_TRUNCATED, name: "udp-truncated", sentence: "ends inside the UDP header" },
  { code: DROP_UDP_LENGTH, name: "udp-length", sentence: "UDP length does not fit the IP packet" },
  { code: DROP_UDP_CHECKSUM, name: "udp-checksum", sentence: "UDP checksum is wrong" },
  { code: DROP_VXLAN_TRUNCATED, name: "vxlan-truncated", sentence: "ends inside the VXLAN header" },
  { code: DROP_VXLAN_NO_VNI, name: "vxlan-no-vni", sentence: "VXLAN header without the I flag" },
  { code: DROP_VXLAN_RESERVED, name: "vxlan-reserved", sentence: "VXLAN header with reserved bits set" },
  { code: DROP_OTHER_VNI, name: "other-vni", sentence: "a VNI that was not asked for" },
  {
    code: DROP_INNER_TRUNCATED,
    name: "inner-truncated",
    sentence: "passenger is shorter than an Ethernet header",
  },
  { code: DROP_INNER_TAGGED, name: "inner-tagged", sentence: "passenger carries a VLAN tag" },
  {
    code: DROP_CUT_BY_CAPTURE,
    name: "cut-by-capture",
    sentence: "cut by the capture, so that its checksum cannot be known",
  },
  { code: DROP_WORKER_DIED, name: "worker-died", sentence: "held by a worker that died" },
  { code: DROP_SOURCE_GROUP, name: "source-multicast", sentence: "source address is a group address" },
  { code: DROP_SOURCE_ZERO, name: "source-zero", sentence: "source address is all zeroes" },
  {
    code: DROP_VLAN_NOT_ALLOWED,
    name: "vlan-not-allowed",
    sentence: "of a VLAN that its port does not take",
  },
  {
    code: DROP_RESERVED_GROUP,
    name: "reserved-group",
    sentence: "to a group address that bridges do not forward",
  },
  { code: DROP_SOURCE_OWN, name: "source-own", sentence: "source address is the switch's own" },
  { code: DROP_SOURCE_STATIC, name: "source-static", sentence: "source address is fixed to another port" },
  { code: DROP_BLACKHOLE, name: "blackhole", sentence: "from or to an address that was blackholed" },
  { code: DROP_SAME_PORT, name: "same-port", sentence: "to an address behind the port it came from" },
  {
    code: DROP_SPLIT_HORIZON,
    name: "split-horizon",
    sentence: "to a port of the split-horizon group it came from",
  },
  {
    code: DROP_UNKNOWN_UNICAST,
    name: "unknown-unicast",
    sentence: "to an address that is not known, where such frames are not flooded",
  },
  { code: DROP_NO_EGRESS, name: "no-egress", sentence: "nowhere to flood it to" },
  { code: DROP_EXCEEDS_MTU, name: "exceeds-mtu", sentence: "longer than the port it would leave by takes" },
  {
    code: DROP_UNKNOWN_REMOTE,
    name: "unknown-remote",
    sentence: "from an address that is no remote of its tunnel",
  },
  { code: DROP_NO_PORT, name: "no-port", sentence: "from a port that is not there, or not any more" },
  { code: DROP_IP_HEADER, name: "ip-header", sentence: "IP header contradicts itself or the frame" },
  { code: DROP_IP_CHECKSUM, name: "ip-checksum", sentence: "IPv4 header checksum is wrong" },
  { code: DROP_NO_ROUTE, name: "no-route", sentence: "no route to its destination" },
  { code: DROP_NO_NEIGHBOUR, name: "no-neighbour", sentence: "MAC address of its next hop is not known" },
  {
    code: DROP_TTL_EXCEEDED,
    name: "ttl-exceeded",
    sentence: "time to live has run out, where nobody can be told",
  },
  { code: DROP_FOR_ROUTER, name: "for-router", sentence: "to the router itself, which has no answer to it" },
  {
    code: DROP_GENEVE_TRUNCATED,
    name: "geneve-truncated",
    sentence: "ends inside the Geneve header or its options",
  },
  { code: DROP_GENEVE_VERSION, name: "geneve-version", sentence: "Geneve header of another version than 0" },
  {
    code: DROP_GENEVE_OAM,
    name: "geneve-oam",
    sentence: "a Geneve control packet, which carries no passenger",
  },
  {
    code: DROP_GENEVE_PROTOCOL,
    name: "geneve-protocol",
    sentence: "carries something else than an Ethernet frame over Geneve",
  },
  {
    code: DROP_GENEVE_OPTIONS,
    name: "geneve-options",
    sentence: "lengths of the Geneve options contradict the header's",
  },
  {
    code: DROP_GENEVE_CRITICAL_OPTION,
    name: "geneve-critical-option",
    sentence: "a critical Geneve option that is not understood",
  },
  { code: DROP_GRE_TRUNCATED, name: "gre-truncated", sentence: "ends inside the GRE header" },
  { code: DROP_GRE_VERSION, name: "gre-version", sentence: "GRE header of another version than 0" },
  {
    code: DROP_GRE_PROTOCOL,
    name: "gre-protocol",
    sentence: "carries something else than an Ethernet frame over GRE",
  },
  { code: DROP_GRE_RESERVED, name: "gre-reserved", sentence: "GRE header with routing or reserved bits set" },
  { code: DROP_GRE_CHECKSUM, name: "gre-checksum", sentence: "GRE checksum is wrong" },
  { code: DROP_OTHER_KEY, name: "other-key", sentence: "a GRE key that was not asked for, or none" },
  {
    code: DROP_NVGRE_FIELDS,
    name: "nvgre-fields",
    sentence: "GRE header that is not NVGRE's: no key, or more than a key",
  },
  { code: DROP_GPE_VERSION, name: "gpe-version", sentence: "VXLAN-GPE header of another version than 0" },
  {
    code: DROP_GPE_OAM,
    name: "gpe-oam",
    sentence: "a VXLAN-GPE control packet, which carries no passenger",
  },
  {
    code: DROP_GPE_PROTOCOL,
    name: "gpe-protocol",
    sentence: "carries something else than an Ethernet frame over VXLAN-GPE",
  },
  {
    code: DROP_QUEUE_FULL,
    name: "queue-full",
    sentence: "for a queue that was full: nobody took what waits there",
  },
  {
    code: DROP_CLOSED,
    name: "closed",
    sentence: "in hand when what it was for was closed, stopped or failed",
  },
  {
    code: DROP_LINK_DOWN,
    name: "link-down",
    sentence: "into a link that was down, or under way when it went down",
  },
  { code: DROP_NOT_SAMPLED, name: "not-sampled", sentence: "not among the frames of the sample" },
  {
    code: DROP_LINK_TYPE,
    name: "link-type",
    sentence: "from an interface of a link type that is not opened here",
  },
  {
    code: DROP_LINK_ENCRYPTED,
    name: "link-encrypted",
    sentence: "encrypted by its radio link, so that nothing in it can be seen",
  },
  {
    code: DROP_OTHER_LINK_TYPE,
    name: "other-link-type",
    sentence: "of another link type than the pcap that is written: a pcapng holds both",
  },
  {
    code: DROP_NO_TIME,
    name: "no-time",
    sentence: "captured without a time, where what is written must say one",
  },
  { code: DROP_TUNNEL_TRUNCATED, name: "tunnel-truncated", sentence: "ends inside the header of a tunnel" },
  {
    code: DROP_TUNNEL_VERSION,
    name: "tunnel-version",
    sentence: "header of a tunnel in a version or form that is not known",
  },
  {
    code: DROP_TUNNEL_CONTROL,
    name: "tunnel-control",
    sentence: "a control packet of a tunnel, which carries no passenger",
  },
  {
    code: DROP_TUNNEL_FRAGMENT,
    name: "tunnel-fragment",
    sentence: "a part of a passenger that a tunnel cut",
  },
  {
    code: DROP_INNER_UNKNOWN,
    name: "inner-unknown",
    sentence: "carries what is neither Ethernet nor IP, or cannot be told",
  },
  { code: DROP_OTHER_ADDRESS, name: "other-address", sentence: "between addresses that were not asked for" },
  { code: DROP_FILTERED, name: "filtered", sentence: "not what a filter lets through" },
  {
    code: DROP_NOT_IP,
    name: "not-ip",
    sentence: "no IP packet, or none of a version that the tunnel carries",
  },
  {
    code: DROP_UNREACHABLE,
    name: "unreachable",
    sentence: "for a peer that nobody answers for, or to which no way leads",
  },
  { code: DROP_NOT_SENT, name: "not-sent", sentence: "into a socket, and the system would not send it" },
  {
    code: DROP_FRAGMENT_INCOMPLETE,
    name: "fragment-incomplete",
    sentence: "a fragment whose others did not come in time, or at all",
  },
  {
    code: DROP_FRAGMENT_OVERLAP,
    name: "fragment-overlap",
    sentence: "of a packet whose fragments overlap (RFC 5722)",
  },
  {
    code: DROP_FRAGMENT_INVALID,
    name: "fragment-invalid",
    sentence:
      "of a packet with a fragment that cannot be: of no length, of no multiple of eight, behind the end",
  },
  {
    code: DROP_FRAGMENT_CROPPED,
    name: "fragment-cropped",
    sentence: "of a packet of which the capture holds a fragment in part only",
  },
  {
    code: DROP_FRAGMENT_TABLE_FULL,
    name: "fragment-table-full",
    sentence: "a fragment that made way for newer ones while it waited for its others",
  },
  { code: DROP_RULE, name: "rule", sentence: "a rule of the table says so" },
  {
    code: DROP_STAGE_FAILED,
    name: "stage-failed",
    sentence: "a stage of one's own failed while it had the frame in hand",
  },
  {
    code: DROP_DUPLICATE,
    name: "duplicate",
    sentence: "the same frame as one of those that came before it",
  },
  {
    code: DROP_RATE,
    name: "rate-exceeded",
    sentence: "more frames, or bits, than may come in that time",
  },
  {
    code: DROP_ECN_NOT_CAPABLE,
    name: "ecn-not-capable",
    sentence: "the outer packet tells of congestion, and the passenger cannot (RFC 6040 section 4.2)",
  },
];

/** The reason for a code; throws a RangeError for a code that no kernel writes. Stages of one's own have further ones. */
export function dropReason(code: number): DropReason {
  if (code >= OWN_REASONS && code < OWN_REASONS_END) {
    const name = ownReasonName(code);
    return { code, name, sentence: "a stage of one's own says so" };
  }
  const reason = dropReasons[code];
  if (reason === undefined)
    throw new ArgumentRangeError("not-found", "code", `no drop reason has the code ${code}`);
  return reason;
}

/** Counts of drops by code, by name. */
export function dropsByName(drops: Readonly<Record<number, number>>): Record<string, number> {
  const named: Record<string, number> = {};
  for (const { code, name } of dropReasons) {
    const count = drops[code];
    if (count !== undefined) named[name] = count;
  }
  for (let code = OWN_REASONS; code < OWN_REASONS_END; code++) {
    const count = drops[code];
    const name = ownReasonName(code);
    if (count !== undefined) named[name] = (named[name] ?? 0) + count;
  }
  return named;
}

/** Counts of drops by name, in the order of the codes: the same for the same counts, whoever came first. */
export function dropsInOrder(drops: Readonly<Record<string, number>>): Record<string, number> {
  const ordered: Record<string, number> = {};
  for (const { name } of dropReasons) {
    const count = drops[name];
    if (count !== undefined) ordered[name] = count;
  }
  return ordered;
}
