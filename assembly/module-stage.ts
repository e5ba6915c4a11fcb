// The stage that runs a module of the user's own over the burst: it drops frames by a function of ours, and so they are
// counted as all are. What it may do, and must not, is said in docs/own-stages.md.

import {
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_VERDICT,
  VERDICT_DROP,
  VERDICT_FORWARD,
} from "../src/layout/descriptor.layout";
import {
  DROP_NONE,
  DROP_REASONS,
  DROP_STAGE_FAILED,
  OWN_REASONS,
  OWN_REASONS_END,
} from "../src/layout/drop.layout";
import { CODE_FAILED, MODULE_PARAMETERS } from "../src/layout/stage.layout";
import { drop, passOver, stateOf } from "./descriptor";
import { runGenerated } from "./generated";

/** `first`: no stage has run before it, so that what was dropped before is counted here. */
export function runModule(descriptors: usize, count: u32, stage: usize, counters: usize, first: bool): void {
  if (first) passOverDropped(descriptors, count);
  const state = stateOf(stage, counters);
  if (runGenerated(stage, descriptors, count, stage + MODULE_PARAMETERS, state, counters) === CODE_FAILED)
    dropRest(descriptors, count, counters);
}

/** Marks a frame as dropped and counts it, for modules. What is no reason, and what was dropped before, ends the burst. */
export function dropForModule(descriptor: usize, reason: u32, counters: usize): void {
  const known =
    reason < <u32>OWN_REASONS
      ? reason !== <u32>DROP_NONE && reason < <u32>DROP_REASONS
      : reason < <u32>OWN_REASONS_END;
  if (!known || load<u8>(descriptor, DESCRIPTOR_VERDICT) === VERDICT_DROP) unreachable();
  drop(descriptor, reason, counters);
}

/** What was dropped before the first stage. */
export function passOverDropped(descriptors: usize, count: u32): void {
  const end: usize = descriptors + count * DESCRIPTOR_LENGTH;
  for (let d = descriptors; d < end; d += DESCRIPTOR_LENGTH) passOver(d);
}

/** Code that did not come to its end left frames in whatever state: none of the burst goes on. */
export function dropRest(descriptors: usize, count: u32, counters: usize): void {
  const end: usize = descriptors + count * DESCRIPTOR_LENGTH;
  for (let d = descriptors; d < end; d += DESCRIPTOR_LENGTH)
    if (load<u8>(d, DESCRIPTOR_VERDICT) === VERDICT_FORWARD) drop(d, DROP_STAGE_FAILED, counters);
}
