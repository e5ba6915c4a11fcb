// A lane without a worker: what is published is worked on at once, on the caller's thread.

import type { Tally } from "../pipeline/tally.ts";
import type { FrameBurst } from "../ring/frame-burst.ts";
import type { Lane } from "./lane.ts";
import type { RingLane } from "./ring-lane.ts";

export class InlineLane implements Lane {
  readonly longest: number;
  readonly #lane: RingLane;
  readonly #onChange: () => void;

  constructor(lane: RingLane, onChange: () => void) {
    this.#lane = lane;
    this.longest = lane.longest;
    this.#onChange = onChange;
  }

  add(frame: Uint8Array, mark: number): boolean {
    return this.#lane.add(frame, mark);
  }

  publish(): boolean {
    this.#lane.publish();
    if (this.#lane.workHere()) this.#onChange();
    return false;
  }

  take(): FrameBurst | undefined {
    const burst = this.#lane.take();
    // Taking made room for results that had to wait.
    if (burst !== undefined && this.#lane.workHere()) this.#onChange();
    return burst;
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
