// A running switch under load: rings that are full, floods larger than rings, queues that nobody empties; order within
// a flow; and the same outcome with workers as without.
import { type BridgeDomain, createSwitch, type LivePort, type Switch } from "frameferry/switch";
import { expect, test } from "vitest";
import { isolated, pause, random, until } from "../dataplane/support.ts";
import {
  countersOf,
  expectBalanced,
  frameOf,
  mac,
  stampOf,
  switchTest,
  takeNow,
  taking,
  VTEP,
} from "./support.ts";

/** Everything that left a port was delivered there: what found its queue full did not leave, and is dropped. */
function expectDelivered(sw: Switch, port: LivePort, delivered: number): void {
  expect([port.number, delivered]).toEqual([port.number, countersOf(sw, port).sent]);
}

switchTest(
  "floods that make far more copies than there is room for: nothing is lost",
  async (sw) => {
    const bridgeDomain = await sw.addBridgeDomain();
    const ports = await Promise.all(Array.from({ length: 40 }, () => sw.addPort({ bridgeDomain })));
    const all = ports.map(taking);
    const [first] = ports;
    const frames = Array.from({ length: 3000 }, (_, i) => frameOf(1 + (i % 16), -1, Math.floor(i / 16), 200));
    await first?.sendAll(frames);
    await sw.idle();
    const counters = sw.counters();
    expectBalanced(counters);
    expect(counters).toMatchObject({ received: 3000, copies: 3000 * 38, sent: 3000 * 39, dropped: 0 });
    await until(() => all.every(({ frames: got }, i) => got.length === (i === 0 ? 0 : 3000)), "all copies");
    all.forEach(({ frames: got }, i) => {
      expectDelivered(sw, ports[i] as LivePort, got.length);
      const due = new Map<number, number>();
      for (const frame of got) {
        const { from, sequence } = stampOf(frame);
        if (sequence !== (due.get(from) ?? 0))
          throw new Error(`port ${i}: ${sequence} of ${from} is out of order`);
        due.set(from, sequence + 1);
      }
    });
  },
  { ringBytes: 1 << 16, copies: { copies: 5 } },
);

switchTest(
  "many ports send at once, all get what is theirs, in order",
  async (sw) => {
    const bridgeDomain = await sw.addBridgeDomain();
    const ports = await Promise.all(Array.from({ length: 8 }, () => sw.addPort({ bridgeDomain })));
    for (const [i, port] of ports.entries()) sw.fdb.set({ bridgeDomain, mac: mac(i), port });
    const all = ports.map(taking);
    const EACH = 4000;
    await Promise.all(
      ports.map(async (port, from) => {
        const next = random(from + 1);
        const sequences = new Uint32Array(ports.length);
        for (let sent = 0; sent < EACH; ) {
          const burst = Array.from({ length: Math.min(1 + next(300), EACH - sent) }, () => {
            const to = (from + 1 + next(ports.length - 1)) % ports.length;
            sequences[to] = (sequences[to] as number) + 1;
            return frameOf(from, to, (sequences[to] as number) - 1, 60 + next(400));
          });
          sent += burst.length;
          if (next(2) === 0) await port.sendAll(burst);
          else for (let at = 0; at < burst.length; await pause(0)) at += port.send(burst.slice(at));
        }
      }),
    );
    await sw.idle();
    const counters = sw.counters();
    expectBalanced(counters);
    expect(counters).toMatchObject({ received: 8 * EACH, sent: 8 * EACH, dropped: 0 });
    await until(() => all.reduce((sum, { frames }) => sum + frames.length, 0) === 8 * EACH, "all has come");
    all.forEach(({ frames }, to) => {
      expectDelivered(sw, ports[to] as LivePort, frames.length);
      const due = new Uint32Array(ports.length);
      for (const frame of frames) {
        const { from, sequence } = stampOf(frame);
        if (sequence !== due[from])
          throw new Error(`port ${to}: ${sequence} of ${from}, due was ${due[from]}`);
        due[from] = sequence + 1;
      }
    });
  },
  { ringBytes: 1 << 16 },
);

