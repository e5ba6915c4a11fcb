// Encapsulation on whole batches: the outer headers are one template, written into the headroom.
//
// What differs from frame to frame (lengths, source port, checksums) is put into the template's
// vectors before they are stored: nothing that was just written is read back at another width.
// The kernel knows outer IP and UDP and treats the tunnel header behind them as bytes, so
// it serves every tunnel over UDP.

import {
  DESCRIPTOR_FLOOR,
  DESCRIPTOR_FLOW_HASH,
  DESCRIPTOR_FRAME_LENGTH,
  DESCRIPTOR_LENGTH,
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
} from "../src/layout/drop.layout";
import { ETHERNET_LENGTH, ETHERNET_TYPE } from "../src/layout/ethernet.layout";
import { IPV4_CHECKSUM, IPV4_TOTAL_LENGTH } from "../src/layout/ipv4.layout";
import { IPV6_LENGTH, IPV6_PAYLOAD_LENGTH } from "../src/layout/ipv6.layout";
import {
  ENCAPSULATE_HEADER_LENGTH,
  ENCAPSULATE_IP_OFFSET,
  ENCAPSULATE_IP_SUM,
  ENCAPSULATE_IPV6,
  ENCAPSULATE_SEED,
  ENCAPSULATE_STRIP_TAG,
  ENCAPSULATE_TEMPLATE,
  ENCAPSULATE_UDP_CHECKSUM,
  ENCAPSULATE_UDP_OFFSET,
  ENCAPSULATE_UDP_SUM,
  STAGE_CHANGED,
  STAGE_FLAGS,
} from "../src/layout/stage.layout";
import { UDP_CHECKSUM, UDP_TOTAL_LENGTH } from "../src/layout/udp.layout";
import { SOURCE_PORT_BASE, SOURCE_PORT_BITS } from "../src/layout/vxlan.layout";
import { swapped16 } from "./byte-order";
import { fold, sum } from "./checksum";
import { copy } from "./copy";
import { drop, passOver } from "./descriptor";
import {
  FRAGMENT_BITS,
  flowHash,
  PLAIN_HASHED,
  PLAIN_IPV4,
  PLAIN_IPV4_MASK,
  plainFlowHash,
} from "./flow-hash";
import { popTag } from "./vlan";

/** Ethernet, IPv4 without options, UDP, VXLAN. */
const PLAIN_LENGTH: u32 = 50;
/** The longest passenger whose outer IPv4 total length still fits 16 bits. */
const PLAIN_MAXIMUM: u32 = 65535 - 36;

export function encapsulate(descriptors: usize, count: u32, stage: usize, counters: usize): void {
  const changed = isPlainStage(stage)
    ? encapsulatePlain(descriptors, count, stage, counters)
    : encapsulateAny(descriptors, count, stage, counters);
  store<u64>(stage, load<u64>(stage, STAGE_CHANGED) + changed, STAGE_CHANGED);
}

function sourcePort(hash: u32): u32 {
  return SOURCE_PORT_BASE + (hash >>> (32 - SOURCE_PORT_BITS));
}

/**
 * The usual case: 50 bytes, IPv4, no UDP checksum (RFC 7348 §5: SHOULD be zero).
 *
 * The inner loop has one branch a frame and no call: a call makes the compiler save and reload the template's
 * vectors, and took as long as all the rest (measured). What is not plain leaves it, and takes the general way.
 */
function encapsulatePlain(descriptors: usize, count: u32, stage: usize, counters: usize): u64 {
  const seed = load<u32>(stage, ENCAPSULATE_SEED);
  const ipSum = swapped16(load<u32>(stage, ENCAPSULATE_IP_SUM));
  const template: usize = stage + ENCAPSULATE_TEMPLATE;
  const first = v128.load(template);
  // As words in the machine's order: fields go in as numbers, and one shuffle brings all into network order.
  const second = swapBytes(v128.load(template, 16));
  const third = swapBytes(v128.load(template, 32));
  const tail = load<u16>(template, 48);
  const end: usize = descriptors + count * DESCRIPTOR_LENGTH;
  let changed: u64 = 0;
  let d = descriptors;
  while (d < end) {
    for (; d < end; d += DESCRIPTOR_LENGTH) {
      const frame: usize = load<u32>(d, DESCRIPTOR_OFFSET);
      const length = load<u32>(d, DESCRIPTOR_FRAME_LENGTH);
      const wire = load<u32>(d, DESCRIPTOR_WIRE_LENGTH);
      const start: usize = frame - PLAIN_LENGTH;
      // The top bit is set if any of these is negative: too short, too long (or absurd), no headroom.
      const negative: u32 =
        (length - PLAIN_HASHED) |
        wire |
        (PLAIN_MAXIMUM - wire) |
        (<u32>start - load<u32>(d, DESCRIPTOR_FLOOR));
      const other =
        ((load<u32>(frame, ETHERNET_TYPE) & PLAIN_IPV4_MASK) ^ PLAIN_IPV4) |
        (load<u16>(frame, 20) & FRAGMENT_BITS);
      if ((load<u8>(d, DESCRIPTOR_VERDICT) | (negative >>> 31) | other) !== 0) break;

      const hash = plainFlowHash(frame, seed);
      const ipLength = wire + 36;
      const total = ipSum + ipLength;
      const ipChecksum = ~((total & 0xffff) + (total >>> 16));
      const ip = i16x8.replace_lane(i16x8.replace_lane(second, 0, <i16>ipLength), 4, <i16>ipChecksum);
      const udp = i16x8.replace_lane(
        i16x8.replace_lane(third, 1, <i16>sourcePort(hash)),
        3,
        <i16>(wire + 16),
      );
      v128.store(start, first);
      v128.store(start, swapBytes(ip), 16);
      v128.store(start, swapBytes(udp), 32);
      store<u16>(start, tail, 48);
      store<u32>(d, <u32>start, DESCRIPTOR_OFFSET);
      store<u32>(d, length + PLAIN_LENGTH, DESCRIPTOR_FRAME_LENGTH);
      store<u32>(d, wire + PLAIN_LENGTH, DESCRIPTOR_WIRE_LENGTH);
      store<u32>(d, hash, DESCRIPTOR_FLOW_HASH);
      store<u32>(d, VNI_NONE, DESCRIPTOR_VNI);
      changed++;
    }
    if (d >= end) break;
    changed += encapsulateAny(d, 1, stage, counters);
    d += DESCRIPTOR_LENGTH;
  }
  return changed;
}

