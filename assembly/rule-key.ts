// What rules ask of a frame, as words.

import {
  DESCRIPTOR_FRAME_LENGTH,
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_LINK,
  DESCRIPTOR_OFFSET,
  DESCRIPTOR_VERDICT,
  VERDICT_FORWARD,
} from "../src/layout/descriptor.layout";
import { ETHERNET_LENGTH, ETHERNET_SOURCE, ETHERNET_TYPE } from "../src/layout/ethernet.layout";
import {
  IP_PROTOCOL_SCTP,
  IP_PROTOCOL_TCP,
  IP_PROTOCOL_UDP,
  IPV4_DESTINATION,
  IPV4_FRAGMENT,
  IPV4_LENGTH,
  IPV4_OFFSET_MASK,
  IPV4_PLAIN,
  IPV4_PROTOCOL,
  IPV4_SOURCE,
} from "../src/layout/ipv4.layout";
import { IPV6_DESTINATION, IPV6_LENGTH, IPV6_NEXT_HEADER, IPV6_SOURCE } from "../src/layout/ipv6.layout";
import { LINK_ETHERNET } from "../src/layout/link.layout";
import {
  KEY_BEST,
  KEY_DESCRIPTOR,
  KEY_DESTINATION,
  KEY_DESTINATION_MAC,
  KEY_DESTINATION_PORT,
  KEY_DESTINATION_REST,
  KEY_ETHER_TYPE,
  KEY_FAMILY,
  KEY_LENGTH,
  KEY_PROTOCOL,
  KEY_SOURCE,
  KEY_SOURCE_MAC,
  KEY_SOURCE_PORT,
  KEY_SOURCE_REST,
  KEY_VLAN,
} from "../src/layout/rules.layout";
import { VLAN_LENGTH, VLAN_VID_MASK } from "../src/layout/vlan.layout";
import { TYPE_IPV4, TYPE_IPV6 } from "./ether-types";
import { LINK_PLACE, LINK_REFUSED, LINK_TYPE, openLink } from "./link";
import { isTag } from "./vlan";

/** Tags walked over, as many as the flow hash does. */
const TAGS_MAXIMUM = 2;

/** Bytes of a frame in which a plain IPv4 header and ports behind it have room. */
const PLAIN_LENGTH: u32 = ETHERNET_LENGTH + IPV4_LENGTH + 4;
/** Where IP begins in an untagged Ethernet frame. */
const IP: usize = ETHERNET_LENGTH;

/**
 * Writes the keys of frames that go on, of a whole chunk or less; returns how many there are. `all`: with the words behind the
 * first four that are no ports.
 */
export function readKeys(descriptors: usize, end: usize, keys: usize, all: bool, otherwise: u32): u32 {
  let key = keys;
  for (let d = descriptors; d < end; d += DESCRIPTOR_LENGTH) {
    if (load<u8>(d, DESCRIPTOR_VERDICT) !== VERDICT_FORWARD) continue;
    store<u32>(key, otherwise, KEY_BEST * 4);
    store<u32>(key, <u32>d, KEY_DESCRIPTOR * 4);
    const frame: usize = load<u32>(d, DESCRIPTOR_OFFSET);
    // What most frames are: no call for these.
    if (
      load<u32>(d, DESCRIPTOR_FRAME_LENGTH) >= PLAIN_LENGTH &&
      load<u8>(d, DESCRIPTOR_LINK) === LINK_ETHERNET &&
      load<u16>(frame, ETHERNET_TYPE) === TYPE_IPV4 &&
      load<u8>(frame, IP) === IPV4_PLAIN &&
      (bswap<u16>(load<u16>(frame, IP + IPV4_FRAGMENT)) & IPV4_OFFSET_MASK) === 0
    ) {
      const protocol: u32 = load<u8>(frame, IP + IPV4_PROTOCOL);
      store<u32>(key, bswap<u32>(load<u32>(frame, IP + IPV4_SOURCE)), KEY_SOURCE * 4);
      store<u32>(key, bswap<u32>(load<u32>(frame, IP + IPV4_DESTINATION)), KEY_DESTINATION * 4);
      store<u32>(key, protocol, KEY_PROTOCOL * 4);
      store<u32>(key, 4, KEY_FAMILY * 4);
      const none: u32 = 0 - <u32>!hasPorts(protocol);
      const ports = bswap<u32>(load<u32>(frame, IP + IPV4_LENGTH));
      store<u32>(key, (ports >>> 16) | none, KEY_SOURCE_PORT * 4);
      store<u32>(key, (ports & 0xffff) | none, KEY_DESTINATION_PORT * 4);
      if (all) {
        v128.store(key, i32x4.splat(0), KEY_SOURCE_REST * 4);
        store<u64>(key, 0, KEY_SOURCE_REST * 4 + 16);
        store<u32>(key, bswap<u32>(load<u32>(frame, 2)), KEY_DESTINATION_MAC * 4);
        store<u32>(key, bswap<u16>(load<u16>(frame)), KEY_DESTINATION_MAC * 4 + 4);
        store<u32>(key, bswap<u32>(load<u32>(frame, ETHERNET_SOURCE + 2)), KEY_SOURCE_MAC * 4);
        store<u32>(key, bswap<u16>(load<u16>(frame, ETHERNET_SOURCE)), KEY_SOURCE_MAC * 4 + 4);
        store<u32>(key, bswap<u16>(<u16>TYPE_IPV4), KEY_ETHER_TYPE * 4);
        store<u32>(key, 0xffffffff, KEY_VLAN * 4);
      }
    } else {
      readKey(d, key);
    }
    key += KEY_LENGTH;
  }
  return <u32>((key - keys) / KEY_LENGTH);
}

