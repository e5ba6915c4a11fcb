// A descriptor ring: 32-bit items, such as the address of a descriptor whose ownership passes with it.
// The kernels ringPush, ringPushShared and ringPop do the same on the same ring: either end may be in WASM.

import { ArgumentTypeError } from "../core/argument-error.ts";
import { wholeNumber } from "../core/arguments.ts";
import { checkFields, type Fields, flag, powerOfTwo } from "../core/fields.ts";
import type { Kernels } from "../kernel/kernels.ts";
import {
  ITEM_LENGTH,
  RING_CAPACITY_MAXIMUM,
  RING_CONSUMER_DOORBELL,
  RING_HEAD,
  RING_HEAD_COPY,
  RING_ITEMS,
  RING_MASK,
  RING_PRODUCER_DOORBELL,
  RING_TAIL,
  RING_TAIL_COPY,
} from "../layout/ring.layout.ts";
import { ringIfAsleep } from "./doorbell.ts";
import { PRODUCER_FIELDS, RingEnd } from "./ring-end.ts";
import { findRing, lockRing, type RingDoorbells, reserveRing, ringFill, unlockRing } from "./ring-memory.ts";

export interface DescriptorRingOptions {
  /** Items it holds, all of them usable: a power of two from 1 to 2^28, default 1,024. */
  readonly capacity?: number | undefined;
  /** Whether several threads put items in. Default false: one producer, one consumer. */
  readonly manyProducers?: boolean | undefined;
  /** With many producers, the number of this one: 1 to 2^31 - 1, different in every thread. Default 1. */
  readonly producer?: number | undefined;
}

type Defaults = "capacity" | "manyProducers";

const DESCRIPTOR_RING_FIELDS: Fields<DescriptorRingOptions, Defaults> = {
  capacity: { ...powerOfTwo(1, RING_CAPACITY_MAXIMUM / ITEM_LENGTH), fallback: 1024 },
  manyProducers: { ...flag(), fallback: false },
  ...PRODUCER_FIELDS,
};

const ITEM_MAXIMUM = 0xffffffff;

/** Both ends; a thread uses one of them. */
export class DescriptorRing extends RingEnd {
  /** How many items it holds, all of them usable. */
  readonly capacity: number;
  readonly #items: number;
  readonly #mask: number;

  private constructor(kernels: Kernels, address: number, producer: number | undefined, owned: boolean) {
    super(kernels, address, producer, owned);
    this.#mask = kernels.words[(address + RING_MASK) >>> 2] as number;
    this.#items = (kernels.words[(address + RING_ITEMS) >>> 2] as number) >>> 2;
    this.capacity = this.#mask + 1;
  }

  /**
   * Lays a ring out. `doorbells` is for threads that serve many rings and sleep at one doorbell for all of them.
   * @throws RangeError if the capacity is no power of two, or if the memory is too small.
   */
  static create(
    kernels: Kernels,
    options: DescriptorRingOptions = {},
    doorbells?: RingDoorbells,
  ): DescriptorRing {
    const checked = checkFields<DescriptorRingOptions, Defaults>("options", DESCRIPTOR_RING_FIELDS, options);
    const { capacity, manyProducers, producer } = checked;
    const address = reserveRing(kernels, "a descriptor ring", {
      kind: "items",
      capacity,
      itemLength: ITEM_LENGTH,
      manyProducers,
      ...(doorbells === undefined ? {} : { doorbells }),
    });
    try {
      return new DescriptorRing(kernels, address, producer, true);
    } catch (error) {
      kernels.plan.release(address);
      throw error;
    }
  }

  /**
   * Opens the ring at `address`, in another thread on the same memory.
   * @throws RangeError if there is none.
   */
  static open(
    kernels: Kernels,
    address: number,
    options: Pick<DescriptorRingOptions, "producer"> = {},
  ): DescriptorRing {
    const { producer } = checkFields("options", PRODUCER_FIELDS, options);
    return new DescriptorRing(kernels, findRing(kernels, "items", address), producer, false);
  }

  /** How many items are in it at this moment. */
  get length(): number {
    this.expectOpen();
    return ringFill(this.kernels, this.address);
  }

  /**
   * Puts items in, in order, and wakes the consumer; returns how many were taken: fewer than there are if the ring
   * is full, or if another producer is in the middle of its push and does not come to an end.
   */
  push(items: Uint32Array | readonly number[]): number {
    this.expectOpen();
    const { kernels, address, producer } = this;
    if (!(items instanceof Uint32Array)) checkItems(items);
    if (producer !== 0 && !lockRing(kernels, address, producer)) return 0;
    const { words, signed } = kernels;
    const tail = words[(address + RING_TAIL) >>> 2] as number;
    let room = this.capacity - ((tail - (words[(address + RING_HEAD_COPY) >>> 2] as number)) >>> 0);
    if (room < items.length) {
      const head = Atomics.load(signed, (address + RING_HEAD) >>> 2);
      words[(address + RING_HEAD_COPY) >>> 2] = head;
      room = this.capacity - ((tail - head) >>> 0);
    }
    const count = Math.min(room, items.length);
    for (let i = 0; i < count; i++) words[this.#items + ((tail + i) & this.#mask)] = items[i] as number;
    Atomics.store(signed, (address + RING_TAIL) >>> 2, (tail + count) | 0);
    if (producer !== 0) unlockRing(kernels, address, producer);
    if (count > 0) ringIfAsleep(kernels, words[(address + RING_CONSUMER_DOORBELL) >>> 2] as number);
    return count;
  }

  /** Takes up to `count` items out and wakes the producers that wait for room. */
  pop(count: number): number[] {
    wholeNumber("count", count, 0, Number.MAX_SAFE_INTEGER);
    const items: number[] = [];
    this.#pop(items, count);
    return items;
  }

  /** Takes as many items out as there are and `into` holds; returns how many. */
  popInto(into: Uint32Array): number {
    if (!(into instanceof Uint32Array))
      throw new ArgumentTypeError("wrong-type", "into", "expected a Uint32Array");
    return this.#pop(into, into.length);
  }

  protected override checkRoom(room: number): void {
    wholeNumber("room", room, 1, this.capacity);
  }

  protected override hasRoom(room: number): boolean {
    return this.capacity - this.length >= room;
  }

  #pop(into: Uint32Array | number[], wanted: number): number {
    this.expectOpen();
    const { address } = this;
    const { words, signed } = this.kernels;
    const head = words[(address + RING_HEAD) >>> 2] as number;
    let filled = ((words[(address + RING_TAIL_COPY) >>> 2] as number) - head) >>> 0;
    if (filled < wanted) {
      const tail = Atomics.load(signed, (address + RING_TAIL) >>> 2);
      words[(address + RING_TAIL_COPY) >>> 2] = tail;
      filled = (tail - head) >>> 0;
    }
    const count = Math.min(filled, wanted);
    for (let i = 0; i < count; i++) into[i] = words[this.#items + ((head + i) & this.#mask)] as number;
    Atomics.store(signed, (address + RING_HEAD) >>> 2, (head + count) | 0);
    if (count > 0) ringIfAsleep(this.kernels, words[(address + RING_PRODUCER_DOORBELL) >>> 2] as number);
    return count;
  }
}

function checkItems(items: readonly number[]): void {
  if (!Array.isArray(items))
    throw new ArgumentTypeError("wrong-type", "items", "expected a Uint32Array or an array of numbers");
  for (const item of items) wholeNumber("items", item, 0, ITEM_MAXIMUM);
}
