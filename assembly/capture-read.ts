// The capture walker: turns the records of a pcap or pcapng that lies in memory into descriptors and stamps.

import {
  INTERFACE_ENTRY_LENGTH,
  INTERFACE_ENTRY_LINK,
  INTERFACE_ENTRY_SNAP_LENGTH,
  INTERFACE_ENTRY_TRAILER,
  STAMP_BLOCK_TYPE,
  STAMP_INTERFACE,
  STAMP_LENGTH,
  STAMP_LINK,
  STAMP_OPTIONS,
  STAMP_OPTIONS_LENGTH,
  STAMP_TICKS,
  STAMP_TRAILER,
} from "../src/layout/capture.layout";
import {
  CURSOR_BURST,
  CURSOR_BYTES_IN,
  CURSOR_DESCRIPTORS,
  CURSOR_GROWTH,
  CURSOR_HEADROOM,
  CURSOR_IN,
  CURSOR_IN_END,
  CURSOR_IN_FORMAT,
  CURSOR_INTERFACE_COUNT,
  CURSOR_INTERFACES,
  CURSOR_OUT,
  CURSOR_OUT_END,
  CURSOR_REASSEMBLY,
  CURSOR_RECORDS,
  CURSOR_STAGING,
  CURSOR_STAGING_END,
  CURSOR_STAMPS,
  CURSOR_STATUS,
  FORMAT_BIG_ENDIAN,
  FORMAT_LENGTHS_DOUBTFUL,
  FORMAT_LENGTHS_SWAPPED,
  FORMAT_PCAPNG,
  FORMAT_RECORDS,
  STATUS_DAMAGE,
  STATUS_NEED_INPUT,
  STATUS_OTHER_BLOCK,
  STATUS_OUTPUT_FULL,
} from "../src/layout/cursor.layout";
import {
  DESCRIPTOR_FLOOR,
  DESCRIPTOR_FLOW_HASH,
  DESCRIPTOR_FRAME_LENGTH,
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_LINK,
  DESCRIPTOR_MARK,
  DESCRIPTOR_OFFSET,
  DESCRIPTOR_VERDICT,
  DESCRIPTOR_VNI,
  DESCRIPTOR_WIRE_LENGTH,
  VNI_NONE,
} from "../src/layout/descriptor.layout";
import { CACHE_LINE } from "../src/layout/memory.layout";
import {
  CAPTURED_MAXIMUM,
  PCAP_RECORD_CAPTURED,
  PCAP_RECORD_FRACTION,
  PCAP_RECORD_LENGTH,
  PCAP_RECORD_ORIGINAL,
  PCAP_RECORD_SECONDS,
} from "../src/layout/pcap.layout";
import {
  BLOCK_ENHANCED_PACKET,
  BLOCK_MINIMUM,
  BLOCK_PACKET,
  BLOCK_SIMPLE_PACKET,
  BLOCK_TOTAL_LENGTH,
  ENHANCED_CAPTURED,
  ENHANCED_FRAME,
  ENHANCED_INTERFACE,
  ENHANCED_ORIGINAL,
  ENHANCED_TICKS_HIGH,
  ENHANCED_TICKS_LOW,
  PACKET_INTERFACE,
  RECORD_BLOCK_MAXIMUM,
  SIMPLE_FRAME,
  SIMPLE_ORIGINAL,
} from "../src/layout/pcapng.layout";
import { declared, half, optionsFit, resetDeclared, word } from "./capture-options";
import { copy } from "./copy";
import { isWhole, seemsFragment } from "./fragment";
import { readRecords } from "./records";

/** Whether fragments are looked for; and whether one was found, which is alone in its burst. */
let watch: u32 = 0;
const WATCH_NOTHING: u32 = 0;
const WATCH_FRAGMENTS: u32 = 1;
const WATCH_ALONE: u32 = 2;

/** Whether the burst that was read last is one fragment. */
export function isAlone(): bool {
  return watch === WATCH_ALONE;
}

/** Walks records until the burst is full or something stands in the way; sets the status, returns the number of frames. */
export function readBurst(cursor: usize): u32 {
  const format = load<u32>(cursor, CURSOR_IN_FORMAT);
  watch = load<u32>(cursor, CURSOR_REASSEMBLY) !== 0 ? WATCH_FRAGMENTS : WATCH_NOTHING;
  const count = (format & FORMAT_RECORDS) !== 0 ? readRecords(cursor) : readPackets(cursor, format);
  store<u64>(cursor, load<u64>(cursor, CURSOR_RECORDS) + count, CURSOR_RECORDS);
  return count;
}

