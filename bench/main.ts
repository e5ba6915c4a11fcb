// npm run bench: every kernel beside its peers, in one interleaved run.

import { spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { availableParallelism, cpus, release, type } from "node:os";
import { parseArgs } from "node:util";
import { loadKernels } from "../src/index.ts";
import { captureContests } from "./capture-contests.ts";
import { measureInChromium } from "./chromium.ts";
import {
  assertSameReasons,
  type Contest,
  captureContest,
  frameContests,
  type Surroundings,
} from "./contests.ts";
import { CHANNEL, dataplaneContests, WAKE } from "./dataplane-contests.ts";
import { type EndToEnd, runEndToEnd } from "./end-to-end.ts";
import { FDB_SIZES, fdbContests } from "./fdb-contests.ts";
import { figuresToReach } from "./figures.ts";
import { filterContests } from "./filter-contests.ts";
import { GROUPS } from "./groups.ts";
import { kindContests } from "./kind-contests.ts";
import { measureLabs } from "./lab.ts";
import { NativePeers } from "./native-peers.ts";
import { measurePage, PAGE, type PageResult } from "./page.ts";
import { readerContests } from "./reader-contests.ts";
import { results, type TaskResult, table } from "./report.ts";
import { ringContests } from "./ring-contests.ts";
import { compete, type RoundOptions } from "./rounds.ts";
import { ruleContests } from "./rule-contests.ts";
import { stageContests } from "./stage-contests.ts";
import { switchContests } from "./switch-contests.ts";
import { switchCostContests } from "./switch-costs.ts";
import { switchKindContests } from "./switch-kinds.ts";

const USAGE = `npm run bench -- [options]
  --json FILE    write the results there
  --filter TEXT  only groups whose name holds the text
  --rounds N     turns of each peer (default 30)
  --time MS      milliseconds of a turn (default 10)
  --size MB      size of the captures for the end-to-end part (default 500)
  --no-e2e       leave the end-to-end part out
  --chromium     also measures the dataplane and the page in headless Chromium
  --short        fewer rounds and smaller captures: a first impression`;

interface Options extends RoundOptions {
  readonly json: string | undefined;
  readonly filter: string;
  readonly size: number;
  readonly endToEnd: boolean;
  readonly chromium: boolean;
  readonly runs: number;
}

const write = (line: string): void => console.log(line);

async function main(options: Options): Promise<void> {
  const tasks: TaskResult[] = [];
  const wanted = (group: string): boolean => {
    if (!GROUPS.includes(group)) throw new Error(`${group}: bench/groups.ts does not name this group`);
    return group.includes(options.filter);
  };
  const run = async (contest: Contest): Promise<void> => {
    if (!wanted(contest.group)) return;
    const slice = Math.max(options.slice, contest.slice ?? 0);
    const found = results(contest, await compete(contest.contenders, { ...options, slice }));
    tasks.push(...found);
    for (const line of table(contest, found)) write(line);
  };
  const environment = describeEnvironment();
  write(`${environment.cpu}, ${environment.cores} cores, ${environment.os}, Node ${environment.node}`);
  const native = await NativePeers.start(write);
  let endToEnd: EndToEnd | undefined;
  let page: PageResult[] = [];
  try {
    const around: Surroundings = {
      kernels: await loadKernels({ memoryBytes: 128 * 1024 * 1024 }),
      native,
      npm: await import("./peers/npm-packages.ts"),
    };
    await assertSameReasons(around);
    for (const bytes of [20, 64, 512, 1500]) {
      for await (const contest of frameContests(around, bytes, 256, wanted)) await run(contest);
    }
    for await (const contest of frameContests(around, 64, 8192, wanted)) await run(contest);
    for (const contest of kindContests(around.kernels, 64, wanted)) await run(contest);
    for (const contest of filterContests(around.kernels, 64, wanted)) await run(contest);
    for (const contest of stageContests(around.kernels, 64, wanted)) await run(contest);
    for await (const contest of ruleContests(around.kernels, native, wanted)) await run(contest);
    for (const entries of FDB_SIZES) {
      if (!["fdb lookup, all hit", "fdb lookup, half hit", "fdb insert"].some(wanted)) break;
      for await (const contest of fdbContests(entries, native, wanted)) await run(contest);
    }
    for (const bytes of [64, 512, 1500]) {
      if (!wanted("capture, decapsulated in memory")) break;
      await run(await captureContest(around, bytes, 2048));
    }
    for await (const contest of switchContests(native, wanted)) await run(contest);
    for await (const contest of switchKindContests(64, wanted)) await run(contest);
    for await (const contest of switchCostContests(wanted)) await run(contest);
    for (const contest of await readerContests()) await run(contest);
    for await (const contest of ringContests(native, wanted)) await run(contest);
    for await (const contest of dataplaneContests(wanted)) await run(contest);
    for await (const contest of captureContests([0, 1, 2], wanted, write)) await run(contest);
    await measureLabs(wanted, write);
    if (options.chromium) {
      if ([WAKE, CHANNEL].some(wanted)) tasks.push(...(await measureInChromium(options.rounds, write)));
      if (wanted(PAGE)) page = await measurePage(options.runs, write);
    } else if (GROUPS.every((group) => group === PAGE || !wanted(group)))
      write(`${PAGE}: only with --chromium`);
    if (options.endToEnd) endToEnd = await runEndToEnd(options.size, options.runs, write);
  } finally {
    await native.close();
  }
  const figures = figuresToReach(tasks, endToEnd);
  write("\nFigures to reach");
  for (const { figure, reached, measured } of figures) {
    if (measured === undefined) continue;
    write(`  ${reached === undefined ? "-   " : reached ? "pass" : "MISS"}  ${figure}: ${measured}`);
  }
  const unmeasured = figures.filter(({ measured }) => measured === undefined).length;
  if (unmeasured > 0) write(`  ${unmeasured} more were not measured: filtered out, or a peer is missing`);
  if (options.json !== undefined) {
    await writeFile(
      options.json,
      `${JSON.stringify({ environment, tasks, endToEnd, page, figures }, null, 2)}\n`,
    );
  }
}

function describeEnvironment() {
  const { stdout, status } = spawnSync("git", ["rev-parse", "HEAD"], { encoding: "utf8" });
  return {
    node: process.versions.node,
    v8: process.versions.v8,
    cpu: cpus()[0]?.model.trim() ?? "unknown processor",
    cores: availableParallelism(),
    os: `${type()} ${release()}`,
    date: new Date().toISOString(),
    ...(status === 0 ? { commit: stdout.trim() } : {}),
  };
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      json: { type: "string" },
      filter: { type: "string", default: "" },
      rounds: { type: "string" },
      time: { type: "string", default: "10" },
      size: { type: "string" },
      "no-e2e": { type: "boolean", default: false },
      chromium: { type: "boolean", default: false },
      short: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    write(USAGE);
    process.exit(0);
  }
  const positive = (name: string, text: string): number => {
    const value = Number(text);
    if (!(value > 0)) throw new RangeError(`--${name}: expected a number above 0, got ${text}`);
    return value;
  };
  return {
    json: values.json,
    filter: values.filter,
    rounds: positive("rounds", values.rounds ?? (values.short ? "6" : "30")),
    slice: positive("time", values.time),
    size: positive("size", values.size ?? (values.short ? "50" : "500")),
    endToEnd: !values["no-e2e"],
    chromium: values.chromium,
    runs: values.short ? 3 : 5,
  };
}

let options: Options | undefined;
try {
  options = readOptions();
} catch (error) {
  console.error(`${(error as Error).message}\n\n${USAGE}`);
  process.exitCode = 2;
}
if (options !== undefined) {
  const { filter } = options;
  if (GROUPS.some((group) => group.includes(filter))) await main(options);
  else {
    const lines = [`--filter: no group's name holds ${JSON.stringify(filter)}; there are`, ...GROUPS];
    console.error(lines.join("\n  "));
    process.exitCode = 1;
  }
}
