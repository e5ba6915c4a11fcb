// What bundlers leave out: nothing that is unused gets into a bundle, and nothing that is used falls out of it.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { nodeResolve } from "@rollup/plugin-node-resolve";
import * as esbuild from "esbuild";
import { rollup } from "rollup";
import * as vite from "vite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import webpack from "webpack";
import { type InstalledPackage, installPackage, packageJson, root } from "../support/installed-package.ts";

let installed: InstalledPackage;
let project = "";
beforeAll(() => {
  installed = installPackage();
  project = installed.project;
}, 600_000);
afterAll(() => installed?.remove());

/** Each makes one script, for browsers, of the module at `input`, as it does for production. */
const BUNDLERS = {
  async esbuild(input: string): Promise<string> {
    const { outputFiles } = await esbuild.build({
      entryPoints: [input],
      bundle: true,
      minify: true,
      format: "esm",
      write: false,
      logLevel: "silent",
    });
    return outputFiles[0]!.text;
  },
  async rollup(input: string): Promise<string> {
    const bundle = await rollup({ input, plugins: [nodeResolve({ browser: true })], logLevel: "silent" });
    const { output } = await bundle.generate({ format: "es" });
    await bundle.close();
    return (await esbuild.transform(output[0].code, { minify: true, format: "esm" })).code;
  },
  async vite(input: string): Promise<string> {
    const result = await vite.build({
      root: project,
      configFile: false,
      logLevel: "silent",
      build: { write: false, rollupOptions: { input, output: { format: "es" } }, modulePreload: false },
    });
    const output = (result as { output: readonly { type: string; code?: string }[] }).output;
    return output.find(({ type }) => type === "chunk")?.code ?? "";
  },
  async webpack(input: string): Promise<string> {
    const stats = await new Promise<webpack.Stats | undefined>((resolve, reject) =>
      webpack(
        {
          mode: "production",
          context: project,
          entry: input,
          output: { path: join(project, "webpack"), filename: "bundle.js" },
          // What it says of sizes is its opinion; how large they are is looked at below.
          performance: { hints: false },
        },
        (error, stats) => (error ? reject(error) : resolve(stats)),
      ),
    );
    expect(stats?.toJson({ all: false, errors: true, warnings: true })).toMatchObject({
      errors: [],
      warnings: [],
    });
    return readFileSync(join(project, "webpack/bundle.js"), "utf8");
  },
} as const;

/** Some of the text that a module of kernels is in the JavaScript: not the first, in which two modules may be alike. */
function embedded(file: string): string {
  const [, text = ""] = /base64: "([^"]*)"/.exec(readFileSync(join(root, file), "utf8")) ?? [];
  expect(text.length).toBeGreaterThan(10_000);
  return text.slice(1000, 1064);
}

/** Text that only this part of the package has, and that no minifier changes. */
const PARTS = {
  kernels: embedded("src/kernel/kernels.generated.ts"),
  "kernels of switches": embedded("src/live/switch-kernels.generated.ts"),
  worker: "this worker has shared memory",
  addresses: "(?:0|[1-9][0-9]{0,2})",
  captures: "a Uint8Array, a Blob, a ReadableStream or an iterable",
} as const;

type Part = keyof typeof PARTS;

/** What is imported, which parts the bundle has of it, and the line of docs/bundlers.md that says what it weighs. */
const CASES: readonly (readonly [code: string, parts: readonly Part[], line: string | undefined])[] = [
  ['import "frameferry"; import "frameferry/wire"; import "frameferry/pcap";', [], undefined],
  ['import "frameferry/worker.js";', ["worker"], undefined],
  [
    'import { parseVxlan } from "frameferry/wire"; console.log(parseVxlan);',
    [],
    "one codec: `parseVxlan` of `frameferry/wire`",
  ],
  [
    'import * as wire from "frameferry/wire"; console.log({ ...wire });',
    ["addresses"],
    "all of `frameferry/wire`",
  ],
  [
    'import * as pcap from "frameferry/pcap"; console.log({ ...pcap });',
    ["captures"],
    "all of `frameferry/pcap`",
  ],
  [
    'import { openWebSocketPort } from "frameferry/websocket"; console.log(openWebSocketPort);',
    [],
    "`openWebSocketPort` of `frameferry/websocket`",
  ],
  ['import { v86Port } from "frameferry/v86"; console.log(v86Port);', [], "`v86Port` of `frameferry/v86`"],
  [
    'import { capturePort } from "frameferry/capture-port"; console.log(capturePort);',
    ["captures"],
    "`capturePort` of `frameferry/capture-port`",
  ],
  [
    'import { FrameBatch, loadKernels, Pipeline } from "frameferry"; console.log(FrameBatch, loadKernels, Pipeline);',
    ["kernels", "addresses"],
    "`loadKernels`, `FrameBatch`, `Pipeline`",
  ],
  [
    'import { createSwitch } from "frameferry/switch"; console.log(createSwitch);',
    ["kernels of switches", "worker", "addresses"],
    "`createSwitch` of `frameferry/switch`",
  ],
  [
    'import { createDataplane } from "frameferry"; console.log(createDataplane);',
    ["kernels", "worker", "addresses", "captures"],
    "`createDataplane`",
  ],
  [
    'import { createDataplane } from "frameferry"; import { rate } from "frameferry/stages"; console.log(createDataplane, rate);',
    ["kernels", "worker", "addresses", "captures"],
    "`createDataplane`, and `rate` of `frameferry/stages`",
  ],
  [
    'import { createDataplane } from "frameferry"; import { compileFilter } from "frameferry/filter"; console.log(createDataplane, compileFilter);',
    ["kernels", "worker", "addresses", "captures"],
    "`createDataplane`, and `compileFilter` of `frameferry/filter`",
  ],
];

