// A lane in shared memory: a byte ring to the worker, a byte ring back, and the cursor between them.

import { alignedHeadroom } from "../capture/capture-cursor.ts";
import type { NoticeCollector } from "../core/drop-notices.ts";
import type { Kernels } from "../kernel/kernels.ts";
import {
  CURSOR_BURST,
  CURSOR_DESCRIPTORS,
  CURSOR_GROWTH,
  CURSOR_HEADROOM,
  CURSOR_JOURNAL,
  CURSOR_LENGTH,
  CURSOR_NOTES,
  CURSOR_NOTICES,
  CURSOR_STATUS,
  STATUS_OUTPUT_FULL,
} from "../layout/cursor.layout.ts";
import { DESCRIPTOR_LENGTH } from "../layout/descriptor.layout.ts";
import {
  FILLER,
  JOURNAL_IDLE,
  JOURNAL_LENGTH,
  JOURNAL_STATE,
  RECORD_FRAME_LENGTH,
  RECORD_TOTAL,
  RING_HEAD,
  RING_ITEMS,
  RING_MASK,
  RING_TAIL,
} from "../layout/ring.layout.ts";
import type { Tally } from "../pipeline/tally.ts";
import type { CheckedNotes } from "../ring/burst-notes.ts";
import type { BurstPool } from "../ring/burst-pool.ts";
import { ByteRingConsumer, ByteRingProducer } from "../ring/byte-ring-ends.ts";
import type { FrameBurst } from "../ring/frame-burst.ts";
import { reserveRing, ringFill } from "../ring/ring-memory.ts";
import type { Lane } from "./lane.ts";
import type { LaneAddresses } from "./lane-job.ts";

const BURST = 256;
/** Most bytes of results that are copied out at a time. */
const TAKE = 1 << 18;

export interface RingLaneOptions {
  /** Bytes of each of the two rings: a power of two. */
  readonly ringBytes: number;
  /** Where the worker sleeps; 0 if there is none. */
  readonly worker: number;
  /** Where the one who sends and takes waits. */
  readonly owner: number;
  /** Where notices of frames that are dropped go. Without it there are none. */
  readonly notices?: NoticeCollector | undefined;
  /** For bursts that are handed on, where frames are long. */
  readonly pool?: BurstPool | undefined;
}

/** The rings, whatever is done with the frames between them. */
export abstract class RingLane implements Lane {
  readonly addresses: LaneAddresses;
  readonly longest: number;
  protected readonly kernels: Kernels;
  protected readonly journal: number;
  readonly #regions: readonly number[];
  readonly #producer: ByteRingProducer;
  readonly #consumer: ByteRingConsumer;

  /** `growth`: by how many bytes a frame may get longer; `fields`: what the cursor says beside. */
  constructor(
    kernels: Kernels,
    { ringBytes, worker, owner, notices, pool }: RingLaneOptions,
    growth: number,
    fields: readonly (readonly [number, number])[],
  ) {
    const { plan, words } = kernels;
    this.kernels = kernels;
    const regions: number[] = [];
    const keep = (address: number): number => {
      regions.push(address);
      return address;
    };
    this.#regions = regions;
    try {
      const shape = { kind: "bytes", capacity: ringBytes, itemLength: 1 } as const;
      const headroom = alignedHeadroom(growth);
      const receive = keep(
        reserveRing(kernels, "a receive ring", {
          ...shape,
          headroom,
          doorbells: { consumer: worker, producer: owner },
        }),
      );
      const transmit = keep(
        reserveRing(kernels, "a transmit ring", {
          ...shape,
          doorbells: { consumer: owner, producer: worker },
        }),
      );
      const cursor = keep(plan.reserve("a lane's cursor", CURSOR_LENGTH));
      const descriptors = keep(plan.reserve("a lane's descriptors", BURST * DESCRIPTOR_LENGTH));
      this.journal = keep(plan.reserve("a lane's journal", JOURNAL_LENGTH));
      this.addresses = { cursor, receive, transmit };
      const all: readonly (readonly [number, number])[] = [
        [CURSOR_DESCRIPTORS, descriptors],
        [CURSOR_BURST, BURST],
        [CURSOR_HEADROOM, headroom],
        [CURSOR_GROWTH, growth],
        [CURSOR_JOURNAL, this.journal],
        [CURSOR_NOTICES, notices === undefined ? 0 : 1],
        ...fields,
      ];
      for (const [field, value] of all) words[(cursor + field) >>> 2] = value;
    } catch (error) {
      for (const region of regions) plan.release(region);
      throw error;
    }
    this.#producer = new ByteRingProducer(kernels, this.addresses.receive, false);
    this.#consumer = new ByteRingConsumer(kernels, this.addresses.transmit, notices, pool);
    // The result must fit half of the ring too.
    this.longest = this.#producer.longest - growth;
  }

