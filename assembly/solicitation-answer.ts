// A neighbour solicitation (RFC 4861 §4.3) becomes an advertisement (§4.4) with the target's MAC.

import {
  DESCRIPTOR_FLOOR,
  DESCRIPTOR_FRAME_LENGTH,
  DESCRIPTOR_OFFSET,
  DESCRIPTOR_WIRE_LENGTH,
} from "../src/layout/descriptor.layout";
import { ETHERNET_LENGTH, ETHERNET_SOURCE, ETHERNET_TYPE } from "../src/layout/ethernet.layout";
import {
  ADVERTISEMENT_LENGTH,
  ADVERTISEMENT_OPTION,
  ADVERTISEMENT_OVERRIDE,
  ADVERTISEMENT_ROUTER,
  ADVERTISEMENT_SOLICITED,
  ICMP_CHECKSUM,
  ICMP_REST,
  NEIGHBOUR_ADVERTISEMENT,
  NEIGHBOUR_SOLICITATION,
  OPTION_LENGTH,
  OPTION_SOURCE_MAC,
  OPTION_TARGET_MAC,
  SOLICITATION_HOP_LIMIT,
  SOLICITATION_LENGTH,
  SOLICITATION_TARGET,
} from "../src/layout/icmp.layout";
import { IP_PROTOCOL_ICMPV6 } from "../src/layout/ipv4.layout";
import {
  IPV6_DESTINATION,
  IPV6_HOP_LIMIT,
  IPV6_LENGTH,
  IPV6_NEXT_HEADER,
  IPV6_PAYLOAD_LENGTH,
  IPV6_SOURCE,
} from "../src/layout/ipv6.layout";
import { NEIGHBOUR_FLAGS, NEIGHBOUR_GATEWAY, NEIGHBOUR_MAC } from "../src/layout/switch.layout";
import { swapped16 } from "./byte-order";
import { fold, sum } from "./checksum";
import { pseudoSumIcmpv6 } from "./icmp-echo";
import { isHostIpv6 } from "./ip-address";
import { loadMac, storeMac } from "./mac";
import { mayTell, neighbourIpv6 } from "./neighbour";

/** ff02::1, all nodes, and its MAC: who has no address yet is answered there. */
const ALL_NODES_HIGH: u64 = 0x02ff;
const ALL_NODES_LOW: u64 = 0x0100000000000000;
const ALL_NODES_MAC: u64 = 0x010000003333;
/** ff02::1:ff00:0/104 begins as all nodes do, and goes on with these five bytes. */
const SOLICITED_NODE_MASK: u64 = 0xffffffffff;
const SOLICITED_NODE_LOW: u64 = 0xff01000000;

