// A switch between two byte rings: bursts are worked on in the receive ring, in place, and what leaves is written into
// the transmit ring, each record with its port as its mark.
//
// One burst can lead to any number of copies. Where the transmit ring has no room the burst stays where it is, and
// the next call goes on with it; the receive ring's head moves only when all of it is done.
//
// The journal says at every moment how far that is, so that whoever finds it after the thread has ended can hand out
// what had left the switch already. It is also what a change of the switch waits for: the journal is not idle from
// before a thread looks whether it may begin until the last frame of the burst is in the transmit ring.

import {
  CURSOR_BURST_FRAMES,
  CURSOR_BURST_HEAD,
  CURSOR_BURST_STATUS,
  CURSOR_BURST_WRITTEN,
  CURSOR_DESCRIPTORS,
  CURSOR_IN,
  CURSOR_IN_END,
  CURSOR_JOURNAL,
  CURSOR_OUT,
  CURSOR_OUT_END,
  CURSOR_RECORDS,
  CURSOR_STATUS,
  CURSOR_SWITCH,
  STATUS_NEED_INPUT,
  STATUS_OUTPUT_FULL,
} from "../src/layout/cursor.layout";
import { DESCRIPTOR_FRAME_LENGTH } from "../src/layout/descriptor.layout";
import {
  FILLER,
  JOURNAL_CLAIM,
  JOURNAL_COMMITTING,
  JOURNAL_IDLE,
  JOURNAL_RECEIVED,
  JOURNAL_STATE,
  JOURNAL_TAIL,
  JOURNAL_WORKING,
  JOURNAL_WRITTEN,
  RECORD_FRAME_LENGTH,
  RECORD_TOTAL,
  RING_HEAD,
  RING_ITEMS,
  RING_MASK,
  RING_TAIL,
} from "../src/layout/ring.layout";
import {
  CONTEXT_OUT,
  CONTEXT_OUT_COUNT,
  CONTEXT_SWITCH,
  SWITCH_INTERRUPTED,
  SWITCH_PAUSE,
} from "../src/layout/switch.layout";
import { writeNoNotes } from "./notices";
import { readRecords, recordLength, writeRecord } from "./records";
import { runSwitch } from "./switch";

/** As runRings, for a cursor with a switch; a part of a burst counts as one, if anything left. */
export function runSwitchRings(cursor: usize, receive: usize, transmit: usize, bursts: u32): u32 {
  const context: usize = load<u32>(cursor, CURSOR_SWITCH);
  const descriptors: usize = load<u32>(cursor, CURSOR_DESCRIPTORS);
  const journal: usize = load<u32>(cursor, CURSOR_JOURNAL);
  const sw: usize = load<u32>(context, CONTEXT_SWITCH);
  const tail = load<u32>(transmit, RING_TAIL);
  let done: u32 = 0;
  while (done < bursts) {
    let frames = load<u32>(cursor, CURSOR_BURST_FRAMES);
    if (frames === 0) {
      frames = claim(cursor, receive);
      if (frames === 0) {
        store<u32>(cursor, STATUS_NEED_INPUT, CURSOR_STATUS);
        break;
      }
      nothingLeft(cursor, context);
      store<u32>(journal, load<u32>(cursor, CURSOR_BURST_HEAD), JOURNAL_CLAIM);
      store<u64>(journal, load<u64>(cursor, CURSOR_RECORDS), JOURNAL_RECEIVED);
      atomic.store<u32>(journal, JOURNAL_WORKING, JOURNAL_STATE);
      // In this order: whoever pauses the switch looks at the journal after having said so.
      if (atomic.load<u32>(sw, SWITCH_PAUSE) !== 0) {
        atomic.store<u32>(journal, JOURNAL_IDLE, JOURNAL_STATE);
        break;
      }
      store<u32>(cursor, runSwitch(context, descriptors, frames), CURSOR_BURST_STATUS);
      store<u32>(cursor, frames, CURSOR_BURST_FRAMES);
    }
    if (!writeOut(cursor, context, transmit, journal)) {
      store<u32>(cursor, STATUS_OUTPUT_FULL, CURSOR_STATUS);
      break;
    }
    if (load<u32>(cursor, CURSOR_BURST_STATUS) === SWITCH_INTERRUPTED) {
      nothingLeft(cursor, context);
      store<u32>(cursor, runSwitch(context, descriptors, frames), CURSOR_BURST_STATUS);
      continue;
    }
    // From the journal, so that it can be done twice.
    store<u64>(cursor, load<u64>(journal, JOURNAL_RECEIVED) + frames, CURSOR_RECORDS);
    store<u32>(cursor, 0, CURSOR_BURST_FRAMES);
    atomic.store<u32>(receive, load<u32>(cursor, CURSOR_BURST_HEAD), RING_HEAD);
    atomic.store<u32>(journal, JOURNAL_IDLE, JOURNAL_STATE);
    done++;
  }
  // Who takes what leaves must hear of a part of a burst, too.
  return done === 0 && load<u32>(transmit, RING_TAIL) !== tail ? 1 : done;
}

