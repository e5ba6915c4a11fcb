// Routing of one frame that is addressed to its bridge domain's gateway: the packet's header is checked, its
// destination looked up, and the frame goes on in another bridge domain, or becomes an answer that leaves the way
// it came, or is dropped. A frame is changed only when it is clear that it is not dropped.
//
// This router does not fragment: a packet that is too long for its way is answered so, with Don't Fragment or
// without. What its source sends next then fits.

import {
  DESCRIPTOR_FRAME_LENGTH,
  DESCRIPTOR_OFFSET,
  DESCRIPTOR_WIRE_LENGTH,
} from "../src/layout/descriptor.layout";
import {
  DROP_BLACKHOLE,
  DROP_EXCEEDS_MTU,
  DROP_FOR_ROUTER,
  DROP_FRAME_TOO_SHORT,
  DROP_IP_CHECKSUM,
  DROP_IP_HEADER,
  DROP_NO_NEIGHBOUR,
  DROP_NO_ROUTE,
  DROP_TTL_EXCEEDED,
} from "../src/layout/drop.layout";
import { ETHERNET_LENGTH, ETHERNET_SOURCE, ETHERNET_TYPE } from "../src/layout/ethernet.layout";
import {
  ICMP_FRAGMENTATION_NEEDED,
  ICMP_TIME_EXCEEDED,
  ICMP_UNREACHABLE,
  ICMPV6_PACKET_TOO_BIG,
  ICMPV6_TIME_EXCEEDED,
} from "../src/layout/icmp.layout";
import {
  IPV4_CHECKSUM,
  IPV4_DESTINATION,
  IPV4_LENGTH,
  IPV4_SOURCE,
  IPV4_TOTAL_LENGTH,
  IPV4_TTL,
} from "../src/layout/ipv4.layout";
import {
  IPV6_DESTINATION,
  IPV6_HOP_LIMIT,
  IPV6_LENGTH,
  IPV6_PAYLOAD_LENGTH,
  IPV6_SOURCE,
} from "../src/layout/ipv6.layout";
import {
  GROUP_BLACKHOLE,
  GROUP_COUNT,
  GROUP_HOPS,
  GROUP_KIND,
  GROUP_LOCAL,
  HOP_INTERFACE,
  HOP_MAC,
  HOP_NETWORK_BITS,
  INTERFACE_DOMAIN,
  INTERFACE_MAC,
  INTERFACE_MTU,
  INTERFACE_ROUTER,
  ROUTED_ANSWERED,
  ROUTED_DOMAIN_SHIFT,
  ROUTER_IPV4,
  ROUTER_IPV6,
} from "../src/layout/route.layout";
import {
  ANSWERED_ECHO,
  ANSWERED_TOO_BIG,
  ANSWERED_TTL,
  CONTEXT_ANSWERED,
  CONTEXT_DOMAINS,
  CONTEXT_STAMP,
  CONTEXT_SWITCH,
  DOMAIN_COUNTERS_LENGTH,
  DOMAIN_ERRORS_TOO_BIG,
  DOMAIN_ERRORS_TTL,
  DOMAIN_LENGTH,
  DOMAIN_ROUTER,
  ERRORS_A_SECOND,
  ERRORS_SENT,
  ERRORS_STAMP,
  NEIGHBOUR_MAC,
  SWITCH_DOMAINS,
  SWITCH_FLOW_SEED,
} from "../src/layout/switch.layout";
import { swapped16 } from "./byte-order";
import { checksumUpdate, sum, sumIsWrong } from "./checksum";
import { flowHash } from "./flow-hash";
import { answerEchoIpv4, answerEchoIpv6 } from "./icmp-echo";
import { answerErrorIpv4, answerErrorIpv6 } from "./icmp-error";
import { isHostIpv4, isHostIpv6, isLinkLocal } from "./ip-address";
import { longestMatchIpv4, longestMatchIpv6 } from "./lpm";
import { storeMac } from "./mac";
import { neighbourIpv4, neighbourIpv6 } from "./neighbour";
import { saidLength } from "./super-frame";

