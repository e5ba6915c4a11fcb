// docs/seed-coverage.md names tests: all of them must be there.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");
const document = readFileSync(join(root, "docs/seed-coverage.md"), "utf8");
const rows = document
  .split("\n")
  .filter((line) => line.startsWith("| ") && !/^\| (where|---)/.test(line))
  .map((line) => line.slice(2, -2).split(" | "));

/** What stands in a file as the title of a test: `test("..."`, `it.each(...)("..."`. */
function hasTest(source: string, title: string): boolean {
  const escaped = title.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`(?:\\b(?:test|it)\\(|\\)\\()\\s*"${escaped}",`).test(source);
}

/** Complaints about what a cell names. */
function complaints(cell: string): string[] {
  const named = cell.split(/; (?=`)/);
  return named.flatMap((one) => {
    const [, file, title] = /^`(test\/[\w./-]+\.test\.ts)`: "([^"]+)"$/.exec(one) ?? [];
    if (file === undefined || title === undefined) return [`${one}: names no test`];
    if (!existsSync(join(root, file))) return [`${file}: no such file`];
    return hasTest(readFileSync(join(root, file), "utf8"), title) ? [] : [`${file}: has no test "${title}"`];
  });
}

describe("docs/seed-coverage.md", () => {
  test("names for each sentence tests that are there", () => {
    expect(rows.length).toBeGreaterThan(45);
    for (const cells of rows) expect(cells, cells.join(" | ")).toHaveLength(3);
    expect(rows.flatMap(([, , cell]) => complaints(cell as string))).toEqual([]);
  });

  test("has all four sections and all nine figures", () => {
    const sections = [...document.matchAll(/^## (\d(?:\.\d)?)/gm)].map(([, number]) => number);
    expect(sections).toEqual(["1.", "2.1", "2.2", "2.3", "3.", "4."].map((one) => one.replace(/\.$/, "")));
    const figures = rows.flatMap(([where]) => {
      const numbers = where?.startsWith("section") ? where.replace(/^section [\d.]+/, "") : where;
      return /figure/.test(numbers ?? "") ? (numbers?.match(/\d/g) ?? []) : [];
    });
    expect([...new Set(figures)].sort()).toEqual(["1", "2", "3", "4", "5", "6", "7", "8", "9"]);
  });

  test("would be found out", () => {
    expect(complaints("no test at all")).toHaveLength(1);
    expect(complaints('`test/node/nowhere.test.ts`: "x"')).toHaveLength(1);
    expect(complaints('`test/node/seed-coverage.test.ts`: "has all four"')).toHaveLength(1);
    expect(complaints('`test/node/seed-coverage.test.ts`: "would be found out"')).toEqual([]);
  });
});
