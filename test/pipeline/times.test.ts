// When a frame was, and where it came from, as stages are told: what was said of it, what the capture says, what was said of the
// burst, or the clock.
import { FrameBatch, type Kernels, loadKernels, Pipeline, processCapture } from "frameferry";
import { defineStage } from "frameferry/own-stages";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Collected, corpus, recordsOf } from "../support/capture-corpus.ts";
import { SUMS } from "../support/own-modules.ts";
import { noise } from "../support/passengers.ts";

interface Told {
  readonly time: bigint;
  readonly port: number;
}

let kernels: Kernels;
let free: number;
beforeAll(async () => {
  kernels = await loadKernels({ memoryBytes: 16 << 20 });
});
beforeEach(() => {
  free = kernels.plan.freeBytes;
});
afterEach(() => {
  expect(kernels.plan.freeBytes).toBe(free);
});

const told: Told[] = [];
const listening = defineStage({
  name: "listening",
  run(burst) {
    for (let i = 0; i < burst.length; i++) told.push({ time: burst.time(i), port: burst.port(i) });
  },
});

function run(batch: FrameBatch, pipeline: Pipeline, time?: bigint): Told[] {
  told.length = 0;
  pipeline.run(batch, time === undefined ? undefined : { time });
  return [...told];
}

const NOW = (): bigint => BigInt(Math.floor(performance.timeOrigin + performance.now())) * 1_000_000n;

describe("a batch", () => {
  it("tells what was said of a frame, and of the run where nothing was", () => {
    using batch = new FrameBatch(kernels, { frames: 4 });
    using pipeline = new Pipeline(kernels, [listening.stage()]);
    batch.fill([noise(60, 1)]);
    expect(run(batch, pipeline, 7n)).toEqual([{ time: 7n, port: 0 }]);
    batch.clear();
    batch.add(noise(60, 1));
    batch.add(noise(60, 2), { time: 2n ** 64n - 1n });
    batch.add(noise(60, 3), { port: 2 ** 32 - 1, time: 1n });
    batch.add(noise(60, 4), { port: 3 });
    expect(run(batch, pipeline, 9n)).toEqual([
      { time: 9n, port: 0 },
      { time: 2n ** 64n - 1n, port: 0 },
      { time: 1n, port: 2 ** 32 - 1 },
      { time: 9n, port: 3 },
    ]);
    // Of what was there before nothing is left.
    batch.fill([noise(60, 1), noise(60, 1), noise(60, 1)]);
    expect(run(batch, pipeline, 5n)).toEqual(Array.from({ length: 3 }, () => ({ time: 5n, port: 0 })));
  });

  it("asks the clock once for all frames of a run, and again in the next", async () => {
    using batch = new FrameBatch(kernels, { frames: 64 });
    using other = new FrameBatch(kernels, { frames: 4 });
    using pipeline = new Pipeline(kernels, [listening.stage(), listening.stage()]);
    batch.fill(Array.from({ length: 50 }, () => noise(60, 1)));
    other.add(noise(60, 1), { time: 3n, port: 4 });
    run(other, pipeline, 5n);
    const before = NOW();
    const times = new Set(run(batch, pipeline).map(({ time }) => time));
    const after = NOW() + 1_000_000n;
    expect(times.size).toBe(1);
    const [first] = times as unknown as [bigint];
    expect(first >= before && first <= after).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 20));
    const [{ time }] = run(batch, pipeline) as [Told];
    expect(time - first).toBeGreaterThanOrEqual(15_000_000n);
  });

  it("refuses times that are none", () => {
    using batch = new FrameBatch(kernels, { frames: 4 });
    using pipeline = new Pipeline(kernels, []);
    for (const time of [-1n, 2n ** 64n, 5])
      expect(() => pipeline.run(batch, { time: time as bigint })).toThrow(/^time: expected a bigint/);
  });

  it("that finds no room for times says so, and takes nothing", () => {
    using batch = new FrameBatch(kernels, { frames: 65536, frameBytes: 64, headroom: 0 });
    const rest = kernels.plan.reserve("all that is left", kernels.plan.freeBytes - 4096);
    expect(() => batch.add(noise(60, 1), { time: 1n })).toThrow(/a batch's times needs/);
    expect(batch.length).toBe(0);
    expect(batch.add(noise(60, 1))).toBe(true);
    kernels.plan.release(rest);
  });
});

describe("a capture", () => {
  for (const { name, bytes } of corpus)
    it(`tells its own times and the numbers of its interfaces: ${name}`, async () => {
      using pipeline = new Pipeline(kernels, [listening.stage()]);
      told.length = 0;
      await processCapture(bytes, pipeline, new Collected(), { format: "same" });
      const { records } = await recordsOf(bytes);
      expect(told).toEqual(
        records.map(({ timestamp = 0n, interface: { id } }) => ({ time: timestamp, port: id })),
      );
      expect(new Set(told.map(({ time }) => time)).size).toBeGreaterThan(5);
      // A batch afterwards is no capture any more.
      using batch = new FrameBatch(kernels, { frames: 4 });
      batch.fill([noise(60, 1)]);
      expect(run(batch, pipeline, 8n)).toEqual([{ time: 8n, port: 0 }]);
    });
});

it("a module is told the same", () => {
  using batch = new FrameBatch(kernels, { frames: 4 });
  using pipeline = new Pipeline(kernels, [
    {
      stage: "module",
      name: "sums",
      code: SUMS,
      parameters: Uint8Array.of(100),
      stateBytes: 32,
      countedBytes: 24,
    },
  ]);
  batch.add(noise(60, 1), { time: 2n ** 40n, port: 5 });
  batch.add(noise(60, 2), { time: 300n });
  batch.add(noise(60, 3), { port: 2 ** 32 - 1 });
  pipeline.run(batch, { time: 150n });
  expect(pipeline.counters().modules).toMatchObject([{ values: [2 ** 40 + 300 + 150 - 300, 2 ** 32 + 4] }]);
});