/** Lets the only record of the burst, which begins at `at`, not have been read. */
export function takeBack(cursor: usize, at: u32): void {
  const stamp: usize = load<u32>(cursor, CURSOR_STAMPS);
  const descriptor: usize = load<u32>(cursor, CURSOR_DESCRIPTORS);
  const captured = load<u32>(descriptor, DESCRIPTOR_FRAME_LENGTH) + load<u8>(stamp, STAMP_TRAILER);
  store<u64>(cursor, load<u64>(cursor, CURSOR_BYTES_IN) - captured, CURSOR_BYTES_IN);
  store<u64>(cursor, load<u64>(cursor, CURSOR_RECORDS) - 1, CURSOR_RECORDS);
  store<u32>(cursor, at, CURSOR_IN);
}

/** The two bytes of link and trailer in the word of a descriptor's verdict. */
const LINK_SHIFT: u32 = (DESCRIPTOR_LINK - DESCRIPTOR_VERDICT) << 3;

/** Where the next frame's copy goes while a burst is staged; module state, so each thread has its own. */
let staging: usize = 0;

const OLD_LENGTHS: u32 = FORMAT_LENGTHS_SWAPPED | FORMAT_LENGTHS_DOUBTFUL;

/** Whether the original length of an old record stands where the captured one does now. */
export function areTurned(format: u32, captured: u32, original: u32): bool {
  return (format & FORMAT_LENGTHS_SWAPPED) !== 0 || captured > original;
}

/**
 * Both formats by one loop: they differ in what stands around a frame. What describe() does is done here for the frames of
 * nearly all captures, of which no check sequence is declared, and which are no fragments that somebody waits for: a call
 * for each takes 2 ns, and two loops would do it twice.
 */
