// Who counts as stuck: who has run for long and not come on, and nobody who has waited for a core.
import { readFileSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { expect, onTestFinished, test } from "vitest";
import { ownThreadNumber, threadMilliseconds } from "../../src/platform/threads.ts";
import { StuckWatch } from "../../src/threads/stuck-watch.ts";
import { pause, until } from "../dataplane/support.ts";

/** A thread that says its number, where it has one, and then runs in circles until the test ends. */
async function busyThread(): Promise<number | undefined> {
  const source = `
    let number;
    try {
      number = Number(require("node:fs").readlinkSync("/proc/thread-self").split("/")[2]);
    } catch {}
    require("node:worker_threads").parentPort.postMessage(number);
    for (;;);`;
  const worker = new Worker(source, { eval: true });
  onTestFinished(async () => void (await worker.terminate()));
  return new Promise((resolve) => worker.on("message", resolve));
}

function watch(
  milliseconds: () => number | undefined,
  progress: () => number | undefined = () => 1,
): number[] {
  const stuck: number[] = [];
  const watched = {
    progress,
    get milliseconds() {
      return milliseconds();
    },
    isStuck: (after: number) => void stuck.push(after),
  };
  const watching = new StuckWatch(() => [watched], undefined, 1);
  onTestFinished(() => watching.close());
  return stuck;
}

const told = ownThreadNumber() !== undefined && threadMilliseconds(ownThreadNumber() as number) !== undefined;

test.runIf(told)(
  "what another thread has run is not taken for a silent one's, which has waited for a core",
  async () => {
    const busy = await busyThread();
    const starved = watch(() => 5);
    const running = watch(() => threadMilliseconds(busy as number));
    await until(() => running.length > 0, "the one that runs in circles is found");
    await pause(200);
    expect(starved).toEqual([]);
  },
);

test("where only all threads' time is told, a silent one is found by that", async () => {
  await busyThread();
  const silent = watch(() => undefined);
  await until(() => silent.length > 0, "it is found");
});

test("who comes on is not stuck, however long it runs; nor who has nothing to do", async () => {
  let now = 0;
  const coming = watch(
    () => ++now * 20,
    () => now,
  );
  const idle = watch(
    () => ++now * 20,
    () => undefined,
  );
  await pause(200);
  expect([coming, idle]).toEqual([[], []]);
});

test.runIf(told)("a thread's own time is what the system says", () => {
  const own = ownThreadNumber() as number;
  const before = threadMilliseconds(own) as number;
  for (const end = performance.now() + 20; performance.now() < end; );
  const ran = (threadMilliseconds(own) as number) - before;
  expect(ran).toBeGreaterThan(0);
  expect(readFileSync(`/proc/self/task/${own}/stat`, "latin1")).toContain("(");
  expect(threadMilliseconds(2 ** 30)).toBeUndefined();
});
