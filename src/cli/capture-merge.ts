// The frames of many captures in the order of their times, with one chunk of each in memory.

import type { CaptureInput } from "../capture/capture-io.ts";
import { chunksOf } from "../capture/chunks.ts";
import { openCaptureFile } from "../files/capture-files.ts";
import {
  CaptureError,
  type CaptureFormat,
  type CaptureReader,
  type CaptureRecord,
  readCapture,
} from "../pcap.ts";
import { readingError } from "./failures.ts";

/** Times from here on fit no capture that could be written. */
const TIME_END = 1n << 64n;

/** What is said behind what is wrong with a capture, which has no format if it is none. */
type Consequence = (format: CaptureFormat | undefined) => string;

/** One capture, and where its frames come in. */
export class MergedCapture {
  readonly path: string;
  /** Number of the port. */
  readonly port: number;
  /** Of frames of the same time, those of the lower rank come first. */
  readonly rank: number;
  /** Time of the next frame in nanoseconds; a frame without a time follows the one before it. */
  time = 0n;
  readonly #input: CaptureInput;
  readonly #consequence: Consequence;
  readonly #reader: CaptureReader;
  readonly #batches: AsyncGenerator<CaptureRecord[], void, undefined>;
  #records: readonly CaptureRecord[] = [];
  #next = 0;

  constructor(
    path: string,
    port: number,
    rank: number,
    input: CaptureInput,
    onRead: (bytes: number) => void,
    consequence: Consequence,
  ) {
    this.#consequence = consequence;
    this.path = path;
    this.port = port;
    this.rank = rank;
    this.#input = input;
    this.#reader = readCapture(chunksOf(input, onRead));
    this.#batches = this.#reader.batches();
  }

  /** Undefined until it has been read, and for good if it is no capture. */
  get format(): CaptureFormat | undefined {
    return this.#reader.section?.format;
  }

  /** The next frame; there must be one. */
  get record(): CaptureRecord {
    return this.#records[this.#next] as CaptureRecord;
  }

  /** Goes on to the frame after this one; false if it has to be read first. */
  advance(): boolean {
    if (++this.#next >= this.#records.length) return false;
    this.#noteTime();
    return true;
  }

  /** Reads on; false at the end. Throws a DamagedInput. */
  async read(): Promise<boolean> {
    try {
      const { value, done } = await this.#batches.next();
      if (done) return false;
      this.#records = value;
      this.#next = 0;
      this.#noteTime();
      return true;
    } catch (error) {
      throw readingError(this.path, error, this.#consequence(this.format));
    }
  }

  async close(): Promise<void> {
    await this.#input.close();
  }

  #noteTime(): void {
    const { timestamp, index, offset } = this.record;
    if (timestamp === undefined) return;
    if (timestamp < 0n || timestamp >= TIME_END) {
      const reason = `the time of frame ${index} lies before 1970 or too far ahead to be written`;
      throw readingError(this.path, new CaptureError(offset, reason), this.#consequence(this.format));
    }
    this.time = timestamp;
  }
}

/** A heap: each capture comes before the two below it. */
export class CaptureMerge {
  readonly #heap: MergedCapture[] = [];

  /** Takes a capture in whose first frame is known. */
  add(capture: MergedCapture): void {
    const heap = this.#heap;
    heap.push(capture);
    for (let at = heap.length - 1; at > 0; ) {
      const above = (at - 1) >> 1;
      if (!isBefore(heap[at], heap[above])) return;
      this.#swap(at, above);
      at = above;
    }
  }

  /** The capture whose next frame is the earliest. */
  get first(): MergedCapture | undefined {
    return this.#heap[0];
  }

  /** Puts the first capture where it belongs, now that its next frame is another one. */
  settle(): void {
    const heap = this.#heap;
    for (let at = 0; ; ) {
      const left = 2 * at + 1;
      const right = left + 1;
      const below = isBefore(heap[right], heap[left]) ? right : left;
      if (!isBefore(heap[below], heap[at])) return;
      this.#swap(at, below);
      at = below;
    }
  }

  /** Leaves out the first capture, which has ended. */
  remove(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.settle();
  }

  #swap(a: number, b: number): void {
    const heap = this.#heap;
    const one = heap[a] as MergedCapture;
    heap[a] = heap[b] as MergedCapture;
    heap[b] = one;
  }
}

function isBefore(a: MergedCapture | undefined, b: MergedCapture | undefined): boolean {
  if (a === undefined || b === undefined) return false;
  return a.time < b.time || (a.time === b.time && a.rank < b.rank);
}

/** Opens a capture; `onRead` is told of the bytes as they come. */
export async function openMerged(
  path: string,
  port: number,
  rank: number,
  onRead: (bytes: number) => void,
  consequence: Consequence = () => "; nothing has been written",
): Promise<MergedCapture> {
  return new MergedCapture(path, port, rank, await openCaptureFile(path), onRead, consequence);
}
