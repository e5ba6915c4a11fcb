// Encapsulation of any kind: constant bytes in front of what goes in, after so many bytes of its link header are taken off,
// and a few fields that differ from frame to frame. What goes in is an Ethernet frame, the frame behind its addresses, or an
// IP packet that came on any link. Of tunnels the kernel knows nothing: rows say where their fields lie.

import {
  DESCRIPTOR_FLOOR,
  DESCRIPTOR_FLOW_HASH,
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
import {
  DROP_CUT_BY_CAPTURE,
  DROP_FRAME_TOO_LONG,
  DROP_FRAME_TOO_SHORT,
  DROP_NO_HEADROOM,
  DROP_NONE,
  DROP_NOT_ETHERNET,
  DROP_NOT_IP,
  DROP_NOT_TUNNEL,
} from "../src/layout/drop.layout";
import { ETHERNET_LENGTH, ETHERNET_SOURCE, ETHERNET_TYPE } from "../src/layout/ethernet.layout";
import { IPV4_CHECKSUM, IPV4_LENGTH, IPV4_TOTAL_LENGTH } from "../src/layout/ipv4.layout";
import { IPV6_LENGTH, IPV6_PAYLOAD_LENGTH } from "../src/layout/ipv6.layout";
import { LINK_ETHERNET } from "../src/layout/link.layout";
import {
  ENCAPSULATE_BEHIND_MACS,
  ENCAPSULATE_GRE_CHECKSUM,
  ENCAPSULATE_HEADER_LENGTH,
  ENCAPSULATE_IP_OFFSET,
  ENCAPSULATE_IP_SUM,
  ENCAPSULATE_IPV6,
  ENCAPSULATE_LENGTH,
  ENCAPSULATE_LENGTH_FROM,
  ENCAPSULATE_OF_IPV4,
  ENCAPSULATE_OF_IPV6,
  ENCAPSULATE_OWN_DESTINATION,
  ENCAPSULATE_OWN_PORT,
  ENCAPSULATE_OWN_SOURCE,
  ENCAPSULATE_SEED,
  ENCAPSULATE_STRIP_TAG,
  ENCAPSULATE_TEMPLATE,
  ENCAPSULATE_TUNNEL,
  ENCAPSULATE_TYPE,
  ENCAPSULATE_TYPE_IPV4,
  ENCAPSULATE_TYPE_IPV6,
  ENCAPSULATE_UDP_CHECKSUM,
  ENCAPSULATE_UDP_OFFSET,
  ENCAPSULATE_UDP_SUM,
  INHERIT,
  STAGE_FLAGS,
} from "../src/layout/stage.layout";
import { UDP_CHECKSUM, UDP_TOTAL_LENGTH } from "../src/layout/udp.layout";
import { VLAN_LENGTH } from "../src/layout/vlan.layout";
import { swapped16 } from "./byte-order";
import { fold, sum } from "./checksum";
import { copyExactly } from "./copy";
import { countChanged, drop, passOver } from "./descriptor";
import { flowHash, packetFlowHash, TYPE_IPV4, TYPE_IPV6 } from "./flow-hash";
import { fieldsIn, putOuter } from "./inherit";
import { LINK_PLACE, LINK_REASON, LINK_REFUSED, LINK_TYPE, openLink } from "./link";
import { isTag } from "./vlan";
import { sourcePort, strip } from "./wrap";

/** VLAN tags in front of an IP packet; behind more there is none that is found. */
const TAGS_MAXIMUM = 4;
const OF_IP: u32 = ENCAPSULATE_OF_IPV4 | ENCAPSULATE_OF_IPV6;

/** What goes in: where it begins in its frame, its EtherType as it lies in memory, bytes that are there, and on the wire. */
let at: u32 = 0;
let type: u32 = 0;
let length: u32 = 0;
let wire: u32 = 0;

export function encapsulateAny(descriptors: usize, count: u32, stage: usize, counters: usize): void {
  const end: usize = descriptors + count * DESCRIPTOR_LENGTH;
  let changed: u64 = 0;
  for (let d = descriptors; d < end; d += DESCRIPTOR_LENGTH) {
    if (load<u8>(d, DESCRIPTOR_VERDICT) !== VERDICT_FORWARD) {
      passOver(d);
      continue;
    }
    const flags = load<u32>(stage, STAGE_FLAGS);
    let reason = (flags & OF_IP) !== 0 ? findPacket(d, flags) : findFrame(d, flags);
    if (reason === DROP_NONE) reason = putIn(d, stage, flags);
    if (reason === DROP_NONE) changed++;
    else drop(d, reason, counters);
  }
  countChanged(stage, counters, changed);
}

/** The whole frame, or what is behind its addresses. */
function findFrame(d: usize, flags: u32): u32 {
  if (load<u8>(d, DESCRIPTOR_LINK) !== LINK_ETHERNET) return DROP_NOT_ETHERNET;
  if ((flags & ENCAPSULATE_STRIP_TAG) !== 0) strip(d, flags);
  length = load<u32>(d, DESCRIPTOR_FRAME_LENGTH);
  if (length < <u32>ETHERNET_LENGTH) return DROP_FRAME_TOO_SHORT;
  at = (flags & ENCAPSULATE_BEHIND_MACS) !== 0 ? ETHERNET_TYPE : 0;
  length -= at;
  wire = load<u32>(d, DESCRIPTOR_WIRE_LENGTH) - at;
  return DROP_NONE;
}

/**
 * The IP packet behind the link header and VLAN tags. What it does not count as its own, as padding of short frames, stays
 * behind; a length that cannot be (zero, where segments are yet to be made, or beyond the frame) means all there is.
 */
function findPacket(d: usize, flags: u32): u32 {
  const frame: usize = load<u32>(d, DESCRIPTOR_OFFSET);
  const frameLength = load<u32>(d, DESCRIPTOR_FRAME_LENGTH);
  const opened = openLink(load<u8>(d, DESCRIPTOR_LINK), frame, frameLength);
  if ((opened & LINK_REFUSED) !== 0) {
    const reason = opened & LINK_REASON;
    return reason === DROP_NOT_TUNNEL ? DROP_NOT_IP : reason;
  }
  at = opened & LINK_PLACE;
  type = opened >>> LINK_TYPE;
  for (let tags = 0; tags < TAGS_MAXIMUM && isTag(type); tags++) {
    if (frameLength < at + VLAN_LENGTH) return DROP_NOT_IP;
    type = load<u16>(frame + at, 2);
    at += VLAN_LENGTH;
  }
  const packet: usize = frame + at;
  const present = frameLength - at;
  let told: u32 = 0;
  let least: u32 = IPV4_LENGTH;
  if (type === TYPE_IPV4 && (flags & ENCAPSULATE_OF_IPV4) !== 0) {
    if (present < least || <u32>load<u8>(packet) >>> 4 !== 4) return DROP_NOT_IP;
    told = swapped16(load<u16>(packet, IPV4_TOTAL_LENGTH));
  } else if (type === TYPE_IPV6 && (flags & ENCAPSULATE_OF_IPV6) !== 0) {
    // Zero is what a jumbogram says: its length stands elsewhere.
    least = IPV6_LENGTH + 1;
    if (present < <u32>IPV6_LENGTH || <u32>load<u8>(packet) >>> 4 !== 6) return DROP_NOT_IP;
    told = IPV6_LENGTH + swapped16(load<u16>(packet, IPV6_PAYLOAD_LENGTH));
  } else return DROP_NOT_IP;
  wire = load<u32>(d, DESCRIPTOR_WIRE_LENGTH) - at;
  if (told >= least && told < wire) wire = told;
  length = present < wire ? present : wire;
  return DROP_NONE;
}

/** Puts the headers in front of what was found, or returns why not. */
function putIn(d: usize, stage: usize, flags: u32): u32 {
  const headerLength = load<u32>(stage, ENCAPSULATE_HEADER_LENGTH);
  const ipOffset = load<u32>(stage, ENCAPSULATE_IP_OFFSET);
  const udpOffset = load<u32>(stage, ENCAPSULATE_UDP_OFFSET);
  const tunnel = load<u32>(stage, ENCAPSULATE_TUNNEL);
  const typePlace = load<u32>(stage, ENCAPSULATE_TYPE);
  const lengthPlace = load<u32>(stage, ENCAPSULATE_LENGTH);
  const checksum = load<u32>(stage, ENCAPSULATE_GRE_CHECKSUM);
  const seed = load<u32>(stage, ENCAPSULATE_SEED);
  const ipv6 = (flags & ENCAPSULATE_IPV6) !== 0;
  // Of all lengths that are told that of IP counts most, if there is one.
  const counted =
    ipOffset === 0 ? load<u32>(stage, ENCAPSULATE_LENGTH_FROM) : ipv6 ? ipOffset + IPV6_LENGTH : ipOffset;
  const isTold = (ipOffset | lengthPlace) !== 0;
  if (wire > 65535 || (isTold && wire + headerLength - counted > 65535)) return DROP_FRAME_TOO_LONG;
  const frame: usize = load<u32>(d, DESCRIPTOR_OFFSET);
  const begin: usize = frame + at;
  const start: usize = begin - headerLength;
  if (start < load<u32>(d, DESCRIPTOR_FLOOR)) return DROP_NO_HEADROOM;
  if (((flags & ENCAPSULATE_UDP_CHECKSUM) | checksum) !== 0 && length !== wire) return DROP_CUT_BY_CAPTURE;

  const isPacket = (flags & OF_IP) !== 0;
  const hash = isPacket
    ? packetFlowHash(begin, length, type, seed)
    : flowHash(frame, load<u32>(d, DESCRIPTOR_FRAME_LENGTH), seed);
  // The headers may lie over the frame's own addresses.
  let own: u32 = flags & (ENCAPSULATE_OWN_DESTINATION | ENCAPSULATE_OWN_SOURCE);
  if (load<u8>(d, DESCRIPTOR_LINK) !== LINK_ETHERNET) own = 0;
  let first: u64 = 0;
  let last: u32 = 0;
  if (own !== 0) {
    first = load<u64>(frame);
    last = load<u32>(frame, 8);
  }
  copyExactly(start, stage + ENCAPSULATE_TEMPLATE, headerLength);
  if ((own & ENCAPSULATE_OWN_DESTINATION) !== 0) {
    store<u32>(start, <u32>first);
    store<u16>(start, <u16>(first >>> 32), 4);
  }
  if ((own & ENCAPSULATE_OWN_SOURCE) !== 0) {
    store<u16>(start, <u16>(first >>> 48), ETHERNET_SOURCE);
    store<u32>(start, last, ETHERNET_SOURCE + 2);
  }
  if (typePlace !== 0) {
    const isIpv4 = type === TYPE_IPV4;
    const says = isIpv4 ? load<u16>(stage, ENCAPSULATE_TYPE_IPV4) : load<u16>(stage, ENCAPSULATE_TYPE_IPV6);
    store<u16>(start + typePlace, says);
  }
  if (lengthPlace !== 0) {
    const counts = wire + headerLength - load<u32>(stage, ENCAPSULATE_LENGTH_FROM);
    store<u16>(start + lengthPlace, <u16>swapped16(counts));
  }
  const tunnelLength = headerLength - tunnel + length;
  if (checksum !== 0) store<u16>(start + checksum, <u16>~fold(sum(start + tunnel, tunnelLength)));
  if (udpOffset !== 0) {
    const udp: usize = start + udpOffset;
    const udpLength = swapped16(wire + headerLength - udpOffset);
    let port: u32 = load<u16>(udp);
    if ((flags & ENCAPSULATE_OWN_PORT) === 0) {
      port = swapped16(sourcePort(hash));
      store<u16>(udp, <u16>port);
    }
    store<u16>(udp, <u16>udpLength, UDP_TOTAL_LENGTH);
    if ((flags & ENCAPSULATE_UDP_CHECKSUM) !== 0) {
      // The length counts twice: in the header and in the pseudo-header (RFC 768).
      const before = <u64>load<u32>(stage, ENCAPSULATE_UDP_SUM) + port + udpLength + udpLength;
      const folded = ~fold(before + sum(start + tunnel, tunnelLength)) & 0xffff;
      store<u16>(udp, folded === 0 ? 0xffff : <u16>folded, UDP_CHECKSUM);
    }
  }
  if (ipOffset !== 0) {
    const ipLength = swapped16(wire + headerLength - counted);
    const ip: usize = start + ipOffset;
    const more = (flags & INHERIT) === 0 ? 0 : putOuter(ip, ipv6, flags, fieldsIn(begin, length, !isPacket));
    if (ipv6) {
      store<u16>(ip, <u16>ipLength, IPV6_PAYLOAD_LENGTH);
    } else {
      store<u16>(ip, <u16>ipLength, IPV4_TOTAL_LENGTH);
      store<u16>(ip, <u16>~fold(<u64>load<u32>(stage, ENCAPSULATE_IP_SUM) + ipLength + more), IPV4_CHECKSUM);
    }
  }
  store<u32>(d, <u32>start, DESCRIPTOR_OFFSET);
  store<u32>(d, length + headerLength, DESCRIPTOR_FRAME_LENGTH);
  store<u32>(d, wire + headerLength, DESCRIPTOR_WIRE_LENGTH);
  store<u32>(d, hash, DESCRIPTOR_FLOW_HASH);
  store<u32>(d, VNI_NONE, DESCRIPTOR_VNI);
  // Ethernet, and no check sequence: whatever was behind the frame covers something else.
  store<u16>(d, 0, DESCRIPTOR_LINK);
  return DROP_NONE;
}
