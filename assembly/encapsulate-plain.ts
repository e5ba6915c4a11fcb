// The usual headers on whole batches: Ethernet, IPv4 without options, and behind it UDP without checksum and 8 bytes of
// tunnel header, or GRE with a key or nothing.

import {
  DESCRIPTOR_FLOOR,
  DESCRIPTOR_FLOW_HASH,
  DESCRIPTOR_FRAME_LENGTH,
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_OFFSET,
  DESCRIPTOR_VERDICT,
  DESCRIPTOR_VNI,
  DESCRIPTOR_WIRE_LENGTH,
  VNI_NONE,
} from "../src/layout/descriptor.layout";
import { ETHERNET_LENGTH, ETHERNET_TYPE } from "../src/layout/ethernet.layout";
import {
  ENCAPSULATE_FLOW_ID,
  ENCAPSULATE_GRE_CHECKSUM,
  ENCAPSULATE_HEADER_LENGTH,
  ENCAPSULATE_IP_OFFSET,
  ENCAPSULATE_IP_SUM,
  ENCAPSULATE_NUMBER_SHIFT,
  ENCAPSULATE_SEED,
  ENCAPSULATE_STRIP_ALL,
  ENCAPSULATE_STRIP_TAG,
  ENCAPSULATE_TEMPLATE,
  ENCAPSULATE_UDP_OFFSET,
  STAGE_FLAGS,
} from "../src/layout/stage.layout";
import { PLAIN_KEYED_LENGTH, PLAIN_UDP_LENGTH } from "../src/layout/tunnel.layout";
import { swapped16 } from "./byte-order";
import { FRAGMENT_BITS, PLAIN_HASHED, PLAIN_IPV4, PLAIN_IPV4_MASK, plainFlowHash } from "./flow-hash";
import { flowId, sourcePort, wrapAll } from "./wrap";

const PLAIN_LENGTH: u32 = PLAIN_UDP_LENGTH;
/** The longest passenger whose outer IPv4 total length still fits 16 bits. */
const PLAIN_MAXIMUM: u32 = 65535 - 36;

/** The longest passenger behind GRE with a key. */
const KEYED_MAXIMUM: u32 = 65535 - 28;

/** Flags of GRE stages that change nothing for a passenger without a tag, or that the loop knows. */
const PLAIN_GRE_FLAGS: u32 = ENCAPSULATE_STRIP_TAG | ENCAPSULATE_STRIP_ALL | ENCAPSULATE_FLOW_ID;

/**
 * The usual case: 50 bytes, IPv4, no UDP checksum (RFC 7348 §5: SHOULD be zero).
 *
 * The inner loop has one branch a frame and no call: a call makes the compiler save and reload the template's
 * vectors, and took as long as all the rest (measured). What is not plain leaves it, and takes the general way.
 */
export function wrapPlain(descriptors: usize, count: u32, stage: usize, counters: usize): u64 {
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
      const floor = load<u32>(d, DESCRIPTOR_FLOOR);
      const unusual = isUnusual(frame, <u32>start, length, wire, floor, PLAIN_MAXIMUM);
      if ((load<u32>(d, DESCRIPTOR_VERDICT) | unusual) !== 0) break;

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
    changed += wrapAll(d, 1, stage, counters);
    d += DESCRIPTOR_LENGTH;
  }
  return changed;
}

/** Whether a stage's template is of the usual kind. */
export function isPlainStage(stage: usize): bool {
  return (
    load<u32>(stage, STAGE_FLAGS) === 0 &&
    load<u32>(stage, ENCAPSULATE_HEADER_LENGTH) === PLAIN_LENGTH &&
    load<u32>(stage, ENCAPSULATE_IP_OFFSET) === <u32>ETHERNET_LENGTH &&
    load<u32>(stage, ENCAPSULATE_UDP_OFFSET) !== 0
  );
}

/** Whether a frame can get headers of the usual kind by `putPlainHeaders`: else `wrap` knows more. */
export function isPlainPassenger(frame: usize, length: u32, wire: u32, floor: u32): bool {
  return isUnusual(frame, <u32>frame - PLAIN_LENGTH, length, wire, floor, PLAIN_MAXIMUM) === 0;
}

