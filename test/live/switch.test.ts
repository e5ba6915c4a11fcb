// A running switch: frames through its ports, tunnels and streams; the same with workers and without.
import { createSwitch, type LivePort } from "frameferry/switch";
import { expect } from "vitest";
import { until } from "../dataplane/support.ts";
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

switchTest("frames in by send, out by iterating; learned, flooded, refused", async (sw) => {
  const orange = await sw.addBridgeDomain({ name: "orange" });
  const [a, b, c] = await Promise.all(
    [1, 2, 3].map((i) => sw.addPort({ name: `p${i}`, bridgeDomain: orange })),
  );
  if (!a || !b || !c) throw new Error("unreachable");
  expect([a.number, a.name, a.kind]).toEqual([1, "p1", "access"]);
  expect(sw.ports()[0]).toBe(a);
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
  expect(sw.fdb.get(orange, mac(1))?.port).toBe(a);
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

switchTest("a port of the running switch is its handle", async (sw) => {
  const domain = await sw.addBridgeDomain();
  const a = await sw.addPort({ bridgeDomain: domain });
  const b = await sw.addPort({ bridgeDomain: domain });
  sw.fdb.set({ bridgeDomain: domain, mac: mac(5), port: b });
  expect(sw.fdb.get(domain, mac(5))?.port).toBe(b);
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
  for (let sequence = 0; sequence < 300; ) {
    const { value, done } = await reader.read();
    expect(done).toBe(false);
    for (const frame of value ?? []) expect(stampOf(frame).sequence).toBe(sequence++);
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
    /^frames: expected an array of Uint8Arrays or a FrameBurst/,
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
    for (const frame of value) got.push(stampOf(frame).sequence);
  }
  expect(got).toEqual([1, 2]);
});

switchTest("what is too long for any ring is dropped, and counted at the port and in all", async (sw) => {
  const bridgeDomain = await sw.addBridgeDomain();
  const a = await sw.addPort({ bridgeDomain });
  const b = await sw.addPort({ bridgeDomain });
  const long = new Uint8Array(1 << 20);
  expect(a.send([frameOf(1, 2, 0), long, frameOf(1, 2, 1)])).toBe(3);
  await a.sendAll([long, frameOf(1, 2, 2), long]);
  await sw.idle();
  expect(takeNow(b).map((frame) => stampOf(frame).sequence)).toEqual([0, 1, 2]);
  expect(a.counters()).toMatchObject({ sent: 3, sentBytes: 192, dropped: 3, drops: { "frame-too-long": 3 } });
  const receivedBytes = 192 + 3 * long.length;
  expect(countersOf(sw, a)).toMatchObject({
    received: 6,
    receivedBytes,
    dropped: 3,
    drops: { "frame-too-long": 3 },
  });
  expectBalanced(sw.counters());
  await sw.removePort(a);
  expect(sw.counters()).toMatchObject({ received: 6, sent: 3, dropped: 3, drops: { "frame-too-long": 3 } });
});

switchTest("what is no frame is refused, and nothing of the burst is sent", async (sw) => {
  const bridgeDomain = await sw.addBridgeDomain();
  const a = await sw.addPort({ bridgeDomain });
  const good = frameOf(1, 2);
  for (const bad of [5, null, "x", {}, [good, 7], [good, [1, 2]], good]) {
    expect(() => a.send(bad as never)).toThrow(/^frames: expected (an array|a Uint8Array)/);
    await expect(a.sendAll(bad as never)).rejects.toThrow(/^frames: expected (an array|a Uint8Array)/);
  }
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
