// Memory that the system and kernels write frames into, one behind the other, as the records that a burst consists of: a burst is one
// copy of what has landed, and nothing is moved before.

import { VNI_NONE } from "../layout/descriptor.layout.ts";
import {
  RECORD_ALIGNMENT,
  RECORD_FRAME_LENGTH,
  RECORD_HEADER_LENGTH,
  RECORD_TOTAL,
  RECORD_VNI,
  RECORD_WIRE_LENGTH,
} from "../layout/ring.layout.ts";
import { BurstPool } from "../ring/burst-pool.ts";
import { FrameBurst } from "../ring/frame-burst.ts";
import type { PortMemory } from "./offloads.ts";

/** Longer than any frame that a device gives. */
export const LONGEST = 65_600;
/** As many frames as one burst has at most, and the bytes of most such. */
const BURST_FRAMES = 64;
const BURST_BYTES: number = BURST_FRAMES * 2048 + LONGEST;

export class Landing {
  /** Of memory that it takes. */
  static readonly BYTES: number = BURST_BYTES;
  readonly #memory: PortMemory;
  readonly #start: number;
  readonly #pool: BurstPool = new BurstPool();
  #offsets: number[] = [];
  #end = 0;
  #byteLength = 0;

  constructor(memory: PortMemory) {
    this.#memory = memory;
    this.#start = memory.reserve(BURST_BYTES);
  }

  /** Whether there is room for one frame more, however long. */
  get hasRoom(): boolean {
    return this.#offsets.length < BURST_FRAMES && this.room >= RECORD_HEADER_LENGTH + LONGEST;
  }

  get isEmpty(): boolean {
    return this.#offsets.length === 0;
  }

  /** Where in the port's memory the next record begins, and its frame. */
  get record(): number {
    return this.#start + this.#end;
  }

  get frame(): number {
    return this.record + RECORD_HEADER_LENGTH;
  }

  /** Bytes from the next record on. */
  get room(): number {
    return BURST_BYTES - this.#end;
  }

  /** A frame of so many bytes has been written there. */
  land(length: number): void {
    const { words } = this.#memory;
    const word = this.record >>> 2;
    words.fill(0, word, word + (RECORD_HEADER_LENGTH >>> 2));
    words[word + (RECORD_TOTAL >>> 2)] =
      (RECORD_HEADER_LENGTH + length + RECORD_ALIGNMENT - 1) & -RECORD_ALIGNMENT;
    words[word + (RECORD_FRAME_LENGTH >>> 2)] = length;
    words[word + (RECORD_WIRE_LENGTH >>> 2)] = length;
    words[word + (RECORD_VNI >>> 2)] = VNI_NONE;
    this.landRecord();
  }

  /** A whole record has been written there. */
  landRecord(): void {
    const word = this.record >>> 2;
    const { words } = this.#memory;
    this.#offsets.push(this.#end);
    this.#end += words[word + (RECORD_TOTAL >>> 2)] as number;
    this.#byteLength += words[word + (RECORD_FRAME_LENGTH >>> 2)] as number;
  }

  /** Whole records have been written there, of so many bytes. */
  landRecords(bytes: number): void {
    for (const end = this.#end + bytes; this.#end < end; ) this.landRecord();
  }

  /** The frame that has landed last becomes longer, and a super-frame whose longest segment has `wire` bytes. */
  lengthen(length: number, wire: number): void {
    const offset = this.#offsets.at(-1) as number;
    const word = (this.#start + offset) >>> 2;
    const { words } = this.#memory;
    const total = (RECORD_HEADER_LENGTH + length + RECORD_ALIGNMENT - 1) & -RECORD_ALIGNMENT;
    this.#byteLength += length - (words[word + (RECORD_FRAME_LENGTH >>> 2)] as number);
    words[word + (RECORD_TOTAL >>> 2)] = total;
    words[word + (RECORD_FRAME_LENGTH >>> 2)] = length;
    words[word + (RECORD_WIRE_LENGTH >>> 2)] = wire;
    this.#end = offset + total;
  }

  /** Where the frame begins that has landed last. */
  get lastFrame(): number {
    return this.#start + (this.#offsets.at(-1) as number) + RECORD_HEADER_LENGTH;
  }

  /** What has landed since the last one; undefined if that is nothing. */
  take(): FrameBurst | undefined {
    if (this.#offsets.length === 0) return undefined;
    const landed = this.#memory.bytes.subarray(this.#start, this.#start + this.#end);
    const pooled = this.#pool.copy(landed, this.#offsets.length);
    const bytes = pooled ?? (landed.slice() as Uint8Array<ArrayBuffer>);
    const words = new Uint32Array(bytes.buffer);
    const burst = new FrameBurst(bytes, this.#offsets, 0, words, this.#byteLength, pooled && this.#pool);
    this.#offsets = [];
    this.#end = 0;
    this.#byteLength = 0;
    return burst;
  }
}
