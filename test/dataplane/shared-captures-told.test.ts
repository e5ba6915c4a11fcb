// Captures on a SharedArrayBuffer: what workers are told of them while others take a dead one's place. A worker that is
// told of a capture after it is over would look for pieces of it where something else lies by then.

import { createDataplane, type WorkerLike } from "frameferry";
import { expect, test } from "vitest";
import { loadWorkerScript } from "../threads/death-support.ts";
import { Sink, WRAP } from "./capture-support.ts";
import { overhear } from "./message-support.ts";
import { PIECE, pcapOf, shared } from "./shared-captures-support.ts";
import { isolated, pause, until } from "./support.ts";

loadWorkerScript();

/** A spawnWorker; `tells` is what each worker was told of captures, and `onTell` is called before it is. */
function listener(onTell: (worker: number, what: string) => void): {
  spawnWorker: () => WorkerLike;
  workers: WorkerLike[];
  tells: string[][];
} {
  const tells: string[][] = [];
  const heard = overhear(({ worker, call, values }) => {
    tells[worker] ??= [];
    if (!call.endsWith("Source")) return false;
    const what = `${call.slice(0, -"Source".length)} ${values[0]}`;
    onTell(worker, what);
    tells[worker].push(what);
    return false;
  });
  return { ...heard, tells };
}

const bytes = pcapOf({ seed: 29, most: 100, length: 2 * PIECE });

/** A capture that goes on until it is ended. */
function endless(): { sink: Sink; abort: AbortController; end: () => void } {
  const sink = new Sink();
  let end = (): void => {};
  const write = new Promise<void>((resolve) => {
    end = resolve;
  });
  sink.write = () => write;
  return { sink, abort: new AbortController(), end };
}

test.skipIf(!isolated)("a capture that is over before the next worker is there", async () => {
  const { spawnWorker, workers, tells } = listener(() => {});
  let deaths = 0;
  await using dataplane = await createDataplane({
    workers: 1,
    spawnWorker,
    onWorkerDied: () => void deaths++,
  });
  void workers[0]!.terminate();
  await until(() => deaths === 1, "a death is noticed");
  const { sink, abort, end } = endless();
  const work = dataplane.processCapture(shared(bytes), WRAP, sink, { signal: abort.signal });
  await pause(0);
  abort.abort(new Error("enough"));
  end();
  await expect(work).rejects.toThrow("enough");
  // The next one does all of another capture, and so has been told everything before that.
  await dataplane.processCapture(shared(bytes), WRAP, new Sink());
  await until(() => tells[1]?.at(-1) === "close 2", "the end of the second one is told");
  expect(tells[1]!.filter((told) => told.endsWith("1"))).not.toContain("open 1");
});

test.skipIf(!isolated)("a capture that ends while the next worker is told of others", async () => {
  const captures = [endless(), endless()];
  const { spawnWorker, workers, tells } = listener((worker, what) => {
    if (worker !== 1 || what !== "open 1") return;
    captures[1]!.abort.abort(new Error("enough"));
    captures[1]!.end();
  });
  await using dataplane = await createDataplane({ workers: 1, spawnWorker });
  const works = captures.map(({ sink, abort }) =>
    dataplane.processCapture(shared(bytes), WRAP, sink, { signal: abort.signal }),
  );
  const second = expect(works[1]).rejects.toThrow("enough");
  await until(() => tells[0]!.includes("open 2"), "the first worker is told of both");
  await pause(20);
  void workers[0]!.terminate();
  await until(() => tells[1]?.includes("open 1") === true, "the next one is told of the first");
  await second;
  captures[0]!.end();
  await works[0];
  await until(() => tells[1]!.includes("close 1"), "the end of the first one is told");
  const told = tells[1]!.filter((each) => each.endsWith("2"));
  expect(told.lastIndexOf("open 2")).toBeLessThanOrEqual(told.lastIndexOf("close 2"));
});
