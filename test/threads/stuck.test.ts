// Workers that run and never come back: noticed, ended, replaced; and nobody waits for them longer than is stated.
import { createDataplane, type FrameChannel, type Stage, WorkerDiedError, WorkerLateError } from "frameferry";
import { createSwitch, openSwitch } from "frameferry/switch";
import { describe, expect, test } from "vitest";
import {
  collect,
  count,
  expectConserved,
  flowFrame,
  inBrowser,
  isolated,
  pause,
  threaded,
  until,
} from "../dataplane/support.ts";
import { frameOf } from "../live/support.ts";
import { join, pcapHeader, pcapRecord } from "../pcap/capture-bytes.ts";
import { loadWorkerScript, spawner, stuckAt } from "./death-support.ts";

const TAG: Stage = { stage: "vlan-push", vid: 7 };
const RING = { ringBytes: 1 << 16 };
/** What `close()` may take, in every state. */
const CLOSE = 2000;

loadWorkerScript();

function frames(many: number): Uint8Array[] {
  return Array.from({ length: many }, (_, i) => flowFrame(i, i));
}

async function tookToClose(what: { close(): Promise<void> }): Promise<number> {
  const start = performance.now();
  await what.close();
  return performance.now() - start;
}

describe.each(threaded)("$name", ({ options, transport }) => {
  const { workers } = options as { workers: number };

  test("one that is stuck in a burst is noticed and replaced, and what it held is counted", async () => {
    const times: number[] = [];
    for (let round = 0; round < (inBrowser ? 1 : 5); round++) {
      const deaths: WorkerDiedError[] = [];
      let noticed = 0;
      const { spawnWorker, workers: spawned } = spawner(new Array<string>(workers).fill(stuckAt(1)));
      await using dataplane = await createDataplane({
        ...options,
        spawnWorker,
        onWorkerDied: (error) => {
          noticed ||= performance.now();
          deaths.push(error);
        },
      });
      await using channel = await dataplane.open([TAG], RING);
      const start = performance.now();
      await channel.sendAll(frames(50));
      await until(() => deaths.length === workers, "they are noticed");
      times.push(Math.round(noticed - start));
      for (const death of deaths) {
        expect(death).toBeInstanceOf(WorkerDiedError);
        expect([death.stuck, death.code]).toEqual([true, "worker-died"]);
        expect(death.reason).toMatch(/^it has been stuck for \d+ ms$/);
      }
      await until(() => dataplane.health.state === "running", "others are at work");
      expect(dataplane.health).toMatchObject({ deaths: workers, lastDeath: deaths.at(-1) });
      expect(spawned.length).toBe(2 * workers);
      await channel.sendAll(frames(50));
      channel.end();
      const received = count(await collect(channel));
      expectConserved(channel.counters(), 100, received);
      // They were stuck before they had begun: in shared memory nothing was in work.
      if (transport === "shared") expect(received).toBe(100);
      else expect(received).toBe(50);
    }
    console.log(`noticed after ${times.join(", ")} ms`);
  });

  test("a capture goes on without what the stuck worker held", async () => {
    const records = Array.from({ length: 9000 }, (_, i) => pcapRecord(false, i, 0, flowFrame(i % 9, i, 300)));
    const { bytes } = join([pcapHeader(false, false), ...records]);
    const { spawnWorker } = spawner([stuckAt(1)]);
    await using dataplane = await createDataplane({ ...options, spawnWorker });
    const free = dataplane.freeBytes;
    const sink = { write: async () => {}, close: async () => {}, abort: async () => {} };
    const summary = await dataplane.processCapture(bytes, [TAG], sink);
    expectConserved(summary, 9000, summary.forwarded);
    expect(summary.drops["worker-died"] ?? 0).toBeGreaterThan(0);
    expect(dataplane.freeBytes).toBe(free);
  });

  // Nobody looks for stuck workers here, so that it is closing alone that has an end.
  test.each(["channel", "dataplane", "both"] as const)("closing a %s has an end", async (what) => {
    const { spawnWorker } = spawner(new Array<string>(workers).fill(stuckAt(1)));
    const dataplane = await createDataplane({ ...options, spawnWorker, stuckMs: 0 });
    const channel = await dataplane.open([TAG], RING);
    const receiving = collect(channel);
    await channel.sendAll(frames(50));
    await pause(50);
    const closing = { channel: [channel], dataplane: [dataplane], both: [channel, dataplane] }[what];
    for (const took of await Promise.all(closing.map(tookToClose))) expect(took).toBeLessThan(CLOSE);
    await receiving;
    expect(await tookToClose(dataplane)).toBeLessThan(CLOSE);
  });

  test("workers that work and that sleep are not taken for stuck", async () => {
    await using dataplane = await createDataplane(options);
    await using channel = await dataplane.open([TAG], RING);
    const receiving = collect(channel);
    for (const end = performance.now() + 1000; performance.now() < end; ) {
      for (let burst = 0; burst < 20; burst++) await channel.sendAll(frames(60));
      await pause(100);
    }
    channel.end();
    await receiving;
    expect(dataplane.health).toEqual({ state: "running", deaths: 0, lastDeath: undefined });
  });
});

