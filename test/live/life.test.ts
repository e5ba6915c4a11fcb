// The life of a running switch: what it is made with, many at once, ageing by itself, and its end.
import { createDataplane } from "frameferry";
import { createSwitch, openSwitch } from "frameferry/switch";
import { expect, test } from "vitest";
import { isolated, pause, until } from "../dataplane/support.ts";
import { expectBalanced, frameOf, stampOf, switchTest, takeNow, taking } from "./support.ts";

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
    [{ copies: { copies: 0 } }, /^copies\.copies: /],
    [{ copies: { frames: 0 } }, /^copies: unknown option "frames"/],
    [{ copies: { headroom: -1 } }, /^copies\.headroom: /],
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
