// A lane in shared memory whose worker runs the stages of a pipeline.

import type { NoticeCollector } from "../core/drop-notices.ts";
import {
  CURSOR_COUNTERS,
  CURSOR_DESCRIPTORS,
  CURSOR_FORWARDED,
  CURSOR_RECORDS,
  CURSOR_STAGE_COUNT,
  CURSOR_STAGES,
} from "../layout/cursor.layout.ts";
import {
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_LINK,
  DESCRIPTOR_REASON,
  DESCRIPTOR_TRAILER,
  DESCRIPTOR_VERDICT,
  LINK_NOTED,
  NO_STAGE,
  VERDICT_DROP,
} from "../layout/descriptor.layout.ts";
import { COUNTER_LENGTH, DROP_WORKER_DIED } from "../layout/drop.layout.ts";
import {
  JOURNAL_CLAIM,
  JOURNAL_COMMITTING,
  JOURNAL_DROPPED,
  JOURNAL_FORWARDED,
  JOURNAL_HEAD,
  JOURNAL_IDLE,
  JOURNAL_STATE,
  JOURNAL_TAIL,
  JOURNAL_WORKING,
  RING_HEAD,
  RING_TAIL,
} from "../layout/ring.layout.ts";
import type { PlacedCode } from "../pipeline/placed-code.ts";
import type { PreparedStage, Program, ProgramState } from "../pipeline/program.ts";
import { droppedOf, type Tally } from "../pipeline/tally.ts";
import { RingLane, type RingLaneOptions } from "./ring-lane.ts";

export class PipelineLane extends RingLane {
  readonly #state: ProgramState;
  readonly #notices: NoticeCollector | undefined;

  /** It keeps `program`, which nobody else runs, for as long as it is open. */
  constructor(program: Program, options: RingLaneOptions) {
    const state = program.open();
    try {
      super(program.kernels, options, program.headroom, [
        [CURSOR_STAGES, program.address],
        [CURSOR_STAGE_COUNT, program.length],
        [CURSOR_COUNTERS, state.address],
      ]);
    } catch (error) {
      state.close();
      throw error;
    }
    this.#state = state;
    this.#notices = options.notices;
  }

  /** Readies another stage for the place of stage `index`. */
  prepare(index: number, code: PlacedCode): PreparedStage {
    return this.#state.program.prepare(index, code, this.#state);
  }

  tally(): Tally {
    return this.#state.tally();
  }

  /** A finished burst is published; an unfinished one is dropped, because its frames may be half changed. */
  recover(): void {
    const { words, view, signed } = this.kernels;
    const { cursor, receive, transmit } = this.addresses;
    const journal = (field: number): number => words[(this.journal + field) >>> 2] as number;
    const state = Atomics.load(signed, (this.journal + JOURNAL_STATE) >>> 2);
    if (state === JOURNAL_COMMITTING) {
      Atomics.store(signed, (transmit + RING_TAIL) >>> 2, journal(JOURNAL_TAIL) | 0);
      Atomics.store(signed, (receive + RING_HEAD) >>> 2, journal(JOURNAL_HEAD) | 0);
    } else if (state === JOURNAL_WORKING) {
      const claim = journal(JOURNAL_CLAIM);
      const forwarded = view.getBigUint64(this.journal + JOURNAL_FORWARDED, true);
      const droppedBefore = this.kernels.counter(this.journal + JOURNAL_DROPPED);
      // Some of the burst may have been dropped, and counted, before the end came.
      const droppedNow = droppedOf(this.tally()) - this.#died;
      const records = this.recordsUpTo(claim);
      this.countDied(records.length - (droppedNow - droppedBefore));
      this.#tellBurst(records);
      view.setBigUint64(this.#state.address, forwarded, true);
      view.setBigUint64(cursor + CURSOR_FORWARDED, forwarded, true);
      view.setBigUint64(cursor + CURSOR_RECORDS, forwarded + BigInt(droppedNow), true);
      Atomics.store(signed, (receive + RING_HEAD) >>> 2, claim | 0);
    }
    Atomics.store(signed, (this.journal + JOURNAL_STATE) >>> 2, JOURNAL_IDLE);
  }

  override close(): void {
    super.close();
    this.#state.close();
  }

  protected override tellDied(records: readonly number[]): void {
    if (this.#notices === undefined) return;
    this.carryNotes();
    for (const record of records) this.#notices.add(this.kernels.words, record >>> 2, DROP_WORKER_DIED);
  }

  /** Of a burst that was in work: its descriptors stand in the order of its records, and say what had been dropped. */
  #tellBurst(records: readonly number[]): void {
    const notices = this.#notices;
    if (notices === undefined) return;
    this.carryNotes();
    const { bytes, words } = this.kernels;
    const first = words[(this.addresses.cursor + CURSOR_DESCRIPTORS) >>> 2] as number;
    records.forEach((record, index) => {
      const at = first + index * DESCRIPTOR_LENGTH;
      const isDropped = bytes[at + DESCRIPTOR_VERDICT] === VERDICT_DROP;
      const reason = isDropped ? (bytes[at + DESCRIPTOR_REASON] as number) : DROP_WORKER_DIED;
      const isNoted = isDropped && bytes[at + DESCRIPTOR_LINK] === LINK_NOTED;
      const stage = isNoted ? (bytes[at + DESCRIPTOR_TRAILER] as number) : NO_STAGE;
      notices.add(words, record >>> 2, reason, stage);
    });
  }

  protected override countDied(frames: number): void {
    const at = this.#state.address + DROP_WORKER_DIED * COUNTER_LENGTH;
    this.kernels.view.setBigUint64(at, BigInt(this.#died + frames), true);
  }

  /** Frames that were dropped because their worker died. */
  get #died(): number {
    return this.kernels.counter(this.#state.address + DROP_WORKER_DIED * COUNTER_LENGTH);
  }
}
