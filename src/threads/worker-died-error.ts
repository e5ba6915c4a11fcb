import type { ErrorCode } from "../core/error-codes.ts";

/** A worker ended that should not have, or was ended because it was stuck; what it was asked is rejected with this. */
export class WorkerDiedError extends Error {
  override readonly name: string = "WorkerDiedError";
  readonly code: ErrorCode = "worker-died";
  /** Which worker, from 0. */
  readonly worker: number;
  /** What is known of why. */
  readonly reason: string;
  /** Whether it ran, and did not come back: the dataplane has ended it. */
  readonly stuck: boolean;

  constructor(worker: number, reason: string, stuck = false) {
    super(`worker ${worker} died: ${reason}`);
    this.worker = worker;
    this.reason = reason;
    this.stuck = stuck;
  }
}
