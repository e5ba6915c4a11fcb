// The packet that carries a tunnel: one walk over link header, VLAN tags, IPv4 and IPv6, for every kind.
//
// A result is a place or a length, or a refusal (refusal.ts).

import { IP_PROTOCOL_AH } from "../src/layout/ah.layout";
import {
  DROP_FRAME_TOO_SHORT,
  DROP_NOT_TUNNEL,
  DROP_OUTER_IP_CHECKSUM,
  DROP_OUTER_IP_FRAGMENT,
  DROP_OUTER_IP_HEADER,
  DROP_OUTER_IP_TRUNCATED,
} from "../src/layout/drop.layout";
import { ETHERNET_LENGTH, ETHERNET_TYPE } from "../src/layout/ethernet.layout";
import {
  IP_PROTOCOL_UDP,
  IPV4_FRAGMENT,
  IPV4_LENGTH,
  IPV4_PROTOCOL,
  IPV4_SOURCE,
  IPV4_TOTAL_LENGTH,
} from "../src/layout/ipv4.layout";
import { IPV6_LENGTH, IPV6_NEXT_HEADER, IPV6_PAYLOAD_LENGTH, IPV6_SOURCE } from "../src/layout/ipv6.layout";
import { LINK_ETHERNET } from "../src/layout/link.layout";
import { DECAPSULATE_STRICT_LENGTHS, DECAPSULATE_TRUST_IP } from "../src/layout/stage.layout";
import { UDP_CHECKSUM } from "../src/layout/udp.layout";
import { VLAN_LENGTH } from "../src/layout/vlan.layout";
import { fold, sum, sumIsWrong } from "./checksum";
import { FRAGMENT_BITS } from "./flow-hash";
import { fieldsAt } from "./inherit";
import { LINK_PLACE, LINK_REASON, LINK_REFUSED, LINK_TYPE, openLink } from "./link";
import { isFragment, isPassedOver, passedTo, passHeaders } from "./pass-over";
import { OTHER, REFUSED } from "./refusal";
import { isTag } from "./vlan";

const TYPE_IPV4: u32 = 0x0008; // as a little-endian load sees 0x0800
const TYPE_IPV6: u32 = 0xdd86;
/** Outer tags walked over; more are no tunnel packet. */
const TAGS_MAXIMUM = 4;
/** What a length field of 16 bits can say. */
const LENGTH_MAXIMUM: u32 = 65535;

/**
 * The place of a packet: offset of the IP header | its length, with extensions, << PLACE_LENGTH | PLACE_IPV6, if it is
 * that.
 */
const PLACE_OFFSET: u32 = 0xffff;
const PLACE_LENGTH = 16;
const PLACE_LENGTH_MASK: u32 = 0xff;
const PLACE_IPV6: u32 = 0x1000000;
/** The longest IP header with what is passed over behind it that a place can tell. */
const HEADERS_MAXIMUM: u32 = 248;

/** The place of the IP packet in a frame that begins with `link`, if it is one of `protocol`. */
export function walk(link: u32, frame: usize, length: u32, protocol: u32): u32 {
  let ip: u32 = ETHERNET_LENGTH;
  let type: u32 = 0;
  if (link === LINK_ETHERNET) {
    // As openLink() does, without the call: it took 2 ns of every packet that is not plain.
    if (length < <u32>ETHERNET_LENGTH) return REFUSED | OTHER | DROP_FRAME_TOO_SHORT;
    type = load<u16>(frame, ETHERNET_TYPE);
  } else {
    const opened = openLink(link, frame, length);
    if ((opened & LINK_REFUSED) !== 0) return REFUSED | OTHER | (opened & LINK_REASON);
    ip = opened & LINK_PLACE;
    type = opened >>> LINK_TYPE;
  }
  for (let tags = 0; tags < TAGS_MAXIMUM && isTag(type); tags++) {
    if (length < ip + VLAN_LENGTH) return REFUSED | OTHER | DROP_NOT_TUNNEL;
    type = load<u16>(frame + ip, 2);
    ip += VLAN_LENGTH;
  }
  const packet: usize = frame + ip;
  const present = length - ip;
  if (type === TYPE_IPV4) {
    if (present < <u32>IPV4_LENGTH) return REFUSED | OTHER | DROP_OUTER_IP_TRUNCATED;
    const first: u32 = load<u8>(packet);
    const headerLength = (first & 15) << 2;
    if (first >>> 4 !== 4 || headerLength < <u32>IPV4_LENGTH) return REFUSED | OTHER | DROP_OUTER_IP_HEADER;
    const carried: u32 = load<u8>(packet, IPV4_PROTOCOL);
    if (carried !== protocol && carried !== IP_PROTOCOL_AH) return REFUSED | OTHER | DROP_NOT_TUNNEL;
    // Whose a fragment is can be seen in the first one only, and all have one fate.
    if ((load<u16>(packet, IPV4_FRAGMENT) & FRAGMENT_BITS) !== 0)
      return REFUSED | OTHER | DROP_OUTER_IP_FRAGMENT;
    if (present < headerLength) return REFUSED | OTHER | DROP_OUTER_IP_TRUNCATED;
    if (carried !== protocol) return passedPlace(frame, ip, headerLength, present, carried, protocol, false);
    return ip | (headerLength << PLACE_LENGTH);
  }
  if (type !== TYPE_IPV6) return REFUSED | OTHER | DROP_NOT_TUNNEL;
  if (present < <u32>IPV6_LENGTH) return REFUSED | OTHER | DROP_OUTER_IP_TRUNCATED;
  if (load<u8>(packet) >>> 4 !== 6) return REFUSED | OTHER | DROP_OUTER_IP_HEADER;
  const next: u32 = load<u8>(packet, IPV6_NEXT_HEADER);
  if (next !== protocol) return passedPlace(frame, ip, IPV6_LENGTH, present, next, protocol, true);
  return ip | (IPV6_LENGTH << PLACE_LENGTH) | PLACE_IPV6;
}

