// Each ```ts block of the documents is type-checked and, unless marked ```ts no-run, run on its own.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { run } from "../support/run-program.ts";

interface Example {
  /** Where it stands: `README.md:12`. */
  readonly place: string;
  readonly file: string;
  readonly text: string;
  readonly runs: boolean;
}

const root = join(import.meta.dirname, "../..");
const folder = join(root, "build/examples"); // inside the package, so that it can import itself by name
const FENCE = /^```ts( no-run)?\n(.*?)^```$/gms;

function examplesIn(document: string, text: string): Example[] {
  return [...text.matchAll(FENCE)].map((match) => {
    const line = text.slice(0, match.index).split("\n").length;
    const file = `${document.replaceAll(/[^a-z]+/gi, "-")}-${line}`;
    return { place: `${document}:${line}`, file, text: match[2]!, runs: match[1] === undefined };
  });
}

const documents = ["README.md"];
if (existsSync(join(root, "docs"))) {
  for (const name of readdirSync(join(root, "docs")))
    if (name.endsWith(".md")) documents.push(`docs/${name}`);
}
const examples = documents.flatMap((name) => examplesIn(name, readFileSync(join(root, name), "utf8")));

let emptyFolder = "";
beforeAll(() => {
  emptyFolder = mkdtempSync(join(tmpdir(), "frameferry-examples-"));
});
afterAll(() => rmSync(emptyFolder, { recursive: true, force: true }));

/** Type-checks all examples at once and writes their JavaScript beside them; returns what tsc says. */
function check(into: string, all: readonly Example[]): string {
  rmSync(into, { recursive: true, force: true });
  mkdirSync(into, { recursive: true });
  for (const { file, text } of all) writeFileSync(join(into, `${file}.ts`), `${text}\nexport {};\n`);
  const compilerOptions = {
    rootDir: ".",
    outDir: ".",
    declaration: false,
    sourceMap: false,
    isolatedDeclarations: false,
    noUnusedLocals: false, // an example may stop where the point is made
    types: ["node"],
  };
  writeFileSync(
    join(into, "tsconfig.json"),
    JSON.stringify({ extends: join(root, "tsconfig.json"), compilerOptions, include: ["*.ts"], exclude: [] }),
  );
  return run(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", into], root).output;
}

test("README.md has an example", () => {
  expect(examples.some(({ place }) => place.startsWith("README.md"))).toBe(true);
});

test("all examples are found", () => {
  const openings = documents.map((name) => readFileSync(join(root, name), "utf8").match(/^\s*```ts/gm) ?? []);
  expect(examples).toHaveLength(openings.flat().length);
});

test("all examples pass the strict type check", () => {
  expect(check(folder, examples)).toBe("");
});

test.each(examples.filter(({ runs }) => runs))("$place runs", ({ file }) => {
  const { status, output } = run(process.execPath, [join(folder, `${file}.js`)], emptyFolder, 50_000);
  expect(status, output).toBe(0);
});

test("a wrong example is noticed", () => {
  const text = 'before\n```ts\nimport { nothing } from "frameferry";\n```\n```ts no-run\nthrow 1;\n```\n';
  const wrong = examplesIn("wrong.md", text);
  expect(wrong.map(({ place, runs }) => [place, runs])).toEqual([
    ["wrong.md:2", true],
    ["wrong.md:5", false],
  ]);
  expect(check(`${folder}-wrong`, wrong)).toContain("has no exported member 'nothing'");
});