  add(frame: Uint8Array, mark: number, notes?: CheckedNotes, index?: number): boolean {
    if (notes?.marks ?? notes?.times ?? notes?.ports) this.carryNotes();
    return this.#producer.add(frame, mark, notes, index);
  }

  /** From here on records say what is said of their frames; the worker hears of it when all records do. */
  protected carryNotes(): void {
    this.#producer.carryNotes();
    Atomics.store(this.kernels.signed, (this.addresses.cursor + CURSOR_NOTES) >>> 2, 1);
  }

  publish(): boolean {
    return this.#producer.publish();
  }

  /** Works on the caller's thread, where no worker has the lane; returns whether there was anything to do. */
  workHere(bursts = 0xffffffff): boolean {
    const { cursor, receive, transmit } = this.addresses;
    const worked = this.kernels.functions.runRings(cursor, receive, transmit, bursts) > 0;
    this.kernels.checkStages();
    return worked;
  }

  take(): FrameBurst | undefined {
    const burst = this.#consumer.take(TAKE);
    // Only a worker that waits for room: waking one that has nothing to do would hold up who waits for these frames.
    const status = Atomics.load(this.kernels.words, (this.addresses.cursor + CURSOR_STATUS) >>> 2);
    if (status === STATUS_OUTPUT_FULL) this.#consumer.wake();
    return burst;
  }

  get empty(): boolean {
    // In this order: what has left the receive ring is in the transmit ring already.
    return (
      ringFill(this.kernels, this.addresses.receive) === 0 &&
      ringFill(this.kernels, this.addresses.transmit) === 0
    );
  }

  /** Where the next frame will be put: a place to wait for with `hasReached`. */
  get place(): number {
    return this.kernels.words[(this.addresses.receive + RING_TAIL) >>> 2] as number;
  }

  /** Whether everything before this place has been worked on. */
  hasReached(place: number): boolean {
    const head = Atomics.load(this.kernels.signed, (this.addresses.receive + RING_HEAD) >>> 2);
    return ((head - place) | 0) >= 0;
  }

  /** Whether no burst is in work: all that has left is in the transmit ring. */
  get resting(): boolean {
    return Atomics.load(this.kernels.signed, (this.journal + JOURNAL_STATE) >>> 2) === JOURNAL_IDLE;
  }

  abstract tally(): Tally;

  /** Puts the lane in order after its worker has ended in the middle of anything. */
  abstract recover(): void;

  /** Drops what waits for a worker: none will come. */
  abandon(): void {
    const { words, signed } = this.kernels;
    const { receive } = this.addresses;
    const tail = words[(receive + RING_TAIL) >>> 2] as number;
    const frames = this.recordsUpTo(tail);
    this.countDied(frames.length);
    this.tellDied(frames);
    Atomics.store(signed, (receive + RING_HEAD) >>> 2, tail | 0);
  }

  close(): void {
    for (const region of this.#regions) this.kernels.plan.release(region);
  }

  /** Counts frames that were dropped because their worker died. */
  protected abstract countDied(frames: number): void;

  /** Tells of frames in the receive ring, the addresses of whose records these are, that their worker died. */
  protected tellDied(_records: readonly number[]): void {}

  /** Addresses of the records of the frames that lie in the receive ring from its head to `claim`. */
  protected recordsUpTo(claim: number): number[] {
    const { words } = this.kernels;
    const { receive } = this.addresses;
    const items = words[(receive + RING_ITEMS) >>> 2] as number;
    const mask = words[(receive + RING_MASK) >>> 2] as number;
    const records: number[] = [];
    for (let head = words[(receive + RING_HEAD) >>> 2] as number; head !== claim; ) {
      const record = items + (head & mask);
      if (words[(record + RECORD_FRAME_LENGTH) >>> 2] !== FILLER) records.push(record);
      head = (head + (words[(record + RECORD_TOTAL) >>> 2] as number)) >>> 0;
    }
    return records;
  }
}
