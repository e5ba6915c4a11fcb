// Snap length: of a frame that is longer only so many bytes are kept. What it was on the wire stays as it was.

import {
  DESCRIPTOR_FRAME_LENGTH,
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_TRAILER,
  DESCRIPTOR_VERDICT,
  VERDICT_FORWARD,
} from "../src/layout/descriptor.layout";
import { READY_STATE_CHANGED, TRUNCATE_BYTES } from "../src/layout/ready.layout";

export function truncate(descriptors: usize, count: u32, parameters: usize, state: usize): void {
  const bytes = load<u32>(parameters, TRUNCATE_BYTES);
  const end: usize = descriptors + count * DESCRIPTOR_LENGTH;
  let changed: u64 = 0;
  for (let d = descriptors; d < end; d += DESCRIPTOR_LENGTH) {
    if (load<u8>(d, DESCRIPTOR_VERDICT) !== VERDICT_FORWARD) continue;
    if (load<u32>(d, DESCRIPTOR_FRAME_LENGTH) <= bytes) continue;
    store<u32>(d, bytes, DESCRIPTOR_FRAME_LENGTH);
    // A check sequence stands behind the whole frame.
    store<u8>(d, 0, DESCRIPTOR_TRAILER);
    changed++;
  }
  store<u64>(state, load<u64>(state, READY_STATE_CHANGED) + changed, READY_STATE_CHANGED);
}
