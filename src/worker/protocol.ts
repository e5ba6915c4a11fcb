// What a worker can be asked, and what is said: the types of both ends of the Comlink connection.

import type { CompiledStages, PipelineCounters } from "../pipeline/program.ts";

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

/** Addresses of a pair of byte rings and of the cursor between them. */
export interface LaneAddresses {
  readonly cursor: number;
  readonly receive: number;
  readonly transmit: number;
}

/** A capture that lies in memory which workers see, too: they read it themselves. */
export interface SharedSource {
  readonly bytes: Uint8Array;
  /** Address of a worker's own piece of memory, to which it copies what it works on. */
  readonly window: number;
  /** Address of the board where its pieces are, and the worker's number there, from 1. */
  readonly board: number;
  readonly worker: number;
}

/** Bytes to be worked on where memory is not shared. */
export interface TransferJob {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly inFormat: number;
  readonly outFormat: number;
  /** The interface table, as the kernels read it. */
  readonly interfaces: Uint8Array<ArrayBuffer>;
  readonly stages: CompiledStages;
}

/** What a job came to. */
export interface TransferResult {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Bytes of input used. */
  readonly consumed: number;
  readonly counters: PipelineCounters;
  /** Bytes of the frames read and written. */
  readonly frameBytesIn: number;
  readonly frameBytesOut: number;
}

/** The worker's side of the connection. */
export interface WorkerControl {
  start(setup: WorkerSetup): Promise<void>;
  openLane(id: number, lane: LaneAddresses): void;
  closeLane(id: number): void;
  openSource(id: number, source: SharedSource): void;
  closeSource(id: number): void;
  /** Only without shared memory. */
  work(job: TransferJob): TransferResult | Promise<TransferResult>;
}