describe.runIf(isolated)("shared memory", () => {
  test("one that waits for what never comes is noticed, too", async () => {
    const { spawnWorker } = spawner([stuckAt(1, "waits")]);
    await using dataplane = await createDataplane({ workers: 1, spawnWorker });
    await using channel = await dataplane.open([TAG], RING);
    await channel.sendAll(frames(50));
    channel.end();
    expect(count(await collect(channel))).toBe(50);
    expect(dataplane.health.lastDeath?.stuck).toBe(true);
  });

  test("opening and closing while a worker is stuck: another does it, and all memory comes back", async () => {
    const { spawnWorker } = spawner([stuckAt(1)]);
    await using dataplane = await createDataplane({ workers: 1, spawnWorker });
    const free = dataplane.freeBytes;
    const first = await dataplane.open([TAG], RING);
    first.send(frames(10));
    await pause(20);
    const [second, sw] = await Promise.all([dataplane.open([TAG], RING), openSwitch(dataplane)]);
    await second.sendAll(frames(10));
    second.end();
    expect(count(await collect(second))).toBe(10);
    for (const opened of [first, second, sw]) expect(await tookToClose(opened)).toBeLessThan(CLOSE);
    await until(() => dataplane.freeBytes === free, "all memory is given back");
  });

  test("opening has an end where nothing else has", async () => {
    const { spawnWorker } = spawner([stuckAt(1)]);
    await using dataplane = await createDataplane({ workers: 1, spawnWorker, stuckMs: 0 });
    const first: FrameChannel = await dataplane.open([TAG], RING);
    first.send(frames(10));
    await pause(20);
    const error = await dataplane.open([TAG], RING).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(WorkerLateError);
    expect(error).toMatchObject({
      code: "worker-late",
      worker: 0,
      message: "worker 0 has not answered for 10 s",
    });
  });

  test.each(["watched", "unwatched"])("a switch that is closed while a worker is stuck, %s", async (how) => {
    const { spawnWorker } = spawner([stuckAt(2)]);
    const stuckMs = how === "watched" ? undefined : 0;
    const sw = await createSwitch({ workers: 1, spawnWorker, stuckMs, sweepSeconds: 0 });
    const bridgeDomain = await sw.addBridgeDomain();
    const a = await sw.addPort({ bridgeDomain });
    await sw.addPort({ bridgeDomain });
    a.send([frameOf(1, -1)]);
    await sw.idle();
    a.send([frameOf(1, -1)]);
    await pause(20);
    const waiting = [sw.idle(), sw.removePort(a)];
    for (const promise of waiting) promise.catch(() => {});
    expect(await tookToClose(sw)).toBeLessThan(CLOSE);
    await Promise.allSettled(waiting);
  });
});
