// Batches: slots, headroom, views, verdicts, and the memory that they take and give back.
import fc from "fast-check";
import { dropReason, dropReasons, FrameBatch, type Kernels, loadKernels, Pipeline } from "frameferry";
import { beforeAll, describe, expect, it } from "vitest";
import { noise } from "../support/passengers.ts";
import { expectBytes } from "../support/poisoned-batch.ts";

let kernels: Kernels;
beforeAll(async () => {
  kernels = await loadKernels({ memoryBytes: 16 << 20 });
});

describe("a batch", () => {
  it("holds what was put in, in order, until it is full", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 64, max: 3000 }),
        fc.integer({ min: 0, max: 300 }),
        fc.array(fc.nat(3200), { maxLength: 50 }),
        (frames, frameBytes, headroom, lengths) => {
          using batch = new FrameBatch(kernels, { frames, frameBytes, headroom });
          const all = lengths.map(noise);
          const kept = all.slice(0, frames);
          expect(batch.fill(all)).toBe(kept.length);
          expect(batch.length).toBe(kept.length);
          if (all.length >= frames) expect(batch.add(noise(64, 1))).toBe(false);
          kept.forEach((frame, i) => {
            expect(batch.wireLength(i)).toBe(frame.length);
            if (frame.length > frameBytes) {
              expect(batch.verdict(i)).toBe("drop");
              expect(batch.dropReason(i)?.name).toBe("frame-too-long");
              expect(batch.frame(i).length).toBe(0);
              return;
            }
            expect(batch.verdict(i)).toBe("forward");
            expect(batch.dropReason(i)).toBeUndefined();
            expect(batch.vni(i)).toBeUndefined();
            expect(batch.mark(i)).toBe(0);
            expectBytes(batch.frame(i), frame);
          });
          const fitting = kept.filter(({ length }) => length <= frameBytes);
          expect([...batch].map(({ length }) => length)).toEqual(fitting.map(({ length }) => length));
        },
      ),
      { seed: 1401, numRuns: 60 },
    );
  });

  it("lays its slots an odd number of cache lines apart", () => {
    for (const [headroom, frameBytes] of [
      [128, 1984],
      [0, 64],
      [0, 128],
      [1, 128],
      [4096, 65535],
      [100, 1500],
    ] as const) {
      using batch = new FrameBatch(kernels, { frames: 3, headroom, frameBytes });
      batch.fill([noise(64, 1), noise(64, 2), noise(64, 3)]);
      const [first, second, third] = [0, 1, 2].map((i) => batch.frame(i).byteOffset) as [
        number,
        number,
        number,
      ];
      expect((second - first) % 128).toBe(64);
      expect(third - second).toBe(second - first);
      expect(second - first).toBeGreaterThanOrEqual(headroom + frameBytes);
      expect((first - headroom) % 64).toBe(0);
    }
  });

  it("keeps notes with a frame", () => {
    using batch = new FrameBatch(kernels, { frames: 2 });
    batch.add(noise(60, 1), { wireLength: 0xffffffff, mark: 0xffffffff });
    batch.add(noise(60, 1), {});
    expect([batch.wireLength(0), batch.mark(0)]).toEqual([0xffffffff, 0xffffffff]);
    expect([batch.wireLength(1), batch.mark(1)]).toEqual([60, 0]);
  });

  it("gives views into the one memory, which stay good", () => {
    using batch = new FrameBatch(kernels, { frames: 2 });
    batch.fill([noise(60, 1)]);
    const view = batch.frame(0);
    expect(view.buffer).toBe(kernels.memory.buffer);
    using other = new FrameBatch(kernels, { frames: 100 });
    other.fill([noise(100, 2)]);
    expectBytes(view, noise(60, 1));
    view[0] = 7;
    expect(batch.frame(0)[0]).toBe(7);
    batch.fill([noise(60, 3)]);
    expectBytes(view, noise(60, 3));
  });

  it("pushes into the headroom and pulls from the frame, to the byte", () => {
    using batch = new FrameBatch(kernels, { frames: 1, headroom: 10 });
    batch.add(noise(20, 1), { wireLength: 30 });
    expect(() => batch.push(0, 11)).toThrow(/^length: .* from 0 to 10/);
    batch.push(0, 10).set(noise(10, 2));
    expect(batch.wireLength(0)).toBe(40);
    expectBytes(batch.frame(0), Uint8Array.from([...noise(10, 2), ...noise(20, 1)]));
    expect(() => batch.push(0, 1)).toThrow(RangeError);
    expect(() => batch.pull(0, 31)).toThrow(/^length: .* from 0 to 30/);
    batch.pull(0, 12);
    expect([batch.frame(0).length, batch.wireLength(0)]).toEqual([18, 28]);
    expectBytes(batch.frame(0), noise(20, 1).subarray(2));
    batch.pull(0, 18);
    expect(batch.frame(0).length).toBe(0);
    // What was pulled is headroom now.
    expect(batch.push(0, 30).length).toBe(30);
  });

  it("forgets all by clear and fill", () => {
    using batch = new FrameBatch(kernels, { frames: 4, frameBytes: 64 });
    batch.fill([noise(100, 1), noise(60, 2)]);
    batch.clear();
    expect([batch.length, batch.takeRefused()]).toEqual([0, 0]);
    batch.fill([noise(50, 1)]);
    expect(batch.verdict(0)).toBe("forward");
    expect(batch.dropReason(0)).toBeUndefined();
    expect(batch.fill([])).toBe(0);
  });

  it("takes the longest frames", () => {
    using batch = new FrameBatch(kernels, { frames: 2, frameBytes: 65535, headroom: 4096 });
    expect(batch.fill([noise(65535, 1), noise(65536, 2)])).toBe(2);
    expectBytes(batch.frame(0), noise(65535, 1));
    expect(batch.dropReason(1)?.name).toBe("frame-too-long");
  });
});

