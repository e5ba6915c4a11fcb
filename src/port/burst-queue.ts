// Bursts that wait to be taken, bounded in frames and in bytes.

import type { FrameBurst } from "../ring/frame-burst.ts";

export interface QueueLimits {
  readonly frames: number;
  readonly bytes: number;
}

export class BurstQueue {
  readonly #limits: QueueLimits;
  #bursts: FrameBurst[] = [];
  /** The next to be taken. Shifting an array of thousands would move all the others. */
  #first = 0;
  #frames = 0;
  #bytes = 0;

  constructor(limits: QueueLimits) {
    this.#limits = limits;
  }

  get frames(): number {
    return this.#frames;
  }

  /** Whether it holds what it may. */
  get isFull(): boolean {
    return this.#frames >= this.#limits.frames || this.#bytes >= this.#limits.bytes;
  }

  /** Whether it holds at most half of that. */
  get isHalfEmpty(): boolean {
    return this.#frames * 2 <= this.#limits.frames && this.#bytes * 2 <= this.#limits.bytes;
  }

  /** How many more frames find room, of `lengths` in memory, from the first on. One does in any case if it is empty. */
  roomFor(count: number, lengthOf: (index: number) => number): number {
    const most = Math.min(count, this.#limits.frames - this.#frames);
    let bytes = this.#bytes;
    let fit = 0;
    for (; fit < most; fit++) {
      bytes += lengthOf(fit);
      if (bytes > this.#limits.bytes && !(fit === 0 && this.#frames === 0)) break;
    }
    return Math.max(0, fit);
  }

  /** Adds what finds room of a burst, from its first frame on; returns how many frames that are. */
  add(burst: FrameBurst): number {
    const room = this.#limits.frames - this.#frames;
    if (burst.length <= room && this.#bytes + burst.heldBytes <= this.#limits.bytes) {
      this.addWhole(burst);
      return burst.length;
    }
    let fit = Math.min(room, burst.fitting(this.#limits.bytes - this.#bytes));
    if (fit <= 0) {
      if (this.#frames > 0) return 0;
      fit = 1;
    }
    const indices = Array.from({ length: fit }, (_, index) => index);
    this.addWhole(fit === burst.length && fit === 1 ? burst : burst.pick(indices));
    return fit;
  }

  /** Adds a burst, whatever the bounds are. */
  addWhole(burst: FrameBurst): void {
    this.#bursts.push(burst);
    this.#frames += burst.length;
    this.#bytes += burst.heldBytes;
  }

  take(): FrameBurst | undefined {
    const burst = this.#bursts[this.#first];
    if (burst === undefined) return undefined;
    this.#first++;
    this.#frames -= burst.length;
    this.#bytes -= burst.heldBytes;
    if (this.#first * 2 > this.#bursts.length) {
      this.#bursts = this.#bursts.slice(this.#first);
      this.#first = 0;
    }
    return burst;
  }
}
