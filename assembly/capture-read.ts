// The capture walker: turns the records of a pcap or pcapng that lies in memory into descriptors and stamps.

import {
  INTERFACE_ENTRY_LENGTH,
  INTERFACE_ENTRY_LINK_TYPE,
  INTERFACE_ENTRY_SNAP_LENGTH,
  STAMP_BLOCK_TYPE,
  STAMP_INTERFACE,
  STAMP_LENGTH,
  STAMP_OPTIONS,
  STAMP_OPTIONS_LENGTH,
  STAMP_TICKS,
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
  CURSOR_RECORDS,
  CURSOR_STAGING,
  CURSOR_STAGING_END,
  CURSOR_STAMPS,
  CURSOR_STATUS,
  FORMAT_BIG_ENDIAN,
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
  DESCRIPTOR_MARK,
  DESCRIPTOR_OFFSET,
  DESCRIPTOR_VERDICT,
  DESCRIPTOR_VNI,
  DESCRIPTOR_WIRE_LENGTH,
  VNI_NONE,
} from "../src/layout/descriptor.layout";
import { DROP_NOT_ETHERNET } from "../src/layout/drop.layout";
import { CACHE_LINE } from "../src/layout/memory.layout";
import {
  CAPTURED_MAXIMUM,
  LINK_TYPE_ETHERNET,
  PCAP_RECORD_CAPTURED,
  PCAP_RECORD_FRACTION,
  PCAP_RECORD_LENGTH,
  PCAP_RECORD_ORIGINAL,
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
  OPTION_CODE,
  OPTION_CUSTOM_BYTES,
  OPTION_CUSTOM_BYTES_PRIVATE,
  OPTION_CUSTOM_TEXT,
  OPTION_CUSTOM_TEXT_PRIVATE,
  OPTION_END,
  OPTION_ENHANCED_DROPS,
  OPTION_ENHANCED_FLAGS,
  OPTION_ENHANCED_PACKET_ID,
  OPTION_ENHANCED_QUEUE,
  OPTION_ENHANCED_VERDICT,
  OPTION_LENGTH,
  OPTION_VALUE,
  PACKET_INTERFACE,
  RECORD_BLOCK_MAXIMUM,
  SIMPLE_FRAME,
  SIMPLE_ORIGINAL,
} from "../src/layout/pcapng.layout";
import { copy } from "./copy";
import { drop } from "./descriptor";
import { readRecords } from "./records";

/** Walks records until the burst is full or something stands in the way; sets the status, returns the number of frames. */
export function readBurst(cursor: usize, counters: usize): u32 {
  const format = load<u32>(cursor, CURSOR_IN_FORMAT);
  const count =
    (format & FORMAT_RECORDS) !== 0
      ? readRecords(cursor)
      : (format & FORMAT_PCAPNG) !== 0
        ? readPcapng(cursor, counters)
        : readPcap(cursor, counters);
  store<u64>(cursor, load<u64>(cursor, CURSOR_RECORDS) + count, CURSOR_RECORDS);
  return count;
}

/** Where the next frame's copy goes while a burst is staged; module state, so each thread has its own. */
let staging: usize = 0;

