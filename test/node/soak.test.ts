// The soak and the fuzzer in short: `npm run soak` and `npm run fuzz` do it for as long as one likes.
import { expect, test } from "vitest";
import { runSoak } from "../../build/js/bench/soak/soak.js";

test("the soak: changing switches, channels, captures and calls, and all books balance", async () => {
  const { faults, frames, pauses, changes, deaths, chapters } = await runSoak({ seconds: 6, seed: 1 });
  expect(faults).toEqual([]);
  expect(chapters.length).toBeGreaterThan(10);
  for (const [what, least] of [
    [frames, 10_000],
    [pauses, 20],
    [changes, 100],
    [deaths, 2],
  ] as const)
    expect(what).toBeGreaterThan(least);
});
