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
 * How many bytes each of many calls leaves behind, in each of three parts of them; the sentence to tell if that is more
 * than nothing in the last two, since what the engine takes for itself it takes once. `calls` does at least so many, and
 * returns how many.
 */
export async function leftBehind(
  calls: (atLeast: number) => Promise<number>,
  total: number,
): Promise<{ readonly calls: number; readonly fault: string | undefined }> {
  let done = await calls(total / 3);
  const parts: { readonly bytes: number; readonly calls: number }[] = [];
  for (let part = 0; part < 2; part++) {
    const before = await held();
    const more = await calls(total / 3);
    parts.push({ bytes: (await held()).heap - before.heap, calls: more });
    done += more;
  }
  const grown = parts.every(({ bytes, calls }) => bytes > BYTES_IN_ALL / 2 && bytes / calls > BYTES_A_CALL);
  const told = parts.map(({ bytes, calls }) => `${bytes} after ${calls} calls`).join(", then ");
  return { calls: done, fault: grown ? `bytes stay for each call: ${told} more` : undefined };
}
