import type { ErrorCode } from "./error-codes.ts";

/**
 * A worker has not answered in the time there was: it is being started all that while, or gets no core. Or it has not let go of
 * a switch's FDB: then it may have died as well, which is known by the next turn of the event loop.
 */
export class WorkerLateError extends Error {
  override readonly name: string = "WorkerLateError";
  readonly code: ErrorCode = "worker-late";
  /** Which worker, from 0. */
  readonly worker: number;

  constructor(worker: number, milliseconds: number, what = "answered") {
    super(`worker ${worker} has not ${what} for ${milliseconds / 1000} s`);
    this.worker = worker;
  }
}
