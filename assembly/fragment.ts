// Which records are fragments of carrier packets, and what their headers say. Only the outermost IP packet of a frame is
// looked at: what a tunnel carries is a passenger, and a passenger that is a fragment stays one.

import { ETHERNET_TYPE } from "../src/layout/ethernet.layout";
import {
  KEY_DESTINATION,
  KEY_IDENTIFICATION,
  KEY_LENGTH,
  KEY_PROTOCOL,
  KEY_VERSION,
  TABLE_KEY,
} from "../src/layout/fragment.layout";
import {
  IPV4_DESTINATION,
  IPV4_FRAGMENT,
  IPV4_IDENTIFICATION,
  IPV4_LENGTH,
  IPV4_MORE_FRAGMENTS,
  IPV4_OFFSET_MASK,
  IPV4_PROTOCOL,
  IPV4_SOURCE,
  IPV4_TOTAL_LENGTH,
} from "../src/layout/ipv4.layout";
import {
  IPV6_DESTINATION,
  IPV6_EXTENSION_UNIT,
  IPV6_FRAGMENT_IDENTIFICATION,
  IPV6_FRAGMENT_MORE,
  IPV6_FRAGMENT_OFFSET,
  IPV6_FRAGMENT_OFFSET_MASK,
  IPV6_LENGTH,
  IPV6_NEXT_HEADER,
  IPV6_PAYLOAD_LENGTH,
  IPV6_SOURCE,
} from "../src/layout/ipv6.layout";
import { LINK_ETHERNET } from "../src/layout/link.layout";
import { VLAN_LENGTH } from "../src/layout/vlan.layout";
import { swapped16 } from "./byte-order";
import { FRAGMENT_BITS, TYPE_IPV4, TYPE_IPV6 } from "./flow-hash";
import { LINK_PLACE, LINK_REFUSED, LINK_TYPE, openLink } from "./link";
import { fragmentNamedAt, isFragment, isPassedOver, NAMED_IN_FRONT, passHeaders } from "./pass-over";
import { REFUSED } from "./refusal";
import { isTag } from "./vlan";

/** Outer tags walked over, as a decapsulation does. */
const TAGS_MAXIMUM = 4;
/** Ethernet and an IPv4 header: what is shorter has no fragment in it that anybody could tell. */
const SHORTEST: u32 = 34;
const PLAIN_FRAGMENT = 20;
const PLAIN_NEXT_HEADER = 20;

/** Of the fragment that was opened last: where its packet and its payload begin in the frame, and the rest of its header. */
export let isIpv6: bool = false;
export let packetAt: u32 = 0;
export let payloadAt: u32 = 0;
/** IPv6: where the byte lies that names the fragment header, which stands right in front of the payload. */
export let nextHeaderAt: u32 = 0;
/** Of the payload in that of the whole packet; and its length, as the header says: 0 also where that cannot be. */
export let offset: u32 = 0;
export let payloadLength: u32 = 0;
export let hasMore: bool = false;

/** Whether a frame is IPv4 over Ethernet and no fragment, as most are: two fields, and no call. */
export function isWhole(link: u32, frame: usize): bool {
  return (
    ((<u32>load<u16>(frame, ETHERNET_TYPE) ^ TYPE_IPV4) |
      link |
      (<u32>load<u16>(frame, PLAIN_FRAGMENT) & FRAGMENT_BITS)) ===
    0
  );
}

/** Whether a frame of a capture is a fragment. */
export function seemsFragment(link: u32, frame: usize, length: u32): bool {
  if (link === LINK_ETHERNET) {
    if (length < SHORTEST) return false;
    const type: u32 = load<u16>(frame, ETHERNET_TYPE);
    if (type === TYPE_IPV4) return (load<u16>(frame, PLAIN_FRAGMENT) & FRAGMENT_BITS) !== 0;
    if (type === TYPE_IPV6) {
      if (!isPassedOver(load<u8>(frame, PLAIN_NEXT_HEADER), true)) return false;
    } else if (!isTag(type)) return false;
  }
  return openFragment(link, frame, length);
}

