// VLAN tags pushed, popped and rewritten, against the codecs.
import fc from "fast-check";
import { type Kernels, loadKernels, Pipeline, type Stage, type VlanRewriteStage } from "frameferry";
import { emitVlan, isTpid, parseEthernet, parseVlan, type VlanHeader } from "frameferry/wire";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { popped } from "../support/encapsulate-model.ts";
import { cook, noise, passengerRecipe, tpid } from "../support/passengers.ts";
import { expectBytes, PoisonedBatch } from "../support/poisoned-batch.ts";

let kernels: Kernels;
let poisoned: PoisonedBatch;
beforeAll(async () => {
  kernels = await loadKernels({ memoryBytes: 4 << 20 });
  poisoned = new PoisonedBatch(kernels, { frames: 16, headroom: 64 });
});
afterAll(() => poisoned.close());

interface Tag {
  readonly tpid?: number | undefined;
  readonly vid: number;
  readonly pcp?: number | undefined;
  readonly dei?: boolean | undefined;
}

/** `frame` with a tag in front of its type. */
function pushed(frame: Uint8Array, { tpid = 0x8100, vid, pcp = 0, dei = false }: Tag): Uint8Array {
  // Long on the wire: an LLC length that cannot be is no matter here.
  const parsed = parseEthernet(frame, 0, 1 << 20);
  if (!parsed.ok) throw new Error(parsed.stop);
  const result = new Uint8Array(frame.length + 4);
  result.set(frame.subarray(0, 12));
  result[12] = tpid >>> 8;
  result[13] = tpid & 0xff;
  emitVlan({ vid, pcp, dei, etherType: parsed.header.etherType }, result, 14);
  result.set(frame.subarray(14), 18);
  return result;
}

/** The outermost tag; undefined if there is none, or not all of it. */
function tagOf(frame: Uint8Array): VlanHeader | undefined {
  const outer = (frame[12]! << 8) | frame[13]!;
  if (frame.length < 18 || !isTpid(outer)) return undefined;
  const tci = (frame[14]! << 8) | frame[15]!;
  const parsed = parseVlan(frame, 14, frame.length, { tpid: outer });
  // A length behind the tag that cannot be is no matter here.
  return parsed.ok
    ? parsed.header
    : { tpid: outer, pcp: tci >>> 13, dei: (tci & 0x1000) !== 0, vid: tci & 0xfff, etherType: 0 };
}

function rewritten(frame: Uint8Array, stage: VlanRewriteStage): Uint8Array {
  const tag = tagOf(frame);
  if (tag === undefined || (stage.match !== undefined && stage.match !== tag.tpid)) return frame;
  const { vid = tag.vid, pcp = tag.pcp, dei = tag.dei, tpid = tag.tpid } = stage;
  return pushed(popped(frame), { vid, pcp, dei, tpid });
}

function apply(stage: Stage, frame: Uint8Array): Uint8Array {
  if (stage.stage === "vlan-push") return pushed(frame, stage);
  if (stage.stage === "vlan-pop") return touched(stage, frame) ? popped(frame) : frame;
  if (stage.stage === "vlan-rewrite") return rewritten(frame, stage);
  throw new Error(stage.stage);
}

/** How many frames the stages find work in. */
function touched(stage: Stage, frame: Uint8Array): boolean {
  const tag = tagOf(frame);
  if (stage.stage === "vlan-push") return true;
  if (stage.stage === "vlan-pop") {
    if (tag === undefined) return false;
    const { tpid = tag.tpid, vid = tag.vid, pcp = tag.pcp } = stage;
    return tpid === tag.tpid && vid === tag.vid && pcp === tag.pcp;
  }
  if (stage.stage === "vlan-rewrite") return tag !== undefined && (stage.match ?? tag.tpid) === tag.tpid;
  return false;
}

function check(stages: readonly Stage[], frames: readonly Uint8Array[]): void {
  using pipeline = new Pipeline(kernels, stages);
  const changed = stages.map(() => 0);
  const expected = frames.map((frame) =>
    stages.reduce((current, stage, i) => {
      if (touched(stage, current)) changed[i]!++;
      return apply(stage, current);
    }, frame),
  );
  const outcomes = poisoned.run(
    pipeline,
    frames.map((bytes) => ({ bytes, wireLength: bytes.length + 100 })),
  );
  outcomes.forEach((outcome, i) => {
    expect(outcome.verdict).toBe("forward");
    expectBytes(outcome.bytes, expected[i]!, `frame ${i}`);
    expect(outcome.wireLength).toBe(expected[i]!.length + 100);
  });
  expect(pipeline.counters()).toMatchObject({ forwarded: frames.length, dropped: 0, changed });
}

