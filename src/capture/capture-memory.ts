// The regions of one capture run, and its cursor: what kernels and TypeScript both read and write.
//
// There are two input regions and two output regions, so that one can be filled or drained while
// the kernels work on the other. In front of each input chunk lies room for the record that the
// chunk before it began: it is moved there, so that every record lies in one piece.

import type { Kernels } from "../kernel/kernels.ts";
import {
  CURSOR_BURST,
  CURSOR_COUNTERS,
  CURSOR_DESCRIPTORS,
  CURSOR_GROWTH,
  CURSOR_HEADROOM,
  CURSOR_IN,
  CURSOR_IN_END,
  CURSOR_LENGTH,
  CURSOR_OUT,
  CURSOR_OUT_END,
  CURSOR_STAGE_COUNT,
  CURSOR_STAGES,
  CURSOR_STAGING,
  CURSOR_STAGING_END,
  CURSOR_STAMPS,
  STAMP_LENGTH,
} from "../layout/capture.layout.ts";
import { DESCRIPTOR_LENGTH } from "../layout/descriptor.layout.ts";
import { CAPTURED_MAXIMUM } from "../layout/pcap.layout.ts";
import { RECORD_BLOCK_MAXIMUM } from "../layout/pcapng.layout.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";

/** Bytes read at a time. Larger chunks fall out of the second-level cache between reading and work. */
const CHUNK = 1 << 20;
const OUTPUT = CHUNK + RECORD_BLOCK_MAXIMUM;
/** A burst of frames with headroom; never less than the largest frame needs. */
const STAGING = 2 * CAPTURED_MAXIMUM;
const BURST = 256;
/** What a record may gain beside its headers when it changes formats: a longer record header and padding. */
const FORMAT_GROWTH = 64;

export class CaptureMemory {
  readonly kernels: Kernels;
  readonly cursor: number;
  readonly #regions: number[] = [];
  readonly #inputs: readonly [number, number];
  readonly #outputs: readonly [number, number];
  /** Which of the two regions is worked on. */
  #input: 0 | 1 = 0;
  #output: 0 | 1 = 0;
  /** Offset in the file of the first byte of the current chunk, and the chunk's length. */
  #chunkOffset = 0;
  #chunkLength = 0;

  constructor(pipeline: Pipeline) {
    this.kernels = pipeline.kernels;
    const growth = pipeline.headroom;
    try {
      const input = RECORD_BLOCK_MAXIMUM + CHUNK;
      this.cursor = this.#reserve("a capture's cursor", CURSOR_LENGTH);
      this.#inputs = [this.#reserve("a capture's input", input), this.#reserve("a capture's input", input)];
      this.#outputs = [
        this.#reserve("a capture's output", OUTPUT),
        this.#reserve("a capture's output", OUTPUT),
      ];
      this.set(CURSOR_DESCRIPTORS, this.#reserve("a capture's descriptors", BURST * DESCRIPTOR_LENGTH));
      this.set(CURSOR_STAMPS, this.#reserve("a capture's stamps", BURST * STAMP_LENGTH));
      if (growth > 0) {
        // Frames that get longer need headroom, and between the records of a file there is none.
        const staging = this.#reserve("a capture's staging area", STAGING);
        this.set(CURSOR_STAGING, staging);
        this.set(CURSOR_STAGING_END, staging + STAGING);
      }
    } catch (error) {
      this.close();
      throw error;
    }
    this.set(CURSOR_HEADROOM, growth);
    this.set(CURSOR_GROWTH, growth + FORMAT_GROWTH);
    this.set(CURSOR_BURST, BURST);
    this.set(CURSOR_STAGES, pipeline.address);
    this.set(CURSOR_STAGE_COUNT, pipeline.stages.length);
    this.set(CURSOR_COUNTERS, pipeline.counterAddress);
    this.#startInput(0, 0);
    this.#startOutput();
  }

  /** Where the next chunk may be read to, while the current one is worked on. */
  get nextInput(): Uint8Array {
    const start = this.#chunkStart(this.#input === 0 ? 1 : 0);
    return this.kernels.bytes.subarray(start, start + CHUNK);
  }

  /** Goes on to the chunk of `length` bytes that stands in `nextInput`, the rest of the current one in front of it. */
  nextChunk(length: number): void {
    const from = this.get(CURSOR_IN);
    const end = this.get(CURSOR_IN_END);
    this.#input = this.#input === 0 ? 1 : 0;
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

  advance(length: number): void {
    this.set(CURSOR_IN, this.get(CURSOR_IN) + length);
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
    return this.get(CURSOR_OUT) - this.#outputs[this.#output];
  }

  /** A view of what has been written; the run goes on in the other region, so it is good until the output after it is taken. */
  takeOutput(): Uint8Array {
    const view = this.kernels.bytes.subarray(this.#outputs[this.#output], this.get(CURSOR_OUT));
    this.#output = this.#output === 0 ? 1 : 0;
    this.#startOutput();
    return view;
  }

  get(field: number): number {
    return this.kernels.words[(this.cursor + field) >>> 2] as number;
  }

  set(field: number, value: number): void {
    this.kernels.words[(this.cursor + field) >>> 2] = value;
  }

  /** A 64-bit field. */
  counter(field: number): number {
    return this.kernels.counter(this.cursor + field);
  }

  close(): void {
    for (const region of this.#regions) this.kernels.plan.release(region);
  }

  #chunkStart(input: 0 | 1): number {
    return this.#inputs[input] + RECORD_BLOCK_MAXIMUM;
  }

  #startInput(carried: number, length: number): void {
    const start = this.#chunkStart(this.#input);
    this.set(CURSOR_IN, start - carried);
    this.set(CURSOR_IN_END, start + length);
  }

  #startOutput(): void {
    const start = this.#outputs[this.#output];
    this.set(CURSOR_OUT, start);
    this.set(CURSOR_OUT_END, start + OUTPUT);
  }

  #reserve(purpose: string, length: number): number {
    const address = this.kernels.plan.reserve(purpose, length);
    this.#regions.push(address);
    return address;
  }
}