const TYPE_IPV4: u32 = 0x0008; // as a little-endian load sees 0x0800
const TYPE_IPV6: u32 = 0xdd86;

/**
 * Routes the frame of descriptor `d`, which came in in bridge domain `domain` with a tag of `tagLength` bytes (0 or 4).
 * Returns a drop reason, or ROUTED_ANSWERED, or the bridge domain it goes on in << ROUTED_DOMAIN_SHIFT.
 */
export function route(context: usize, d: usize, domain: u32, tagLength: u32): u32 {
  const sw: usize = load<u32>(context, CONTEXT_SWITCH);
  const face: usize = load<u32>(load<u32>(sw, SWITCH_DOMAINS) + domain * DOMAIN_LENGTH, DOMAIN_ROUTER);
  if (face === 0) return DROP_FOR_ROUTER;
  const frame: usize = load<u32>(d, DESCRIPTOR_OFFSET);
  const headers: u32 = ETHERNET_LENGTH + tagLength;
  const length = load<u32>(d, DESCRIPTOR_FRAME_LENGTH);
  if (length < headers) return DROP_FRAME_TOO_SHORT;
  const packet: usize = frame + headers;
  const type: u32 = load<u16>(frame + tagLength, ETHERNET_TYPE);
  const available = saidLength(length, load<u32>(d, DESCRIPTOR_WIRE_LENGTH)) - headers;
  if (type === TYPE_IPV4)
    return routeIpv4(context, sw, d, face, packet, length - headers, available, tagLength);
  if (type === TYPE_IPV6)
    return routeIpv6(context, sw, d, face, packet, length - headers, available, tagLength);
  return DROP_FOR_ROUTER;
}

/** `present` bytes of the packet are in memory, `available` were on the wire. */
function routeIpv4(
  context: usize,
  sw: usize,
  d: usize,
  face: usize,
  packet: usize,
  present: u32,
  available: u32,
  tagLength: u32,
): u32 {
  if (present < <u32>IPV4_LENGTH) return DROP_IP_HEADER;
  const first: u32 = load<u8>(packet);
  const headerLength = (first & 15) << 2;
  const ipLength: u32 = bswap<u16>(load<u16>(packet, IPV4_TOTAL_LENGTH));
  if (first >>> 4 !== 4 || headerLength < <u32>IPV4_LENGTH || headerLength > present) return DROP_IP_HEADER;
  if (ipLength < headerLength || ipLength > available) return DROP_IP_HEADER;
  if (sumIsWrong(sum(packet, headerLength)) !== 0) return DROP_IP_CHECKSUM;

  const destination = load<u32>(packet, IPV4_DESTINATION);
  const group = longestMatchIpv4(load<u32>(face, INTERFACE_ROUTER) + ROUTER_IPV4, destination);
  if (group !== 0 && load<u32>(group, GROUP_KIND) === GROUP_LOCAL) {
    const frame: usize = load<u32>(d, DESCRIPTOR_OFFSET);
    if (!answerEchoIpv4(frame, packet, ipLength, present, face)) return DROP_FOR_ROUTER;
    return answered(context, ANSWERED_ECHO);
  }
  const lifetime: u32 = load<u16>(packet, IPV4_TTL); // TTL, and the protocol above it
  if ((lifetime & 0xff) <= 1) {
    const budget = budgetOf(context, face, DOMAIN_ERRORS_TTL);
    if (
      budget === 0 ||
      !answerErrorIpv4(d, packet, ipLength, present, tagLength, face, ICMP_TIME_EXCEEDED, 0)
    )
      return DROP_TTL_EXCEEDED;
    return reported(context, budget, ANSWERED_TTL);
  }
  if (group === 0 || !isHostIpv4(destination) || !isHostIpv4(load<u32>(packet, IPV4_SOURCE)))
    return DROP_NO_ROUTE;
  if (load<u32>(group, GROUP_KIND) === GROUP_BLACKHOLE) return DROP_BLACKHOLE;

  const hop = choose(sw, d, group);
  const egress: usize = load<u32>(hop, HOP_INTERFACE);
  let mac = load<u64>(hop, HOP_MAC);
  if (load<u32>(hop, HOP_NETWORK_BITS) !== 0)
    mac = macOf(neighbourIpv4(sw, load<u32>(egress, INTERFACE_DOMAIN), destination));
  if (mac === 0) return DROP_NO_NEIGHBOUR;
  const mtu = load<u32>(egress, INTERFACE_MTU);
  if (min(ipLength, load<u32>(d, DESCRIPTOR_WIRE_LENGTH) - ETHERNET_LENGTH - tagLength) > mtu) {
    const message = ICMP_UNREACHABLE | (ICMP_FRAGMENTATION_NEEDED << 8);
    const budget = budgetOf(context, face, DOMAIN_ERRORS_TOO_BIG);
    // The MTU stands in the last two of the four bytes (RFC 1191 §4).
    if (
      budget === 0 ||
      !answerErrorIpv4(d, packet, ipLength, present, tagLength, face, message, swapped16(mtu) << 16)
    )
      return DROP_EXCEEDS_MTU;
    return reported(context, budget, ANSWERED_TOO_BIG);
  }
  const sumBefore: u32 = load<u16>(packet, IPV4_CHECKSUM);
  store<u16>(packet, <u16>checksumUpdate(sumBefore, lifetime, lifetime - 1), IPV4_CHECKSUM);
  store<u16>(packet, <u16>(lifetime - 1), IPV4_TTL);
  return passOn(d, egress, mac);
}

