// A stage in JavaScript that does what it must not: an error that names it, on the thread that ran it, and all of its frames are
// counted.
import { FrameBatch, type Kernels, loadKernels, Pipeline, StageError } from "frameferry";
import { defineStage, loadStage } from "frameferry/own-stages";
import { beforeAll, expect, it } from "vitest";
import { flowFrame } from "../dataplane/support.ts";

const MISBEHAVING = new URL("../fixtures/own-stages/misbehaves.js", import.meta.url);
let kernels: Kernels;

beforeAll(async () => {
  kernels = await loadKernels({ memoryBytes: 8 << 20 });
});

it.each([
  ["throw", /as it was asked to/, 0],
  ["no state", /no state today/, 0],
  ["promise", /returned a promise/, 0],
  ["unknown reason", /"no-such" is no drop reason/, 0],
  ["second drop", /frame 0 has been dropped/, 1],
  ["frame that is not there", /there is no frame 6 of 6/, 0],
  ["too far in front", /length: expected a whole number from 0 to 8, got 9/, 0],
  ["too far behind", /length: expected a whole number from 0 to 64, got 65/, 0],
] as const)("%s", async (what, sentence, own) => {
  const stage = (await loadStage<{ what: string }>(MISBEHAVING)).stage({ what });
  using pipeline = new Pipeline(kernels, [stage]);
  using batch = new FrameBatch(kernels, { frames: 8, frameBytes: 64 });
  batch.fill(Array.from({ length: 6 }, (_, flow) => flowFrame(flow, 0)));
  let thrown: unknown;
  try {
    pipeline.run(batch);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(StageError);
  expect(thrown).toMatchObject({ stage: "misbehaves", message: expect.stringMatching(sentence) });
  expect(pipeline.counters()).toMatchObject({
    received: 6,
    forwarded: 0,
    drops: { "stage-failed": 6 - own },
  });
  expect(pipeline.counters().drops.mine ?? 0).toBe(own);
});

it("counts by whole numbers, and by counters that it has named", () => {
  using batch = new FrameBatch(kernels, { frames: 8, frameBytes: 64 });
  const run = (counter: string, by: number): { error: unknown; modules: unknown } => {
    const stage = defineStage({
      name: "counting",
      counters: ["seen"],
      run: (burst) => {
        burst.count("seen", 2 ** 40);
        burst.count(counter, by);
      },
    });
    using pipeline = new Pipeline(kernels, [stage.stage()]);
    batch.fill([flowFrame(0, 0)]);
    let error: unknown;
    try {
      pipeline.run(batch);
    } catch (thrown) {
      error = thrown;
    }
    const { modules } = pipeline.counters();
    pipeline.resetCounters();
    expect(pipeline.counters().modules).toEqual([{ stage: 0, values: [0], names: ["seen"] }]);
    return { error, modules };
  };
  expect(run("seen", 3)).toEqual({
    error: undefined,
    modules: [{ stage: 0, values: [2 ** 40 + 3], names: ["seen"] }],
  });
  for (const [counter, by] of [
    ["other", 1],
    ["seen", -1],
    ["seen", 0.5],
    ["seen", Number.NaN],
  ] as const) {
    const { error, modules } = run(counter, by);
    expect(error).toBeInstanceOf(StageError);
    expect((error as Error).message).toMatch(counter === "other" ? /"other" is no counter/ : /by: expected/);
    // What it had counted by then stands.
    expect(modules).toEqual([{ stage: 0, values: [2 ** 40], names: ["seen"] }]);
  }
  const misnamed = defineStage({ name: "x", counters: ["no spaces"], run: () => {} });
  expect(() => new Pipeline(kernels, [misnamed.stage()])).toThrow(/counters\[0\]: expected/);
});

it("refuses what is no definition, and what its own check refuses", async () => {
  expect(() => defineStage({ name: "no-run" } as never)).toThrow("run: missing");
  const innerPort = await loadStage<{ port: number }>(
    new URL("../../examples/own-stages/inner-port.js", import.meta.url),
  );
  expect(() => innerPort.stage({ port: 70000 })).toThrow("port: expected 0 to 65535");
  await expect(loadStage("inner-port.js")).rejects.toMatchObject({ code: "malformed", path: "url" });
});
