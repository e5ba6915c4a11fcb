// What is counted by key and sampled is the same, whoever works: inline, workers, transfer; channels and captures.
import type { Stage, StageCounts } from "frameferry";
import { describe, expect } from "vitest";
import { join, pcapHeader, pcapRecord } from "../pcap/capture-bytes.ts";
import { FRAME, frameOf, RECIPES } from "../support/wrapping-frames.ts";
import { corpus, expectSame, inline, Sink } from "./capture-support.ts";
import { collect, count, dataplaneTest, expectConserved, flowFrame, modes } from "./support.ts";

const BY_PORT: Stage = { stage: "count", by: "sourcePort" };
const FLOWS: Stage = { stage: "sample", oneIn: 3, by: "flow", seed: 5 };

/** So many frames of each flow, of as many bytes. */
function flows(many: readonly number[]): Uint8Array[] {
  const most = Math.max(...many);
  return Array.from({ length: most }, (_, sequence) =>
    many.flatMap((frames, flow) => (sequence < frames ? [flowFrame(flow, sequence, 60 + flow)] : [])),
  ).flat();
}

function portsOf({ entries }: StageCounts): [number, number, number][] {
  return entries.map(({ sourcePort, frames, bytes }) => [sourcePort! - 1024, frames, bytes]);
}

