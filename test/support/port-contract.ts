// What every kind of port does, as a suite: a kind says how two of its ends are opened, the rest is asked here.
import { connect, FrameBurst, type FramePort, portPair } from "frameferry";
import { describe, expect, test } from "vitest";
import { frameOf, stampOf } from "../live/support.ts";

/** How packets carry the frames of this suite, at ports that take no other ones. */
export interface PortPackets {
  /** With which a frame of 1,518 bytes is the longest that is taken. */
  readonly mtu: number;
  /** Bytes in front of a frame. */
  readonly overhead: number;
  readonly wrap: (frame: Uint8Array) => Uint8Array;
}

export interface PortEnds {
  /** Takes frames up to an MTU of 1,500, and has room for fewer than 100 at a time. */
  readonly from: FramePort;
  /** Where they come out; it may be the same. Nothing that `from` takes is lost as long as somebody reads here. */
  readonly to: FramePort;
  /** Default: frames as they are. */
  readonly packets?: PortPackets | undefined;
}

const BARE: PortPackets = { mtu: 1500, overhead: 0, wrap: (frame) => frame };

const numbered = (count: number, first = 0, length = 64): Uint8Array[] =>
  Array.from({ length: count }, (_, i) => frameOf(1, 2, first + i, length));

const counted = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** The next `count` frames, copied. */
export async function takeFrames(port: FramePort, count: number): Promise<Uint8Array[]> {
  const frames: Uint8Array[] = [];
  if (count === 0) return frames;
  for await (const burst of port) {
    expect(burst).toBeInstanceOf(FrameBurst);
    for (const frame of burst) frames.push(frame.slice());
    if (frames.length >= count) break;
  }
  return frames;
}

/** Resolves when nothing is on its way any more. */
export async function untilIdle(port: FramePort): Promise<void> {
  await port.bell.until(() => (port.counters().waiting === 0 ? true : undefined));
}

