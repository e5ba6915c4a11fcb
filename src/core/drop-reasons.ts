// Every reason for which a frame can be dropped: one table of code, name and sentence.
// A kernel writes the code, a counter is found by it, and a person reads the sentence.

import {
  DROP_CUT_BY_CAPTURE,
  DROP_FRAME_TOO_LONG,
  DROP_FRAME_TOO_SHORT,
  DROP_INNER_TAGGED,
  DROP_INNER_TRUNCATED,
  DROP_NO_HEADROOM,
  DROP_NONE,
  DROP_NOT_ETHERNET,
  DROP_NOT_TUNNEL,
  DROP_OTHER_VNI,
  DROP_OUTER_IP_CHECKSUM,
  DROP_OUTER_IP_FRAGMENT,
  DROP_OUTER_IP_HEADER,
  DROP_OUTER_IP_TRUNCATED,
  DROP_UDP_CHECKSUM,
  DROP_UDP_LENGTH,
  DROP_UDP_TRUNCATED,
  DROP_VXLAN_NO_VNI,
  DROP_VXLAN_RESERVED,
  DROP_VXLAN_TRUNCATED,
  DROP_WORKER_DIED,
} from "../layout/drop.layout.ts";

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
  { code: DROP_FRAME_TOO_SHORT, name: "frame-too-short", sentence: "shorter than an Ethernet header" },
  {
    code: DROP_FRAME_TOO_LONG,
    name: "frame-too-long",
    sentence: "too long for its slot or for the outer length fields",
  },
  {
    code: DROP_NOT_ETHERNET,
    name: "not-ethernet",
    sentence: "from an interface whose link type is not Ethernet",
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
];

/** The reason for a code; throws a RangeError for a code that no kernel writes. */
export function dropReason(code: number): DropReason {
  const reason = dropReasons[code];
  if (reason === undefined) throw new RangeError(`code: no drop reason has the code ${code}`);
  return reason;
}
