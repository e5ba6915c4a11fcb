// Verdicts of libpcap 1.10 on frames that are made the same everywhere, kept for where there is no libpcap: browsers, and
// machines without its headers. `FILTER_FREEZE=1 npx vitest run test/node/filter-libpcap.test.ts` makes them anew.
import { FrameBatch, loadKernels } from "frameferry";
import { compileFilter } from "frameferry/filter";
import { expect, test } from "vitest";
import { FROZEN_SEED, filterFrames, hexOf } from "../support/filter-frames.ts";
import { FILTER_LINKS, frozenLink } from "../support/filter-links.ts";
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

test("frozen verdicts of libpcap on frames of other links", async () => {
  const text = new TextDecoder().decode(await loadFixture("filter-link-verdicts.json"));
  const frozen = JSON.parse(text) as Readonly<Record<string, Readonly<Record<string, string>>>>;
  expect(Object.keys(frozen)).toEqual(FILTER_LINKS.map(({ name }) => name));
  for (const link of FILTER_LINKS) {
    const { frames } = frozenLink(link);
    const expressions = Object.entries(frozen[link.name] ?? {});
    expect(expressions.length, link.name).toBeGreaterThan(30);
    for (const [expression, expected] of expressions) {
      const filter = compileFilter(expression, { scope: "text" });
      const verdicts = frames.map(({ bytes, wireLength }) =>
        filter.matches(bytes, wireLength, link.linkType) ? "1" : "0",
      );
      expect(hexOf(verdicts.join("")), `${link.name}: ${expression}`).toBe(expected);
    }
  }
});
