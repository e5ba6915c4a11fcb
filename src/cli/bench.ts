import type { Command } from "commander";
import { runShortBenchmark } from "../../bench/short.ts";
import { flag, whole } from "../core/fields.ts";
import { addFieldOptions, optionsOf, type Parsed, type Rows } from "./options.ts";
import { print } from "./print.ts";

interface BenchOptions {
  readonly seconds?: number;
  readonly json?: boolean;
}

const SECONDS = 10;

const OPTIONS: Rows = {
  seconds: {
    ...whole(1, 600),
    fallback: SECONDS,
    flag: "--seconds <N>",
    help: "about how long to measure",
  },
  json: { ...flag(), flag: "--json", help: "print one JSON object instead" },
};

const EXAMPLES = `
Examples:
  frameferry bench
  frameferry bench --seconds 30
  frameferry bench --json > bench.json

Compares the kernels with the package's TypeScript codecs and with JavaScript written by hand for speed, on one
thread. The whole comparison, with C and other packages, is npm run bench in a clone.`;

export function defineBench(command: Command): void {
  addFieldOptions(command, OPTIONS).addHelpText("after", EXAMPLES).action(bench);
}

async function bench(parsed: Parsed): Promise<void> {
  const { seconds = SECONDS, json }: BenchOptions = optionsOf(OPTIONS, parsed);
  // Printed one behind the other, and what goes wrong with printing ends the command afterwards.
  let printed: Promise<void> = Promise.resolve();
  const write = (line: string): void => {
    if (!json) printed = printed.then(() => print(`${line}\n`));
    printed.catch(() => {});
  };
  const { tasks } = await runShortBenchmark({ seconds, write });
  await printed;
  if (json) await print(`${JSON.stringify({ command: "bench", node: process.version, tasks })}\n`);
}
