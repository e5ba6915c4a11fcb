// What the process holds: memory after a collection, handles; and whether calls leave something behind each.

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { pause } from "./chapter.ts";

export interface Held {
  /** Bytes: of JavaScript's heap with what belongs to it outside, and of the process. */
  readonly heap: number;
  readonly rss: number;
  readonly handles: number;
}

let collect: (() => void) | undefined;

export async function held(): Promise<Held> {
  if (collect === undefined) {
    setFlagsFromString("--expose-gc");
    collect = runInNewContext("gc") as () => void;
  }
  // What finalizers let go of is collected the next time.
  for (let round = 0; round < 4; round++) {
    collect();
    await pause(10);
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  const handles = process
    .getActiveResourcesInfo()
    .filter((name) => name !== "Timeout" && name !== "Immediate");
  return { heap: heapUsed + external, rss, handles: handles.length };
}

/** More than noise of the collector, for each call of some hundred thousand. */
const BYTES_A_CALL = 4;
const BYTES_IN_ALL = 400_000;

/**
 * How many bytes each of many calls leaves behind, by the difference between a third of the calls and all of them; the
 * sentence to tell if that is more than nothing. `calls` does at least so many, and returns how many.
 */
export async function leftBehind(
  calls: (atLeast: number) => Promise<number>,
  total: number,
): Promise<{ readonly calls: number; readonly fault: string | undefined }> {
  const first = await calls(total / 3);
  const before = await held();
  const second = await calls((total * 2) / 3);
  const after = await held();
  const bytes = after.heap - before.heap;
  const each = bytes / second;
  const grown = bytes > BYTES_IN_ALL && each > BYTES_A_CALL;
  const fault = grown
    ? `${Math.round(each)} bytes stay for each call: ${bytes} after ${second} more of them`
    : undefined;
  return { calls: first + second, fault };
}
