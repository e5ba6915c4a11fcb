import type { ErrorCode } from "./error-codes.ts";

/** A stage of the user's own did not come to its end; the frames that it had in hand were dropped (`stage-failed`). */
export class StageError extends Error {
  override readonly name: string = "StageError";
  readonly code: ErrorCode = "stage-failed";
  /** What the stage is called. */
  readonly stage: string;

  /** `cause`: what was thrown, by the stage or by the engine that ran it. */
  constructor(stage: string, cause: unknown) {
    super(`stage ${stage} failed: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.stage = stage;
  }
}
