// What passes a stage, seen by somebody else: at a port, and in a capture; and what a slow one loses is only its own.
import {
  createDataplane,
  FrameBatch,
  type Kernels,
  loadKernels,
  Pipeline,
  portPair,
  type Stage,
} from "frameferry";
import { compileFilter } from "frameferry/filter";
import { type MirrorStageOptions, mirrorStage } from "frameferry/stages";
import { beforeAll, expect, test } from "vitest";
import { collect, count, flowFrame, flowOf, isolated, pause } from "../dataplane/support.ts";
import { Collected, fullPcapng, plainPcap, processed, recordsOf } from "../support/capture-corpus.ts";

let kernels: Kernels;
beforeAll(async () => {
  kernels = await loadKernels({ memoryBytes: 16 << 20 });
});

const ENDS = { local: "10.0.0.1", remote: "10.0.0.2" } as const;
const INTO: Stage = { stage: "encapsulate", kind: "vxlan", vni: 9, ...ENDS };
const OUT_OF: Stage = { stage: "decapsulate", kind: "vxlan" };
const frames = Array.from({ length: 20 }, (_, i) => flowFrame(i % 2, i, 100));

function sequences(port: ReturnType<typeof portPair>[0], offset = 0): number[] {
  const got: number[] = [];
  for (let burst = port.receive(); burst !== undefined; burst = port.receive())
    for (const frame of burst) got.push(flowOf(frame, offset).sequence);
  return got;
}

test("a port gets what passes at this point of the pipeline, and frames go on as they would", async () => {
  const [to, watcher] = portPair();
  const copies = mirrorStage(to);
  const outer = frames.length;
  using pipeline = new Pipeline(kernels, [
    { stage: "sample", oneIn: 2 },
    INTO,
    copies.stage,
    OUT_OF,
    { stage: "sample", oneIn: 5 },
  ]);
  using plain = new Pipeline(kernels, [
    { stage: "sample", oneIn: 2 },
    { stage: "sample", oneIn: 5 },
  ]);
  using batch = new FrameBatch(kernels);
  batch.fill(frames);
  expect(pipeline.run(batch)).toBe(2);
  const passed = [...batch].map((frame) => frame.slice());
  batch.fill(frames);
  plain.run(batch);
  expect(passed).toEqual([...batch].map((frame) => frame.slice()));
  expect(copies.counters()).toMatchObject({ received: outer / 2, sent: 0, waiting: outer / 2 });
  await copies.stop();
  // With fifty bytes of headers in front.
  expect(sequences(watcher, 50)).toEqual(Array.from({ length: 10 }, (_, i) => 2 * i));
  expect(copies.counters()).toMatchObject({
    received: 10,
    sent: 10,
    sentBytes: 1500,
    waiting: 0,
    dropped: 0,
  });
  batch.fill(frames);
  pipeline.run(batch);
  await pause(0);
  expect(sequences(watcher)).toEqual([]);
});

test("of those that match only, and only the first bytes", async () => {
  const [to, watcher] = portPair();
  await using copies = mirrorStage(to, { filter: compileFilter("udp src port 1025"), bytes: 60 });
  using pipeline = new Pipeline(kernels, [copies.stage]);
  using batch = new FrameBatch(kernels);
  batch.fill(frames);
  expect(pipeline.run(batch)).toBe(20);
  await pause(0);
  const burst = watcher.receive();
  expect(Array.from(burst ?? [], (frame) => [frame.length, flowOf(frame).sequence])).toEqual(
    Array.from({ length: 10 }, (_, i) => [60, 2 * i + 1]),
  );
  expect(copies.counters()).toMatchObject({ received: 10, receivedBytes: 600, sent: 10 });
});

test("a slow port loses copies, and the pipeline nothing", async () => {
  const [to] = portPair({ queueFrames: 5 });
  const copies = mirrorStage(to);
  const waiting = mirrorStage(to, { queueBytes: 1 << 16 });
  using pipeline = new Pipeline(kernels, [copies.stage, waiting.stage]);
  using batch = new FrameBatch(kernels, { frames: 256 });
  batch.fill(Array.from({ length: 200 }, (_, i) => flowFrame(0, i, 1000)));
  expect(pipeline.run(batch)).toBe(200);
  // 65 frames are less than 65,536 bytes, and one goes beyond.
  expect(waiting.counters()).toMatchObject({ received: 200, waiting: 66, drops: { "queue-full": 134 } });
  await copies.stop();
  expect(copies.counters()).toMatchObject({ received: 200, sent: 5, drops: { "queue-full": 195 } });
  await to.close();
  await waiting.stop();
  expect(waiting.counters()).toMatchObject({ sent: 0, waiting: 0, dropped: 200 });
  const late = mirrorStage(to);
  using other = new Pipeline(kernels, [late.stage]);
  batch.fill(frames);
  expect(other.run(batch)).toBe(20);
  await late.stop();
  expect(late.counters()).toMatchObject({ sent: 0, drops: { closed: 20 } });
});

