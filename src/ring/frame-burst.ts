// Frames that have come out of a ring: one copy of all their records, taken apart on demand.

import { ArgumentRangeError } from "../core/argument-error.ts";
import { VNI_NONE } from "../layout/descriptor.layout.ts";
import {
  RECORD_FRAME_LENGTH,
  RECORD_HEADER_LENGTH,
  RECORD_MARK,
  RECORD_TOTAL,
  RECORD_VNI,
  RECORD_WIRE_LENGTH,
} from "../layout/ring.layout.ts";

/** A burst of frames, the caller's to keep. Iterating gives each frame as a Uint8Array. */
export class FrameBurst implements Iterable<Uint8Array> {
  /** How many frames it holds. */
  readonly length: number;
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #words: Uint32Array;
  readonly #offsets: readonly number[];
  readonly #headroom: number;

  /** `bytes` holds records at these offsets, each frame behind a header and `headroom` bytes; `words` are the same. */
  constructor(
    bytes: Uint8Array<ArrayBuffer>,
    offsets: readonly number[],
    headroom: number,
    words?: Uint32Array,
  ) {
    this.length = offsets.length;
    this.#bytes = bytes;
    this.#words = words ?? new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >>> 2);
    this.#offsets = offsets;
    this.#headroom = headroom;
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

  /** The bytes of frame `index`. */
  frame(index: number): Uint8Array<ArrayBuffer> {
    const record = this.#record(index);
    const start = record + RECORD_HEADER_LENGTH + this.#headroom;
    return this.#bytes.subarray(start, start + (this.#words[(record + RECORD_FRAME_LENGTH) >>> 2] as number));
  }

  /** The number that was sent along with the frame; 0 if there was none. */
  mark(index: number): number {
    return this.#words[(this.#record(index) + RECORD_MARK) >>> 2] as number;
  }

  /** The VNI of the tunnel the frame came out of last; undefined if it came out of none. */
  vni(index: number): number | undefined {
    const vni = this.#words[(this.#record(index) + RECORD_VNI) >>> 2] as number;
    return vni === VNI_NONE ? undefined : vni;
  }

  /** Bytes the frame has on the wire. */
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
