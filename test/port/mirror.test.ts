// A port seen by somebody else: at another port, and in a capture; and what a slow mirror loses is only its own.
import { mirror, portPair } from "frameferry";
import { compileFilter } from "frameferry/filter";
import { readCapture } from "frameferry/pcap";
import { expect, test } from "vitest";
import { pause } from "../dataplane/support.ts";
import { frameOf, stampOf } from "../live/support.ts";

const numbered = (count: number, first = 0): Uint8Array[] =>
  Array.from({ length: count }, (_, i) => frameOf(1, 2, first + i));

function takeNow(port: ReturnType<typeof portPair>[0]): number[] {
  const got: number[] = [];
  for (let burst = port.receive(); burst !== undefined; burst = port.receive())
    for (const frame of burst) got.push(stampOf(frame).sequence);
  return got;
}

test.each([
  ["sent", [0, 1]],
  ["received", [10, 11, 12]],
  ["both", [0, 1, 10, 11, 12]],
] as const)("what is %s goes to another port as well", async (direction, expected) => {
  const [a, b] = portPair();
  const [to, watcher] = portPair();
  const copies = mirror(a, to, { direction });
  a.send(numbered(2));
  b.send(numbered(3, 10));
  expect([takeNow(a), takeNow(b)]).toEqual([
    [10, 11, 12],
    [0, 1],
  ]);
  expect(takeNow(watcher)).toEqual(expected);
  expect(copies.counters()).toMatchObject({ received: expected.length, sent: expected.length, dropped: 0 });
  await copies.stop();
  a.send(numbered(2));
  expect(takeNow(watcher)).toEqual([]);
});

test("a slow mirror loses frames, and the port none", async () => {
  const [a, b] = portPair();
  const [to, watcher] = portPair({ queueFrames: 5 });
  await using copies = mirror(a, to);
  await a.sendAll(numbered(100));
  expect(takeNow(b).length).toBe(100);
  expect(takeNow(watcher)).toEqual([0, 1, 2, 3, 4]);
  expect(copies.counters()).toMatchObject({
    received: 100,
    sent: 5,
    dropped: 95,
    drops: { "queue-full": 95 },
  });
  expect(a.counters().dropped).toBe(0);
  // One that has been closed is no business of the port's.
  await to.close();
  expect(a.send(numbered(1))).toBe(1);
  expect(a.send(numbered(1))).toBe(1);
  expect(copies.counters().drops).toEqual({ "queue-full": 95, closed: 1 });
});

test("two ports that mirror each other come to an end", async () => {
  const [a, b] = portPair();
  const [c, d] = portPair();
  await using _one = mirror(a, c);
  await using _other = mirror(c, a);
  a.send(numbered(1));
  expect([takeNow(b).length, takeNow(d).length]).toEqual([1, 1]);
  c.send(numbered(1));
  expect([takeNow(b).length, takeNow(d).length]).toEqual([1, 1]);
});

/** A capture in memory, whose writes wait until they are let go. */
function memorySink() {
  const chunks: Uint8Array[] = [];
  let go = (): void => {};
  const gate = new Promise<void>((resolve) => {
    go = resolve;
  });
  const sink = {
    closed: false,
    chunks,
    go,
    write: async (bytes: Uint8Array) => {
      await gate;
      chunks.push(bytes.slice());
    },
    close: async () => {
      sink.closed = true;
    },
    abort: async () => {},
  };
  return sink;
}

