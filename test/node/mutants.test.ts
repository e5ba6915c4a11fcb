// The list of planted faults must not rot: each has its place in the sources, and tests that look at it.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { MUTANTS } from "../../build/js/bench/mutants/list.js";
import { markedTable, tableRows, withRows } from "../../build/js/bench/mutants/table.js";

const root = join(import.meta.dirname, "../..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");

describe.each(MUTANTS)("$name", ({ file, search, replacement, tests }) => {
  test("has its text in its file, once", () => {
    expect(read(file).split(search).length - 1).toBe(1);
    expect(replacement).not.toBe(search);
  });

  test("names tests that are there", () => {
    expect(tests.length).toBeGreaterThan(0);
    for (const path of tests) expect([path, existsSync(join(root, "test", path))]).toEqual([path, true]);
  });
});

test("there are enough of them, each by a name of its own", () => {
  expect(MUTANTS.length).toBeGreaterThanOrEqual(30);
  expect(new Set(MUTANTS.map(({ name }) => name)).size).toBe(MUTANTS.length);
});

test("the table in docs/testing.md names faults of the list, and no others", () => {
  const names = tableRows(read("docs/testing.md")).map(([name]) => name);
  const known = MUTANTS.map(({ name }) => name);
  expect(names.filter((name) => !known.includes(name as string))).toEqual([]);
});

test("new rows take the place of those of the same name, the others stay", () => {
  const text = `before\n${markedTable([
    ["a", "1", "x", "y"],
    ["b", "2", "x", "y"],
  ])}\nafter`;
  const rows = tableRows(
    withRows(
      text,
      [
        ["b", "3", "x", "y"],
        ["c", "4", "x", "y"],
      ],
      ["c", "a", "b"],
    ),
  );
  expect(rows).toEqual([
    ["c", "4", "x", "y"],
    ["a", "1", "x", "y"],
    ["b", "3", "x", "y"],
  ]);
  expect(() => withRows("no table", [], [])).toThrow(/docs\/testing\.md/);
});
