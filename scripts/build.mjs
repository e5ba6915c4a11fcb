// Builds everything into build/ and dist/: kernels, TypeScript, bundles, declarations.
// Skips the work when nothing that goes in has changed since the last build.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));

const inputs = [
  "package-lock.json",
  "tsconfig.json",
  "asconfig.json",
  "rollup.config.mjs",
  "scripts/build.mjs",
];
for (const folder of ["assembly", "src", "bench"]) inputs.push(...filesBelow(folder));
const hash = createHash("sha256");
for (const path of inputs.sort())
  if (!path.endsWith(".generated.ts")) hash.update(path).update(readFileSync(path));
const digest = hash.digest("hex");
const stamp = "build/inputs.sha256";
if (existsSync(stamp) && existsSync("dist/cli.js") && readFileSync(stamp, "utf8") === digest) process.exit(0);

rmSync("build", { recursive: true, force: true });
rmSync("dist", { recursive: true, force: true });
mkdirSync("build");
mkdirSync("dist");
run("assemblyscript/bin/asc.js", "--config", "asconfig.json", "--target", "release");
const wasm = readFileSync("build/frameferry.wasm");
cpSync("build/frameferry.wasm", "dist/frameferry.wasm");
writeFileSync(
  "src/kernel/kernels.generated.ts",
  `// Written by scripts/build.mjs from assembly/.\nexport const KERNELS_BASE64: string =\n  "${wasm.toString("base64")}";\n`,
);
run("typescript/bin/tsc", "-p", "tsconfig.json");
run("rollup/dist/bin/rollup", "-c", "--silent");
writeFileSync(stamp, digest);

function run(script, ...args) {
  const { status } = spawnSync(process.execPath, [join("node_modules", script), ...args], {
    stdio: "inherit",
  });
  if (status !== 0) process.exit(status ?? 1);
}

function filesBelow(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