/** A suite over a kind of port. */
export function portContract(kind: string, open: () => PortEnds | Promise<PortEnds>): void {
  const ends = (name: string, body: (ends: PortEnds & { packets: PortPackets }) => Promise<void>): void =>
    test(name, async () => {
      const { from, to, packets = BARE } = await open();
      try {
        await body({ from, to, packets });
      } finally {
        await Promise.all([from.close(), to.close()]);
      }
    });

  describe(`${kind}, as every port`, () => {
    ends(
      "gives what was sent, in order, whatever becomes of the sender's bytes",
      async ({ from, to, packets }) => {
        const inside = counted(300).map((i) => frameOf(1, 2, i, 60 + ((i * 37) % 1400)));
        const expected = inside.map((frame) => frame.slice());
        const frames = inside.map(packets.wrap);
        const taking = takeFrames(to, frames.length);
        const first = from.send(frames);
        expect(first).toBeGreaterThan(0);
        expect(first).toBeLessThan(100);
        for (const frame of frames.slice(0, first)) frame.fill(0xa5);
        await from.sendAll(frames.slice(first));
        for (const frame of frames) frame.fill(0xa5);
        expect((await taking).map((frame) => frame.slice(packets.overhead))).toEqual(expected);
        await untilIdle(from);
        const bytes = expected.reduce((sum, { length }) => sum + packets.overhead + length, 0);
        const sent = { sent: 300, sentBytes: bytes, dropped: 0, drops: {} };
        expect(from.counters()).toMatchObject({ ...sent, waiting: 0 });
        expect(to.counters()).toMatchObject({ received: 300, receivedBytes: bytes, waiting: 0, dropped: 0 });
      },
    );

    ends("drops what is longer than MTU, header and tag, and nothing else", async ({ from, to, packets }) => {
      expect([from.medium, from.accepts, from.mtu]).toEqual(["ethernet", "ethernet", packets.mtu]);
      const taking = takeFrames(to, 3);
      const lengths = [1519, 1518, 60, 2000, 61, 1519];
      await from.sendAll(lengths.map((length) => packets.wrap(new Uint8Array(length))));
      expect((await taking).map(({ length }) => length - packets.overhead)).toEqual([1518, 60, 61]);
      expect(from.counters()).toMatchObject({ sent: 3, dropped: 3, drops: { "frame-too-long": 3 } });
    });

    ends(
      "lets no call of sendAll past another, though one between them is aborted",
      async ({ from, to, packets }) => {
        const stop = new AbortController();
        const progress = { sent: -1 };
        const first = from.sendAll(numbered(100).map(packets.wrap));
        const second = from.sendAll(numbered(8, 900).map(packets.wrap), { signal: stop.signal, progress });
        const third = from.sendAll(numbered(8, 100).map(packets.wrap));
        expect(from.send(numbered(1, 901).map(packets.wrap))).toBe(0);
        stop.abort(new Error("enough"));
        await expect(second).rejects.toThrow("enough");
        expect(progress.sent).toBeLessThanOrEqual(0);
        const frames = await takeFrames(to, 108);
        await Promise.all([first, third]);
        expect(frames.map((frame) => stampOf(frame.slice(packets.overhead)).sequence)).toEqual(counted(108));
      },
    );

    ends("is as good as a stream", async ({ from, to, packets }) => {
      const writer = from.writable.getWriter();
      const reader = to.readable.getReader();
      const frames = numbered(51).map(packets.wrap);
      const writing = writer.write(frames.slice(0, 50)).then(() => writer.write(frames[50]!));
      const got: number[] = [];
      while (got.length < 51)
        for (const frame of (await reader.read()).value as FrameBurst)
          got.push(stampOf(frame.slice(packets.overhead)).sequence);
      await writing;
      expect(got).toEqual(counted(51));
    });

    ends("is joined to another", async ({ from, to, packets }) => {
      const [inside, outside] = portPair({ mtu: packets.mtu, queueFrames: 5 });
      const connection = connect(to, inside, { direction: "ab" });
      const taking = takeFrames(outside, 200);
      await from.sendAll(numbered(200).map(packets.wrap));
      const got = (await taking).map((frame) => stampOf(frame.slice(packets.overhead)).sequence);
      expect(got).toEqual(counted(200));
      await to.close();
      await connection.ended;
      expect(connection.counters().ab).toMatchObject({ sent: 200, dropped: 0 });
    });

    ends("tells whoever waits that it has been closed", async ({ from, packets }) => {
      const sending = from.sendAll(numbered(100).map(packets.wrap));
      const waiting = from.sendAll(numbered(1).map(packets.wrap));
      const closing = from.close();
      expect(from.close()).toBe(closing);
      expect(from.closed).toBe(true);
      for (const call of [sending, waiting])
        await expect(call).rejects.toMatchObject({ code: "closed", path: "port" });
      expect(() => from.send([])).toThrow(/^port: it has been closed/);
      await closing;
      // What has come can still be taken; then it is over.
      for await (const burst of from) expect(burst.length).toBeGreaterThan(0);
      const { sent, dropped } = from.counters();
      expect(sent).toBeGreaterThan(0);
      expect(dropped).toBeLessThanOrEqual(sent);
    });

    ends("ends an iteration that is left while it waits", async ({ to }) => {
      const bursts = to[Symbol.asyncIterator]();
      const waiting = bursts.next();
      await bursts.return?.();
      expect(await waiting).toEqual({ done: true, value: undefined });
      expect(await bursts.next()).toEqual({ done: true, value: undefined });
    });

    ends("refuses what is no frame before any has been sent", async ({ from }) => {
      expect(() => from.send([new Uint8Array(60), "frame" as never])).toThrow(
        /^frames: expected a Uint8Array/,
      );
      await expect(from.sendAll("frames" as never)).rejects.toThrow(/^frames: expected an array/);
      expect(from.counters().sent).toBe(0);
    });
  });
}
