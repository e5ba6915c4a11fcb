// Workers of a running switch that end when they should not: what had left is handed out, the rest is counted, and
// the switch goes on.
import type { WorkerDiedError } from "frameferry";
import { createSwitch, LivePort, type Switch } from "frameferry/switch";
import { describe, expect, test } from "vitest";
import {
  CURSOR_BURST_FRAMES,
  CURSOR_BURST_WRITTEN,
  CURSOR_JOURNAL,
  CURSOR_SWITCH,
} from "../../src/layout/cursor.layout.ts";
import { JOURNAL_COMMITTING, JOURNAL_STATE, RING_HEAD, RING_TAIL } from "../../src/layout/ring.layout.ts";
import {
  CONTEXT_SWITCH,
  PORT_ENCAPSULATION,
  PORT_LENGTH,
  SWITCH_PORTS,
} from "../../src/layout/switch.layout.ts";
import { isolated, pause, until } from "../dataplane/support.ts";
import { loadWorkerScript, spawner } from "../threads/death-support.ts";
import { countersOf, expectBalanced, frameOf, mac, stampOf, takeNow, taking, VTEP } from "./support.ts";

loadWorkerScript();

/**
 * Lets the worker die in its `at`th burst: before it, after it, or in the middle of it, at the first frame to port
 * `tunnel`, whose outer headers are out of memory for a moment.
 */
function dyingAt(at: number, when: "before" | "middle" | "after", tunnel: number): string {
  return `{
    const instantiate = WebAssembly.instantiate;
    let calls = 0;
    WebAssembly.instantiate = async (module, imports) => {
      const { exports } = await instantiate(module, imports);
      const words = new Uint32Array(imports.env.memory.buffer);
      const load = (address) => Atomics.load(words, address >>> 2);
      const runRings = (cursor, receive, transmit, bursts) => {
        const run = () => exports.runRings(cursor, receive, transmit, bursts);
        // Frames that come behind this look wait for the next one, so that no burst goes through without being counted.
        const idle = load(receive + ${RING_TAIL}) === load(receive + ${RING_HEAD});
        if (idle) return 0;
        if (++calls !== ${at}) return run();
        if (${JSON.stringify(when)} === "before") throw new Error("boom");
        if (${JSON.stringify(when)} === "middle") {
          const record = load(load(cursor + ${CURSOR_SWITCH}) + ${CONTEXT_SWITCH});
          const ports = load(record + ${SWITCH_PORTS});
          const stage = (ports + ${tunnel} * ${PORT_LENGTH} + ${PORT_ENCAPSULATION}) >>> 2;
          const address = words[stage];
          words[stage] = 0xfffff000;
          let done;
          try { done = run(); } catch { words[stage] = address; throw new Error("boom"); }
          // The switch may have been paused, or the frame was not among these.
          words[stage] = address;
          calls--;
          return done;
        }
        run();
        throw new Error("boom");
      };
      return { exports: { ...exports, runRings } };
    };
  }\n`;
}

/**
 * Lets the worker die when a part of a burst has just been written into a ring that has no room for the rest: it has said
 * so in its journal, and the ring's tail has moved or not, but its cursor does not know yet.
 */