/** Whether a stage's template is of the usual kind. */
export function isPlainStage(stage: usize): bool {
  return (
    load<u32>(stage, STAGE_FLAGS) === 0 &&
    load<u32>(stage, ENCAPSULATE_HEADER_LENGTH) === PLAIN_LENGTH &&
    load<u32>(stage, ENCAPSULATE_IP_OFFSET) === <u32>ETHERNET_LENGTH
  );
}

/** Whether a frame can get headers of the usual kind by `putPlainHeaders`: else `wrap` knows more. */
export function isPlainPassenger(frame: usize, length: u32, wire: u32, floor: u32): bool {
  const negative: u32 =
    (length - PLAIN_HASHED) | wire | (PLAIN_MAXIMUM - wire) | (<u32>frame - PLAIN_LENGTH - floor);
  const other =
    ((load<u32>(frame, ETHERNET_TYPE) & PLAIN_IPV4_MASK) ^ PLAIN_IPV4) |
    (load<u16>(frame, 20) & FRAGMENT_BITS);
  return ((negative >>> 31) | other) === 0;
}

/** Puts one plain passenger into the tunnel of a stage of the usual kind; `vni` as for `wrap`. */
export function putPlainHeaders(
  d: usize,
  frame: usize,
  length: u32,
  wire: u32,
  stage: usize,
  vni: u32,
): void {
  const start: usize = frame - PLAIN_LENGTH;
  const template: usize = stage + ENCAPSULATE_TEMPLATE;
  const hash = plainFlowHash(frame, load<u32>(stage, ENCAPSULATE_SEED));
  const ipLength = wire + 36;
  const total = swapped16(load<u32>(stage, ENCAPSULATE_IP_SUM)) + ipLength;
  const ipChecksum = ~((total & 0xffff) + (total >>> 16));
  const ip = i16x8.replace_lane(
    i16x8.replace_lane(v128.load(template, 16), 0, <i16>swapped16(ipLength)),
    4,
    <i16>swapped16(ipChecksum & 0xffff),
  );
  // The first half of the VNI lies in the last two bytes of the third vector, the rest behind it.
  const udp = i16x8.replace_lane(
    i16x8.replace_lane(
      i16x8.replace_lane(v128.load(template, 32), 1, <i16>swapped16(sourcePort(hash))),
      3,
      <i16>swapped16(wire + 16),
    ),
    7,
    <i16>vni,
  );
  v128.store(start, v128.load(template));
  v128.store(start, ip, 16);
  v128.store(start, udp, 32);
  store<u16>(start, <u16>(vni >>> 16), 48);
  store<u32>(d, <u32>start, DESCRIPTOR_OFFSET);
  store<u32>(d, length + PLAIN_LENGTH, DESCRIPTOR_FRAME_LENGTH);
  store<u32>(d, wire + PLAIN_LENGTH, DESCRIPTOR_WIRE_LENGTH);
  store<u32>(d, hash, DESCRIPTOR_FLOW_HASH);
  store<u32>(d, VNI_NONE, DESCRIPTOR_VNI);
}

/** Changes the places of the two bytes of each word. */
function swapBytes(words: v128): v128 {
  return i8x16.shuffle(words, words, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14);
}

function refusal(length: u32, tooLong: bool): u32 {
  if (length < <u32>ETHERNET_LENGTH) return DROP_FRAME_TOO_SHORT;
  return tooLong ? DROP_FRAME_TOO_LONG : DROP_NO_HEADROOM;
}

