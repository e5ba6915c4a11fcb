// `npm run mutants`: plants the faults of list.ts one by one into a copy of the repository, and tells which harness finds
// each, and after how many seconds. `--write` puts that into the table in docs/testing.md; `--only fdb,vlan` picks faults by
// name or file, `--harness tests,fuzz` what is set on them, `--seconds 20` for how long.

import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type Finding, HARNESSES, Harness, type HarnessName } from "./harness.ts";
import { MUTANTS } from "./list.ts";
import { type Row, tableRows, withRows } from "./table.ts";
import { Workshop } from "./workshop.ts";

const ROOT = fileURLToPath(new URL("../../../..", import.meta.url));
const TABLE = `${ROOT}docs/testing.md`;
const NOT_RUN = "";

function refuse(message: string): never {
  console.error(`mutants: ${message}`);
  process.exit(2);
}

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    harness: { type: "string", default: "tests,fuzz,soak" },
    seconds: { type: "string", default: "20" },
    write: { type: "boolean", default: false },
  },
});
const seconds = Number(values.seconds);
if (!(seconds > 0)) refuse(`--seconds: expected a number above 0, got ${values.seconds}`);
const wanted = values.harness.split(",").map((name) => {
  const known = HARNESSES.find((harness) => harness === name);
  return known ?? refuse(`--harness: expected some of ${HARNESSES.join(", ")}, got ${name}`);
});
const parts = values.only.split(",");
const mutants = MUTANTS.filter(({ name, file }) =>
  parts.some((part) => name.includes(part) || file.includes(part)),
);
if (mutants.length === 0) refuse(`--only: no fault has "${values.only}" in its name or file`);

function cell(finding: Finding): string {
  return finding === undefined ? "no" : `${finding.toFixed(finding < 10 ? 1 : 0)} s`;
}

function rowOf(name: string, what: string, found: ReadonlyMap<HarnessName, Finding>, before?: Row): Row {
  const cells = HARNESSES.map((harness, i) =>
    found.has(harness) ? cell(found.get(harness)) : (before?.[2 + i] ?? NOT_RUN),
  );
  return [name, what, ...cells];
}

const workshop = new Workshop(ROOT);
let missed = 0;
try {
  const harness = new Harness(workshop.folder, seconds);
  for (const name of wanted) await harness.calibrate(name);
  for (const mutant of mutants) {
    workshop.plant(mutant);
    const found = new Map<HarnessName, Finding>();
    for (const name of wanted) found.set(name, await harness.find(name, mutant));
    workshop.restore(mutant);
    if ([...found.values()].every((finding) => finding === undefined)) missed++;
    const told = [...found].map(([name, finding]) => `${name} ${cell(finding)}`);
    console.log(`${mutant.name}: ${told.join(", ")}`);
    if (!values.write) continue;
    // After each: a run of hours that is ended has done what it has done.
    const text = readFileSync(TABLE, "utf8");
    const before = tableRows(text).find(([name]) => name === mutant.name);
    const row = rowOf(mutant.name, mutant.what, found, before);
    writeFileSync(
      TABLE,
      withRows(
        text,
        [row],
        MUTANTS.map(({ name }) => name),
      ),
    );
  }
} finally {
  workshop.close();
}
console.log(`${mutants.length} faults planted, ${mutants.length - missed} found`);
if (missed > 0) process.exitCode = 1;
