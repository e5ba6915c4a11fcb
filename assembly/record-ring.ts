// Byte rings: frames as records, read in place and written as records, and the loop of a worker between two rings.
//
// A burst is worked on in its receive ring and its results are copied into the transmit ring; then both
// are published. In between, the journal says which part of the receive ring is in work: if the thread ends
// there, whoever cleans up knows what it held.

import {
  CURSOR_BURST,
  CURSOR_BYTES_IN,
  CURSOR_BYTES_OUT,
  CURSOR_COUNTERS,
  CURSOR_DESCRIPTORS,
  CURSOR_FORWARDED,
  CURSOR_GROWTH,
  CURSOR_HEADROOM,
  CURSOR_IN,
  CURSOR_IN_END,
  CURSOR_JOURNAL,
  CURSOR_OUT,
  CURSOR_OUT_END,
  CURSOR_RECORDS,
  CURSOR_STAGE_COUNT,
  CURSOR_STAGES,
  CURSOR_STATUS,
  CURSOR_SWITCH,
  STATUS_NEED_INPUT,
  STATUS_OUTPUT_FULL,
} from "../src/layout/capture.layout";
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
  JOURNAL_CLAIM,
  JOURNAL_COMMITTING,
  JOURNAL_DROPPED,
  JOURNAL_FORWARDED,
  JOURNAL_HEAD,
  JOURNAL_IDLE,
  JOURNAL_STATE,
  JOURNAL_TAIL,
  JOURNAL_WORKING,
  RECORD_ALIGNMENT,
  RECORD_FLOW_HASH,
  RECORD_FRAME_LENGTH,
  RECORD_HEADER_LENGTH,
  RECORD_MARK,
  RECORD_TOTAL,
  RECORD_VNI,
  RECORD_WIRE_LENGTH,
  RING_HEAD,
  RING_ITEMS,
  RING_MASK,
  RING_TAIL,
} from "../src/layout/ring.layout";
import { copy } from "./copy";
import { runPipeline } from "./pipeline";
import { runSwitchRings } from "./switch-ring";

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
    store<u32>(d, load<u32>(at, RECORD_FLOW_HASH), DESCRIPTOR_FLOW_HASH);
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
  store<u32>(out, load<u32>(d, DESCRIPTOR_FLOW_HASH), RECORD_FLOW_HASH);
  copy(out + RECORD_HEADER_LENGTH, load<u32>(d, DESCRIPTOR_OFFSET), length);
}

/** Writes the frames of a burst that were not dropped as records without headroom. */
export function writeRecords(cursor: usize, count: u32): void {
  const descriptors: usize = load<u32>(cursor, CURSOR_DESCRIPTORS);
  const end: usize = descriptors + count * DESCRIPTOR_LENGTH;
  let out: usize = load<u32>(cursor, CURSOR_OUT);
  let bytes: u64 = 0;
  for (let d = descriptors; d < end; d += DESCRIPTOR_LENGTH) {
    if (load<u8>(d, DESCRIPTOR_VERDICT) === VERDICT_DROP) continue;
    const length = load<u32>(d, DESCRIPTOR_FRAME_LENGTH);
    const total = recordLength(length);
    writeRecord(out, d, length, total);
    bytes += length;
    out += total;
  }
  store<u32>(cursor, <u32>out, CURSOR_OUT);
  store<u64>(cursor, load<u64>(cursor, CURSOR_BYTES_OUT) + bytes, CURSOR_BYTES_OUT);
}

/**
 * Works through at most `bursts` bursts of the receive ring; returns how many it did.
 * Fewer than asked: the receive ring is empty, or the transmit ring is full (the cursor's status tells).
 */
export function runRings(cursor: usize, receive: usize, transmit: usize, bursts: u32): u32 {
  if (load<u32>(cursor, CURSOR_SWITCH) !== 0) return runSwitchRings(cursor, receive, transmit, bursts);
  const stages: usize = load<u32>(cursor, CURSOR_STAGES);
  const stageCount = load<u32>(cursor, CURSOR_STAGE_COUNT);
  const counters: usize = load<u32>(cursor, CURSOR_COUNTERS);
  const journal: usize = load<u32>(cursor, CURSOR_JOURNAL);
  const descriptors: usize = load<u32>(cursor, CURSOR_DESCRIPTORS);
  const receiveItems: usize = load<u32>(receive, RING_ITEMS);
  const transmitItems: usize = load<u32>(transmit, RING_ITEMS);
  const receiveMask = load<u32>(receive, RING_MASK);
  const transmitMask = load<u32>(transmit, RING_MASK);
  let done: u32 = 0;
  while (done < bursts) {
    let head = load<u32>(receive, RING_HEAD);
    const filled: u32 = atomic.load<u32>(receive, RING_TAIL) - head;
    if (filled === 0) {
      store<u32>(cursor, STATUS_NEED_INPUT, CURSOR_STATUS);
      break;
    }
    const at = head & receiveMask;
    const start: usize = receiveItems + at;
    store<u32>(cursor, <u32>start, CURSOR_IN);
    store<u32>(cursor, <u32>start + min(filled, receiveMask + 1 - at), CURSOR_IN_END);

    let tail = load<u32>(transmit, RING_TAIL);
    const free: u32 = transmitMask + 1 - (tail - atomic.load<u32>(transmit, RING_HEAD));
    const outAt = tail & transmitMask;
    const toEnd: u32 = transmitMask + 1 - outAt;
    const out: usize = transmitItems + outAt;
    store<u32>(cursor, <u32>out, CURSOR_OUT);
    store<u32>(cursor, <u32>out + min(free, toEnd), CURSOR_OUT_END);

    const count = readRecords(cursor);
    if (count === 0 && load<u32>(cursor, CURSOR_STATUS) === STATUS_OUTPUT_FULL) {
      if (free <= toEnd) break;
      // There is room at the start of the ring: a filler takes what is left before its end.
      store<u32>(out, toEnd, RECORD_TOTAL);
      store<u32>(out, FILLER, RECORD_FRAME_LENGTH);
      atomic.store<u32>(transmit, tail + toEnd, RING_TAIL);
      continue;
    }
    head += load<u32>(cursor, CURSOR_IN) - <u32>start;
    const records = load<u64>(cursor, CURSOR_RECORDS);
    const forwardedBefore = load<u64>(cursor, CURSOR_FORWARDED);
    store<u32>(journal, head, JOURNAL_CLAIM);
    store<u64>(journal, forwardedBefore, JOURNAL_FORWARDED);
    store<u64>(journal, records - forwardedBefore, JOURNAL_DROPPED);
    atomic.store<u32>(journal, JOURNAL_WORKING, JOURNAL_STATE);
    const forwarded = runPipeline(descriptors, count, stages, stageCount, counters);
    writeRecords(cursor, count);
    store<u64>(cursor, records + count, CURSOR_RECORDS);
    store<u64>(cursor, forwardedBefore + forwarded, CURSOR_FORWARDED);
    tail += load<u32>(cursor, CURSOR_OUT) - <u32>out;

    // Both ends of the burst become true together: from COMMITTING on, whoever finds the journal can finish it.
    store<u32>(journal, head, JOURNAL_HEAD);
    store<u32>(journal, tail, JOURNAL_TAIL);
    atomic.store<u32>(journal, JOURNAL_COMMITTING, JOURNAL_STATE);
    atomic.store<u32>(transmit, tail, RING_TAIL);
    atomic.store<u32>(receive, head, RING_HEAD);
    atomic.store<u32>(journal, JOURNAL_IDLE, JOURNAL_STATE);
    done++;
  }
  return done;
}
