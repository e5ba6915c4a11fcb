// Counting by key: frames and bytes in a table of this thread's, whose entries are used one behind the other.
//
// What a key is made of is read where the frame begins at this point of the pipeline. The table never grows, and nothing
// in it gives way: frames whose key finds no place are counted together, so that all sums are exact.

import {
  COUNT_DESTINATION,
  COUNT_DESTINATION_MAC,
  COUNT_DESTINATION_PORT,
  COUNT_IPV6,
  COUNT_KEY,
  COUNT_KEY_LENGTH,
  COUNT_PROTOCOL,
  COUNT_SOURCE,
  COUNT_SOURCE_MAC,
  COUNT_SOURCE_PORT,
  COUNT_VID,
  COUNT_VNI,
} from "../src/layout/count.layout";
import {
  DESCRIPTOR_FRAME_LENGTH,
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_LINK,
  DESCRIPTOR_OFFSET,
  DESCRIPTOR_VERDICT,
  DESCRIPTOR_VNI,
  DESCRIPTOR_WIRE_LENGTH,
  VERDICT_FORWARD,
  VNI_NONE,
} from "../src/layout/descriptor.layout";
import { ETHERNET_SOURCE } from "../src/layout/ethernet.layout";
import {
  IPV4_DESTINATION,
  IPV4_FRAGMENT,
  IPV4_LENGTH,
  IPV4_PROTOCOL,
  IPV4_SOURCE,
} from "../src/layout/ipv4.layout";
import { IPV6_DESTINATION, IPV6_LENGTH, IPV6_NEXT_HEADER, IPV6_SOURCE } from "../src/layout/ipv6.layout";
import { LINK_ETHERNET } from "../src/layout/link.layout";
import { STAGE_FLAGS } from "../src/layout/stage.layout";
import { VLAN_LENGTH, VLAN_VID_MASK } from "../src/layout/vlan.layout";
import { swapped16 } from "./byte-order";
import { countKey } from "./count-entry";
import { passOver, stateOf } from "./descriptor";
import { FRAGMENT_BITS, hasPorts, TYPE_IPV4, TYPE_IPV6 } from "./flow-hash";
import { LINK_PLACE, LINK_REFUSED, LINK_TYPE, openLink } from "./link";
import { isTag } from "./vlan";

/** Parts of a key that stand behind the Ethernet header and its tags. */
const OF_PACKET: u32 =
  COUNT_SOURCE | COUNT_DESTINATION | COUNT_PROTOCOL | COUNT_SOURCE_PORT | COUNT_DESTINATION_PORT;
/** Tags walked over, as many as the flow hash does. */
const TAGS_MAXIMUM = 2;

export function countByKey(descriptors: usize, count: u32, stage: usize, counters: usize): void {
  const state = stateOf(stage, counters);
  const parts = load<u32>(stage, STAGE_FLAGS);
  const keyLength = load<u32>(stage, COUNT_KEY_LENGTH);
  const key: usize = state + COUNT_KEY;
  const end: usize = descriptors + count * DESCRIPTOR_LENGTH;
  // Frames of one key often come together.
  let last: usize = 0;
  for (let d = descriptors; d < end; d += DESCRIPTOR_LENGTH) {
    if (load<u8>(d, DESCRIPTOR_VERDICT) !== VERDICT_FORWARD) {
      passOver(d);
      continue;
    }
    const bytes: u64 = load<u32>(d, DESCRIPTOR_WIRE_LENGTH);
    writeKey(d, parts, key, keyLength);
    last = countKey(stage, state, keyLength, last, bytes);
  }
}

/** Writes what the frame has of the parts asked for, and zeroes for the rest. */
function writeKey(d: usize, parts: u32, key: usize, keyLength: u32): void {
  for (let at: u32 = 0; at < keyLength; at += 8) store<u64>(key + at, 0);
  let has: u32 = 0;
  let at: usize = key + 4;
  if ((parts & COUNT_VNI) !== 0) {
    const vni = load<u32>(d, DESCRIPTOR_VNI);
    if (vni !== VNI_NONE) {
      has = COUNT_VNI;
      store<u32>(at, vni);
    }
    at += 4;
  }
  const length = load<u32>(d, DESCRIPTOR_FRAME_LENGTH);
  if (parts !== COUNT_VNI)
    has |= writeParts(load<u8>(d, DESCRIPTOR_LINK), load<u32>(d, DESCRIPTOR_OFFSET), length, parts, at);
  store<u32>(key, has);
}

