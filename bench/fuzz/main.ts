// `npm run fuzz -- --minutes 30 --seed 7`: broken frames and captures, for as long as that. `--only captures` picks what is
// broken, `--json` prints the report as JSON.

import { grouped, tellFaults, trialOptions } from "../trial/report.ts";
import { runFuzz } from "./fuzz.ts";

const DEFAULT_MINUTES = 5;

// Every damaged capture is an error; looking for its place in the program takes longer than finding it.
Error.stackTraceLimit = 2;
const { json, ...options } = trialOptions("fuzz", DEFAULT_MINUTES);

function tell(cases: Readonly<Record<string, number>>, seconds: number): void {
  const all = Object.entries(cases).map(([name, count]) => `${grouped(count)} ${name}`);
  console.log(`${seconds.toFixed(0).padStart(6)} s  ${all.join(", ")}`);
}

const report = await runFuzz({ ...options, ...(json ? {} : { onProgress: tell }) });
if (json) {
  console.log(JSON.stringify(report, undefined, 2));
  if (report.faults.length > 0) process.exitCode = 1;
} else {
  const { cases, seconds, faults, seed } = report;
  tell(cases, seconds);
  const all = Object.values(cases).reduce((sum, count) => sum + count, 0);
  console.log(
    `seed ${seed}: ${grouped(all)} cases in ${Math.round(seconds)} s: ` +
      (faults.length === 0
        ? "one verdict everywhere, and no byte out of its place"
        : `${faults.length} faults`),
  );
  tellFaults(faults, console.log);
  for (const { seed: batch, input } of faults) for (const line of input) console.log(`  ${batch}: ${line}`);
}
setTimeout(() => process.exit(), 2000).unref();
