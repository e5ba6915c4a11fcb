// The one direction of imports, as a table, and the check of a set of source files against it.
import { posix } from "node:path";
import ts from "typescript";

const BELOW_KERNEL = ["layout", "core", "wire"];
const BELOW_PIPELINE = [...BELOW_KERNEL, "kernel", "frame", "ring"];
const BELOW_SWITCH = [...BELOW_PIPELINE, "pipeline"];
const BELOW_WORKER = [...BELOW_SWITCH, "fdb", "capture", "switch", "pcap"];
const BELOW_OVERLAY = [...BELOW_WORKER, "worker"];
const BELOW_ENTRIES = [...BELOW_OVERLAY, "overlay", "platform"];

/** Each room, and the rooms it may import beside itself. A room is a folder of src/, or assembly/. */
export const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  layout: [],
  assembly: ["layout"],
  core: ["layout"],
  platform: ["layout", "core"],
  wire: ["layout", "core"],
  pcap: ["layout", "core"],
  kernel: [...BELOW_KERNEL, "platform"],
  frame: [...BELOW_KERNEL, "kernel"],
  ring: [...BELOW_KERNEL, "kernel"],
  pipeline: BELOW_PIPELINE,
  fdb: BELOW_SWITCH,
  capture: [...BELOW_SWITCH, "pcap", "platform"],
  switch: [...BELOW_SWITCH, "fdb"],
  worker: [...BELOW_WORKER, "platform"],
  overlay: BELOW_OVERLAY,
  entries: BELOW_ENTRIES, // src/*.ts
  cli: [...BELOW_ENTRIES, "entries"], // and nothing imports cli
};

/** Each package, and the rooms or files that may import it. */
export const PACKAGE_IN: Readonly<Record<string, readonly string[]>> = {
  "node:": ["platform", "cli", "src/node.ts"],
  comlink: ["worker"],
  "ipaddr.js": ["core"],
  commander: ["cli"],
  "cli-progress": ["cli"],
  tinybench: ["cli"],
};

/** What is outside of src/ and yet part of the command line. */
const SHORT_BENCHMARK = "bench/short.ts";

export const MAXIMUM_LINES = 400;

/** Every breach of the rules in `files` (path from the repository's root -> text), one sentence each. */
export function breaches(files: ReadonlyMap<string, string>): string[] {
  const found: string[] = [];
  const edges = new Map<string, string[]>();
  for (const [path, text] of files) {
    const room = roomOf(path);
    const allowed = MAY_IMPORT[room];
    if (allowed === undefined) {
      found.push(`${path}: ${room} is not in the table of rooms`);
      continue;
    }
    const lines = text.trimEnd().split("\n").length;
    if (lines > MAXIMUM_LINES) found.push(`${path}: ${lines} lines, more than ${MAXIMUM_LINES}`);
    const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest);
    if (source.statements.some(exportsEverything)) found.push(`${path}: export *`);
    if (room === "layout")
      found.push(...notLiterals(source).map((line) => `${path}: not a literal: ${line}`));

    const targets: string[] = [];
    edges.set(path, targets);
    for (const { fileName: specifier } of ts.preProcessFile(text, true, true).importedFiles) {
      if (!specifier.startsWith(".")) {
        const name = packageOf(specifier);
        const places = PACKAGE_IN[name];
        if (places === undefined) found.push(`${path}: ${name} is not in the table of packages`);
        else if (!places.includes(room) && !places.includes(path))
          found.push(`${path}: may not import ${specifier}`);
        continue;
      }
      const target = resolve(path, specifier);
      if (target === SHORT_BENCHMARK && room === "cli") continue;
      if (!files.has(target)) found.push(`${path}: ${specifier} is no file of src/ or assembly/`);
      else {
        const other = roomOf(target);
        if (other !== room && !allowed.includes(other))
          found.push(`${path}: ${room} may not import ${target}`);
        targets.push(target);
      }
    }
  }
  return [...found, ...cycles(edges)];
}

function roomOf(path: string): string {
  const parts = path.split("/");
  if (parts[0] === "assembly") return "assembly";
  return parts.length === 2 ? "entries" : parts[1]!;
}

function packageOf(specifier: string): string {
  if (specifier.startsWith("node:")) return "node:";
  return specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
}

// AssemblyScript leaves the ending away.
function resolve(from: string, specifier: string): string {
  const path = posix.join(posix.dirname(from), specifier);
  return path.endsWith(".ts") ? path : `${path}.ts`;
}

function exportsEverything(statement: ts.Statement): boolean {
  if (!ts.isExportDeclaration(statement)) return false;
  return statement.exportClause === undefined || ts.isNamespaceExport(statement.exportClause);
}

// An expression would need `: number`, and in AssemblyScript that is a float.
function notLiterals(source: ts.SourceFile): string[] {
  const literal = /^export const [A-Z][A-Z0-9_]* = (?:0x[0-9a-f]+|[0-9]+);$/;
  return source.statements
    .map((statement) => statement.getText(source))
    .filter((text) => !literal.test(text));
}

function cycles(edges: ReadonlyMap<string, readonly string[]>): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) found.push(`cycle: ${[...trail.slice(start), path].join(" -> ")}`);
    if (start >= 0 || done.has(path)) return;
    for (const target of edges.get(path) ?? []) visit(target, [...trail, path]);
    done.add(path);
  };
  for (const path of edges.keys()) visit(path, []);
  return found;
}
