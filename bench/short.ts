// The short comparison behind `frameferry bench`, for somebody who only installed the package: the kernels beside
// the package's codecs and the best hand-written JavaScript. No C, no other packages, nothing from the network.

import { loadKernels } from "../src/index.ts";
import {
  assertSameReasons,
  CODEC,
  type Contest,
  FRAMEFERRY,
  frameContests,
  TYPED_ARRAY,
} from "./contests.ts";
import { fdbContests } from "./fdb-contests.ts";
import { results, type TaskResult, table } from "./report.ts";
import { compete } from "./rounds.ts";

export interface ShortBenchmarkOptions {
  /** About how long it may take. Default 10. */
  readonly seconds?: number;
  /** Gets the report line by line. */
  readonly write: (line: string) => void;
}

export interface ShortBenchmark {
  readonly tasks: readonly TaskResult[];
}

/** Contests of three peers each, at 64 and 1,500 bytes; one of four peers at 64k entries. */
const TURNS = 2 * 4 * 3 + 4;
const GROUPS = ["encapsulate", "decapsulate", "vlan push", "vlan pop", "fdb lookup, all hit"];

/** Compares for about `seconds`; peers are checked for equal results first and throw an Error where they differ. */
export async function runShortBenchmark(options: ShortBenchmarkOptions): Promise<ShortBenchmark> {
  const { seconds = 10, write } = options;
  const wanted = (group: string): boolean => GROUPS.includes(group);
  const kernels = await loadKernels();
  await assertSameReasons({ kernels });
  const tasks: TaskResult[] = [];
  // Warming up and preparing take about as long again as the turns themselves.
  const slice = 5;
  const rounds = Math.max(3, Math.round((seconds * 1000) / 3 / TURNS / slice));
  const run = async (contest: Contest): Promise<void> => {
    const found = results(contest, await compete(contest.contenders, { rounds, slice }));
    tasks.push(...found);
    for (const line of table(contest, found)) write(line);
  };
  for (const bytes of [64, 1500]) {
    for await (const contest of frameContests({ kernels }, bytes, 256, wanted)) await run(contest);
  }
  for await (const contest of fdbContests(65536, undefined, wanted)) await run(contest);
  write("");
  write(`Ratios are medians as multiples of ${FRAMEFERRY}'s; ${TYPED_ARRAY} and ${CODEC} do the same work.`);
  return { tasks };
}