switchTest(
  "a port that nobody takes from drops what finds no room, and counts it",
  async (sw) => {
    const bridgeDomain = await sw.addBridgeDomain();
    const [a, b, c] = await Promise.all([1, 2, 3].map(() => sw.addPort({ bridgeDomain })));
    if (!a || !b || !c) throw new Error("unreachable");
    const atC = taking(c);
    await a.sendAll(Array.from({ length: 1000 }, (_, i) => frameOf(1, -1, i)));
    await sw.idle();
    // Who reads is waited for.
    await until(() => atC.frames.length === 1000, "all copies");
    expect(b.counters()).toMatchObject({ waiting: 7, dropped: 993, drops: { "queue-full": 993 } });
    expect(countersOf(sw, b)).toMatchObject({ sent: 7, sentBytes: 7 * 64, drops: { "queue-full": 993 } });
    expect(sw.counters()).toMatchObject({ sent: 1007, dropped: 993, drops: { "queue-full": 993 } });
    expect(takeNow(b).map((frame) => stampOf(frame).sequence)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expectDelivered(sw, b, 7);
    expectDelivered(sw, c, atC.frames.length);
    expectBalanced(sw.counters());
    a.send([frameOf(1, 2, 1000)]);
    await sw.idle();
    expect(takeNow(b).length).toBe(1);
  },
  { queueFrames: 7 },
);

switchTest("who takes at once loses nothing, however much is sent at once", async (sw) => {
  const bridgeDomain = await sw.addBridgeDomain();
  const a = await sw.addPort({ bridgeDomain });
  const b = await sw.addPort({ bridgeDomain });
  sw.fdb.set({ bridgeDomain, mac: mac(2), port: b });
  const atB = taking(b);
  await a.sendAll(Array.from({ length: 60_000 }, (_, i) => frameOf(1, 2, i)));
  await sw.idle();
  await until(() => atB.frames.length === 60_000, "all has come");
  expect(b.counters().dropped).toBe(0);
});

switchTest("waiting calls go on in their order, and a signal ends only its own", async (sw) => {
  const bridgeDomain = await sw.addBridgeDomain();
  const a = await sw.addPort({ bridgeDomain });
  const b = await sw.addPort({ bridgeDomain });
  const atB = taking(b);
  const calls = [0, 1, 2, 3].map((call) =>
    a.sendAll(
      Array.from({ length: 2500 }, (_, i) => frameOf(1, 2, call * 2500 + i)),
      call === 2 ? { signal: AbortSignal.timeout(0) } : {},
    ),
  );
  expect(a.send([frameOf(1, 2)])).toBe(0);
  const [, , third] = await Promise.allSettled(calls);
  await sw.idle();
  await until(() => atB.frames.length === countersOf(sw, b).sent, "all has come");
  const sequences = atB.frames.map((frame) => stampOf(frame).sequence);
  expect(sequences).toEqual([...sequences].sort((x, y) => x - y));
  if (third?.status === "fulfilled") expect(sequences.length).toBe(10_000);
  else expect(sequences.length).toBeGreaterThanOrEqual(7500);
});

/** The same traffic through switches with these workers; what leaves each port, sorted. */
async function outcome(workers: number, seed: number): Promise<{ ports: string[][]; counters: unknown }> {
  await using sw = await createSwitch({
    workers,
    vtep: VTEP,
    ringBytes: 1 << 17,
    queueFrames: 1 << 20,
    queueBytes: 2 ** 30,
    copies: { copies: 32 },
    clock: () => 5000,
    sweepSeconds: 0,
  });
  const next = random(seed);
  const domains: BridgeDomain[] = [];
  for (let i = 0; i < 3; i++)
    domains.push(await sw.addBridgeDomain({ vni: 100 + i, unknownUnicast: i === 2 ? "drop" : "flood" }));
  const ports: LivePort[] = [];
  for (const bridgeDomain of domains)
    for (let i = 0; i < 3; i++) ports.push(await sw.addPort({ bridgeDomain, group: i === 2 ? 5 : 0 }));
  const [d0, d1, d2] = domains as [BridgeDomain, BridgeDomain, BridgeDomain];
  ports.push(await sw.addPort({ vlans: { 10: d0, 11: d1, 12: d2 }, native: 11 }));
  ports.push(await sw.addPort({ vlans: { 20: d0, 21: d1 }, mtu: 600 }));
  const tunnel = await sw.addTunnel({ kind: "vxlan", remote: "10.9.0.2", bridgeDomains: domains });
  // Learning is settled first, one frame after the other.
  for (let station = 0; station < 60; station++) {
    const port = ports[station % ports.length] as LivePort;
    port.send([frameOf(station, -1, 0)]);
    await sw.idle();
  }
  domains.forEach((bridgeDomain, i) => {
    sw.fdb.set({ bridgeDomain, mac: mac(200 + i), port: tunnel });
    sw.fdb.set({ bridgeDomain, mac: mac(300 + i), blackhole: true });
  });
  const settled = [...ports, sw.uplink as LivePort].map((port) => takeNow(port).length);
  for (let turn = 0; turn < 60; turn++) {
    const station = next(60);
    const port = ports[station % ports.length] as LivePort;
    const frames = Array.from({ length: 1 + next(200) }, (_, i) => {
      const to = [next(60), -1, 200 + next(3), 300 + next(3), 900][next(5)] as number;
      return frameOf(station, to, turn * 1000 + i, 60 + next(900));
    });
    await port.sendAll(frames);
  }
  await sw.idle();
  const counters = sw.counters();
  expectBalanced(counters);
  const all = [...ports, sw.uplink as LivePort].map((port, index) => {
    const frames = takeNow(port);
    expectDelivered(sw, port, frames.length + (settled[index] as number));
    return frames.map((frame) => frame.join()).sort();
  });
  return { ports: all, counters };
}

test.runIf(isolated)("workers: what leaves each port is the same as without", async () => {
  for (const seed of [1, 2]) {
    const inline = await outcome(0, seed);
    expect(inline.ports.every((frames) => frames.length > 100)).toBe(true);
    for (const workers of [1, 3]) {
      const threaded = await outcome(workers, seed);
      expect(threaded.counters).toEqual(inline.counters);
      expect(threaded.ports).toEqual(inline.ports);
    }
  }
});
