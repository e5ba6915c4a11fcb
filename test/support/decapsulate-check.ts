// Frames through a decapsulation, one by one what the model says: verdict, reason, bytes, VNI and lengths.
import { type DecapsulateStage, type Kernels, Pipeline } from "frameferry";
import { expect } from "vitest";
import { decapsulate } from "./decapsulate-model.ts";
import { expectBytes, type PoisonedBatch, type PoisonedInput } from "./poisoned-batch.ts";
import type { AnyDecapsulate } from "./tunnel-kinds.ts";

/** Gives the reason for each frame, or "forward". */
export function checkDecapsulation(
  kernels: Kernels,
  poisoned: PoisonedBatch,
  stage: DecapsulateStage,
  inputs: readonly PoisonedInput[],
): string[] {
  using pipeline = new Pipeline(kernels, [stage]);
  expect(pipeline.headroom).toBe(0);
  const outcomes = poisoned.run(pipeline, inputs);
  let changed = 0;
  const seen = outcomes.map((outcome, i) => {
    const { bytes, wireLength = bytes.length } = inputs[i]!;
    const model = decapsulate(stage as AnyDecapsulate, { bytes, wireLength, vni: undefined });
    if (model.changed) changed++;
    if (typeof model.result === "string") {
      expect(outcome.reason, `frame ${i}`).toBe(model.result);
      return model.result;
    }
    expect(outcome.reason, `frame ${i}`).toBeUndefined();
    expectBytes(outcome.bytes, model.result.bytes, `frame ${i}`);
    expect(outcome.wireLength, `frame ${i}: wire length`).toBe(model.result.wireLength);
    expect(outcome.vni, `frame ${i}: VNI`).toBe(model.result.vni);
    return "forward";
  });
  const forwarded = seen.filter((one) => one === "forward").length;
  expect(pipeline.counters()).toMatchObject({ received: inputs.length, forwarded, changed: [changed] });
  return seen;
}
