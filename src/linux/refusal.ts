// What the system says when a device cannot be opened, as errors about the option at fault.

import { ArgumentRangeError } from "../core/argument-error.ts";
import type { ErrorCode } from "../core/error-codes.ts";
import { SystemError } from "./libc.ts";

/** What an error of the system means for an option. */
export interface Refusal {
  readonly code: ErrorCode;
  readonly path: string;
  readonly sentence: string;
}

/** By the code of the system. */
export type Refusals = Readonly<Record<string, Refusal>>;

/** Runs `action`; an error of the system that the table knows is thrown as the error that it means. */
export function refusing<T>(refusals: Refusals, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    const refusal = cause instanceof SystemError ? refusals[cause.code] : undefined;
    if (refusal === undefined) throw cause;
    throw new ArgumentRangeError(refusal.code, refusal.path, refusal.sentence, { cause });
  }
}
