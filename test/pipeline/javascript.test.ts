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

it("refuses what is no definition, and what its own check refuses", async () => {
  expect(() => defineStage({ name: "no-run" } as never)).toThrow("run: missing");
  const innerPort = await loadStage<{ port: number }>(
    new URL("../../examples/own-stages/inner-port.js", import.meta.url),
  );
  expect(() => innerPort.stage({ port: 70000 })).toThrow("port: expected 0 to 65535");
  await expect(loadStage("inner-port.js")).rejects.toMatchObject({ code: "malformed", path: "url" });
});