function dyingWhileCommitting(tailMoved: boolean): string {
  return `{
    const instantiate = WebAssembly.instantiate;
    let dead = false;
    WebAssembly.instantiate = async (module, imports) => {
      const { exports } = await instantiate(module, imports);
      const words = new Uint32Array(imports.env.memory.buffer);
      const load = (address) => Atomics.load(words, address >>> 2);
      const runRings = (cursor, receive, transmit, bursts) => {
        const tail = load(transmit + ${RING_TAIL});
        const fresh = load(cursor + ${CURSOR_BURST_FRAMES}) === 0;
        const done = exports.runRings(cursor, receive, transmit, bursts);
        // It was written by one call, which began the burst and could not end it.
        if (dead || !fresh || load(cursor + ${CURSOR_BURST_WRITTEN}) === 0) return done;
        if (load(cursor + ${CURSOR_BURST_FRAMES}) === 0) return done;
        dead = true;
        words[(cursor + ${CURSOR_BURST_WRITTEN}) >>> 2] = 0;
        Atomics.store(words, (load(cursor + ${CURSOR_JOURNAL}) + ${JOURNAL_STATE}) >>> 2, ${JOURNAL_COMMITTING});
        if (!${tailMoved}) Atomics.store(words, (transmit + ${RING_TAIL}) >>> 2, tail);
        throw new Error("boom");
      };
      return { exports: { ...exports, runRings } };
    };
  }\n`;
}

function diedOf(sw: Switch): number {
  return sw.counters().drops["worker-died"] ?? 0;
}

const common = { vtep: VTEP, sweepSeconds: 0, clock: () => 1000, ringBytes: 1 << 16 };

