// Captures as ports: what is played comes out frame by frame, what is sent is in the capture that is written.
import { connect, createDataplane, type FrameBurst, isArgumentError, portPair } from "frameferry";
import { type CapturePort, type CapturePortOptions, capturePort } from "frameferry/capture-port";
import { CaptureError, CaptureWriter, type RecordDescription, readCapture } from "frameferry/pcap";
import { describe, expect, test } from "vitest";
import { frameOf, stampOf } from "../live/support.ts";
import { portContract, takeFrames, untilIdle } from "../support/port-contract.ts";
import { sendingContract } from "../support/sending-contract.ts";

const MILLISECOND = 1_000_000n;
const START = 1_700_000_000_000_000_000n;

function captureOf(records: readonly RecordDescription[], format: "pcap" | "pcapng" = "pcapng"): Uint8Array {
  const writer = new CaptureWriter({ format, nanoseconds: true });
  const parts = [writer.write(records), writer.finish()];
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** So many frames, `distance` nanoseconds apart. */
function numbered(count: number, distance = MILLISECOND): RecordDescription[] {
  return Array.from({ length: count }, (_, i) => ({
    data: frameOf(1, 2, i),
    timestamp: START + BigInt(i) * distance,
  }));
}

/** A sink that keeps everything, and can be told to wait. */
class Sink {
  readonly parts: Uint8Array[] = [];
  held: Promise<void> | undefined;
  end: "closed" | "aborted" | undefined;
  async write(bytes: Uint8Array): Promise<void> {
    const copy = bytes.slice();
    await this.held;
    this.parts.push(copy);
  }
  async close(): Promise<void> {
    this.end = "closed";
  }
  async abort(): Promise<void> {
    this.end = "aborted";
  }
}

async function all(port: CapturePort): Promise<Uint8Array[]> {
  const frames: Uint8Array[] = [];
  for await (const burst of port) for (const frame of burst) frames.push(frame.slice());
  return frames;
}

const sequences = (frames: readonly Uint8Array[]): number[] => frames.map((frame) => stampOf(frame).sequence);
const counted = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** What is recorded at the one is played at the other, while it is. */
function recorderAndPlayer(): { from: CapturePort; to: CapturePort } {
  const written: Uint8Array[] = [];
  let isOver = false;
  let tell = (): void => {};
  const out = {
    write: async (bytes: Uint8Array): Promise<void> => {
      written.push(bytes.slice());
      tell();
    },
    close: async (): Promise<void> => {
      isOver = true;
      tell();
    },
    abort: async (): Promise<void> => {},
  };
  async function* read(): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      yield* written.splice(0);
      if (written.length > 0) continue;
      if (isOver) return;
      await new Promise<void>((resolve) => (tell = resolve));
    }
  }
  return { from: capturePort({ out, mtu: 1500 }), to: capturePort({ in: read(), mtu: 1500 }) };
}

portContract("captures as a port", recorderAndPlayer);

sendingContract("captures as a port", async () => {
  const { from, to } = recorderAndPlayer();
  const take = async (): Promise<FrameBurst> => {
    for await (const burst of to) return burst;
    throw new Error("nothing comes any more");
  };
  return { from, take, close: async () => void (await Promise.all([from.close(), to.close()])) };
});

