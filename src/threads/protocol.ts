// What a worker can be asked, and what is said: the types of both ends of the Comlink connection.

import type { SharedSource } from "../capture/shared-source.ts";
import type { LaneAddresses, TransferJob, TransferResult } from "../lane/lane-job.ts";

/** Sent once, before anything else. */
export interface WorkerSetup {
  readonly module: WebAssembly.Module;
  /** The shared memory; undefined where memory cannot be shared: the worker makes one of `memoryBytes` then. */
  readonly memory: WebAssembly.Memory | undefined;
  readonly memoryBytes: number;
  /** Name of the lock that the worker holds while it lives. */
  readonly lock: string;
  /** In shared memory: where this worker sleeps, and the rings of its jobs. */
  readonly doorbell: number;
  /** Whether there is a core for each worker and one more. */
  readonly ownCore: boolean;
  readonly jobs: number;
  readonly jobsDone: number;
  /** A few bytes for the worker itself. */
  readonly scratch: number;
}

/** The worker's side of the connection. */
export interface WorkerControl {
  /** Resolves when it is at work, with the number that the system has given its thread, where one can ask for that. */
  start(setup: WorkerSetup): Promise<number | undefined>;
  /** Resolves when scripts of stages have been loaded. */
  load(scripts: readonly string[]): Promise<void>;
  openLane(id: number, lane: LaneAddresses): void;
  closeLane(id: number): void;
  /** Puts the record of a stage in the place of another, in shared memory. */
  replaceStage(record: number, place: number): void;
  openSource(id: number, source: SharedSource): void;
  closeSource(id: number): void;
  /** Only without shared memory. */
  work(job: TransferJob): TransferResult | Promise<TransferResult>;
}
