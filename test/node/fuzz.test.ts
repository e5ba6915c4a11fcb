// The fuzzer in short, its checks on frames that are known to be wrong, and how it finds the smallest case.
import { expect, test } from "vitest";
import { runFuzz } from "../../build/js/bench/fuzz/fuzz.js";
import { shrunk, shrunkBytes } from "../../build/js/bench/fuzz/shrink.js";

/** Faults of captures that are known and have yet to be mended: each is taken off here by who mends it. */
const OPEN: readonly RegExp[] = [
  // Options of a packet block that contradict each other: processCapture does not look at them.
  /the reader and processCapture disagree: .*option \d+ claims/,
  /the output is refused by the reader: .*option \d+ claims/,
  // A block of more than 2 MiB is passed on as it comes, and stays without its end where the capture is cut.
  /the output is refused by the reader: .*the file ends \d+ bytes into a block/,
];

test("broken frames and captures: one verdict everywhere, no byte out of its place", async () => {
  const { faults, cases } = await runFuzz({ seconds: 5, seed: 1 });
  const unknown = faults.filter(({ what }) => !OPEN.some((open) => open.test(what)));
  expect(unknown).toEqual([]);
  for (const [name, least] of [
    ["frames", 2000],
    ["switch", 2000],
    ["captures", 50],
  ] as const)
    expect([name, (cases[name] ?? 0) > least]).toEqual([name, true]);
});

test("the smallest case is found, and still shows what it shows", async () => {
  const items = Array.from({ length: 300 }, (_, i) => i);
  const both = (some: readonly number[]): boolean => some.includes(17) && some.includes(250);
  expect(await shrunk(items, both)).toEqual([17, 250]);
  const bytes = Uint8Array.from(items, (i) => i & 255);
  const smallest = await shrunkBytes(bytes, (some) => some.includes(99) && some.length >= 3);
  expect([...smallest].sort()).toEqual([0, 0, 99]);
});
