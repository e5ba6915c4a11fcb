// The number that goes with a frame through pipelines: set, or some of its bits.

import {
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_MARK,
  DESCRIPTOR_VERDICT,
  VERDICT_FORWARD,
} from "../src/layout/descriptor.layout";
import { MARK_KEEP, MARK_VALUE } from "../src/layout/ready.layout";

/** The bytes of frames stay as they are: none counts as changed. */
export function mark(descriptors: usize, count: u32, parameters: usize): void {
  const value = load<u32>(parameters, MARK_VALUE);
  const keep = load<u32>(parameters, MARK_KEEP);
  const end: usize = descriptors + count * DESCRIPTOR_LENGTH;
  for (let d = descriptors; d < end; d += DESCRIPTOR_LENGTH)
    if (load<u8>(d, DESCRIPTOR_VERDICT) === VERDICT_FORWARD)
      store<u32>(d, (load<u32>(d, DESCRIPTOR_MARK) & keep) | value, DESCRIPTOR_MARK);
}