/** The same for IPv6, which has no checksum. */
function routeIpv6(
  context: usize,
  sw: usize,
  d: usize,
  face: usize,
  packet: usize,
  present: u32,
  available: u32,
  tagLength: u32,
): u32 {
  if (present < <u32>IPV6_LENGTH || load<u8>(packet) >>> 4 !== 6) return DROP_IP_HEADER;
  const ipLength: u32 = IPV6_LENGTH + <u32>bswap<u16>(load<u16>(packet, IPV6_PAYLOAD_LENGTH));
  if (ipLength > available) return DROP_IP_HEADER;

  const destination: usize = packet + IPV6_DESTINATION;
  const group = longestMatchIpv6(load<u32>(face, INTERFACE_ROUTER) + ROUTER_IPV6, destination);
  if (group !== 0 && load<u32>(group, GROUP_KIND) === GROUP_LOCAL) {
    const frame: usize = load<u32>(d, DESCRIPTOR_OFFSET);
    if (!answerEchoIpv6(frame, packet, ipLength, present, face)) return DROP_FOR_ROUTER;
    return answered(context, ANSWERED_ECHO);
  }
  const hopLimit: u32 = load<u8>(packet, IPV6_HOP_LIMIT);
  if (hopLimit <= 1) {
    const budget = budgetOf(context, face, DOMAIN_ERRORS_TTL);
    if (
      budget === 0 ||
      !answerErrorIpv6(d, packet, ipLength, present, tagLength, face, ICMPV6_TIME_EXCEEDED, 0)
    )
      return DROP_TTL_EXCEEDED;
    return reported(context, budget, ANSWERED_TTL);
  }
  const source: usize = packet + IPV6_SOURCE;
  if (group === 0 || !isHostIpv6(destination) || !isHostIpv6(source)) return DROP_NO_ROUTE;
  // A link-local address means something on its own link only (RFC 4291 §2.5.6).
  if (isLinkLocal(destination) || isLinkLocal(source)) return DROP_NO_ROUTE;
  if (load<u32>(group, GROUP_KIND) === GROUP_BLACKHOLE) return DROP_BLACKHOLE;

  const hop = choose(sw, d, group);
  const egress: usize = load<u32>(hop, HOP_INTERFACE);
  let mac = load<u64>(hop, HOP_MAC);
  if (load<u32>(hop, HOP_NETWORK_BITS) !== 0)
    mac = macOf(neighbourIpv6(sw, load<u32>(egress, INTERFACE_DOMAIN), destination));
  if (mac === 0) return DROP_NO_NEIGHBOUR;
  const mtu = load<u32>(egress, INTERFACE_MTU);
  if (min(ipLength, load<u32>(d, DESCRIPTOR_WIRE_LENGTH) - ETHERNET_LENGTH - tagLength) > mtu) {
    const rest = bswap<u32>(mtu);
    const budget = budgetOf(context, face, DOMAIN_ERRORS_TOO_BIG);
    if (
      budget === 0 ||
      !answerErrorIpv6(d, packet, ipLength, present, tagLength, face, ICMPV6_PACKET_TOO_BIG, rest)
    )
      return DROP_EXCEEDS_MTU;
    return reported(context, budget, ANSWERED_TOO_BIG);
  }
  store<u8>(packet, <u8>(hopLimit - 1), IPV6_HOP_LIMIT);
  return passOn(d, egress, mac);
}

