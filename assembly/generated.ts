// Code that is no kernel's, for stages that run it: src/kernel/generated.ts gives this function to the kernels.

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
