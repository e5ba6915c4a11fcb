// A running switch that changes: ports, tunnels and bridge domains come and go while frames are under way.
import { createSwitch, type LivePort } from "frameferry/switch";
import { expect, test } from "vitest";
import { CURSOR_BURST_FRAMES, CURSOR_JOURNAL, CURSOR_SWITCH } from "../../src/layout/cursor.layout.ts";
import { JOURNAL_IDLE, JOURNAL_STATE, RING_HEAD, RING_TAIL } from "../../src/layout/ring.layout.ts";
import { CONTEXT_SWITCH, SWITCH_PAUSE } from "../../src/layout/switch.layout.ts";
import { isolated, pause } from "../dataplane/support.ts";
import { loadWorkerScript, spawner } from "../threads/death-support.ts";
import {
  countersOf,
  expectBalanced,
  frameOf,
  stampOf,
  switchTest,
  takeNow,
  taking,
  VTEP,
} from "./support.ts";

loadWorkerScript();

/** Pauses the switch by itself before each of its bursts, and dies if the kernel takes it all the same. */
const PAUSED = `{
  const instantiate = WebAssembly.instantiate;
  WebAssembly.instantiate = async (module, imports) => {
    const { exports } = await instantiate(module, imports);
    const words = new Int32Array(imports.env.memory.buffer);
    const load = (address) => Atomics.load(words, address >>> 2);
    const runRings = (cursor, receive, transmit, bursts) => {
      const head = load(receive + ${RING_HEAD});
      // A burst that has begun goes on: who pauses waits for it.
      if (load(receive + ${RING_TAIL}) !== head && load(cursor + ${CURSOR_BURST_FRAMES}) === 0) {
        const pause = (load(load(cursor + ${CURSOR_SWITCH}) + ${CONTEXT_SWITCH}) + ${SWITCH_PAUSE}) >>> 2;
        const before = Atomics.exchange(words, pause, 1);
        const done = exports.runRings(cursor, receive, transmit, bursts);
        const journal = load(load(cursor + ${CURSOR_JOURNAL}) + ${JOURNAL_STATE});
        Atomics.store(words, pause, before);
        if (done !== 0 || load(receive + ${RING_HEAD}) !== head) throw new Error("it took a burst");
        if (journal !== ${JOURNAL_IDLE}) throw new Error("it does not rest");
      }
      return exports.runRings(cursor, receive, transmit, bursts);
    };
    return { exports: { ...exports, runRings } };
  };
}\n`;

test.runIf(isolated)("a worker takes no burst while its switch is paused", async () => {
  const deaths: unknown[] = [];
  const { spawnWorker } = spawner([PAUSED]);
  await using sw = await createSwitch({
    workers: 1,
    sweepSeconds: 0,
    spawnWorker,
    onWorkerDied: (error) => deaths.push(error),
  });
  const bridgeDomain = await sw.addBridgeDomain();
  const a = await sw.addPort({ bridgeDomain });
  const b = await sw.addPort({ bridgeDomain });
  for (let round = 0; round < 20; round++) {
    a.send(Array.from({ length: 50 }, (_, i) => frameOf(1, -1, 50 * round + i)));
    await sw.idle();
  }
  expect(deaths).toEqual([]);
  expect(takeNow(b)).toHaveLength(1000);
});

