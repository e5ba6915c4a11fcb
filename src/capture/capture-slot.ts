// Everything that one piece of a capture needs on its way through the kernels. Whoever holds the slot may
// work on it, in any thread.

import {
  CURSOR_BYTES_IN,
  CURSOR_BYTES_OUT,
  CURSOR_IN,
  CURSOR_IN_END,
  CURSOR_OUT,
  CURSOR_OUT_END,
  CURSOR_RECORDS,
} from "../layout/cursor.layout.ts";
import { RECORD_BLOCK_MAXIMUM } from "../layout/pcapng.layout.ts";
import { type PipelineCounters, readCounters } from "../pipeline/counters.ts";
import type { Program } from "../pipeline/program.ts";
import { CaptureCursor } from "./capture-cursor.ts";

/** Bytes read at a time: small enough for the second-level cache of the core that works on them. */
export const SLOT_CHUNK: number = 1 << 19;
const INPUT = RECORD_BLOCK_MAXIMUM + SLOT_CHUNK;
/** Room for a chunk of short records that each grow by two wrappings. */
const OUTPUT = 4 * SLOT_CHUNK + RECORD_BLOCK_MAXIMUM;
/** What the cursor counts. */
const COUNTS_LENGTH = CURSOR_BYTES_OUT + 8 - CURSOR_RECORDS;

export class CaptureSlot extends CaptureCursor {
  readonly program: Program;
  readonly #input: number;
  readonly #output: number;
  /** Where the program and the cursor's counts stand as of the last `keepCounts()`. */
  readonly #kept: number;
  #framesKept = 0;

  /**
   * The slot owns `program`: its counters say what became of what went through here. Without an input of its own, the
   * cursor is pointed to where it is.
   */
  constructor(program: Program, input: "own" | "none") {
    let regions: readonly number[] = [];
    try {
      const lengths = [OUTPUT, program.byteLength + COUNTS_LENGTH, ...(input === "own" ? [INPUT] : [])];
      super(program, lengths, (addresses) => {
        regions = addresses;
      });
    } catch (error) {
      program.close();
      throw error;
    }
    this.program = program;
    this.#output = regions[0] as number;
    this.#kept = regions[1] as number;
    this.#input = regions[2] ?? 0;
    this.keepCounts();
  }

  /** Where the next piece may be read to. */
  get chunk(): Uint8Array {
    const start = this.#input + RECORD_BLOCK_MAXIMUM;
    return this.kernels.bytes.subarray(start, start + SLOT_CHUNK);
  }

  /** Puts `carried` in front of the first `length` bytes of the chunk, empties the output, and starts there. */
  start(carried: Uint8Array, length: number): void {
    const chunk = this.#input + RECORD_BLOCK_MAXIMUM;
    this.kernels.bytes.set(carried, chunk - carried.length);
    this.set(CURSOR_IN, chunk - carried.length);
    this.set(CURSOR_IN_END, chunk + length);
    this.emptyOutput();
  }

  emptyOutput(): void {
    this.set(CURSOR_OUT, this.#output);
    this.set(CURSOR_OUT_END, this.#output + OUTPUT);
  }

  /** Lets everything count from zero. */
  resetCounts(): void {
    this.program.resetCounters();
    const counts = this.cursor + CURSOR_RECORDS;
    this.kernels.bytes.fill(0, counts, counts + COUNTS_LENGTH);
    this.keepCounts();
  }

  /** Lets what has been counted stand; returns how many frames were read since this was last called. */
  keepCounts(): number {
    const { bytes } = this.kernels;
    const { address, byteLength } = this.program;
    const counts = this.cursor + CURSOR_RECORDS;
    bytes.copyWithin(this.#kept, address, address + byteLength);
    bytes.copyWithin(this.#kept + byteLength, counts, counts + COUNTS_LENGTH);
    const before = this.#framesKept;
    this.#framesKept = this.#keptCount(CURSOR_RECORDS);
    return this.#framesKept - before;
  }

  /** Lets nothing that has been counted since `keepCounts()` stand. */
  forgetCounts(): void {
    const { bytes } = this.kernels;
    const { address, byteLength } = this.program;
    bytes.copyWithin(address, this.#kept, this.#kept + byteLength);
    const kept = this.#kept + byteLength;
    bytes.copyWithin(this.cursor + CURSOR_RECORDS, kept, kept + COUNTS_LENGTH);
  }

  /** The input from the cursor on. */
  get input(): Uint8Array {
    return this.kernels.bytes.subarray(this.get(CURSOR_IN), this.get(CURSOR_IN_END));
  }

  /** What has been written. */
  get output(): Uint8Array {
    return this.kernels.bytes.subarray(this.#output, this.get(CURSOR_OUT));
  }

  /** What became of the frames, as of the last `keepCounts()`; so are the two below. */
  get counters(): PipelineCounters {
    return readCounters(this.kernels, this.#kept, this.program.length);
  }

  get frameBytesIn(): number {
    return this.#keptCount(CURSOR_BYTES_IN);
  }

  get frameBytesOut(): number {
    return this.#keptCount(CURSOR_BYTES_OUT);
  }

  #keptCount(field: number): number {
    return this.kernels.counter(this.#kept + this.program.byteLength + field - CURSOR_RECORDS);
  }

  /** Gives the memory back, the program's too. */
  override close(): void {
    super.close();
    // There is none yet where the memory did not suffice.
    this.program?.close();
  }
}
