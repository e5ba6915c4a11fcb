// A running switch: its ports, streams, changes and end; the same with workers and without.
import { createDataplane } from "frameferry";
import { createSwitch, type LivePort, openSwitch } from "frameferry/switch";
import { expect, test } from "vitest";
import { isolated, pause, until } from "./support.ts";
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
} from "./switch-support.ts";

switchTest("frames in by send, out by iterating; learned, flooded, refused", async (sw) => {
  const orange = await sw.addBridgeDomain({ name: "orange" });
  const [a, b, c] = await Promise.all(
    [1, 2, 3].map((i) => sw.addPort({ name: `p${i}`, bridgeDomain: orange })),
  );
  if (!a || !b || !c) throw new Error("unreachable");
  expect([a.number, a.name, a.kind, a.port.name]).toEqual([1, "p1", "access", "p1"]);
  const atB = taking(b);
  const atC = taking(c);
  expect(a.send([frameOf(1, 2)])).toBe(1);
  await sw.idle();
  expect(b.send([frameOf(2, 1)])).toBe(1);
  await sw.idle();
  await a.sendAll([frameOf(1, 2, 7), new Uint8Array(3), frameOf(1, -1, 8)]);
  await sw.idle();
  await until(() => atB.frames.length === 3 && atC.frames.length === 2, "all has come");
  expect(atB.frames.map((frame) => stampOf(frame).sequence)).toEqual([0, 7, 8]);
  expect(atC.frames.map((frame) => stampOf(frame).sequence)).toEqual([0, 8]);
  expect(takeNow(a).length).toBe(1);
  expect(sw.fdb.get(orange, mac(1))?.port).toBe(a.port);
  const counters = sw.counters();
  expectBalanced(counters);
  expect(counters).toMatchObject({
    received: 5,
    copies: 2,
    sent: 6,
    dropped: 1,
    drops: { "frame-too-short": 1 },
  });
});

switchTest("a port of the running switch stands for its handle", async (sw) => {
  const domain = await sw.addBridgeDomain();
  const a = await sw.addPort({ bridgeDomain: domain });
  const b = await sw.addPort({ bridgeDomain: domain });
  sw.fdb.set({ bridgeDomain: domain, mac: mac(5), port: b });
  expect(sw.fdb.get(domain, mac(5))?.port).toBe(b.port);
  a.send([frameOf(1, 5)]);
  await sw.idle();
  expect(takeNow(b).length).toBe(1);
  expect(sw.fdb.flush({ port: a })).toBe(1);
  await sw.removePort(b);
  expect(() => sw.fdb.flush({ port: b })).toThrow(/^port: expected a port of this switch/);
});

switchTest(
  "tunnels: a packet out by the uplink of one, in by that of another",
  async (sw) => {
    await using other = await createSwitch({ workers: 0, sweepSeconds: 0, vtep: { address: "10.9.0.2" } });
    const [a, far] = await Promise.all(
      [sw, other].map(async (one, i) => {
        const bridgeDomain = await one.addBridgeDomain({ vni: 77 });
        await one.addTunnel({ kind: "vxlan", remote: `10.9.0.${2 - i}`, bridgeDomains: [bridgeDomain] });
        return one.addPort({ bridgeDomain });
      }),
    );
    if (!a || !far || !sw.uplink || !other.uplink) throw new Error("unreachable");
    const { uplink: from } = sw;
    const { uplink: to } = other;
    const join = async (one: LivePort, two: LivePort): Promise<void> => {
      for await (const burst of one) await two.sendAll([...burst]);
    };
    const joined = [join(from, to), join(to, from)];
    const atA = taking(a);
    const atFar = taking(far);
    for (let turn = 0; turn < 20; turn++) {
      a.send([frameOf(1, 2, turn)]);
      await until(() => atFar.frames.length === turn + 1, "the ping");
      far.send([frameOf(2, 1, turn)]);
      await until(() => atA.frames.length === turn + 1, "the answer");
    }
    expect(atFar.frames.map((frame) => stampOf(frame))).toEqual(
      Array.from({ length: 20 }, (_, sequence) => ({ from: 1, sequence })),
    );
    await sw.idle();
    expectBalanced(sw.counters());
    expectBalanced(other.counters());
    expect(countersOf(sw, from)).toMatchObject({ received: 20, sent: 20 });
    await Promise.all([sw.close(), other.close()]);
    // What the loops still had in hand is refused, if there was anything.
    await Promise.allSettled(joined);
    await Promise.all([atA.ended, atFar.ended]);
  },
  { vtep: VTEP },
);

