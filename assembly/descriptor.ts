import { DESCRIPTOR_REASON, DESCRIPTOR_VERDICT, VERDICT_DROP } from "../src/layout/descriptor.layout";
import { COUNTER_LENGTH } from "../src/layout/drop.layout";

/** Marks a frame as dropped and counts it under its reason. */
export function drop(descriptor: usize, reason: u32, counters: usize): void {
  store<u8>(descriptor, <u8>VERDICT_DROP, DESCRIPTOR_VERDICT);
  store<u8>(descriptor, <u8>reason, DESCRIPTOR_REASON);
  const counter: usize = counters + reason * COUNTER_LENGTH;
  store<u64>(counter, load<u64>(counter) + 1);
}
