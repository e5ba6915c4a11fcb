// Frames that have been seen before, among the last so many: they are known by a hash of their bytes.
//
// The last hashes lie in a ring, each with the number of the frame before it whose hash has the same lower bits; for each such
// bits the number of the last frame is kept. Whoever follows these numbers comes to older and older frames, and stops where one
// is older than the window: nothing is ever taken out.

import {
  DESCRIPTOR_FRAME_LENGTH,
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_LINK,
  DESCRIPTOR_OFFSET,
  DESCRIPTOR_VERDICT,
  DESCRIPTOR_VNI,
  DESCRIPTOR_WIRE_LENGTH,
  VERDICT_FORWARD,
} from "../src/layout/descriptor.layout";
import { DROP_DUPLICATE } from "../src/layout/drop.layout";
import {
  DEDUP_KEY,
  DEDUP_MASK,
  DEDUP_STATE_FRAMES,
  DEDUP_STATE_LAST,
  DEDUP_WINDOW,
  SEEN_BEFORE,
  SEEN_HASH,
  SEEN_LENGTH,
} from "../src/layout/ready.layout";
import { frameHash } from "./frame-hash";
import { drop } from "./frameferry";

export function dedup(
  descriptors: usize,
  count: u32,
  parameters: usize,
  state: usize,
  counters: usize,
): void {
  const window = load<u32>(parameters, DEDUP_WINDOW);
  const mask = load<u32>(parameters, DEDUP_MASK);
  const k0 = load<u64>(parameters, DEDUP_KEY);
  const k1 = load<u64>(parameters, DEDUP_KEY + 8);
  const last: usize = state + DEDUP_STATE_LAST;
  const seen: usize = last + ((mask + 1) << 2);
  // Numbers begin so that a zero, which nobody has written, is too old.
  let number = load<u32>(state, DEDUP_STATE_FRAMES) + window + 1;
  const end: usize = descriptors + count * DESCRIPTOR_LENGTH;
  for (let d = descriptors; d < end; d += DESCRIPTOR_LENGTH) {
    if (load<u8>(d, DESCRIPTOR_VERDICT) !== VERDICT_FORWARD) continue;
    const length = load<u32>(d, DESCRIPTOR_FRAME_LENGTH);
    const tunnel = ((<u64>load<u32>(d, DESCRIPTOR_VNI)) << 32) | load<u8>(d, DESCRIPTOR_LINK);
    const lengths = ((<u64>load<u32>(d, DESCRIPTOR_WIRE_LENGTH)) << 32) | length;
    const hash = frameHash(load<u32>(d, DESCRIPTOR_OFFSET), length, k0, k1, tunnel, lengths);
    const chain: usize = last + ((<u32>hash & mask) << 2);
    const newest = load<u32>(chain);
    if (isSeen(seen, mask, window, number, newest, hash)) drop(d, DROP_DUPLICATE, counters);
    const entry: usize = seen + (number & mask) * SEEN_LENGTH;
    store<u64>(entry, hash, SEEN_HASH);
    store<u32>(entry, newest, SEEN_BEFORE);
    store<u32>(chain, number);
    number++;
  }
  store<u32>(state, number - window - 1, DEDUP_STATE_FRAMES);
}

/** Whether one of the frames before `number` has this hash: `newest` is the last that may. */
function isSeen(seen: usize, mask: u32, window: u32, number: u32, newest: u32, hash: u64): bool {
  let age = number - newest;
  let before: u32 = 0;
  // Numbers come round after 2^32 frames: what does not lead to an older one leads nowhere.
  while (age > before && age <= window) {
    const entry: usize = seen + ((number - age) & mask) * SEEN_LENGTH;
    if (load<u64>(entry, SEEN_HASH) === hash) return true;
    before = age;
    age = number - load<u32>(entry, SEEN_BEFORE);
  }
  return false;
}