function readPcap(cursor: usize, counters: usize): u32 {
  const swap = (load<u32>(cursor, CURSOR_IN_FORMAT) & FORMAT_BIG_ENDIAN) !== 0;
  const burst = load<u32>(cursor, CURSOR_BURST);
  const inEnd: usize = load<u32>(cursor, CURSOR_IN_END);
  const growth = load<u32>(cursor, CURSOR_GROWTH);
  let at: usize = load<u32>(cursor, CURSOR_IN);
  let room: i64 = <i64>load<u32>(cursor, CURSOR_OUT_END) - <i64>load<u32>(cursor, CURSOR_OUT);
  let status: u32 = STATUS_NEED_INPUT;
  let count: u32 = 0;
  staging = load<u32>(cursor, CURSOR_STAGING);
  while (count < burst) {
    if (at + PCAP_RECORD_LENGTH > inEnd) break;
    let captured = load<u32>(at, PCAP_RECORD_CAPTURED);
    let original = load<u32>(at, PCAP_RECORD_ORIGINAL);
    let seconds = load<u32>(at);
    let fraction = load<u32>(at, PCAP_RECORD_FRACTION);
    if (swap) {
      captured = bswap<u32>(captured);
      original = bswap<u32>(original);
      seconds = bswap<u32>(seconds);
      fraction = bswap<u32>(fraction);
    }
    if (captured > <u32>CAPTURED_MAXIMUM) {
      status = STATUS_DAMAGE;
      break;
    }
    const frame: usize = at + PCAP_RECORD_LENGTH;
    if (frame + captured > inEnd) break;
    room -= PCAP_RECORD_LENGTH + captured + growth;
    if (room < 0) {
      status = STATUS_OUTPUT_FULL;
      break;
    }
    if (!describe(cursor, count, frame, captured, original, 0, counters)) break;
    const stamp: usize = load<u32>(cursor, CURSOR_STAMPS) + count * STAMP_LENGTH;
    store<u64>(stamp, ((<u64>seconds) << 32) | fraction, STAMP_TICKS);
    store<u32>(stamp, 0, STAMP_INTERFACE);
    store<u32>(stamp, 0, STAMP_OPTIONS_LENGTH);
    store<u32>(stamp, BLOCK_ENHANCED_PACKET, STAMP_BLOCK_TYPE);
    at = frame + captured;
    count++;
  }
  store<u32>(cursor, <u32>at, CURSOR_IN);
  store<u32>(cursor, status, CURSOR_STATUS);
  return count;
}

function readPcapng(cursor: usize, counters: usize): u32 {
  const swap = (load<u32>(cursor, CURSOR_IN_FORMAT) & FORMAT_BIG_ENDIAN) !== 0;
  const burst = load<u32>(cursor, CURSOR_BURST);
  const inEnd: usize = load<u32>(cursor, CURSOR_IN_END);
  const growth = load<u32>(cursor, CURSOR_GROWTH);
  const interfaces = load<u32>(cursor, CURSOR_INTERFACE_COUNT);
  let at: usize = load<u32>(cursor, CURSOR_IN);
  let room: i64 = <i64>load<u32>(cursor, CURSOR_OUT_END) - <i64>load<u32>(cursor, CURSOR_OUT);
  let status: u32 = STATUS_NEED_INPUT;
  let count: u32 = 0;
  staging = load<u32>(cursor, CURSOR_STAGING);
  while (count < burst) {
    if (at + BLOCK_MINIMUM > inEnd) break;
    const type = word(at, 0, swap);
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
    if (at + total > inEnd) break;
    let iface: u32 = 0;
    let original: u32 = 0;
    let captured: u32 = 0;
    let ticks: u64 = 0;
    if (type === BLOCK_SIMPLE_PACKET) {
      original = word(at, SIMPLE_ORIGINAL, swap);
      captured = simpleLength(cursor, original, 0);
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
      word(at + total - 4, 0, swap) !== total
    ) {
      status = STATUS_DAMAGE;
      break;
    }
    // Nothing may stand behind the frame of a simple block: what does says nothing, and is not written.
    const optionsLength = type === BLOCK_SIMPLE_PACKET ? 0 : total - fixed - padded - 4;
    if (optionsLength !== 0 && !optionsFit(at + fixed + padded, optionsLength, swap)) {
      status = STATUS_DAMAGE;
      break;
    }
    room -= total + growth;
    if (room < 0) {
      status = STATUS_OUTPUT_FULL;
      break;
    }
    const frame: usize = at + fixed;
    if (!describe(cursor, count, frame, captured, original, iface, counters)) break;
    const stamp: usize = load<u32>(cursor, CURSOR_STAMPS) + count * STAMP_LENGTH;
    store<u64>(stamp, ticks, STAMP_TICKS);
    store<u32>(stamp, iface, STAMP_INTERFACE);
    store<u32>(stamp, <u32>(frame + padded), STAMP_OPTIONS);
    store<u32>(stamp, optionsLength, STAMP_OPTIONS_LENGTH);
    store<u32>(stamp, type === BLOCK_PACKET ? BLOCK_ENHANCED_PACKET : type, STAMP_BLOCK_TYPE);
    at += total;
    count++;
  }
  store<u32>(cursor, <u32>at, CURSOR_IN);
  store<u32>(cursor, status, CURSOR_STATUS);
  return count;
}