test("a capture of both directions, each frame with its own", async () => {
  const [a, b] = portPair({ name: "vm" });
  const sink = memorySink();
  sink.go();
  const before = BigInt(Date.now()) * 1_000_000n;
  const recording = mirror(a, sink);
  a.send(numbered(2));
  b.send(numbered(1, 10));
  takeNow(a);
  await recording.stop();
  expect(sink.closed).toBe(true);
  expect(recording.counters()).toMatchObject({ sent: 3, waiting: 0, dropped: 0 });
  const seen: unknown[] = [];
  for await (const record of readCapture(new Blob(sink.chunks as BlobPart[]).stream())) {
    const flags = record.options.find(({ code }) => code === 2)?.value[0];
    seen.push([stampOf(record.data).sequence, flags, record.interface.name]);
    expect(Number((record.timestamp as bigint) - before) / 1e9).toBeLessThan(60);
    expect(record.timestamp as bigint).toBeGreaterThan(before - 1_000_000_000n);
  }
  expect(seen).toEqual([
    [0, 2, "vm-a"],
    [1, 2, "vm-a"],
    [10, 1, "vm-a"],
  ]);
});

test("a capture that is written too slowly loses frames, counted", async () => {
  const [a, b] = portPair();
  const sink = memorySink();
  const recording = mirror(a, sink, { queueBytes: 65536, format: "pcap" });
  for (let i = 0; i < 20; i++) {
    a.send(Array.from({ length: 10 }, (_, j) => frameOf(1, 2, 10 * i + j, 1000)));
    takeNow(b);
  }
  const { sent, waiting, dropped, received } = recording.counters();
  expect([received, sent, waiting + dropped]).toEqual([200, 0, 200]);
  expect(waiting).toBeGreaterThan(50);
  expect(waiting).toBeLessThan(90);
  sink.go();
  await recording.stop();
  expect(recording.counters()).toMatchObject({ sent: waiting, waiting: 0, drops: { "queue-full": dropped } });
});

test("only frames that match are copied, and only their first bytes; a capture says how long they were", async () => {
  const [a, b] = portPair();
  const [to, watcher] = portPair();
  const sink = memorySink();
  sink.go();
  const filter = compileFilter("ether[12:2] = 0x88b5 and greater 80");
  const copies = mirror(a, to, { filter, bytes: 40 });
  const recording = mirror(a, sink, { filter, bytes: 40 });
  const frames = [60, 79, 80, 300].map((length, i) => frameOf(1, 2, i, length));
  a.send(frames);
  expect(takeNow(b)).toEqual([0, 1, 2, 3]);
  const seen = Array.from(watcher.receive() ?? []);
  expect(seen).toEqual(frames.slice(2).map((frame) => frame.slice(0, 40)));
  await recording.stop();
  const records: unknown[] = [];
  for await (const { data, originalLength } of readCapture(new Blob(sink.chunks as BlobPart[]).stream()))
    records.push([data, originalLength]);
  expect(records).toEqual(seen.map((frame, i) => [frame, [80, 300][i]]));
  expect(copies.counters()).toMatchObject({ received: 2, receivedBytes: 80, sent: 2, dropped: 0 });
  await copies.stop();
});

test("a sink that fails ends the mirror, and `stop` says why", async () => {
  const [a, b] = portPair();
  const recording = mirror(a, {
    write: async () => {
      throw new Error("disk full");
    },
    close: async () => {},
    abort: async () => {},
  });
  a.send(numbered(5));
  await pause(1);
  a.send(numbered(5));
  expect(takeNow(b).length).toBe(10);
  await expect(recording.stop()).rejects.toThrow("disk full");
  expect(recording.counters()).toMatchObject({ received: 10, sent: 0, waiting: 0, drops: { closed: 10 } });
});

test("what cannot be mirrored is refused", () => {
  const [a, b] = portPair();
  expect(() => mirror(a, a)).toThrow(/^to: it is the same port/);
  expect(() => mirror({} as never, b)).toThrow(/^port: expected a port/);
  expect(() => mirror(a, 5 as never)).toThrow(/^sink: expected a WritableStream/);
  expect(() => mirror(a, b, { direction: "up" as never })).toThrow(/^direction: /);
  expect(() => mirror(a, b, { filter: "udp" as never })).toThrow(/^filter: expected what compileFilter/);
  expect(() => mirror(a, b, { bytes: 0 })).toThrow(/^bytes: expected a whole number from 1 to 65535/);
});
