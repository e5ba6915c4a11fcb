// The two ends of a byte ring, as they are used frame by frame: nothing is checked here.

import type { NoticeCollector } from "../core/drop-notices.ts";
import type { Kernels } from "../kernel/kernels.ts";
import { VNI_NONE } from "../layout/descriptor.layout.ts";
import {
  FILLER,
  NOTICE,
  RECORD_ALIGNMENT,
  RECORD_FRAME_LENGTH,
  RECORD_HEADER_LENGTH,
  RECORD_MARK,
  RECORD_PORT,
  RECORD_TIME,
  RECORD_TOTAL,
  RECORD_VNI,
  RECORD_WIRE_LENGTH,
  RING_CONSUMER_DOORBELL,
  RING_HEAD,
  RING_HEADROOM,
  RING_ITEMS,
  RING_MASK,
  RING_PRODUCER_DOORBELL,
  RING_TAIL,
} from "../layout/ring.layout.ts";
import type { CheckedNotes } from "./burst-notes.ts";
import type { BurstPool } from "./burst-pool.ts";
import { ringIfAsleep } from "./doorbell.ts";
import { FrameBurst, recordLength, writeNotes } from "./frame-burst.ts";

/** Bytes that must be free for such a record behind `tail`: it stands in one piece. */
export function roomNeeded(bytes: number, tail: number, capacity: number): number {
  const total = recordLength(bytes);
  const toEnd = capacity - (tail & (capacity - 1));
  return total <= toEnd ? total : total + toEnd;
}

/** A filler may be shorter than a header: it has no more than its first words. */
function writeNoNotes(words: Uint32Array, record: number): void {
  if (words[record + (RECORD_FRAME_LENGTH >>> 2)] === FILLER) return;
  words[record + (RECORD_PORT >>> 2)] = 0;
  words[record + (RECORD_TIME >>> 2)] = 0;
  words[record + (RECORD_TIME >>> 2) + 1] = 0;
}

/** The producer's end. Frames become visible to the consumer by `publish()`. */
export class ByteRingProducer {
  readonly #kernels: Kernels;
  readonly #ring: number;
  readonly #items: number;
  readonly #capacity: number;
  readonly #headroom: number;
  #tail: number;
  #headCopy: number;
  /** Whether the records say what no stage sees. Three words more for each frame take 5 ns of some 35 (measured). */
  #carries: boolean;

  /** Who takes the frames must be told before the first notes come, unless `carries`; see `carryNotes`. */
  constructor(kernels: Kernels, ring: number, carries: boolean) {
    const { words } = kernels;
    this.#kernels = kernels;
    this.#ring = ring;
    this.#items = words[(ring + RING_ITEMS) >>> 2] as number;
    this.#capacity = (words[(ring + RING_MASK) >>> 2] as number) + 1;
    this.#headroom = words[(ring + RING_HEADROOM) >>> 2] as number;
    this.#tail = words[(ring + RING_TAIL) >>> 2] as number;
    this.#headCopy = words[(ring + RING_HEAD) >>> 2] as number;
    this.#carries = carries;
  }