/** Describes the next burst of the receive ring, and notes the head behind it; returns how many frames it has. */
function claim(cursor: usize, receive: usize): u32 {
  const items: usize = load<u32>(receive, RING_ITEMS);
  const mask = load<u32>(receive, RING_MASK);
  let frames: u32 = 0;
  while (frames === 0) {
    const head = load<u32>(receive, RING_HEAD);
    const filled: u32 = atomic.load<u32>(receive, RING_TAIL) - head;
    if (filled === 0) break;
    const at = head & mask;
    const start: usize = items + at;
    store<u32>(cursor, <u32>start, CURSOR_IN);
    store<u32>(cursor, <u32>start + min(filled, mask + 1 - at), CURSOR_IN_END);
    // What leaves is written when it is known: here nothing is too long.
    store<u32>(cursor, 0, CURSOR_OUT);
    store<u32>(cursor, 0xffffffff, CURSOR_OUT_END);
    frames = readRecords(cursor);
    const behind = head + load<u32>(cursor, CURSOR_IN) - <u32>start;
    store<u32>(cursor, behind, CURSOR_BURST_HEAD);
    // There was only a filler.
    if (frames === 0) atomic.store<u32>(receive, behind, RING_HEAD);
  }
  return frames;
}

/** The list of what leaves is empty, in this order: at no moment does it seem that old frames have yet to leave. */
function nothingLeft(cursor: usize, context: usize): void {
  store<u32>(context, 0, CONTEXT_OUT_COUNT);
  store<u32>(cursor, 0, CURSOR_BURST_WRITTEN);
}

/** Writes what leaves, from where it stopped; false if the ring has no room for the next. */
function writeOut(cursor: usize, context: usize, transmit: usize, journal: usize): bool {
  const list: usize = load<u32>(context, CONTEXT_OUT);
  const count = load<u32>(context, CONTEXT_OUT_COUNT);
  const items: usize = load<u32>(transmit, RING_ITEMS);
  const mask = load<u32>(transmit, RING_MASK);
  const start = load<u32>(transmit, RING_TAIL);
  let tail = start;
  let free: u32 = mask + 1 - (tail - atomic.load<u32>(transmit, RING_HEAD));
  let written = load<u32>(cursor, CURSOR_BURST_WRITTEN);
  for (; written < count; written++) {
    const d: usize = load<u32>(list + (written << 2));
    const length = load<u32>(d, DESCRIPTOR_FRAME_LENGTH);
    const total = recordLength(length);
    const toEnd: u32 = mask + 1 - (tail & mask);
    if (total > toEnd) {
      if (free < toEnd) break;
      const filler: usize = items + (tail & mask);
      store<u32>(filler, toEnd, RECORD_TOTAL);
      store<u32>(filler, FILLER, RECORD_FRAME_LENGTH);
      tail += toEnd;
      free -= toEnd;
    }
    if (total > free) break;
    writeRecord(items + (tail & mask), d, length, total);
    writeNoNotes(items + (tail & mask));
    tail += total;
    free -= total;
  }
  if (tail === start) return written === count;
  // The tail and how much of the list it includes become true together: see ring.layout.ts.
  store<u32>(journal, tail, JOURNAL_TAIL);
  store<u32>(journal, written, JOURNAL_WRITTEN);
  atomic.store<u32>(journal, JOURNAL_COMMITTING, JOURNAL_STATE);
  atomic.store<u32>(transmit, tail, RING_TAIL);
  store<u32>(cursor, written, CURSOR_BURST_WRITTEN);
  atomic.store<u32>(journal, JOURNAL_WORKING, JOURNAL_STATE);
  return written === count;
}
