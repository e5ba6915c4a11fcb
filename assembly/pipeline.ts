// A pipeline: stages one behind the other over a whole burst, one call for all.

import {
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_VERDICT,
  DESCRIPTOR_VNI,
  NO_STAGE,
  VERDICT_FORWARD,
} from "../src/layout/descriptor.layout";
import { COUNTER_LENGTH, DROP_OTHER_VNI, STAGE_DROPS } from "../src/layout/drop.layout";
import {
  FILTER_VNI,
  OPERATION_COUNT,
  OPERATION_DECAPSULATE,
  OPERATION_DECAPSULATE_ANY,
  OPERATION_ENCAPSULATE,
  OPERATION_ENCAPSULATE_ANY,
  OPERATION_FILTER,
  OPERATION_FILTER_VNI,
  OPERATION_MODULE,
  OPERATION_SAMPLE,
  OPERATION_VLAN_POP,
  OPERATION_VLAN_PUSH,
  OPERATION_VLAN_REWRITE,
  STAGE_LENGTH,
  STAGE_OPERATION,
} from "../src/layout/stage.layout";
import { countByKey } from "./count";
import { decapsulate } from "./decapsulate";
import { drop, droppedFrames, passedOverFrames, passOver, resetTally } from "./descriptor";
import { encapsulate } from "./encapsulate";
import { filter } from "./filter";
import { passOverDropped, runModule } from "./module-stage";
import { forgetTime } from "./notes";
import { beginNoting, endNoting, isNoting, noteDropped } from "./notices";
import { sample } from "./sample";
import { decapsulateAny } from "./unwrap";
import { vlanPop, vlanPush, vlanRewrite } from "./vlan";
import { encapsulateAny } from "./wrap-any";

/** Runs all stages over the burst; returns how many frames were not dropped. */
export function runPipeline(
  descriptors: usize,
  count: u32,
  stages: usize,
  stageCount: u32,
  counters: usize,
): u32 {
  resetTally();
  forgetTime();
  if (isNoting()) noteDropped(descriptors, count, NO_STAGE);
  let before: u32 = 0;
  let dropped: u32 = 0;
  for (let i: u32 = 0; i < stageCount; i++) {
    const stage: usize = stages + i * STAGE_LENGTH;
    switch (load<u32>(stage, STAGE_OPERATION)) {
      case OPERATION_DECAPSULATE:
        decapsulate(descriptors, count, stage, counters);
        break;
      case OPERATION_ENCAPSULATE:
        encapsulate(descriptors, count, stage, counters);
        break;
      case OPERATION_VLAN_PUSH:
        vlanPush(descriptors, count, stage, counters);
        break;
      case OPERATION_VLAN_POP:
        vlanPop(descriptors, count, stage, counters);
        break;
      case OPERATION_VLAN_REWRITE:
        vlanRewrite(descriptors, count, stage, counters);
        break;
      case OPERATION_FILTER_VNI:
        filterVni(descriptors, count, stage, counters);
        break;
      case OPERATION_SAMPLE:
        sample(descriptors, count, stage, counters);
        break;
      case OPERATION_COUNT:
        countByKey(descriptors, count, stage, counters);
        break;
      case OPERATION_DECAPSULATE_ANY:
        decapsulateAny(descriptors, count, stage, counters);
        break;
      case OPERATION_ENCAPSULATE_ANY:
        encapsulateAny(descriptors, count, stage, counters);
        break;
      case OPERATION_FILTER:
        filter(descriptors, count, stage, counters);
        break;
      case OPERATION_MODULE:
        runModule(descriptors, count, stage, counters, i === 0);
        break;
      default:
        unreachable();
    }
    // The first stage passes over what was dropped before it; later ones pass over that and what it dropped.
    if (i === 0) before = passedOverFrames();
    const now = droppedFrames();
    if (now === dropped) continue;
    const counter: usize = counters + i * COUNTER_LENGTH;
    store<u64>(counter, load<u64>(counter, STAGE_DROPS) + (now - dropped), STAGE_DROPS);
    dropped = now;
    if (isNoting()) noteDropped(descriptors, count, i);
  }
  if (stageCount === 0) {
    passOverDropped(descriptors, count);
    before = passedOverFrames();
  }
  const forwarded = count - before - droppedFrames();
  store<u64>(counters, load<u64>(counters) + forwarded);
  return forwarded;
}

/** The same, and notes of each frame that is dropped which stage did that, for whoever reads the descriptors. */
export function runPipelineNoting(
  descriptors: usize,
  count: u32,
  stages: usize,
  stageCount: u32,
  counters: usize,
): u32 {
  beginNoting();
  const forwarded = runPipeline(descriptors, count, stages, stageCount, counters);
  endNoting();
  return forwarded;
}

/** Lets through what came out of a tunnel with this VNI. Neither those frames nor the others are changed. */
function filterVni(descriptors: usize, count: u32, stage: usize, counters: usize): void {
  const vni = load<u32>(stage, FILTER_VNI);
  const end: usize = descriptors + count * DESCRIPTOR_LENGTH;
  for (let d = descriptors; d < end; d += DESCRIPTOR_LENGTH) {
    if (load<u8>(d, DESCRIPTOR_VERDICT) !== VERDICT_FORWARD) passOver(d);
    else if (load<u32>(d, DESCRIPTOR_VNI) !== vni) drop(d, DROP_OTHER_VNI, counters);
  }
}