/** Finds the fragment that a frame carries; false if it carries none. */
export function openFragment(link: u32, frame: usize, length: u32): bool {
  const opened = openLink(link, frame, length);
  if ((opened & LINK_REFUSED) !== 0) return false;
  packetAt = opened & LINK_PLACE;
  let type = opened >>> LINK_TYPE;
  for (let tags = 0; tags < TAGS_MAXIMUM && isTag(type); tags++) {
    if (length < packetAt + VLAN_LENGTH) return false;
    type = load<u16>(frame + packetAt, 2);
    packetAt += VLAN_LENGTH;
  }
  if (type === TYPE_IPV4) return openIpv4(frame + packetAt, length - packetAt);
  return type === TYPE_IPV6 && openIpv6(frame + packetAt, length - packetAt);
}

function openIpv4(packet: usize, present: u32): bool {
  if (present < <u32>IPV4_LENGTH) return false;
  const first: u32 = load<u8>(packet);
  const headerLength = (first & 15) << 2;
  if (first >>> 4 !== 4 || headerLength < <u32>IPV4_LENGTH || present < headerLength) return false;
  const fragment = swapped16(load<u16>(packet, IPV4_FRAGMENT));
  hasMore = (fragment & IPV4_MORE_FRAGMENTS) !== 0;
  offset = (fragment & IPV4_OFFSET_MASK) << 3;
  if (!hasMore && offset === 0) return false;
  isIpv6 = false;
  payloadAt = packetAt + headerLength;
  setLength(swapped16(load<u16>(packet, IPV4_TOTAL_LENGTH)), headerLength);
  return true;
}

function openIpv6(packet: usize, present: u32): bool {
  if (present < <u32>IPV6_LENGTH || load<u8>(packet) >>> 4 !== 6) return false;
  const next: u32 = load<u8>(packet, IPV6_NEXT_HEADER);
  const passed = passHeaders(packet + IPV6_LENGTH, present - IPV6_LENGTH, next, true);
  if (passed === REFUSED || !isFragment) return false;
  isIpv6 = true;
  payloadAt = packetAt + IPV6_LENGTH + passed;
  nextHeaderAt =
    packetAt + (fragmentNamedAt === NAMED_IN_FRONT ? IPV6_NEXT_HEADER : IPV6_LENGTH + fragmentNamedAt);
  const fragment = swapped16(
    load<u16>(packet + IPV6_LENGTH + passed - IPV6_EXTENSION_UNIT, IPV6_FRAGMENT_OFFSET),
  );
  hasMore = (fragment & IPV6_FRAGMENT_MORE) !== 0;
  offset = fragment & IPV6_FRAGMENT_OFFSET_MASK;
  setLength(swapped16(load<u16>(packet, IPV6_PAYLOAD_LENGTH)), passed);
  return true;
}

function setLength(said: u32, headers: u32): void {
  payloadLength = said > headers ? said - headers : 0;
}

/** Writes the key of the fragment that was opened last, which lies in `frame`, into the table. */
export function writeKey(table: usize, frame: usize): void {
  const packet: usize = frame + packetAt;
  const key: usize = table + TABLE_KEY;
  memory.fill(key, 0, KEY_LENGTH);
  if (isIpv6) {
    memory.copy(key, packet + IPV6_SOURCE, KEY_DESTINATION);
    memory.copy(key + KEY_DESTINATION, packet + IPV6_DESTINATION, KEY_DESTINATION);
    const header: usize = frame + payloadAt - IPV6_EXTENSION_UNIT;
    store<u32>(key, load<u32>(header, IPV6_FRAGMENT_IDENTIFICATION), KEY_IDENTIFICATION);
    store<u8>(key, 6, KEY_VERSION);
  } else {
    store<u32>(key, load<u32>(packet, IPV4_SOURCE));
    store<u32>(key, load<u32>(packet, IPV4_DESTINATION), KEY_DESTINATION);
    store<u32>(key, load<u16>(packet, IPV4_IDENTIFICATION), KEY_IDENTIFICATION);
    store<u8>(key, load<u8>(packet, IPV4_PROTOCOL), KEY_PROTOCOL);
    store<u8>(key, 4, KEY_VERSION);
  }
}
