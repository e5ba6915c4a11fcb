// Lays a ring out in the kernels' memory. Its two ends are then opened by address, in any thread.

import { wholeNumber } from "../core/arguments.ts";
import type { Kernels } from "../kernel/kernels.ts";
import {
  RING_CAPACITY_MAXIMUM,
  RING_CONSUMER_DOORBELL,
  RING_HEAD,
  RING_HEADER_LENGTH,
  RING_ITEMS,
  RING_MASK,
  RING_PRODUCER_DOORBELL,
  RING_TAIL,
} from "../layout/ring.layout.ts";

export interface RingDoorbells {
  /** Address of the doorbell that the consumer sleeps at; 0 if it never sleeps. */
  readonly consumer?: number;
  /** Address of the doorbell that a producer sleeps at while the ring is full; 0 if it never sleeps. */
  readonly producer?: number;
}

/**
 * Reserves a ring of `capacity` items of `itemLength` bytes and returns its address.
 * @throws RangeError if the capacity is no power of two.
 */
export function reserveRing(
  kernels: Kernels,
  purpose: string,
  capacity: number,
  itemLength: number,
  doorbells: RingDoorbells = {},
): number {
  wholeNumber("capacity", capacity, 1, RING_CAPACITY_MAXIMUM / itemLength);
  if ((capacity & (capacity - 1)) !== 0)
    throw new RangeError(`capacity: expected a power of two, got ${capacity}`);
  const ring = kernels.plan.reserve(purpose, RING_HEADER_LENGTH + capacity * itemLength);
  const { words } = kernels;
  words[(ring + RING_MASK) >>> 2] = capacity - 1;
  words[(ring + RING_ITEMS) >>> 2] = ring + RING_HEADER_LENGTH;
  words[(ring + RING_CONSUMER_DOORBELL) >>> 2] = doorbells.consumer ?? 0;
  words[(ring + RING_PRODUCER_DOORBELL) >>> 2] = doorbells.producer ?? 0;
  return ring;
}

/** How many items, or bytes, are in the ring at this moment. */
export function ringFill(kernels: Kernels, ring: number): number {
  const head = Atomics.load(kernels.signed, (ring + RING_HEAD) >>> 2);
  return (Atomics.load(kernels.signed, (ring + RING_TAIL) >>> 2) - head) >>> 0;
}
