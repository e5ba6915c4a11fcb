import type { Command } from "commander";
import { runShortBenchmark } from "../../bench/short.ts";
import { wholeNumber } from "./options.ts";
import { print } from "./print.ts";

interface BenchOptions {
  readonly seconds: number;
  readonly json?: true;
}

const EXAMPLES = `
Examples:
  frameferry bench
  frameferry bench --seconds 30
  frameferry bench --json > bench.json

Compares the kernels with the package's TypeScript codecs and with JavaScript written by hand for speed, on one
thread. The whole comparison, with C and other packages, is npm run bench in a clone.`;

export function defineBench(command: Command): void {
  command
    .option("--seconds <N>", "about how long to measure", wholeNumber("--seconds", 1, 600), 10)
    .option("--json", "print one JSON object instead")
    .addHelpText("after", EXAMPLES)
    .action(bench);
}

async function bench({ seconds, json }: BenchOptions): Promise<void> {
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
