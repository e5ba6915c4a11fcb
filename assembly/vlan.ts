// VLAN tags on whole batches: push, pop, rewrite (IEEE 802.1Q clause 9). The MACs move, nothing else does.
//
// Frames of other links than Ethernet have no tags: they go on unchanged.

import {
  DESCRIPTOR_FLOOR,
  DESCRIPTOR_FRAME_LENGTH,
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_LINK,
  DESCRIPTOR_OFFSET,
  DESCRIPTOR_TRAILER,
  DESCRIPTOR_VERDICT,
  DESCRIPTOR_WIRE_LENGTH,
  VERDICT_FORWARD,
} from "../src/layout/descriptor.layout";
import { DROP_FRAME_TOO_SHORT, DROP_NO_HEADROOM } from "../src/layout/drop.layout";
import { ETHERNET_LENGTH, ETHERNET_TYPE } from "../src/layout/ethernet.layout";
import { LINK_ETHERNET } from "../src/layout/link.layout";
import {
  VLAN_KEEP_MASK,
  VLAN_MATCH_BITS,
  VLAN_MATCH_MASK,
  VLAN_MATCH_TPID,
  VLAN_NEW_TPID,
  VLAN_SET_BITS,
  VLAN_TAG,
} from "../src/layout/stage.layout";
import { VLAN_LENGTH } from "../src/layout/vlan.layout";
import { swapped16 } from "./byte-order";
import { countChanged, drop, passOver } from "./descriptor";

/** Is this type field, as a little-endian load sees it, one of the three TPIDs? */
export function isTag(type: u32): bool {
  return type === 0x0081 || type === 0xa888 || type === 0x0091;
}

/**
 * Whether a frame goes on and is Ethernet. Asked only where the word of its verdict is not zero: usual frames have no check
 * sequence either, and cost one comparison.
 */
function mayHaveTag(d: usize): bool {
  if (load<u8>(d, DESCRIPTOR_VERDICT) !== VERDICT_FORWARD) {
    passOver(d);
    return false;
  }
  return load<u8>(d, DESCRIPTOR_LINK) === LINK_ETHERNET;
}

export function vlanPush(descriptors: usize, count: u32, stage: usize, counters: usize): void {
  const tag = load<u32>(stage, VLAN_TAG);
  const end: usize = descriptors + count * DESCRIPTOR_LENGTH;
  let changed: u64 = 0;
  let d = descriptors;
  while (d < end) {
    // Usual frames, in a loop without a call: that would make every turn of it slower.
    const first = d;
    do {
      // Offset and length, which stand side by side, as one: the length's half is the upper one.
      const place = load<u64>(d, DESCRIPTOR_OFFSET);
      const start: usize = <u32>place - VLAN_LENGTH;
      if (load<u32>(d, DESCRIPTOR_VERDICT) !== 0) break;
      if (place < (<u64>ETHERNET_LENGTH) << 32 || start < load<u32>(d, DESCRIPTOR_FLOOR)) break;
      const low = load<u64>(start, VLAN_LENGTH);
      const high = load<u32>(start, VLAN_LENGTH + 8);
      store<u64>(start, low);
      store<u32>(start, high, 8);
      store<u32>(start, tag, ETHERNET_TYPE);
      store<u64>(d, place + (((<u64>VLAN_LENGTH) << 32) - VLAN_LENGTH), DESCRIPTOR_OFFSET);
      store<u32>(d, load<u32>(d, DESCRIPTOR_WIRE_LENGTH) + VLAN_LENGTH, DESCRIPTOR_WIRE_LENGTH);
      d += DESCRIPTOR_LENGTH;
    } while (d < end);
    changed += (d - first) / DESCRIPTOR_LENGTH;
    if (d < end && !becomesUsual(d, counters)) d += DESCRIPTOR_LENGTH;
  }
  countChanged(stage, counters, changed);
}

/** Whether a frame can be pushed into now: it has lost its check sequence, and no more. Else it is dropped, or left alone. */
function becomesUsual(d: usize, counters: usize): bool {
  if (load<u32>(d, DESCRIPTOR_VERDICT) !== 0) {
    if (!mayHaveTag(d)) return false;
    store<u8>(d, 0, DESCRIPTOR_TRAILER);
    return true;
  }
  const isShort = load<u32>(d, DESCRIPTOR_FRAME_LENGTH) < <u32>ETHERNET_LENGTH;
  drop(d, isShort ? DROP_FRAME_TOO_SHORT : DROP_NO_HEADROOM, counters);
  return false;
}

