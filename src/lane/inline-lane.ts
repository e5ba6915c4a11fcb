// A lane without a worker: what is published is worked on at once, on the caller's thread.

import { StageError } from "../core/stage-error.ts";
import type { Tally } from "../pipeline/tally.ts";
import type { CheckedNotes } from "../ring/burst-notes.ts";
import type { FrameBurst } from "../ring/frame-burst.ts";
import type { Lane } from "./lane.ts";
import type { RingLane } from "./ring-lane.ts";

export class InlineLane implements Lane {
  readonly longest: number;
  readonly #lane: RingLane;
  readonly #onChange: () => void;
  #failure: StageError | undefined;

  constructor(lane: RingLane, onChange: () => void) {
    this.#lane = lane;
    this.longest = lane.longest;
    this.#onChange = onChange;
  }

  add(frame: Uint8Array, mark: number, notes?: CheckedNotes, index?: number): boolean {
    return this.#lane.add(frame, mark, notes, index);
  }

  publish(): boolean {
    this.#lane.publish();
    this.#work();
    return false;
  }

  /** @throws StageError once a stage of the user's own has failed: frames were taken, and their results are what is missing. */
  take(): FrameBurst | undefined {
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure;
    const burst = this.#lane.take();
    // Taking made room for results that had to wait.
    if (burst !== undefined) this.#work();
    return burst;
  }

  #work(): void {
    try {
      if (!this.#lane.workHere()) return;
    } catch (error) {
      if (!(error instanceof StageError)) throw error;
      this.#failure ??= error;
    }
    this.#onChange();
  }

  get empty(): boolean {
    return this.#lane.empty;
  }

  tally(): Tally {
    return this.#lane.tally();
  }

  close(): void {
    this.#lane.close();
  }
}
