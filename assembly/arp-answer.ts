// ARP requests (RFC 826) and neighbour solicitations (RFC 4861 §7.2.4) for addresses that are known become their
// answers, and leave the way they came.

import {
  ARP_LENGTH,
  ARP_OPERATION,
  ARP_SENDER_IP,
  ARP_SENDER_MAC,
  ARP_TARGET_IP,
  ARP_TARGET_MAC,
} from "../src/layout/arp.layout";
import { DESCRIPTOR_FRAME_LENGTH, DESCRIPTOR_OFFSET } from "../src/layout/descriptor.layout";
import { ETHERNET_LENGTH, ETHERNET_SOURCE, ETHERNET_TYPE } from "../src/layout/ethernet.layout";
import { ANSWERED_ARP, CONTEXT_ANSWERED, CONTEXT_SWITCH, NEIGHBOUR_MAC } from "../src/layout/switch.layout";
import { loadMac, storeMac } from "./mac";
import { mayTell, neighbourIpv4 } from "./neighbour";
import { answerSolicitation } from "./solicitation-answer";

const TYPE_ARP: u32 = 0x0608; // as a little-endian load sees 0x0806
const TYPE_IPV6: u32 = 0xdd86;
/** Ethernet, IPv4, lengths 6 and 4, a request: the eight bytes in front of the addresses. */
const REQUEST: u64 = 0x0100040600080100;
const REPLY: u16 = 0x0200;

/**
 * Answers in place if the frame asks for a neighbour of bridge domain `domain` that it may be told of; says if it did.
 * Domain 0 is the uplink. A frame that is not answered is unchanged.
 */
export function answerArp(context: usize, d: usize, domain: u32, tagLength: u32): bool {
  const frame: usize = load<u32>(d, DESCRIPTOR_OFFSET);
  const length = load<u32>(d, DESCRIPTOR_FRAME_LENGTH);
  const headers: u32 = ETHERNET_LENGTH + tagLength;
  if (length < headers + <u32>ARP_LENGTH) return false;
  const type: u32 = load<u16>(frame + tagLength, ETHERNET_TYPE);
  if (type !== TYPE_ARP && type !== TYPE_IPV6) return false;
  const sw: usize = load<u32>(context, CONTEXT_SWITCH);
  const done =
    type === TYPE_ARP
      ? answerRequest(sw, frame, frame + headers, domain)
      : answerSolicitation(sw, d, frame + headers, length - headers, domain, tagLength);
  if (!done) return false;
  const counter: usize = context + CONTEXT_ANSWERED + ANSWERED_ARP;
  store<u64>(counter, load<u64>(counter) + 1);
  return true;
}

function answerRequest(sw: usize, frame: usize, packet: usize, domain: u32): bool {
  if (load<u64>(packet) !== REQUEST) return false;
  const target = load<u32>(packet, ARP_TARGET_IP);
  const sender = load<u32>(packet, ARP_SENDER_IP);
  if (sender === target) return false;
  const record = neighbourIpv4(sw, domain, target);
  if (record === 0 || !mayTell(sw, domain, record)) return false;
  const mac = load<u64>(record, NEIGHBOUR_MAC);
  const asking = loadMac(packet + ARP_SENDER_MAC);
  if (mac === asking) return false;
  storeMac(frame, loadMac(frame + ETHERNET_SOURCE));
  storeMac(frame + ETHERNET_SOURCE, mac);
  store<u16>(packet, REPLY, ARP_OPERATION);
  storeMac(packet + ARP_SENDER_MAC, mac);
  store<u32>(packet, target, ARP_SENDER_IP);
  storeMac(packet + ARP_TARGET_MAC, asking);
  store<u32>(packet, sender, ARP_TARGET_IP);
  return true;
}
