// Frames as records of a byte ring: read where they lie, and written without headroom.

import {
  CURSOR_BURST,
  CURSOR_BYTES_IN,
  CURSOR_BYTES_OUT,
  CURSOR_DESCRIPTORS,
  CURSOR_GROWTH,
  CURSOR_HEADROOM,
  CURSOR_IN,
  CURSOR_IN_END,
  CURSOR_NOTES,
  CURSOR_NOTICES,
  CURSOR_OUT,
  CURSOR_OUT_END,
  CURSOR_STATUS,
  STATUS_NEED_INPUT,
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
  VERDICT_DROP,
} from "../src/layout/descriptor.layout";
import {
  FILLER,
  RECORD_ALIGNMENT,
  RECORD_FRAME_LENGTH,
  RECORD_HEADER_LENGTH,
  RECORD_MARK,
  RECORD_TOTAL,
  RECORD_VNI,
  RECORD_WIRE_LENGTH,
} from "../src/layout/ring.layout";
import { copy } from "./copy";
import { copyNotes, writeNotice } from "./notices";

/** Describes the records between in and in end, where they lie; fillers are passed over. */
export function readRecords(cursor: usize): u32 {
  const burst = load<u32>(cursor, CURSOR_BURST);
  const inEnd: usize = load<u32>(cursor, CURSOR_IN_END);
  const headroom = load<u32>(cursor, CURSOR_HEADROOM);
  const growth = load<u32>(cursor, CURSOR_GROWTH);
  const descriptors: usize = load<u32>(cursor, CURSOR_DESCRIPTORS);
  let at: usize = load<u32>(cursor, CURSOR_IN);
  let room: i64 = <i64>load<u32>(cursor, CURSOR_OUT_END) - <i64>load<u32>(cursor, CURSOR_OUT);
  let status: u32 = STATUS_NEED_INPUT;
  let bytes: u64 = 0;
  let count: u32 = 0;
  while (count < burst && at < inEnd) {
    const total = load<u32>(at, RECORD_TOTAL);
    const length = load<u32>(at, RECORD_FRAME_LENGTH);
    if (length === <u32>FILLER) {
      at += total;
      continue;
    }
    room -= RECORD_HEADER_LENGTH + RECORD_ALIGNMENT + length + growth;
    if (room < 0) {
      status = STATUS_OUTPUT_FULL;
      break;
    }
    const d: usize = descriptors + count * DESCRIPTOR_LENGTH;
    const floor: usize = at + RECORD_HEADER_LENGTH;
    store<u32>(d, <u32>floor + headroom, DESCRIPTOR_OFFSET);
    store<u32>(d, length, DESCRIPTOR_FRAME_LENGTH);
    store<u32>(d, load<u32>(at, RECORD_WIRE_LENGTH), DESCRIPTOR_WIRE_LENGTH);
    store<u32>(d, <u32>floor, DESCRIPTOR_FLOOR);
    store<u32>(d, 0, DESCRIPTOR_VERDICT);
    store<u32>(d, load<u32>(at, RECORD_VNI), DESCRIPTOR_VNI);
    store<u32>(d, 0, DESCRIPTOR_FLOW_HASH);
    store<u32>(d, load<u32>(at, RECORD_MARK), DESCRIPTOR_MARK);
    bytes += length;
    at += total;
    count++;
  }
  store<u32>(cursor, <u32>at, CURSOR_IN);
  store<u32>(cursor, status, CURSOR_STATUS);
  store<u64>(cursor, load<u64>(cursor, CURSOR_BYTES_IN) + bytes, CURSOR_BYTES_IN);
  return count;
}

/** Bytes of a record without headroom. */
export function recordLength(length: u32): u32 {
  return (RECORD_HEADER_LENGTH + length + RECORD_ALIGNMENT - 1) & ~(RECORD_ALIGNMENT - 1);
}

/** Writes one frame as a record without headroom. */
export function writeRecord(out: usize, d: usize, length: u32, total: u32): void {
  store<u32>(out, total, RECORD_TOTAL);
  store<u32>(out, length, RECORD_FRAME_LENGTH);
  store<u32>(out, load<u32>(d, DESCRIPTOR_WIRE_LENGTH), RECORD_WIRE_LENGTH);
  store<u32>(out, load<u32>(d, DESCRIPTOR_MARK), RECORD_MARK);
  store<u32>(out, load<u32>(d, DESCRIPTOR_VNI), RECORD_VNI);
  copy(out + RECORD_HEADER_LENGTH, load<u32>(d, DESCRIPTOR_OFFSET), length);
}

/** Writes the frames of a burst that were not dropped as records without headroom, and notices of the others if asked to. */
export function writeRecords(cursor: usize, count: u32): void {
  const descriptors: usize = load<u32>(cursor, CURSOR_DESCRIPTORS);
  const end: usize = descriptors + count * DESCRIPTOR_LENGTH;
  let out: usize = load<u32>(cursor, CURSOR_OUT);
  const notices = load<u32>(cursor, CURSOR_NOTICES) !== 0;
  // In this order, once they have been read: whoever sets it has put them in order before.
  const notes = atomic.load<u32>(cursor + CURSOR_NOTES) !== 0;
  let bytes: u64 = 0;
  for (let d = descriptors; d < end; d += DESCRIPTOR_LENGTH) {
    if (load<u8>(d, DESCRIPTOR_VERDICT) === VERDICT_DROP) {
      if (notices) out = writeNotice(out, d, notes);
      continue;
    }
    const length = load<u32>(d, DESCRIPTOR_FRAME_LENGTH);
    const total = recordLength(length);
    writeRecord(out, d, length, total);
    copyNotes(out, d, notes);
    bytes += length;
    out += total;
  }
  store<u32>(cursor, <u32>out, CURSOR_OUT);
  store<u64>(cursor, load<u64>(cursor, CURSOR_BYTES_OUT) + bytes, CURSOR_BYTES_OUT);
}
