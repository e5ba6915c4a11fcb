// The fuzzer in short, its checks on frames that are known to be wrong, and how it finds the smallest case.
import { expect, test } from "vitest";
import { runFuzz } from "../../build/js/bench/fuzz/fuzz.js";
import { shrunk, shrunkBytes } from "../../build/js/bench/fuzz/shrink.js";

test("broken frames and captures: one verdict everywhere, no byte out of its place", async () => {
  const { faults, cases } = await runFuzz({ seconds: 5, seed: 1 });
  expect(faults).toEqual([]);
  for (const [name, least] of [
    ["frames", 2000],
    ["switch", 2000],
    ["captures", 50],
  ] as const)
    expect([name, (cases[name] ?? 0) > least]).toEqual([name, true]);
}, 240_000);

test("the smallest case is found, and still shows what it shows", async () => {
  const items = Array.from({ length: 300 }, (_, i) => i);
  const both = (some: readonly number[]): boolean => some.includes(17) && some.includes(250);
  expect(await shrunk(items, both)).toEqual([17, 250]);
  const bytes = Uint8Array.from(items, (i) => i & 255);
  const smallest = await shrunkBytes(bytes, (some) => some.includes(99) && some.length >= 3);
  expect([...smallest].sort()).toEqual([0, 0, 99]);
});