function readPackets(cursor: usize, format: u32): u32 {
  const pcapng = (format & FORMAT_PCAPNG) !== 0;
  const swap = (format & FORMAT_BIG_ENDIAN) !== 0;
  const burst = load<u32>(cursor, CURSOR_BURST);
  const inEnd: usize = load<u32>(cursor, CURSOR_IN_END);
  const growth = load<u32>(cursor, CURSOR_GROWTH);
  const entries: usize = load<u32>(cursor, CURSOR_INTERFACES);
  const interfaces = load<u32>(cursor, CURSOR_INTERFACE_COUNT);
  const headroom: usize = load<u32>(cursor, CURSOR_HEADROOM);
  const stagingEnd: usize = load<u32>(cursor, CURSOR_STAGING_END);
  let at: usize = load<u32>(cursor, CURSOR_IN);
  let room: i64 = <i64>load<u32>(cursor, CURSOR_OUT_END) - <i64>load<u32>(cursor, CURSOR_OUT);
  let d: usize = load<u32>(cursor, CURSOR_DESCRIPTORS);
  let stamp: usize = load<u32>(cursor, CURSOR_STAMPS);
  let status: u32 = STATUS_NEED_INPUT;
  let count: u32 = 0;
  let bytes: u64 = 0;
  staging = load<u32>(cursor, CURSOR_STAGING);
  resetDeclared();
  while (count < burst) {
    let iface: u32 = 0;
    let original: u32 = 0;
    let captured: u32 = 0;
    let ticks: u64 = 0;
    let frame: usize = 0;
    let options: usize = 0;
    let optionsLength: u32 = 0;
    let type: u32 = BLOCK_ENHANCED_PACKET;
    let next: usize = 0;
    if (pcapng) {
      if (at + BLOCK_MINIMUM > inEnd) break;
      type = word(at, 0, swap);
      if (type !== BLOCK_ENHANCED_PACKET && type !== BLOCK_SIMPLE_PACKET && type !== BLOCK_PACKET) {
        status = STATUS_OTHER_BLOCK;
        break;
      }
      const total = word(at, BLOCK_TOTAL_LENGTH, swap);
      const fixed: u32 = type === BLOCK_SIMPLE_PACKET ? SIMPLE_FRAME : ENHANCED_FRAME;
      if ((total & 3) !== 0 || total < fixed + 4 || total > <u32>RECORD_BLOCK_MAXIMUM) {
        status = STATUS_DAMAGE;
        break;
      }
      next = at + total;
      if (next > inEnd) break;
      if (type === BLOCK_SIMPLE_PACKET) {
        original = word(at, SIMPLE_ORIGINAL, swap);
        captured = simpleLength(original, load<u32>(entries, INTERFACE_ENTRY_SNAP_LENGTH));
      } else {
        iface = type === BLOCK_PACKET ? half(at, PACKET_INTERFACE, swap) : word(at, ENHANCED_INTERFACE, swap);
        captured = word(at, ENHANCED_CAPTURED, swap);
        original = word(at, ENHANCED_ORIGINAL, swap);
        ticks = ((<u64>word(at, ENHANCED_TICKS_HIGH, swap)) << 32) | <u64>word(at, ENHANCED_TICKS_LOW, swap);
      }
      const padded = (captured + 3) & ~3;
      if (
        captured > <u32>CAPTURED_MAXIMUM ||
        fixed + padded + 4 > total ||
        iface >= interfaces ||
        word(next - 4, 0, swap) !== total
      ) {
        status = STATUS_DAMAGE;
        break;
      }
      frame = at + fixed;
      options = frame + padded;
      // Nothing may stand behind the frame of a simple block: what does says nothing, and is not written.
      if (type !== BLOCK_SIMPLE_PACKET) {
        optionsLength = total - fixed - padded - 4;
        if (type === BLOCK_PACKET) type = BLOCK_ENHANCED_PACKET;
      }
      resetDeclared();
      if (optionsLength !== 0 && !optionsFit(options, optionsLength, swap)) {
        status = STATUS_DAMAGE;
        break;
      }
      room -= total + growth;
    } else {
      if (at + PCAP_RECORD_LENGTH > inEnd) break;
      captured = word(at, PCAP_RECORD_CAPTURED, swap);
      original = word(at, PCAP_RECORD_ORIGINAL, swap);
      ticks = ((<u64>word(at, PCAP_RECORD_SECONDS, swap)) << 32) | <u64>word(at, PCAP_RECORD_FRACTION, swap);
      if ((format & OLD_LENGTHS) !== 0 && areTurned(format, captured, original)) {
        const first = captured;
        captured = original;
        original = first;
      }
      if (captured > <u32>CAPTURED_MAXIMUM) {
        status = STATUS_DAMAGE;
        break;
      }
      frame = at + PCAP_RECORD_LENGTH;
      next = frame + captured;
      if (next > inEnd) break;
      room -= PCAP_RECORD_LENGTH + captured + growth;
    }
    if (room < 0) {
      status = STATUS_OUTPUT_FULL;
      break;
    }
    const entry: usize = entries + iface * INTERFACE_ENTRY_LENGTH;
    const link: u32 = load<u8>(entry, INTERFACE_ENTRY_LINK);
    if (
      (declared | load<u8>(entry, INTERFACE_ENTRY_TRAILER)) === 0 &&
      (watch === WATCH_NOTHING || (watch === WATCH_FRAGMENTS && isWhole(link, frame)))
    ) {
      let to: usize = frame;
      let floor: usize = frame;
      if (staging !== 0) {
        floor = staging;
        to = staging + headroom;
        const behind: usize = (to + captured + 2 * CACHE_LINE - 1) & ~(CACHE_LINE - 1);
        if (behind > stagingEnd) break;
        copy(to, frame, captured);
        staging = behind;
      }
      store<u32>(d, <u32>to, DESCRIPTOR_OFFSET);
      store<u32>(d, captured, DESCRIPTOR_FRAME_LENGTH);
      store<u32>(d, original > captured ? original : captured, DESCRIPTOR_WIRE_LENGTH);
      store<u32>(d, <u32>floor, DESCRIPTOR_FLOOR);
      store<u32>(d, link << LINK_SHIFT, DESCRIPTOR_VERDICT);
      store<u32>(d, VNI_NONE, DESCRIPTOR_VNI);
      store<u32>(d, 0, DESCRIPTOR_FLOW_HASH);
      store<u32>(d, count, DESCRIPTOR_MARK);
      store<u32>(stamp, link, STAMP_LINK);
      bytes += captured;
    } else if (!describe(cursor, count, frame, captured, original, iface, declared)) break;
    store<u64>(stamp, ticks, STAMP_TICKS);
    store<u32>(stamp, iface, STAMP_INTERFACE);
    store<u32>(stamp, <u32>options, STAMP_OPTIONS);
    store<u32>(stamp, optionsLength, STAMP_OPTIONS_LENGTH);
    store<u32>(stamp, type, STAMP_BLOCK_TYPE);
    at = next;
    d += DESCRIPTOR_LENGTH;
    stamp += STAMP_LENGTH;
    count++;
  }
  store<u64>(cursor, load<u64>(cursor, CURSOR_BYTES_IN) + bytes, CURSOR_BYTES_IN);
  store<u32>(cursor, <u32>at, CURSOR_IN);
  store<u32>(cursor, status, CURSOR_STATUS);
  return count;
}

