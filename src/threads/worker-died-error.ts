import type { ErrorCode } from "../core/error-codes.ts";

/** A worker ended that should not have; what it was asked is rejected with this. */
export class WorkerDiedError extends Error {
  override readonly name: string = "WorkerDiedError";
  readonly code: ErrorCode = "worker-died";
  /** Which worker, from 0. */
  readonly worker: number;
  /** What is known of why. */
  readonly reason: string;

  constructor(worker: number, reason: string) {
    super(`worker ${worker} died: ${reason}`);
    this.worker = worker;
    this.reason = reason;
  }
}
