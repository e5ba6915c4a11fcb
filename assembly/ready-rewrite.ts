// Rewriting: other MACs, tags, addresses and ports in the outermost headers of a frame, by lists of what becomes what.

import {
  ARP_HARDWARE_LENGTH,
  ARP_LENGTH,
  ARP_PROTOCOL_LENGTH,
  ARP_PROTOCOL_TYPE,
  ARP_SENDER_IP,
  ARP_SENDER_MAC,
  ARP_TARGET_IP,
  ARP_TARGET_MAC,
} from "../src/layout/arp.layout";
import {
  DESCRIPTOR_FLOW_HASH,
  DESCRIPTOR_FRAME_LENGTH,
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_LINK,
  DESCRIPTOR_OFFSET,
  DESCRIPTOR_TRAILER,
  DESCRIPTOR_VERDICT,
  VERDICT_FORWARD,
} from "../src/layout/descriptor.layout";
import { DROP_TTL_EXCEEDED } from "../src/layout/drop.layout";
import { ETHERTYPE_ARP, MAC_LENGTH } from "../src/layout/ethernet.layout";
import { IPV4_LENGTH } from "../src/layout/ipv4.layout";
import { IPV6_LENGTH } from "../src/layout/ipv6.layout";
import { LINK_ETHERNET } from "../src/layout/link.layout";
import {
  LIST_DESTINATION_IPV4,
  LIST_DESTINATION_MAC,
  LIST_PCP,
  LIST_SOURCE_IPV4,
  LIST_SOURCE_MAC,
  LIST_VID,
  READY_STATE_CHANGED,
  REWRITE_TTL_LESS,
} from "../src/layout/ready.layout";
import { VLAN_LENGTH, VLAN_PCP_SHIFT, VLAN_VID_MASK } from "../src/layout/vlan.layout";
import { swapped16 } from "./byte-order";
import { TYPE_IPV4, TYPE_IPV6 } from "./ether-types";
import { drop } from "./frameferry";
import { LINK_PLACE, LINK_REFUSED, LINK_TYPE, openLink } from "./link";
import { PACKET_CHANGED, PACKET_EXPIRED, PACKET_SAME, rewriteIpv4, rewriteIpv6 } from "./rewrite-ip";
import { changedNumber, changeIpv4, changeMac, changeMacs, setRows } from "./rewrite-rows";
import { isTag } from "./vlan";

/** Tags walked over, as many as the flow hash does. */
const TAGS_MAXIMUM = 2;

export function rewrite(
  descriptors: usize,
  count: u32,
  parameters: usize,
  state: usize,
  counters: usize,
): void {
  const ttlLess = load<u32>(parameters, REWRITE_TTL_LESS);
  setRows(parameters);
  const end: usize = descriptors + count * DESCRIPTOR_LENGTH;
  let changed: u64 = 0;
  for (let d = descriptors; d < end; d += DESCRIPTOR_LENGTH) {
    if (load<u8>(d, DESCRIPTOR_VERDICT) !== VERDICT_FORWARD) continue;
    const outcome = rewriteFrame(
      load<u8>(d, DESCRIPTOR_LINK),
      load<u32>(d, DESCRIPTOR_OFFSET),
      load<u32>(d, DESCRIPTOR_FRAME_LENGTH),
      ttlLess,
    );
    if ((outcome & PACKET_EXPIRED) !== 0) drop(d, DROP_TTL_EXCEEDED, counters);
    else if (outcome !== PACKET_SAME) {
      store<u8>(d, 0, DESCRIPTOR_TRAILER);
      // It was that of what stood there before.
      store<u32>(d, 0, DESCRIPTOR_FLOW_HASH);
      changed++;
    }
  }
  store<u64>(state, load<u64>(state, READY_STATE_CHANGED) + changed, READY_STATE_CHANGED);
}

function rewriteFrame(link: u32, frame: usize, length: u32, ttlLess: u32): u32 {
  const opened = openLink(link, frame, length);
  if ((opened & LINK_REFUSED) !== 0) return PACKET_SAME;
  let outcome: u32 = PACKET_SAME;
  if (link === LINK_ETHERNET && changeMacs(LIST_DESTINATION_MAC, LIST_SOURCE_MAC, frame))
    outcome = PACKET_CHANGED;
  let type: u32 = opened >>> LINK_TYPE;
  let at: u32 = opened & LINK_PLACE;
  for (let tags = 0; tags < TAGS_MAXIMUM && isTag(type); tags++) {
    if (length < at + VLAN_LENGTH) return outcome;
    if (tags === 0) outcome |= changeTag(frame + at);
    type = load<u16>(frame + at, 2);
    at += VLAN_LENGTH;
  }
  const packet: usize = frame + at;
  const left = length - at;
  if (type === TYPE_IPV4 && left >= <u32>IPV4_LENGTH) return outcome | rewriteIpv4(packet, left, ttlLess);
  if (type === TYPE_IPV6 && left >= <u32>IPV6_LENGTH) return outcome | rewriteIpv6(packet, left, ttlLess);
  if (swapped16(type) === ETHERTYPE_ARP && left >= <u32>ARP_LENGTH) return outcome | rewriteArp(packet);
  return outcome;
}

/** VLAN and priority of a tag, behind its TPID. */
function changeTag(at: usize): u32 {
  const before = swapped16(load<u16>(at));
  const vid = changedNumber(LIST_VID, before & VLAN_VID_MASK);
  const pcp = changedNumber(LIST_PCP, before >>> VLAN_PCP_SHIFT);
  const after = (before & 0x1000) | vid | (pcp << VLAN_PCP_SHIFT);
  store<u16>(at, <u16>swapped16(after));
  return after === before ? PACKET_SAME : PACKET_CHANGED;
}

/** Who asks or answers is a source, who is asked for or answered a destination. */
function rewriteArp(at: usize): u32 {
  const isKnown =
    load<u16>(at, ARP_PROTOCOL_TYPE) === TYPE_IPV4 &&
    load<u8>(at, ARP_HARDWARE_LENGTH) === MAC_LENGTH &&
    load<u8>(at, ARP_PROTOCOL_LENGTH) === 4;
  if (!isKnown) return PACKET_SAME;
  const addresses =
    changeIpv4(LIST_SOURCE_IPV4, at + ARP_SENDER_IP) | changeIpv4(LIST_DESTINATION_IPV4, at + ARP_TARGET_IP);
  const sender = changeMac(LIST_SOURCE_MAC, at + ARP_SENDER_MAC);
  // Who asks does not know it: that stays so.
  const isNobody = load<u32>(at, ARP_TARGET_MAC) === 0 && load<u16>(at, ARP_TARGET_MAC + 4) === 0;
  const target = !isNobody && changeMac(LIST_DESTINATION_MAC, at + ARP_TARGET_MAC);
  return addresses !== 0 || sender || target ? PACKET_CHANGED : PACKET_SAME;
}
