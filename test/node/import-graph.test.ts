import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { breaches, MAXIMUM_LINES, unused } from "../support/import-graph.ts";

const root = join(import.meta.dirname, "../..");

function sources(): Map<string, string> {
  const files = new Map<string, string>();
  for (const folder of ["assembly", "src"]) {
    for (const name of readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })) {
      const path = join(folder, name);
      if (path.endsWith(".ts")) files.set(path, readFileSync(join(root, path), "utf8"));
    }
  }
  return files;
}

test("src/ and assembly/ keep the one direction of imports", () => {
  const files = sources();
  expect(files.size).toBeGreaterThan(20);
  expect(breaches(files)).toEqual([]);
  expect(unused(files)).toEqual([]);
});

test("a way that nobody goes is found", () => {
  const files = new Map(Object.entries(others));
  expect(unused(files)).toContain("wire -> layout");
  expect(unused(files)).not.toContain("wire -> core");
});

// Proof that each rule can be broken: one file, and what is wrong with it.
const others = {
  "src/layout/a.layout.ts": "// A comment.\n/** Another. */\nexport const LENGTH = 0x0f; // and one more\n",
  "src/core/b.ts": 'import { LENGTH } from "../layout/a.layout.ts";\n',
  "src/wire/c.ts": 'import type { B } from "../core/b.ts";\n',
  "src/kernel/d.ts": 'export { B } from "../core/b.ts";\n',
  "src/platform/e.ts": 'import { open } from "node:fs/promises";\n',
  "src/node.ts": 'import { open } from "node:fs/promises";\nimport "./platform/e.ts";\n',
  "src/cli/f.ts": 'import { Command } from "commander";\nimport "../node.ts";\n',
  "src/threads/g.ts": 'import * as Comlink from "comlink";\n',
  "assembly/h.ts": 'import { LENGTH } from "../src/layout/a.layout";\n',
};

test("a tree that keeps the rules passes", () => {
  expect(breaches(new Map(Object.entries(others)))).toEqual([]);
});

test.each([
  ["src/wire/bad.ts", 'import { d } from "../kernel/d.ts";', "wire may not import src/kernel/d.ts"],
  ["src/wire/bad.ts", 'import type { D } from "../kernel/d.ts";', "wire may not import src/kernel/d.ts"],
  ["src/wire/bad.ts", 'const d = await import("../kernel/d.ts");', "wire may not import src/kernel/d.ts"],
  ["src/wire/bad.ts", 'let d: import("../kernel/d.ts").D;', "wire may not import src/kernel/d.ts"],
  ["src/pcap/bad.ts", 'export { C } from "../wire/c.ts";', "pcap may not import src/wire/c.ts"],
  ["src/core/bad.ts", 'import "../platform/e.ts";', "core may not import src/platform/e.ts"],
  ["src/overlay/bad.ts", 'import "../cli/f.ts";', "overlay may not import src/cli/f.ts"],
  ["src/bad.ts", 'import "./cli/f.ts";', "entries may not import src/cli/f.ts"],
  ["assembly/bad.ts", 'import { B } from "../src/core/b";', "assembly may not import src/core/b.ts"],
  ["src/core/bad.ts", 'import "../../test/x.ts";', "../../test/x.ts is no file of src/ or assembly/"],
  ["src/core/bad.ts", 'import "../misc/x.ts";', "../misc/x.ts is no file of src/ or assembly/"],
  ["src/misc/bad.ts", "", "misc is not in the table of rooms"],
  ["src/core/bad.ts", 'import { join } from "node:path";', "may not import node:path"],
  ["src/bad.ts", 'import { join } from "node:path";', "may not import node:path"],
  ["src/switch/bad.ts", 'import { wrap } from "comlink";', "may not import comlink"],
  ["src/core/bad.ts", 'import "@some/thing/inside";', "@some/thing is not in the table of packages"],
  ["src/bad.ts", 'export * from "./core/b.ts";', "export *"],
  ["src/bad.ts", 'export * as b from "./core/b.ts";', "export *"],
  ["src/layout/bad.layout.ts", "export const A = 2 * 3;", "not a literal: export const A = 2 * 3;"],
  ["src/layout/bad.layout.ts", "export const A: number = 2;", "not a literal: export const A: number = 2;"],
  ["src/layout/bad.layout.ts", 'import "./a.layout.ts";', 'not a literal: import "./a.layout.ts";'],
  [
    "src/core/bad.ts",
    `${"\n".repeat(MAXIMUM_LINES)}1;`,
    `${MAXIMUM_LINES + 1} lines, more than ${MAXIMUM_LINES}`,
  ],
])("%s with %j is refused", (path, text, breach) => {
  expect(breaches(new Map(Object.entries({ ...others, [path]: text })))).toEqual([`${path}: ${breach}`]);
});

test("a cycle is refused and spelt out", () => {
  const files = new Map([
    ["src/core/a.ts", 'import "./b.ts";'],
    ["src/core/b.ts", 'import "./c.ts";'],
    ["src/core/c.ts", 'import "./b.ts";'],
  ]);
  expect(breaches(files)).toEqual(["cycle: src/core/b.ts -> src/core/c.ts -> src/core/b.ts"]);
});
