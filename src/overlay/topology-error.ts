// What is wrong with a topology, and where.

import type { ArgumentError, ErrorPath } from "../core/argument-error.ts";
import type { ErrorCode } from "../core/error-codes.ts";

/** What is wrong with a topology, as an error about an argument says it: the path begins in the topology. */
export class TopologyError extends Error implements ArgumentError {
  override readonly name: string = "TopologyError";
  readonly code: ErrorCode;
  /** Where it is, as `vpcs[1].vni`. */
  readonly path: string;
  /** The same, step by step. */
  readonly steps: ErrorPath;
  /** What is wrong, without the path. */
  readonly sentence: string;

  constructor(error: ArgumentError) {
    super(error.message, { cause: error });
    this.code = error.code;
    this.path = error.path;
    this.steps = error.steps;
    this.sentence = error.sentence;
  }
}