test("a capture says when frames were, and how long", async () => {
  const corpus = plainPcap(false, true);
  const sink = new Collected();
  const copies = mirrorStage(sink, { bytes: 62 });
  using pipeline = new Pipeline(kernels, [copies.stage, { stage: "vlan-push", vid: 1 }]);
  await processed(corpus.bytes, pipeline, { format: "same" });
  await copies.stop();
  expect(sink.state).toBe("closed");
  const [{ records: before }, { records: after }] = [
    await recordsOf(corpus.bytes),
    await recordsOf(sink.bytes),
  ];
  expect(after.map(({ data, timestamp, originalLength }) => ({ data, timestamp, originalLength }))).toEqual(
    before.map(({ data, timestamp, originalLength }) => ({
      data: data.slice(0, 62),
      timestamp,
      originalLength,
    })),
  );
  expect(after.length).toBeGreaterThan(5);
});

test("frames of other links are counted, and in no capture", async () => {
  const { bytes } = fullPcapng(false);
  const sink = new Collected();
  const copies = mirrorStage(sink);
  using pipeline = new Pipeline(kernels, [copies.stage]);
  const { summary } = await processed(bytes, pipeline, { format: "same" });
  await copies.stop();
  const { records } = await recordsOf(sink.bytes);
  const others = (await recordsOf(bytes)).records.filter(
    ({ interface: { linkType } }) => linkType !== 1,
  ).length;
  expect(others).toBeGreaterThan(0);
  expect(copies.counters()).toMatchObject({
    received: summary.received,
    drops: { "other-link-type": others },
  });
  expect(records.length).toBe(summary.received - others);
});

test("a capture that cannot be written loses copies only, and stop() says why", async () => {
  const sink = {
    write: async () => {
      throw new Error("the disk is full");
    },
    close: async () => {},
    abort: async () => {},
  };
  const copies = mirrorStage(sink);
  using pipeline = new Pipeline(kernels, [copies.stage]);
  using batch = new FrameBatch(kernels);
  batch.fill(frames);
  expect(pipeline.run(batch)).toBe(20);
  await pause(5);
  batch.fill(frames);
  expect(pipeline.run(batch)).toBe(20);
  await expect(copies.stop()).rejects.toThrow("the disk is full");
  expect(copies.counters()).toMatchObject({ received: 40, sent: 0, waiting: 0, drops: { closed: 40 } });
});

test("a channel on this thread feeds another of the same kernels", async () => {
  await using dataplane = await createDataplane({ workers: 0 });
  const second = await dataplane.open([INTO]);
  const copies = mirrorStage(second);
  const first = await dataplane.open([copies.stage, { stage: "sample", oneIn: 4 }]);
  await first.sendAll(frames);
  first.end();
  expect(count(await collect(first))).toBe(5);
  await copies.stop();
  second.end();
  expect(count(await collect(second))).toBe(20);
  expect(first.counters()).toMatchObject({ forwarded: 5, drops: { "not-sampled": 15 } });
  expect(second.counters()).toMatchObject({ forwarded: 20, dropped: 0 });
});

test.runIf(isolated)("workers do not run it, and say so before anything is sent", async () => {
  await using dataplane = await createDataplane({ workers: 1 });
  const copies = mirrorStage(portPair()[0]);
  await expect(dataplane.open([copies.stage])).rejects.toMatchObject({
    code: "not-for-this",
    path: "stages",
  });
});

test.each([
  [() => mirrorStage({} as never), /^sink: /],
  [() => mirrorStage(portPair()[0], { bytes: 0 }), /^bytes: expected a whole number from 1 to 65535/],
  [
    () => mirrorStage(portPair()[0], { filter: "udp" as never }),
    /^filter: expected what compileFilter\(\) gives/,
  ],
  [() => mirrorStage(portPair()[0], { queueBytes: 1 }), /^queueBytes: /],
  [() => mirrorStage(portPair()[0], { more: 1 } as MirrorStageOptions), /^options: unknown option/],
])("what cannot be is refused: %#", (make, sentence) => {
  expect(make).toThrow(sentence);
});
