// The loop of a worker between two byte rings: frames are read in place and written as records.
//
// A burst is worked on in its receive ring and its results are copied into the transmit ring; then both
// are published. In between, the journal says which part of the receive ring is in work: if the thread ends
// there, whoever cleans up knows what it held.

import {
  CURSOR_COUNTERS,
  CURSOR_DESCRIPTORS,
  CURSOR_FORWARDED,
  CURSOR_IN,
  CURSOR_IN_END,
  CURSOR_JOURNAL,
  CURSOR_NOTICES,
  CURSOR_OUT,
  CURSOR_OUT_END,
  CURSOR_RECORDS,
  CURSOR_STAGE_COUNT,
  CURSOR_STAGES,
  CURSOR_STATUS,
  CURSOR_SWITCH,
  STATUS_NEED_INPUT,
  STATUS_OUTPUT_FULL,
} from "../src/layout/cursor.layout";
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
  RECORD_FRAME_LENGTH,
  RECORD_TOTAL,
  RING_HEAD,
  RING_ITEMS,
  RING_MASK,
  RING_TAIL,
} from "../src/layout/ring.layout";
import { endNotes, notesInRecords } from "./notes";
import { beginNoting, endNoting } from "./notices";
import { runPipeline } from "./pipeline";
import { readRecords, writeRecords } from "./records";
import { runSwitchRings } from "./switch-ring";

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
  const notices = load<u32>(cursor, CURSOR_NOTICES) !== 0;
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
    if (notices) beginNoting();
    notesInRecords(cursor);
    const forwarded = runPipeline(descriptors, count, stages, stageCount, counters);
    endNoting();
    endNotes();
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
