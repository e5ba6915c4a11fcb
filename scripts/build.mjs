// Builds everything into build/ and dist/: kernels, TypeScript, bundles, declarations.
// Skips the work when nothing that goes in has changed since the last build and all that comes out is there.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import zopfli from "@gfx/zopfli";
import { compileSchema } from "./compile-schema.mjs";
import { layoutVersionFile } from "./layout-version.mjs";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));

const stamp = "build/inputs.sha256";
// The kernels, and those among them that a switch alone needs: what is compiled, and where it is put as text.
const modules = JSON.parse(readFileSync("assembly/modules.json", "utf8"));
const version = "src/layout/version.generated.ts";
const worker = "src/threads/worker-source.generated.ts";
const schemas = {
  switch: { path: "src/cli/switch-schema.generated.ts", validator: "validateSwitchConfig" },
  vtep: { path: "src/cli/vtep-schema.generated.ts", validator: "validateVtepConfig" },
  topology: { path: "src/cli/topology-schema.generated.ts", validator: "validateTopology" },
};
const outputs = [
  stamp,
  ...modules.flatMap(({ built, embedded }) => [embedded, `${built}.wat`]),
  version,
  worker,
  ...Object.values(schemas).map(({ path }) => path),
  "dist/worker.js",
  "dist/frameferry.wasm",
  "dist/cli.js",
];
for (const entry of [
  ...["index", "switch", "wire", "pcap", "overlay", "filter", "own-stages", "stages"],
  ...["websocket", "v86", "capture-port", "node", "linux"],
])
  outputs.push(`dist/${entry}.js`, `dist/${entry}.d.ts`);

const digest = digestOfInputs();
if (outputs.every((path) => existsSync(path)) && readFileSync(stamp, "utf8") === digest) process.exit(0);

// Clean first: a file that no longer has a source must not be packed. The stamp comes last, so that an
// interrupted build is done again.
rmSync("build", { recursive: true, force: true });
rmSync("dist", { recursive: true, force: true });
mkdirSync("build");
mkdirSync("dist");
const layouts = filesBelow("src/layout").filter((path) => path.endsWith(".layout.ts"));
writeFileSync(
  version,
  layoutVersionFile(Object.fromEntries(layouts.map((path) => [path, readFileSync(path, "utf8")]))),
);
for (const { entry, built, embedded, name, plain } of modules) {
  const files = ["--outFile", `${built}.wasm`, "--textFile", `${built}.wat`];
  run("assemblyscript/bin/asc.js", entry, "--config", "asconfig.json", "--target", "release", ...files);
  const wasm = readFileSync(`${built}.wasm`);
  // What is read at once cannot be deflated, since browsers inflate later. It is in hex, which others compress better.
  const content = plain
    ? `from ${entry}.\nexport const ${name}: string =\n  "${wasm.toString("hex")}";\n`
    : `from ${entry}, deflated.\nexport const ${name}: { readonly base64: string; readonly length: number } = {\n  base64: "${await deflated(wasm)}",\n  length: ${wasm.length},\n};\n`;
  writeFileSync(embedded, `// Written by scripts/build.mjs ${content}`);
}
cpSync("build/frameferry.wasm", "dist/frameferry.wasm");
// The worker's script is made of what tsc writes, and stands in what is bundled after it: rollup.config.mjs
// puts it into tsc's output of this file.
writeFileSync(
  worker,
  '// Written by scripts/build.mjs; rollup.config.mjs puts the script into the bundle.\nexport const WORKER_SOURCE: string = "";\n',
);
for (const [name, { path, validator }] of Object.entries(schemas))
  writeFileSync(path, compileSchema(`schema/${name}.schema.json`, validator));
run("typescript/bin/tsc", "-p", "tsconfig.json");
run("rollup/dist/bin/rollup", "-c", "--silent");
writeFileSync(stamp, digest);

/** As small as it gets: every bundle holds it, and it is packed once. */
async function deflated(bytes) {
  return Buffer.from(await zopfli.deflateAsync(bytes, { numiterations: 15 })).toString("base64");
}

function digestOfInputs() {
  const inputs = [
    "package-lock.json",
    "tsconfig.json",
    "asconfig.json",
    "rollup.config.mjs",
    "scripts/build.mjs",
    "scripts/compile-schema.mjs",
    "scripts/layout-version.mjs",
  ];
  for (const folder of ["assembly", "src", "bench", "schema"]) inputs.push(...filesBelow(folder));
  const hash = createHash("sha256");
  for (const path of inputs.sort()) {
    if (path.endsWith(".generated.ts")) continue;
    // The length keeps "ab" + "c" apart from "a" + "bc".
    const content = readFileSync(path);
    hash.update(`${path}\0${content.length}\0`).update(content);
  }
  return hash.digest("hex");
}

function run(script, ...args) {
  const { status, error } = spawnSync(process.execPath, [join("node_modules", script), ...args], {
    stdio: "inherit",
  });
  if (error !== undefined) throw error;
  if (status === 0) return;
  console.error(`build: ${script} failed${existsSync("node_modules") ? "" : ": run npm ci first"}`);
  process.exit(status ?? 1);
}

function filesBelow(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
