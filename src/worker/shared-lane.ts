// A lane in shared memory: a byte ring to the worker, a byte ring back, and the cursor between them.

import { alignedHeadroom } from "../capture/capture-cursor.ts";
import type { Kernels } from "../kernel/kernels.ts";
import {
  CURSOR_BURST,
  CURSOR_COUNTERS,
  CURSOR_DESCRIPTORS,
  CURSOR_FORWARDED,
  CURSOR_GROWTH,
  CURSOR_HEADROOM,
  CURSOR_JOURNAL,
  CURSOR_LENGTH,
  CURSOR_RECORDS,
  CURSOR_STAGE_COUNT,
  CURSOR_STAGES,
} from "../layout/capture.layout.ts";
import { DESCRIPTOR_LENGTH } from "../layout/descriptor.layout.ts";
import { COUNTER_LENGTH, DROP_WORKER_DIED } from "../layout/drop.layout.ts";
import {
  FILLER,
  JOURNAL_CLAIM,
  JOURNAL_COMMITTING,
  JOURNAL_DROPPED,
  JOURNAL_FORWARDED,
  JOURNAL_HEAD,
  JOURNAL_IDLE,
  JOURNAL_LENGTH,
  JOURNAL_STATE,
  JOURNAL_TAIL,
  JOURNAL_WORKING,
  RECORD_FRAME_LENGTH,
  RECORD_TOTAL,
  RING_HEAD,
  RING_ITEMS,
  RING_MASK,
  RING_TAIL,
} from "../layout/ring.layout.ts";
import { type CompiledStages, type PipelineCounters, Program } from "../pipeline/program.ts";
import { ByteRingConsumer, ByteRingProducer } from "../ring/byte-ring-ends.ts";
import type { FrameBurst } from "../ring/frame-burst.ts";
import { reserveRing, ringFill } from "../ring/ring-memory.ts";
import type { Lane } from "./lane.ts";
import type { LaneAddresses } from "./protocol.ts";

const BURST = 256;
/** Most bytes of results that are copied out at a time. */
const TAKE = 1 << 18;

export interface SharedLaneOptions {
  /** Bytes of each of the two rings: a power of two. */
  readonly ringBytes: number;
  /** Where the worker sleeps; 0 if there is none. */
  readonly worker: number;
  /** Where the one who sends and takes waits. */
  readonly owner: number;
}

export class SharedLane implements Lane {
  readonly addresses: LaneAddresses;
  readonly longest: number;
  readonly #kernels: Kernels;
  readonly #program: Program;
  readonly #journal: number;
  readonly #regions: readonly number[];
  readonly #producer: ByteRingProducer;
  readonly #consumer: ByteRingConsumer;

