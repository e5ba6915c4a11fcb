// A lane in shared memory whose worker runs a switch.

import type { Kernels } from "../kernel/kernels.ts";
import { RingLane, type RingLaneOptions } from "../lane/ring-lane.ts";
import {
  CURSOR_BURST_FRAMES,
  CURSOR_BURST_STATUS,
  CURSOR_BURST_WRITTEN,
  CURSOR_RECORDS,
  CURSOR_SWITCH,
} from "../layout/cursor.layout.ts";
import {
  JOURNAL_CLAIM,
  JOURNAL_COMMITTING,
  JOURNAL_IDLE,
  JOURNAL_RECEIVED,
  JOURNAL_STATE,
  JOURNAL_TAIL,
  JOURNAL_WORKING,
  JOURNAL_WRITTEN,
  RING_TAIL,
} from "../layout/ring.layout.ts";
import { CONTEXT_BEGIN, CONTEXT_STATE, SWITCH_DONE } from "../layout/switch.layout.ts";
import { NO_COUNTERS, type Tally } from "../pipeline/tally.ts";
import type { SwitchContext } from "../switch/switch-memory.ts";

/** Most bytes that a switch puts in front of a frame: a tag, a tunnel without options, or what an ICMP error needs. */
const GROWTH = 128;

export interface SwitchLaneOptions extends RingLaneOptions {
  readonly context: SwitchContext;
  /** Bytes in front of copies: frames get at least as many. */
  readonly headroom: number;
  /** Counts what the lane has received in all, so many frames, and drops what of it has neither left nor been dropped. */
  readonly settle: (received: number) => void;
  /** Called when the worker has died, before its burst is looked at. */
  readonly onRecover: () => void;
  /** Takes what has left; false if nobody takes anything any more. */
  readonly drain: () => boolean;
}

export class SwitchLane extends RingLane {
  readonly #options: SwitchLaneOptions;

  constructor(kernels: Kernels, options: SwitchLaneOptions) {
    super(kernels, options, Math.max(GROWTH, options.headroom), [[CURSOR_SWITCH, options.context.address]]);
    this.#options = options;
  }

  /** A switch counts by itself. */
  tally(): Tally {
    return NO_COUNTERS;
  }

  /**
   * What of the burst had left the switch is still handed out, by whoever works here next. The rest is dropped: nobody
   * knows how far its frames were changed.
   */
  recover(): void {
    const { words, signed } = this.kernels;
    const { cursor, transmit } = this.addresses;
    const journal = (field: number): number => words[(this.journal + field) >>> 2] as number;
    this.#options.onRecover();
    words[(this.#options.context.address + CONTEXT_STATE) >>> 2] = CONTEXT_BEGIN;
    const state = Atomics.load(signed, (this.journal + JOURNAL_STATE) >>> 2);
    if (state === JOURNAL_IDLE) return;
    if (state === JOURNAL_COMMITTING) {
      Atomics.store(signed, (transmit + RING_TAIL) >>> 2, journal(JOURNAL_TAIL) | 0);
      words[(cursor + CURSOR_BURST_WRITTEN) >>> 2] = journal(JOURNAL_WRITTEN);
    }
    // None: the head has moved, and only the journal did not say so yet.
    const frames = this.recordsUpTo(journal(JOURNAL_CLAIM)).length;
    if (frames > 0) this.#options.settle(this.kernels.counter(this.journal + JOURNAL_RECEIVED) + frames);
    words[(cursor + CURSOR_BURST_FRAMES) >>> 2] = frames;
    words[(cursor + CURSOR_BURST_STATUS) >>> 2] = SWITCH_DONE;
    Atomics.store(
      signed,
      (this.journal + JOURNAL_STATE) >>> 2,
      frames === 0 ? JOURNAL_IDLE : JOURNAL_WORKING,
    );
  }

  override abandon(): void {
    const { words } = this.kernels;
    // What the last worker left behind has no other to hand it out.
    while (words[(this.addresses.cursor + CURSOR_BURST_FRAMES) >>> 2] !== 0) {
      this.workHere(1);
      if (!this.#options.drain()) return;
    }
    super.abandon();
  }

  protected override countDied(frames: number): void {
    const { cursor } = this.addresses;
    const received = this.kernels.counter(cursor + CURSOR_RECORDS) + frames;
    this.kernels.view.setBigUint64(cursor + CURSOR_RECORDS, BigInt(received), true);
    this.#options.settle(received);
  }
}
