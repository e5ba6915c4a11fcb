// Frames that have come out of a ring: one copy of all their records, taken apart on demand.

import { ArgumentRangeError } from "../core/argument-error.ts";
import { VNI_NONE } from "../layout/descriptor.layout.ts";
import {
  RECORD_ALIGNMENT,
  RECORD_FRAME_LENGTH,
  RECORD_HEADER_LENGTH,
  RECORD_MARK,
  RECORD_PORT,
  RECORD_TIME,
  RECORD_TOTAL,
  RECORD_VNI,
  RECORD_WIRE_LENGTH,
} from "../layout/ring.layout.ts";
import type { BurstNotes, CheckedNotes } from "./burst-notes.ts";
import type { BurstPool } from "./burst-pool.ts";

/** A burst of frames, the caller's to keep. Iterating gives each frame as a Uint8Array. */
export class FrameBurst implements Iterable<Uint8Array> {
  /** How many frames it holds. */
  readonly length: number;
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #words: Uint32Array;
  readonly #offsets: readonly number[];
  readonly #headroom: number;
  #byteLength: number | undefined;
  #pool: BurstPool | undefined;

  /** Copies of frames, without VNI; `notes` are those of all `frames`. */
  static of(
    frames: readonly Uint8Array[],
    first: number = 0,
    end: number = frames.length,
    notes?: CheckedNotes,
  ): FrameBurst {
    const offsets: number[] = [];
    let total = 0;
    let byteLength = 0;
    for (let index = first; index < end; index++) {
      const { length } = frames[index] as Uint8Array;
      offsets.push(total);
      total += recordLength(length);
      byteLength += length;
    }
    const bytes = new Uint8Array(total);
    const words = new Uint32Array(bytes.buffer);
    offsets.forEach((offset, index) => {
      const frame = frames[first + index] as Uint8Array;
      words[(offset + RECORD_TOTAL) >>> 2] = recordLength(frame.length);
      words[(offset + RECORD_FRAME_LENGTH) >>> 2] = frame.length;
      words[(offset + RECORD_WIRE_LENGTH) >>> 2] = frame.length;
      words[(offset + RECORD_VNI) >>> 2] = VNI_NONE;
      bytes.set(frame, offset + RECORD_HEADER_LENGTH);
      if (notes !== undefined) writeNotes(words, offset >>> 2, notes, first + index);
    });
    return new FrameBurst(bytes, offsets, 0, words, byteLength);
  }

  /**
   * `bytes` holds records at these offsets, each frame behind a header and `headroom` bytes; `words` are the same. They belong to
   * `pool` again when the burst is released.
   */
  constructor(
    bytes: Uint8Array<ArrayBuffer>,
    offsets: readonly number[],
    headroom: number,
    words?: Uint32Array,
    byteLength?: number,
    pool?: BurstPool,
  ) {
    this.length = offsets.length;
    this.#bytes = bytes;
    this.#words = words ?? new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >>> 2);
    this.#offsets = offsets;
    this.#headroom = headroom;
    this.#byteLength = byteLength;
    this.#pool = pool;
  }

  /**
   * For those who hand bursts on, and keep none: nobody looks at it or at views of its frames any more. `isKept`: somebody may, for
   * ever.
   */
  release(isKept = false): void {
    if (!isKept) this.#pool?.give(this.#bytes);
    this.#pool = undefined;
  }

