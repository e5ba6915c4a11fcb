import { DESCRIPTOR_REASON, DESCRIPTOR_VERDICT, VERDICT_DROP } from "../src/layout/descriptor.layout";
import {
  COUNTER_LENGTH,
  COUNTERS_LENGTH,
  DROP_REASONS,
  OWN_REASONS,
  OWN_REASONS_END,
  PIPELINE_COUNTERS_LENGTH,
  STAGE_DROPS,
} from "../src/layout/drop.layout";
import { STAGE_STATE, STAGES_MAXIMUM, STATE_CHANGED } from "../src/layout/stage.layout";

// Counted beside the loops, where it costs nothing: frames dropped, and frames that were dropped before.
// Module state, so each thread has its own; a pipeline sets both to zero.
let dropped: u32 = 0;
let passedOver: u32 = 0;

export function resetTally(): void {
  dropped = 0;
  passedOver = 0;
}

/** Frames dropped since the reset. */
export function droppedFrames(): u32 {
  return dropped;
}

/** How often a frame that had been dropped before was passed over since the reset. */
export function passedOverFrames(): u32 {
  return passedOver;
}

/** For a frame that is not FORWARD: nothing is done to it. */
export function passOver(descriptor: usize): void {
  if (load<u8>(descriptor, DESCRIPTOR_VERDICT) === VERDICT_DROP) passedOver++;
}

// A reason without a counter would count into what lies behind: the build fails instead.
if (DROP_REASONS > OWN_REASONS) ERROR("OWN_REASONS: there are more drop reasons");
if (OWN_REASONS_END * COUNTER_LENGTH > COUNTERS_LENGTH) ERROR("COUNTERS_LENGTH: there are more drop reasons");
if (STAGE_DROPS < COUNTERS_LENGTH) ERROR("STAGE_DROPS: drop counters lie there");
if (STAGE_DROPS + STAGES_MAXIMUM * COUNTER_LENGTH > PIPELINE_COUNTERS_LENGTH)
  ERROR("PIPELINE_COUNTERS_LENGTH: there are more stages");

/** Marks a frame as dropped and counts it under its reason. */
export function drop(descriptor: usize, reason: u32, counters: usize): void {
  store<u8>(descriptor, <u8>VERDICT_DROP, DESCRIPTOR_VERDICT);
  store<u8>(descriptor, <u8>reason, DESCRIPTOR_REASON);
  dropped++;
  // Never: but what would be counted then is somebody else's memory.
  if (reason >= <u32>OWN_REASONS_END) unreachable();
  const counter: usize = counters + reason * COUNTER_LENGTH;
  store<u64>(counter, load<u64>(counter) + 1);
}

/** Takes over what someone else has marked and counted: so many frames dropped for one reason, and so many passed over. */
export function dropElsewhere(frames: u32, passed: u32, reason: u32, counters: usize): void {
  dropped += frames;
  passedOver += passed;
  const counter: usize = counters + reason * COUNTER_LENGTH;
  store<u64>(counter, load<u64>(counter) + frames);
}

/** Where the state of a stage lies in that of the thread, which begins with the drop counters. */
export function stateOf(stage: usize, counters: usize): usize {
  return counters + load<u32>(stage, STAGE_STATE);
}

/** Counts frames that a stage changed, once a burst. */
export function countChanged(stage: usize, counters: usize, changed: u64): void {
  const state = stateOf(stage, counters);
  store<u64>(state, load<u64>(state, STATE_CHANGED) + changed, STATE_CHANGED);
}
