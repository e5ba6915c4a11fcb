// A lane whose worker ended at any point of a burst, played through on one thread: the journal says what to do.
import type { Stage } from "frameferry";
import { expect, test } from "vitest";
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
  const lane = new PipelineLane(new Program(kernels, compileStages(STAGES)), {
    ringBytes: 1 << 16,
    worker: 0,
    owner: 0,
  });
  const { cursor, receive, transmit } = lane.addresses;
  const { words } = kernels;
  const journal = words[(cursor + CURSOR_JOURNAL) >>> 2] as number;
  const ends = [receive + RING_HEAD, transmit + RING_TAIL, journal + JOURNAL_STATE];
  return {
    lane,
    /** Ten frames, three of which are too short to be any. */
    send(): void {
      for (let i = 0; i < 10; i++) lane.add(i % 4 === 1 ? new Uint8Array(5) : flowFrame(1, i), i);
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
