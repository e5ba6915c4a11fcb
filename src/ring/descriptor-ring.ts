// A descriptor ring: 32-bit items, such as the address of a descriptor whose ownership passes with it.

import type { Kernels } from "../kernel/kernels.ts";
import {
  ITEM_LENGTH,
  RING_CONSUMER_DOORBELL,
  RING_MASK,
  RING_PRODUCER_DOORBELL,
} from "../layout/ring.layout.ts";
import { ringIfAsleep } from "./doorbell.ts";
import { type RingDoorbells, reserveRing, ringFill } from "./ring-memory.ts";

export interface DescriptorRingOptions extends RingDoorbells {
  /** Items it holds, all of them usable: a power of two, default 1,024. */
  readonly capacity?: number;
  /** Whether several threads put items in. Default false: one producer, one consumer. */
  readonly manyProducers?: boolean;
  /** With many producers, the number of this one: 1 to 2^31 - 1, different in every thread. Default 1. */
  readonly producer?: number;
}

const CAPACITY_DEFAULT = 1024;
/** Items are handed to a kernel by this many. */
const BURST = 256;

export class DescriptorRing {
  readonly kernels: Kernels;
  /** Where the ring lies: another thread on the same memory opens it by this. */
  readonly address: number;
  readonly capacity: number;
  readonly #producer: number;
  readonly #scratch: number;

  private constructor(kernels: Kernels, address: number, producer: number) {
    this.kernels = kernels;
    this.address = address;
    this.capacity = (kernels.words[(address + RING_MASK) >>> 2] as number) + 1;
    this.#producer = producer;
    this.#scratch = kernels.plan.reserve("a ring's scratch", BURST * ITEM_LENGTH);
  }

  static create(kernels: Kernels, options: DescriptorRingOptions = {}): DescriptorRing {
    const capacity = options.capacity ?? CAPACITY_DEFAULT;
    const address = reserveRing(kernels, "a descriptor ring", capacity, ITEM_LENGTH, options);
    return new DescriptorRing(kernels, address, options.manyProducers === true ? (options.producer ?? 1) : 0);
  }

  get length(): number {
    return ringFill(this.kernels, this.address);
  }

  /** Puts items in, in order, and wakes the consumer; returns how many there was room for. */
  push(items: ArrayLike<number>): number {
    const { words, functions } = this.kernels;
    let pushed = 0;
    while (pushed < items.length) {
      const count = Math.min(BURST, items.length - pushed);
      for (let i = 0; i < count; i++) words[(this.#scratch >>> 2) + i] = items[pushed + i] as number;
      const taken =
        this.#producer === 0
          ? functions.ringPush(this.address, this.#scratch, count)
          : functions.ringPushShared(this.address, this.#scratch, count, this.#producer);
      pushed += taken;
      if (taken < count) break;
    }
    if (pushed > 0)
      ringIfAsleep(this.kernels, words[(this.address + RING_CONSUMER_DOORBELL) >>> 2] as number);
    return pushed;
  }

  /** Takes up to `count` items out and wakes a producer that waits for room. */
  pop(count: number): number[] {
    const { words, functions } = this.kernels;
    const items: number[] = [];
    while (items.length < count) {
      const wanted = Math.min(BURST, count - items.length);
      const taken = functions.ringPop(this.address, this.#scratch, wanted);
      for (let i = 0; i < taken; i++) items.push(words[(this.#scratch >>> 2) + i] as number);
      if (taken < wanted) break;
    }
    if (items.length > 0)
      ringIfAsleep(this.kernels, words[(this.address + RING_PRODUCER_DOORBELL) >>> 2] as number);
    return items;
  }

  close(): void {
    this.kernels.plan.release(this.address);
    this.kernels.plan.release(this.#scratch);
  }
}
