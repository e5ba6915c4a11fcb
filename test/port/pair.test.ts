// Two ports back to back: nothing is lost between them, whoever waits for whom.
import { eachFrame, FrameBurst, portPair } from "frameferry";
import { expect, test } from "vitest";
import { frameOf, stampOf } from "../live/support.ts";
import { portContract } from "../support/port-contract.ts";

const numbered = (count: number, first = 0): Uint8Array[] =>
  Array.from({ length: count }, (_, i) => frameOf(1, 2, first + i));

portContract("a pair", () => {
  const [from, to] = portPair({ mtu: 1500, queueFrames: 3 });
  return { from, to };
});

test("what is sent at one end is received at the other, and copied", async () => {
  const [a, b] = portPair({ name: "wire" });
  expect([a.name, b.name]).toEqual(["wire-a", "wire-b"]);
  const frame = frameOf(1, 2, 5);
  expect(a.send([frame])).toBe(1);
  frame.fill(0);
  const burst = b.receive();
  expect(burst).toBeInstanceOf(FrameBurst);
  expect(stampOf((burst as FrameBurst).frame(0))).toEqual({ from: 1, sequence: 5 });
  expect(burst?.byteLength).toBe(64);
  // A burst goes in as it came out.
  expect(b.send(burst as FrameBurst)).toBe(1);
  expect(stampOf((a.receive() as FrameBurst).frame(0))).toEqual({ from: 1, sequence: 5 });
  expect(b.receive()).toBeUndefined();
});

test("a sender waits for room in frames, and in bytes", async () => {
  for (const options of [{ queueFrames: 7 }, { queueBytes: 65536 }]) {
    const [a, b] = portPair(options);
    const frames = Array.from({ length: 500 }, (_, i) => frameOf(1, 2, i, 1000));
    const most = a.send(frames);
    expect(most).toBe("queueFrames" in options ? 7 : 63);
    expect(b.counters().waiting).toBe(most);
    const sending = a.sendAll(frames.slice(most));
    const got: number[] = [];
    for await (const burst of b) {
      for (const each of burst) got.push(stampOf(each).sequence);
      if (got.length === 500) break;
    }
    await sending;
    expect(got).toEqual(frames.map((_, i) => i));
    expect(a.counters()).toMatchObject({ sent: 500, dropped: 0 });
  }
});

test("one frame finds room in any case", () => {
  const [a, b] = portPair({ queueBytes: 65536 });
  // Its record is longer than the queue.
  expect(a.send([new Uint8Array(65535), new Uint8Array(60)])).toBe(1);
  expect(b.receive()?.frame(0).length).toBe(65535);
});

test("as streams, burst by burst or frame by frame", async () => {
  const [a, b] = portPair();
  const writer = a.writable.getWriter();
  await writer.write(numbered(3));
  await writer.write(frameOf(1, 2, 3));
  const bursts = b.readable.getReader();
  expect([(await bursts.read()).value?.length, (await bursts.read()).value?.length]).toEqual([3, 1]);
  bursts.releaseLock();
  await writer.write(numbered(4, 4));
  const frames = b.readable.pipeThrough(eachFrame()).getReader();
  for (const sequence of [4, 5, 6, 7])
    expect(stampOf((await frames.read()).value as Uint8Array).sequence).toBe(sequence);
});

test("when one end is closed, the other takes nothing any more, and gives what it has", async () => {
  const [a, b] = portPair();
  a.send(numbered(2));
  await a.close();
  expect([a.closed, b.closed]).toEqual([true, true]);
  expect(() => b.send(numbered(1))).toThrow(/^port: its other end has been closed/);
  const lengths: number[] = [];
  for await (const burst of b) lengths.push(burst.length);
  expect(lengths).toEqual([2]);
});

test("options that cannot be are named", () => {
  expect(() => portPair({ queueFrames: 0 })).toThrow(/^queueFrames: /);
  expect(() => portPair({ queueBytes: 5 })).toThrow(/^queueBytes: /);
  expect(() => portPair({ medium: "air" as never })).toThrow(/^medium: expected ethernet, tunnel or ip/);
  expect(() => portPair({ frames: 5 } as never)).toThrow(/^options: unknown option "frames"/);
});
