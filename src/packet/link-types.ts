// With which layer frames of each link type begin; and steps of what only a host's capture puts there.

import { linkOf } from "../core/link-types.ts";
import { ETHERTYPE_MINIMUM } from "../layout/ethernet.layout.ts";
import {
  ARPHRD_FRAME_RELAY,
  ARPHRD_NETLINK,
  ARPHRD_WLAN_FIRST,
  ARPHRD_WLAN_LAST,
  FAMILY_IPV4,
  FAMILY_IPV6_DARWIN,
  FAMILY_IPV6_FREEBSD,
  FAMILY_IPV6_LINUX,
  FAMILY_IPV6_NETBSD,
  FAMILY_IPV6_SOLARIS,
  FAMILY_IPV6_WINDOWS,
  HDLC_MULTICAST,
  HDLC_UNICAST,
  LINK_ETHERNET,
  LINK_IP,
  LINK_IPV4,
  LINK_IPV6,
  LINK_NFLOG,
  LINK_NULL,
  LINK_PPP,
  LINK_RADIOTAP,
  LINK_SLL,
  LINK_SLL2,
  LINK_WLAN,
  SLL_PROTOCOL_LLC,
  WLAN_FLAGS_PROTECTED,
  WLAN_QOS_AGGREGATE,
} from "../layout/link.layout.ts";
import { parseHdlc, parseNull } from "../wire/loopback.ts";
import { parseNflog } from "../wire/nflog.ts";
import { parseRadiotap, radiotapFlags } from "../wire/radiotap.ts";
import { parseSll, parseSll2, type SllHeader } from "../wire/sll.ts";
import { parseWlan, type WlanHeader } from "../wire/wlan.ts";
import {
  byEtherType,
  byVersion,
  ETHERNET,
  type Here,
  IPV4,
  IPV6,
  LENIENT,
  type Next,
  type Steps,
  unread,
  type Walk,
} from "./walk.ts";

const LLC: Here = { name: "llc" };
const PPP: Here = { name: "ppp" };
const HDLC: Here = { name: "hdlc" };
const WLAN: Here = { name: "802.11" };
const LOOPBACK: Here = { name: "null" };

/** By what frames begin with: which link types begin so is the table of src/core/link-types.ts. */
const FIRST: ReadonlyMap<number, Here | ((walk: Walk) => Next)> = new Map<
  number,
  Here | ((walk: Walk) => Next)
>([
  [LINK_NULL, LOOPBACK],
  [LINK_ETHERNET, ETHERNET],
  [LINK_PPP, serial],
  [LINK_IP, byVersion],
  [LINK_WLAN, WLAN],
  [LINK_SLL, { name: "sll" }],
  [LINK_RADIOTAP, { name: "radiotap" }],
  [LINK_IPV4, IPV4],
  [LINK_IPV6, IPV6],
  [LINK_NFLOG, { name: "nflog" }],
  [LINK_SLL2, { name: "sll2" }],
]);

/** The first layer of a frame of this link type; undefined if it is not read. */
export function firstLayer(linkType: number, walk: Walk): Next | undefined {
  const first = FIRST.get(linkOf(linkType));
  return typeof first === "function" ? first(walk) : first;
}

/** PPP; or Cisco's HDLC, which is captured as PPP, too. */
function serial({ frame }: Walk): Next {
  const [first, second] = frame;
  return (first === HDLC_UNICAST || first === HDLC_MULTICAST) && second === 0 ? HDLC : PPP;
}

type HostStep = "sll" | "sll2" | "null" | "hdlc" | "nflog" | "radiotap" | "802.11";

export const HOST_STEPS: Steps<HostStep> = {
  sll: { parse: parseSll, next: behindCooked },
  sll2: { parse: parseSll2, next: behindCooked },
  null: { parse: parseNull, next: ({ family }) => byFamily(family) },
  hdlc: { parse: parseHdlc, next: ({ etherType }) => byEtherType(etherType) },
  nflog: {
    parse: (bytes, offset, end) => parseNflog(bytes, offset, end, LENIENT),
    next: ({ family }) => byFamily(family),
    bounds: true,
  },
  radiotap: {
    parse: parseRadiotap,
    next(header, walk) {
      const { checkSequence, padded } = radiotapFlags(header);
      if (checkSequence) walk.end = Math.max(walk.offset, walk.end - CHECK_SEQUENCE_LENGTH);
      return padded ? { name: "802.11", padded } : WLAN;
    },
  },
  "802.11": {
    parse: (bytes, offset, end, { padded }) => parseWlan(bytes, offset, end, { padded }),
    next: behindWlan,
  },
};

const CHECK_SEQUENCE_LENGTH = 4;
const TYPE_DATA = 2;
const SUBTYPE_EMPTY = 4;

/** Of some types of interface the protocol says something else, or nothing. */
function behindCooked({ hardwareType, protocol }: SllHeader): Next {
  if (hardwareType === ARPHRD_NETLINK || hardwareType === ARPHRD_FRAME_RELAY) return unread();
  if (hardwareType >= ARPHRD_WLAN_FIRST && hardwareType <= ARPHRD_WLAN_LAST) return unread();
  if (protocol === SLL_PROTOCOL_LLC) return LLC;
  return protocol < ETHERTYPE_MINIMUM ? unread() : byEtherType(protocol);
}

/** Every system has a number of its own for IPv6, and none of another's that means something else. */
const FAMILIES: ReadonlyMap<number, Here> = new Map([
  [FAMILY_IPV4, IPV4],
  [FAMILY_IPV6_LINUX, IPV6],
  [FAMILY_IPV6_WINDOWS, IPV6],
  [FAMILY_IPV6_NETBSD, IPV6],
  [FAMILY_IPV6_SOLARIS, IPV6],
  [FAMILY_IPV6_FREEBSD, IPV6],
  [FAMILY_IPV6_DARWIN, IPV6],
]);

function byFamily(family: number): Next {
  return FAMILIES.get(family) ?? unread();
}

/** Data that is neither encrypted nor several frames in one nor a part of one. */
function behindWlan({ type, subtype, flags, fragment, qos = 0 }: WlanHeader): Next | undefined {
  if (type !== TYPE_DATA) return unread();
  if ((subtype & SUBTYPE_EMPTY) !== 0) return undefined;
  if ((flags & WLAN_FLAGS_PROTECTED) !== 0) return { name: "payload", header: {}, stop: "802.11-protected" };
  return fragment > 0 || (qos & WLAN_QOS_AGGREGATE) !== 0 ? unread() : LLC;
}