describe("playing", () => {
  test.each(["pcap", "pcapng"] as const)(
    "all frames of a %s come, with their times, and then no more",
    async (format) => {
      const port = capturePort({ in: captureOf(numbered(1000), format) });
      const times: bigint[] = [];
      const got: number[] = [];
      for await (const burst of port)
        for (let i = 0; i < burst.length; i++) {
          got.push(stampOf(burst.frame(i)).sequence);
          times.push(burst.time(i));
        }
      expect(got).toEqual(counted(1000));
      expect(times).toEqual(numbered(1000).map(({ timestamp }) => timestamp));
      await port.played;
      expect(port.counters()).toMatchObject({ received: 1000, dropped: 0, waiting: 0 });
    },
  );

  test("as often as it is asked, from what can be read again", async () => {
    const bytes = captureOf(numbered(10));
    const thrice = [...counted(10), ...counted(10), ...counted(10)];
    let opened = 0;
    const opens = async (): Promise<Uint8Array> => {
      opened++;
      return bytes;
    };
    for (const source of [bytes, new Blob([bytes as Uint8Array<ArrayBuffer>]), opens])
      expect(sequences(await all(capturePort({ in: source, repeat: 3 })))).toEqual(thrice);
    expect(opened).toBe(3);
    const endless = capturePort({ in: bytes, repeat: 0, queueFrames: 7 });
    expect(sequences(await takeFrames(endless, 95)).slice(0, 90)).toEqual([...thrice, ...thrice, ...thrice]);
    await endless.close();
  });

  test("a capture without frames that is played for ever holds nobody up", async () => {
    const port = capturePort({ in: captureOf([]), repeat: 0 });
    await new Promise((resolve) => setTimeout(resolve, 5));
    await port.close();
    expect(await all(port)).toEqual([]);
  });

  test("who takes slowly is waited for: nothing is lost", async () => {
    const port = capturePort({ in: captureOf(numbered(3000)), queueFrames: 5 });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(port.counters().waiting).toBe(5);
    expect(sequences(await all(port))).toEqual(counted(3000));
    expect(port.counters().dropped).toBe(0);
  });

  test("at their own distances, or scaled", async () => {
    for (const [speed, least] of [
      [1, 60],
      [3, 20],
    ] as const) {
      const port = capturePort({ in: captureOf(numbered(4, 20n * MILLISECOND)), speed });
      const start = performance.now();
      const came: number[] = [];
      for await (const burst of port) for (const _ of burst) came.push(performance.now() - start);
      expect(came).toHaveLength(4);
      // Timers may be early by what clocks are rounded to, and late by anything.
      expect(came[3]).toBeGreaterThanOrEqual(least - 2);
      expect(came[3]! - came[0]!).toBeGreaterThanOrEqual(least - 7);
    }
  });

  test("times that go back, or are not there, hold nobody up", async () => {
    const records = [
      { data: frameOf(1, 2, 0), timestamp: START },
      { data: frameOf(1, 2, 1), timestamp: START - 3600n * 1000n * MILLISECOND },
      { data: frameOf(1, 2, 2), timestamp: undefined },
      { data: frameOf(1, 2, 3), timestamp: START + MILLISECOND },
    ];
    expect(sequences(await all(capturePort({ in: captureOf(records), speed: 1 })))).toEqual(counted(4));
  });

  test("what no port could have received is counted: cut frames, other link types", async () => {
    const ethernet = { linkType: 1 };
    const raw = { linkType: 101 };
    const records: RecordDescription[] = [
      { data: frameOf(1, 2, 0), timestamp: START, interface: ethernet },
      { data: frameOf(1, 2, 1), timestamp: START, originalLength: 1500, interface: ethernet },
      { data: new Uint8Array(20).fill(0x45), timestamp: START, interface: raw },
      {
        data: Uint8Array.from([...frameOf(1, 2, 2), 1, 2, 3, 4]),
        timestamp: START,
        fcsLength: 4,
        interface: ethernet,
      },
    ];
    const port = capturePort({ in: captureOf(records) });
    const got = await all(port);
    expect(sequences(got)).toEqual([0, 2]);
    expect(got[1]).toHaveLength(64);
    expect(port.counters().drops).toEqual({ "cut-by-capture": 1, "not-ethernet": 1 });
  });

  test("damage: what lies before it comes, then who reads is told, and so is who waits for the end", async () => {
    const port = capturePort({ in: captureOf(numbered(5)).subarray(0, -10) });
    const got: number[] = [];
    const reading = (async () => {
      for await (const burst of port) got.push(...[...burst].map((frame) => stampOf(frame).sequence));
    })();
    await expect(reading).rejects.toThrow(CaptureError);
    expect(got).toEqual([0, 1, 2, 3]);
    await expect(port.played).rejects.toThrow(CaptureError);
    await port.close();
  });

  test("closing while it waits for a time, for room, or for a source that says nothing", async () => {
    const far = numbered(2, 3_600_000n * MILLISECOND);
    const timed = capturePort({ in: captureOf(far), speed: 1 });
    const full = capturePort({ in: captureOf(numbered(100)), queueFrames: 1 });
    const mute = capturePort({ in: new ReadableStream<Uint8Array>() });
    await new Promise((resolve) => setTimeout(resolve, 5));
    await Promise.all([timed.close(), full.close(), mute.close()]);
    expect(sequences(await all(timed))).toEqual([0]);
    expect(sequences(await all(full))).toEqual([0]);
  });

  test("what is sent to a port that records nothing is counted", async () => {
    const port = capturePort({ in: captureOf([]) });
    await port.sendAll([frameOf(1, 2)]);
    expect(port.counters()).toMatchObject({ sent: 1, dropped: 1, drops: { "no-egress": 1 } });
  });
});

