// Sampling: one frame in so many by a count of this thread's, or whole flows by their hash.

import {
  DESCRIPTOR_FRAME_LENGTH,
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_LINK,
  DESCRIPTOR_OFFSET,
  DESCRIPTOR_VERDICT,
  VERDICT_FORWARD,
} from "../src/layout/descriptor.layout";
import { DROP_NOT_SAMPLED } from "../src/layout/drop.layout";
import { LINK_ETHERNET } from "../src/layout/link.layout";
import {
  SAMPLE_FLOWS,
  SAMPLE_LIMIT,
  SAMPLE_ONE_IN,
  SAMPLE_SEED,
  SAMPLE_STATE_WAIT,
  STAGE_FLAGS,
} from "../src/layout/stage.layout";
import { drop, passOver, stateOf } from "./descriptor";
import { flowHash, packetFlowHash } from "./flow-hash";
import { LINK_PLACE, LINK_REFUSED, LINK_TYPE, openLink } from "./link";

export function sample(descriptors: usize, count: u32, stage: usize, counters: usize): void {
  const end: usize = descriptors + count * DESCRIPTOR_LENGTH;
  if ((load<u32>(stage, STAGE_FLAGS) & SAMPLE_FLOWS) !== 0) sampleFlows(descriptors, end, stage, counters);
  else sampleFrames(descriptors, end, stage, counters);
}

/** The first frame is chosen, and then one after each `oneIn` less one. */
function sampleFrames(descriptors: usize, end: usize, stage: usize, counters: usize): void {
  const state = stateOf(stage, counters);
  const oneIn = load<u32>(stage, SAMPLE_ONE_IN);
  let wait = load<u32>(state, SAMPLE_STATE_WAIT);
  for (let d = descriptors; d < end; d += DESCRIPTOR_LENGTH) {
    if (load<u8>(d, DESCRIPTOR_VERDICT) !== VERDICT_FORWARD) {
      passOver(d);
      continue;
    }
    if (wait === 0) {
      wait = oneIn - 1;
      continue;
    }
    wait--;
    drop(d, DROP_NOT_SAMPLED, counters);
  }
  store<u32>(state, wait, SAMPLE_STATE_WAIT);
}

function sampleFlows(descriptors: usize, end: usize, stage: usize, counters: usize): void {
  const seed = load<u32>(stage, SAMPLE_SEED);
  const limit = load<u32>(stage, SAMPLE_LIMIT);
  for (let d = descriptors; d < end; d += DESCRIPTOR_LENGTH) {
    if (load<u8>(d, DESCRIPTOR_VERDICT) !== VERDICT_FORWARD) {
      passOver(d);
      continue;
    }
    const frame: usize = load<u32>(d, DESCRIPTOR_OFFSET);
    const length = load<u32>(d, DESCRIPTOR_FRAME_LENGTH);
    const link: u32 = load<u8>(d, DESCRIPTOR_LINK);
    const hash =
      link === LINK_ETHERNET ? flowHash(frame, length, seed) : linkFlowHash(link, frame, length, seed);
    if (mixed(hash) <= limit) continue;
    drop(d, DROP_NOT_SAMPLED, counters);
  }
}

/** What cannot be opened is all of one flow. */
function linkFlowHash(link: u32, frame: usize, length: u32, seed: u32): u32 {
  const opened = openLink(link, frame, length);
  if ((opened & LINK_REFUSED) !== 0) return packetFlowHash(frame, 0, 0, seed);
  const at = opened & LINK_PLACE;
  return packetFlowHash(frame + at, length - at, opened >>> LINK_TYPE, seed);
}

/**
 * Workers and outer source ports are chosen by the flow hash itself: a sample by the same bits would go to a few of them
 * only. The multiplier is odd, so that no two hashes become one.
 */
function mixed(hash: u32): u32 {
  const turned = (hash ^ (hash >>> 16)) * 0x6b2f9d45;
  return turned ^ (turned >>> 15);
}
