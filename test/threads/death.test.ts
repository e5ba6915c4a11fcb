// Workers that end when they should not: noticed, named, replaced, and what they held is counted.
import { createDataplane, type Stage, WorkerDiedError, type WorkerLike } from "frameferry";
import { describe, expect, test } from "vitest";
import { CURSOR_JOURNAL, CURSOR_STAGE_COUNT } from "../../src/layout/cursor.layout.ts";
import { ETHERNET_LENGTH } from "../../src/layout/ethernet.layout.ts";
import {
  FILLER,
  JOURNAL_CLAIM,
  RECORD_FRAME_LENGTH,
  RECORD_TOTAL,
  RING_HEAD,
  RING_ITEMS,
  RING_MASK,
  RING_TAIL,
} from "../../src/layout/ring.layout.ts";
import {
  collect,
  count,
  expectConserved,
  flowFrame,
  flowOf,
  inBrowser,
  isolated,
  pause,
  random,
  threaded,
  until,
} from "../dataplane/support.ts";
import { join, pcapHeader, pcapRecord } from "../pcap/capture-bytes.ts";
import { startScript } from "../support/frameferry-worker.ts";
import { loadWorkerScript, spawner } from "./death-support.ts";

const TAG: Stage = { stage: "vlan-push", vid: 7 };
const RING = { ringBytes: 1 << 16 };

loadWorkerScript();

/**
 * Lets the worker die in its `at`th call of a kernel: before it, after it, or, by an operation that there is not,
 * in the middle, when the pipeline has run over the burst.
 */
function dyingAt(at: number, when: "before" | "middle" | "after", how: string): string {
  return `{
    const instantiate = WebAssembly.instantiate;
    let calls = 0;
    const end = (held) => { ${how} };
    WebAssembly.instantiate = async (module, imports) => {
      const { exports } = await instantiate(module, imports);
      const words = new Uint32Array(imports.env.memory.buffer);
      const load = (address) => Atomics.load(words, address >>> 2);
      // How many frames of the burst, from the ring's head to the journal's claim, were not dropped as too short.
      const held = (ring, journal) => {
        let frames = 0;
        for (let head = load(ring + ${RING_HEAD}); head !== load(journal + ${JOURNAL_CLAIM}); ) {
          const record = load(ring + ${RING_ITEMS}) + (head & load(ring + ${RING_MASK}));
          const length = load(record + ${RECORD_FRAME_LENGTH});
          if (length !== ${FILLER} && length >= ${ETHERNET_LENGTH}) frames++;
          head = (head + load(record + ${RECORD_TOTAL})) >>> 0;
        }
        return frames;
      };
      const wrapped = (name) => (cursor, ...rest) => {
        const run = () => exports[name](cursor, ...rest);
        // Rings that are empty are looked at all the time. Frames that come behind this look wait for the next one, so
        // that no burst goes through without being counted.
        if (name === "runRings" && load(rest[0] + ${RING_TAIL}) === load(rest[0] + ${RING_HEAD})) return 0;
        if (++calls !== ${at}) return run();
        if (${JSON.stringify(when)} === "before") end();
        if (${JSON.stringify(when)} === "middle") {
          // One stage more than there are: behind the last record is nothing that is an operation. The records are
          // those of all workers, the count is this lane's.
          const count = (cursor + ${CURSOR_STAGE_COUNT}) >>> 2;
          words[count]++;
          let done;
          try {
            done = run();
          } catch {
            words[count]--;
            end(name === "runRings" ? held(rest[0], load(cursor + ${CURSOR_JOURNAL})) : undefined);
          }
          if (done !== 0) throw new Error("it should have trapped");
          // There was no room for results.
          words[count]--;
          calls--;
          return done;
        }
        const result = run();
        end();
        return result;
      };
      return { exports: { ...exports, runRings: wrapped("runRings"), runCapture: wrapped("runCapture") } };
    };
  }\n`;
}

const THROW = 'throw new Error("boom" + (held === undefined ? "" : " with " + held));';
// It cannot say what it held. A browser's worker goes on to the end of its turn after close(): not this one.
const LEAVE = inBrowser ? 'self.close(); throw new Error("boom");' : "process.exit(3);";