/** All parts but the VNI; returns which of them the frame has. Without an Ethernet header it has no MAC addresses. */
function writeParts(link: u32, frame: usize, length: u32, parts: u32, at: usize): u32 {
  const opened = openLink(link, frame, length);
  if ((opened & LINK_REFUSED) !== 0) return 0;
  let has: u32 = link === LINK_ETHERNET ? parts & (COUNT_SOURCE_MAC | COUNT_DESTINATION_MAC) : 0;
  if ((parts & COUNT_SOURCE_MAC) !== 0) {
    if (has !== 0) {
      store<u32>(at, load<u32>(frame, ETHERNET_SOURCE));
      store<u32>(at, load<u16>(frame, ETHERNET_SOURCE + 4), 4);
    }
    at += 8;
  }
  if ((parts & COUNT_DESTINATION_MAC) !== 0) {
    if (has !== 0) {
      store<u32>(at, load<u32>(frame));
      store<u32>(at, load<u16>(frame, 4), 4);
    }
    at += 8;
  }
  let type = opened >>> LINK_TYPE;
  let ip = opened & LINK_PLACE;
  if ((parts & COUNT_VID) !== 0) {
    if (isTag(type) && length >= ip + VLAN_LENGTH) {
      has |= COUNT_VID;
      store<u32>(at, swapped16(load<u16>(frame + ip)) & VLAN_VID_MASK);
    }
    at += 4;
  }
  if ((parts & OF_PACKET) === 0) return has;
  for (let tags = 0; tags < TAGS_MAXIMUM && isTag(type); tags++) {
    if (length < ip + VLAN_LENGTH) return has;
    type = load<u16>(frame + ip, 2);
    ip += VLAN_LENGTH;
  }
  const packet: usize = frame + ip;
  const left = length - ip;
  if (type === TYPE_IPV4 && left >= <u32>IPV4_LENGTH) return has | writeIpv4(packet, left, parts, at);
  if (type === TYPE_IPV6 && left >= <u32>IPV6_LENGTH) return has | writeIpv6(packet, left, parts, at);
  return has;
}

function writeIpv4(packet: usize, left: u32, parts: u32, at: usize): u32 {
  const first: u32 = load<u8>(packet);
  const headerLength = (first & 15) << 2;
  if (first >>> 4 !== 4 || headerLength < <u32>IPV4_LENGTH) return 0;
  if ((parts & COUNT_SOURCE) !== 0) {
    store<u32>(at, load<u32>(packet, IPV4_SOURCE));
    at += 16;
  }
  if ((parts & COUNT_DESTINATION) !== 0) {
    store<u32>(at, load<u32>(packet, IPV4_DESTINATION));
    at += 16;
  }
  // Only the first fragment has ports: so that all of a packet are counted together, none has them.
  const whole = (load<u16>(packet, IPV4_FRAGMENT) & FRAGMENT_BITS) === 0;
  const protocol: u32 = load<u8>(packet, IPV4_PROTOCOL);
  return writeTransport(packet + headerLength, whole && left >= headerLength + 4, protocol, parts, at);
}

function writeIpv6(packet: usize, left: u32, parts: u32, at: usize): u32 {
  if (load<u8>(packet) >>> 4 !== 6) return 0;
  if ((parts & COUNT_SOURCE) !== 0) {
    v128.store(at, v128.load(packet, IPV6_SOURCE));
    at += 16;
  }
  if ((parts & COUNT_DESTINATION) !== 0) {
    v128.store(at, v128.load(packet, IPV6_DESTINATION));
    at += 16;
  }
  const protocol: u32 = load<u8>(packet, IPV6_NEXT_HEADER);
  return COUNT_IPV6 | writeTransport(packet + IPV6_LENGTH, left >= <u32>IPV6_LENGTH + 4, protocol, parts, at);
}

/** Protocol and ports, if those are there and `readable`; returns which parts of the packet the frame has. */
function writeTransport(header: usize, readable: bool, protocol: u32, parts: u32, at: usize): u32 {
  const ports: u32 = COUNT_SOURCE_PORT | COUNT_DESTINATION_PORT;
  if ((parts & COUNT_PROTOCOL) !== 0) {
    store<u32>(at, protocol);
    at += 4;
  }
  if (!readable || !hasPorts(protocol)) return parts & OF_PACKET & ~ports;
  if ((parts & COUNT_SOURCE_PORT) !== 0) {
    store<u32>(at, swapped16(load<u16>(header)));
    at += 4;
  }
  if ((parts & COUNT_DESTINATION_PORT) !== 0) store<u32>(at, swapped16(load<u16>(header, 2)));
  return parts & OF_PACKET;
}
