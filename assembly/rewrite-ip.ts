// Rewriting of IP packets: addresses, DSCP, TTL, and the ports behind. Checksums take up what has changed (RFC 1624): they are
// right where they were right, whatever of the packet is there.

import { AH_UNIT, AH_UNITS_MORE, IP_PROTOCOL_AH } from "../src/layout/ah.layout";
import { ICMP_CHECKSUM } from "../src/layout/icmp.layout";
import {
  IP_PROTOCOL_ICMPV6,
  IP_PROTOCOL_TCP,
  IP_PROTOCOL_UDP,
  IPV4_CHECKSUM,
  IPV4_DESTINATION,
  IPV4_FRAGMENT,
  IPV4_LENGTH,
  IPV4_OFFSET_MASK,
  IPV4_PROTOCOL,
  IPV4_SOURCE,
  IPV4_TOS,
  IPV4_TOTAL_LENGTH,
  IPV4_TTL,
} from "../src/layout/ipv4.layout";
import {
  IPV6_DESTINATION,
  IPV6_EXTENSION_NEXT_HEADER,
  IPV6_EXTENSION_UNIT,
  IPV6_EXTENSION_UNITS,
  IPV6_FRAGMENT_HEADER,
  IPV6_FRAGMENT_OFFSET,
  IPV6_FRAGMENT_OFFSET_MASK,
  IPV6_HOP_LIMIT,
  IPV6_LENGTH,
  IPV6_NEXT_HEADER,
  IPV6_PAYLOAD_LENGTH,
  IPV6_ROUTING,
  IPV6_SOURCE,
} from "../src/layout/ipv6.layout";
import {
  LIST_DESTINATION_IPV4,
  LIST_DESTINATION_IPV6,
  LIST_DESTINATION_PORT,
  LIST_DSCP,
  LIST_SOURCE_IPV4,
  LIST_SOURCE_IPV6,
  LIST_SOURCE_PORT,
  LIST_TTL,
} from "../src/layout/ready.layout";
import { TCP_CHECKSUM } from "../src/layout/tcp.layout";
import { UDP_CHECKSUM, UDP_DESTINATION_PORT } from "../src/layout/udp.layout";
import { swapped16 } from "./byte-order";
import { fold } from "./checksum";
import { isPassedOver } from "./pass-over";
import { changedNumber, changeIpv4, changeIpv6 } from "./rewrite-rows";

/** Ports and checksum of these lie where UDP's do. */
const PROTOCOL_DCCP: u32 = 33;
const PROTOCOL_UDP_LITE: u32 = 136;
const DSCP_SHIFT = 2;
const EXTENSIONS_MAXIMUM = 16;
const ROUTING_SEGMENTS_LEFT = 3;

/** What became of a packet. */
export const PACKET_SAME = 0;
export const PACKET_CHANGED = 1;
/** Its TTL does not last. */
export const PACKET_EXPIRED = 2;

/** A packet behind whose header `left - IPV4_LENGTH` bytes are left. */
export function rewriteIpv4(packet: usize, left: u32, ttlLess: u32): u32 {
  const first: u32 = load<u8>(packet);
  const header: u32 = (first & 15) << 2;
  if (first >>> 4 !== 4 || header < <u32>IPV4_LENGTH) return PACKET_SAME;
  const ttl: u32 = load<u8>(packet, IPV4_TTL);
  if (ttlLess !== 0 && ttl <= ttlLess) return PACKET_EXPIRED;
  const tos: u32 = load<u8>(packet, IPV4_TOS);
  const dscp = changedNumber(LIST_DSCP, tos >>> DSCP_SHIFT);
  const addresses =
    changeIpv4(LIST_SOURCE_IPV4, packet + IPV4_SOURCE) +
    changeIpv4(LIST_DESTINATION_IPV4, packet + IPV4_DESTINATION);
  const inHeader =
    addresses +
    putByte(packet, IPV4_TOS, (tos & 3) | (dscp << DSCP_SHIFT)) +
    putByte(packet + IPV4_TTL, 0, changedNumber(LIST_TTL, ttl) - ttlLess);
  if (inHeader !== 0) putSum(packet + IPV4_CHECKSUM, inHeader);
  const isChanged = inHeader !== 0 ? PACKET_CHANGED : PACKET_SAME;
  if ((swapped16(load<u16>(packet, IPV4_FRAGMENT)) & IPV4_OFFSET_MASK) !== 0) return isChanged;
  // Zero is what cards are given that cut packets into segments themselves; what is behind the end pads the frame.
  const total = swapped16(load<u16>(packet, IPV4_TOTAL_LENGTH));
  const end = total !== 0 && total < left ? total : left;
  const next: u32 = load<u8>(packet, IPV4_PROTOCOL);
  return isChanged | behindHeaders(packet, header, end, next, addresses, 0, false);
}

