// A part of the frames: by a count, or whole flows.
import { type Kernels, loadKernels, Pipeline, type SampleStage } from "frameferry";
import { flowHash } from "frameferry/wire";
import { beforeAll, describe, expect, it } from "vitest";
import { flowFrame } from "../dataplane/support.ts";
import { join, pcapHeader, pcapRecord } from "../pcap/capture-bytes.ts";
import { processed, recordsOf } from "../support/capture-corpus.ts";
import { PoisonedBatch } from "../support/poisoned-batch.ts";

let kernels: Kernels;
let poisoned: PoisonedBatch;

beforeAll(async () => {
  kernels = await loadKernels({ memoryBytes: 8 << 20 });
  poisoned = new PoisonedBatch(kernels, { frames: 64, frameBytes: 128 });
});

/** Which of the frames go through. */
function chosen(pipeline: Pipeline, frames: readonly Uint8Array[]): boolean[] {
  return poisoned
    .run(
      pipeline,
      frames.map((bytes) => ({ bytes })),
    )
    .map(({ bytes, reason }, index) => {
      if (bytes === undefined) expect(reason).toBe("not-sampled");
      else expect(bytes).toEqual(frames[index]);
      return bytes !== undefined;
    });
}

/** What the flow hash is made into, worked out apart. */
function mixed(hash: number): number {
  const turned = Number(((BigInt(hash ^ (hash >>> 16)) & 0xffffffffn) * 0x6b2f9d45n) & 0xffffffffn);
  return (turned ^ (turned >>> 15)) >>> 0;
}

describe("a sample by frame", () => {
  it.each([1, 2, 7, 100, 1000, 0xffffffff])("lets the first and each %dth behind it through", (oneIn) => {
    using pipeline = new Pipeline(kernels, [{ stage: "sample", oneIn }]);
    const frames = Array.from({ length: 1000 }, (_, i) => flowFrame(i, i));
    // It goes on over batches and calls.
    const all = [...chosen(pipeline, frames.slice(0, 333)), ...chosen(pipeline, frames.slice(333))];
    expect(all).toEqual(frames.map((_, i) => i % oneIn === 0));
    const forwarded = Math.ceil(1000 / oneIn);
    const dropped = 1000 - forwarded;
    expect(pipeline.counters()).toMatchObject({
      received: 1000,
      forwarded,
      drops: dropped === 0 ? {} : { "not-sampled": dropped },
      changed: [0],
    });
  });

  it("counts the frames that reach it, and goes on where it was when counters are reset", () => {
    using pipeline = new Pipeline(kernels, [
      { stage: "sample", oneIn: 2 },
      { stage: "sample", oneIn: 3 },
    ]);
    const frames = Array.from({ length: 60 }, (_, i) => flowFrame(i, i));
    const first = chosen(pipeline, frames.slice(0, 31));
    pipeline.resetCounters();
    expect(pipeline.counters()).toMatchObject({ received: 0, changed: [0, 0] });
    expect([...first, ...chosen(pipeline, frames.slice(31))]).toEqual(frames.map((_, i) => i % 6 === 0));
  });
});

describe("a sample by flow", () => {
  const frames = Array.from({ length: 20_000 }, (_, i) => flowFrame(i % 5000, i));
  const run = (stage: Omit<SampleStage, "stage" | "by">): boolean[] => {
    using pipeline = new Pipeline(kernels, [{ stage: "sample", by: "flow", ...stage }]);
    return chosen(pipeline, frames);
  };

  it.each([1, 2, 10, 1000])("lets about one flow in %d through, whole, as the hash says", (oneIn) => {
    const through = run({ oneIn });
    expect(through).toEqual(frames.map((frame) => mixed(flowHash(frame)) < Math.floor(2 ** 32 / oneIn)));
    through.forEach((one, i) => void expect(one).toBe(through[i % 5000]));
    const flows = through.slice(0, 5000).filter(Boolean).length;
    // Five standard deviations of a fair choice.
    const fair = 5000 / oneIn;
    expect(Math.abs(flows - fair)).toBeLessThanOrEqual(5 * Math.sqrt(fair));
    if (oneIn === 1) expect(flows).toBe(5000);
  });

  it("lets other flows through with another seed, and none where a hash would have to be zero", () => {
    const seeds = [0, 1, 0xffffffff].map((seed) => run({ oneIn: 10, seed }));
    expect(seeds[0]).toEqual(run({ oneIn: 10 }));
    expect(seeds[1]).not.toEqual(seeds[0]);
    expect(seeds[2]).not.toEqual(seeds[1]);
    expect(run({ oneIn: 0xffffffff }).filter(Boolean).length).toBe(0);
  });

  it("does not go to one worker of several only", () => {
    // Which worker of four gets the flow.
    const through = run({ oneIn: 8 });
    const lanes = [0, 0, 0, 0];
    frames.slice(0, 5000).forEach((frame, i) => {
      if (through[i]) lanes[Math.floor((flowHash(frame) * 4) / 2 ** 32)]!++;
    });
    for (const flows of lanes) expect(flows).toBeGreaterThan(5000 / 8 / 4 / 2);
  });

  it("keeps a flow whole on links without addresses, whatever else changes from packet to packet", async () => {
    const packetOf = (flow: number, id: number): Uint8Array => {
      const packet = flowFrame(flow, 1).slice(14);
      new DataView(packet.buffer).setUint16(4, id);
      return packet;
    };
    const records = Array.from({ length: 4000 }, (_, i) => packetOf(i % 40, i));
    const { bytes } = join([
      pcapHeader(false, false, 101),
      ...records.map((data) => pcapRecord(false, 1, 0, data, data.length)),
    ]);
    using pipeline = new Pipeline(kernels, [{ stage: "sample", by: "flow", oneIn: 4 }]);
    const { bytes: out } = await processed(bytes, pipeline, { format: "pcapng" });
    const through = new Map<string, number>();
    for (const { data } of (await recordsOf(out)).records) {
      const flow = data.subarray(12).join();
      through.set(flow, (through.get(flow) ?? 0) + 1);
    }
    expect([...through.values()].every((frames) => frames === 100)).toBe(true);
    expect(through.size).toBeGreaterThan(0);
    expect(through.size).toBeLessThan(40);
  });
});