describe.each(modes)("$name", (mode) => {
  dataplaneTest(mode, "a channel counts by key", async (dataplane) => {
    const many = Array.from({ length: 40 }, (_, flow) => 5 + ((flow * 7) % 30));
    await using channel = await dataplane.open([
      { stage: "vlan-push", vid: 9 },
      { stage: "count", by: ["vid", "sourcePort"], top: 10 },
      { stage: "count", by: "sourcePort" },
    ]);
    const frames = flows(many);
    for (let at = 0; at < frames.length; at += 50) await channel.sendAll(frames.slice(at, at + 50));
    channel.end();
    const received = count(await collect(channel));
    const counters = channel.counters();
    expectConserved(counters, frames.length, received);
    const expected = many
      .map((frames, flow) => [flow, frames, frames * (64 + flow)] as [number, number, number])
      .sort((a, b) => b[1] - a[1] || a[0] - b[0]);
    const [top, all] = counters.counts;
    expect(portsOf(all!)).toEqual(expected);
    expect(portsOf(top!)).toEqual(expected.slice(0, 10));
    expect(top!.entries.every(({ vid }) => vid === 9)).toBe(true);
    expect({ frames: top!.frames, bytes: top!.bytes }).toEqual({ frames: all!.frames, bytes: all!.bytes });
    expect(all!.others).toEqual({ frames: 0, bytes: 0 });
  });

  dataplaneTest(mode, "a channel takes any wrapping off, and counts by kind", async (dataplane) => {
    await using channel = await dataplane.open([{ stage: "decapsulate", kind: "any", depth: "all" }]);
    const nests = flows(new Array(30).fill(8)).map((frame, index) => {
      const inner = { type: FRAME, bytes: frame };
      const [first, second] = [RECIPES[index % 2 ? 0 : 2]!, RECIPES[9]!];
      return frameOf(
        second.wrap(
          first.wrap(inner, () => 7),
          () => 1,
        ),
      );
    });
    for (let at = 0; at < nests.length; at += 50) await channel.sendAll(nests.slice(at, at + 50));
    channel.end();
    const received = count(await collect(channel));
    const counters = channel.counters();
    expectConserved(counters, nests.length, received);
    expect(received).toBe(nests.length);
    expect(counters.counts[0]?.entries.map(({ kind, vni, frames }) => [kind, vni, frames])).toEqual([
      ["ipip", undefined, 240],
      ["vxlan", 42, 120],
      ["geneve", 44, 120],
    ]);
  });

  dataplaneTest(mode, "a channel with more keys than room keeps exact sums", async (dataplane) => {
    await using channel = await dataplane.open([{ ...BY_PORT, capacity: 16 } as Stage]);
    const frames = flows(new Array(300).fill(4));
    for (let at = 0; at < frames.length; at += 100) await channel.sendAll(frames.slice(at, at + 100));
    channel.end();
    await collect(channel);
    const [told] = channel.counters().counts;
    expect(told).toMatchObject({ frames: 1200, complete: false });
    expect(told!.entries.length).toBe(16);
    const inEntries = told!.entries.reduce((sum, { frames }) => sum + frames, 0);
    expect(inEntries + told!.others.frames).toBe(1200);
    expect(told!.bytes).toBe(frames.reduce((sum, { length }) => sum + length, 0));
  });

  dataplaneTest(mode, "a sample by flow is the same frames", async (dataplane) => {
    const frames = flows(new Array(60).fill(20));
    await using channel = await dataplane.open([FLOWS, BY_PORT]);
    for (let at = 0; at < frames.length; at += 100) await channel.sendAll(frames.slice(at, at + 100));
    channel.end();
    const received = count(await collect(channel));
    const counters = channel.counters();
    expectConserved(counters, frames.length, received);
    expect(counters.drops).toEqual({ "not-sampled": frames.length - received });
    expect(portsOf(counters.counts[0]!)).toEqual((await sampled).map((flow) => [flow, 20, 20 * (60 + flow)]));
  });

  dataplaneTest(mode, "each worker counts its frames for a sample by frame", async (dataplane) => {
    const frames = flows(new Array(60).fill(20));
    await using channel = await dataplane.open([{ stage: "sample", oneIn: 10 }]);
    // One by one, so that without shared memory there are many jobs: the count goes on over them.
    for (let at = 0; at < frames.length; at += 7) await channel.sendAll(frames.slice(at, at + 7));
    channel.end();
    const received = count(await collect(channel));
    expectConserved(channel.counters(), frames.length, received);
    const least = frames.length / 10;
    expect(received).toBeGreaterThanOrEqual(least);
    expect(received).toBeLessThanOrEqual(least + Math.max(1, dataplane.workers) - 1);
  });

  for (const [name, bytes] of corpus) {
    dataplaneTest(mode, `a capture, counted and sampled by flow: ${name}`, async (dataplane) => {
      const stages: Stage[] = [
        { stage: "count", by: ["source", "sourcePort"], top: 7 },
        FLOWS,
        { stage: "vlan-push", vid: 2 },
        { stage: "count", by: ["vid", "protocol"] },
      ];
      const wanted = await inline(bytes, stages);
      const sink = new Sink();
      const { workers, ...summary } = await dataplane.processCapture(bytes, stages, sink);
      expect(summary).toEqual(wanted.summary);
      expectSame(sink.bytes, wanted.output);
      const [all, some] = summary.counts;
      expect(all!.frames).toBe(summary.received - (summary.drops["not-ethernet"] ?? 0));
      expect(some!.frames).toBe(summary.forwarded);
    });
  }

  dataplaneTest(mode, "a damaged capture counts no frame behind the damage", async (dataplane) => {
    const good = Array.from({ length: 5000 }, (_, i) => pcapRecord(false, i, 0, flowFrame(i % 20, i, 300)));
    const bad = pcapRecord(false, 0, 0, flowFrame(1, 1, 300));
    new DataView(bad.buffer, bad.byteOffset).setUint32(8, 0xffffff, true);
    const { bytes } = join([pcapHeader(false, false), ...good, bad, ...good, ...good]);
    const summary = await dataplane.processCapture(bytes, [BY_PORT], new Sink());
    expect(summary.damage).toBeDefined();
    expect(summary).toMatchObject({ received: 5000, counts: [{ frames: 5000, bytes: 5000 * 300 }] });
    expect(portsOf(summary.counts[0]!)).toEqual(Array.from({ length: 20 }, (_, i) => [i, 250, 75_000]));
  });
});

/** The flows of the sample, by what one thread says. */
const sampled: Promise<number[]> = (async () => {
  const frames = flows(new Array(60).fill(20)).map((frame, i) => pcapRecord(false, i, 0, frame));
  const { summary } = await inline(join([pcapHeader(false, false), ...frames]).bytes, [FLOWS, BY_PORT]);
  expect(summary.counts[0]!.entries.length).toBeGreaterThan(10);
  return portsOf(summary.counts[0]!).map(([flow]) => flow);
})();
