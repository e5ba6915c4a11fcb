// Code that is no kernel's, for stages that run it, and the clock that it may ask: src/kernel/generated.ts gives these functions
// to the kernels.

/**
 * Runs the code that the record points at, with `at` as its third argument. Returns what it returned, where that means
 * anything, or CODE_FAILED if it did not come to its end.
 */
export declare function runGenerated(
  stage: usize,
  descriptors: usize,
  count: u32,
  at: usize,
  state: usize,
  counters: usize,
): u32;

/** When it is, in nanoseconds: of a run that was told so, that; else since 1970. */
export declare function clock(): u64;