switchTest(
  "a removed port: nothing goes in or out any more, and its successor gets nothing of its",
  async (sw) => {
    const bridgeDomain = await sw.addBridgeDomain();
    const other = await sw.addBridgeDomain();
    const a = await sw.addPort({ bridgeDomain });
    let b = await sw.addPort({ bridgeDomain });
    const watcher = await sw.addPort({ bridgeDomain: other });
    for (let round = 0; round < 12; round++) {
      const atB = taking(b);
      // Floods to B are under way, and frames of B, when it goes.
      let sent = 0;
      for (let i = 0; i < 40; i++) {
        sent += a.send(Array.from({ length: 64 }, (_, j) => frameOf(1, 2, i * 64 + j)));
        b.send(Array.from({ length: 64 }, (_, j) => frameOf(3, 4, i * 64 + j)));
      }
      const much = b.sendAll(Array.from({ length: 5000 }, (_, j) => frameOf(3, 4, j)));
      much.catch(() => {});
      const removed = sw.removePort(b);
      await pause(0);
      // Between the decision and the change more comes in.
      sent += a.send([frameOf(1, 2, 99)]);
      await removed;
      await atB.ended;
      expect(atB.frames.length).toBeLessThanOrEqual(sent);
      expect(atB.frames.every((frame) => stampOf(frame).from === 1)).toBe(true);
      await much.catch((error: unknown) => expect(String(error)).toMatch(/port: it has been removed/));
      expect(() => b.send([frameOf(1, 2)])).toThrow(/^port: it has been removed/);
      await expect(b.sendAll([frameOf(1, 2)])).rejects.toThrow(/^port: it has been removed/);
      await expect(sw.removePort(b)).rejects.toThrow(/^port: expected a port of this switch/);
      const next = await sw.addPort({ bridgeDomain: round % 2 === 0 ? other : bridgeDomain });
      expect(next.number).toBe(b.number);
      await sw.idle();
      if (round % 2 === 0) {
        // In another bridge domain: of all that was under way it sees nothing, and nothing was taken for its own.
        expect(takeNow(next).length + next.counters().dropped).toBe(0);
        expect(countersOf(sw, next)).toMatchObject({ received: 0, sent: 0 });
        expect(takeNow(watcher).length).toBe(0);
        await sw.removePort(next);
        b = await sw.addPort({ bridgeDomain });
      } else {
        b = next;
        takeNow(b);
      }
      takeNow(a);
      expectBalanced(sw.counters());
    }
    expect(countersOf(sw, watcher)).toMatchObject({ received: 0, sent: 0 });
  },
);

switchTest("changes while bursts are under way take effect between bursts", async (sw) => {
  const bridgeDomain = await sw.addBridgeDomain();
  const a = await sw.addPort({ bridgeDomain });
  const b = await sw.addPort({ bridgeDomain });
  const stay = [taking(a), taking(b)];
  let stop = false;
  let sent = 0;
  const sending = (async () => {
    while (!stop) {
      sent += a.send(Array.from({ length: 32 }, (_, i) => frameOf(1, 2, i)));
      await pause(0);
    }
  })();
  for (let round = 0; round < 30; round++) {
    const third = await sw.addPort({ bridgeDomain });
    const more = await sw.addBridgeDomain({ name: "more" });
    const trunk = await sw.addPort({ vlans: { 5: more, 6: bridgeDomain } });
    await pause(round % 3);
    await Promise.all([sw.removePort(third), sw.removePort(trunk)]);
    await sw.removeBridgeDomain(more);
  }
  stop = true;
  await sending;
  await sw.idle();
  const counters = sw.counters();
  expectBalanced(counters);
  expect(counters.received).toBe(sent);
  // No burst saw half a change.
  expect(counters.drops).toEqual({});
  await sw.close();
  await Promise.all(stay.map(({ ended }) => ended));
});

switchTest("a change that cannot be changes nothing", async (sw) => {
  const bridgeDomain = await sw.addBridgeDomain({ name: "one" });
  const a = await sw.addPort({ name: "a", bridgeDomain });
  await expect(sw.addPort({ name: "a", bridgeDomain })).rejects.toThrow(/^name: there is a "a" already/);
  await expect(sw.addBridgeDomain({ name: "one" })).rejects.toThrow(/^name: /);
  await expect(sw.removeBridgeDomain(bridgeDomain)).rejects.toThrow(
    /^bridgeDomain: 1 ports are in one still/,
  );
  await expect(sw.addTunnel({ kind: "vxlan", remote: "10.0.0.1", bridgeDomains: [] })).rejects.toThrow(
    /^vtep: /,
  );
  await expect(sw.removePort(undefined as never)).rejects.toThrow(/^port: missing; expected a port/);
  await expect(sw.removePort({ number: a.number, name: a.name, kind: a.kind })).rejects.toThrow(
    /^port: expected a port of this switch/,
  );
  expect(a.send([frameOf(1, -1)])).toBe(1);
  expect(sw.ports().map(({ name }) => name)).toEqual(["a"]);
  expect(sw.bridgeDomains()).toEqual([bridgeDomain]);
});

switchTest(
  "the uplink stays",
  async (sw) => {
    const uplink = sw.uplink as LivePort;
    await expect(sw.removePort(uplink)).rejects.toThrow(/^port: the uplink belongs to the VTEP/);
    expect(uplink.send([new Uint8Array(60)])).toBe(1);
    await sw.idle();
    expect(sw.counters().drops).toEqual({ "not-tunnel": 1 });
  },
  { vtep: VTEP },
);
