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
  CURSOR_TRAILERS_LEFT_OUT,
} from "../layout/cursor.layout.ts";
import { RECORD_BLOCK_MAXIMUM } from "../layout/pcapng.layout.ts";
import type { PlacedCode } from "../pipeline/placed-code.ts";
import type { Program, ProgramState } from "../pipeline/program.ts";
import { readTally, type Tally } from "../pipeline/tally.ts";
import { CaptureCursor } from "./capture-cursor.ts";

/** Bytes read at a time: small enough for the second-level cache of the core that works on them. */
export const SLOT_CHUNK: number = 1 << 19;
const INPUT = RECORD_BLOCK_MAXIMUM + SLOT_CHUNK;
/** Room for a chunk of short records that each grow by two wrappings. */
const OUTPUT = 4 * SLOT_CHUNK + RECORD_BLOCK_MAXIMUM;
/** What the cursor counts. */
const COUNTS_LENGTH = CURSOR_TRAILERS_LEFT_OUT + 8 - CURSOR_RECORDS;

export class CaptureSlot extends CaptureCursor {
  readonly #state: ProgramState;
  readonly #input: number;
  readonly #output: number;
  /** Where the counters stand as of the last `keepCounts()`, and the cursor's counts. */
  #kept: number;
  readonly #keptCounts: number;
  #framesKept = 0;

  /**
   * It has a state of `program` to itself: that says what became of what went through here. Without an input of its own,
   * the cursor is pointed to where it is.
   */
  constructor(program: Program, input: "own" | "none") {
    let regions: readonly number[] = [];
    const state = program.open();
    try {
      const { stateLength } = program.compiled;
      const lengths = [OUTPUT, stateLength, COUNTS_LENGTH, ...(input === "own" ? [INPUT] : [])];
      super(state, lengths, (addresses) => {
        regions = addresses;
      });
    } catch (error) {
      state.close();
      throw error;
    }
    this.#state = state;
    this.#output = regions[0] as number;
    this.#kept = regions[1] as number;
    this.#keptCounts = regions[2] as number;
    this.#input = regions[3] ?? 0;
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
    this.#state.reset();
    const counts = this.cursor + CURSOR_RECORDS;
    this.kernels.bytes.fill(0, counts, counts + COUNTS_LENGTH);
    this.keepCounts();
  }

  /** Lets these stages of `code` take the place of those that are there. Nobody may be working on the slot. */
  replaceStages(stages: readonly number[], code: PlacedCode): void {
    this.#kept = this.exchange(this.#kept, code.compiled.stateLength);
    for (const index of stages) {
      const stage = this.#state.program.prepare(index, code, this.#state);
      stage.put();
      stage.done();
    }
    this.keepCounts();
  }

  /** Lets what has been counted stand; returns how many frames were read since this was last called. */
  keepCounts(): number {
    const counts = this.cursor + CURSOR_RECORDS;
    this.#state.saveCounters(this.#kept);
    this.kernels.bytes.copyWithin(this.#keptCounts, counts, counts + COUNTS_LENGTH);
    const before = this.#framesKept;
    this.#framesKept = this.#keptCount(CURSOR_RECORDS);
    return this.#framesKept - before;
  }

  /** Lets nothing that has been counted since `keepCounts()` stand. */
  forgetCounts(): void {
    this.#state.restoreCounters(this.#kept);
    const kept = this.#keptCounts;
    this.kernels.bytes.copyWithin(this.cursor + CURSOR_RECORDS, kept, kept + COUNTS_LENGTH);
  }

  /** The input from the cursor on. */
  get input(): Uint8Array {
    return this.kernels.bytes.subarray(this.get(CURSOR_IN), this.get(CURSOR_IN_END));
  }

  /** What has been written. */
  get output(): Uint8Array {
    return this.kernels.bytes.subarray(this.#output, this.get(CURSOR_OUT));
  }

  /** What became of the frames, as of the last `keepCounts()`; so are the three below. */
  get tally(): Tally {
    return readTally(this.kernels, this.#kept, this.#state.program.compiled.states);
  }

  get frameBytesIn(): number {
    return this.#keptCount(CURSOR_BYTES_IN);
  }

  get frameBytesOut(): number {
    return this.#keptCount(CURSOR_BYTES_OUT);
  }

  get trailersLeftOut(): number {
    return this.#keptCount(CURSOR_TRAILERS_LEFT_OUT);
  }

  #keptCount(field: number): number {
    return this.kernels.counter(this.#keptCounts + field - CURSOR_RECORDS);
  }

  /** Gives the memory back, the state's too. */
  override close(): void {
    super.close();
    // There is none yet where the memory did not suffice.
    if (#state in this) this.#state.close();
  }
}