switchTest("streams", async (sw) => {
  const bridgeDomain = await sw.addBridgeDomain();
  const a = await sw.addPort({ bridgeDomain });
  const b = await sw.addPort({ bridgeDomain });
  expect(a.writable).toBe(a.writable);
  expect(b.readable).toBe(b.readable);
  const writer = a.writable.getWriter();
  const reader = b.readable.getReader();
  for (let sequence = 0; sequence < 300; sequence++) void writer.write(frameOf(1, 2, sequence));
  for (let sequence = 0; sequence < 300; sequence++) {
    const { value, done } = await reader.read();
    expect(done).toBe(false);
    expect(stampOf(value as Uint8Array).sequence).toBe(sequence);
  }
  // Nobody reads: nothing is taken out behind the reader's back.
  await writer.write(frameOf(1, 2, 300));
  await sw.idle();
  expect(takeNow(b).length).toBe(1);
  // Cancelling does not wait for a frame.
  const waiting = reader.read();
  await reader.cancel();
  expect(await waiting).toEqual({ value: undefined, done: true });
  await writer.write(frameOf(1, 2, 301));
  await sw.idle();
  expect(takeNow(b).length).toBe(1);
  await expect(writer.write("no frame" as unknown as Uint8Array)).rejects.toThrow(
    /^frames: expected a Uint8Array/,
  );
});

