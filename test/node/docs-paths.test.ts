// Documents that lead through the repository name files and folders: each of them is there.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { MAY_IMPORT } from "../support/import-graph.ts";

const root = join(import.meta.dirname, "../..");

const PLACES = /^(?:assembly|bench|docs|examples|schema|scripts|src|test)\/[\w./-]*$/;

test.each([
  ["docs/how-to-add.md", 30],
  ["docs/design.md", 20],
  ["docs/glossary.md", 25],
  ["CONTRIBUTING.md", 10],
])("%s names what is there", (document, least) => {
  const text = readFileSync(join(root, document), "utf8");
  // The rooms in the picture of the repository have no backticks.
  const words = [...text.matchAll(/`([^`\n]+)`|^ {4}(\w+\/)| (src\/\w+\/)/gm)];
  const paths = words.map(([, ...parts]) => parts.find((part) => part !== undefined)!);
  const found = [...new Set(paths.filter((path) => PLACES.test(path)))];
  expect(found.length).toBeGreaterThanOrEqual(least);
  expect(found.filter((path) => !existsSync(join(root, path)))).toEqual([]);
});

test("the map of rooms in docs/design.md is whole", () => {
  const text = readFileSync(join(root, "docs/design.md"), "utf8");
  const names = Object.keys(MAY_IMPORT).filter((room) => room !== "entries");
  expect(names.length).toBeGreaterThan(15);
  // Once each: a merge that was left half done names rooms twice.
  for (const room of names) {
    const place = new RegExp(`^ {4}.*(?<![/\\w])${room === "assembly" ? "" : "src/"}${room}/ `, "gm");
    expect({ room, lines: text.match(place)?.length }).toEqual({ room, lines: 1 });
  }
});
