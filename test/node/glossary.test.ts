// docs/glossary.md: each word once, in a sentence, and every file or folder that it names is there.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");
const rows = readFileSync(join(root, "docs/glossary.md"), "utf8")
  .split("\n")
  .filter((line) => /^\| (?!word |---)/.test(line))
  .map((line) => line.slice(2, -2).split(" | "));

test("every word has a meaning and a place, and stands there once", () => {
  expect(rows.length).toBeGreaterThan(25);
  for (const row of rows) expect(row).toHaveLength(3);
  const words = rows.map(([word]) => word);
  expect(new Set(words).size).toBe(words.length);
});

test.each(rows)("%s", (_word, meaning, where) => {
  expect(meaning!.split(" ").length).toBeGreaterThan(3);
  const paths = Array.from(where!.matchAll(/`([^`]+)`/g), ([, path]) => path!);
  expect(paths.length).toBeGreaterThan(0);
  expect(where!.replaceAll(/`[^`]+`/g, "").trim()).toMatch(/^[, ]*$/);
  for (const path of paths) expect(existsSync(join(root, path)), path).toBe(true);
});