  /** Bytes of all frames. */
  get byteLength(): number {
    if (this.#byteLength === undefined) {
      let sum = 0;
      for (const offset of this.#offsets) sum += this.#words[(offset + RECORD_FRAME_LENGTH) >>> 2] as number;
      this.#byteLength = sum;
    }
    return this.#byteLength;
  }

  /** Bytes of memory that it keeps, and that each view of a frame keeps. */
  get heldBytes(): number {
    return this.#bytes.buffer.byteLength;
  }

  /** How many of its frames, from the first on, `pick` would keep in at most so many bytes. */
  fitting(bytes: number): number {
    let total = 0;
    let index = 0;
    for (; index < this.length; index++) {
      total += this.#words[(this.#record(index) + RECORD_TOTAL) >>> 2] as number;
      if (total > bytes) break;
    }
    return index;
  }

  /** The bytes of all frames, as iterating gives them. */
  frames(): Uint8Array<ArrayBuffer>[] {
    const frames: Uint8Array<ArrayBuffer>[] = [];
    for (let index = 0; index < this.length; index++) frames.push(this.frame(index));
    return frames;
  }

  /** Some of its frames, as a burst of their own with its own bytes: a few frames that wait do not hold all the others. */
  pick(indices: readonly number[]): FrameBurst {
    const totals = indices.map((index) => this.#words[(this.#record(index) + RECORD_TOTAL) >>> 2] as number);
    const bytes = new Uint8Array(totals.reduce((sum, total) => sum + total, 0));
    let at = 0;
    const offsets = indices.map((index, i) => {
      const record = this.#record(index);
      bytes.set(this.#bytes.subarray(record, record + (totals[i] as number)), at);
      at += totals[i] as number;
      return at - (totals[i] as number);
    });
    return new FrameBurst(bytes, offsets, this.#headroom);
  }

  /**
   * The bytes of frame `index`: a view, which keeps the memory of the whole burst alive as long as it is kept. Copy with
   * `.slice()` to keep one frame of many.
   */
  frame(index: number): Uint8Array<ArrayBuffer> {
    const record = this.#record(index);
    const start = record + RECORD_HEADER_LENGTH + this.#headroom;
    return this.#bytes.subarray(start, start + (this.#words[(record + RECORD_FRAME_LENGTH) >>> 2] as number));
  }

  /** The number that was sent along with the frame; 0 if there was none. */
  mark(index: number): number {
    return this.#words[(this.#record(index) + RECORD_MARK) >>> 2] as number;
  }

  /** The number that was sent along as the frame's port; 0 if there was none. */
  port(index: number): number {
    return this.#words[(this.#record(index) + RECORD_PORT) >>> 2] as number;
  }

  /** The time that was sent along with the frame; 0 if there was none. */
  time(index: number): bigint {
    const word = (this.#record(index) + RECORD_TIME) >>> 2;
    return (BigInt(this.#words[word + 1] as number) << 32n) | BigInt(this.#words[word] as number);
  }

  /** What was sent along with the frames, or set by stages, as lists: of all frames, and only those that are not all 0. */
  notes(): BurstNotes {
    const { marks, times, ports } = this.checkedNotes() ?? {};
    return {
      ...(marks !== undefined && { marks }),
      ...(times !== undefined && { times: new BigUint64Array(times.buffer) }),
      ...(ports !== undefined && { ports }),
    };
  }

  /** For ports: the same as words. */
  checkedNotes(): CheckedNotes | undefined {
    const words = this.#words;
    let [mark, port, time] = [0, 0, 0];
    for (const offset of this.#offsets) {
      const word = offset >>> 2;
      mark |= words[word + (RECORD_MARK >>> 2)] as number;
      port |= words[word + (RECORD_PORT >>> 2)] as number;
      time |=
        (words[word + (RECORD_TIME >>> 2)] as number) | (words[word + (RECORD_TIME >>> 2) + 1] as number);
    }
    if ((mark | port | time) === 0) return undefined;
    return {
      marks: mark === 0 ? undefined : this.#column(RECORD_MARK, 1),
      times: time === 0 ? undefined : this.#column(RECORD_TIME, 2),
      ports: port === 0 ? undefined : this.#column(RECORD_PORT, 1),
    };
  }

  /** For ports: the wire lengths of all frames, if there are super-frames among them. */
  superWires(): Uint32Array<ArrayBuffer> | undefined {
    const words = this.#words;
    for (const offset of this.#offsets) {
      const word = offset >>> 2;
      const length = words[word + (RECORD_FRAME_LENGTH >>> 2)] as number;
      if ((words[word + (RECORD_WIRE_LENGTH >>> 2)] as number) < length)
        return this.#column(RECORD_WIRE_LENGTH, 1);
    }
    return undefined;
  }

  /** One field of all records, of so many words. */
  #column(field: number, words: number): Uint32Array<ArrayBuffer> {
    const column = new Uint32Array(words * this.length);
    for (let index = 0; index < column.length; index++) {
      const record = this.#offsets[Math.floor(index / words)] as number;
      column[index] = this.#words[((record + field) >>> 2) + (index % words)] as number;
    }
    return column;
  }

  /** The VNI of the tunnel the frame came out of last; undefined if it came out of none. */
  vni(index: number): number | undefined {
    const vni = this.#words[(this.#record(index) + RECORD_VNI) >>> 2] as number;
    return vni === VNI_NONE ? undefined : vni;
  }

  /** Bytes the frame has on the wire; fewer than it has here if it is a super-frame: those of its longest segment. */
  wireLength(index: number): number {
    return this.#words[(this.#record(index) + RECORD_WIRE_LENGTH) >>> 2] as number;
  }

  *[Symbol.iterator](): Generator<Uint8Array<ArrayBuffer>, void, undefined> {
    for (let index = 0; index < this.length; index++) yield this.frame(index);
  }

  #record(index: number): number {
    const offset = this.#offsets[index];
    if (offset === undefined) {
      throw new ArgumentRangeError(
        "out-of-range",
        "index",
        `expected a whole number from 0 to ${this.length - 1}, got ${index}`,
      );
    }
    return offset;
  }
}

/** Writes what is said of frame `index` into its record, which begins at the word `record`. */
export function writeNotes(words: Uint32Array, record: number, notes: CheckedNotes, index: number): void {
  const { marks, times, ports } = notes;
  if (marks !== undefined) words[record + (RECORD_MARK >>> 2)] = marks[index] as number;
  if (ports !== undefined) words[record + (RECORD_PORT >>> 2)] = ports[index] as number;
  if (times === undefined) return;
  words[record + (RECORD_TIME >>> 2)] = times[2 * index] as number;
  words[record + (RECORD_TIME >>> 2) + 1] = times[2 * index + 1] as number;
}

/** Bytes that a frame of this length takes in a burst made of frames. */
export function recordLength(length: number): number {
  return (RECORD_HEADER_LENGTH + length + RECORD_ALIGNMENT - 1) & -RECORD_ALIGNMENT;
}