/** Takes the outermost tag off; frames without one, or with another than asked for, go on unchanged. */
export function vlanPop(descriptors: usize, count: u32, stage: usize, counters: usize): void {
  const tpid = load<u32>(stage, VLAN_MATCH_TPID);
  const mask = load<u32>(stage, VLAN_MATCH_MASK);
  const bits = load<u32>(stage, VLAN_MATCH_BITS);
  const end: usize = descriptors + count * DESCRIPTOR_LENGTH;
  let changed: u64 = 0;
  let d = descriptors;
  while (d < end) {
    // As popTag(), which is not called: usual frames have a loop without a call.
    do {
      const length = load<u32>(d, DESCRIPTOR_FRAME_LENGTH);
      if (load<u32>(d, DESCRIPTOR_VERDICT) !== 0 || length < <u32>ETHERNET_LENGTH) break;
      const frame: usize = load<u32>(d, DESCRIPTOR_OFFSET);
      const type: u32 = load<u16>(frame, ETHERNET_TYPE);
      if (
        length >= <u32>ETHERNET_LENGTH + VLAN_LENGTH &&
        isTag(type) &&
        (tpid === 0 || tpid === type) &&
        (swapped16(load<u16>(frame, ETHERNET_LENGTH)) & mask) === bits
      ) {
        const low = load<u64>(frame);
        const high = load<u32>(frame, 8);
        const start: usize = frame + VLAN_LENGTH;
        store<u64>(start, low);
        store<u32>(start, high, 8);
        store<u32>(d, <u32>start, DESCRIPTOR_OFFSET);
        store<u32>(d, length - VLAN_LENGTH, DESCRIPTOR_FRAME_LENGTH);
        store<u32>(d, load<u32>(d, DESCRIPTOR_WIRE_LENGTH) - VLAN_LENGTH, DESCRIPTOR_WIRE_LENGTH);
        changed++;
      }
      d += DESCRIPTOR_LENGTH;
    } while (d < end);
    if (d < end) {
      if (popUnusual(d, tpid, mask, bits, counters)) changed++;
      d += DESCRIPTOR_LENGTH;
    }
  }
  countChanged(stage, counters, changed);
}

/** The same for a frame that is not FORWARD, not Ethernet, has a check sequence behind it, or is too short. */
function popUnusual(d: usize, tpid: u32, mask: u32, bits: u32, counters: usize): bool {
  if (!mayHaveTag(d)) return false;
  const length = load<u32>(d, DESCRIPTOR_FRAME_LENGTH);
  if (length < <u32>ETHERNET_LENGTH) {
    drop(d, DROP_FRAME_TOO_SHORT, counters);
    return false;
  }
  if (!popTag(d, length, tpid, mask, bits)) return false;
  store<u8>(d, 0, DESCRIPTOR_TRAILER);
  return true;
}

/**
 * Takes the outermost tag off one frame of at least 14 bytes, if it has one with this TPID (0: any) and these TCI bits. A check
 * sequence behind it does not fit it any more: the caller says so in its descriptor.
 */
export function popTag(d: usize, length: u32, tpid: u32, mask: u32, bits: u32): bool {
  const frame: usize = load<u32>(d, DESCRIPTOR_OFFSET);
  const type: u32 = load<u16>(frame, ETHERNET_TYPE);
  if (length < <u32>ETHERNET_LENGTH + VLAN_LENGTH || !isTag(type)) return false;
  if (tpid !== 0 && tpid !== type) return false;
  if ((swapped16(load<u16>(frame, 14)) & mask) !== bits) return false;
  const low = load<u64>(frame);
  const high = load<u32>(frame, 8);
  const start: usize = frame + VLAN_LENGTH;
  store<u64>(start, low);
  store<u32>(start, high, 8);
  store<u32>(d, <u32>start, DESCRIPTOR_OFFSET);
  store<u32>(d, length - VLAN_LENGTH, DESCRIPTOR_FRAME_LENGTH);
  store<u32>(d, load<u32>(d, DESCRIPTOR_WIRE_LENGTH) - VLAN_LENGTH, DESCRIPTOR_WIRE_LENGTH);
  return true;
}

/** Sets VID, PCP, DEI or TPID of the outermost tag; frames without one go on unchanged. */
export function vlanRewrite(descriptors: usize, count: u32, stage: usize, counters: usize): void {
  const match = load<u32>(stage, VLAN_MATCH_TPID);
  const keep = load<u32>(stage, VLAN_KEEP_MASK);
  const bits = load<u32>(stage, VLAN_SET_BITS);
  const tpid = load<u32>(stage, VLAN_NEW_TPID);
  const end: usize = descriptors + count * DESCRIPTOR_LENGTH;
  let changed: u64 = 0;
  for (let d = descriptors; d < end; d += DESCRIPTOR_LENGTH) {
    const unusual = load<u32>(d, DESCRIPTOR_VERDICT);
    if (unusual !== 0 && !mayHaveTag(d)) continue;
    const frame: usize = load<u32>(d, DESCRIPTOR_OFFSET);
    const length = load<u32>(d, DESCRIPTOR_FRAME_LENGTH);
    if (length < <u32>ETHERNET_LENGTH) {
      drop(d, DROP_FRAME_TOO_SHORT, counters);
      continue;
    }
    const type: u32 = load<u16>(frame, ETHERNET_TYPE);
    if (length < <u32>ETHERNET_LENGTH + VLAN_LENGTH || !isTag(type)) continue;
    if (match !== 0 && match !== type) continue;
    const tci: u32 = bswap<u16>(load<u16>(frame, 14));
    store<u16>(frame, bswap<u16>(<u16>((tci & keep) | bits)), 14);
    if (tpid !== 0) store<u16>(frame, <u16>tpid, ETHERNET_TYPE);
    if (unusual !== 0) store<u8>(d, 0, DESCRIPTOR_TRAILER);
    changed++;
  }
  countChanged(stage, counters, changed);
}
