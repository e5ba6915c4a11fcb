// A dataplane as web streams: what is piped in comes out, and what fails at one end is heard of at the other.
import type { FrameBurst, Stage } from "frameferry";
import { CaptureError } from "frameferry/pcap";
import { describe, expect } from "vitest";
import { join, pcapHeader, pcapRecord } from "../pcap/capture-bytes.ts";
import { dataplaneTest, flowFrame, flowOf, modes, pause } from "./support.ts";

const TAG: readonly Stage[] = [{ stage: "vlan-push", vid: 7 }];
const RING = { ringBytes: 1 << 16 };

function bursts(turns: number, failure?: Error): ReadableStream<readonly Uint8Array[]> {
  let turn = 0;
  return new ReadableStream({
    pull(controller) {
      if (turn === turns) {
        if (failure === undefined) controller.close();
        else controller.error(failure);
        return;
      }
      controller.enqueue(Array.from({ length: 100 }, (_, i) => flowFrame(5, 100 * turn + i, 500)));
      turn++;
    },
  });
}

async function drain<T>(stream: ReadableStream<T>): Promise<{ values: T[]; error: unknown }> {
  const values: T[] = [];
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return { values, error: undefined };
      values.push(value);
    }
  } catch (error) {
    return { values, error };
  }
}

describe.each(modes)("frames(), $name", (mode) => {
  dataplaneTest(mode, "bursts are piped through, in order, whatever the pace", async (dataplane) => {
    const sequences: number[] = [];
    const sink = new WritableStream<FrameBurst>({
      async write(burst) {
        await pause(burst.length % 3);
        for (const frame of burst) sequences.push(flowOf(frame, 4).sequence);
      },
    });
    await bursts(30).pipeThrough(dataplane.frames(TAG, RING)).pipeTo(sink);
    expect(sequences).toEqual(Array.from({ length: 3000 }, (_, i) => i));
  });

  dataplaneTest(mode, "a source that fails fails the readable end", async (dataplane) => {
    const failure = new Error("unplugged");
    const { error } = await drain(bursts(3, failure).pipeThrough(dataplane.frames(TAG, RING)));
    expect(error).toBe(failure);
  });

  dataplaneTest(mode, "a sink that fails cancels the source", async (dataplane) => {
    const failure = new Error("disk full");
    let cancelled: unknown;
    const source = new ReadableStream<readonly Uint8Array[]>({
      pull: (controller) => controller.enqueue([flowFrame(1, 1)]),
      cancel: (reason) => void (cancelled = reason ?? "cancelled"),
    });
    const sink = new WritableStream<FrameBurst>({
      write() {
        throw failure;
      },
    });
    await expect(source.pipeThrough(dataplane.frames(TAG, RING)).pipeTo(sink)).rejects.toBe(failure);
    for (let turn = 0; cancelled === undefined && turn < 500; turn++) await pause(10);
    expect(cancelled).toBeDefined();
  });

  dataplaneTest(mode, "an abort while a write waits for room", async (dataplane) => {
    const { writable, readable } = dataplane.frames(TAG, RING);
    const writer = writable.getWriter();
    const reason = new Error("enough");
    const writing = writer.write(new Array<Uint8Array>(1000).fill(flowFrame(1, 1, 1000)));
    writing.catch(() => {});
    writer.closed.catch(() => {});
    await pause(20);
    await writer.abort(reason);
    await expect(writing).rejects.toBe(reason);
    expect((await drain(readable)).error).toBe(reason);
  });

  dataplaneTest(mode, "a cancel while nothing comes, and before anything was opened", async (dataplane) => {
    for (const wait of [0, 20]) {
      const { writable, readable } = dataplane.frames(TAG, RING);
      if (wait > 0) await pause(wait);
      await readable.cancel("enough");
      const writer = writable.getWriter();
      writer.closed.catch(() => {});
      await expect(writer.write([flowFrame(1, 1)])).rejects.toThrow(/^channel: it has been closed/);
    }
  });

  dataplaneTest(mode, "arguments that cannot be throw at once", async (dataplane) => {
    expect(() => dataplane.frames([{ stage: "x" } as never])).toThrow(/^stages\[0\]/);
    const { writable, readable } = dataplane.frames(TAG, { ringBytes: 5 });
    expect((await drain(readable)).error).toBeInstanceOf(RangeError);
    await expect(writable.getWriter().closed).rejects.toThrow(/^ringBytes: /);
  });
});

