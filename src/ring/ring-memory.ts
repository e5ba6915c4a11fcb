// Lays a ring out in the kernels' memory. Its two ends are then opened by address, in any thread.

import { ArgumentRangeError } from "../core/argument-error.ts";
import { wholeNumber } from "../core/arguments.ts";
import { expectKernels, type Kernels } from "../kernel/kernels.ts";
import {
  DOORBELL_LENGTH,
  RING_CAPACITY_MAXIMUM,
  RING_CONSUMER_DOORBELL,
  RING_HEAD,
  RING_HEADER_LENGTH,
  RING_HEADROOM,
  RING_ITEMS,
  RING_KIND,
  RING_LOCK,
  RING_MANY_PRODUCERS,
  RING_MASK,
  RING_OF_BYTES,
  RING_OF_ITEMS,
  RING_PRODUCER_DOORBELL,
  RING_TAIL,
} from "../layout/ring.layout.ts";

export interface RingDoorbells {
  /** Address of the doorbell that the consumer sleeps at; 0 if it never sleeps. */
  readonly consumer: number;
  /** Address of the doorbell that a producer sleeps at while the ring is full; 0 if it never sleeps. */
  readonly producer: number;
}

export interface RingShape {
  readonly kind: "items" | "bytes";
  readonly capacity: number;
  readonly itemLength: number;
  readonly manyProducers?: boolean | undefined;
  readonly headroom?: number | undefined;
  /** Default: two of the ring's own. A thread that serves many rings sleeps at one doorbell for all of them. */
  readonly doorbells?: RingDoorbells | undefined;
}

/** Turns a producer waits for another that is in the middle of its push. */
const LOCK_TURNS = 1000;
export const PRODUCER_MAXIMUM = 0x7fffffff;

/**
 * Reserves a ring and returns its address.
 * @throws RangeError if the capacity is no power of two, or the memory is too small.
 */
export function reserveRing(kernels: Kernels, purpose: string, shape: RingShape): number {
  const { kind, capacity, itemLength, manyProducers = false, headroom = 0 } = shape;
  wholeNumber("capacity", capacity, 1, RING_CAPACITY_MAXIMUM / itemLength);
  if ((capacity & (capacity - 1)) !== 0)
    throw new ArgumentRangeError("out-of-range", "capacity", `expected a power of two, got ${capacity}`);
  const { plan, words } = expectKernels(kernels);
  const bells = shape.doorbells === undefined ? 2 * DOORBELL_LENGTH : 0;
  const ring = plan.reserve(purpose, RING_HEADER_LENGTH + bells + capacity * itemLength);
  const own = ring + RING_HEADER_LENGTH;
  const { consumer, producer } = shape.doorbells ?? { consumer: own, producer: own + DOORBELL_LENGTH };
  const fields: readonly (readonly [number, number])[] = [
    [RING_MASK, capacity - 1],
    [RING_ITEMS, own + bells],
    [RING_CONSUMER_DOORBELL, consumer],
    [RING_PRODUCER_DOORBELL, producer],
    [RING_MANY_PRODUCERS, manyProducers ? 1 : 0],
    [RING_HEADROOM, headroom],
    [RING_KIND, kind === "items" ? RING_OF_ITEMS : RING_OF_BYTES],
  ];
  for (const [field, value] of fields) words[(ring + field) >>> 2] = value;
  return ring;
}

/**
 * Returns the address if there is such a ring.
 * @throws TypeError or RangeError if there is none.
 */
export function findRing(kernels: Kernels, kind: RingShape["kind"], address: number): number {
  const { bytes, words } = expectKernels(kernels);
  wholeNumber("address", address, 0, bytes.length - RING_HEADER_LENGTH);
  const mark = kind === "items" ? RING_OF_ITEMS : RING_OF_BYTES;
  if ((address & 3) !== 0 || words[(address + RING_KIND) >>> 2] !== mark)
    throw new ArgumentRangeError(
      "not-found",
      "address",
      `expected that of a ring of ${kind} in this memory, got ${address}`,
    );
  return address;
}

/** Gives the ring's memory back, in the thread that reserved it. */
export function releaseRing(kernels: Kernels, ring: number): void {
  // Whoever opens the address later finds no ring.
  kernels.words[(ring + RING_KIND) >>> 2] = 0;
  kernels.plan.release(ring);
}

/** How many items, or bytes, are in the ring at this moment. */
export function ringFill(kernels: Kernels, ring: number): number {
  const head = Atomics.load(kernels.signed, (ring + RING_HEAD) >>> 2);
  return (Atomics.load(kernels.signed, (ring + RING_TAIL) >>> 2) - head) >>> 0;
}

/** The number of a producer, 0 where there is only one. */
export function producerNumber(kernels: Kernels, ring: number, producer: number | undefined): number {
  const many = kernels.words[(ring + RING_MANY_PRODUCERS) >>> 2] === 1;
  if (many) return wholeNumber("producer", producer ?? 1, 1, PRODUCER_MAXIMUM);
  if (producer !== undefined)
    throw new ArgumentRangeError(
      "not-for-this",
      "producer",
      `the ring has only one: create it with manyProducers: true, got ${producer}`,
    );
  return 0;
}

/** Makes `producer` the one that writes; false if another one is in the middle of its push and does not come to an end. */
export function lockRing(kernels: Kernels, ring: number, producer: number): boolean {
  const lock = (ring + RING_LOCK) >>> 2;
  for (let turn = 0; turn < LOCK_TURNS; turn++) {
    if (Atomics.compareExchange(kernels.signed, lock, 0, producer) === 0) return true;
  }
  return false;
}

export function unlockRing(kernels: Kernels, ring: number, producer: number): boolean {
  return Atomics.compareExchange(kernels.signed, (ring + RING_LOCK) >>> 2, producer, 0) === producer;
}
