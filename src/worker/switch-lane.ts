// A lane in shared memory whose worker runs a switch.

import type { Kernels } from "../kernel/kernels.ts";
import { CURSOR_BURST_FRAMES, CURSOR_RECORDS, CURSOR_SWITCH } from "../layout/capture.layout.ts";
import { COUNTER_LENGTH, DROP_WORKER_DIED } from "../layout/drop.layout.ts";
import { JOURNAL_CLAIM, JOURNAL_IDLE, JOURNAL_STATE, RING_HEAD } from "../layout/ring.layout.ts";
import { CONTEXT_BEGIN, CONTEXT_STATE, PORT_DROPPED, PORT_RECEIVED } from "../layout/switch.layout.ts";
import type { PipelineCounters } from "../pipeline/program.ts";
import type { SwitchContext } from "../switch/switch-memory.ts";
import { droppedOnly } from "./lane.ts";
import { RingLane, type RingLaneOptions } from "./ring-lane.ts";

/** Most bytes that a switch puts in front of a frame: a tag, a tunnel, or what an ICMP error needs. */
const GROWTH = 128;

export interface SwitchLaneOptions extends RingLaneOptions {
  readonly context: SwitchContext;
  /** What the context has counted as received and not yet as sent or dropped, and what it has received in all. */
  readonly settle: () => { pending: number; received: number };
  /** Called when the worker has died, before its burst is looked at. */
  readonly onRecover: () => void;
}

export class SwitchLane extends RingLane {
  readonly #options: SwitchLaneOptions;

  constructor(kernels: Kernels, options: SwitchLaneOptions) {
    super(kernels, options, GROWTH, [[CURSOR_SWITCH, options.context.address]]);
    this.#options = options;
  }

  /** A switch counts by itself. */
  counters(): PipelineCounters {
    return droppedOnly("none", 0);
  }

  /** What of the burst had not left is dropped: nobody knows how far its frames were changed. */
  recover(): void {
    const { words, signed } = this.kernels;
    const { cursor, receive } = this.addresses;
    this.#options.onRecover();
    if (Atomics.load(signed, (this.journal + JOURNAL_STATE) >>> 2) !== JOURNAL_IDLE) {
      const claim = words[(this.journal + JOURNAL_CLAIM) >>> 2] as number;
      const frames = this.framesUpTo(claim);
      const { pending, received } = this.#options.settle();
      // Some of the burst may not even have been counted as received.
      const begun = received - this.kernels.counter(cursor + CURSOR_RECORDS);
      this.#add(PORT_RECEIVED, Math.max(0, frames - begun));
      this.#count(pending + Math.max(0, frames - begun));
      const records = this.kernels.counter(cursor + CURSOR_RECORDS) + frames;
      this.kernels.view.setBigUint64(cursor + CURSOR_RECORDS, BigInt(records), true);
      Atomics.store(signed, (receive + RING_HEAD) >>> 2, claim | 0);
    }
    words[(cursor + CURSOR_BURST_FRAMES) >>> 2] = 0;
    words[(this.#options.context.address + CONTEXT_STATE) >>> 2] = CONTEXT_BEGIN;
    Atomics.store(signed, (this.journal + JOURNAL_STATE) >>> 2, JOURNAL_IDLE);
  }

  protected override countDied(frames: number): void {
    this.#add(PORT_RECEIVED, frames);
    this.#count(frames);
  }

  /** Where nobody knows any more which port it was, it is counted at place 0. */
  #count(frames: number): void {
    this.#add(PORT_DROPPED, frames);
    const at = this.#options.context.reasons + DROP_WORKER_DIED * COUNTER_LENGTH;
    this.kernels.view.setBigUint64(at, BigInt(this.kernels.counter(at) + frames), true);
  }

  #add(field: number, frames: number): void {
    const at = this.#options.context.ports + field;
    this.kernels.view.setBigUint64(at, BigInt(this.kernels.counter(at) + frames), true);
  }
}
