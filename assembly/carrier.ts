// The packet that carries a tunnel: one walk over link header, VLAN tags, IPv4 and IPv6, for every kind.
//
// A result is a place or a length, or a refusal (refusal.ts).

import {
  DROP_NOT_TUNNEL,
  DROP_OUTER_IP_CHECKSUM,
  DROP_OUTER_IP_FRAGMENT,
  DROP_OUTER_IP_HEADER,
  DROP_OUTER_IP_TRUNCATED,
} from "../src/layout/drop.layout";
import {
  IP_PROTOCOL_UDP,
  IPV4_FRAGMENT,
  IPV4_LENGTH,
  IPV4_PROTOCOL,
  IPV4_SOURCE,
  IPV4_TOTAL_LENGTH,
} from "../src/layout/ipv4.layout";
import {
  IPV6_DESTINATION_OPTIONS,
  IPV6_EXTENSION_NEXT_HEADER,
  IPV6_EXTENSION_UNIT,
  IPV6_EXTENSION_UNITS,
  IPV6_HOP_BY_HOP,
  IPV6_LENGTH,
  IPV6_NEXT_HEADER,
  IPV6_PAYLOAD_LENGTH,
  IPV6_SOURCE,
} from "../src/layout/ipv6.layout";
import { DECAPSULATE_TRUST_IP } from "../src/layout/stage.layout";
import { UDP_CHECKSUM } from "../src/layout/udp.layout";
import { VLAN_LENGTH } from "../src/layout/vlan.layout";
import { fold, sum } from "./checksum";
import { FRAGMENT_BITS } from "./flow-hash";
import { LINK_PLACE, LINK_REASON, LINK_REFUSED, LINK_TYPE, openLink } from "./link";
import { OTHER, REFUSED } from "./refusal";
import { isTag } from "./vlan";

const TYPE_IPV4: u32 = 0x0008; // as a little-endian load sees 0x0800
const TYPE_IPV6: u32 = 0xdd86;
const FRAGMENT_OFFSET: u32 = 0xff1f;
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
/** The longest IPv6 header with its extensions that a place can tell. */
const IPV6_HEADERS_MAXIMUM: u32 = 248;

/** The place of the IP packet in a frame that begins with `link`, if it is one of `protocol`. */
export function walk(link: u32, frame: usize, length: u32, protocol: u32): u32 {
  const opened = openLink(link, frame, length);
  if ((opened & LINK_REFUSED) !== 0) return REFUSED | OTHER | (opened & LINK_REASON);
  let ip = opened & LINK_PLACE;
  let type = opened >>> LINK_TYPE;
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
    if (load<u8>(packet, IPV4_PROTOCOL) !== protocol) return REFUSED | OTHER | DROP_NOT_TUNNEL;
    // A later fragment has no tunnel header: whose it is cannot be seen.
    if ((load<u16>(packet, IPV4_FRAGMENT) & FRAGMENT_OFFSET) !== 0) return REFUSED | OTHER | DROP_NOT_TUNNEL;
    if (present < headerLength) return REFUSED | OTHER | DROP_OUTER_IP_TRUNCATED;
    return ip | (headerLength << PLACE_LENGTH);
  }
  if (type !== TYPE_IPV6) return REFUSED | OTHER | DROP_NOT_TUNNEL;
  if (present < <u32>IPV6_LENGTH) return REFUSED | OTHER | DROP_OUTER_IP_TRUNCATED;
  if (load<u8>(packet) >>> 4 !== 6) return REFUSED | OTHER | DROP_OUTER_IP_HEADER;
  // Options say nothing that matters here: Linux puts a tunnel encapsulation limit in front of GRE (RFC 2473 §4.1.1).
  let next: u32 = load<u8>(packet, IPV6_NEXT_HEADER);
  let headerLength: u32 = IPV6_LENGTH;
  while (next !== protocol) {
    if (next !== IPV6_DESTINATION_OPTIONS && next !== IPV6_HOP_BY_HOP)
      return REFUSED | OTHER | DROP_NOT_TUNNEL;
    if (present < headerLength + IPV6_EXTENSION_UNIT) return REFUSED | OTHER | DROP_OUTER_IP_TRUNCATED;
    const extension: usize = packet + headerLength;
    next = load<u8>(extension, IPV6_EXTENSION_NEXT_HEADER);
    headerLength += (<u32>load<u8>(extension, IPV6_EXTENSION_UNITS) + 1) * IPV6_EXTENSION_UNIT;
    if (headerLength > IPV6_HEADERS_MAXIMUM) return REFUSED | OTHER | DROP_NOT_TUNNEL;
  }
  return ip | (headerLength << PLACE_LENGTH) | PLACE_IPV6;
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
  // Segments of over 64 KiB that a host captured before its card cut them say zero (BIG TCP).
  // The IPv6 payload length does not count its own header (RFC 8200 §3).
  let counted = available;
  if ((place & PLACE_IPV6) !== 0) {
    ipLength = bswap<u16>(load<u16>(packet, IPV6_PAYLOAD_LENGTH));
    if (ipLength !== 0) ipLength += IPV6_LENGTH;
    counted -= IPV6_LENGTH;
  } else {
    if ((load<u16>(packet, IPV4_FRAGMENT) & FRAGMENT_BITS) !== 0) return REFUSED | DROP_OUTER_IP_FRAGMENT;
    if ((flags & DECAPSULATE_TRUST_IP) === 0 && fold(sum(packet, headerLength)) !== 0xffff)
      return REFUSED | DROP_OUTER_IP_CHECKSUM;
    ipLength = bswap<u16>(load<u16>(packet, IPV4_TOTAL_LENGTH));
  }
  if (ipLength === 0 && counted > LENGTH_MAXIMUM && counted < REFUSED) ipLength = available;
  if (ipLength < headerLength + minimum) return REFUSED | DROP_OUTER_IP_HEADER;
  if (ipLength > available) return REFUSED | DROP_OUTER_IP_TRUNCATED;
  return ipLength - headerLength;
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
