// Modules of users' own as a stage: what they are given and what they do; what is refused; and what becomes of a burst in
// which one fails.
import {
  FrameBatch,
  isArgumentError,
  type Kernels,
  loadKernels,
  type ModuleStage,
  Pipeline,
  type Stage,
  StageError,
} from "frameferry";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { flowFrame } from "../dataplane/support.ts";
import { MISBEHAVES, MISDEEDS, SHORT_FRAMES, word } from "../support/own-modules.ts";
import { PoisonedBatch } from "../support/poisoned-batch.ts";

let kernels: Kernels;
let poisoned: PoisonedBatch;
let free: number;

beforeAll(async () => {
  kernels = await loadKernels({ memoryBytes: 8 << 20 });
  poisoned = new PoisonedBatch(kernels, { frames: 64, frameBytes: 256 });
  free = kernels.plan.freeBytes;
});
afterEach(() => {
  expect(kernels.plan.freeBytes).toBe(free);
});

function shortFrames(least: number): ModuleStage {
  return {
    stage: "module",
    name: "short-frames",
    code: SHORT_FRAMES,
    parameters: word(least),
    reasons: ["short-frame"],
  };
}

function misbehaves(what: keyof typeof MISDEEDS, more: Partial<ModuleStage> = {}): ModuleStage {
  const parameters = word(MISDEEDS[what]);
  return { stage: "module", name: "misbehaves", code: MISBEHAVES, parameters, ...more };
}

const LENGTHS = [50, 64, 99, 100, 101, 200];
const frames = (): Uint8Array[] => LENGTHS.map((length, flow) => flowFrame(flow, 0, length));

describe("a module", () => {
  it("drops by a reason of its own, which is counted and told by its name", () => {
    using pipeline = new Pipeline(kernels, [shortFrames(100)]);
    const outcomes = poisoned.run(
      pipeline,
      frames().map((bytes) => ({ bytes })),
    );
    expect(outcomes.map(({ reason }) => reason)).toEqual(
      LENGTHS.map((length) => (length < 100 ? "short-frame" : undefined)),
    );
    outcomes.forEach(({ bytes }, index) => {
      if (bytes !== undefined) expect(bytes).toEqual(frames()[index]);
    });
    expect(pipeline.counters()).toMatchObject({
      received: 6,
      forwarded: 3,
      dropped: 3,
      drops: { "short-frame": 3 },
      changed: [0],
    });
  });

  it("stands anywhere in a pipeline, several times, with its code there once", () => {
    const stages: Stage[] = [
      shortFrames(60),
      { stage: "vlan-push", vid: 5 },
      shortFrames(104),
      { stage: "sample", oneIn: 1 },
    ];
    using pipeline = new Pipeline(kernels, stages);
    using single = new Pipeline(kernels, [shortFrames(60)]);
    expect(pipeline.compiled.records.length - single.compiled.records.length).toBe(3 * 1024);
    const outcomes = poisoned.run(
      pipeline,
      frames().map((bytes) => ({ bytes })),
    );
    expect(outcomes.map(({ bytes }) => bytes?.length)).toEqual(
      LENGTHS.map((length) => (length < 100 ? undefined : length + 4)),
    );
    expect(pipeline.counters()).toMatchObject({
      received: 6,
      drops: { "short-frame": 3 },
      changed: [0, 5, 0, 0],
    });
  });

  it("passes over what was dropped before, as the first stage and behind others", () => {
    using batch = new FrameBatch(kernels, { frames: 8, frameBytes: 64 });
    using first = new Pipeline(kernels, [shortFrames(60)]);
    using behind = new Pipeline(kernels, [{ stage: "sample", oneIn: 2 }, shortFrames(60)]);
    for (const pipeline of [first, behind]) {
      batch.clear();
      // The second is too long for its slot.
      for (const length of [64, 65, 50, 64]) batch.add(flowFrame(0, 0, length));
      const forwarded = pipeline.run(batch);
      expect(pipeline.run(batch)).toBe(pipeline === first ? forwarded : 1);
      expect(batch.dropReason(1)?.name).toBe("frame-too-long");
    }
    expect(first.counters()).toMatchObject({
      received: 6,
      forwarded: 4,
      drops: { "frame-too-long": 1, "short-frame": 1 },
    });
  });

  it("has a state in each thread, of which the counted part starts anew", () => {
    using pipeline = new Pipeline(kernels, [misbehaves("nothing", { stateBytes: 40, countedBytes: 16 })]);
    using batch = new FrameBatch(kernels, { frames: 8, frameBytes: 64 });
    const state = pipeline.counterAddress + pipeline.compiled.states[0]!.offset;
    for (let burst = 1; burst <= 3; burst++) {
      batch.fill(frames());
      pipeline.run(batch);
      expect(kernels.counter(state + 8)).toBe(burst);
    }
    pipeline.resetCounters();
    expect(kernels.counter(state + 8)).toBe(0);
  });

  it("makes room in front of frames where it asks for it", () => {
    using pipeline = new Pipeline(kernels, [misbehaves("nothing", { headroom: 40 })]);
    expect(pipeline.headroom).toBe(40);
  });
});

