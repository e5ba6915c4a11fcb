// Frames that were dropped, frame by frame: what is told where somebody asked for it, many at a time.

import { NO_STAGE } from "../layout/descriptor.layout.ts";
import {
  RECORD_HEADER_LENGTH,
  RECORD_MARK,
  RECORD_PORT,
  RECORD_REASON,
  RECORD_STAGE,
  RECORD_TIME,
  RECORD_WIRE_LENGTH,
} from "../layout/ring.layout.ts";
import { ArgumentRangeError } from "./argument-error.ts";
import { type DropReason, dropReason } from "./drop-reasons.ts";

/** One frame that was dropped. */
export interface DropNotice {
  /** The number that went with the frame, as it was when the frame was dropped: stages may set it. */
  readonly mark: number;
  /** As they were sent. */
  readonly port: number;
  readonly time: bigint;
  /** Bytes that the frame had on the wire when it was dropped. */
  readonly wireLength: number;
  readonly reason: DropReason;
  /** Which stage dropped it, from 0; undefined if none did: it was too long, or its worker died. */
  readonly stage: number | undefined;
}

/** Words of a notice. */
export const NOTICE_WORDS: number = RECORD_HEADER_LENGTH >>> 2;

/** A batch of notices, the caller's to keep. Iterating gives each as an object; the methods make none. */
export class DropNotices implements Iterable<DropNotice> {
  /** How many frames were dropped. */
  readonly length: number;
  readonly #words: Uint32Array;

  /** `words` holds a record's header for each. */
  constructor(words: Uint32Array, length: number) {
    this.length = length;
    this.#words = words;
  }

  mark(index: number): number {
    return this.#word(index, RECORD_MARK);
  }

  port(index: number): number {
    return this.#word(index, RECORD_PORT);
  }

  time(index: number): bigint {
    return (BigInt(this.#word(index, RECORD_TIME + 4)) << 32n) | BigInt(this.#word(index, RECORD_TIME));
  }

  wireLength(index: number): number {
    return this.#word(index, RECORD_WIRE_LENGTH);
  }

  reason(index: number): DropReason {
    return dropReason(this.#word(index, RECORD_REASON) & 0xff);
  }

  stage(index: number): number | undefined {
    const stage = (this.#word(index, RECORD_REASON) >>> STAGE_SHIFT) & 0xff;
    return stage === NO_STAGE ? undefined : stage;
  }

  *[Symbol.iterator](): Generator<DropNotice, void, undefined> {
    for (let index = 0; index < this.length; index++) {
      yield {
        mark: this.mark(index),
        port: this.port(index),
        time: this.time(index),
        wireLength: this.wireLength(index),
        reason: this.reason(index),
        stage: this.stage(index),
      };
    }
  }

  #word(index: number, field: number): number {
    const word =
      index >= 0 && index < this.length ? this.#words[index * NOTICE_WORDS + (field >>> 2)] : undefined;
    if (word !== undefined) return word;
    const range =
      this.length === 0 ? "there are none" : `expected a whole number from 0 to ${this.length - 1}`;
    throw new ArgumentRangeError("out-of-range", "index", `${range}, got ${index}`);
  }
}

const STAGE_SHIFT = (RECORD_STAGE - RECORD_REASON) << 3;

/** What is said of a frame that was dropped outside of the kernels. */
export interface DroppedFrame {
  readonly mark: number;
  readonly port: number;
  readonly timeLow: number;
  readonly timeHigh: number;
  readonly wireLength: number;
  /** Code of the reason. */
  readonly reason: number;
  readonly stage: number;
}

/** Where notices come together until they are told. */
export class NoticeCollector {
  #words: Uint32Array = new Uint32Array(0);
  #length = 0;

  /** Adds the notice whose header begins at the word `at`; or that of a record, with a reason and a stage. */
  add(words: Uint32Array, at: number, reason?: number, stage: number = NO_STAGE): void {
    const to = this.#room();
    for (let word = 0; word < NOTICE_WORDS; word++) this.#words[to + word] = words[at + word] as number;
    if (reason !== undefined) this.#words[to + (RECORD_REASON >>> 2)] = reason | (stage << STAGE_SHIFT);
  }

  addFrame({ mark, port, timeLow, timeHigh, wireLength, reason, stage }: DroppedFrame): void {
    const to = this.#room();
    this.#words[to + (RECORD_WIRE_LENGTH >>> 2)] = wireLength;
    this.#words[to + (RECORD_MARK >>> 2)] = mark;
    this.#words[to + (RECORD_REASON >>> 2)] = reason | (stage << STAGE_SHIFT);
    this.#words[to + (RECORD_PORT >>> 2)] = port;
    this.#words[to + (RECORD_TIME >>> 2)] = timeLow;
    this.#words[to + (RECORD_TIME >>> 2) + 1] = timeHigh;
  }

  get isEmpty(): boolean {
    return this.#length === 0;
  }

  /** All there are, which are the caller's then; undefined if there are none. */
  take(): DropNotices | undefined {
    if (this.#length === 0) return undefined;
    const notices = new DropNotices(this.#words.slice(0, this.#length * NOTICE_WORDS), this.#length);
    this.#length = 0;
    return notices;
  }

  /** Where the next one goes. */
  #room(): number {
    const to = this.#length++ * NOTICE_WORDS;
    if (to === this.#words.length) {
      const more = new Uint32Array(Math.max(64 * NOTICE_WORDS, 2 * to));
      more.set(this.#words);
      this.#words = more;
    }
    return to;
  }
}