/** Zero for an untagged, whole IPv4 packet without options whose headers may begin at `start` and can tell its length. */
function isUnusual(frame: usize, start: u32, length: u32, wire: u32, floor: u32, maximum: u32): u32 {
  // The top bit is set if any of these is negative: too short, too long (or absurd), no headroom.
  const negative: u32 = (length - PLAIN_HASHED) | wire | (maximum - wire) | (start - floor);
  const other =
    ((load<u32>(frame, ETHERNET_TYPE) & PLAIN_IPV4_MASK) ^ PLAIN_IPV4) |
    (load<u16>(frame, 20) & FRAGMENT_BITS);
  return (negative >>> 31) | other;
}

/** Puts one plain passenger into the tunnel of a stage of the usual kind: headers say a length of `said`; `vni` as for `wrap`. */
export function putPlainHeaders(
  d: usize,
  frame: usize,
  length: u32,
  wire: u32,
  said: u32,
  stage: usize,
  vni: u32,
): void {
  const start: usize = frame - PLAIN_LENGTH;
  const template: usize = stage + ENCAPSULATE_TEMPLATE;
  const hash = plainFlowHash(frame, load<u32>(stage, ENCAPSULATE_SEED));
  const ipLength = said + 36;
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
      <i16>swapped16(said + 16),
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

/**
 * Puts one plain passenger into the tunnel of a stage of GRE with a key, or of NVGRE; false if it is not plain, and
 * nothing has changed then. `vni` as for `wrap`. Not for the switch's loop over a burst: there it made all other frames
 * slower (measured).
 */
export function putPlainGreHeaders(d: usize, stage: usize, vni: u32): bool {
  const frame: usize = load<u32>(d, DESCRIPTOR_OFFSET);
  const length = load<u32>(d, DESCRIPTOR_FRAME_LENGTH);
  const wire = load<u32>(d, DESCRIPTOR_WIRE_LENGTH);
  const floor = load<u32>(d, DESCRIPTOR_FLOOR);
  if (isUnusual(frame, <u32>frame - PLAIN_KEYED_LENGTH, length, wire, floor, KEYED_MAXIMUM) !== 0)
    return false;
  const start: usize = frame - PLAIN_KEYED_LENGTH;
  const template: usize = stage + ENCAPSULATE_TEMPLATE;
  const hash = plainFlowHash(frame, load<u32>(stage, ENCAPSULATE_SEED));
  const ipLength = wire + (PLAIN_KEYED_LENGTH - ETHERNET_LENGTH);
  const total = swapped16(load<u32>(stage, ENCAPSULATE_IP_SUM)) + ipLength;
  const ipChecksum = ~((total & 0xffff) + (total >>> 16));
  const flowMask: u32 = (load<u32>(stage, STAGE_FLAGS) & ENCAPSULATE_FLOW_ID) !== 0 ? 0xff : 0;
  const key = (vni << load<u32>(stage, ENCAPSULATE_NUMBER_SHIFT)) | ((flowId(hash) & flowMask) << 24);
  const ip = i16x8.replace_lane(
    i16x8.replace_lane(v128.load(template, 16), 0, <i16>swapped16(ipLength)),
    4,
    <i16>swapped16(ipChecksum & 0xffff),
  );
  // The last 16 bytes first: the vectors before them lie over what they have in common.
  v128.store(
    start,
    i32x4.replace_lane(v128.load(template, PLAIN_KEYED_LENGTH - 16), 3, key),
    PLAIN_KEYED_LENGTH - 16,
  );
  v128.store(start, v128.load(template));
  v128.store(start, ip, 16);
  store<u32>(d, <u32>start, DESCRIPTOR_OFFSET);
  store<u32>(d, length + PLAIN_KEYED_LENGTH, DESCRIPTOR_FRAME_LENGTH);
  store<u32>(d, wire + PLAIN_KEYED_LENGTH, DESCRIPTOR_WIRE_LENGTH);
  store<u32>(d, hash, DESCRIPTOR_FLOW_HASH);
  store<u32>(d, VNI_NONE, DESCRIPTOR_VNI);
  return true;
}

/** Whether a stage's template is of the usual kind of GRE. */
export function isPlainGreStage(stage: usize): bool {
  return (
    (load<u32>(stage, STAGE_FLAGS) & ~PLAIN_GRE_FLAGS) === 0 &&
    load<u32>(stage, ENCAPSULATE_IP_OFFSET) === <u32>ETHERNET_LENGTH &&
    load<u32>(stage, ENCAPSULATE_UDP_OFFSET) === 0 &&
    load<u32>(stage, ENCAPSULATE_GRE_CHECKSUM) === 0
  );
}

/**
 * GRE and NVGRE, with a key or nothing, built as wrapPlain() is. The last 16 bytes of the headers are stored first: with
 * a key or without, the vectors before them lie over what they have in common.
 */
export function wrapPlainGre(descriptors: usize, count: u32, stage: usize, counters: usize): u64 {
  const seed = load<u32>(stage, ENCAPSULATE_SEED);
  const ipSum = swapped16(load<u32>(stage, ENCAPSULATE_IP_SUM));
  const flowMask: u32 = (load<u32>(stage, STAGE_FLAGS) & ENCAPSULATE_FLOW_ID) !== 0 ? 0xff : 0;
  const headerLength = load<u32>(stage, ENCAPSULATE_HEADER_LENGTH);
  const beyondWire = headerLength - ETHERNET_LENGTH;
  const maximum = 65535 - beyondWire;
  const template: usize = stage + ENCAPSULATE_TEMPLATE;
  const first = v128.load(template);
  const second = swapBytes(v128.load(template, 16));
  const tail = v128.load(template + headerLength - 16);
  // Without a FlowID the last byte goes in as it is.
  const lastByte: u32 = load<u8>(template + headerLength - 1);
  const end: usize = descriptors + count * DESCRIPTOR_LENGTH;
  let changed: u64 = 0;
  let d = descriptors;
  while (d < end) {
    for (; d < end; d += DESCRIPTOR_LENGTH) {
      const frame: usize = load<u32>(d, DESCRIPTOR_OFFSET);
      const length = load<u32>(d, DESCRIPTOR_FRAME_LENGTH);
      const wire = load<u32>(d, DESCRIPTOR_WIRE_LENGTH);
      const start: usize = frame - headerLength;
      const floor = load<u32>(d, DESCRIPTOR_FLOOR);
      if (
        (load<u32>(d, DESCRIPTOR_VERDICT) | isUnusual(frame, <u32>start, length, wire, floor, maximum)) !==
        0
      )
        break;

      const hash = plainFlowHash(frame, seed);
      const ipLength = wire + beyondWire;
      const total = ipSum + ipLength;
      const ipChecksum = ~((total & 0xffff) + (total >>> 16));
      const ip = i16x8.replace_lane(i16x8.replace_lane(second, 0, <i16>ipLength), 4, <i16>ipChecksum);
      v128.store(
        start + headerLength - 16,
        i8x16.replace_lane(tail, 15, <i8>(lastByte | (flowId(hash) & flowMask))),
      );
      v128.store(start, first);
      v128.store(start, swapBytes(ip), 16);
      store<u32>(d, <u32>start, DESCRIPTOR_OFFSET);
      store<u32>(d, length + headerLength, DESCRIPTOR_FRAME_LENGTH);
      store<u32>(d, wire + headerLength, DESCRIPTOR_WIRE_LENGTH);
      store<u32>(d, hash, DESCRIPTOR_FLOW_HASH);
      store<u32>(d, VNI_NONE, DESCRIPTOR_VNI);
      changed++;
    }
    if (d >= end) break;
    changed += wrapAll(d, 1, stage, counters);
    d += DESCRIPTOR_LENGTH;
  }
  return changed;
}

/** Changes the places of the two bytes of each word. */
function swapBytes(words: v128): v128 {
  return i8x16.shuffle(words, words, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14);
}
