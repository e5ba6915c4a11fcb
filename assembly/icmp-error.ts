// ICMP errors (RFC 792, RFC 4443 §3): the packet stays where it is in memory, as what the error quotes, and the
// headers go in front of it, into the headroom.

import {
  DESCRIPTOR_FLOOR,
  DESCRIPTOR_FRAME_LENGTH,
  DESCRIPTOR_OFFSET,
  DESCRIPTOR_WIRE_LENGTH,
} from "../src/layout/descriptor.layout";
import { ETHERNET_LENGTH, ETHERNET_SOURCE, ETHERNET_TYPE } from "../src/layout/ethernet.layout";
import {
  ICMP_BODY,
  ICMP_CHECKSUM,
  ICMP_QUERIES_HIGH,
  ICMP_QUERIES_LOW,
  ICMP_REST,
  ICMP_TYPE,
  ICMPV6_ECHO_REQUEST,
  ICMPV6_KNOWN_LAST,
  ICMPV6_REDIRECT,
} from "../src/layout/icmp.layout";
import {
  IP_PROTOCOL_ICMP,
  IP_PROTOCOL_ICMPV6,
  IPV4_CHECKSUM,
  IPV4_DESTINATION,
  IPV4_FRAGMENT,
  IPV4_LENGTH,
  IPV4_PROTOCOL,
  IPV4_SOURCE,
  IPV4_TTL,
} from "../src/layout/ipv4.layout";
import {
  IPV6_DESTINATION,
  IPV6_DESTINATION_OPTIONS,
  IPV6_EXTENSION_UNITS,
  IPV6_FRAGMENT_HEADER,
  IPV6_FRAGMENT_OFFSET,
  IPV6_HOP_BY_HOP,
  IPV6_LENGTH,
  IPV6_NEXT_HEADER,
  IPV6_PAYLOAD_LENGTH,
  IPV6_ROUTING,
  IPV6_SOURCE,
} from "../src/layout/ipv6.layout";
import {
  ICMP_ERROR_MAXIMUM,
  ICMPV6_ERROR_MAXIMUM,
  INTERFACE_IPV4,
  INTERFACE_IPV6,
  INTERFACE_MAC,
  IPV6_EXTENSIONS_MAXIMUM,
  ROUTER_TTL,
} from "../src/layout/route.layout";
import { swapped16 } from "./byte-order";
import { fold, sum } from "./checksum";
import { pseudoSumIcmpv6 } from "./icmp-echo";
import { loadMac, storeMac } from "./mac";
import { isOtherHostIpv4, isOtherHostIpv6 } from "./one-host";

/** Version 4, five words; precedence 6, as RFC 1812 §4.3.2.5 asks of errors. */
const IPV4_START: u32 = 0xc045;
/** Identification 0 and Don't Fragment: a packet that is never cut needs no number of its own (RFC 6864 §4.1). */
const IPV4_ATOMIC: u32 = 0x00400000;
const IPV6_START: u32 = 0x60;
const FRAGMENT_OFFSET: u32 = 0xff1f; // as a little-endian load sees it
const FRAGMENT_OFFSET_IPV6: u32 = 0xf8ff;

/**
 * Turns the frame into an ICMP error to its source, and says if it did: not where RFC 1812 §4.3.2.7 forbids it,
 * without an address to send it from, and without the headroom. `message` is type | code << 8, `rest` the four
 * bytes behind the checksum as they lie in memory. The frame is unchanged if not.
 */
export function answerErrorIpv4(
  d: usize,
  packet: usize,
  ipLength: u32,
  present: u32,
  tagLength: u32,
  face: usize,
  message: u32,
  rest: u32,
): bool {
  const own = load<u32>(face, INTERFACE_IPV4);
  if (own === 0 || !mayAnswerIpv4(packet, present, face)) return false;
  const quote = min(min(ipLength, present), ICMP_ERROR_MAXIMUM - IPV4_LENGTH - ICMP_BODY);
  const body = ICMP_BODY + quote;
  const source = load<u32>(packet, IPV4_SOURCE);
  if (!openFrame(d, packet, IPV4_LENGTH + ICMP_BODY, quote, tagLength, face)) return false;
  const icmp: usize = packet - ICMP_BODY;
  const ip: usize = icmp - IPV4_LENGTH;
  store<u32>(ip, IPV4_START | (swapped16(IPV4_LENGTH + body) << 16));
  store<u32>(ip, IPV4_ATOMIC, 4);
  store<u32>(ip, ROUTER_TTL | (IP_PROTOCOL_ICMP << 8), IPV4_TTL);
  store<u32>(ip, own, IPV4_SOURCE);
  store<u32>(ip, source, IPV4_DESTINATION);
  store<u16>(ip, <u16>~fold(sum(ip, IPV4_LENGTH)), IPV4_CHECKSUM);
  store<u32>(icmp, message, ICMP_TYPE);
  store<u32>(icmp, rest, ICMP_REST);
  store<u16>(icmp, <u16>~fold(sum(icmp, body)), ICMP_CHECKSUM);
  return true;
}

