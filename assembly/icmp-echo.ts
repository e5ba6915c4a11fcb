// Echo requests to one of the router's own addresses become their replies, in place (RFC 792, RFC 4443 §4.2).

import { ETHERNET_SOURCE } from "../src/layout/ethernet.layout";
import {
  ICMP_BODY,
  ICMP_CHECKSUM,
  ICMP_ECHO_REPLY,
  ICMP_ECHO_REQUEST,
  ICMP_TYPE,
  ICMPV6_ECHO_REPLY,
  ICMPV6_ECHO_REQUEST,
} from "../src/layout/icmp.layout";
import {
  IP_PROTOCOL_ICMP,
  IP_PROTOCOL_ICMPV6,
  IPV4_CHECKSUM,
  IPV4_DESTINATION,
  IPV4_FRAGMENT,
  IPV4_LENGTH,
  IPV4_PLAIN,
  IPV4_PROTOCOL,
  IPV4_SOURCE,
  IPV4_TTL,
} from "../src/layout/ipv4.layout";
import {
  IPV6_DESTINATION,
  IPV6_HOP_LIMIT,
  IPV6_LENGTH,
  IPV6_NEXT_HEADER,
  IPV6_SOURCE,
} from "../src/layout/ipv6.layout";
import { INTERFACE_MAC, ROUTER_TTL } from "../src/layout/route.layout";
import { swapped16 } from "./byte-order";
import { checksumUpdate, fold, sum } from "./checksum";
import { FRAGMENT_BITS } from "./flow-hash";
import { loadMac, storeMac } from "./mac";
import { isOtherHostIpv4, isOtherHostIpv6 } from "./one-host";

/** `ipLength` counts header and payload, `present` how much of them is in memory; at least the header is. */
export function answerEchoIpv4(frame: usize, packet: usize, ipLength: u32, present: u32, face: usize): bool {
  // Options would have to be turned round (RFC 1122 §3.2.2.6), source routes among them: who sends them gets none.
  if (load<u8>(packet) !== IPV4_PLAIN || load<u8>(packet, IPV4_PROTOCOL) !== IP_PROTOCOL_ICMP) return false;
  if ((load<u16>(packet, IPV4_FRAGMENT) & FRAGMENT_BITS) !== 0) return false;
  const source = load<u32>(packet, IPV4_SOURCE);
  if (!isOtherHostIpv4(face, source)) return false;
  const message: usize = packet + IPV4_LENGTH;
  if (!isEcho(message, ipLength - IPV4_LENGTH, present - IPV4_LENGTH, ICMP_ECHO_REQUEST, 0)) return false;
  store<u32>(packet, load<u32>(packet, IPV4_DESTINATION), IPV4_SOURCE);
  store<u32>(packet, source, IPV4_DESTINATION);
  const before: u32 = load<u16>(packet, IPV4_TTL);
  const after = (before & 0xff00) | ROUTER_TTL;
  store<u16>(packet, <u16>after, IPV4_TTL);
  store<u16>(packet, <u16>checksumUpdate(load<u16>(packet, IPV4_CHECKSUM), before, after), IPV4_CHECKSUM);
  reply(message, ICMP_ECHO_REPLY);
  turnRound(frame, face);
  return true;
}

/** As answerEchoIpv4. Only where ICMPv6 follows the header at once. */
export function answerEchoIpv6(frame: usize, packet: usize, ipLength: u32, present: u32, face: usize): bool {
  if (load<u8>(packet, IPV6_NEXT_HEADER) !== IP_PROTOCOL_ICMPV6) return false;
  if (!isOtherHostIpv6(face, packet + IPV6_SOURCE)) return false;
  const message: usize = packet + IPV6_LENGTH;
  const length = ipLength - IPV6_LENGTH;
  const pseudo = pseudoSumIcmpv6(packet, length);
  if (!isEcho(message, length, present - IPV6_LENGTH, ICMPV6_ECHO_REQUEST, pseudo)) return false;
  const source = v128.load(packet, IPV6_SOURCE);
  v128.store(packet, v128.load(packet, IPV6_DESTINATION), IPV6_SOURCE);
  v128.store(packet, source, IPV6_DESTINATION);
  store<u8>(packet, ROUTER_TTL, IPV6_HOP_LIMIT);
  reply(message, ICMPV6_ECHO_REPLY);
  turnRound(frame, face);
  return true;
}

/** The sum of the pseudo-header in front of an ICMPv6 message of `length` bytes (RFC 8200 §8.1). */
export function pseudoSumIcmpv6(packet: usize, length: u32): u64 {
  return sum(packet + IPV6_SOURCE, 32) + swapped16(length) + (IP_PROTOCOL_ICMPV6 << 8);
}

/** A message whose checksum is wrong is none (RFC 1122 §3.2.2); that of one a capture cut cannot be known. */
function isEcho(message: usize, length: u32, present: u32, type: u32, pseudo: u64): bool {
  if (length < <u32>ICMP_BODY || present < <u32>ICMP_BODY) return false;
  // Type, and code 0.
  if (<u32>load<u16>(message, ICMP_TYPE) !== type) return false;
  return present < length || fold(pseudo + sum(message, length)) === 0xffff;
}

function reply(message: usize, type: u32): void {
  const before: u32 = load<u16>(message, ICMP_TYPE);
  store<u16>(message, <u16>type, ICMP_TYPE);
  const sumBefore: u32 = load<u16>(message, ICMP_CHECKSUM);
  store<u16>(message, <u16>checksumUpdate(sumBefore, before, type), ICMP_CHECKSUM);
}

/** Sends the frame back to where it came from. */
function turnRound(frame: usize, face: usize): void {
  storeMac(frame, loadMac(frame + ETHERNET_SOURCE));
  storeMac(frame + ETHERNET_SOURCE, load<u64>(face, INTERFACE_MAC));
}
