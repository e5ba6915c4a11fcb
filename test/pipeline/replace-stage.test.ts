// One stage of a pipeline gives way to another between two runs: the others go on, and captures are worked on by one version.
import { FrameBatch, type Kernels, loadKernels, Pipeline, processCapture, type Stage } from "frameferry";
import { ruleCounts, ruleTable } from "frameferry/stages";
import { beforeAll, expect, test } from "vitest";
import { Sink } from "../dataplane/capture-support.ts";
import { flowFrame } from "../dataplane/support.ts";
import { join, pcapHeader, pcapRecord } from "../pcap/capture-bytes.ts";

let kernels: Kernels;
beforeAll(async () => {
  kernels = await loadKernels({ memoryBytes: 16 << 20 });
});

const marking = (mark: number, more = 0): Stage =>
  ruleTable([...Array.from({ length: more }, () => ({ source: "192.0.2.1" })), { mark }]);

const FRAMES = Array.from({ length: 6 }, (_, i) => flowFrame(i, i));

function capture(): Uint8Array {
  const records = FRAMES.map((data) => pcapRecord(false, 1, 0, data, data.length));
  return join([pcapHeader(false, false, 1), ...records]).bytes;
}

test("each run goes through the stages that are there", () => {
  const free = kernels.plan.freeBytes;
  const pipeline = new Pipeline(kernels, [
    marking(1),
    { stage: "sample", oneIn: 4 },
    { stage: "vlan-push", vid: 9 },
  ]);
  const batch = new FrameBatch(kernels, { frames: 6 });
  const marks: number[][] = [];
  for (const mark of [1, 2, 3]) {
    // Tables of one size and of another.
    if (mark > 1) {
      const { module, counts } = pipeline.replaceStage(0, marking(mark, mark === 3 ? 300 : 0));
      expect(ruleCounts(module!).rules.at(-1)?.frames).toBe(6);
      expect(counts).toBeUndefined();
    }
    batch.fill(FRAMES);
    pipeline.run(batch);
    marks.push([0, 1, 2, 3, 4, 5].filter((i) => batch.verdict(i) === "forward").map((i) => batch.mark(i)));
  }
  // 18 frames: the first, and each fourth behind it.
  expect(marks).toEqual([[1, 1], [2], [3, 3]]);
  const { forwarded, drops, changed, modules } = pipeline.counters();
  expect([forwarded, drops, changed]).toEqual([5, { "not-sampled": 13 }, [0, 0, 5]]);
  expect(ruleCounts(modules[0]!).rules.at(-1)?.frames).toBe(6);
  // The tag is another, and what was changed before stays counted.
  pipeline.replaceStage(2, { stage: "vlan-push", vid: 10 });
  expect(pipeline.counters().changed).toEqual([0, 0, 5]);
  expect(pipeline.stages[2]).toEqual({ stage: "vlan-push", vid: 10 });
  pipeline.resetCounters();
  expect(pipeline.counters()).toMatchObject({ received: 0, changed: [0, 0, 0] });
  pipeline.close();
  batch.close();
  expect(kernels.plan.freeBytes).toBe(free);
});

test("a capture is worked on by the newest, and by one", async () => {
  const free = kernels.plan.freeBytes;
  const pipeline = new Pipeline(kernels, [{ stage: "vlan-push", vid: 1 }, marking(1)]);
  const before = await processCapture(capture(), pipeline, new Sink());
  expect(ruleCounts(before.modules[0]!).rules[0]?.frames).toBe(6);
  // What the capture had counted is the pipeline's, and belongs to the table before.
  expect(
    ruleCounts(pipeline.replaceStage(1, ruleTable([], { otherwise: "drop" })).module!).rules[0]?.frames,
  ).toBe(6);
  const working = processCapture(capture(), pipeline, new Sink());
  const after = await working;
  expect(after.drops).toEqual({ rule: 6 });
  const { drops, changed, modules } = pipeline.counters();
  expect([drops, changed, ruleCounts(modules[0]!).unmatched.frames]).toEqual([{ rule: 6 }, [12, 0], 6]);
  pipeline.close();
  expect(kernels.plan.freeBytes).toBe(free);
});

test("what cannot be is refused, and nothing is changed", async () => {
  const pipeline = new Pipeline(kernels, [marking(1)]);
  const free = kernels.plan.freeBytes;
  const error = (index: number, stage: unknown): unknown => {
    try {
      return pipeline.replaceStage(index, stage as Stage);
    } catch (thrown) {
      return thrown;
    }
  };
  expect(error(1, marking(2))).toMatchObject({ path: "index", code: "out-of-range" });
  expect(error(0, { stage: "vlan-push", vid: 5000 })).toMatchObject({ path: "stage.vid" });
  const { code } = marking(1) as Extract<Stage, { stage: "module" }>;
  const large = { stage: "module", name: "large", code, stateBytes: 1 << 30 };
  expect(error(0, large)).toMatchObject({ code: "out-of-memory" });
  expect(kernels.plan.freeBytes).toBe(free);
  const batch = new FrameBatch(kernels, { frames: 6 });
  batch.fill(FRAMES);
  pipeline.run(batch);
  expect(batch.mark(0)).toBe(1);
  const seen: unknown[] = [];
  await processCapture(capture(), pipeline, new Sink(), {
    onProgress: () => seen.push(error(0, marking(2))),
  });
  expect(seen[0]).toMatchObject({ path: "pipeline", code: "busy" });
  expect(pipeline.stages).toEqual([marking(1)]);
  pipeline.close();
  expect(error(0, marking(2))).toMatchObject({ path: "pipeline", code: "closed" });
});
