// The recipes in docs/bundlers.md are the files of test/bundlers/, to the letter: what is tested is what is told.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { FIXTURES, readRecipes } from "../support/bundled-projects.ts";

/** What only the test needs. */
const NOT_TOLD = new Set(["ferry.js", "web/app.js", "web/index.html", "node/app.js"]);

const files = new Map(
  readdirSync(FIXTURES, { recursive: true, encoding: "utf8" })
    .filter((path) => /\.(js|html)$/.test(path) && !NOT_TOLD.has(path))
    .map((path) => [path, readFileSync(join(FIXTURES, path), "utf8")]),
);
const recipes = readRecipes().filter(({ language }) => language !== "http");

test("every file that makes a project is told", () => {
  const told = new Set(recipes.map(({ text }) => text));
  expect(files.size).toBeGreaterThan(9);
  expect([...files].filter(([, text]) => !told.has(text)).map(([path]) => path)).toEqual([]);
});

test("everything that is told is a file of a project", () => {
  const known = new Set(files.values());
  expect(recipes.filter(({ text }) => !known.has(text)).map(({ text }) => text)).toEqual([]);
});
