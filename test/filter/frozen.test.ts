// Verdicts of libpcap 1.10 on frames that are made the same everywhere, kept for where there is no libpcap: browsers, and
// machines without its headers. `FILTER_FREEZE=1 npx vitest run test/node/filter-libpcap.test.ts` makes them anew.
import { FrameBatch, loadKernels } from "frameferry";
import { compileFilter } from "frameferry/filter";
import { expect, test } from "vitest";
import { FROZEN_SEED, filterFrames, hexOf } from "../support/filter-frames.ts";
import { loadFixture } from "../support/fixtures.ts";

test("frozen verdicts of libpcap", async () => {
  const text = new TextDecoder().decode(await loadFixture("filter-verdicts.json"));
  const frozen = Object.entries(JSON.parse(text) as Readonly<Record<string, string>>);
  expect(frozen.length).toBeGreaterThan(60);
  const frames = filterFrames(FROZEN_SEED);
  const kernels = await loadKernels();
  using batch = new FrameBatch(kernels, { frames: frames.length });
  for (const [expression, expected] of frozen) {
    batch.clear();
    for (const { bytes, wireLength } of frames) batch.add(bytes, { wireLength });
    compileFilter(expression, { scope: "text" }).run(batch);
    const verdicts = frames.map((_, index) => (batch.verdict(index) === "forward" ? "1" : "0"));
    expect(hexOf(verdicts.join("")), expression).toBe(expected);
  }
});
