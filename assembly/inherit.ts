// What the IP headers of a tunnel's packet and of its passenger take over from each other, where that is asked for: the ECN
// field as RFC 6040 has it; DSCP and TTL as the uniform models of RFC 2983 and RFC 3443 have them. Pipes take over nothing.

import { DROP_ECN_NOT_CAPABLE, DROP_NONE } from "../src/layout/drop.layout";
import { ETHERNET_LENGTH, ETHERNET_TYPE } from "../src/layout/ethernet.layout";
import { IPV4_CHECKSUM, IPV4_LENGTH, IPV4_TTL } from "../src/layout/ipv4.layout";
import { IPV6_HOP_LIMIT, IPV6_LENGTH } from "../src/layout/ipv6.layout";
import { INHERIT_DSCP, INHERIT_ECN, INHERIT_TTL } from "../src/layout/stage.layout";
import { VLAN_LENGTH } from "../src/layout/vlan.layout";
import { fold } from "./checksum";
import { TYPE_IPV4, TYPE_IPV6 } from "./flow-hash";
import { isTag } from "./vlan";

/** VLAN tags in front of an IP packet; behind more there is none that is found. */
const TAGS_MAXIMUM = 4;

/** The ECN field (RFC 3168 §5). */
const ECN_MASK: u32 = 3;
const NOT_ECT: u32 = 0;
const ECT_1: u32 = 1;
const ECT_0: u32 = 2;
const CE: u32 = 3;

/** What an IP header says, as one number: traffic class | TTL << 8; and that it is there. */
const TTL_SHIFT = 8;
export const NO_FIELDS: u32 = 0xffffffff;

/** The IP packet that `findIp` has found. */
let packet: usize = 0;
let isIpv6 = false;

/** Whether `present` bytes from `at` on begin with an IP header, behind Ethernet and its tags if there is such. */
function findIp(at: usize, present: u32, ethernet: bool): bool {
  let type: u32 = 0;
  if (ethernet) {
    if (present < <u32>ETHERNET_LENGTH) return false;
    type = load<u16>(at, ETHERNET_TYPE);
    at += ETHERNET_LENGTH;
    present -= ETHERNET_LENGTH;
    for (let tags = 0; tags < TAGS_MAXIMUM && isTag(type); tags++) {
      if (present < <u32>VLAN_LENGTH) return false;
      type = load<u16>(at, 2);
      at += VLAN_LENGTH;
      present -= VLAN_LENGTH;
    }
  }
  const version: u32 = present === 0 ? 0 : load<u8>(at) >>> 4;
  if (!ethernet) type = version === 4 ? TYPE_IPV4 : version === 6 ? TYPE_IPV6 : 0;
  packet = at;
  isIpv6 = type === TYPE_IPV6;
  if (isIpv6) return version === 6 && present >= <u32>IPV6_LENGTH;
  return type === TYPE_IPV4 && version === 4 && present >= <u32>IPV4_LENGTH;
}

/** What the IP header at `ip` says. */
export function fieldsAt(ip: usize, ipv6: bool): u32 {
  return ipv6
    ? ((<u32>bswap<u16>(load<u16>(ip)) >>> 4) & 0xff) | ((<u32>load<u8>(ip, IPV6_HOP_LIMIT)) << TTL_SHIFT)
    : <u32>load<u8>(ip, 1) | ((<u32>load<u8>(ip, IPV4_TTL)) << TTL_SHIFT);
}

/** What the IP header of a passenger says; NO_FIELDS if it has none. */
export function fieldsIn(at: usize, present: u32, ethernet: bool): u32 {
  return findIp(at, present, ethernet) ? fieldsAt(packet, isIpv6) : NO_FIELDS;
}

/**
 * Lets the outer header at `ip` say what its passenger does. Returns what comes to the sum over an IPv4 header by that, as
 * words in memory order; of IPv6 nothing is summed.
 */
