// Workers that die again and again: others are started more and more slowly, and at last none, until somebody says so.
import { createDataplane, type Stage, WorkerDiedError, type WorkerLike } from "frameferry";
import { createSwitch } from "frameferry/switch";
import { expect, test } from "vitest";
import { Deaths } from "../../src/threads/deaths.ts";
import {
  collect,
  count,
  expectConserved,
  flowFrame,
  inBrowser,
  isolated,
  threaded,
  until,
} from "../dataplane/support.ts";
import { expectBalanced, frameOf, mac, stampOf, takeNow } from "../live/support.ts";
import { startScript } from "../support/frameferry-worker.ts";
import { loadWorkerScript, spawner, stuckAt } from "./death-support.ts";

const TAG: Stage = { stage: "vlan-push", vid: 7 };
const RING = { ringBytes: 1 << 16 };

loadWorkerScript();

/** Workers that are as they should be, or die at once, as `broken` says at the moment. */
function moody(): { spawnWorker: () => WorkerLike; broken: boolean; workers: WorkerLike[] } {
  const { spawnWorker, workers } = spawner([]);
  const mood = {
    broken: false,
    workers,
    spawnWorker: () => (mood.broken ? startScript('throw new Error("bad day");') : spawnWorker()),
  };
  return mood;
}

test("how often a worker may die", () => {
  const deaths = new Deaths();
  const every = (milliseconds: number, many: number): (number | undefined)[] => {
    deaths.forget();
    return Array.from({ length: many }, (_, i) => deaths.note(1000 + i * milliseconds));
  };
  expect(every(0, 17)).toEqual([
    ...new Array<number>(6).fill(0),
    50,
    100,
    200,
    ...new Array<number>(6).fill(400),
    undefined,
    undefined,
  ]);
  expect(deaths.told).toBe("17 workers have died here within 30 s");
  // One in five seconds goes on for ever, without a pause; one in two and a half with pauses.
  expect(every(5000, 1000)).toEqual(new Array(1000).fill(0));
  expect(every(2500, 1000).slice(20)).toEqual(new Array(980).fill(400));
});

test.each(threaded.filter(({ options }) => options.workers === 1))(
  "$name: a dataplane is halted, and goes on when it is restarted",
  async ({ options }) => {
    const deaths: WorkerDiedError[] = [];
    const mood = moody();
    await using dataplane = await createDataplane({
      ...options,
      spawnWorker: mood.spawnWorker,
      onWorkerDied: (error) => deaths.push(error),
    });
    expect(dataplane.health).toEqual({ state: "running", deaths: 0, lastDeath: undefined });
    await using channel = await dataplane.open([TAG], RING);
    await dataplane.restart();
    expect(mood.workers.length).toBe(dataplane.workers);
    mood.broken = true;
    mood.workers[0]?.terminate();
    await until(() => dataplane.health.state === "recovering", "the death is noticed");
    await until(() => dataplane.health.state === "halted", "it gives up");
    const failure = dataplane.health.lastDeath as WorkerDiedError;
    expect(failure).toBeInstanceOf(WorkerDiedError);
    expect(failure.message).toMatch(/no other could be started: .*bad day/s);
    expect(dataplane.health.deaths).toBe(16);
    await until(() => deaths.length === 2, "it is told");
    expect(deaths[1]).toBe(failure);
    await expect(dataplane.open([TAG])).rejects.toBe(failure);
    expect(() => channel.send([flowFrame(1, 1)])).toThrow(failure);
    // Still broken.
    const again = await dataplane.restart().catch((cause: unknown) => cause);
    expect(again).toBeInstanceOf(WorkerDiedError);
    expect(again).not.toBe(failure);
    expect(dataplane.health).toEqual({ state: "halted", deaths: 32, lastDeath: again });
    mood.broken = false;
    await dataplane.restart();
    expect(dataplane.health.state).toBe("running");
    await channel.sendAll(Array.from({ length: 200 }, (_, i) => flowFrame(i, i)));
    channel.end();
    const received = count(await collect(channel));
    expect(received).toBe(200);
    expectConserved(channel.counters(), 200, received);
    await using other = await dataplane.open([TAG], RING);
    other.end();
    expect(count(await collect(other))).toBe(0);
  },
);

