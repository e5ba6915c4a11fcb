// Frames that were seen before: those that a slow model finds among the last so many, and no others.
import { FrameBatch, type Kernels, loadKernels, Pipeline } from "frameferry";
import { CaptureWriter } from "frameferry/pcap";
import { type DedupOptions, dedup } from "frameferry/stages";
import { beforeAll, describe, expect, test } from "vitest";
import { Sink } from "../dataplane/capture-support.ts";
import { collect, dataplaneTest, flowFrame, modes } from "../dataplane/support.ts";
import { Random } from "../support/filter-expressions.ts";
import { noise } from "../support/passengers.ts";
import { PoisonedBatch } from "../support/poisoned-batch.ts";

let kernels: Kernels;
let poisoned: PoisonedBatch;
beforeAll(async () => {
  kernels = await loadKernels({ memoryBytes: 16 << 20 });
  poisoned = new PoisonedBatch(kernels, { frames: 64, frameBytes: 512 });
});

interface Sent {
  readonly bytes: Uint8Array;
  readonly wireLength?: number;
}

/** Whether each is among the `window` frames before it. */
function seenBefore(frames: readonly Sent[], window: number): boolean[] {
  const last = new Map<string, number>();
  return frames.map(({ bytes, wireLength = bytes.length }, i) => {
    const what = `${wireLength} ${bytes.join()}`;
    const before = last.get(what);
    last.set(what, i);
    return before !== undefined && i - before <= window;
  });
}

/** Frames of all lengths, many of them as one before or as one with a single bit changed. */
function framesOf(random: Random, count: number): Sent[] {
  const all: Sent[] = [];
  for (let i = 0; i < count; i++) {
    const before = all[Math.max(0, i - 1 - random.next(random.of([2, 20, 200])))];
    const kind = before === undefined ? 0 : random.next(6);
    if (before === undefined || kind === 0)
      all.push({ bytes: noise(random.next(100), random.next(1 << 20)) });
    else if (kind === 1) all.push({ ...before, wireLength: before.bytes.length + random.next(3) });
    else if (kind === 2 && before.bytes.length > 0) {
      const bytes = before.bytes.slice();
      bytes[random.next(bytes.length)]! ^= 1 << random.next(8);
      all.push({ bytes });
    } else all.push(before);
  }
  return all;
}

test.each([1, 2, 5, 64, 1000, 65536])("a window of %d frames", (window) => {
  using pipeline = new Pipeline(kernels, [dedup({ window })]);
  const frames = framesOf(new Random(window), 2000);
  const expected = seenBefore(frames, window);
  const found = poisoned.run(pipeline, frames);
  found.forEach(({ verdict, reason, bytes }, i) => {
    expect(verdict, `frame ${i}`).toBe(expected[i] ? "drop" : "forward");
    if (expected[i]) expect(reason).toBe("duplicate");
    else expect(bytes).toEqual(frames[i]!.bytes);
  });
  const dropped = expected.filter(Boolean).length;
  expect(dropped).toBeGreaterThan(200);
  expect(pipeline.counters()).toMatchObject({ drops: { duplicate: dropped }, changed: [0] });
});

test("frames that were dropped before do not count, and those of other tunnels are others", () => {
  const outer = { local: "10.0.0.1", remote: "10.0.0.2" } as const;
  const batch = new FrameBatch(kernels);
  const frame = noise(60, 1);
  const encapsulated = (vni: number): Uint8Array => {
    using around = new Pipeline(kernels, [{ stage: "encapsulate", kind: "vxlan", vni, ...outer }]);
    batch.fill([frame]);
    around.run(batch);
    return batch.frame(0).slice();
  };
  const [one, other] = [encapsulated(1), encapsulated(2)];
  using pipeline = new Pipeline(kernels, [{ stage: "decapsulate", kind: "vxlan" }, dedup({ window: 2 })]);
  // What is no tunnel packet is dropped in front of the stage.
  batch.fill([one, noise(60, 2), noise(60, 3), noise(60, 4), other, one, other]);
  pipeline.run(batch);
  expect(Array.from({ length: 7 }, (_, i) => batch.dropReason(i)?.name)).toEqual([
    undefined,
    "not-tunnel",
    "not-tunnel",
    "not-tunnel",
    undefined,
    "duplicate",
    "duplicate",
  ]);
  batch.close();
});

describe.each(modes)("$name", (mode) => {
  dataplaneTest(mode, "copies of a frame meet in one worker, and in a capture", async (dataplane) => {
    const frames = Array.from({ length: 120 }, (_, i) => flowFrame(i % 30, 7, 100 + (i % 3)));
    // Each comes twice, one behind the other.
    const sent = frames.flatMap((frame) => [frame, frame]);
    const stages = [dedup({ window: 1 })];
    await using channel = await dataplane.open(stages);
    for (let at = 0; at < sent.length; at += 40) await channel.sendAll(sent.slice(at, at + 40));
    channel.end();
    let forwarded = 0;
    for (const burst of await collect(channel)) forwarded += burst.length;
    expect(forwarded).toBe(frames.length);
    expect(channel.counters().drops).toEqual({ duplicate: frames.length });
    const capture = new CaptureWriter({ format: "pcap" }).write(
      sent.map((data) => ({ data, timestamp: 0n })),
    );
    const summary = await dataplane.processCapture(capture, stages, new Sink());
    expect(summary.drops).toEqual({ duplicate: frames.length });
  });
});

test.each([
  [{ window: 0 }, "window: expected a whole number from 1 to 65536, got 0"],
  [{ window: 65537 }, "window: expected a whole number from 1 to 65536, got 65537"],
  [{ windows: 1 }, "dedup: unknown option"],
])("%j is refused", (options, sentence) => {
  expect(() => dedup(options as DedupOptions)).toThrow(sentence);
});