/** One of the group's next hops: all frames of a flow take the same. */
function choose(sw: usize, d: usize, group: usize): usize {
  const count = load<u32>(group, GROUP_COUNT);
  if (count === 1) return load<u32>(group, GROUP_HOPS);
  const hash = flowHash(
    load<u32>(d, DESCRIPTOR_OFFSET),
    load<u32>(d, DESCRIPTOR_FRAME_LENGTH),
    load<u32>(sw, SWITCH_FLOW_SEED),
  );
  const index = <u32>((<u64>hash * count) >>> 32);
  return load<u32>(group + (index << 2), GROUP_HOPS);
}

function macOf(neighbour: usize): u64 {
  return neighbour === 0 ? 0 : load<u64>(neighbour, NEIGHBOUR_MAC);
}

function passOn(d: usize, egress: usize, mac: u64): u32 {
  const frame: usize = load<u32>(d, DESCRIPTOR_OFFSET);
  storeMac(frame, mac);
  storeMac(frame + ETHERNET_SOURCE, load<u64>(egress, INTERFACE_MAC));
  return load<u32>(egress, INTERFACE_DOMAIN) << ROUTED_DOMAIN_SHIFT;
}

function answered(context: usize, counter: usize): u32 {
  const at: usize = context + CONTEXT_ANSWERED + counter;
  store<u64>(at, load<u64>(at) + 1);
  return ROUTED_ANSWERED;
}

/** What the frame's bridge domain may still send of a kind of ICMP errors; 0 if there were enough in this second. */
function budgetOf(context: usize, face: usize, kind: usize): usize {
  const domains: usize = load<u32>(context, CONTEXT_DOMAINS);
  const budget: usize = domains + load<u32>(face, INTERFACE_DOMAIN) * DOMAIN_COUNTERS_LENGTH + kind;
  const stamp = load<u32>(context, CONTEXT_STAMP);
  if (stamp !== load<u32>(budget, ERRORS_STAMP)) {
    store<u32>(budget, stamp, ERRORS_STAMP);
    store<u32>(budget, 0, ERRORS_SENT);
  }
  return load<u32>(budget, ERRORS_SENT) < <u32>ERRORS_A_SECOND ? budget : 0;
}

/** Only what is sent counts: packets that nobody may be told of do not silence what others would be told. */
function reported(context: usize, budget: usize, counter: usize): u32 {
  store<u32>(budget, load<u32>(budget, ERRORS_SENT) + 1, ERRORS_SENT);
  return answered(context, counter);
}