/** A packet behind whose header `left - IPV6_LENGTH` bytes are left. */
export function rewriteIpv6(packet: usize, left: u32, ttlLess: u32): u32 {
  const first = swapped16(load<u16>(packet));
  if (first >>> 12 !== 6) return PACKET_SAME;
  const ttl: u32 = load<u8>(packet, IPV6_HOP_LIMIT);
  if (ttlLess !== 0 && ttl <= ttlLess) return PACKET_EXPIRED;
  const dscp = (first >>> 6) & 0x3f;
  const newDscp = changedNumber(LIST_DSCP, dscp);
  const newTtl = changedNumber(LIST_TTL, ttl) - ttlLess;
  const source = changeIpv6(LIST_SOURCE_IPV6, packet + IPV6_SOURCE);
  const destination = changeIpv6(LIST_DESTINATION_IPV6, packet + IPV6_DESTINATION);
  store<u16>(packet, <u16>swapped16((first & 0xf03f) | (newDscp << 6)));
  store<u8>(packet, <u8>newTtl, IPV6_HOP_LIMIT);
  const isSame = dscp === newDscp && ttl === newTtl && (source | destination) === 0;
  const length: u32 = swapped16(load<u16>(packet, IPV6_PAYLOAD_LENGTH)) + IPV6_LENGTH;
  const end = length !== IPV6_LENGTH && length < left ? length : left;
  const next: u32 = load<u8>(packet, IPV6_NEXT_HEADER);
  const isChanged = isSame ? PACKET_SAME : PACKET_CHANGED;
  return isChanged | behindHeaders(packet, IPV6_LENGTH, end, next, source, destination, true);
}

/**
 * Passes over extension headers from `at` to `end`, and changes what the packet carries: `source` and `destination` are what
 * checksums over the addresses take up.
 */
function behindHeaders(
  packet: usize,
  at: u32,
  end: u32,
  protocol: u32,
  source: u64,
  destination: u64,
  ipv6: bool,
): u32 {
  for (let i = 0; i < EXTENSIONS_MAXIMUM && isPassedOver(protocol, ipv6); i++) {
    if (end < at + IPV6_EXTENSION_UNIT) return PACKET_SAME;
    const one: usize = packet + at;
    const units: u32 = load<u8>(one, IPV6_EXTENSION_UNITS);
    if (protocol === IPV6_FRAGMENT_HEADER) {
      // Behind the first fragment there are no headers.
      const fragment = swapped16(load<u16>(one, IPV6_FRAGMENT_OFFSET));
      if ((fragment & IPV6_FRAGMENT_OFFSET_MASK) !== 0) return PACKET_SAME;
      at += IPV6_EXTENSION_UNIT;
    } else if (protocol === IP_PROTOCOL_AH) at += (units + AH_UNITS_MORE) * AH_UNIT;
    else {
      // Checksums are over the address to which the packet goes in the end, and that one stands in the route.
      if (protocol === IPV6_ROUTING && load<u8>(one, ROUTING_SEGMENTS_LEFT) !== 0) destination = 0;
      at += (units + 1) * IPV6_EXTENSION_UNIT;
    }
    protocol = load<u8>(one, IPV6_EXTENSION_NEXT_HEADER);
  }
  if (at >= end) return PACKET_SAME;
  return rewriteTransport(packet + at, end - at, protocol, source + destination, ipv6);
}

/** Ports, and the checksum over them and the addresses. */
function rewriteTransport(header: usize, there: u32, protocol: u32, difference: u64, ipv6: bool): u32 {
  let field: u32 = UDP_CHECKSUM;
  let isChanged = PACKET_SAME;
  if (ipv6 && protocol === IP_PROTOCOL_ICMPV6) field = ICMP_CHECKSUM;
  else {
    if (protocol === IP_PROTOCOL_TCP) field = TCP_CHECKSUM;
    else if (protocol !== IP_PROTOCOL_UDP && protocol !== PROTOCOL_UDP_LITE && protocol !== PROTOCOL_DCCP)
      return PACKET_SAME;
    if (there < <u32>UDP_DESTINATION_PORT + 2) return PACKET_SAME;
    const ports =
      changePort(LIST_SOURCE_PORT, header) + changePort(LIST_DESTINATION_PORT, header + UDP_DESTINATION_PORT);
    if (ports !== 0) isChanged = PACKET_CHANGED;
    difference += ports;
  }
  if (difference === 0 || there < field + 2) return isChanged;
  // Of UDP zero says that there is none, and 0xffff stands for it where there is.
  const isUdp = protocol === IP_PROTOCOL_UDP;
  if (isUdp && load<u16>(header + field) === 0) return isChanged;
  putSum(header + field, difference);
  if (isUdp && load<u16>(header + field) === 0) store<u16>(header + field, 0xffff);
  return isChanged;
}

function changePort(list: u32, at: usize): u64 {
  const before: u32 = load<u16>(at);
  const after = swapped16(changedNumber(list, swapped16(before)));
  if (after === before) return 0;
  store<u16>(at, <u16>after);
  return (before ^ 0xffff) + after;
}

/** Writes the byte at `at` of the half word `half`; returns what a checksum over that takes up. */
function putByte(half: usize, at: usize, value: u32): u64 {
  const before: u32 = load<u16>(half);
  store<u8>(half + at, <u8>value);
  const after: u32 = load<u16>(half);
  return after === before ? 0 : (before ^ 0xffff) + after;
}

/** RFC 1624 §3, equation 3. */
function putSum(field: usize, difference: u64): void {
  const before: u64 = load<u16>(field);
  store<u16>(field, <u16>~fold((before ^ 0xffff) + difference));
}
