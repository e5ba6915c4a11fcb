// Everything that one piece of a capture needs on its way through the kernels. Whoever holds the slot may
// work on it, in any thread.

import {
  CURSOR_BYTES_IN,
  CURSOR_BYTES_OUT,
  CURSOR_IN,
  CURSOR_IN_END,
  CURSOR_OUT,
  CURSOR_OUT_END,
} from "../layout/capture.layout.ts";
import { RECORD_BLOCK_MAXIMUM } from "../layout/pcapng.layout.ts";
import type { Program } from "../pipeline/program.ts";
import { CaptureCursor } from "./capture-cursor.ts";

/** Bytes read at a time: small enough for the second-level cache of the core that works on them. */
export const SLOT_CHUNK: number = 1 << 19;
const INPUT = RECORD_BLOCK_MAXIMUM + SLOT_CHUNK;
/** Room for a chunk of short records that each grow by two wrappings. */
const OUTPUT = 4 * SLOT_CHUNK + RECORD_BLOCK_MAXIMUM;

export class CaptureSlot extends CaptureCursor {
  readonly program: Program;
  readonly #input: number;
  readonly #output: number;

  /**
   * The slot owns `program`: its counters say what became of what went through here. Without an input of its own, the
   * cursor is pointed to where it is.
   */
  constructor(program: Program, input: "own" | "none") {
    let regions: readonly number[] = [];
    try {
      super(program, [OUTPUT, ...(input === "own" ? [INPUT] : [])], (addresses) => {
        regions = addresses;
      });
    } catch (error) {
      program.close();
      throw error;
    }
    this.program = program;
    this.#output = regions[0] as number;
    this.#input = regions[1] ?? 0;
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
  resetCounters(): void {
    this.program.resetCounters();
    for (const field of [CURSOR_BYTES_IN, CURSOR_BYTES_OUT])
      this.kernels.view.setBigUint64(this.cursor + field, 0n, true);
  }

  /** The input from the cursor on. */
  get input(): Uint8Array {
    return this.kernels.bytes.subarray(this.get(CURSOR_IN), this.get(CURSOR_IN_END));
  }

  /** What has been written. */
  get output(): Uint8Array {
    return this.kernels.bytes.subarray(this.#output, this.get(CURSOR_OUT));
  }

  get frameBytesIn(): number {
    return this.counter(CURSOR_BYTES_IN);
  }

  get frameBytesOut(): number {
    return this.counter(CURSOR_BYTES_OUT);
  }

  /** Gives the memory back, the program's too. */
  override close(): void {
    super.close();
    // There is none yet where the memory did not suffice.
    this.program?.close();
  }
}
