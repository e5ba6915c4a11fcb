// Offsets are named once, in src/layout/: nothing that reads the kernels' memory adds a number to an address instead.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");

/** How words of the memory are read: `words[(cursor + 64) >>> 2]`, `load(ring + 128)`, `(fdb.address + 72) >>> 2`. */
const BY_NUMBER = /(?:\([^()\n]* \+ (?:0x)?\d+\) >>> 2|\bload\([^()\n]* \+ (?:0x)?\d+\))/g;

function byNumber(text: string): string[] {
  return Array.from(text.matchAll(BY_NUMBER), ([found]) => found);
}

test("what adds a number to an address is found", () => {
  const text =
    "words[(cursor + 64) >>> 2]; load(ring + 128) !== load(journal + 4); const lock = (core.fdb.address + 72) >>> 2;";
  expect(byNumber(text)).toHaveLength(4);
  expect(byNumber("words[(cursor + CURSOR_STAGES) >>> 2]; load(ring + RING_HEAD)")).toEqual([]);
});

test.each(["test", "bench", "src"])("%s/ names its offsets", (folder) => {
  const files = readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).filter(
    (path) => path.endsWith(".ts") && !import.meta.filename.endsWith(path),
  );
  expect(files.length).toBeGreaterThan(10);
  const found = files.flatMap((path) =>
    byNumber(readFileSync(join(root, folder, path), "utf8")).map((text) => `${folder}/${path}: ${text}`),
  );
  expect(found).toEqual([]);
});