/** Any template: outer tags, IPv6, UDP checksums, or the tunnel header alone. */
function encapsulateAny(descriptors: usize, count: u32, stage: usize, counters: usize): u64 {
  const flags = load<u32>(stage, STAGE_FLAGS);
  const end: usize = descriptors + count * DESCRIPTOR_LENGTH;
  let changed: u64 = 0;
  for (let d = descriptors; d < end; d += DESCRIPTOR_LENGTH) {
    if (load<u8>(d, DESCRIPTOR_VERDICT) !== VERDICT_FORWARD) {
      passOver(d);
      continue;
    }
    if ((flags & ENCAPSULATE_STRIP_TAG) !== 0) {
      const taggedLength = load<u32>(d, DESCRIPTOR_FRAME_LENGTH);
      if (taggedLength >= <u32>ETHERNET_LENGTH) popTag(d, taggedLength, 0, 0, 0);
    }
    const reason = wrap(d, stage, 0);
    if (reason === DROP_NONE) changed++;
    else drop(d, reason, counters);
  }
  return changed;
}

/**
 * Puts one frame into the tunnel of `stage`, or returns why not and leaves it as it is. `vni` is what a template with
 * a VNI of zero lacks: the last four bytes of the tunnel header, as they lie in memory.
 */
export function wrap(d: usize, stage: usize, vni: u32): u32 {
  const flags = load<u32>(stage, STAGE_FLAGS);
  const headerLength = load<u32>(stage, ENCAPSULATE_HEADER_LENGTH);
  const ipOffset = load<u32>(stage, ENCAPSULATE_IP_OFFSET);
  const udpOffset = load<u32>(stage, ENCAPSULATE_UDP_OFFSET);
  const seed = load<u32>(stage, ENCAPSULATE_SEED);
  const template: usize = stage + ENCAPSULATE_TEMPLATE;
  // The IPv4 total length counts its own header, the IPv6 payload length does not (RFC 8200 §3).
  const ipv6 = (flags & ENCAPSULATE_IPV6) !== 0;
  const beforeIpLength = ipv6 ? ipOffset + IPV6_LENGTH : ipOffset;
  const frame: usize = load<u32>(d, DESCRIPTOR_OFFSET);
  const length = load<u32>(d, DESCRIPTOR_FRAME_LENGTH);
  const wire = load<u32>(d, DESCRIPTOR_WIRE_LENGTH);
  const start: usize = frame - headerLength;
  const tooLong = wire > 65535 || (udpOffset !== 0 && wire + headerLength - beforeIpLength > 65535);
  if (length < <u32>ETHERNET_LENGTH || tooLong || start < load<u32>(d, DESCRIPTOR_FLOOR))
    return refusal(length, tooLong);
  if ((flags & ENCAPSULATE_UDP_CHECKSUM) !== 0 && length !== wire) return DROP_CUT_BY_CAPTURE;
  const hash = flowHash(frame, length, seed);
  writeTemplate(start, template, headerLength);
  const last: usize = start + headerLength - 4;
  store<u32>(last, load<u32>(last) | vni);
  if (udpOffset !== 0) {
    const ipLength = swapped16(wire + headerLength - beforeIpLength);
    const ip: usize = start + ipOffset;
    if (ipv6) {
      store<u16>(ip, <u16>ipLength, IPV6_PAYLOAD_LENGTH);
    } else {
      store<u16>(ip, <u16>ipLength, IPV4_TOTAL_LENGTH);
      store<u16>(ip, <u16>~fold(<u64>load<u32>(stage, ENCAPSULATE_IP_SUM) + ipLength), IPV4_CHECKSUM);
    }
    const udp: usize = start + udpOffset;
    const udpLength = swapped16(wire + headerLength - udpOffset);
    const port = swapped16(sourcePort(hash));
    store<u16>(udp, <u16>port);
    store<u16>(udp, <u16>udpLength, UDP_TOTAL_LENGTH);
    if ((flags & ENCAPSULATE_UDP_CHECKSUM) !== 0) {
      // The length counts twice: in the header and in the pseudo-header (RFC 768).
      const total =
        <u64>load<u32>(stage, ENCAPSULATE_UDP_SUM) + vni + port + udpLength + udpLength + sum(frame, length);
      const folded = ~fold(total) & 0xffff;
      store<u16>(udp, folded === 0 ? 0xffff : <u16>folded, UDP_CHECKSUM);
    }
  }
  store<u32>(d, <u32>start, DESCRIPTOR_OFFSET);
  store<u32>(d, length + headerLength, DESCRIPTOR_FRAME_LENGTH);
  store<u32>(d, wire + headerLength, DESCRIPTOR_WIRE_LENGTH);
  store<u32>(d, hash, DESCRIPTOR_FLOW_HASH);
  store<u32>(d, VNI_NONE, DESCRIPTOR_VNI);
  return DROP_NONE;
}

/** Writes exactly `length` (8 or more) bytes: the passenger starts right behind them. */
function writeTemplate(to: usize, from: usize, length: u32): void {
  if (length < 16) {
    store<u64>(to, load<u64>(from));
    store<u64>(to + length - 8, load<u64>(from + length - 8));
    return;
  }
  copy(to, from, length & ~15);
  const tail = length - 16;
  v128.store(to + tail, v128.load(from + tail));
}