describe("frames too long for their slots", () => {
  it("are counted once, by the first pipeline that sees them", () => {
    using batch = new FrameBatch(kernels, { frames: 8, frameBytes: 64 });
    using first = new Pipeline(kernels, []);
    using second = new Pipeline(kernels, []);
    batch.fill([noise(65, 1), noise(60, 2), noise(1000, 3)]);
    expect(first.run(batch)).toBe(1);
    expect(first.counters()).toEqual({
      received: 3,
      forwarded: 1,
      dropped: 2,
      drops: { "frame-too-long": 2 },
      changed: [],
      stageDrops: [],
      counts: [],
      modules: [],
    });
    expect(second.run(batch)).toBe(1);
    expect(second.counters()).toMatchObject({ received: 1, dropped: 0 });
    batch.fill([noise(65, 1)]);
    first.run(batch);
    expect(first.counters()).toMatchObject({ received: 4, dropped: 3 });
    first.resetCounters();
    expect(first.counters()).toEqual({
      received: 0,
      forwarded: 0,
      dropped: 0,
      drops: {},
      changed: [],
      stageDrops: [],
      counts: [],
      modules: [],
    });
  });
});

describe("a pipeline", () => {
  it("passes over what an earlier one dropped", () => {
    using batch = new FrameBatch(kernels, { frames: 2 });
    using first = new Pipeline(kernels, [{ stage: "decapsulate", kind: "vxlan" }]);
    using second = new Pipeline(kernels, [{ stage: "vlan-push", vid: 1 }]);
    batch.fill([noise(60, 1)]);
    expect(first.run(batch)).toBe(0);
    expect(second.run(batch)).toBe(0);
    expect(batch.dropReason(0)?.name).toBe("not-tunnel");
    expect(second.counters()).toMatchObject({ received: 0, changed: [0] });
  });

  it("is not changed by what the caller does to its stages later", () => {
    const stage = { stage: "vlan-push" as const, vid: 1 };
    const stages = [stage];
    using pipeline = new Pipeline(kernels, stages);
    stage.vid = 9999;
    stages.length = 0;
    expect(pipeline.stages).toEqual([{ stage: "vlan-push", vid: 1 }]);
  });

  it("with 64 stages works, and takes the headroom of all of them", () => {
    const stages = Array.from({ length: 64 }, (_, i) => ({ stage: "vlan-push" as const, vid: i }));
    using pipeline = new Pipeline(kernels, stages);
    expect(pipeline.headroom).toBe(256);
    using batch = new FrameBatch(kernels, { frames: 1, headroom: 256 });
    batch.fill([noise(60, 1)]);
    expect(pipeline.run(batch)).toBe(1);
    expect(batch.frame(0).length).toBe(60 + 256);
    expect(batch.frame(0)[15]).toBe(63);
  });
});

describe("drop reasons", () => {
  it("have their code as index, and names of their own", () => {
    dropReasons.forEach((reason, code) => {
      expect(reason.code).toBe(code);
      expect(dropReason(code)).toBe(reason);
      expect(reason.name).toMatch(/^[a-z]+(-[a-z]+)*$/);
    });
    expect(new Set(dropReasons.map(({ name }) => name)).size).toBe(dropReasons.length);
    expect(() => dropReason(dropReasons.length)).toThrow(RangeError);
  });
});
