// Three passes over what tsc wrote to build/js: the worker's script, the JavaScript, the declarations.
// What the command line needs stays an import. ipaddr.js, which the browser needs too, is CommonJS and so
// no page could import it as it is: it goes into the bundle, with its licence in THIRD-PARTY.md.

import { writeFileSync } from "node:fs";
import commonjs from "@rollup/plugin-commonjs";
import { nodeResolve } from "@rollup/plugin-node-resolve";
import terser from "@rollup/plugin-terser";
import dts from "rollup-plugin-dts";

const entries = {
  index: "build/js/src/index.js",
  switch: "build/js/src/switch.js",
  wire: "build/js/src/wire.js",
  pcap: "build/js/src/pcap.js",
  overlay: "build/js/src/overlay.js",
  node: "build/js/src/node.js",
};
const external = [/^node:/, "commander", "cli-progress", "tinybench"];
const output = { dir: "dist", format: "es", chunkFileNames: "shared/[name].js" };

/**
 * Code of others does things when it is evaluated, and so no bundler drops it from within a file that is used.
 * In files of their own, which `sideEffects` of package.json declares free of them, it is dropped unless used.
 */
function chunkOf(id) {
  if (/\/src\/live\//.test(id)) return "live";
  if (/\/(node_modules\/comlink|src\/(dataplane|threads|lane))\//.test(id)) return "dataplane";
  if (/\/src\/(ring|capture)\//.test(id)) return "rings";
  if (/\/src\/port\//.test(id)) return "ports";
  if (/\/(node_modules\/ipaddr\.js|src\/core\/addresses)\b/.test(id)) return "addresses";
  return undefined;
}

/** Puts the worker's script as a string where the next pass finds it. */
const embedWorker = {
  name: "embed-worker",
  writeBundle(_options, bundle) {
    const source = JSON.stringify(bundle["worker.js"].code);
    writeFileSync(
      "build/js/src/threads/worker-source.generated.js",
      `export const WORKER_SOURCE = ${source};\n`,
    );
  },
};

export default [
  {
    input: "build/js/src/threads/worker-entry.js",
    // Minified, because no bundler sees into the string that it becomes.
    plugins: [nodeResolve(), terser(), embedWorker],
    // A classic script that imports nothing: it starts from a file, from a Blob and in Node alike.
    output: { file: "dist/worker.js", format: "iife", sourcemap: false },
  },
  {
    input: { ...entries, cli: "build/js/src/cli/main.js" },
    external,
    plugins: [nodeResolve(), commonjs()],
    output: { ...output, sourcemap: false, manualChunks: chunkOf, onlyExplicitManualChunks: true },
  },
  {
    input: Object.fromEntries(
      Object.entries(entries).map(([name, path]) => [name, path.replace(/\.js$/, ".d.ts")]),
    ),
    external,
    plugins: [dts()],
    output: { ...output, chunkFileNames: "shared/[name].d.ts" },
  },
];
