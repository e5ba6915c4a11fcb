// How short a new kind of port is: the example of docs/ports.md, and what it has without saying anything about it.
import { QueuePort } from "frameferry";
import { expect, test } from "vitest";
import { frameOf, stampOf } from "../live/support.ts";
import { portContract } from "../support/port-contract.ts";

/** Some 20 lines: a device that gives back what it gets, a few frames at a time. */
class LoopbackPort extends QueuePort {
  #room = 3;

  constructor(queueFrames?: number) {
    super({ name: "loopback", mtu: 1500, queueFrames });
  }

  protected override put(frames: readonly Uint8Array[], first: number, end: number): number {
    const taken = Math.min(this.#room, end - first);
    this.#room -= taken;
    if (taken > 0) this.deliver(frames.slice(first, first + taken));
    setTimeout(() => {
      this.#room = 3;
      this.bell.ring();
    }, 0);
    return taken;
  }

  protected override shut(): void {}
}

portContract("the toy", () => {
  const port = new LoopbackPort();
  return { from: port, to: port };
});

test("a port kind of one's own has all that ports have", async () => {
  await using port = new LoopbackPort();
  const stop = new AbortController();
  const frames = Array.from({ length: 10 }, (_, i) => frameOf(1, 2, i));
  expect(port.send(frames)).toBe(3);
  const progress = { sent: 0 };
  const all = port.sendAll(frames.slice(3), { signal: stop.signal, progress });
  expect(port.send(frames)).toBe(0);
  const got: number[] = [];
  for await (const burst of port) {
    for (const frame of burst) got.push(stampOf(frame).sequence);
    if (got.length === 10) break;
  }
  await all;
  expect(got).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(progress).toEqual({ sent: 7 });
  const bytes = 10 * 64;
  const counters = {
    sent: 10,
    sentBytes: bytes,
    received: 10,
    receivedBytes: bytes,
    waiting: 0,
    dropped: 0,
    drops: {},
  };
  expect(port.counters()).toEqual(counters);
  expect([port.medium, port.accepts, port.mtu, port.closed]).toEqual(["ethernet", "ethernet", 1500, false]);
});

test("frames beyond the MTU, its header and tag are dropped, the others go in, in order", async () => {
  await using port = new LoopbackPort();
  const lengths = [1519, 1518, 60, 2000, 61, 1519];
  const sending = port.sendAll(lengths.map((length) => new Uint8Array(length)));
  await sending;
  const got: number[] = [];
  for (let burst = port.receive(); burst !== undefined; burst = port.receive())
    for (const { length } of burst) got.push(length);
  expect(got).toEqual([1518, 60, 61]);
  expect(port.counters()).toMatchObject({
    sent: 3,
    sentBytes: 1639,
    received: 3,
    drops: { "frame-too-long": 3 },
  });
});

test("a queue that nobody empties keeps the first, and counts the others", async () => {
  await using port = new LoopbackPort(4);
  await port.sendAll(Array.from({ length: 10 }, (_, i) => frameOf(1, 2, i)));
  expect(port.counters()).toMatchObject({ sent: 10, waiting: 4, dropped: 6, drops: { "queue-full": 6 } });
  const got: number[] = [];
  for (let burst = port.receive(); burst !== undefined; burst = port.receive())
    for (const frame of burst) got.push(stampOf(frame).sequence);
  expect(got).toEqual([0, 1, 2, 3]);
});

test("what waits is told when the port is closed, and what has come can still be taken", async () => {
  const port = new LoopbackPort();
  const sending = port.sendAll(Array.from({ length: 10 }, (_, i) => frameOf(1, 2, i)));
  const closing = port.close();
  expect(port.close()).toBe(closing);
  expect(port.closed).toBe(true);
  await expect(sending).rejects.toMatchObject({ code: "closed", message: "port: it has been closed" });
  expect(() => port.send([])).toThrow(/^port: it has been closed/);
  await closing;
  const lengths: number[] = [];
  for await (const burst of port) lengths.push(burst.length);
  expect(lengths).toEqual([3]);
});

test("a call that its signal ends lets none of the later ones past the one before it", async () => {
  await using port = new LoopbackPort();
  const stop = new AbortController();
  const frames = (first: number): Uint8Array[] =>
    Array.from({ length: 8 }, (_, i) => frameOf(1, 2, first + i));
  const first = port.sendAll(frames(0));
  const second = port.sendAll(frames(100), { signal: stop.signal });
  const third = port.sendAll(frames(8));
  stop.abort(new Error("enough"));
  await expect(second).rejects.toThrow("enough");
  await Promise.all([first, third]);
  const got: number[] = [];
  for (let burst = port.receive(); burst !== undefined; burst = port.receive())
    for (const frame of burst) got.push(stampOf(frame).sequence);
  expect(got).toEqual(Array.from({ length: 16 }, (_, i) => i));
});

test("an iteration that is left while it waits comes to its end", async () => {
  await using port = new LoopbackPort();
  const bursts = port[Symbol.asyncIterator]();
  const waiting = bursts.next();
  await bursts.return?.();
  expect(await waiting).toEqual({ done: true, value: undefined });
  expect(await bursts.next()).toEqual({ done: true, value: undefined });
});