  constructor(kernels: Kernels, stages: CompiledStages, { ringBytes, worker, owner }: SharedLaneOptions) {
    const { plan, words } = kernels;
    this.#kernels = kernels;
    this.#program = new Program(kernels, stages);
    const regions: number[] = [];
    const keep = (address: number): number => {
      regions.push(address);
      return address;
    };
    this.#regions = regions;
    try {
      const shape = { kind: "bytes", capacity: ringBytes, itemLength: 1 } as const;
      const headroom = alignedHeadroom(this.#program.headroom);
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
      this.#journal = keep(plan.reserve("a lane's journal", JOURNAL_LENGTH));
      this.addresses = { cursor, receive, transmit };
      const fields: readonly (readonly [number, number])[] = [
        [CURSOR_DESCRIPTORS, descriptors],
        [CURSOR_BURST, BURST],
        [CURSOR_HEADROOM, headroom],
        [CURSOR_GROWTH, this.#program.headroom],
        [CURSOR_STAGES, this.#program.address],
        [CURSOR_STAGE_COUNT, this.#program.length],
        [CURSOR_COUNTERS, this.#program.counterAddress],
        [CURSOR_JOURNAL, this.#journal],
      ];
      for (const [field, value] of fields) words[(cursor + field) >>> 2] = value;
    } catch (error) {
      this.close();
      throw error;
    }
    this.#producer = new ByteRingProducer(kernels, this.addresses.receive);
    this.#consumer = new ByteRingConsumer(kernels, this.addresses.transmit);
    // The result must fit half of the ring too.
    this.longest = this.#producer.longest - this.#program.headroom;
  }

  add(frame: Uint8Array, mark: number): boolean {
    return this.#producer.add(frame, mark);
  }

  publish(): void {
    this.#producer.publish();
  }

  /** Works on the caller's thread, where no worker has the lane; returns whether there was anything to do. */
  workHere(): boolean {
    const { cursor, receive, transmit } = this.addresses;
    return this.#kernels.functions.runRings(cursor, receive, transmit, 0xffffffff) > 0;
  }

  take(): FrameBurst | undefined {
    return this.#consumer.take(TAKE);
  }

  get empty(): boolean {
    // In this order: what has left the receive ring is in the transmit ring already.
    return (
      ringFill(this.#kernels, this.addresses.receive) === 0 &&
      ringFill(this.#kernels, this.addresses.transmit) === 0
    );
  }

  counters(): PipelineCounters {
    return this.#program.counters();
  }

  /**
   * Puts the lane in order after its worker has ended in the middle of anything: a finished burst is published,
   * an unfinished one is dropped, because its frames may be half changed.
   */
  recover(): void {
    const { words, view, signed } = this.#kernels;
    const { cursor, receive, transmit } = this.addresses;
    const journal = (field: number): number => words[(this.#journal + field) >>> 2] as number;
    const state = Atomics.load(signed, (this.#journal + JOURNAL_STATE) >>> 2);
    if (state === JOURNAL_COMMITTING) {
      Atomics.store(signed, (transmit + RING_TAIL) >>> 2, journal(JOURNAL_TAIL) | 0);
      Atomics.store(signed, (receive + RING_HEAD) >>> 2, journal(JOURNAL_HEAD) | 0);
    } else if (state === JOURNAL_WORKING) {
      const claim = journal(JOURNAL_CLAIM);
      const forwarded = view.getBigUint64(this.#journal + JOURNAL_FORWARDED, true);
      const droppedBefore = this.#kernels.counter(this.#journal + JOURNAL_DROPPED);
      // Some of the burst may have been dropped, and counted, before the end came.
      const droppedNow = this.#program.counters().dropped - this.#died;
      this.#addDied(this.#framesUpTo(claim) - (droppedNow - droppedBefore));
      view.setBigUint64(this.#program.counterAddress, forwarded, true);
      view.setBigUint64(cursor + CURSOR_FORWARDED, forwarded, true);
      view.setBigUint64(cursor + CURSOR_RECORDS, forwarded + BigInt(droppedNow), true);
      Atomics.store(signed, (receive + RING_HEAD) >>> 2, claim | 0);
    }
    Atomics.store(signed, (this.#journal + JOURNAL_STATE) >>> 2, JOURNAL_IDLE);
  }

  /** Drops what waits for a worker: none will come. */
  abandon(): void {
    const { words, signed } = this.#kernels;
    const { receive } = this.addresses;
    const tail = words[(receive + RING_TAIL) >>> 2] as number;
    this.#addDied(this.#framesUpTo(tail));
    Atomics.store(signed, (receive + RING_HEAD) >>> 2, tail | 0);
  }

  close(): void {
    for (const region of this.#regions) this.#kernels.plan.release(region);
    this.#program.close();
  }

  /** Frames that were dropped because their worker died. */
  get #died(): number {
    return this.#kernels.counter(this.#program.counterAddress + DROP_WORKER_DIED * COUNTER_LENGTH);
  }

  #addDied(frames: number): void {
    const at = this.#program.counterAddress + DROP_WORKER_DIED * COUNTER_LENGTH;
    this.#kernels.view.setBigUint64(at, BigInt(this.#died + frames), true);
  }

  /** How many frames lie in the receive ring from its head to `claim`. */
  #framesUpTo(claim: number): number {
    const { words } = this.#kernels;
    const { receive } = this.addresses;
    const items = words[(receive + RING_ITEMS) >>> 2] as number;
    const mask = words[(receive + RING_MASK) >>> 2] as number;
    let frames = 0;
    for (let head = words[(receive + RING_HEAD) >>> 2] as number; head !== claim; ) {
      const record = items + (head & mask);
      if (words[(record + RECORD_FRAME_LENGTH) >>> 2] !== FILLER) frames++;
      head = (head + (words[(record + RECORD_TOTAL) >>> 2] as number)) >>> 0;
    }
    return frames;
  }
}
