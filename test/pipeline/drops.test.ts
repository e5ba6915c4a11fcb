// Drops frame by frame over batches, and how many each stage dropped.
import { type DropNotice, FrameBatch, loadKernels, Pipeline, type Stage } from "frameferry";
import { expect, test } from "vitest";
import { flowFrame } from "../dataplane/support.ts";

const STAGES: readonly Stage[] = [
  { stage: "vlan-push", vid: 7 },
  { stage: "sample", oneIn: 2 },
  { stage: "filter-vni", vni: 7 },
];

async function subject() {
  const kernels = await loadKernels({ memoryBytes: 4 << 20 });
  const batch = new FrameBatch(kernels, { frames: 16, frameBytes: 200 });
  return { kernels, batch, pipeline: new Pipeline(kernels, STAGES) };
}

/** Two are too long, two too short, every other one of the rest is not sampled, and none has a VNI. */
const LENGTHS = [60, 300, 5, 61, 62, 63, 5, 64, 300, 65];

test("a run tells which frames it drops, why, and by which stage", async () => {
  const { batch, pipeline } = await subject();
  for (const [i, length] of LENGTHS.entries()) {
    const frame = length < 60 ? new Uint8Array(length) : flowFrame(0, i, length);
    batch.add(frame, { mark: i, time: BigInt(i) << 40n, port: 0xffff_ffff - i });
  }
  const told: DropNotice[] = [];
  let calls = 0;
  const onDrops = (notices: Iterable<DropNotice>): void => {
    calls++;
    told.push(...notices);
  };
  expect(pipeline.run(batch, { onDrops })).toBe(0);
  expect(calls).toBe(1);
  expect(told.map(({ mark, reason, stage }) => [mark, reason.name, stage])).toEqual([
    [0, "other-vni", 2],
    [1, "frame-too-long", undefined],
    [2, "frame-too-short", 0],
    [3, "not-sampled", 1],
    [4, "other-vni", 2],
    [5, "not-sampled", 1],
    [6, "frame-too-short", 0],
    [7, "other-vni", 2],
    [8, "frame-too-long", undefined],
    [9, "not-sampled", 1],
  ]);
  for (const { mark, time, port } of told)
    expect([time, port]).toEqual([BigInt(mark) << 40n, 0xffff_ffff - mark]);
  expect(told.map(({ wireLength }) => wireLength)).toEqual(
    LENGTHS.map((length) => (length === 300 || length === 5 ? length : length + 4)),
  );
  const { drops, stageDrops } = pipeline.counters();
  expect(stageDrops).toEqual([2, 3, 3]);
  expect(drops).toMatchObject({
    "frame-too-long": 2,
    "frame-too-short": 2,
    "not-sampled": 3,
    "other-vni": 3,
  });

  // The next run tells nothing if nobody asks, and counts on; where nothing is dropped nobody is called.
  pipeline.run(batch);
  expect(calls).toBe(1);
  const none = new Pipeline(batch.kernels, []);
  batch.fill([flowFrame(0, 0)]);
  none.run(batch, { onDrops });
  expect(calls).toBe(1);
  pipeline.resetCounters();
  expect(pipeline.counters().stageDrops).toEqual([0, 0, 0]);
});

test("a run that does not tell leaves descriptors as they were", async () => {
  const { batch, pipeline } = await subject();
  batch.fill([new Uint8Array(5), flowFrame(0, 0)]);
  pipeline.run(batch);
  const notices = batch.drops();
  expect(notices?.length).toBe(2);
  // Which stage it was nobody has noted.
  expect([notices?.stage(0), notices?.stage(1)]).toEqual([undefined, undefined]);
  expect(() => notices?.mark(2)).toThrow(/^index: expected a whole number from 0 to 1, got 2/);
  batch.clear();
  expect(batch.drops()).toBeUndefined();
});

test("what is said of a frame stays with its place in the batch, and goes when that is used again", async () => {
  const { batch } = await subject();
  const frame = flowFrame(0, 0);
  batch.add(frame);
  batch.add(frame, { time: 2n ** 64n - 1n, port: 3 });
  batch.add(frame, { mark: 1 });
  expect([0, 1, 2].map((i) => [batch.time(i), batch.port(i), batch.mark(i)])).toEqual([
    [0n, 0, 0],
    [2n ** 64n - 1n, 3, 0],
    [0n, 0, 1],
  ]);
  batch.fill([frame, frame]);
  expect([batch.time(1), batch.port(1)]).toEqual([0n, 0]);
  expect(() => batch.time(2)).toThrow(/^index: /);
  expect(() => batch.add(frame, { time: -1n })).toThrow(/^time: expected a bigint from 0/);
  expect(() => batch.add(frame, { time: 1 as never })).toThrow(/^time: expected a bigint, got number 1/);
  expect(() => batch.add(frame, { port: 2 ** 32 })).toThrow(/^port: /);
  expect(batch.length).toBe(2);
});
