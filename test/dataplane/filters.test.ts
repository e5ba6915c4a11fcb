// What a filter lets through is the same, whoever works: inline, workers, transfer; channels and captures.
import type { Stage } from "frameferry";
import { compileFilter } from "frameferry/filter";
import { describe, expect } from "vitest";
import { join, pcapHeader, pcapRecord } from "../pcap/capture-bytes.ts";
import { Sink } from "./capture-support.ts";
import { collect, count, dataplaneTest, expectConserved, flowFrame, modes } from "./support.ts";

const FRAMES = 900;
const frames = Array.from({ length: FRAMES }, (_, i) => flowFrame(i % 9, i, 60 + (i % 9)));
/** Flows 0 to 3 are this short, and flow 2 is not wanted. */
const SHORT = compileFilter("less 63");
const NOT_62 = compileFilter("len != 62");
const stages: readonly Stage[] = [
  SHORT.stage,
  { stage: "vlan-push", vid: 5 },
  // Behind the tag, and of frames that are four bytes longer by now.
  compileFilter("vlan 5 and len != 66").stage,
];
const LET_THROUGH = (FRAMES / 9) * 3;

describe.each(modes)("$name", (mode) => {
  dataplaneTest(mode, "a channel filters, twice in one pipeline", async (dataplane) => {
    await using channel = await dataplane.open(stages);
    for (let at = 0; at < FRAMES; at += 100) await channel.sendAll(frames.slice(at, at + 100));
    channel.end();
    const received = count(await collect(channel));
    expect(received).toBe(LET_THROUGH);
    const counters = channel.counters();
    expectConserved(counters, FRAMES, received);
    expect(counters.drops).toEqual({ filtered: FRAMES - LET_THROUGH });
    expect(counters.changed).toEqual([0, (FRAMES / 9) * 4, 0]);
  });

  dataplaneTest(mode, "two channels with filters of their own", async (dataplane) => {
    await using one = await dataplane.open([SHORT.stage]);
    await using other = await dataplane.open([NOT_62.stage]);
    for (const channel of [one, other]) {
      for (let at = 0; at < FRAMES; at += 100) await channel.sendAll(frames.slice(at, at + 100));
      channel.end();
    }
    expect(count(await collect(one))).toBe((FRAMES / 9) * 4);
    expect(count(await collect(other))).toBe((FRAMES / 9) * 8);
  });

  dataplaneTest(mode, "a capture is filtered", async (dataplane) => {
    const records = frames.map((frame, i) => pcapRecord(false, i, 0, frame, frame.length));
    const { bytes } = join([pcapHeader(false, false, 1, 65535), ...records]);
    const summary = await dataplane.processCapture(bytes, stages, new Sink());
    expect(summary).toMatchObject({ received: FRAMES, forwarded: LET_THROUGH });
    expect(summary.drops).toEqual({ filtered: FRAMES - LET_THROUGH });
  });
});
