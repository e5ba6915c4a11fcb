// What a pool's workers are given to do, as the pool knows it.

import type { SharedSource } from "../capture/shared-source.ts";
import type { LaneAddresses } from "../lane/lane-job.ts";
import type { WorkerDiedError } from "./worker-died-error.ts";

/** A lane as the pool knows it. */
export interface PooledLane {
  readonly addresses: LaneAddresses;
  /** Called after the worker that had it has ended, before another gets it. */
  recover(): void;
  /** Called when no other will get it. */
  abandon(): void;
}

/** A capture in shared memory as the pool knows it. */
export interface PooledSource {
  /** What the worker `index` is told of it. */
  of(index: number): SharedSource;
  /** Called after a worker has ended, before another takes its place. */
  recover(index: number, error: WorkerDiedError): void;
}

/** A run of the capture kernel on a cursor in shared memory. */
export interface CaptureJob {
  readonly cursor: number;
  /** The number of the worker that has it. */
  readonly worker: number;
  /** Undefined as long as it is under way. */
  outcome: "done" | WorkerDiedError | undefined;
}