/** A Simple Packet Block says no captured length: the first interface's snap length cuts (pcapng §4.4). */
export function simpleLength(original: u32, snapLength: u32): u32 {
  return snapLength !== 0 && snapLength < original ? snapLength : original;
}

/**
 * Fills in descriptor and stamp `index`; with a staging area the frame is copied there first. False: it is for the next
 * burst, for which there is room then, or because fragments are worked on one by one.
 * A check sequence that the interface or, before it, the packet declares is no part of the frame: it stands behind it.
 */
function describe(
  cursor: usize,
  index: u32,
  frame: usize,
  captured: u32,
  original: u32,
  iface: u32,
  declared: u32,
): bool {
  const entry: usize = load<u32>(cursor, CURSOR_INTERFACES) + iface * INTERFACE_ENTRY_LENGTH;
  const kind: u32 = load<u8>(entry, INTERFACE_ENTRY_LINK);
  if (watch !== WATCH_NOTHING) {
    if (watch === WATCH_ALONE) return false;
    if (!isWhole(kind, frame) && seemsFragment(kind, frame, captured)) {
      if (index !== 0) return false;
      watch = WATCH_ALONE;
    }
  }
  let floor: usize = frame;
  if (staging !== 0) {
    floor = staging;
    const to: usize = staging + load<u32>(cursor, CURSOR_HEADROOM);
    const next: usize = (to + captured + 2 * CACHE_LINE - 1) & ~(CACHE_LINE - 1);
    // An empty burst always has room: the staging area holds the largest frame there can be.
    if (next > <usize>load<u32>(cursor, CURSOR_STAGING_END)) return false;
    copy(to, frame, captured);
    frame = to;
    staging = next;
  }
  let wire = original > captured ? original : captured;
  let trailer: u32 = declared !== 0 ? declared : load<u8>(entry, INTERFACE_ENTRY_TRAILER);
  if (trailer > wire) trailer = wire;
  wire -= trailer;
  const length = captured < wire ? captured : wire;
  const d: usize = load<u32>(cursor, CURSOR_DESCRIPTORS) + index * DESCRIPTOR_LENGTH;
  const stamp: usize = load<u32>(cursor, CURSOR_STAMPS) + index * STAMP_LENGTH;
  const link = kind | (trailer << 8);
  store<u32>(d, <u32>frame, DESCRIPTOR_OFFSET);
  store<u32>(d, length, DESCRIPTOR_FRAME_LENGTH);
  store<u32>(d, wire, DESCRIPTOR_WIRE_LENGTH);
  store<u32>(d, <u32>floor, DESCRIPTOR_FLOOR);
  store<u32>(d, link << LINK_SHIFT, DESCRIPTOR_VERDICT);
  store<u32>(d, VNI_NONE, DESCRIPTOR_VNI);
  store<u32>(d, 0, DESCRIPTOR_FLOW_HASH);
  store<u32>(d, index, DESCRIPTOR_MARK);
  // The third byte is STAMP_TRAILER.
  store<u32>(stamp, link | ((captured - length) << 16), STAMP_LINK);
  store<u64>(cursor, load<u64>(cursor, CURSOR_BYTES_IN) + captured, CURSOR_BYTES_IN);
  return true;
}

/**
 * Describes a frame that was read before, of which a copy was kept with its stamp: as it was then. False: there is no room
 * for it in this burst.
 */
export function describeAgain(
  cursor: usize,
  index: u32,
  frame: usize,
  captured: u32,
  original: u32,
  trailer: u32,
  stamp: usize,
): bool {
  const bytes = load<u64>(cursor, CURSOR_BYTES_IN);
  watch = WATCH_NOTHING;
  if (index === 0) staging = load<u32>(cursor, CURSOR_STAGING);
  if (!describe(cursor, index, frame, captured, original, load<u32>(stamp, STAMP_INTERFACE), trailer))
    return false;
  store<u64>(cursor, bytes, CURSOR_BYTES_IN);
  memory.copy(load<u32>(cursor, CURSOR_STAMPS) + index * STAMP_LENGTH, stamp, STAMP_LENGTH);
  return true;
}
