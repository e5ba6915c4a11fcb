// Four passes over what tsc wrote to build/js: the worker's script, the JavaScript, the command line, the declarations.

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
  filter: "build/js/src/filter.js",
  "own-stages": "build/js/src/own-stages.js",
  stages: "build/js/src/stages.js",
  websocket: "build/js/src/websocket.js",
  v86: "build/js/src/v86.js",
  "capture-port": "build/js/src/capture-port.js",
  node: "build/js/src/node.js",
  linux: "build/js/src/linux.js",
};
// What users install who need it, beside what Node has.
const external = [/^node:/, "ws"];
// Names stay whole between the files: whoever reads a stack or a bundle knows them.
const output = {
  dir: "dist",
  format: "es",
  chunkFileNames: "shared/[name].js",
  minifyInternalExports: false,
};

/**
 * A file for each room of src/, so that the rooms which are not used are dropped: `sideEffects` of package.json declares
 * files free of effects, while no bundler can know that of the tables of options that stand within one. Code of others
 * does things when it is evaluated, too. The command line is cut by its commands, as they are loaded.
 */
function chunkOf(id) {
  if (/\/node_modules\/comlink\//.test(id)) return "threads";
  if (/\/src\/core\/(addresses|address-fields|ip-text|prefixes)\b/.test(id)) return "addresses";
  // A running switch counts frames and writes templates, but has no stages.
  if (
    /\/src\/pipeline\/(compile\.|pipeline\.|stage|count-stage|filter-stage|module-|javascript-|sample-|vlan-|decapsulate-|write-(stage|decapsulate|encapsulation|any))/.test(
      id,
    ) ||
    /\/src\/tunnel\/(any\.|encapsulation)/.test(id)
  )
    return "stages";
  // What the scripts of stages load in workers: without the kernels, which are there.
  if (/\/src\/kernel\/scripts\b/.test(id)) return "scripts";
  // What only Node has is kept from pages.
  if (/\/src\/platform\/(?!threads|turns|compression)/.test(id)) return "files";
  return /\/src\/(?!cli\/)(\w+)\//.exec(id)?.[1];
}

/**
 * What captures go through is one file, loaded by nearly every command, and as short as it can be: 375 kB of it took Node 19 to
 * 36 ms to compile (a busy machine). What else there is has files by what it is for: workers, who looks into records, who
 * looks into frames.
 */
const COMMAND_CHUNKS = [
  [/\/node_modules\/commander\//, "program"],
  [/\/node_modules\/comlink\//, "workers"],
  [/\/src\/(threads|dataplane|lane|ring|port)\//, "workers"],
  [/\/src\/capture\/(capture-slot|shared-|piece-board)/, "workers"],
  // Stages write headers with these codecs.
  [
    /\/src\/wire\/(geneve|gre|vxlan|bytes|parsed|checksum|ethernet|ipv4|ipv6|udp|vlan|address-bytes)\./,
    "captures",
  ],
  [/\/src\/wire\//, "packet"],
  [
    /\/src\/pcap\/(byte-s|capture-error|check-sequence|container|pcap-format|pcapng-format|problems|options)/,
    "captures",
  ],
  [/\/src\/pcap\//, "records"],
  // What nearly every command has to say and to ask.
  [
    /\/src\/cli\/(transform|capture-work|capture-source|summary|options|ports-option|progress|failures|print)/,
    "command",
  ],
  [/\/src\/cli\/(split-output|jobs|filter-option|text-table|times)\./, "command"],
];

function commandChunkOf(id) {
  const named = COMMAND_CHUNKS.find(([pattern]) => pattern.test(id));
  if (named !== undefined) return named[1];
  const room = /\/src\/(?!cli\/)(\w+)(\/|\.js$)/.exec(id)?.[1];
  return room === undefined ||
    /^(packet|switch|overlay|filter|fdb|ready|linux|live|sockets|websocket)$/.test(room)
    ? room
    : "captures";
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
    // The comments tell bundlers that take the file that the script of a stage is none of theirs.
    plugins: [nodeResolve(), terser({ format: { comments: /webpackIgnore|@vite-ignore/ } }), embedWorker],
    // A classic script that imports nothing: it starts from a file, from a Blob and in Node alike.
    output: { file: "dist/worker.js", format: "iife", sourcemap: false },
  },
  {
    input: entries,
    external,
    plugins: [nodeResolve(), commonjs()],
    output: { ...output, sourcemap: false, manualChunks: chunkOf, onlyExplicitManualChunks: true },
  },
  {
    // Apart, and minified with what it is made with: a command waits for all that it loads, and Node takes a third less time
    // for it in few short files. Nobody imports the command line, so nobody misses the names.
    input: { cli: "build/js/src/cli/main.js" },
    external: [/^node:/, "tinybench"],
    plugins: [nodeResolve(), commonjs(), terser({ module: true })],
    output: {
      ...output,
      sourcemap: false,
      chunkFileNames: "cli/[name].js",
      hoistTransitiveImports: false,
      manualChunks: commandChunkOf,
      onlyExplicitManualChunks: true,
    },
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