switchTest("a readable ends with its port, when all that left has been read", async (sw) => {
  const bridgeDomain = await sw.addBridgeDomain();
  const a = await sw.addPort({ bridgeDomain });
  const b = await sw.addPort({ bridgeDomain });
  a.send([frameOf(1, 2, 1), frameOf(1, 2, 2)]);
  await sw.removePort(b);
  const got: number[] = [];
  for (const reader = b.readable.getReader(); ; ) {
    const { value, done } = await reader.read();
    if (done) break;
    got.push(stampOf(value).sequence);
  }
  expect(got).toEqual([1, 2]);
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
        expect(takeNow(next).length + next.discarded).toBe(0);
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
  await expect(sw.removePort(undefined as never)).rejects.toThrow(/^port: expected a port, got undefined/);
  await expect(sw.removePort({ ...a.port })).rejects.toThrow(/^port: expected a port of this switch/);
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

switchTest("what is no frame is refused, and nothing of the burst is sent", async (sw) => {
  const bridgeDomain = await sw.addBridgeDomain();
  const a = await sw.addPort({ bridgeDomain });
  const good = frameOf(1, 2);
  for (const bad of [5, null, "x", {}, [good, 7], [good, [1, 2]], good]) {
    expect(() => a.send(bad as never)).toThrow(/^frames: expected (an array|a Uint8Array)/);
    await expect(a.sendAll(bad as never)).rejects.toThrow(/^frames: expected (an array|a Uint8Array)/);
  }
  expect(() => a.send([good, new Uint8Array(1 << 20)])).toThrow(
    /^frames: expected at most \d+ bytes each, got/,
  );
  await expect(a.sendAll([good], { signal: 5 as never })).rejects.toThrow(/^signal: expected an AbortSignal/);
  await expect(a.sendAll([good], { marks: [1] } as never)).rejects.toThrow(
    /^options: unknown option "marks"/,
  );
  await expect(a.sendAll([good], { signal: AbortSignal.abort(new Error("enough")) })).rejects.toThrow(
    "enough",
  );
  await a.sendAll([]);
  expect(a.send([])).toBe(0);
  await sw.idle();
  expect(sw.counters().received).toBe(0);
});

test("options that cannot be name themselves, and leave nothing reserved", async () => {
  await using dataplane = await createDataplane({ workers: isolated ? 1 : 0 });
  const free = dataplane.freeBytes;
  const wrong: readonly [unknown, RegExp][] = [
    [null, /^options: expected an object/],
    [5, /^options: expected an object/],
    ["x", /^options: expected an object/],
    [{ port: 5 }, /^options: unknown option "port"/],
    [{ workspace: {} }, /^options: unknown option "workspace"/],
    [{ ports: 0 }, /^ports: /],
    [{ ports: 65535 }, /^ports: /],
    [{ ports: "5" }, /^ports: /],
    [{ bridgeDomains: 65536 }, /^bridgeDomains: /],
    [{ fdb: 5 }, /^fdb: expected an object/],
    [{ fdb: { size: 5 } }, /^fdb: unknown option "size"/],
    [{ fdb: { capacity: 0 } }, /^fdb.capacity: /],
    [{ fdb: { seed: 5 } }, /^fdb.seed: /],
    [{ fdb: { whenFull: "cry" } }, /^fdb.whenFull: /],
    [{ vtep: { address: "10.0.0" } }, /^vtep.address: /],
    [{ vtep: "10.0.0.1" }, /^vtep: expected an object/],
    [{ copies: 5 }, /^copies: expected an object/],
    [{ copies: { copies: 0 } }, /^copies: /],
    [{ copies: { frames: 0 } }, /^copies: unknown option "frames"/],
    [{ copies: { headroom: -1 } }, /^headroom: /],
    [{ ringBytes: 1000 }, /^ringBytes: /],
    [{ ringBytes: 3 << 16 }, /^ringBytes: expected a power of two/],
    [{ ringBytes: 1 << 28 }, /^memoryBytes: |bytes/],
    [{ queueFrames: 0 }, /^queueFrames: /],
    [{ clock: 5 }, /^clock: expected a function/],
    [{ clock: () => Number.NaN }, /^nowMs: /],
    [{ sweepSeconds: -1 }, /^sweepSeconds: /],
    [{ sweepSeconds: 1.5 }, /^sweepSeconds: /],
    [{ fdb: { capacity: 1 << 24 } }, /^memoryBytes: |bytes/],
  ];
  for (const [options, message] of wrong) {
    const error = await openSwitch(dataplane, options as never).then(
      () => undefined,
      (cause: unknown) => cause,
    );
    expect([options, error instanceof TypeError || error instanceof RangeError]).toEqual([options, true]);
    expect([options, (error as Error).message]).toEqual([options, expect.stringMatching(message)]);
    expect([options, dataplane.freeBytes]).toEqual([options, free]);
  }
  for (const options of [null, 5, { ports: 0 }, { workers: -1 }, { copy: 1 }])
    await expect(createSwitch(options as never)).rejects.toThrow(/^(options|ports|workers): /);
});

test("fifty switches on one dataplane: apart from each other, and all memory comes back", async () => {
  await using dataplane = await createDataplane({ workers: isolated ? 2 : 0 });
  const free = dataplane.freeBytes;
  const small = {
    ringBytes: 1 << 16,
    copies: { copies: 8 },
    fdb: { capacity: 64 },
    ports: 4,
    bridgeDomains: 2,
  };
  const switches = await Promise.all(
    Array.from({ length: 50 }, async () => {
      const sw = await openSwitch(dataplane, { ...small, sweepSeconds: 0 });
      const bridgeDomain = await sw.addBridgeDomain();
      const a = await sw.addPort({ bridgeDomain });
      const b = await sw.addPort({ bridgeDomain });
      return { sw, a, b };
    }),
  );
  switches.forEach(({ a }, index) => {
    for (let i = 0; i < 10; i++) expect(a.send([frameOf(100 + index, 7, i)])).toBe(1);
  });
  await Promise.all(switches.map(({ sw }) => sw.idle()));
  switches.forEach(({ sw, a, b }, index) => {
    expect(takeNow(a)).toEqual([]);
    expect(takeNow(b).map(stampOf)).toEqual(
      Array.from({ length: 10 }, (_, sequence) => ({ from: 100 + index, sequence })),
    );
    expectBalanced(sw.counters());
  });
  await Promise.all(switches.map(({ sw }) => sw.close()));
  expect(dataplane.freeBytes).toBe(free);
});

test("ageing goes on by itself", async () => {
  let now = 1000;
  await using sw = await createSwitch({ sweepSeconds: 1, clock: () => now, fdb: { ageSeconds: 5 } });
  const bridgeDomain = await sw.addBridgeDomain();
  const a = await sw.addPort({ bridgeDomain });
  a.send([frameOf(1, -1)]);
  await sw.idle();
  expect(sw.fdb.size).toBe(1);
  now = 7000;
  await until(() => sw.fdb.size === 0, "the entry ages");
  expect(sw.fdb.takeEvents().map(({ kind }) => kind)).toEqual(["learned", "aged"]);
});

switchTest("closing ends everything, in every state", async (sw, workers) => {
  const bridgeDomain = await sw.addBridgeDomain();
  const a = await sw.addPort({ bridgeDomain });
  const b = await sw.addPort({ bridgeDomain });
  const atB = taking(b);
  const flood = a.sendAll(Array.from({ length: 50_000 }, (_, i) => frameOf(1, -1, i)));
  const idle = sw.idle();
  const change = sw.addPort({ bridgeDomain });
  const removal = sw.removePort(a);
  for (const promise of [flood, idle, change, removal]) promise.catch(() => {});
  await pause(workers);
  const closing = sw.close();
  expect(sw.close()).toBe(closing);
  await closing;
  await atB.ended;
  for (const promise of [flood, idle, change, removal])
    await promise.catch((error: unknown) =>
      expect(String(error)).toMatch(/TypeError: (switch|port|channel): it has been (closed|removed)/),
    );
  for (const refused of [
    () => sw.addBridgeDomain(),
    () => sw.addPort({ bridgeDomain }),
    () => sw.idle(),
    () => sw.removePort(b),
  ])
    await expect(refused()).rejects.toThrow(/^switch: it has been closed/);
  expect(() => sw.counters()).toThrow(/^switch: it has been closed/);
  expect(() => sw.fdb.size).toThrow(/^switch: it has been closed/);
  expect(() => b.send([frameOf(1, 2)])).toThrow(/^switch: it has been closed/);
  expect(b.receive()).toBeUndefined();
});

test("a switch ends with its dataplane", async () => {
  const dataplane = await createDataplane({ workers: isolated ? 1 : 0 });
  const sw = await openSwitch(dataplane);
  const bridgeDomain = await sw.addBridgeDomain();
  const at = taking(await sw.addPort({ bridgeDomain }));
  await dataplane.close();
  await at.ended;
  await expect(sw.addBridgeDomain()).rejects.toThrow(/^switch: it has been closed/);
  await sw.close();
  await expect(openSwitch(dataplane)).rejects.toThrow(/^dataplane: it has been closed/);
});

test("a dataplane that is closed while a switch opens", async () => {
  const dataplane = await createDataplane({ workers: isolated ? 2 : 0 });
  const opening = openSwitch(dataplane).then((sw) => sw.addBridgeDomain());
  opening.catch(() => {});
  await dataplane.close();
  await expect(opening).rejects.toThrow(/: it has been closed/);
});
