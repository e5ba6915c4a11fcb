// A byte ring: frames of any length, copied in at one end and out at the other. The layout of a record
// and the order of memory are said in src/layout/ring.layout.ts.

import { ArgumentRangeError } from "../core/argument-error.ts";
import { byteArray, wholeNumber } from "../core/arguments.ts";
import { checkFields, type Fields, flag, powerOfTwo, whole } from "../core/fields.ts";
import type { Kernels } from "../kernel/kernels.ts";
import { RECORD_ALIGNMENT, RING_HEADROOM, RING_MASK, RING_TAIL } from "../layout/ring.layout.ts";
import { type BurstNotes, checkOnlyNotes } from "./burst-notes.ts";
import { ByteRingConsumer, ByteRingProducer, roomNeeded } from "./byte-ring-ends.ts";
import type { FrameBurst } from "./frame-burst.ts";
import { PRODUCER_FIELDS, RingEnd } from "./ring-end.ts";
import { findRing, lockRing, type RingDoorbells, reserveRing, ringFill, unlockRing } from "./ring-memory.ts";

export interface ByteRingOptions {
  /** Bytes it holds, all of them usable: a power of two from 256 to 2^30, default 1 MiB. A frame takes 32 more than it has. */
  readonly capacity?: number | undefined;
  /** Bytes in front of every frame that its consumer may use, a multiple of 16. Default 0. */
  readonly headroom?: number | undefined;
  /** Whether several threads put frames in. Default false: one producer, one consumer. */
  readonly manyProducers?: boolean | undefined;
  /** With many producers, the number of this one: 1 to 2^31 - 1, different in every thread. Default 1. */
  readonly producer?: number | undefined;
}

const CAPACITY_MAXIMUM = 1 << 30;
type Defaults = "capacity" | "headroom" | "manyProducers";

const BYTE_RING_FIELDS: Fields<ByteRingOptions, Defaults> = {
  capacity: { ...powerOfTwo(256, CAPACITY_MAXIMUM), fallback: 1 << 20 },
  headroom: { ...whole(0, 65536), fallback: 0 },
  manyProducers: { ...flag(), fallback: false },
  ...PRODUCER_FIELDS,
};

const TAKE_DEFAULT = 1 << 18;

/** Both ends; a thread uses one of them. */
export class ByteRing extends RingEnd {
  /** How many bytes it holds. */
  readonly capacity: number;
  /** Bytes in front of every frame. */
  readonly headroom: number;
  #putting: ByteRingProducer | undefined;
  readonly #taking: ByteRingConsumer;

  private constructor(kernels: Kernels, address: number, producer: number | undefined, owned: boolean) {
    super(kernels, address, producer, owned);
    this.capacity = (kernels.words[(address + RING_MASK) >>> 2] as number) + 1;
    this.headroom = kernels.words[(address + RING_HEADROOM) >>> 2] as number;
    this.#taking = new ByteRingConsumer(kernels, address);
  }

  /**
   * Lays a ring out. `doorbells` is for threads that serve many rings and sleep at one doorbell for all of them.
   * @throws RangeError if the capacity is no power of two or too small for the headroom, or if the memory is too small.
   */
  static create(kernels: Kernels, options: ByteRingOptions = {}, doorbells?: RingDoorbells): ByteRing {
    const checked = checkFields<ByteRingOptions, Defaults>("options", BYTE_RING_FIELDS, options);
    const { capacity, headroom, manyProducers, producer } = checked;
    if (headroom % RECORD_ALIGNMENT !== 0)
      throw new ArgumentRangeError(
        "out-of-range",
        "headroom",
        `expected a multiple of ${RECORD_ALIGNMENT}, got ${headroom}`,
      );
    if (4 * headroom > capacity)
      throw new ArgumentRangeError(
        "out-of-range",
        "capacity",
        `expected at least four times the headroom of ${headroom}, got ${capacity}`,
      );
    const address = reserveRing(kernels, "a byte ring", {
      kind: "bytes",
      capacity,
      itemLength: 1,
      headroom,
      manyProducers,
      ...(doorbells === undefined ? {} : { doorbells }),
    });
    try {
      return new ByteRing(kernels, address, producer, true);
    } catch (error) {
      kernels.plan.release(address);
      throw error;
    }
  }

  /**
   * Opens the ring at `address`, in another thread on the same memory.
   * @throws RangeError if there is none.
   */
  static open(kernels: Kernels, address: number, options: Pick<ByteRingOptions, "producer"> = {}): ByteRing {
    const { producer } = checkFields("options", PRODUCER_FIELDS, options);
    return new ByteRing(kernels, findRing(kernels, "bytes", address), producer, false);
  }

  /** How many bytes are taken at this moment, by frames and what stands around them. */
  get fill(): number {
    this.expectOpen();
    return ringFill(this.kernels, this.address);
  }

  /** The longest frame that it takes. */
  get longest(): number {
    this.expectOpen();
    return this.#producer.longest;
  }

  /**
   * Copies frames in, in order, and wakes the consumer; returns how many were taken: fewer than there are if the ring
   * is full, or if another producer is in the middle of its push and does not come to an end. What `notes` say of frame i
   * comes out with it.
   * @throws RangeError for a frame that is longer than `longest`.
   */
  push(frames: readonly Uint8Array[], notes?: BurstNotes): number {
    this.expectOpen();
    const { kernels, address, producer } = this;
    const end = this.#producer;
    for (const frame of frames) {
      if (byteArray("frames", frame).length > end.longest)
        throw new ArgumentRangeError(
          "out-of-range",
          "frames",
          `expected at most ${end.longest} bytes each, got ${frame.length}`,
        );
    }
    const checked = notes === undefined ? undefined : checkOnlyNotes(notes, frames.length);
    if (producer !== 0) {
      if (!lockRing(kernels, address, producer)) return 0;
      end.refresh();
    }
    let taken = 0;
    for (const frame of frames) {
      if (!end.add(frame, 0, checked, taken)) break;
      taken++;
    }
    end.store();
    if (producer !== 0) unlockRing(kernels, address, producer);
    if (taken > 0) end.wake();
    return taken;
  }

  /**
   * Copies frames out that lie in one piece, at most about `limit` bytes of them but at least one frame, and wakes
   * the producers that wait for room; undefined if there is none.
   */
  pop(limit: number = TAKE_DEFAULT): FrameBurst | undefined {
    this.expectOpen();
    const burst = this.#taking.take(wholeNumber("limit", limit, 1, CAPACITY_MAXIMUM));
    this.#taking.wake();
    return burst;
  }

  protected override checkRoom(room: number): void {
    wholeNumber("room", room, 0, this.longest);
  }

  protected override hasRoom(room: number): boolean {
    const { signed } = this.kernels;
    const tail = Atomics.load(signed, (this.address + RING_TAIL) >>> 2);
    return roomNeeded(room + this.headroom, tail, this.capacity) <= this.capacity - this.fill;
  }

  get #producer(): ByteRingProducer {
    this.#putting ??= new ByteRingProducer(this.kernels, this.address, true);
    return this.#putting;
  }
}
