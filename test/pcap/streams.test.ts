import {
  CaptureError,
  type CaptureRecord,
  CaptureWriter,
  captureDecoder,
  captureEncoder,
  readCapture,
  writeCapture,
} from "frameferry/pcap";
import { describe, expect, it } from "vitest";
import { chunked, frame, join } from "./capture-bytes.ts";

const capture = (count: number, format: "pcap" | "pcapng" = "pcap"): Uint8Array => {
  const writer = new CaptureWriter({ format });
  const records = Array.from({ length: count }, (_, i) => ({ data: frame(60, i), timestamp: BigInt(i) }));
  return join([writer.write(records), writer.finish()]).bytes;
};

/** A source that counts what is asked of it and whether it was let go. */
function watched(bytes: Uint8Array, size: number) {
  const state = { pulls: 0, closed: false };
  const source = {
    async *[Symbol.asyncIterator]() {
      try {
        for (const chunk of chunked(bytes, size)) {
          state.pulls++;
          yield chunk;
        }
      } finally {
        state.closed = true;
      }
    },
  };
  return { state, source };
}

async function drain<T>(stream: ReadableStream<T>): Promise<{ values: T[]; error: unknown }> {
  const reader = stream.getReader();
  const values: T[] = [];
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

describe("reading", () => {
  it("takes every kind of source", async () => {
    const bytes = capture(5);
    const sources = [
      bytes,
      [bytes.slice(0, 30), new Uint8Array(0), bytes.slice(30)],
      watched(bytes, 11).source,
      new Blob([bytes.slice()]),
      new Blob([bytes.slice()]).stream(),
    ];
    for (const source of sources) {
      let count = 0;
      for await (const record of readCapture(source)) expect(record.data).toEqual(frame(60, count++));
      expect(count).toBe(5);
    }
  });

  it("asks for a chunk only when a record is wanted, and lets go of the source", async () => {
    const { state, source } = watched(capture(1000), 100);
    const reader = readCapture(source);
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(state.pulls).toBe(0);
    await reader.open();
    expect(state.pulls).toBe(1);
    for await (const record of reader) if (record.index === 2) break;
    expect(state.pulls).toBeLessThan(5);
    expect(state.closed).toBe(true);
  });

  it("cancels a stream that is left early, or whose bytes are damaged", async () => {
    for (const bad of [false, true]) {
      let cancelled: unknown = "no";
      const stream = new ReadableStream<Uint8Array>({
        pull: (controller) => controller.enqueue(bad ? frame(100) : capture(3)),
        cancel: (reason) => {
          cancelled = reason;
        },
      });
      if (bad) await expect(readCapture(stream).open()).rejects.toThrow(CaptureError);
      else for await (const _ of readCapture(stream)) break;
      expect(cancelled).not.toBe("no");
      expect(cancelled instanceof CaptureError).toBe(bad);
    }
  });

  it("keeps batches small when the file is one chunk", async () => {
    const sizes: number[] = [];
    for await (const batch of readCapture(capture(3000, "pcapng")).batches()) sizes.push(batch.length);
    expect(sizes).toEqual([1024, 1024, 952]);
  });

  it("can be read once", async () => {
    const reader = readCapture(capture(3));
    for await (const _ of reader) break;
    await expect(reader.batches().next()).rejects.toThrow(TypeError);
  });

  it("answers calls that do not wait for each other in order", async () => {
    const records = readCapture(chunked(capture(6), 50))[Symbol.asyncIterator]();
    const results = await Promise.all(Array.from({ length: 8 }, () => records.next()));
    expect(results.map((result) => (result.done ? "end" : result.value.index))).toEqual([
      0,
      1,
      2,
      3,
      4,
      5,
      "end",
      "end",
    ]);
  });

  it("stops for an AbortSignal even if the source is silent", async () => {
    const abort = new AbortController();
    let cancelled = false;
    const silent = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(capture(2)),
      cancel: () => {
        cancelled = true;
      },
    });
    const seen: CaptureRecord[] = [];
    const reason = new Error("enough");
    setTimeout(() => abort.abort(reason), 10);
    await expect(
      (async () => {
        for await (const record of readCapture(silent, { signal: abort.signal })) seen.push(record);
      })(),
    ).rejects.toBe(reason);
    expect(seen).toHaveLength(2);
    expect(cancelled).toBe(true);
    await expect(readCapture(capture(1), { signal: abort.signal }).open()).rejects.toBe(reason);
  });

  it("leaves no listener behind on the signal, however many chunks there were", async () => {
    const { signal } = new AbortController();
    let listeners = 0;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...all: Parameters<typeof add>) => {
      listeners++;
      add(...all);
    };
    signal.removeEventListener = (...all: Parameters<typeof remove>) => {
      listeners--;
      remove(...all);
    };
    for await (const _ of readCapture(chunked(capture(5), 10), { signal })) expect(listeners).toBeLessThan(2);
    expect(listeners).toBe(0);
  });

  it("close ends an iteration that waits, without an error", async () => {
    const silent = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(capture(2).slice(0, -1)),
    });
    const reader = readCapture(silent);
    const seen: CaptureRecord[] = [];
    setTimeout(() => void reader.close(), 10);
    for await (const record of reader) seen.push(record);
    expect(seen).toHaveLength(1);
    expect(reader.damage).toBeUndefined();
  });

  it("passes on the source's own error after the records before it", async () => {
    const failing = async function* () {
      yield capture(4).slice(0, -3);
      throw new Error("disk on fire");
    };
    const seen: CaptureRecord[] = [];
    await expect(
      (async () => {
        for await (const record of readCapture(failing())) seen.push(record);
      })(),
    ).rejects.toThrow("disk on fire");
    expect(seen).toHaveLength(3);
  });

  it("holds no more than it needs of a long file", async () => {
    // 256 MB of chunks that are made as they are asked for, with one long record across many of them.
    const header = capture(0);
    const chunk = capture(1000).subarray(24);
    const rounds = Math.ceil((1 << 28) / chunk.length);
    function* long(): Generator<Uint8Array> {
      yield header;
      for (let i = 0; i < rounds; i++) yield chunk;
    }
    let count = 0;
    for await (const batch of readCapture(long()).batches()) count += batch.length;
    expect(count).toBe(rounds * 1000);
  }, 60_000);
});