describe("a module that fails", () => {
  it.each([
    ["trap", /unreachable/],
    ["a reason that is none", /unreachable/],
    ["a second drop", /unreachable/],
    ["a read outside of the memory", /memory access|out of bounds/],
  ] as const)("by %s is an error that names it, and its burst is dropped", (what, cause) => {
    using pipeline = new Pipeline(kernels, [
      { stage: "vlan-push", vid: 5 },
      misbehaves(what),
      { stage: "vlan-pop" },
    ]);
    using batch = new FrameBatch(kernels, { frames: 8, frameBytes: 256 });
    batch.fill(frames());
    let thrown: unknown;
    try {
      pipeline.run(batch);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(StageError);
    const error = thrown as StageError;
    expect(error).toMatchObject({ name: "StageError", code: "stage-failed", stage: "misbehaves" });
    expect(error.message).toMatch(/^stage misbehaves failed: /);
    expect(error.cause).toBeInstanceOf(WebAssembly.RuntimeError);
    expect((error.cause as Error).message).toMatch(cause);
    const own = what === "trap" || what === "a second drop" ? 1 : 0;
    expect(pipeline.counters()).toMatchObject({
      received: 6,
      forwarded: 0,
      drops: { "stage-failed": 6 - own },
    });
    expect(pipeline.counters().drops.rule ?? 0).toBe(own);
    expect([...batch]).toEqual([]);
  });

  it("gets a new instance for the next burst", () => {
    using pipeline = new Pipeline(kernels, [misbehaves("trap")]);
    using batch = new FrameBatch(kernels, { frames: 8, frameBytes: 256 });
    const state = pipeline.counterAddress + pipeline.compiled.states[0]!.offset;
    for (let burst = 0; burst < 3; burst++) {
      batch.fill(frames());
      expect(() => pipeline.run(batch)).toThrow(StageError);
      // How many bursts this instance has seen.
      expect(kernels.counter(state + 8)).toBe(1);
    }
    // Another pipeline on the same kernels does not hear of it.
    using sound = new Pipeline(kernels, [shortFrames(0)]);
    batch.fill(frames());
    expect(sound.run(batch)).toBe(6);
  });

  it.each([
    ["a reason that is none", /frame 0 for the reason 100/],
    ["a beginning below the floor", /frame 0 begins below its floor/],
    ["an end further behind", /frame 0 ends behind/],
    ["a verdict of its own", /frame 0 has the verdict 1/],
    ["a verdict that is none", /frame 0 has the verdict 2/],
    ["another floor", /frame 0 has another floor/],
    ["shorter on the wire", /frame 0 is longer than it was on the wire/],
    ["a second drop", /frame 0, a second time/],
  ] as const)("in debug mode: %s", (what, cause) => {
    using pipeline = new Pipeline(kernels, [misbehaves(what, { debug: true })]);
    using batch = new FrameBatch(kernels, { frames: 8, frameBytes: 256 });
    batch.fill(frames());
    const places = LENGTHS.map((_, index) => batch.frame(index).byteOffset);
    expect(() => pipeline.run(batch)).toThrow(cause);
    const own = what === "a second drop" ? 1 : 0;
    expect(pipeline.counters()).toMatchObject({
      received: 6,
      forwarded: 0,
      drops: { "stage-failed": 6 - own },
    });
    expect(LENGTHS.map((_, index) => batch.frame(index).byteOffset)).toEqual(places);
    expect(LENGTHS.map((_, index) => batch.frame(index).length)).toEqual(LENGTHS);
  });

  it("in debug mode: what was dropped before", () => {
    using pipeline = new Pipeline(kernels, [
      shortFrames(60),
      misbehaves("a verdict that is none", { debug: true }),
    ]);
    using batch = new FrameBatch(kernels, { frames: 8, frameBytes: 256 });
    batch.fill(frames());
    expect(() => pipeline.run(batch)).toThrow("frame 0 had been dropped before, and was changed");
    expect(batch.dropReason(0)?.name).toBe("short-frame");
    expect(pipeline.counters()).toMatchObject({
      received: 6,
      forwarded: 0,
      drops: { "short-frame": 1, "stage-failed": 5 },
    });
  });
});

describe("what cannot be", () => {
  const bytes = (...all: (number | string)[]): Uint8Array =>
    Uint8Array.from(
      all.flatMap((each) => (typeof each === "string" ? [...new TextEncoder().encode(each)] : [each])),
    );
  const HEAD = [0, "asm", 1, 0, 0, 0] as const;
  // A type of so many words, a function of it that is exported by a name, and sections in front of its code and behind.
  const exporting = (name: string, words: number, more: readonly number[] = []): Uint8Array =>
    bytes(
      ...HEAD,
      ...[1, 4 + words, 1, 0x60, words, ...new Array<number>(words).fill(0x7f), 0, 3, 2, 1, 0],
      ...[7, 4 + name.length, 1, name.length, name, 0, 0, ...more, 10, 4, 1, 2, 0, 0x0b],
    );
  const importing = (from: string, name: string, ...what: number[]): Uint8Array =>
    bytes(
      ...[...HEAD, 1, 5, 1, 0x60, 1, 0x7f, 0],
      ...[2, 3 + from.length + name.length + what.length, 1, from.length, from, name.length, name, ...what],
    );
  const good: ModuleStage = { stage: "module", name: "own", code: exporting("run", 5) };

  it("takes the least there can be", () => {
    using pipeline = new Pipeline(kernels, [good]);
    using batch = new FrameBatch(kernels, { frames: 8, frameBytes: 256 });
    batch.fill(frames());
    expect(pipeline.run(batch)).toBe(6);
  });

  it.each([
    ["code", "malformed", { code: new Uint8Array(0) }, /cannot be compiled/],
    ["code", "malformed", { code: SHORT_FRAMES.subarray(0, 50) }, /cannot be compiled/],
    ["code", "full", { code: new Uint8Array((1 << 20) + 1) }, /at most 1048576 bytes/],
    ["code", "malformed", { code: exporting("walk", 5) }, /no function run/],
    ["code", "malformed", { code: exporting("run", 3) }, /has 3 parameters, expected 5/],
    ["code", "malformed", { code: exporting("run", 5, [8, 1, 0]) }, /cannot be compiled/],
    ["code", "malformed", { code: importing("env", "abort", 0, 0) }, /imports env.abort \(function\)/],
    ["code", "malformed", { code: importing("env", "memory", 0, 0) }, /imports env.memory \(function\)/],
    ["code", "malformed", { code: importing("env", "memory", 2, 0, 1) }, /no instance of it/],
    ["code", "malformed", { code: importing("env", "memory", 2, 3, 2, 2) }, /no instance of it/],
    ["code", "malformed", { code: importing("frameferry", "drop", 0, 0) }, /no instance of it/],
    ["name", "malformed", { name: "" }, /letters/],
    ["name", "malformed", { name: "a b" }, /letters/],
    ["name", "malformed", { name: "a".repeat(65) }, /letters/],
    ["parameters", "full", { parameters: new Uint8Array(897) }, /at most 896 bytes/],
    ["stateBytes", "out-of-range", { stateBytes: 15 }, /from 16/],
    ["countedBytes", "out-of-range", { countedBytes: 17 }, /from 8 to 16/],
    ["countedBytes", "out-of-range", { countedBytes: 7 }, /from 8/],
    ["headroom", "out-of-range", { headroom: 1025 }, /to 1024/],
    ["reasons[1]", "malformed", { reasons: ["fine", "not fine"] }, /letters/],
    ["reasons", "full", { reasons: new Array<string>(33).fill("r") }, /at most 32/],
    ["id", "wrong-type", { id: [1] }, /two words/],
    ["id[0]", "out-of-range", { id: [-1, 2] }, /whole number/],
  ] as const)("%s: %s", (path, code, wrong, sentence) => {
    let thrown: unknown;
    try {
      new Pipeline(kernels, [{ stage: "vlan-pop" }, { ...good, ...wrong }]);
    } catch (error) {
      thrown = error;
    }
    expect(isArgumentError(thrown)).toBe(true);
    expect(thrown).toMatchObject({ code, path: `stages[1].${path}` });
    expect((thrown as Error).message).toMatch(sentence);
  });

  it.each(["name", "code"] as const)("%s is required", (key) => {
    const { [key]: _, ...rest } = good;
    expect(() => new Pipeline(kernels, [rest as ModuleStage])).toThrow(`stages[0].${key}: missing`);
  });

  it("what would act as soon as an instance is made", () => {
    // A function of no words as the start; a segment of one byte at 0 of the memory that it imports.
    const starts = bytes(...[...HEAD, 1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0, 8, 1, 0, 10, 4, 1, 2, 0, 0x0b]);
    const writes = bytes(
      ...[...HEAD, 2, 16, 1, 3, "env", 6, "memory", 2, 3, 1, 1, 11, 7, 1, 0, 0x41, 0, 0x0b, 1, 65],
    );
    for (const [code, sentence] of [
      [starts, /start function/],
      [writes, /data segments/],
    ] as const)
      expect(() => new Pipeline(kernels, [{ ...good, code }])).toThrow(sentence);
  });

  it("names for more reasons than there are codes", () => {
    expect(() => {
      for (let set = 0; set < 5; set++) {
        const reasons = Array.from({ length: 32 }, (_, index) => `reason-${set}-${index}`);
        new Pipeline(kernels, [{ ...good, reasons }]).close();
      }
    }).toThrow(/reasons: there is room for \d+ more, got 32/);
  });
});