test("a restart does not wait for the next pause to end, and closing neither", async () => {
  const mood = moody();
  const dataplane = await createDataplane({ workers: 1, spawnWorker: mood.spawnWorker });
  mood.broken = true;
  mood.workers[0]?.terminate();
  await until(() => dataplane.health.deaths > 10, "it has begun to pause");
  mood.broken = false;
  await dataplane.restart();
  expect(dataplane.health.state).toBe("running");
  mood.broken = true;
  mood.workers.at(-1)?.terminate();
  await until(() => dataplane.health.deaths > 22, "it pauses again");
  const restarting = dataplane.restart();
  restarting.catch(() => {});
  const start = performance.now();
  await dataplane.close();
  expect(performance.now() - start).toBeLessThan(2000);
  await expect(restarting).rejects.toThrow(/^dataplane: it has been closed/);
  expect(dataplane.health.state).toBe("closed");
  await expect(dataplane.restart()).rejects.toThrow(/^dataplane: it has been closed/);
});

test("without workers there is nothing to be restarted", async () => {
  const dataplane = await createDataplane({ workers: 0 });
  await dataplane.restart();
  expect(dataplane.health).toEqual({ state: "running", deaths: 0, lastDeath: undefined });
  await dataplane.close();
  expect(dataplane.health.state).toBe("closed");
});

test.runIf(isolated)("a switch keeps its ports, tables and counters while it is halted", async () => {
  const mood = moody();
  await using sw = await createSwitch({ workers: 2, spawnWorker: mood.spawnWorker, sweepSeconds: 0 });
  const bridgeDomain = await sw.addBridgeDomain();
  const a = await sw.addPort({ bridgeDomain });
  const b = await sw.addPort({ bridgeDomain });
  a.send([frameOf(1, -1)]);
  await sw.idle();
  expect(takeNow(b).length).toBe(1);
  const reading = b[Symbol.asyncIterator]().next();
  reading.catch(() => {});
  mood.broken = true;
  mood.workers[0]?.terminate();
  await until(() => sw.health.state === "halted", "it gives up");
  const failure = sw.health.lastDeath as WorkerDiedError;
  await expect(reading).rejects.toBe(failure);
  await expect(a.sendAll([frameOf(1, -1)])).rejects.toBe(failure);
  await expect(sw.addPort({ bridgeDomain })).rejects.toBe(failure);
  await expect(sw.idle()).rejects.toBe(failure);
  expect(sw.fdb.size).toBe(1);
  mood.broken = false;
  await sw.restart();
  expect(sw.health.state).toBe("running");
  const c = await sw.addPort({ bridgeDomain });
  const next = b[Symbol.asyncIterator]().next();
  await a.sendAll(Array.from({ length: 20 }, (_, i) => frameOf(10 + i, -1, i)));
  await sw.idle();
  const first = (await next).value as Iterable<Uint8Array>;
  const seen = [...first, ...takeNow(b)].map((frame) => stampOf(frame).sequence);
  expect(seen.sort((x, y) => x - y)).toEqual(Array.from({ length: 20 }, (_, i) => i));
  expect(takeNow(c).length).toBe(20);
  b.send([frameOf(50, 1)]);
  await sw.idle();
  expect(takeNow(a).map((frame) => stampOf(frame).from)).toEqual([50]);
  sw.fdb.set({ bridgeDomain, mac: mac(900), port: c });
  expectBalanced(sw.counters());
  expect(sw.counters().received).toBe(22);
});

// Chromium takes two seconds to end each of them: so slow a loop goes on.
test.runIf(isolated && !inBrowser)(
  "workers that are stuck right after each start are a crash loop, too",
  async () => {
    const { spawnWorker } = spawner(new Array<string>(40).fill(stuckAt(1)));
    await using dataplane = await createDataplane({ workers: 1, spawnWorker });
    await using channel = await dataplane.open([TAG], RING);
    await channel.sendAll(Array.from({ length: 50 }, (_, i) => flowFrame(i, i)));
    await until(() => dataplane.health.state === "halted", "it gives up", 60);
    expect(dataplane.health.lastDeath).toMatchObject({ stuck: true });
    expect(dataplane.health.lastDeath?.message).toMatch(/16 workers have died here within 30 s$/);
  },
  90_000,
);
