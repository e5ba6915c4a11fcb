// A piece of a capture that lies in memory all threads see: whoever works on it copies it in by itself.
//
// The source is cut by offset, blindly. A piece is all records that begin in its range, and where the first one begins
// is known when the piece in front has been scanned: each piece writes the seam of the one behind it.

import type { Kernels } from "../kernel/kernels.ts";
import { SEAM_DOORBELL, SEAM_FIRST, SEAM_OPEN, SEAM_STOP, SEAM_VALUE } from "../layout/board.layout.ts";
import {
  CURSOR_IN,
  CURSOR_IN_END,
  CURSOR_NEXT_SEAM,
  CURSOR_RANGE,
  CURSOR_RANGE_LENGTH,
  CURSOR_RANGE_OFFSET,
  CURSOR_RECORD_LENGTH,
  CURSOR_SCANNED,
  CURSOR_SEAM,
  CURSOR_STATUS,
  STATUS_NEED_INPUT,
} from "../layout/cursor.layout.ts";
import { RECORD_BLOCK_MAXIMUM } from "../layout/pcapng.layout.ts";
import { ringIfAsleep } from "../ring/doorbell.ts";
import { COPY_WORD } from "./lending.ts";

/** Bytes of a capture that one piece takes at most: they stay in the second-level cache of the core that works on them. */
export const PIECE_LENGTH: number = 1 << 19;
/** Room for a piece, for a record that begins at its end, and to be aligned as the source is. */
export const WINDOW_LENGTH: number = PIECE_LENGTH + RECORD_BLOCK_MAXIMUM + COPY_WORD;

/** Bytes that are copied behind the range at once: most records that reach behind it end there. */
const BEHIND = 2048;

/** What a seam says. */
export function readSeam(kernels: Kernels, seam: number): number {
  return Atomics.load(kernels.words, (seam + SEAM_VALUE) >>> 2);
}

/** Lets the piece behind begin, and wakes the worker that has it. */
export function writeSeam(kernels: Kernels, seam: number, value: number): void {
  // First the value, then a look for who sleeps; a worker says that it sleeps and then looks at the value.
  Atomics.store(kernels.words, (seam + SEAM_VALUE) >>> 2, value);
  ringIfAsleep(kernels, Atomics.load(kernels.words, (seam + SEAM_DOORBELL) >>> 2));
}

/** Says where to ring when the seam is written; it is to be read after that. */
export function waitForSeam(kernels: Kernels, seam: number, doorbell: number): void {
  Atomics.store(kernels.words, (seam + SEAM_DOORBELL) >>> 2, doorbell);
}

/** Makes a seam ready for its next use. */
export function clearSeam(kernels: Kernels, seam: number): void {
  Atomics.store(kernels.words, (seam + SEAM_VALUE) >>> 2, SEAM_OPEN);
  Atomics.store(kernels.words, (seam + SEAM_DOORBELL) >>> 2, 0);
}

/**
 * Copies the piece's range to `window`, which has room for WINDOW_LENGTH bytes; that
 * needs no seam.
 */
export function copyPiece(kernels: Kernels, source: Uint8Array, cursor: number, window: number): void {
  const { words } = kernels;
  const offset = kernels.counter(cursor + CURSOR_RANGE_OFFSET);
  const range = window + ((source.byteOffset + offset) % COPY_WORD);
  words[(cursor + CURSOR_RANGE) >>> 2] = range;
  words[(cursor + CURSOR_IN_END) >>> 2] = range;
  const length = words[(cursor + CURSOR_RANGE_LENGTH) >>> 2] as number;
  extend(kernels, source, cursor, range + length + BEHIND);
}

/**
 * Finds the records of a piece that has been copied in and whose seam is written, and writes the next seam. False if
 * there is more to it than whole records, or if that is so of a piece in front: then it is not to be worked on.
 */
export function scanPiece(kernels: Kernels, source: Uint8Array, cursor: number): boolean {
  const { words, functions } = kernels;
  const get = (field: number): number => words[(cursor + field) >>> 2] as number;
  const set = (field: number, value: number): void => {
    words[(cursor + field) >>> 2] = value;
  };
  const seam = readSeam(kernels, get(CURSOR_SEAM));
  const limit = get(CURSOR_RANGE) + get(CURSOR_RANGE_LENGTH);
  const start = get(CURSOR_RANGE) + seam - SEAM_FIRST;
  let end = start;
  let records = 0;
  let regular = seam !== SEAM_STOP;
  while (regular && end < limit) {
    set(CURSOR_IN, start);
    records = functions.scanCapture(cursor, limit);
    end = get(CURSOR_IN);
    // The last record may reach so far behind the range that it has not been copied yet, or behind the source's end.
    regular =
      get(CURSOR_STATUS) === STATUS_NEED_INPUT &&
      (end >= limit || extend(kernels, source, cursor, end + get(CURSOR_RECORD_LENGTH)));
  }
  if (regular) {
    set(CURSOR_IN, start);
    set(CURSOR_IN_END, end);
    set(CURSOR_SCANNED, records);
  }
  writeSeam(kernels, get(CURSOR_NEXT_SEAM), regular ? end - limit + SEAM_FIRST : SEAM_STOP);
  return regular;
}

/** Copies the source in up to address `end`, behind what is there; false if it ends before. */
function extend(kernels: Kernels, source: Uint8Array, cursor: number, end: number): boolean {
  const { words, bytes } = kernels;
  const from = words[(cursor + CURSOR_IN_END) >>> 2] as number;
  const offset =
    kernels.counter(cursor + CURSOR_RANGE_OFFSET) - (words[(cursor + CURSOR_RANGE) >>> 2] as number);
  const to = Math.min(end, source.length - offset);
  bytes.set(source.subarray(from + offset, to + offset), from);
  words[(cursor + CURSOR_IN_END) >>> 2] = to;
  return to === end;
}