const vid = fc.oneof(fc.constantFrom(0, 1, 4094), fc.integer({ min: 0, max: 4094 }));
const pcp = fc.integer({ min: 0, max: 7 });
const push: fc.Arbitrary<Stage> = fc.record(
  { stage: fc.constant("vlan-push" as const), vid, pcp, dei: fc.boolean(), tpid },
  { requiredKeys: ["stage", "vid"] },
);
// Few values, so that tags that were pushed before are met.
const pop: fc.Arbitrary<Stage> = fc.record(
  { stage: fc.constant("vlan-pop" as const), tpid, vid: fc.constantFrom(0, 1, 4094), pcp },
  { requiredKeys: ["stage"] },
);
const rewrite: fc.Arbitrary<Stage> = fc.record(
  { stage: fc.constant("vlan-rewrite" as const), vid, pcp, dei: fc.boolean(), tpid, match: tpid },
  { requiredKeys: ["stage"] },
);
const frames = fc.array(passengerRecipe, { minLength: 1, maxLength: 16 });

describe("VLAN kernels do what the codecs do", () => {
  it.each([
    ["push", push, 901],
    ["pop", pop, 902],
    ["rewrite", rewrite, 903],
  ] as const)("%s", (_, stage, seed) => {
    fc.assert(
      fc.property(stage, frames, (one, recipes) => check([one], recipes.map(cook))),
      { seed, numRuns: 150 },
    );
  });

  it("one behind the other", () => {
    const stages = fc.array(fc.oneof(push, pop, rewrite), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(stages, frames, (some, recipes) => check(some, recipes.map(cook))),
      { seed: 904, numRuns: 150 },
    );
  });

  it("push and pop undo each other", () => {
    fc.assert(
      fc.property(push, frames, (stage, recipes) => {
        using pipeline = new Pipeline(kernels, [stage, { stage: "vlan-pop" }]);
        const inputs = recipes.map((recipe) => ({ bytes: cook(recipe) }));
        poisoned.run(pipeline, inputs).forEach((outcome, i) => {
          expectBytes(outcome.bytes, inputs[i]!.bytes);
        });
      }),
      { seed: 905, numRuns: 60 },
    );
  });

  it("every TCI, bit for bit", () => {
    const tagged = (tci: number) => {
      const frame = noise(60, 1);
      frame.set([0x81, 0x00, tci >>> 8, tci & 0xff, 0x88, 0xcc], 12);
      return frame;
    };
    const tcis = Array.from({ length: 16 }, (_, bit) => 1 << bit).concat(0, 0xffff, 0xa5a5);
    const all = tcis.map(tagged);
    for (const stage of [
      { stage: "vlan-rewrite" },
      { stage: "vlan-rewrite", vid: 0 },
      { stage: "vlan-rewrite", vid: 0xaaa },
      { stage: "vlan-rewrite", pcp: 0 },
      { stage: "vlan-rewrite", pcp: 5 },
      { stage: "vlan-rewrite", dei: true },
      { stage: "vlan-rewrite", dei: false, tpid: 0x88a8 },
    ] satisfies Stage[])
      check([stage], all);
  });
});

describe("frames that cannot be tagged", () => {
  it("are dropped: shorter than an Ethernet header", () => {
    const short = Array.from({ length: 14 }, (_, length) => ({ bytes: noise(length, 1) }));
    for (const stage of [
      { stage: "vlan-push", vid: 1 },
      { stage: "vlan-pop" },
      { stage: "vlan-rewrite", vid: 1 },
    ] satisfies Stage[]) {
      using pipeline = new Pipeline(kernels, [stage]);
      const reasons = poisoned.run(pipeline, short).map(({ reason }) => reason);
      expect(reasons).toEqual(Array(14).fill("frame-too-short"));
      expect(pipeline.counters().changed).toEqual([0]);
    }
  });

  it("are dropped: no headroom", () => {
    for (const headroom of [0, 3, 4, 7, 8]) {
      const tight = new PoisonedBatch(kernels, { frames: 1, headroom });
      const stages = Array.from({ length: 3 }, () => ({ stage: "vlan-push" as const, vid: 1 }));
      using pipeline = new Pipeline(kernels, stages);
      expect(tight.run(pipeline, [{ bytes: noise(60, 1) }])[0]!.reason).toBe("no-headroom");
      const fitting = Math.floor(headroom / 4);
      expect(pipeline.counters().changed).toEqual([0, 1, 2].map((i) => (i < fitting ? 1 : 0)));
      tight.close();
    }
  });

  it("go on as they are when cut inside the tag", () => {
    for (let length = 14; length < 18; length++) {
      const bytes = noise(length, 1);
      bytes[12] = 0x81;
      bytes[13] = 0x00;
      check([{ stage: "vlan-pop" }, { stage: "vlan-rewrite", vid: 7 }], [bytes]);
    }
  });
});