  /** From here on notes can be given. In the headers of records that are in the ring already, there is what was there before. */
  carryNotes(): void {
    if (this.#carries) return;
    this.#carries = true;
    const { words } = this.#kernels;
    let head = words[(this.#ring + RING_HEAD) >>> 2] as number;
    while (head !== this.#tail) {
      const record = this.#items + (head & (this.#capacity - 1));
      writeNoNotes(words, record >>> 2);
      head = (head + (words[(record + RECORD_TOTAL) >>> 2] as number)) >>> 0;
    }
  }

  /** The longest frame that fits in any case: half of the ring less header and headroom. */
  get longest(): number {
    return (this.#capacity >>> 1) - RECORD_HEADER_LENGTH - this.#headroom - RECORD_ALIGNMENT;
  }

  /**
   * Copies a frame in, with item `index` of `notes` where there are some; false if there is no room for it now. It must not be
   * longer than `longest`.
   */
  add(frame: Uint8Array, mark: number, notes?: CheckedNotes, index: number = 0): boolean {
    const length = frame.length;
    const total = recordLength(this.#headroom + length);
    const at = this.#tail & (this.#capacity - 1);
    const toEnd = this.#capacity - at;
    // Where the record does not fit before the end, a filler takes what is left there.
    const needed = total <= toEnd ? total : total + toEnd;
    if (this.#capacity - ((this.#tail - this.#headCopy) >>> 0) < needed && !this.#hasRoom(needed))
      return false;
    const { words, bytes } = this.#kernels;
    let record = this.#items + at;
    if (total > toEnd) {
      words[(record + RECORD_TOTAL) >>> 2] = toEnd;
      words[(record + RECORD_FRAME_LENGTH) >>> 2] = FILLER;
      record = this.#items;
    }
    const word = record >>> 2;
    words[word + (RECORD_TOTAL >>> 2)] = total;
    words[word + (RECORD_FRAME_LENGTH >>> 2)] = length;
    words[word + (RECORD_WIRE_LENGTH >>> 2)] = notes?.wires?.[index] ?? length;
    words[word + (RECORD_MARK >>> 2)] = mark;
    words[word + (RECORD_VNI >>> 2)] = VNI_NONE;
    if (this.#carries) writeNoNotes(words, word);
    if (notes !== undefined) writeNotes(words, word, notes, index);
    bytes.set(frame, record + RECORD_HEADER_LENGTH + this.#headroom);
    this.#tail = (this.#tail + needed) >>> 0;
    return true;
  }

  /** Lets the consumer see what was added, and wakes it; returns whether it slept. */
  publish(): boolean {
    this.store();
    return this.wake();
  }

  /** Lets the consumer see what was added. */
  store(): void {
    Atomics.store(this.#kernels.signed, (this.#ring + RING_TAIL) >>> 2, this.#tail | 0);
  }

  wake(): boolean {
    const { words } = this.#kernels;
    return ringIfAsleep(this.#kernels, words[(this.#ring + RING_CONSUMER_DOORBELL) >>> 2] as number);
  }

  /** Goes on where another producer has stopped. */
  refresh(): void {
    this.#tail = Atomics.load(this.#kernels.signed, (this.#ring + RING_TAIL) >>> 2) >>> 0;
    // It may be older than what other producers saw, and say that there is more in the ring than it holds.
    this.#headCopy = Atomics.load(this.#kernels.signed, (this.#ring + RING_HEAD) >>> 2) >>> 0;
  }

  #hasRoom(needed: number): boolean {
    this.#headCopy = Atomics.load(this.#kernels.signed, (this.#ring + RING_HEAD) >>> 2) >>> 0;
    return this.#capacity - ((this.#tail - this.#headCopy) >>> 0) >= needed;
  }
}

/**
 * Bytes of the memory that a consumer makes in advance when its ring is empty, enough for a frame of common length. In
 * a thread that has just woken, `slice` takes 20 µs, and copying into memory that is there 2 (measured).
 */
const SPARE_LENGTH = 2048;
/** So many words a loop copies sooner than a call does, again in a thread that has just woken. */
const LOOP_WORDS = 64;

/** The consumer's end. Producers that wait for room hear of it by `wake()`. */
export class ByteRingConsumer {
  readonly #kernels: Kernels;
  readonly #ring: number;
  readonly #items: number;
  readonly #mask: number;
  readonly #headroom: number;
  readonly #notices: NoticeCollector | undefined;
  readonly #pool: BurstPool | undefined;
  #spare: Spare | undefined;

  /**
   * Notices of drops go to `notices`: a ring has some only if its producer was asked for them. Bursts of long frames lie in
   * memory of `pool`.
   */
  constructor(kernels: Kernels, ring: number, notices?: NoticeCollector, pool?: BurstPool) {
    const { words } = kernels;
    this.#kernels = kernels;
    this.#ring = ring;
    this.#items = words[(ring + RING_ITEMS) >>> 2] as number;
    this.#mask = words[(ring + RING_MASK) >>> 2] as number;
    this.#headroom = words[(ring + RING_HEADROOM) >>> 2] as number;
    this.#notices = notices;
    this.#pool = pool;
  }

  /** Copies out what lies in one piece, at most about `limit` bytes; undefined if the ring is empty. */
  take(limit: number): FrameBurst | undefined {
    const { words, signed } = this.#kernels;
    for (;;) {
      const head = words[(this.#ring + RING_HEAD) >>> 2] as number;
      const filled = (Atomics.load(signed, (this.#ring + RING_TAIL) >>> 2) - head) >>> 0;
      if (filled === 0) {
        this.#spare ??= new Spare();
        return undefined;
      }
      const start = this.#items + (head & this.#mask);
      const end = start + Math.min(filled, this.#mask + 1 - (head & this.#mask));
      const offsets: number[] = [];
      let byteLength = 0;
      let at = start;
      while (at < end && at - start < limit) {
        const length = words[(at + RECORD_FRAME_LENGTH) >>> 2] as number;
        if (length < NOTICE) {
          offsets.push(at - start);
          byteLength += length;
        } else if (length !== FILLER) this.#notices?.add(words, at >>> 2);
        at += words[(at + RECORD_TOTAL) >>> 2] as number;
      }
      const burst = offsets.length > 0 ? this.#copy(start, at, offsets, byteLength) : undefined;
      Atomics.store(signed, (this.#ring + RING_HEAD) >>> 2, (head + at - start) | 0);
      if (burst !== undefined) return burst;
    }
  }

  wake(): void {
    const { words } = this.#kernels;
    ringIfAsleep(this.#kernels, words[(this.#ring + RING_PRODUCER_DOORBELL) >>> 2] as number);
  }

  /** The records from `start` to `end`, two addresses, as a burst of its own. */
  #copy(start: number, end: number, offsets: readonly number[], byteLength: number): FrameBurst {
    const spare = this.#spare;
    if (spare === undefined || end - start > SPARE_LENGTH) {
      const pooled = this.#pool?.copy(this.#kernels.bytes.subarray(start, end), offsets.length);
      const bytes = pooled ?? this.#kernels.bytes.slice(start, end);
      return new FrameBurst(bytes, offsets, this.#headroom, undefined, byteLength, pooled && this.#pool);
    }
    this.#spare = undefined;
    this.#copyInto(spare, start, end);
    return new FrameBurst(spare.bytes, offsets, this.#headroom, spare.words, byteLength);
  }

  /** What a thread does that has just woken. */
  #copyInto(spare: Spare, start: number, end: number): void {
    const { words } = this.#kernels;
    const first = start >>> 2;
    const count = (end - start) >>> 2;
    if (count > LOOP_WORDS) spare.words.set(words.subarray(first, first + count));
    else for (let i = 0; i < count; i++) spare.words[i] = words[first + i] as number;
  }
}

/** Memory for a burst, made while there is nothing else to do. */
class Spare {
  readonly words: Uint32Array<ArrayBuffer> = new Uint32Array(SPARE_LENGTH >>> 2);
  readonly bytes: Uint8Array<ArrayBuffer> = new Uint8Array(this.words.buffer);
}