/** The same, where what is passed over stands behind the IP header, of which the first is one of `next`. */
function passedPlace(
  frame: usize,
  ip: u32,
  headerLength: u32,
  present: u32,
  next: u32,
  protocol: u32,
  ipv6: bool,
): u32 {
  const passed = passHeaders(frame + ip + headerLength, present - headerLength, next, ipv6);
  if (passed === REFUSED) return REFUSED | OTHER | DROP_OUTER_IP_TRUNCATED;
  if (isFragment && (passedTo === protocol || isPassedOver(passedTo, ipv6)))
    return REFUSED | OTHER | DROP_OUTER_IP_FRAGMENT;
  headerLength += passed;
  if (passedTo !== protocol || headerLength > HEADERS_MAXIMUM) return REFUSED | OTHER | DROP_NOT_TUNNEL;
  return ip | (headerLength << PLACE_LENGTH) | (ipv6 ? PLACE_IPV6 : 0);
}

/** What the header of the IP packet at `place` says that its passenger may take over. */
export function placeFields(frame: usize, place: u32): u32 {
  return fieldsAt(frame + (place & PLACE_OFFSET), (place & PLACE_IPV6) !== 0);
}

/** Where the payload of the IP packet at `place` begins in its frame. */
export function payloadOf(place: u32): u32 {
  return (place & PLACE_OFFSET) + ((place >>> PLACE_LENGTH) & PLACE_LENGTH_MASK);
}

/**
 * How long the payload of the IP packet at `place` is, `minimum` bytes at least, as the packet says. The packet is
 * known to be one for the tunnel: every failure is one of the tunnel.
 */
export function payloadLength(frame: usize, place: u32, wire: u32, minimum: u32, flags: u32): u32 {
  const packet: usize = frame + (place & PLACE_OFFSET);
  const headerLength = (place >>> PLACE_LENGTH) & PLACE_LENGTH_MASK;
  const available = wire - (place & PLACE_OFFSET);
  let ipLength: u32 = 0; // header and all
  // Segments that a host captured before its card cut them say zero, those of over 64 KiB always (BIG TCP).
  // The IPv6 payload length does not count its own header (RFC 8200 §3).
  let counted = available;
  if ((place & PLACE_IPV6) !== 0) {
    ipLength = bswap<u16>(load<u16>(packet, IPV6_PAYLOAD_LENGTH));
    if (ipLength !== 0) ipLength += IPV6_LENGTH;
    counted -= IPV6_LENGTH;
  } else {
    const own: u32 = (<u32>load<u8>(packet) & 15) << 2;
    if ((flags & DECAPSULATE_TRUST_IP) === 0 && headerSumIsWrong(packet, own) !== 0)
      return REFUSED | DROP_OUTER_IP_CHECKSUM;
    ipLength = bswap<u16>(load<u16>(packet, IPV4_TOTAL_LENGTH));
  }
  const strict = (flags & DECAPSULATE_STRICT_LENGTHS) !== 0;
  if (ipLength === 0 && counted < REFUSED && (!strict || counted > LENGTH_MAXIMUM)) ipLength = available;
  if (ipLength < headerLength + minimum) return REFUSED | DROP_OUTER_IP_HEADER;
  // What is longer than it was on the wire was cut by a mirror that did not say so.
  if (ipLength > available && strict) return REFUSED | DROP_OUTER_IP_TRUNCATED;
  return ipLength - headerLength;
}

/** Zero if the sum over an IPv4 header is right. Without options, as nearly all are, it takes no call. */
function headerSumIsWrong(packet: usize, length: u32): u32 {
  if (length !== IPV4_LENGTH) return fold(sum(packet, length)) ^ 0xffff;
  const low = load<u64>(packet);
  const high = load<u64>(packet, 8);
  const last = load<u32>(packet, 16);
  return sumIsWrong((low & 0xffffffff) + (low >>> 32) + (high & 0xffffffff) + (high >>> 32) + last);
}

/** Whether the IP packet at `place` says no length. */
export function isUncut(frame: usize, place: u32): bool {
  const packet: usize = frame + (place & PLACE_OFFSET);
  const ipv6 = (place & PLACE_IPV6) !== 0;
  return (ipv6 ? load<u16>(packet, IPV6_PAYLOAD_LENGTH) : load<u16>(packet, IPV4_TOTAL_LENGTH)) === 0;
}

/** Zero means that there is none; what the capture cut cannot be verified (RFC 768, RFC 7348 §5). */
export function udpSumIsGood(frame: usize, place: u32, length: u32, udpLength: u32): bool {
  const at = payloadOf(place);
  const udp: usize = frame + at;
  if (load<u16>(udp, UDP_CHECKSUM) === 0 || length - at < udpLength || udpLength > LENGTH_MAXIMUM)
    return true;
  const packet: usize = frame + (place & PLACE_OFFSET);
  const addresses = (place & PLACE_IPV6) !== 0 ? sum(packet + IPV6_SOURCE, 32) : sum(packet + IPV4_SOURCE, 8);
  const pseudo: u64 = <u64>(<u32>bswap<u16>(<u16>udpLength)) + <u64>(IP_PROTOCOL_UDP << 8);
  return fold(pseudo + addresses + sum(udp, udpLength)) === 0xffff;
}