/** `present` bytes of the packet are in memory. */
export function answerSolicitation(
  sw: usize,
  d: usize,
  packet: usize,
  present: u32,
  domain: u32,
  tagLength: u32,
): bool {
  if (present < <u32>IPV6_LENGTH + SOLICITATION_LENGTH) return false;
  if (load<u8>(packet, IPV6_NEXT_HEADER) !== IP_PROTOCOL_ICMPV6) return false;
  const icmp: usize = packet + IPV6_LENGTH;
  if (<u32>load<u16>(icmp) !== NEIGHBOUR_SOLICITATION) return false; // and code 0
  // Only a neighbour can send a hop limit of 255 (§7.1.1).
  if (load<u8>(packet) >>> 4 !== 6 || load<u8>(packet, IPV6_HOP_LIMIT) !== SOLICITATION_HOP_LIMIT)
    return false;
  const length: u32 = bswap<u16>(load<u16>(packet, IPV6_PAYLOAD_LENGTH));
  if (length < <u32>SOLICITATION_LENGTH || length > present - IPV6_LENGTH) return false;
  if (!mayAsk(packet, icmp, length)) return false;
  const record = neighbourIpv6(sw, domain, icmp + SOLICITATION_TARGET);
  if (record === 0 || !mayTell(sw, domain, record)) return false;
  if (fold(pseudoSumIcmpv6(packet, length) + sum(icmp, length)) !== 0xffff) return false;

  const frame: usize = load<u32>(d, DESCRIPTOR_OFFSET);
  const mac = load<u64>(record, NEIGHBOUR_MAC);
  let back = loadMac(frame + ETHERNET_SOURCE);
  if (mac === back) return false;
  const isGateway = (load<u32>(record, NEIGHBOUR_FLAGS) & NEIGHBOUR_GATEWAY) !== 0;
  let high = load<u64>(packet, IPV6_SOURCE);
  let low = load<u64>(packet, IPV6_SOURCE + 8);
  let flags: u32 = ADVERTISEMENT_OVERRIDE | (isGateway ? ADVERTISEMENT_ROUTER : 0);
  if ((high | low) === 0) {
    // Somebody asks whether an address is free (RFC 4862 §5.4): its owner is to answer, and that is us for a gateway's.
    if (!isGateway) return false;
    high = ALL_NODES_HIGH;
    low = ALL_NODES_LOW;
    back = ALL_NODES_MAC;
  } else flags |= ADVERTISEMENT_SOLICITED;

  // The answer ends where the frame ends if it is longer, and begins where the frame begins if not.
  const frameLength = load<u32>(d, DESCRIPTOR_FRAME_LENGTH);
  const answerLength: u32 = ETHERNET_LENGTH + tagLength + IPV6_LENGTH + ADVERTISEMENT_LENGTH;
  const start: usize = answerLength > frameLength ? frame + frameLength - answerLength : frame;
  if (start < <usize>load<u32>(d, DESCRIPTOR_FLOOR)) return false;
  const target = v128.load(icmp, SOLICITATION_TARGET);
  const tag = load<u32>(frame, ETHERNET_TYPE);
  const type = load<u16>(packet - 2);
  storeMac(start, back);
  storeMac(start + ETHERNET_SOURCE, mac);
  if (tagLength !== 0) store<u32>(start, tag, ETHERNET_TYPE);
  store<u16>(start + tagLength, type, ETHERNET_TYPE);
  const ip: usize = start + ETHERNET_LENGTH + tagLength;
  store<u32>(ip, 0x60);
  store<u16>(ip, <u16>swapped16(ADVERTISEMENT_LENGTH), IPV6_PAYLOAD_LENGTH);
  store<u8>(ip, IP_PROTOCOL_ICMPV6, IPV6_NEXT_HEADER);
  store<u8>(ip, SOLICITATION_HOP_LIMIT, IPV6_HOP_LIMIT);
  v128.store(ip, target, IPV6_SOURCE);
  store<u64>(ip, high, IPV6_DESTINATION);
  store<u64>(ip, low, IPV6_DESTINATION + 8);
  const answer: usize = ip + IPV6_LENGTH;
  store<u32>(answer, NEIGHBOUR_ADVERTISEMENT);
  store<u32>(answer, flags, ICMP_REST);
  v128.store(answer, target, SOLICITATION_TARGET);
  store<u16>(answer, OPTION_TARGET_MAC | (1 << 8), ADVERTISEMENT_OPTION);
  storeMac(answer + ADVERTISEMENT_OPTION + 2, mac);
  const total = pseudoSumIcmpv6(ip, ADVERTISEMENT_LENGTH) + sum(answer, ADVERTISEMENT_LENGTH);
  store<u16>(answer, <u16>~fold(total), ICMP_CHECKSUM);
  store<u32>(d, <u32>start, DESCRIPTOR_OFFSET);
  store<u32>(d, answerLength, DESCRIPTOR_FRAME_LENGTH);
  store<u32>(d, answerLength, DESCRIPTOR_WIRE_LENGTH);
  return true;
}

/**
 * What else a solicitation must be (§7.1.1): from a host, or from nobody yet, who asks the group of the target and
 * names no MAC; and its options must be whole.
 */
function mayAsk(packet: usize, icmp: usize, length: u32): bool {
  const source: usize = packet + IPV6_SOURCE;
  const nobody = (load<u64>(source) | load<u64>(source, 8)) === 0;
  if (nobody) {
    if (load<u64>(packet, IPV6_DESTINATION) !== ALL_NODES_HIGH) return false;
    if ((load<u64>(packet, IPV6_DESTINATION + 8) & SOLICITED_NODE_MASK) !== SOLICITED_NODE_LOW) return false;
  } else if (!isHostIpv6(source)) return false;
  let at: u32 = SOLICITATION_LENGTH;
  while (at < length) {
    if (length - at < 8) return false;
    const option: usize = icmp + at;
    const units: u32 = load<u8>(option, OPTION_LENGTH);
    if (units === 0 || units << 3 > length - at) return false;
    if (nobody && load<u8>(option) === OPTION_SOURCE_MAC) return false;
    at += units << 3;
  }
  return true;
}
