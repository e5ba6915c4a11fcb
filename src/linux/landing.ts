// Memory that the system writes frames into, one behind the other, as the records that a burst consists of: a burst is one
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
import { FrameBurst } from "../ring/frame-burst.ts";
import type { Native } from "./libc.ts";

/** Longer than any frame that a device gives. */
const LONGEST = 65_600;
/** As many frames as one burst has at most, and the bytes of most such. */
const BURST_FRAMES = 64;
const BURST_BYTES: number = BURST_FRAMES * 2048 + LONGEST;

export class Landing {
  readonly #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(new ArrayBuffer(BURST_BYTES));
  readonly #words: Uint32Array<ArrayBuffer> = new Uint32Array(this.#bytes.buffer);
  readonly #address: number;
  #offsets: number[] = [];
  #end = 0;
  #byteLength = 0;

  constructor(native: Native) {
    this.#address = native.addressOf(this.#bytes);
  }

  /** Whether there is room for one frame more, however long. */
  get hasRoom(): boolean {
    return this.#offsets.length < BURST_FRAMES && this.#end + RECORD_HEADER_LENGTH + LONGEST <= BURST_BYTES;
  }

  /** All of it, for those who write here themselves: the next frame goes to `offset`. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes;
  }

  get offset(): number {
    return this.#end + RECORD_HEADER_LENGTH;
  }

  /** The same for the system. */
  get address(): number {
    return this.#address + this.offset;
  }

  /** How long it may be. */
  get room(): number {
    return LONGEST;
  }

  /** A frame of so many bytes has been written there. */
  land(length: number): void {
    const total = (RECORD_HEADER_LENGTH + length + RECORD_ALIGNMENT - 1) & -RECORD_ALIGNMENT;
    const words = this.#words;
    const record = this.#end;
    words.fill(0, record >>> 2, (record + RECORD_HEADER_LENGTH) >>> 2);
    words[(record + RECORD_TOTAL) >>> 2] = total;
    words[(record + RECORD_FRAME_LENGTH) >>> 2] = length;
    words[(record + RECORD_WIRE_LENGTH) >>> 2] = length;
    words[(record + RECORD_VNI) >>> 2] = VNI_NONE;
    this.#offsets.push(record);
    this.#end += total;
    this.#byteLength += length;
  }

  /** What has landed since the last one; undefined if that is nothing. */
  take(): FrameBurst | undefined {
    if (this.#offsets.length === 0) return undefined;
    const bytes = this.#bytes.slice(0, this.#end);
    const burst = new FrameBurst(bytes, this.#offsets, 0, new Uint32Array(bytes.buffer), this.#byteLength);
    this.#offsets = [];
    this.#end = 0;
    this.#byteLength = 0;
    return burst;
  }
}
