// A lane without a worker: what is published is worked on at once, on the caller's thread.

import type { Kernels } from "../kernel/kernels.ts";
import type { CompiledStages, PipelineCounters } from "../pipeline/program.ts";
import type { FrameBurst } from "../ring/frame-burst.ts";
import type { Lane } from "./lane.ts";
import { SharedLane } from "./shared-lane.ts";

export class InlineLane implements Lane {
  readonly longest: number;
  readonly #lane: SharedLane;
  readonly #onChange: () => void;

  constructor(kernels: Kernels, stages: CompiledStages, ringBytes: number, onChange: () => void) {
    this.#lane = new SharedLane(kernels, stages, { ringBytes, worker: 0, owner: 0 });
    this.longest = this.#lane.longest;
    this.#onChange = onChange;
  }

  add(frame: Uint8Array, mark: number): boolean {
    return this.#lane.add(frame, mark);
  }

  publish(): void {
    this.#lane.publish();
    if (this.#lane.workHere()) this.#onChange();
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

  counters(): PipelineCounters {
    return this.#lane.counters();
  }

  close(): void {
    this.#lane.close();
  }
}