export function putOuter(ip: usize, ipv6: bool, flags: u32, inner: u32): u32 {
  if (inner === NO_FIELDS) return 0;
  let fields = fieldsAt(ip, ipv6);
  if ((flags & INHERIT_ECN) !== 0) fields = (fields & ~ECN_MASK) | (inner & ECN_MASK);
  if ((flags & INHERIT_DSCP) !== 0) fields = (fields & ~0xfc) | (inner & 0xfc);
  // A packet that nobody may pass on would not arrive.
  if ((flags & INHERIT_TTL) !== 0 && inner >>> TTL_SHIFT !== 0) fields = (fields & 0xff) | (inner & 0xff00);
  return writeFields(ip, ipv6, fields);
}

/**
 * What a passenger says when it has left the packet around it: both as fieldsAt() has them. NO_FIELDS: it may not go on, for
 * it cannot say that there was congestion (RFC 6040 §4.2, figure 4). A TTL is never raised: loops would have no end.
 */
export function combined(outer: u32, inner: u32, flags: u32): u32 {
  let fields = inner;
  if ((flags & INHERIT_DSCP) !== 0) fields = (fields & ~0xfc) | (outer & 0xfc);
  if ((flags & INHERIT_TTL) !== 0 && outer >>> TTL_SHIFT < inner >>> TTL_SHIFT)
    fields = (fields & 0xff) | (outer & 0xff00);
  if ((flags & INHERIT_ECN) === 0) return fields;
  const told = outer & ECN_MASK;
  const own = inner & ECN_MASK;
  if (told === CE) return own === NOT_ECT ? NO_FIELDS : fields | CE;
  return told === ECT_1 && own === ECT_0 ? (fields & ~ECN_MASK) | ECT_1 : fields;
}

/** Why a passenger may not go on, if it may not: DROP_NONE also where it has no IP header, which could say nothing. */
export function refusedBy(outer: u32, at: usize, present: u32, ethernet: bool, flags: u32): u32 {
  if (!findIp(at, present, ethernet)) return DROP_NONE;
  return combined(outer, fieldsAt(packet, isIpv6), flags) === NO_FIELDS ? DROP_ECN_NOT_CAPABLE : DROP_NONE;
}

/** Lets the passenger at `at` say what `outer` said, of which refusedBy() has said that it can. */
export function putInner(outer: u32, at: usize, present: u32, ethernet: bool, flags: u32): void {
  if (!findIp(at, present, ethernet)) return;
  putFields(combined(outer, fieldsAt(packet, isIpv6), flags));
}

/** The same, where it is known what the passenger is to say. */
export function putInnerFields(fields: u32, at: usize, present: u32, ethernet: bool): void {
  if (findIp(at, present, ethernet)) putFields(fields);
}

function putFields(fields: u32): void {
  const more = writeFields(packet, isIpv6, fields);
  if (more === 0) return;
  // RFC 1624, equation 3.
  const sum = <u64>(~(<u32>load<u16>(packet, IPV4_CHECKSUM)) & 0xffff) + more;
  store<u16>(packet, <u16>~fold(sum), IPV4_CHECKSUM);
}

/** Writes them, and returns what comes to the sum over an IPv4 header. */
function writeFields(ip: usize, ipv6: bool, fields: u32): u32 {
  if (ipv6) {
    const word: u32 = bswap<u16>(load<u16>(ip));
    store<u16>(ip, bswap<u16>(<u16>((word & 0xf00f) | ((fields & 0xff) << 4))));
    store<u8>(ip, <u8>(fields >>> TTL_SHIFT), IPV6_HOP_LIMIT);
    return 0;
  }
  const first: u32 = load<u16>(ip);
  const fifth: u32 = load<u16>(ip, IPV4_TTL);
  store<u8>(ip, <u8>fields, 1);
  store<u8>(ip, <u8>(fields >>> TTL_SHIFT), IPV4_TTL);
  return (~first & 0xffff) + (~fifth & 0xffff) + <u32>load<u16>(ip) + <u32>load<u16>(ip, IPV4_TTL);
}
