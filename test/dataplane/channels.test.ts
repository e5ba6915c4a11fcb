// The contract of a channel, for every transport: what goes in comes out, in order, counted.
import type { Stage } from "frameferry";
import { compose } from "frameferry/wire";
import { describe, expect } from "vitest";
import {
  collect,
  count,
  dataplaneTest,
  expectConserved,
  flowFrame,
  flowOf,
  modes,
  pause,
  random,
  until,
} from "./support.ts";

const TAG: Stage = { stage: "vlan-push", vid: 7 };
const TUNNEL: Stage = { stage: "encapsulate", kind: "vxlan", vni: 99, local: "10.0.0.1", remote: "10.0.0.2" };
/** Bytes that VXLAN over IPv4 puts in front. */
const OUTER = 50;
const RING = { ringBytes: 1 << 16 };

describe.each(modes)("a channel, $name", (mode) => {
  dataplaneTest(
    mode,
    "frames come out changed, with marks, VNI and length on the wire",
    async (dataplane) => {
      await using channel = await dataplane.open([TUNNEL, { stage: "decapsulate", kind: "vxlan" }, TAG]);
      const frames = [flowFrame(1, 0, 60), flowFrame(2, 0, 1000)];
      await channel.sendAll(frames, { marks: [0xffffffff, 5] });
      channel.end();
      const bursts = await collect(channel);
      const out = bursts.flatMap((burst) =>
        [...burst].map((frame, i) => ({
          frame,
          mark: burst.mark(i),
          vni: burst.vni(i),
          wireLength: burst.wireLength(i),
        })),
      );
      out.sort((a, b) => a.frame.length - b.frame.length);
      expect(out.map(({ mark }) => mark)).toEqual([0xffffffff, 5]);
      expect(out.map(({ vni }) => vni)).toEqual([99, 99]);
      frames.forEach((frame, i) => {
        const tagged = [...frame.subarray(0, 12), 0x81, 0, 0, 7, ...frame.subarray(12)];
        expect([...out[i]!.frame]).toEqual(tagged);
        expect(out[i]!.wireLength).toBe(tagged.length);
      });
      expectConserved(channel.counters(), 2, 2);
      expect(channel.counters().changed).toEqual([2, 2, 2]);
    },
  );

  dataplaneTest(mode, "without a tunnel there is no VNI, and without marks they are 0", async (dataplane) => {
    await using channel = await dataplane.open([]);
    await channel.sendAll([flowFrame(1, 1)]);
    channel.end();
    const [burst] = await collect(channel);
    expect(burst!.vni(0)).toBeUndefined();
    expect(burst!.mark(0)).toBe(0);
    expect(() => burst!.mark(1)).toThrow(/^index: /);
    expect(() => burst!.frame(-1)).toThrow(RangeError);
  });

  dataplaneTest(
    mode,
    "frames of a flow keep their order, whatever their number and length",
    async (dataplane) => {
      await using channel = await dataplane.open([TUNNEL], RING);
      const next = random(42);
      const sequences = new Array<number>(16).fill(0);
      const seen = new Array<number>(16).fill(0);
      const receiving = (async () => {
        let received = 0;
        for await (const burst of channel) {
          received += burst.length;
          for (const frame of burst) {
            const { flow, sequence } = flowOf(frame, OUTER);
            if (sequence !== seen[flow]) throw new Error(`flow ${flow}: ${sequence} after ${seen[flow]}`);
            seen[flow] = sequence + 1;
          }
          if (next(10) === 0) await pause(1);
        }
        return received;
      })();
      let sent = 0;
      for (let turn = 0; turn < 200; turn++) {
        const frames = Array.from({ length: 1 + next(200) }, () => {
          const flow = next(16);
          return flowFrame(flow, sequences[flow]!++, 50 + next(1500));
        });
        await channel.sendAll(frames);
        sent += frames.length;
      }
      channel.end();
      expect(await receiving).toBe(sent);
      expect(seen).toEqual(sequences);
      expectConserved(channel.counters(), sent, sent);
    },
  );

  dataplaneTest(
    mode,
    "send says how many were taken, and takes more when results have been taken",
    async (dataplane) => {
      await using channel = await dataplane.open([], RING);
      const frame = flowFrame(1, 0, 1000);
      const burst = new Array<Uint8Array>(64).fill(frame);
      let sent = 0;
      // Nobody takes results: everything fills up.
      for (let quiet = 0; quiet < 20; ) {
        const taken = channel.send(burst);
        sent += taken;
        quiet = taken === 0 ? quiet + 1 : 0;
        if (taken < burst.length) await pause(5);
      }
      expect(sent).toBeGreaterThan(50);
      expect(sent).toBeLessThan(1000);
      let received = 0;
      while (received < sent) {
        received += channel.receive()?.length ?? 0;
        await pause(0);
      }
      expect(channel.receive()).toBeUndefined();
      expect(channel.send(burst)).toBeGreaterThan(0);
      channel.end();
      received += count(await collect(channel));
      expectConserved(channel.counters(), received, received);
    },
  );

  dataplaneTest(mode, "sendAll waits for room, one call behind the other", async (dataplane) => {
    await using channel = await dataplane.open([], RING);
    const frames = (first: number): Uint8Array[] =>
      Array.from({ length: 200 }, (_, i) => flowFrame(3, first + i, 1000));
    const sending = [0, 200, 400].map((first) => channel.sendAll(frames(first)));
    // It would overtake them.
    expect(channel.send([flowFrame(3, 1000)])).toBe(0);
    channel.end();
    const sequences: number[] = [];
    for await (const burst of channel) for (const frame of burst) sequences.push(flowOf(frame).sequence);
    await Promise.all(sending);
    expect(sequences).toEqual(Array.from({ length: 600 }, (_, i) => i));
    expectConserved(channel.counters(), 600, 600);
  });

  dataplaneTest(mode, "sendAll ends with its signal, and the channel goes on", async (dataplane) => {
    await using channel = await dataplane.open([], RING);
    const frames = new Array<Uint8Array>(1000).fill(flowFrame(1, 0, 1000));
    const abort = new AbortController();
    const reason = new Error("enough");
    const sending = channel.sendAll(frames, { signal: abort.signal });
    sending.catch(() => {});
    await pause(30);
    abort.abort(reason);
    await expect(sending).rejects.toBe(reason);
    await expect(channel.sendAll(frames, { signal: abort.signal })).rejects.toBe(reason);
    const last = channel.sendAll([flowFrame(9, 9)]);
    channel.end();
    const received = count(await collect(channel));
    await last;
    expect(received).toBeGreaterThan(1);
    expectConserved(channel.counters(), received, received);
  });

  dataplaneTest(
    mode,
    "dropped frames are counted by reason, and iterating ends though nothing comes out",
    async (dataplane) => {
      await using channel = await dataplane.open([{ stage: "decapsulate", kind: "vxlan", vni: 5 }]);
      const packet = compose(
        [
          { name: "ethernet", destination: "02:00:00:00:00:02", source: "02:00:00:00:00:01" },
          { name: "ipv4", source: "10.0.0.1", destination: "10.0.0.2" },
          { name: "udp", sourcePort: 1, destinationPort: 4789 },
          { name: "vxlan", vni: 6 },
        ],
        flowFrame(1, 1),
      );
      const waiting = collect(channel);
      await channel.sendAll([flowFrame(1, 0), packet, new Uint8Array(3), flowFrame(2, 0)]);
      channel.end();
      expect(count(await waiting)).toBe(0);
      const counters = channel.counters();
      expectConserved(counters, 4, 0);
      expect(counters.drops).toEqual({ "not-tunnel": 2, "other-vni": 1, "frame-too-short": 1 });
    },
  );

  dataplaneTest(mode, "jumbo frames pass, and what is too long is counted", async (dataplane) => {
    await using channel = await dataplane.open([TUNNEL], RING);
    const { longest } = channel;
    expect(longest).toBeGreaterThan(16000);
    const lengths = [9000, longest, longest + 1, 9216, longest + 100_000, 0];
    const sending = channel.sendAll(lengths.map((length, i) => new Uint8Array(length).fill(i + 1)));
    channel.end();
    const out = (await collect(channel)).flatMap((burst) => [...burst]);
    await sending;
    const counters = channel.counters();
    const wanted = [9000, longest, 9216].filter((length) => length + OUTER - 14 <= 65535);
    expect(out.map(({ length }) => length).sort()).toEqual(wanted.map((length) => length + OUTER).sort());
    for (const frame of out) {
      const passenger = frame.subarray(OUTER);
      expect(passenger.every((byte) => byte === passenger[0])).toBe(true);
    }
    expectConserved(counters, lengths.length, wanted.length);
    expect(counters.drops["frame-too-long"]).toBe(2);
  });

  dataplaneTest(mode, "a closed channel refuses everything, and whoever waits is told", async (dataplane) => {
    const channel = await dataplane.open([], RING);
    const frames = new Array<Uint8Array>(1000).fill(flowFrame(1, 0, 1000));
    const sending = channel.sendAll(frames);
    const behind = channel.sendAll(frames);
    await pause(10);
    await Promise.all([
      channel.close(),
      channel.close(),
      expect(sending).rejects.toThrow(/^channel: it has been closed/),
      expect(behind).rejects.toThrow(TypeError),
    ]);
    expect(() => channel.send([])).toThrow(/^channel: it has been closed/);
    expect(() => channel.receive()).toThrow(TypeError);
    expect(() => channel.counters()).toThrow(TypeError);
    await expect(channel.sendAll([])).rejects.toThrow(TypeError);
    expect(await collect(channel)).toEqual([]);
  });

  dataplaneTest(mode, "iterating ends when the channel is closed in the middle", async (dataplane) => {
    const channel = await dataplane.open([], RING);
    const waiting = collect(channel);
    await pause(5);
    await channel.close();
    expect(await waiting).toEqual([]);
  });

  dataplaneTest(mode, "nothing may be sent after the end", async (dataplane) => {
    await using channel = await dataplane.open([]);
    channel.end();
    expect(() => channel.send([])).toThrow(/^channel: its end was announced/);
    await expect(channel.sendAll([])).rejects.toThrow(TypeError);
    expect(await collect(channel)).toEqual([]);
  });

  dataplaneTest(mode, "a burst with something wrong in it is not sent at all", async (dataplane) => {
    await using channel = await dataplane.open([]);
    const good = flowFrame(1, 0);
    expect(() => channel.send([good, "frame" as never])).toThrow(/^frames: expected a Uint8Array/);
    expect(() => channel.send([good, good], { marks: [1] })).toThrow(/^marks: /);
    expect(() => channel.send([good], { marks: [-1] })).toThrow(RangeError);
    expect(() => channel.send(good as never)).toThrow(/^frames: expected an array/);
    await expect(channel.sendAll([good], { mark: [1] } as never)).rejects.toThrow(/^options: unknown/);
    channel.end();
    expect(count(await collect(channel))).toBe(0);
    expectConserved(channel.counters(), 0, 0);
  });

  dataplaneTest(mode, "channels beside each other do not disturb each other", async (dataplane) => {
    const channels = await Promise.all(
      Array.from({ length: 6 }, (_, i) => dataplane.open([{ stage: "vlan-push", vid: i + 1 }], RING)),
    );
    await Promise.all(
      channels.map(async (channel, i) => {
        const receiving = collect(channel);
        for (let turn = 0; turn < 20; turn++)
          await channel.sendAll(Array.from({ length: 50 }, (_, n) => flowFrame(n, turn)));
        channel.end();
        const bursts = await receiving;
        for (const burst of bursts) for (const frame of burst) expect(frame[15]).toBe(i + 1);
        expect(count(bursts)).toBe(1000);
        expectConserved(channel.counters(), 1000, 1000);
        await channel.close();
      }),
    );
    await until(() => channels.length === 6, "all are closed");
  });

  dataplaneTest(mode, "the wait of an idle channel costs no memory", async (dataplane) => {
    await using channel = await dataplane.open([]);
    const results = channel[Symbol.asyncIterator]();
    for (let turn = 0; turn < 300; turn++) {
      const waiting = results.next();
      await channel.sendAll([flowFrame(turn, turn)]);
      const { value } = await waiting;
      expect(value!.length).toBe(1);
    }
    expectConserved(channel.counters(), 300, 300);
  });
});
