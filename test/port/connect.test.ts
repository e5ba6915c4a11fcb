// Ports that are joined: nothing is lost while both are open, it ends with either, and it can be stopped.
import { connect, createDataplane, portPair } from "frameferry";
import { expect, test } from "vitest";
import { pause, until } from "../dataplane/support.ts";
import { frameOf, stampOf } from "../live/support.ts";

const numbered = (count: number, first = 0): Uint8Array[] =>
  Array.from({ length: count }, (_, i) => frameOf(1, 2, first + i));

test("both ways, in order, and counted each way", async () => {
  const [a, left] = portPair({ queueFrames: 50 });
  const [right, b] = portPair({ queueFrames: 20 });
  const connection = connect(left, right);
  const take = async (port: typeof a, count: number): Promise<number[]> => {
    const got: number[] = [];
    for await (const burst of port) {
      for (const frame of burst) got.push(stampOf(frame).sequence);
      if (got.length >= count) break;
    }
    return got;
  };
  const taking = [take(b, 5000), take(a, 700)];
  await Promise.all([a.sendAll(numbered(5000)), b.sendAll(numbered(700))]);
  const [atB, atA] = await Promise.all(taking);
  expect(atB).toEqual(Array.from({ length: 5000 }, (_, i) => i));
  expect(atA).toEqual(Array.from({ length: 700 }, (_, i) => i));
  const { ab, ba } = connection.counters();
  expect(ab).toEqual({
    ...{ sent: 5000, sentBytes: 320_000, received: 5000, receivedBytes: 320_000 },
    ...{ waiting: 0, dropped: 0, drops: {} },
  });
  expect(ba).toMatchObject({ sent: 700, received: 700, dropped: 0 });
  await connection.stop();
  await connection.ended;
  a.send(numbered(3));
  await pause(5);
  expect(left.counters().waiting).toBe(3);
});

test("one way only", async () => {
  const [a, left] = portPair();
  const [right, b] = portPair();
  await using _connection = connect(left, right, { direction: "ab" });
  a.send(numbered(1));
  b.send(numbered(2));
  await until(() => b.counters().waiting === 1, "the one way");
  await pause(5);
  expect(right.counters().waiting).toBe(2);
});

test.each([0, 1, 2, 3])("it ends when a port is closed: end %i", async (which) => {
  const [a, left] = portPair();
  const [right, b] = portPair();
  const connection = connect(left, right);
  const ends = [a, left, right, b];
  await ends[which]?.close();
  await connection.ended;
  // Nobody reads there any more.
  (which < 2 ? b : a).closed || (which < 2 ? b : a).send(numbered(1));
  await pause(5);
  expect(connection.counters().ab.received + connection.counters().ba.received).toBe(0);
});

test("what is in hand when it is stopped and finds no room is counted", async () => {
  const [a, left] = portPair();
  const [right, b] = portPair({ queueFrames: 10 });
  const stop = new AbortController();
  const connection = connect(left, right, { signal: stop.signal });
  a.send(numbered(30));
  await until(() => connection.counters().ab.received === 30, "it has them in hand");
  expect(connection.counters().ab).toMatchObject({ waiting: 30 });
  stop.abort();
  await connection.ended;
  expect(connection.counters().ab).toMatchObject({
    received: 30,
    sent: 10,
    waiting: 0,
    drops: { closed: 20 },
  });
  expect(b.counters().waiting).toBe(10);
});

test("where it does not wait, what finds no room is counted", async () => {
  const [a, left] = portPair();
  const [right, b] = portPair({ queueFrames: 10 });
  await using connection = connect(left, right, { whenFull: "drop" });
  await a.sendAll(numbered(100));
  await until(() => connection.counters().ab.received === 100, "all has been taken");
  expect(connection.counters().ab).toMatchObject({ sent: 10, dropped: 90, drops: { "queue-full": 90 } });
  expect(b.counters().waiting).toBe(10);
});

test("frames that run in a circle leave a turn to others", async () => {
  const [a, left] = portPair();
  const [right, b] = portPair();
  const there = connect(left, right);
  const back = connect(a, b);
  a.send(numbered(5));
  await pause(20);
  await Promise.all([there.stop(), back.stop()]);
  expect(there.counters().ab.received).toBeGreaterThan(5);
});

test("what cannot be joined is refused", async () => {
  const [a, b] = portPair();
  const [packets] = portPair({ medium: "ip" });
  expect(() => connect(a, a)).toThrow(/^b: it is the same port as a/);
  expect(() => connect(a, packets)).toThrow(
    /^b: it takes frames of the medium ip, and pair-a gives ethernet/,
  );
  expect(() => connect(a, {} as never)).toThrow(/^b: expected a port, got an object/);
  expect(() => connect(undefined as never, b)).toThrow(/^a: missing; expected a port/);
  expect(() => connect(a, b, { direction: "up" as never })).toThrow(/^direction: expected both, ab or ba/);
  expect(() => connect(a, b, { speed: 5 } as never)).toThrow(/^options: unknown option "speed"/);
});

test("a channel is a port: what goes in may be of another medium than what comes out", async () => {
  await using dataplane = await createDataplane({ workers: 0 });
  await using channel = await dataplane.open([{ stage: "decapsulate", kind: "vxlan", header: "bare" }]);
  expect([channel.accepts, channel.medium]).toEqual(["tunnel", "ethernet"]);
  const [socket, near] = portPair({ medium: "tunnel" });
  const [far, machine] = portPair();
  await using _in = connect(near, channel, { direction: "ab" });
  await using _out = connect(channel, far, { direction: "ab" });
  socket.send([Uint8Array.of(8, 0, 0, 0, 0, 0, 42, 0, ...frameOf(1, 2, 9))]);
  await until(() => machine.counters().waiting === 1, "it is there");
  expect(stampOf(machine.receive()?.frame(0) as Uint8Array)).toEqual({ from: 1, sequence: 9 });
  expect(channel.counters()).toMatchObject({ sent: 1, received: 1, forwarded: 1, changed: [1] });
  expect(() => connect(near, far)).toThrow(/^b: it takes frames of the medium ethernet/);
});
