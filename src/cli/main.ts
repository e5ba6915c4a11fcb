#!/usr/bin/env node
// Where the command line begins. Who only asks for the version waits for nothing else to be loaded.

import { readFileSync, writeSync } from "node:fs";

const args: readonly string[] = process.argv.slice(2);

if (!printedVersion()) {
  const { run } = await import("./program.ts");
  process.exitCode = await run(args, version());
}

/** Whether that was all that was asked for, and is done. What fails is told by the program. */
function printedVersion(): boolean {
  if (args.length !== 1 || (args[0] !== "--version" && args[0] !== "-V")) return false;
  const text = `${version()}\n`;
  try {
    return writeSync(1, text) === text.length;
  } catch {
    return false;
  }
}

function version(): string {
  // Beside dist/, in a clone and in an installed package alike.
  return JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")).version;
}
