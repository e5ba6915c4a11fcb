import type { ErrorCode } from "../core/error-codes.ts";

/** A worker has not answered in the time there was: it is being started all that while, or gets no core. */
export class WorkerLateError extends Error {
  override readonly name: string = "WorkerLateError";
  readonly code: ErrorCode = "worker-late";
  /** Which worker, from 0. */
  readonly worker: number;

  constructor(worker: number, milliseconds: number) {
    super(`worker ${worker} has not answered for ${milliseconds / 1000} s`);
    this.worker = worker;
  }
}