describe.each(threaded)("$name", ({ options, transport }) => {
  const { workers } = options as { workers: number };
  const deaths: WorkerDiedError[] = [];
  const onWorkerDied = (error: WorkerDiedError): void => void deaths.push(error);

  for (const [how, source] of [
    ["throws", THROW],
    ["leaves", LEAVE],
  ] as const) {
    for (const when of ["before", "middle", "after"] as const) {
      for (const at of [1, 3]) {
        test(`a worker that ${how} ${when} burst ${at}: the stream goes on, every frame is accounted for`, async () => {
          deaths.length = 0;
          const { spawnWorker, workers: spawned } = spawner([dyingAt(at, when, source)]);
          await using dataplane = await createDataplane({ ...options, spawnWorker, onWorkerDied });
          // What traps comes behind the last stage; the first drops frames that are too short.
          await using channel = await dataplane.open(
            [TAG, { stage: "decapsulate", kind: "vxlan", others: "keep" }],
            RING,
          );
          const next = random(at);
          const seen = new Map<number, number>();
          let received = 0;
          const receiving = (async () => {
            for await (const burst of channel) {
              received += burst.length;
              for (const frame of burst) {
                const { flow, sequence } = flowOf(frame, 4);
                expect(sequence).toBeGreaterThan(seen.get(flow) ?? -1);
                seen.set(flow, sequence);
              }
            }
          })();
          let sent = 0;
          for (let turn = 0; turn < 60; turn++) {
            const frames = Array.from({ length: 40 }, (_, i) =>
              // A burst may be one frame, where the ring begins again: from a worker that leaves all are long enough.
              how === "throws" && next(8) === 0
                ? new Uint8Array(next(14))
                : flowFrame(next(20), 100 * turn + i, 50 + next(900)),
            );
            await channel.sendAll(frames);
            sent += frames.length;
            if (turn % 10 === 0) await pause(1);
          }
          channel.end();
          await receiving;
          await until(() => deaths.length === 1, "the death is reported");
          expect(deaths[0]).toBeInstanceOf(WorkerDiedError);
          expect(deaths[0]!.worker).toBe(0);
          expect(deaths[0]!.message).toBe(`worker 0 died: ${deaths[0]!.reason}`);
          expect(deaths[0]!.reason).not.toContain("should have");
          if (how === "throws") expect(deaths[0]!.reason).toContain("boom");
          await until(() => spawned.length === workers + 1, "another is started");
          const counters = channel.counters();
          expectConserved(counters, sent, received);
          const died = counters.drops["worker-died"] ?? 0;
          const held = /boom with (\d+)/.exec(deaths[0]!.reason)?.[1];
          expect(held !== undefined).toBe(transport === "shared" && when === "middle" && how === "throws");
          if (held !== undefined) expect(died).toBe(Number(held));
          else if (transport === "transfer" || when === "middle") expect(died).toBeGreaterThan(0);
          // In shared memory a burst that was not begun waits for the next worker, and one that is finished is published.
          if (transport === "shared" && when !== "middle") expect(died).toBe(0);
          expect(died).toBeLessThan(sent / 2);
        });
      }
    }
  }

  test("a worker that is terminated while it is idle is noticed soon, and replaced", async () => {
    deaths.length = 0;
    const { spawnWorker, workers: spawned } = spawner([]);
    await using dataplane = await createDataplane({ ...options, spawnWorker, onWorkerDied });
    const times: number[] = [];
    for (let round = 0; round < 4; round++) {
      await pause(60);
      const start = performance.now();
      (spawned.at(-1) as WorkerLike).terminate();
      await until(() => deaths.length === round + 1, "the death is noticed");
      times.push(Math.round(performance.now() - start));
      await until(() => spawned.length === workers + round + 1, "another is started");
      await using channel = await dataplane.open([TAG], RING);
      await channel.sendAll(Array.from({ length: 50 }, (_, i) => flowFrame(i, i)));
      channel.end();
      const received = count(await collect(channel));
      expectConserved(channel.counters(), 50, received);
    }
    console.log(`noticed after ${times.join(", ")} ms`);
  });

  test("workers that are terminated again and again under load", async () => {
    deaths.length = 0;
    const { spawnWorker, workers: spawned } = spawner([]);
    await using dataplane = await createDataplane({ ...options, spawnWorker, onWorkerDied });
    await using channel = await dataplane.open(
      [{ stage: "decapsulate", kind: "vxlan", others: "keep" }, TAG],
      RING,
    );
    let received = 0;
    const seen = new Map<number, number>();
    const receiving = (async () => {
      for await (const burst of channel) {
        received += burst.length;
        for (const frame of burst) {
          const { flow, sequence } = flowOf(frame, 4);
          expect(sequence).toBeGreaterThan(seen.get(flow) ?? -1);
          seen.set(flow, sequence);
        }
      }
    })();
    let sent = 0;
    for (let round = 0; round < 6; round++) {
      const end = performance.now() + 40;
      while (performance.now() < end) {
        await channel.sendAll(Array.from({ length: 64 }, (_, i) => flowFrame(i % 16, sent + i, 200)));
        sent += 64;
      }
      // All of them at once in every second round. One that was still starting is replaced without a word, so on a
      // slow machine it takes more than one, when all are at work again.
      const noticed = deaths.length;
      let next = 0;
      await until(() => {
        if (deaths.length > noticed) return true;
        if (performance.now() < next || (next > 0 && dataplane.health.state !== "running")) return false;
        next = performance.now() + 500;
        for (const worker of round % 2 === 0 ? spawned.slice(-workers) : spawned.slice(-1))
          worker.terminate();
        return false;
      }, "the death is noticed");
    }
    channel.end();
    await receiving;
    expectConserved(channel.counters(), sent, received);
    expect(received).toBeGreaterThan(0);
  });

  test("a death while a channel opens", async () => {
    const { spawnWorker, workers: spawned } = spawner([]);
    await using dataplane = await createDataplane({ ...options, spawnWorker });
    for (let round = 0; round < 3; round++) {
      const opening = dataplane.open([TAG], RING);
      (spawned.at(-1) as WorkerLike).terminate();
      await using channel = await opening;
      await channel.sendAll(Array.from({ length: 50 }, (_, i) => flowFrame(i, i)));
      channel.end();
      const received = count(await collect(channel));
      expectConserved(channel.counters(), 50, received);
    }
  });

  test("a channel that is closed while its worker dies gives its memory back", async () => {
    const { spawnWorker, workers: spawned } = spawner([]);
    await using dataplane = await createDataplane({ ...options, spawnWorker });
    const free = dataplane.freeBytes;
    for (let round = 0; round < 3; round++) {
      const channel = await dataplane.open([TAG], RING);
      channel.send(Array.from({ length: 50 }, (_, i) => flowFrame(i, i)));
      (spawned.at(-1) as WorkerLike).terminate();
      await channel.close();
      expect(dataplane.freeBytes).toBe(free);
    }
  });

  test("a capture goes on without what its worker held", async () => {
    deaths.length = 0;
    const records = Array.from({ length: 9000 }, (_, i) => pcapRecord(false, i, 0, flowFrame(i % 9, i, 300)));
    const { bytes } = join([pcapHeader(false, false), ...records]);
    for (const when of ["before", "middle", "after"] as const) {
      // With two workers nobody knows how many pieces the first one gets, but it gets the first.
      const { spawnWorker } = spawner([dyingAt(workers === 1 ? 2 : 1, when, THROW)]);
      await using dataplane = await createDataplane({ ...options, spawnWorker, onWorkerDied });
      const free = dataplane.freeBytes;
      const parts: Uint8Array[] = [];
      const sink = {
        write: async (part: Uint8Array) => void parts.push(part.slice()),
        close: async () => {},
        abort: async () => {},
      };
      const summary = await dataplane.processCapture(
        bytes,
        [TAG, { stage: "count", by: "sourcePort" }],
        sink,
      );
      expect(summary.received).toBe(9000);
      // What the dead worker had counted went with what it held.
      expect(summary.counts[0]!.frames).toBe(summary.forwarded);
      expectConserved(summary, 9000, summary.forwarded);
      const died = summary.drops["worker-died"] ?? 0;
      expect(died).toBeGreaterThan(0);
      expect(died).toBeLessThan(9000);
      // What was not lost is whole, and in order.
      const output = join(parts).bytes;
      expect(output.length).toBe(24 + summary.forwarded * (16 + 304));
      const view = new DataView(output.buffer);
      for (let at = 24, last = -1; at < output.length; at += 16 + 304) {
        expect(view.getUint32(at, true)).toBeGreaterThan(last);
        last = view.getUint32(at, true);
      }
      expect(summary.damage).toBeUndefined();
      expect(dataplane.freeBytes).toBe(free);
    }
    // Browsers put words of their own in front.
    expect(deaths.map(({ reason }) => /boom/.exec(reason)?.[0] ?? reason)).toEqual(["boom", "boom", "boom"]);
  });

  test("a worker that cannot be replaced: everything rejects, after what is there has come out", async () => {
    deaths.length = 0;
    const broken = 'throw new Error("no more");';
    const { spawnWorker, workers: spawned } = spawner([
      ...new Array<string>(workers).fill(""),
      ...new Array<string>(30).fill(broken),
    ]);
    await using dataplane = await createDataplane({ ...options, spawnWorker, onWorkerDied });
    await using channel = await dataplane.open([TAG], RING);
    const never = await dataplane.open([TAG], RING);
    const waiting = collect(never);
    waiting.catch(() => {});
    let sent = 0;
    sent += channel.send(Array.from({ length: 40 }, (_, i) => flowFrame(i, i)));
    const source = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(pcapHeader(false, false)),
      pull: async (controller) => {
        await pause(2);
        controller.enqueue(pcapRecord(false, 1, 1, flowFrame(1, 1)));
      },
    });
    const capturing = dataplane.processCapture(source, [TAG], new WritableStream<Uint8Array>());
    capturing.catch(() => {});
    await pause(20);
    (spawned.at(-1) as WorkerLike).terminate();
    await until(() => deaths.length === 2, "the pool gives up");
    const failure = deaths[1]!;
    expect(failure.message).toMatch(/no other could be started: .*no more/s);
    let received = 0;
    const results = async (): Promise<void> => {
      for await (const burst of channel) received += burst.length;
    };
    await expect(results()).rejects.toBe(failure);
    expectConserved(channel.counters(), sent, received);
    expect(() => channel.send([flowFrame(1, 1)])).toThrow(failure);
    await expect(channel.sendAll([flowFrame(1, 1)])).rejects.toBe(failure);
    await expect(waiting).rejects.toBe(failure);
    await expect(capturing).rejects.toBe(failure);
    await expect(
      dataplane.processCapture(pcapHeader(false, false), [TAG], new WritableStream()),
    ).rejects.toBe(failure);
    await expect(dataplane.open([TAG])).rejects.toBe(failure);
    expect(() => dataplane.frames([TAG])).toThrow(failure);
    await never.close();
  });

  test("scripts that are no worker reject the start, and leave nothing running", async () => {
    for (const source of ["throw new Error('broken from the start');", "this is no script", LEAVE]) {
      const started: WorkerLike[] = [];
      const spawnWorker = (): WorkerLike => {
        const worker = startScript(source);
        started.push(worker);
        return worker;
      };
      const error = await createDataplane({ ...options, spawnWorker }).catch((cause: unknown) => cause);
      expect(error).toBeInstanceOf(WorkerDiedError);
      if (source.includes("broken")) expect((error as Error).message).toContain("broken from the start");
      expect(started.length).toBe(workers);
    }
  });

  test("a script that never answers is ended by a signal", async () => {
    const reason = new Error("enough");
    const abort = new AbortController();
    const starting = createDataplane({
      ...options,
      spawnWorker: () => startScript("setInterval(() => {}, 1000);"),
      signal: abort.signal,
    });
    starting.catch(() => {});
    await pause(50);
    abort.abort(reason);
    await expect(starting).rejects.toBe(reason);
    await expect(createDataplane({ ...options, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });

  test("closing while workers die, start and work", async () => {
    for (let round = 0; round < 5; round++) {
      const { spawnWorker, workers: spawned } = spawner([]);
      const dataplane = await createDataplane({ ...options, spawnWorker });
      const channel = await dataplane.open([TAG], RING);
      const receiving = collect(channel);
      channel.send(Array.from({ length: 50 }, (_, i) => flowFrame(i, i)));
      (spawned[0] as WorkerLike).terminate();
      await pause(round * 7);
      await Promise.all([dataplane.close(), dataplane.close()]);
      await receiving;
      await expect(dataplane.open([TAG])).rejects.toThrow(/^dataplane: it has been closed/);
    }
  });
});

test("transport is chosen by what there is", async () => {
  await using dataplane = await createDataplane({ workers: 1 });
  expect(dataplane.transport).toBe(isolated ? "shared" : "transfer");
});