describe.runIf(isolated)("a worker of a switch dies", () => {
  test.each(["before", "middle", "after"] as const)("%s a burst is done", async (when) => {
    for (const floods of [false, true]) {
      const deaths: WorkerDiedError[] = [];
      const { spawnWorker } = spawner([dyingAt(2, when, 4)]);
      await using sw = await createSwitch({
        ...common,
        workers: 1,
        copies: { copies: 3 },
        spawnWorker,
        onWorkerDied: (error) => deaths.push(error),
      });
      const bridgeDomain = await sw.addBridgeDomain({ vni: 5 });
      const [a, b, c] = await Promise.all([1, 2, 3].map(() => sw.addPort({ bridgeDomain })));
      if (!a || !b || !c) throw new Error("unreachable");
      const tunnel = await sw.addTunnel({
        kind: "vxlan",
        remote: "10.9.0.2",
        bridgeDomains: [bridgeDomain],
        flood: false,
      });
      expect(tunnel.number).toBe(4);
      sw.fdb.set({ bridgeDomain, mac: mac(900), port: b });
      sw.fdb.set({ bridgeDomain, mac: mac(901), port: tunnel });
      a.send([frameOf(1, 900)]);
      await sw.idle();
      expect(takeNow(b).length).toBe(1);
      // Each from another source, so that the worker has the FDB's lock when it dies.
      const burst = Array.from({ length: 100 }, (_, i) =>
        frameOf(10 + i, i === 60 ? 901 : floods ? -1 : 900, i),
      );
      expect(a.send(burst)).toBe(100);
      await sw.idle();
      await until(() => deaths.length === 1, "the death is noticed");
      expect(deaths[0]?.message).toMatch(/boom/);
      const left = when === "before" ? 0 : when === "middle" ? 60 : 99;
      expect(diedOf(sw)).toBe(when === "before" ? 0 : when === "middle" ? 40 : 0);
      const atB = takeNow(b).map((frame) => stampOf(frame).sequence);
      const expected = [...burst.keys()].filter((i) => i !== 60);
      expect(atB).toEqual(when === "before" ? expected : expected.slice(0, left));
      expect(atB.length + 1).toBe(countersOf(sw, b).sent);
      expect(takeNow(c).length).toBe(floods ? atB.length : 0);
      expectBalanced(sw.counters());
      expect(sw.counters().received).toBe(101);
      // It goes on, and can be changed; nobody holds the lock.
      const entries = [...sw.fdb].length;
      expect(sw.fdb.size).toBe(entries);
      sw.fdb.set({ bridgeDomain, mac: mac(902), port: c });
      expect(sw.fdb.flush({ port: a })).toBe(entries - 2);
      const d = await sw.addPort({ bridgeDomain });
      a.send(burst.map((_, i) => frameOf(500 + i, 902, i)));
      await sw.idle();
      expect(takeNow(c).map((frame) => stampOf(frame).sequence)).toEqual([...burst.keys()]);
      expect(takeNow(d)).toEqual([]);
      expect(sw.fdb.size).toBe(103);
      expectBalanced(sw.counters());
    }
  });

  test.each([true, false])(
    "between two words of its journal, the ring's tail moved: %s: nothing leaves twice",
    async (tailMoved) => {
      const deaths: WorkerDiedError[] = [];
      const { spawnWorker } = spawner([dyingWhileCommitting(tailMoved)]);
      await using sw = await createSwitch({
        ...common,
        workers: 1,
        copies: { copies: 512, frameBytes: 2048 },
        queueFrames: 1 << 16,
        spawnWorker,
        onWorkerDied: (error) => deaths.push(error),
      });
      const bridgeDomain = await sw.addBridgeDomain();
      const [from, ...ports] = await Promise.all(
        Array.from({ length: 7 }, () => sw.addPort({ bridgeDomain })),
      );
      const burst = Array.from({ length: 30 }, (_, i) => {
        const bytes = new Uint8Array(1500);
        bytes.set(frameOf(1, -1, i));
        return bytes;
      });
      // Six copies of each are more than the ring holds at once.
      expect(from?.send(burst)).toBe(30);
      await sw.idle();
      await until(() => deaths.length === 1, "the death is noticed");
      expect(deaths[0]?.message).toMatch(/boom/);
      const counters = sw.counters();
      expectBalanced(counters);
      expect(counters.received).toBe(30);
      for (const port of ports) {
        const sequences = takeNow(port).map((frame) => stampOf(frame).sequence);
        expect(sequences).toEqual(Array.from({ length: countersOf(sw, port).sent }, (_, i) => i));
      }
      expect(counters.sent).toBeGreaterThan(0);
    },
  );

  test.each([1, 2, 3])(
    "%i workers: again and again under load, with floods and rings that are full",
    async (workers) => {
      const deaths: WorkerDiedError[] = [];
      const { spawnWorker, workers: spawned } = spawner([]);
      await using sw = await createSwitch({
        ...common,
        workers,
        copies: { copies: 4 },
        queueFrames: 1 << 20,
        spawnWorker,
        onWorkerDied: (error) => deaths.push(error),
      });
      const bridgeDomain = await sw.addBridgeDomain({ vni: 5 });
      const ports = await Promise.all(Array.from({ length: 10 }, () => sw.addPort({ bridgeDomain })));
      await sw.addTunnel({ kind: "vxlan", remote: "10.9.0.2", bridgeDomains: [bridgeDomain] });
      const all = [...ports, sw.uplink as NonNullable<typeof sw.uplink>].map((port) => ({
        port,
        ...taking(port),
      }));
      let sent = 0;
      for (let round = 0; round < 8; round++) {
        for (let i = 0; i < 20; i++) {
          const from = (round * 20 + i) % ports.length;
          sent += ports[from]?.send(
            Array.from({ length: 60 }, (_, j) =>
              frameOf(1000 * from + j, j % 3 === 0 ? -1 : 1000 * ((from + j) % 10) + 7, sent + j),
            ),
          ) as number;
          if (i === 10) await pause(0);
        }
        const noticed = deaths.length;
        const change = sw.addPort({ bridgeDomain });
        // One that was still starting is replaced without a word: then again, when all are at work.
        let next = 0;
        await until(() => {
          if (deaths.length > noticed) return true;
          if (performance.now() < next || (next > 0 && sw.health.state !== "running")) return false;
          next = performance.now() + 500;
          for (const worker of round % 2 === 0 ? spawned.slice(-workers) : spawned.slice(-1))
            worker.terminate();
          return false;
        }, "the death is noticed");
        await sw.removePort(await change);
      }
      await sw.idle();
      const counters = sw.counters();
      expectBalanced(counters);
      expect(counters.received).toBe(sent);
      expect(
        Object.keys(counters.drops).filter((reason) => !["worker-died", "same-port"].includes(reason)),
      ).toEqual([]);
      await pause(0);
      for (const { port, frames } of all)
        expect([port.number, frames.length]).toEqual([port.number, countersOf(sw, port).sent]);
      expect(sw.fdb.size).toBe([...sw.fdb].length);
      ports[0]?.send([frameOf(1, -1)]);
      await sw.idle();
      expect(sw.counters().received).toBe(sent + 1);
    },
  );

  test("one that cannot be replaced: what had left is handed out, then everything rejects", async () => {
    const deaths: WorkerDiedError[] = [];
    const broken = 'throw new Error("no more");';
    const { spawnWorker } = spawner([dyingAt(2, "middle", 3), ...new Array<string>(30).fill(broken)]);
    await using sw = await createSwitch({
      ...common,
      workers: 1,
      copies: { copies: 3 },
      spawnWorker,
      onWorkerDied: (error) => deaths.push(error),
    });
    const bridgeDomain = await sw.addBridgeDomain({ vni: 5 });
    const a = await sw.addPort({ bridgeDomain });
    const b = await sw.addPort({ bridgeDomain });
    const tunnel = await sw.addTunnel({ kind: "vxlan", remote: "10.9.0.2", bridgeDomains: [bridgeDomain] });
    sw.fdb.set({ bridgeDomain, mac: mac(900), port: b });
    sw.fdb.set({ bridgeDomain, mac: mac(901), port: tunnel });
    a.send([frameOf(1, 900)]);
    await sw.idle();
    expect(takeNow(b).length).toBe(1);
    a.send(Array.from({ length: 100 }, (_, i) => frameOf(10 + i, i === 60 ? 901 : 900, i)));
    const rest = a.sendAll(Array.from({ length: 5000 }, (_, i) => frameOf(10, 900, i)));
    const idle = sw.idle();
    const change = sw.addPort({ bridgeDomain });
    for (const promise of [rest, idle, change]) promise.catch(() => {});
    const got: number[] = [];
    const error = await (async () => {
      for await (const burst of b) for (const frame of burst) got.push(stampOf(frame).sequence);
    })().catch((cause: unknown) => cause);
    expect(String(error)).toMatch(/no other could be started: .*no more/s);
    expect(error).toBe(deaths.at(-1));
    expect(got).toEqual(Array.from({ length: 60 }, (_, i) => i));
    for (const promise of [rest, idle]) await expect(promise).rejects.toBe(error);
    // The worker takes no burst while a change waits: it was made before the worker died, or never.
    const changed = await change.catch((cause: unknown) => cause);
    const made = sw.ports().some(({ number }) => number === tunnel.number + 1);
    expect(changed instanceof LivePort).toBe(made);
    if (!made) expect(changed).toBe(error);
    await expect(sw.addBridgeDomain()).rejects.toBe(error);
    await expect(sw.removePort(a)).rejects.toBe(error);
    await expect(a.sendAll([frameOf(1, 2)])).rejects.toBe(error);
    expect(() => a.send([frameOf(1, 2)])).toThrow(error as Error);
    const counters = sw.counters();
    expectBalanced(counters);
    expect(counters.sent).toBe(61);
    expect(counters.drops).toEqual({ "worker-died": counters.dropped });
  });

  test("a switch that is closed, or opened, while its worker dies", async () => {
    for (let round = 0; round < 4; round++) {
      const { spawnWorker, workers: spawned } = spawner([]);
      const sw = await createSwitch({ ...common, workers: 2, spawnWorker });
      const bridgeDomain = await sw.addBridgeDomain();
      const a = await sw.addPort({ bridgeDomain });
      await sw.addPort({ bridgeDomain });
      a.send(Array.from({ length: 50 }, (_, i) => frameOf(i, -1)));
      spawned[round % 2]?.terminate();
      await pause(round * 5);
      await sw.close();
    }
  });
});