/** Whether options can be walked from one to the next; src/pcap/options.ts asks the same. */
function optionsFit(at: usize, left: u32, swap: bool): bool {
  while (left >= <u32>OPTION_VALUE) {
    const code = half(at, OPTION_CODE, swap);
    const length = half(at, OPTION_LENGTH, swap);
    const step: u32 = OPTION_VALUE + ((length + 3) & ~3);
    if (step > left) return false;
    if (code === OPTION_END) return true;
    if (!optionHolds(code, length)) return false;
    at += step;
    left -= step;
  }
  return true;
}

/** Whether a value has the length that those who look for it expect. */
function optionHolds(code: u32, length: u32): bool {
  if (code === OPTION_ENHANCED_FLAGS || code === OPTION_ENHANCED_QUEUE) return length === 4;
  if (code === OPTION_ENHANCED_DROPS || code === OPTION_ENHANCED_PACKET_ID) return length === 8;
  if (code === OPTION_ENHANCED_VERDICT) return length !== 0;
  const custom =
    code === OPTION_CUSTOM_TEXT ||
    code === OPTION_CUSTOM_BYTES ||
    code === OPTION_CUSTOM_TEXT_PRIVATE ||
    code === OPTION_CUSTOM_BYTES_PRIVATE;
  return !custom || length >= 4;
}

function word(at: usize, offset: u32, swap: bool): u32 {
  const value = load<u32>(at + offset);
  return swap ? bswap<u32>(value) : value;
}

function half(at: usize, offset: u32, swap: bool): u32 {
  const value = load<u16>(at + offset);
  return swap ? bswap<u16>(value) : value;
}

/**
 * A Simple Packet Block says no captured length: the first interface's snap length cuts (pcapng §4.4).
 * In the output that one is longer by `growth`.
 */
export function simpleLength(cursor: usize, original: u32, growth: u32): u32 {
  const snapLength: u32 = load<u32>(load<u32>(cursor, CURSOR_INTERFACES), INTERFACE_ENTRY_SNAP_LENGTH);
  const limit: u64 = <u64>snapLength + growth;
  return snapLength !== 0 && limit < <u64>original ? <u32>limit : original;
}

/** Fills in descriptor `index`; with a staging area the frame is copied there first. False: no room there now. */
function describe(
  cursor: usize,
  index: u32,
  frame: usize,
  captured: u32,
  original: u32,
  iface: u32,
  counters: usize,
): bool {
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
  const d: usize = load<u32>(cursor, CURSOR_DESCRIPTORS) + index * DESCRIPTOR_LENGTH;
  store<u32>(d, <u32>frame, DESCRIPTOR_OFFSET);
  store<u32>(d, captured, DESCRIPTOR_FRAME_LENGTH);
  store<u32>(d, original > captured ? original : captured, DESCRIPTOR_WIRE_LENGTH);
  store<u32>(d, <u32>floor, DESCRIPTOR_FLOOR);
  store<u32>(d, 0, DESCRIPTOR_VERDICT);
  store<u32>(d, VNI_NONE, DESCRIPTOR_VNI);
  store<u32>(d, 0, DESCRIPTOR_FLOW_HASH);
  store<u32>(d, index, DESCRIPTOR_MARK);
  const entry: usize = load<u32>(cursor, CURSOR_INTERFACES) + iface * INTERFACE_ENTRY_LENGTH;
  if (load<u32>(entry, INTERFACE_ENTRY_LINK_TYPE) !== LINK_TYPE_ETHERNET)
    drop(d, DROP_NOT_ETHERNET, counters);
  store<u64>(cursor, load<u64>(cursor, CURSOR_BYTES_IN) + captured, CURSOR_BYTES_IN);
  return true;
}