/** What docs/bundlers.md says of sizes in bytes, by the first column of its table. */
const told = new Map(
  Array.from(
    readFileSync(join(root, "docs/bundlers.md"), "utf8").matchAll(
      /^\| (.*) \| ([\d.]+) kB \| ([\d.]+) kB \|$/gm,
    ),
    ([, line, minified, gzip]) => [line!, { minified: Number(minified) * 1000, gzip: Number(gzip) * 1000 }],
  ),
);

describe.each(Object.keys(BUNDLERS) as (keyof typeof BUNDLERS)[])("%s", (name) => {
  test.each(CASES)("%s", async (code, parts, line) => {
    const input = join(project, "entry.js");
    writeFileSync(input, code);
    const bundle = await BUNDLERS[name](input);
    expect((Object.keys(PARTS) as Part[]).filter((part) => bundle.includes(PARTS[part]))).toEqual(parts);
    if (line === undefined) return;
    const { minified, gzip } = told.get(line)!;
    // The document's figures are esbuild's; they may be a little behind, and the other bundlers a little off.
    const tolerance = name === "esbuild" ? 0.15 : 0.3;
    expect(Math.abs(bundle.length / minified - 1)).toBeLessThan(tolerance);
    expect(Math.abs(gzipSync(bundle).length / gzip - 1)).toBeLessThan(tolerance);
  });
});

test("every size in docs/bundlers.md is measured", () => {
  expect([...told.keys()]).toEqual(CASES.flatMap(([, , line]) => line ?? []));
});

test("package.json lists the files that act when they are evaluated", async () => {
  const dist = join(root, "dist");
  const files = readdirSync(dist, { recursive: true, encoding: "utf8" }).filter((path) =>
    /^(?!cli\/).*\.js$/.test(path),
  );
  // What the command line is made of is never bundled by others, and counts as acting.
  const acting = ["./dist/cli/*.js"];
  for (const file of files) if (await acts(join(dist, file))) acting.push(`./dist/${file}`);
  // One holds code of others that acts on nothing but itself: unused, it may be dropped, as long as it is alone there.
  const ofOthers = ["threads"];
  // These make tables of rows, out of rows that functions make: no bundler knows that those change nothing.
  const ofTables = [
    "fdb",
    "filter",
    "linux",
    "overlay",
    "packet",
    "pcap",
    "ready",
    "rules",
    "sockets",
    "stages",
    "switch",
    "tunnel",
    "wire",
  ];
  const declaredPure = [...ofOthers, ...ofTables].map((name) => `./dist/shared/${name}.js`);
  expect(acting.sort()).toEqual([...packageJson.sideEffects, ...declaredPure].sort());
});

/** What rows of options are made by. */
const ROW_MAKERS = [
  ...[
    "whole",
    "powerOfTwo",
    "choice",
    "flag",
    "bytes",
    "text",
    "uint64",
    "callback",
    "signal",
    "given",
    "list",
    "object",
  ],
  ...["mac", "ip", "station", "stationMac", "stageKind"],
];

/** Whether rollup finds anything to keep in a file of which nothing is exported. */
async function acts(input: string): Promise<boolean> {
  const noExports = (code: string): string => code.replaceAll(/^export \{.*$/gm, "");
  // What rollup cannot know of these: they change nothing.
  const pure = (code: string): string => code.replaceAll(/\bnew (?=TextEncoder\b)/g, "/*@__PURE__*/ new ");
  const bundle = await rollup({
    input,
    external: (id) => id !== input,
    treeshake: {
      moduleSideEffects: (id) => id === input,
      propertyReadSideEffects: false,
      manualPureFunctions: ["promisify", ...ROW_MAKERS],
    },
    plugins: [{ name: "no-exports", transform: (code) => pure(noExports(code)) }],
    logLevel: "silent",
  });
  const { output } = await bundle.generate({ format: "es" });
  await bundle.close();
  return output[0].code.trim() !== "";
}
