// The stage that runs a generated module over the burst: what it lets through, its text says (src/filter/).

import { DROP_FILTERED } from "../src/layout/drop.layout";
import { CODE_FAILED, FILTER_STATE_PASSED } from "../src/layout/stage.layout";
import { dropElsewhere, stateOf } from "./descriptor";
import { runGenerated } from "./generated";
import { dropRest, passOverDropped } from "./module-stage";

/** The module returns how many frames it has marked as dropped, and stores how many had been before. */
export function filter(descriptors: usize, count: u32, stage: usize, counters: usize): void {
  const state = stateOf(stage, counters);
  const passed = state + FILTER_STATE_PASSED;
  const dropped = runGenerated(stage, descriptors, count, passed, state, counters);
  if (dropped !== CODE_FAILED) {
    dropElsewhere(dropped, load<u32>(passed), DROP_FILTERED, counters);
    return;
  }
  passOverDropped(descriptors, count);
  dropRest(descriptors, count, counters);
}
