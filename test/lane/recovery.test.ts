// A lane whose worker ended at any point of a burst, played through on one thread: the journal says what to do.
import type { Stage } from "frameferry";
import { expect, test } from "vitest";
import { NoticeCollector } from "../../build/js/src/core/drop-notices.js";
import { loadKernels } from "../../build/js/src/kernel/load-kernels.js";
import { PipelineLane } from "../../build/js/src/lane/pipeline-lane.js";
import { compileStages } from "../../build/js/src/pipeline/compile.js";
import { sumCounters } from "../../build/js/src/pipeline/counters.js";
import { Program } from "../../build/js/src/pipeline/program.js";
import { CURSOR_JOURNAL } from "../../src/layout/cursor.layout.ts";
import {
  JOURNAL_COMMITTING,
  JOURNAL_STATE,
  JOURNAL_WORKING,
  RING_HEAD,
  RING_TAIL,
} from "../../src/layout/ring.layout.ts";
import { expectConserved, flowFrame } from "../dataplane/support.ts";

const STAGES: readonly Stage[] = [{ stage: "vlan-push", vid: 5 }];

async function lane() {
  const kernels = await loadKernels({ memoryBytes: 1 << 20 });
  const notices = new NoticeCollector();
  const lane = new PipelineLane(new Program(kernels, compileStages(STAGES)), {
    ringBytes: 1 << 16,
    worker: 0,
    owner: 0,
    notices,
  });
  const { cursor, receive, transmit } = lane.addresses;
  const { words } = kernels;
  const journal = words[(cursor + CURSOR_JOURNAL) >>> 2] as number;
  const ends = [receive + RING_HEAD, transmit + RING_TAIL, journal + JOURNAL_STATE];
  return {
    lane,
    /** Mark, reason and stage of each frame that has been told of since this was last called, by mark. */
    told(): string[] {
      const all = [...(notices.take() ?? [])].sort((a, b) => a.mark - b.mark);
      return all.map(({ mark, port, reason, stage }) => {
        expect(port).toBe(mark + 100);
        return `${mark} ${reason.name} ${stage}`;
      });
    },
    /** Ten frames, three of which are too short to be any. */
    send(): void {
      const ports = Array.from({ length: 10 }, (_, i) => i + 100);
      const notes = { marks: undefined, times: undefined, ports };
      for (let i = 0; i < 10; i++) lane.add(i % 4 === 1 ? new Uint8Array(5) : flowFrame(1, i), i, notes, i);
      lane.publish();
    },
    get ends(): number[] {
      return ends.map((address) => words[address >>> 2] as number);
    },
    set ends(values: readonly number[]) {
      ends.forEach((address, i) => {
        words[address >>> 2] = values[i] as number;
      });
    },
    received(): number {
      let frames = 0;
      for (let burst = lane.take(); burst !== undefined; burst = lane.take()) frames += burst.length;
      return frames;
    },
  };
}

test.each([0, 1, 2, 3])(
  "a burst that was finished is published, however much of it was (%i)",
  async (done) => {
    const it = await lane();
    it.send();
    it.lane.workHere();
    const before = it.received();
    it.send();
    const [head, tail] = it.ends as [number, number, number];
    it.lane.workHere();
    const [headAfter, tailAfter] = it.ends as [number, number, number];
    // Of the three stores that follow each other only so many were made.
    it.ends = [done > 1 ? headAfter : head, done > 0 ? tailAfter : tail, done > 2 ? 0 : JOURNAL_COMMITTING];
    it.lane.recover();
    expect(it.ends).toEqual([headAfter, tailAfter, 0]);
    const received = before + it.received();
    expect(it.lane.empty).toBe(true);
    expectConserved(sumCounters([it.lane.tally()]), 20, received);
    expect(received).toBe(14);
    it.lane.recover(); // does nothing now
    expectConserved(sumCounters([it.lane.tally()]), 20, received);
  },
);

test("a burst that was not finished is dropped, what had been dropped of it counts once, and later bursts pass", async () => {
  const it = await lane();
  it.send();
  it.lane.workHere();
  let received = it.received();
  for (let deaths = 0; deaths < 3; deaths++) {
    it.send();
    const [head, tail] = it.ends as [number, number, number];
    it.lane.workHere();
    // As if the end had come behind the pipeline, before anything was published.
    it.ends = [head, tail, JOURNAL_WORKING];
    it.lane.recover();
    it.send();
    it.lane.workHere();
    received += it.received();
    const counters = sumCounters([it.lane.tally()]);
    expectConserved(counters, 10 + 20 * (deaths + 1), received);
    expect(counters.drops["worker-died"]).toBe(7 * (deaths + 1));
    expect(counters.drops["frame-too-short"]).toBe(3 * (1 + 2 * (deaths + 1)));
  }
});

test("a lane that is given up drops what waits in it", async () => {
  const it = await lane();
  it.send();
  it.lane.workHere();
  it.send();
  it.lane.recover();
  it.lane.abandon();
  const received = it.received();
  expect(it.lane.empty).toBe(true);
  expectConserved(sumCounters([it.lane.tally()]), 20, received);
  expect(sumCounters([it.lane.tally()]).drops["worker-died"]).toBe(10);
});

/** Of the ten frames, three are too short for a tag. */
const TOO_SHORT = ["1 frame-too-short 0", "5 frame-too-short 0", "9 frame-too-short 0"];
/** The others, where their worker died. */
const DIED = [0, 2, 3, 4, 6, 7, 8].map((mark) => `${mark} worker-died undefined`);

test("each frame of a burst that was not finished is told of once, for the reason for which it counts", async () => {
  const it = await lane();
  it.send();
  it.lane.workHere();
  it.received();
  expect(it.told()).toEqual(TOO_SHORT);
  it.send();
  const [head, tail] = it.ends as [number, number, number];
  it.lane.workHere();
  it.ends = [head, tail, JOURNAL_WORKING];
  it.lane.recover();
  expect(it.told()).toEqual([...TOO_SHORT, ...DIED].sort());
  expect(it.received()).toBe(0);
  expect(it.told()).toEqual([]);
});

test("a burst that was finished is told of once, though its worker died, and so is what waited", async () => {
  const it = await lane();
  it.send();
  const [head, tail] = it.ends as [number, number, number];
  it.lane.workHere();
  it.ends = [head, tail, JOURNAL_COMMITTING];
  it.lane.recover();
  expect(it.told()).toEqual([]);
  it.send();
  it.lane.abandon();
  const waited = Array.from({ length: 10 }, (_, mark) => `${mark} worker-died undefined`);
  expect(it.told()).toEqual(waited);
  expect(it.received()).toBe(7);
  expect(it.told()).toEqual(TOO_SHORT);
});
