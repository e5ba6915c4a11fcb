// The one error that bytes of a capture can cause.

import type { ErrorCode } from "../core/error-codes.ts";

/** A capture that is damaged, cut short, or no capture at all. */
export class CaptureError extends Error {
  override readonly name: string = "CaptureError";
  readonly code: ErrorCode = "damaged";
  /** Where in the file, in bytes, the first record, block or header lies that could not be read. */
  readonly offset: number;
  /** What is wrong there, as a sentence without the offset. */
  readonly reason: string;

  constructor(offset: number, reason: string) {
    super(`byte ${offset}: ${reason}`);
    this.offset = offset;
    this.reason = reason;
  }
}
