// The memory of a capture that one thread works through.
//
// There are two input regions and two output regions, so that one can be filled or drained while
// the kernels work on the other. In front of each input chunk lies room for the record that the
// chunk before it began: it is moved there, so that every record lies in one piece.

import { CURSOR_IN, CURSOR_IN_END, CURSOR_OUT, CURSOR_OUT_END } from "../layout/cursor.layout.ts";
import { RECORD_BLOCK_MAXIMUM } from "../layout/pcapng.layout.ts";
import type { ProgramState } from "../pipeline/program.ts";
import { CaptureCursor } from "./capture-cursor.ts";

/** Bytes read at a time. Larger chunks fall out of the second-level cache between reading and work. */
const CHUNK = 1 << 20;
const INPUT = RECORD_BLOCK_MAXIMUM + CHUNK;
const OUTPUT = CHUNK + RECORD_BLOCK_MAXIMUM;

export class CaptureMemory extends CaptureCursor {
  readonly #inputs: readonly number[];
  readonly #outputs: readonly number[];
  /** Which of the two regions is worked on. */
  #input = 0;
  #output = 0;
  /** Offset in the file of the first byte of the current chunk, and the chunk's length. */
  #chunkOffset = 0;
  #chunkLength = 0;

  constructor(state: ProgramState) {
    let regions: readonly number[] = [];
    super(state, [INPUT, INPUT, OUTPUT, OUTPUT], (addresses) => {
      regions = addresses;
    });
    this.#inputs = regions.slice(0, 2);
    this.#outputs = regions.slice(2);
    this.#startInput(0, 0);
    this.#startOutput();
  }

  /** Where the next chunk may be read to, while the current one is worked on. */
  get nextInput(): Uint8Array {
    const start = this.#chunkStart(1 - this.#input);
    return this.kernels.bytes.subarray(start, start + CHUNK);
  }

  /** Goes on to the chunk of `length` bytes that stands in `nextInput`, the rest of the current one in front of it. */
  nextChunk(length: number): void {
    const from = this.get(CURSOR_IN);
    const end = this.get(CURSOR_IN_END);
    this.#input = 1 - this.#input;
    this.#chunkOffset += this.#chunkLength;
    this.#chunkLength = length;
    this.kernels.bytes.copyWithin(this.#chunkStart(this.#input) - (end - from), from, end);
    this.#startInput(end - from, length);
  }

  /** The input that is not used up yet. */
  get rest(): Uint8Array {
    return this.kernels.bytes.subarray(this.get(CURSOR_IN), this.get(CURSOR_IN_END));
  }

  /** Offset in the file of the byte that comes next. */
  get fileOffset(): number {
    return this.#chunkOffset + this.get(CURSOR_IN) - this.#chunkStart(this.#input);
  }

  /** Says that `length` bytes of the file, behind those seen here, are worked on elsewhere; less than 0 takes bytes back. */
  skip(length: number): void {
    this.#chunkOffset += length;
  }

  advance(length: number): void {
    this.set(CURSOR_IN, this.get(CURSOR_IN) + length);
  }

  /** Takes out what is not used up: it is gone on from its beginning, here or elsewhere. */
  takeRest(): Uint8Array {
    const rest = this.rest.slice();
    this.advance(rest.length);
    this.skip(-rest.length);
    return rest;
  }

  /** Bytes that still fit the output. */
  get room(): number {
    return this.get(CURSOR_OUT_END) - this.get(CURSOR_OUT);
  }

  /** Appends to the output; there must be room. `bytes` may be a view of the input. */
  append(bytes: Uint8Array): void {
    const out = this.get(CURSOR_OUT);
    this.kernels.bytes.set(bytes, out);
    this.set(CURSOR_OUT, out + bytes.length);
  }

  get pendingOutput(): number {
    return this.get(CURSOR_OUT) - (this.#outputs[this.#output] as number);
  }

  /** A view of what has been written; the run goes on in the other region, so it is good until the output after it is taken. */
  takeOutput(): Uint8Array {
    const view = this.kernels.bytes.subarray(this.#outputs[this.#output], this.get(CURSOR_OUT));
    this.#output = 1 - this.#output;
    this.#startOutput();
    return view;
  }

  #chunkStart(input: number): number {
    return (this.#inputs[input] as number) + RECORD_BLOCK_MAXIMUM;
  }

  #startInput(carried: number, length: number): void {
    const start = this.#chunkStart(this.#input);
    this.set(CURSOR_IN, start - carried);
    this.set(CURSOR_IN_END, start + length);
  }

  #startOutput(): void {
    const start = this.#outputs[this.#output] as number;
    this.set(CURSOR_OUT, start);
    this.set(CURSOR_OUT_END, start + OUTPUT);
  }
}
