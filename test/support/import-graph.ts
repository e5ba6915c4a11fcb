// The one direction of imports, as a table, and the check of a set of source files against it.
import { posix } from "node:path";
import ts from "typescript";

/**
 * Each room, and the rooms it imports beside itself. A room is a folder of src/, or assembly/. It is a map and no
 * ladder: what is allowed here and used nowhere is a breach, too.
 */
export const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  layout: [],
  assembly: ["layout"],
  core: ["layout"],
  platform: ["core"],
  wire: ["layout", "core"],
  tunnel: ["layout", "core", "wire"],
  packet: ["layout", "core", "wire", "tunnel"],
  pcap: ["layout", "core", "platform"],
  kernel: ["layout", "core"],
  frame: ["layout", "core", "kernel"],
  ring: ["layout", "core", "kernel"],
  fdb: ["layout", "core", "kernel"],
  pipeline: ["layout", "core", "wire", "tunnel", "kernel", "frame"],
  switch: ["layout", "core", "tunnel", "kernel", "frame", "fdb", "pipeline"],
  capture: ["layout", "core", "platform", "tunnel", "pcap", "kernel", "ring", "pipeline"],
  files: ["core", "platform", "pcap", "capture"],
  port: ["layout", "core", "platform", "pcap", "ring", "capture"],
  replay: ["layout", "core", "platform", "pcap", "ring", "capture", "port"],
  v86: ["core", "port"],
  websocket: ["layout", "core", "platform", "port"],
  sockets: ["layout", "core", "wire", "ring", "port", "websocket"],
  linux: ["layout", "core", "wire", "ring", "port", "sockets"],
  lane: ["layout", "core", "wire", "kernel", "ring", "pipeline", "capture", "port"],
  threads: ["layout", "core", "platform", "kernel", "ring", "pipeline", "capture", "lane"],
  dataplane: [
    ...["layout", "core", "platform", "pcap", "kernel", "ring", "pipeline", "capture", "port"],
    ...["lane", "threads"],
  ],
  live: [
    ...["layout", "core", "platform", "kernel", "ring", "pipeline", "switch", "port", "lane"],
    "dataplane",
  ],
  overlay: ["layout", "core", "wire", "packet", "pcap", "kernel", "frame", "switch", "port"],
  filter: ["layout", "core", "kernel", "frame", "pipeline"],
  own: ["layout", "core", "kernel", "pipeline"],
  rules: ["layout", "core", "pipeline"],
  ready: ["layout", "core", "ring", "pipeline", "capture", "port", "own"],
  // src/*.ts
  entries: [
    ...["layout", "core", "platform", "wire", "tunnel", "packet", "pcap", "kernel", "frame", "ring"],
    ...["fdb", "pipeline", "switch", "capture", "port", "lane", "threads", "dataplane", "live", "overlay"],
    ...["filter", "rules", "ready", "files", "sockets", "linux", "own", "websocket", "v86", "replay"],
  ],
  // Nothing imports cli.
  cli: [
    ...[
      "layout",
      "core",
      "platform",
      "wire",
      "tunnel",
      "packet",
      "pcap",
      "pipeline",
      "capture",
      "port",
      "files",
      "dataplane",
      "overlay",
      "linux",
      "ready",
    ],
    "entries",
  ],
};

/** Each package, and the rooms or files that may import it. */
export const PACKAGE_IN: Readonly<Record<string, readonly string[]>> = {
  "node:": ["platform", "sockets", "linux", "cli", "src/node.ts"],
  // Optional: what has to do with it is asked for when it is used.
  ws: ["sockets"],
  comlink: ["threads"],
  commander: ["cli"],
  "cli-progress": ["cli"],
  tinybench: ["cli"],
};

/** What is outside of src/ and yet part of the command line. */
const SHORT_BENCHMARK = "bench/short.ts";

export const MAXIMUM_LINES = 400;

/** What the table allows and no file uses: whoever reads it believes that there is a way. */
export function unused(files: ReadonlyMap<string, string>): string[] {
  const used = new Set<string>();
  for (const [path, text] of files) {
    for (const { fileName } of ts.preProcessFile(text, true, true).importedFiles)
      if (fileName.startsWith(".")) used.add(`${roomOf(path)} -> ${roomOf(resolve(path, fileName))}`);
  }
  return Object.entries(MAY_IMPORT).flatMap(([room, others]) =>
    others.map((other) => `${room} -> ${other}`).filter((way) => !used.has(way)),
  );
}

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