const capture = join([
  pcapHeader(false, false),
  ...Array.from({ length: 5000 }, (_, i) => pcapRecord(false, i, 0, flowFrame(i % 9, i, 200))),
]);
const tagged = join([
  pcapHeader(false, false, 1, 65539),
  ...Array.from({ length: 5000 }, (_, i) => {
    const frame = flowFrame(i % 9, i, 200);
    return pcapRecord(
      false,
      i,
      0,
      Uint8Array.from([...frame.subarray(0, 12), 0x81, 0, 0, 7, ...frame.subarray(12)]),
    );
  }),
]);

describe.each(modes)("captures(), $name", (mode) => {
  dataplaneTest(mode, "a capture is piped through", async (dataplane) => {
    const source = new Blob([capture.bytes as Uint8Array<ArrayBuffer>]).stream();
    const { values, error } = await drain(source.pipeThrough(dataplane.captures(TAG)));
    expect(error).toBeUndefined();
    const { bytes } = join(values);
    expect(bytes.length).toBe(tagged.bytes.length);
    expect(bytes.findIndex((byte, i) => byte !== tagged.bytes[i])).toBe(-1);
  });

  dataplaneTest(
    mode,
    "damage fails both ends, after everything before it has come out",
    async (dataplane) => {
      const damaged = capture.bytes.slice();
      const at = capture.offsets[4000]!;
      damaged.fill(0xff, at + 8, at + 12);
      const { writable, readable } = dataplane.captures(TAG);
      const writer = writable.getWriter();
      writer.closed.catch(() => {});
      const writing = (async () => {
        for (let i = 0; i < damaged.length; i += 65536) await writer.write(damaged.subarray(i, i + 65536));
        await writer.close();
      })();
      writing.catch(() => {});
      const { values, error } = await drain(readable);
      expect(error).toBeInstanceOf(CaptureError);
      expect((error as CaptureError).offset).toBe(at);
      expect(join(values).bytes.length).toBe(tagged.offsets[4000]);
      await expect(writing).rejects.toBeInstanceOf(CaptureError);
    },
  );

  dataplaneTest(mode, "what is no capture fails both ends", async (dataplane) => {
    const { writable, readable } = dataplane.captures(TAG);
    const writer = writable.getWriter();
    writer.closed.catch(() => {});
    writer.write(new Uint8Array(100)).catch(() => {});
    expect((await drain(readable)).error).toBeInstanceOf(CaptureError);
    await pause(1);
    await expect(writer.write(new Uint8Array(100))).rejects.toBeInstanceOf(CaptureError);
  });

  dataplaneTest(mode, "an abort at the one end, a cancel at the other, a signal", async (dataplane) => {
    const reason = new Error("enough");
    const first = dataplane.captures(TAG);
    const writer = first.writable.getWriter();
    writer.closed.catch(() => {});
    // Nobody reads yet, so this write may wait.
    writer.write(capture.bytes.subarray(0, 1000)).catch(() => {});
    await pause(10);
    await writer.abort(reason);
    expect((await drain(first.readable)).error).toBe(reason);

    const second = dataplane.captures(TAG);
    const other = second.writable.getWriter();
    other.closed.catch(() => {});
    await second.readable.cancel(reason);
    await expect(
      (async () => {
        for (;;) await other.write(capture.bytes);
      })(),
    ).rejects.toBeDefined();

    const stop = new AbortController();
    const third = dataplane.captures(TAG, { signal: stop.signal });
    third.writable.getWriter().closed.catch(() => {});
    const draining = drain(third.readable);
    stop.abort(reason);
    expect((await draining).error).toBe(reason);
  });

  dataplaneTest(mode, "closing the dataplane fails what is open", async (dataplane) => {
    const free = dataplane.freeBytes;
    const { writable, readable } = dataplane.captures(TAG);
    const frames = dataplane.frames(TAG, RING);
    const writer = frames.writable.getWriter();
    writer.closed.catch(() => {});
    writable.getWriter().closed.catch(() => {});
    await pause(20);
    expect(dataplane.freeBytes).toBeLessThan(free);
    const ends = Promise.all([drain(readable), drain(frames.readable)]);
    await dataplane.close();
    for (const { error } of await ends) expect(String(error)).toMatch(/it has been closed/);
    await expect(writer.write([flowFrame(1, 1)])).rejects.toThrow(/closed/);
    expect(() => dataplane.frames(TAG)).toThrow(/^dataplane: it has been closed/);
    expect(() => dataplane.captures(TAG)).toThrow(TypeError);
    // All that the workers had is given back too: what is left to wait for is at least what was free.
    expect(dataplane.freeBytes).toBeGreaterThanOrEqual(free);
    Object.defineProperty(dataplane, "freeBytes", { value: free });
  });
});
