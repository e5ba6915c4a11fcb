// Rule tables wherever frames are worked on: what their rules count is the sum over all threads, of channels and captures.
import { CaptureWriter } from "frameferry/pcap";
import { ruleCounts, ruleTable } from "frameferry/stages";
import { describe, expect } from "vitest";
import { Sink } from "./capture-support.ts";
import { collect, count, dataplaneTest, expectConserved, flowFrame, modes } from "./support.ts";

const FLOWS = 40;
const FRAMES = Array.from({ length: 600 }, (_, i) => flowFrame(i % FLOWS, i));
/** A rule for each flow, of which each third is dropped, behind some that match nothing. */
const RULES = [
  ...Array.from({ length: 500 }, (_, i) => ({ source: `192.0.2.${i % 256}`, sourcePort: i })),
  ...Array.from({ length: FLOWS - 1 }, (_, flow) => ({
    sourcePort: 1024 + flow,
    verdict: flow % 3 === 0 ? ("drop" as const) : ("forward" as const),
  })),
];

describe.each(modes)("$name", (mode) => {
  dataplaneTest(
    mode,
    "a table decides and counts in a channel, and another one in the next",
    async (dataplane) => {
      const each = FRAMES.length / FLOWS;
      for (const otherwise of ["forward", "drop"] as const) {
        await using channel = await dataplane.open([ruleTable(RULES, { otherwise })]);
        for (let at = 0; at < FRAMES.length; at += 50) await channel.sendAll(FRAMES.slice(at, at + 50));
        channel.end();
        const received = count(await collect(channel));
        const counters = channel.counters();
        expectConserved(counters, FRAMES.length, received);
        const dropped = (13 + (otherwise === "drop" ? 1 : 0)) * each;
        expect(counters.drops).toEqual({ rule: dropped });
        const { rules, unmatched } = ruleCounts(counters.modules[0]!);
        expect(rules.slice(0, 500).every(({ frames }) => frames === 0)).toBe(true);
        expect(rules.slice(500).map(({ frames }) => frames)).toEqual(new Array(FLOWS - 1).fill(each));
        expect(unmatched.frames).toBe(each);
      }
    },
  );

  dataplaneTest(mode, "a capture", async (dataplane) => {
    const capture = new CaptureWriter({ format: "pcap" }).write(
      FRAMES.map((data) => ({ data, timestamp: 0n })),
    );
    const summary = await dataplane.processCapture(capture, [ruleTable(RULES)], new Sink());
    const { rules, unmatched } = ruleCounts(summary.modules[0]!);
    expect(rules.reduce((sum, { frames }) => sum + frames, 0) + unmatched.frames).toBe(FRAMES.length);
    expect(rules.slice(500).map(({ frames }) => frames)).toEqual(
      new Array(FLOWS - 1).fill(FRAMES.length / FLOWS),
    );
  });
});