describe("web streams", () => {
  it.each(["pcap", "pcapng"] as const)("%s through decoder and encoder is the same file", async (format) => {
    const bytes = capture(20, format);
    const source = new Blob([bytes.slice()]).stream();
    const { values, error } = await drain(source.pipeThrough(captureDecoder()).pipeThrough(captureEncoder()));
    expect(error).toBeUndefined();
    expect(join(values).bytes).toEqual(bytes);
  });

  it("a damaged stream gives every whole record before its error", async () => {
    const bytes = capture(20);
    const source = new Blob([bytes.slice(0, -1)]).stream();
    const { values, error } = await drain(source.pipeThrough(captureDecoder()));
    expect(values).toHaveLength(19);
    expect(error).toBeInstanceOf(CaptureError);
    expect((error as CaptureError).offset).toBe(24 + 19 * 76);
  });

  it("a damaged stream keeps its records for a reader that is slow", async () => {
    const records = new Blob([capture(3).slice(0, -1)]).stream().pipeThrough(captureDecoder());
    await new Promise((resolve) => setTimeout(resolve, 20));
    const { values, error } = await drain(records);
    expect(values).toHaveLength(2);
    expect(error).toBeInstanceOf(CaptureError);
  });

  it("cancelling the records cancels the bytes", async () => {
    let cancelled = false;
    const source = new ReadableStream<Uint8Array>(
      {
        pull: (controller) => controller.enqueue(capture(3)),
        cancel: () => {
          cancelled = true;
        },
      },
      { highWaterMark: 0 },
    );
    const reader = source.pipeThrough(captureDecoder()).getReader();
    expect((await reader.read()).value?.index).toBe(0);
    await reader.cancel("enough");
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(cancelled).toBe(true);
  });

  it("encodes arrays of records, and nothing at all", async () => {
    const bytes = capture(3000, "pcapng");
    const parts: Uint8Array[] = [];
    for await (const part of writeCapture(readCapture(bytes).batches())) parts.push(part);
    expect(parts).toHaveLength(3);
    expect(join(parts).bytes).toEqual(bytes);
    const empty = new ReadableStream<never>({ start: (controller) => controller.close() });
    const { values } = await drain(empty.pipeThrough(captureEncoder({ format: "pcap" })));
    expect(join(values).bytes).toHaveLength(24);
  });
});