/** Writes the key of any frame; what the frame has not becomes what no rule asks for. */
export function readKey(d: usize, key: usize): void {
  const frame: usize = load<u32>(d, DESCRIPTOR_OFFSET);
  const length = load<u32>(d, DESCRIPTOR_FRAME_LENGTH);
  const link: u32 = load<u8>(d, DESCRIPTOR_LINK);
  // No IP packet, until it is seen to be one.
  v128.store(key, i32x4(0, 0, -1, 0));
  v128.store(key, i32x4.splat(0), KEY_SOURCE_REST * 4);
  store<u64>(key, 0, KEY_SOURCE_REST * 4 + 16);
  v128.store(key, i32x4.splat(-1), KEY_SOURCE_MAC * 4);
  store<u64>(key, 0xffffffffffffffff, KEY_ETHER_TYPE * 4);
  store<u64>(key, 0xffffffffffffffff, KEY_SOURCE_PORT * 4);
  let type: u32;
  let ip: u32;
  if (link === LINK_ETHERNET) {
    if (length < <u32>ETHERNET_LENGTH) return;
    store<u32>(key, bswap<u32>(load<u32>(frame, 2)), KEY_DESTINATION_MAC * 4);
    store<u32>(key, bswap<u16>(load<u16>(frame)), KEY_DESTINATION_MAC * 4 + 4);
    store<u32>(key, bswap<u32>(load<u32>(frame, ETHERNET_SOURCE + 2)), KEY_SOURCE_MAC * 4);
    store<u32>(key, bswap<u16>(load<u16>(frame, ETHERNET_SOURCE)), KEY_SOURCE_MAC * 4 + 4);
    type = load<u16>(frame, ETHERNET_TYPE);
    ip = ETHERNET_LENGTH;
  } else {
    const opened = openLink(link, frame, length);
    if ((opened & LINK_REFUSED) !== 0) return;
    type = opened >>> LINK_TYPE;
    ip = opened & LINK_PLACE;
  }
  for (let tags = 0; tags < TAGS_MAXIMUM && isTag(type); tags++) {
    if (length < ip + VLAN_LENGTH) return;
    if (tags === 0) store<u32>(key, bswap<u16>(load<u16>(frame + ip)) & VLAN_VID_MASK, KEY_VLAN * 4);
    type = load<u16>(frame + ip, 2);
    ip += VLAN_LENGTH;
  }
  store<u32>(key, bswap<u16>(<u16>type), KEY_ETHER_TYPE * 4);
  const packet: usize = frame + ip;
  const left = length - ip;
  if (type === TYPE_IPV4 && left >= <u32>IPV4_LENGTH) readIpv4(packet, left, key);
  else if (type === TYPE_IPV6 && left >= <u32>IPV6_LENGTH) readIpv6(packet, left, key);
}

function readIpv4(packet: usize, left: u32, key: usize): void {
  const first: u32 = load<u8>(packet);
  const header = (first & 15) << 2;
  if (first >>> 4 !== 4 || header < <u32>IPV4_LENGTH) return;
  const protocol: u32 = load<u8>(packet, IPV4_PROTOCOL);
  store<u32>(key, 4, KEY_FAMILY * 4);
  store<u32>(key, protocol, KEY_PROTOCOL * 4);
  store<u32>(key, bswap<u32>(load<u32>(packet, IPV4_SOURCE)), KEY_SOURCE * 4);
  store<u32>(key, bswap<u32>(load<u32>(packet, IPV4_DESTINATION)), KEY_DESTINATION * 4);
  // The first fragment has ports, those behind it have none.
  if ((bswap<u16>(load<u16>(packet, IPV4_FRAGMENT)) & IPV4_OFFSET_MASK) !== 0) return;
  if (left >= header + 4) readPorts(packet + header, protocol, key);
}

function readIpv6(packet: usize, left: u32, key: usize): void {
  if (load<u8>(packet) >>> 4 !== 6) return;
  const protocol: u32 = load<u8>(packet, IPV6_NEXT_HEADER);
  store<u32>(key, 6, KEY_FAMILY * 4);
  store<u32>(key, protocol, KEY_PROTOCOL * 4);
  store<u32>(key, bswap<u32>(load<u32>(packet, IPV6_SOURCE)), KEY_SOURCE * 4);
  store<u32>(key, bswap<u32>(load<u32>(packet, IPV6_DESTINATION)), KEY_DESTINATION * 4);
  for (let at: usize = 0; at < 12; at += 4) {
    store<u32>(key + at, bswap<u32>(load<u32>(packet + at, IPV6_SOURCE + 4)), KEY_SOURCE_REST * 4);
    store<u32>(key + at, bswap<u32>(load<u32>(packet + at, IPV6_DESTINATION + 4)), KEY_DESTINATION_REST * 4);
  }
  if (left >= <u32>IPV6_LENGTH + 4) readPorts(packet + IPV6_LENGTH, protocol, key);
}

function readPorts(header: usize, protocol: u32, key: usize): void {
  if (!hasPorts(protocol)) return;
  store<u32>(key, bswap<u16>(load<u16>(header)), KEY_SOURCE_PORT * 4);
  store<u32>(key, bswap<u16>(load<u16>(header, 2)), KEY_DESTINATION_PORT * 4);
}

function hasPorts(protocol: u32): bool {
  const tcp = <u32>(protocol === IP_PROTOCOL_TCP);
  const udp = <u32>(protocol === IP_PROTOCOL_UDP);
  return (tcp | udp | <u32>(protocol === IP_PROTOCOL_SCTP)) !== 0;
}