/** As answerErrorIpv4, by the rules of RFC 4443 §2.4. */
export function answerErrorIpv6(
  d: usize,
  packet: usize,
  ipLength: u32,
  present: u32,
  tagLength: u32,
  face: usize,
  message: u32,
  rest: u32,
): bool {
  const own: usize = face + INTERFACE_IPV6;
  if (load<u64>(own) === 0 || !mayAnswerIpv6(packet, min(ipLength, present), face)) return false;
  const quote = min(min(ipLength, present), ICMPV6_ERROR_MAXIMUM - IPV6_LENGTH - ICMP_BODY);
  const body = ICMP_BODY + quote;
  const source = v128.load(packet, IPV6_SOURCE);
  if (!openFrame(d, packet, IPV6_LENGTH + ICMP_BODY, quote, tagLength, face)) return false;
  const icmp: usize = packet - ICMP_BODY;
  const ip: usize = icmp - IPV6_LENGTH;
  store<u32>(ip, IPV6_START);
  store<u32>(ip, swapped16(body) | (IP_PROTOCOL_ICMPV6 << 16) | (ROUTER_TTL << 24), IPV6_PAYLOAD_LENGTH);
  v128.store(ip, v128.load(own), IPV6_SOURCE);
  v128.store(ip, source, IPV6_DESTINATION);
  store<u32>(icmp, message, ICMP_TYPE);
  store<u32>(icmp, rest, ICMP_REST);
  store<u16>(icmp, <u16>~fold(pseudoSumIcmpv6(ip, body) + sum(icmp, body)), ICMP_CHECKSUM);
  return true;
}

/** Writes the Ethernet header `headers` bytes in front of the packet and moves the descriptor; false without room. */
function openFrame(d: usize, packet: usize, headers: u32, quote: u32, tagLength: u32, face: usize): bool {
  const before = ETHERNET_LENGTH + tagLength + headers;
  const start: usize = packet - before;
  if (start < <usize>load<u32>(d, DESCRIPTOR_FLOOR)) return false;
  // The new headers overlap the old one: all of it is read before anything is written.
  const frame: usize = load<u32>(d, DESCRIPTOR_OFFSET);
  const back = loadMac(frame + ETHERNET_SOURCE);
  const tag = tagLength !== 0 ? load<u32>(frame, ETHERNET_TYPE) : 0;
  const type = load<u16>(packet - 2);
  storeMac(start, back);
  storeMac(start + ETHERNET_SOURCE, load<u64>(face, INTERFACE_MAC));
  if (tagLength !== 0) store<u32>(start, tag, ETHERNET_TYPE);
  store<u16>(start + tagLength, type, ETHERNET_TYPE);
  const length = before + quote;
  store<u32>(d, <u32>start, DESCRIPTOR_OFFSET);
  store<u32>(d, length, DESCRIPTOR_FRAME_LENGTH);
  store<u32>(d, length, DESCRIPTOR_WIRE_LENGTH);
  return true;
}

/**
 * Never about an ICMP message that may be an error, a later fragment, a packet from or to what is no single host, or
 * one that says it is from the router.
 */
function mayAnswerIpv4(packet: usize, present: u32, face: usize): bool {
  if (!isOtherHostIpv4(face, load<u32>(packet, IPV4_SOURCE))) return false;
  if (!isOtherHostIpv4(face, load<u32>(packet, IPV4_DESTINATION))) return false;
  if ((load<u16>(packet, IPV4_FRAGMENT) & FRAGMENT_OFFSET) !== 0) return false;
  if (load<u8>(packet, IPV4_PROTOCOL) !== IP_PROTOCOL_ICMP) return true;
  const headerLength: u32 = (load<u8>(packet) & 15) << 2;
  // Whether it is an error is not known if the message is not there.
  if (present <= headerLength) return false;
  const type: u32 = load<u8>(packet + headerLength);
  if (type >= 64) return false;
  const queries: u32 = type < 32 ? ICMP_QUERIES_LOW : ICMP_QUERIES_HIGH;
  return ((queries >>> (type & 31)) & 1) !== 0;
}

/** The same for IPv6; the message stands behind any extension headers. */
function mayAnswerIpv6(packet: usize, present: u32, face: usize): bool {
  if (!isOtherHostIpv6(face, packet + IPV6_SOURCE) || load<u8>(packet, IPV6_DESTINATION) === 0xff)
    return false;
  let next: u32 = load<u8>(packet, IPV6_NEXT_HEADER);
  let at: u32 = IPV6_LENGTH;
  for (let i = 0; i < IPV6_EXTENSIONS_MAXIMUM; i++) {
    if (next === IP_PROTOCOL_ICMPV6) {
      if (present <= at) return false;
      const type: u32 = load<u8>(packet + at);
      if (type < <u32>ICMPV6_ECHO_REQUEST || type > <u32>ICMPV6_KNOWN_LAST) return false;
      return type !== ICMPV6_REDIRECT;
    }
    const fragment = next === IPV6_FRAGMENT_HEADER;
    const options = next === IPV6_HOP_BY_HOP || next === IPV6_ROUTING || next === IPV6_DESTINATION_OPTIONS;
    if (!fragment && !options) return true;
    if (present < at + 8) return false;
    const extension: usize = packet + at;
    if (fragment && (load<u16>(extension, IPV6_FRAGMENT_OFFSET) & FRAGMENT_OFFSET_IPV6) !== 0) return false;
    next = load<u8>(extension);
    at += fragment ? 8 : (<u32>load<u8>(extension, IPV6_EXTENSION_UNITS) + 1) << 3;
  }
  return false;
}
