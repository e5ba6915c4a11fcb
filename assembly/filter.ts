// The stage that runs a generated module over the burst: what it lets through, its text says (src/filter/).

import { DROP_FILTERED } from "../src/layout/drop.layout";
import { FILTER_STATE_PASSED } from "../src/layout/stage.layout";
import { dropElsewhere, stateOf } from "./descriptor";

/**
 * Runs the module that the record points at; src/kernel/generated.ts gives this function to the kernels. Returns how many
 * frames it has marked as dropped, and stores at `passed` how many had been before.
 */
declare function runGenerated(stage: usize, descriptors: usize, count: u32, passed: usize): u32;

export function filter(descriptors: usize, count: u32, stage: usize, counters: usize): void {
  const passed = stateOf(stage, counters) + FILTER_STATE_PASSED;
  const dropped = runGenerated(stage, descriptors, count, passed);
  dropElsewhere(dropped, load<u32>(passed), DROP_FILTERED, counters);
}