describe("recording", () => {
  test.each(["pcap", "pcapng"] as const)(
    "a %s of all that was sent, complete when it is closed",
    async (format) => {
      const sink = new Sink();
      const port = capturePort({ out: sink, format, name: "uplink" });
      await port.sendAll(Array.from({ length: 500 }, (_, i) => frameOf(1, 2, i)));
      await untilIdle(port);
      await port.close();
      expect(sink.end).toBe("closed");
      const records = [];
      const reader = readCapture(sink.parts);
      for await (const record of reader) records.push(record);
      expect(sequences(records.map(({ data }) => data))).toEqual(counted(500));
      expect(reader.section?.format).toBe(format);
      const last = Number((records[499]?.timestamp ?? 0n) / MILLISECOND);
      expect(Math.abs(last - Date.now())).toBeLessThan(60_000);
      if (format === "pcapng") expect(records[0]?.interface.name).toBe("uplink");
    },
  );

  test("a sink that waits lets senders wait, in bounds", async () => {
    const sink = new Sink();
    let go = (): void => {};
    sink.held = new Promise((resolve) => (go = resolve));
    const port = capturePort({ out: sink, queueBytes: 65_536 });
    const sending = port.sendAll(Array.from({ length: 100 }, (_, i) => frameOf(1, 2, i, 1500)));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(port.counters().sent).toBeLessThan(50);
    expect(port.counters().waiting).toBe(port.counters().sent);
    go();
    await sending;
    await port.close();
    expect(port.counters()).toMatchObject({ sent: 100, waiting: 0, dropped: 0 });
  });

  test("a sink that fails: frames that it never took are counted, senders and closing are told", async () => {
    const sink = new Sink();
    sink.write = () => Promise.reject(new Error("the disk is full"));
    const port = capturePort({ out: sink });
    await port.sendAll([frameOf(1, 2), frameOf(1, 2)]);
    await untilIdle(port);
    expect(port.counters()).toMatchObject({ sent: 2, dropped: 2, drops: { closed: 2 } });
    await expect(port.sendAll([frameOf(1, 2)])).rejects.toThrow("the disk is full");
    await expect(port.close()).rejects.toThrow("the disk is full");
    expect(sink.end).toBe("aborted");
  });

  test("both at once: what is played goes through stages, and what they make of it is recorded", async () => {
    const sink = new Sink();
    const port = capturePort({ in: captureOf(numbered(200)), out: sink });
    const dataplane = await createDataplane({ workers: 0 });
    const channel = await dataplane.open([{ stage: "vlan-push", vid: 7 }]);
    const connection = connect(port, channel);
    await port.played;
    while (port.counters().sent < 200) await new Promise((resolve) => setTimeout(resolve, 2));
    await connection.stop();
    await port.close();
    await dataplane.close();
    const records = [];
    for await (const { data } of readCapture(sink.parts)) records.push(data);
    expect(records).toHaveLength(200);
    for (const data of records) expect([...data.subarray(12, 16)]).toEqual([0x81, 0, 0, 7]);
  });

  test("a mirror, too, records at such a port", async () => {
    const [a] = portPair();
    const sink = new Sink();
    const port = capturePort({ out: sink });
    const { mirror } = await import("frameferry");
    const recording = mirror(a, port);
    a.send([frameOf(1, 2, 3)]);
    await recording.stop();
    await port.close();
    const records = [];
    for await (const { data } of readCapture(sink.parts)) records.push(data);
    expect(sequences(records)).toEqual([3]);
  });
});

describe("refused", () => {
  const bytes = captureOf([]);
  test.each<[string, string, unknown]>([
    ["missing", "options.in", {}],
    ["out-of-range", "speed", { in: bytes, speed: 0 }],
    ["out-of-range", "speed", { in: bytes, speed: Number.NaN }],
    ["wrong-type", "speed", { in: bytes, speed: "1" }],
    ["contradiction", "repeat", { in: [bytes], repeat: 2 }],
    ["contradiction", "repeat", { in: new ReadableStream(), repeat: 0 }],
    ["out-of-range", "repeat", { in: bytes, repeat: -1 }],
    ["not-one-of", "format", { out: new Sink(), format: "erf" }],
    ["wrong-type", "sink", { out: "out.pcap" }],
    ["unknown-option", "options", { in: bytes, loop: 2 }],
  ])("%s at %s", (code, path, options) => {
    let error: unknown;
    try {
      capturePort(options as CapturePortOptions);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toSatisfy(isArgumentError);
    expect(error).toMatchObject({ code, path });
  });
});
