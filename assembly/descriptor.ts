import { DESCRIPTOR_REASON, DESCRIPTOR_VERDICT, VERDICT_DROP } from "../src/layout/descriptor.layout";
import { COUNTER_LENGTH } from "../src/layout/drop.layout";

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

/** Marks a frame as dropped and counts it under its reason. */
export function drop(descriptor: usize, reason: u32, counters: usize): void {
  store<u8>(descriptor, <u8>VERDICT_DROP, DESCRIPTOR_VERDICT);
  store<u8>(descriptor, <u8>reason, DESCRIPTOR_REASON);
  dropped++;
  const counter: usize = counters + reason * COUNTER_LENGTH;
  store<u64>(counter, load<u64>(counter) + 1);
}
