// Fragments that do not become a datagram, where what is no tunnel's is kept: they go on as they came, behind one another,
// as bursts of frames that were read before.

import { STAMP_OPTIONS_LENGTH } from "../src/layout/capture.layout";
import {
  CURSOR_BURST,
  CURSOR_GROWTH,
  CURSOR_OUT,
  CURSOR_OUT_END,
  CURSOR_REASSEMBLY,
  CURSOR_STATUS,
  STATUS_OUTPUT_FULL,
} from "../src/layout/cursor.layout";
import {
  DATAGRAM_FIRST,
  FRAGMENT_CAPTURED,
  FRAGMENT_FRAME,
  FRAGMENT_NEXT,
  FRAGMENT_ORIGINAL,
  FRAGMENT_OWNER,
  FRAGMENT_STAMP,
  FRAGMENT_TRAILER,
  TABLE_RELEASED,
} from "../src/layout/fragment.layout";
import { describeAgain } from "./capture-read";
import { endRelease } from "./fragment-table";

/** Bytes that a record is longer than its frame and options, in any format, its growth left out. */
export const RECORD_AROUND: u32 = 64;

/** Whether there are any. */
export function areReleased(table: usize): bool {
  return load<u32>(table, TABLE_RELEASED) !== 0;
}

/** Describes some of them as a burst, from which they are written before another is read; 0: the output has no room. */
export function readReleased(cursor: usize): u32 {
  const table: usize = load<u32>(cursor, CURSOR_REASSEMBLY);
  const burst = load<u32>(cursor, CURSOR_BURST);
  const around = RECORD_AROUND + load<u32>(cursor, CURSOR_GROWTH);
  let room: i64 = <i64>load<u32>(cursor, CURSOR_OUT_END) - <i64>load<u32>(cursor, CURSOR_OUT);
  let count: u32 = 0;
  for (let datagram: usize = load<u32>(table, TABLE_RELEASED); datagram !== 0; ) {
    let one: usize = load<u32>(datagram, DATAGRAM_FIRST);
    for (; one !== 0 && count < burst; one = load<u32>(one, FRAGMENT_NEXT)) {
      const captured = load<u32>(one, FRAGMENT_CAPTURED);
      const stamp: usize = one + FRAGMENT_STAMP;
      room -= captured + load<u32>(stamp, STAMP_OPTIONS_LENGTH) + around;
      if (room < 0) break;
      const original = load<u32>(one, FRAGMENT_ORIGINAL);
      const trailer = load<u32>(one, FRAGMENT_TRAILER);
      if (!describeAgain(cursor, count, one + FRAGMENT_FRAME, captured, original, trailer, stamp)) break;
      store<u32>(one, 0, FRAGMENT_OWNER);
      count++;
    }
    store<u32>(datagram, <u32>one, DATAGRAM_FIRST);
    if (one !== 0) break;
    endRelease(table, datagram);
    datagram = load<u32>(table, TABLE_RELEASED);
  }
  if (count === 0) store<u32>(cursor, STATUS_OUTPUT_FULL, CURSOR_STATUS);
  return count;
}
