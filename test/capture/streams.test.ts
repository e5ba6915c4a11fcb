// Where captures come from and go to: kinds of sources and sinks, failures, aborts, backpressure.
import { type CaptureInput, type Kernels, loadKernels, Pipeline, processCapture } from "frameferry";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { chunked, join, pcapHeader, pcapRecord } from "../pcap/capture-bytes.ts";
import { Collected, plainPcap, processed } from "../support/capture-corpus.ts";
import { noise } from "../support/passengers.ts";
import { expectBytes } from "../support/poisoned-batch.ts";

let kernels: Kernels;
let pipeline: Pipeline;
let free: number;
beforeAll(async () => {
  kernels = await loadKernels({ memoryBytes: 12 << 20 });
  pipeline = new Pipeline(kernels, []);
  free = kernels.plan.freeBytes;
});
afterEach(async () => {
  await vi.waitFor(() => expect(kernels.plan.freeBytes).toBe(free));
});

// biome-ignore lint/suspicious/noExplicitAny: what is wrong is the type
type Wrong = any;

const { bytes } = plainPcap(false, false);
/** About 4 MB. */
function large(): Uint8Array {
  const record = pcapRecord(false, 1, 1, noise(1500, 1));
  return join([pcapHeader(false, false), ...Array<Uint8Array>(2700).fill(record)]).bytes;
}

describe("sources", () => {
  it.each<[string, () => Parameters<typeof processCapture>[0]]>([
    ["bytes", () => bytes],
    ["a Blob", () => new Blob([bytes.slice()])],
    ["a ReadableStream", () => new Blob([bytes.slice()]).stream()],
    [
      "an iterable, with empty chunks",
      () => [new Uint8Array(0), bytes.slice(0, 99), new Uint8Array(0), bytes.slice(99)],
    ],
    [
      "an async iterable",
      async function* () {
        yield* chunked(bytes, 1000);
      },
    ],
    ["an object that reads into memory", () => inputOf(bytes, 333)],
  ])("%s", async (_, source) => {
    const { bytes: found, summary } = await processed(source(), pipeline);
    expectBytes(found, bytes);
    expect(summary).toMatchObject({ received: 8, forwarded: 8, fileBytesIn: bytes.length });
  });

  it("that also read and close are iterated where they can be", async () => {
    // Node's file streams are such objects: they have read() and close(), which mean something else.
    const source = {
      read: () => null,
      close: () => {},
      async *[Symbol.asyncIterator]() {
        yield bytes;
      },
    };
    expectBytes((await processed(source as Wrong, pipeline)).bytes, bytes);
  });

  it("of another kind are refused", async () => {
    for (const wrong of [undefined, null, 5, "file.pcap", {}, new ArrayBuffer(8)]) {
      const sink = new Collected();
      await expect(processCapture(wrong as Wrong, pipeline, sink)).rejects.toThrow(/^source: /);
    }
    await expect(processed(["text"] as Wrong, pipeline)).rejects.toThrow(
      /^source: expected chunks of Uint8Array/,
    );
    for (const length of [-1, 1.5, 2 ** 21, "5", undefined]) {
      const source = { read: async () => length, close: async () => {} };
      await expect(processed(source as Wrong, pipeline)).rejects.toThrow(/^source.read\(\): /);
    }
  });

  it("that fail end the work: the sink is aborted with the reason", async () => {
    const broken = new Error("cable unplugged");
    const sources = [
      (async function* () {
        yield bytes;
        throw broken;
      })(),
      new ReadableStream<Uint8Array>({
        pull: (controller) => controller.error(broken),
      }),
      { ...inputOf(bytes, 100), read: () => Promise.reject(broken) },
    ];
    for (const source of sources) {
      const sink = new Collected();
      await expect(processCapture(source, pipeline, sink)).rejects.toBe(broken);
      expect([sink.state, sink.reason]).toEqual(["aborted", broken]);
    }
  });
});

describe("sinks", () => {
  it("may be a WritableStream", async () => {
    const chunks: Uint8Array[] = [];
    let closed = false;
    const sink = new WritableStream<Uint8Array>({
      write: (chunk) => void chunks.push(chunk),
      close: () => void (closed = true),
    });
    await processCapture(bytes, pipeline, sink);
    expectBytes(join(chunks).bytes, bytes);
    expect(closed).toBe(true);
    // Streams may keep what they get, and most that stands behind them takes no shared memory.
    for (const { buffer } of chunks) expect(buffer).toBeInstanceOf(ArrayBuffer);
  });

  it("may be a WritableStream that can be written to directly, as that of a file in a browser", async () => {
    const chunks: Uint8Array[] = [];
    const sink = new WritableStream<Uint8Array>({ write: (chunk) => void chunks.push(chunk) });
    Object.assign(sink, { write: () => Promise.reject(new TypeError("shared memory")) });
    await processCapture(bytes, pipeline, sink);
    expectBytes(join(chunks).bytes, bytes);
  });

  it("of another kind are refused, and the source is left alone", async () => {
    const locked = new WritableStream();
    locked.getWriter();
    for (const wrong of [
      undefined,
      null,
      5,
      {},
      [],
      { write: () => {} },
      { write: () => {}, end: () => {} },
      locked,
    ]) {
      const source = new Blob([bytes.slice()]).stream();
      await expect(processCapture(source, pipeline, wrong as Wrong)).rejects.toThrow(TypeError);
      if (wrong !== locked)
        await expect(processCapture(source, pipeline, wrong as Wrong)).rejects.toThrow(/^sink: /);
      expect(source.locked).toBe(false);
    }
  });

  it("that fail end the work, wherever it stands: the source is let go", async () => {
    const full = new Error("disk full");
    for (const failing of [1, 2, 3]) {
      let writes = 0;
      let let_go = false;
      const source = inputOf(large(), 1 << 20, () => {
        let_go = true;
      });
      const sink = new Collected();
      sink.write = async () => {
        if (++writes === failing) throw full;
      };
      await expect(processCapture(source, pipeline, sink)).rejects.toBe(full);
      expect([sink.state, let_go]).toEqual(["aborted", true]);
    }
    const sink = new Collected();
    sink.close = () => Promise.reject(full);
    sink.abort = () => Promise.reject(new Error("and this too"));
    await expect(processCapture(bytes, pipeline, sink)).rejects.toBe(full);
  });

  it("that are slow hold the source back", async () => {
    const all = large();
    let read = 0;
    let written = 0;
    let ahead = 0;
    const input = inputOf(all, 64 * 1024);
    const source: CaptureInput = {
      ...input,
      async read(into) {
        const length = await input.read(into);
        read += length;
        ahead = Math.max(ahead, read - written);
        return length;
      },
    };
    const sink = new Collected();
    sink.write = async (chunk) => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      written += chunk.length;
    };
    await processCapture(source, pipeline, sink);
    expect(written).toBe(all.length);
    // Being written, worked on, waiting to be worked on, being read: one chunk each.
    expect(ahead).toBeLessThanOrEqual(4 * 64 * 1024);
  });

  it("get what has come, also while the source waits", async () => {
    let send: (chunk: Uint8Array | undefined) => void = () => {};
    const source = (async function* () {
      for (;;) {
        const chunk = await new Promise<Uint8Array | undefined>((resolve) => {
          send = resolve;
        });
        if (chunk === undefined) return;
        yield chunk;
      }
    })();
    const sink = new Collected();
    const done = processCapture(source, pipeline, sink);
    await new Promise((resolve) => setTimeout(resolve));
    send(bytes.slice(0, 24 + 76));
    await vi.waitFor(() => expect(sink.bytes.length).toBe(24 + 76));
    send(bytes.slice(24 + 76));
    await vi.waitFor(() => expect(sink.bytes.length).toBe(bytes.length));
    send(undefined);
    expect((await done).received).toBe(8);
  });
});

describe("abort", () => {
  it("before the start touches nothing", async () => {
    const source = new Blob([bytes.slice()]).stream();
    const sink = new Collected();
    const signal = AbortSignal.abort(new Error("no need"));
    await expect(processCapture(source, pipeline, sink, { signal })).rejects.toThrow("no need");
    expect([sink.state, source.locked]).toEqual(["open", false]);
  });

  it("in the middle rejects with the reason, aborts the sink and lets the source go", async () => {
    const stop = new AbortController();
    const reason = new Error("enough");
    const sink = new Collected();
    let let_go = false;
    const source = inputOf(large(), 1 << 18, () => {
      let_go = true;
    });
    const onProgress = ({ bytesRead }: { bytesRead: number }) => {
      if (bytesRead > 1 << 20) stop.abort(reason);
    };
    await expect(processCapture(source, pipeline, sink, { signal: stop.signal, onProgress })).rejects.toBe(
      reason,
    );
    expect([sink.state, sink.reason]).toEqual(["aborted", reason]);
    await vi.waitFor(() => expect(let_go).toBe(true));
  });

  it.each([
    ["stream", () => new ReadableStream<Uint8Array>({ start: (controller) => controller.enqueue(bytes) })],
    ["input", () => ({ ...inputOf(bytes, 100), read: waiting() })],
  ])("does not wait for a %s from which nothing comes", async (_, source) => {
    const stop = new AbortController();
    const sink = new Collected();
    const done = processCapture(source() as Wrong, pipeline, sink, { signal: stop.signal });
    setTimeout(() => stop.abort(new Error("enough")), 20);
    await expect(done).rejects.toThrow("enough");
    expect(sink.state).toBe("aborted");
  });

  it("does not wait for a sink that takes nothing", async () => {
    const stop = new AbortController();
    let release: () => void = () => {};
    const sink = Object.assign(new Collected(), { settles: true });
    sink.write = () => new Promise((resolve) => (release = resolve));
    const done = processCapture(large(), pipeline, sink, { signal: stop.signal });
    setTimeout(() => stop.abort(new Error("enough")), 20);
    await expect(done).rejects.toThrow("enough");
    // Its bytes are still those that it was lent: the memory is given back when it is done with them, as it said it would be.
    expect(kernels.plan.freeBytes).toBeLessThan(free);
    release();
  });

  it("leaves no listeners behind", async () => {
    const { signal } = new AbortController();
    const add = vi.spyOn(signal, "addEventListener");
    const remove = vi.spyOn(signal, "removeEventListener");
    await processCapture(chunked(bytes, 100), pipeline, new Collected(), { signal });
    expect(add.mock.calls.length).toBeGreaterThan(0);
    await vi.waitFor(() => expect(remove.mock.calls.length).toBe(add.mock.calls.length));
  });

  /** Answers when it is closed, as a socket does. */
  function waiting(): CaptureInput["read"] {
    return () => new Promise((resolve) => setTimeout(() => resolve(0), 100));
  }
});

describe("options", () => {
  it.each([
    [{ format: "pcap2" }, RangeError, "format"],
    [{ format: 5 }, TypeError, "format"],
    [{ signal: 5 }, TypeError, "signal"],
    [{ onProgress: 5 }, TypeError, "onProgress"],
    [{ onprogress: () => {} }, TypeError, "options"],
  ] as Wrong[])("refuses %o", async (options, type, name) => {
    const source = new Blob([bytes.slice()]).stream();
    const sink = new Collected();
    const done = processCapture(source, pipeline, sink, options);
    await expect(done).rejects.toBeInstanceOf(type);
    await expect(done).rejects.toThrow(new RegExp(`^${name}: `));
    expect([sink.state, source.locked]).toEqual(["open", false]);
  });

  it("refuses what is no pipeline, or a closed one", async () => {
    await expect(processCapture(bytes, {} as Wrong, new Collected())).rejects.toThrow(/^pipeline: /);
    const closed = new Pipeline(kernels, []);
    closed.close();
    await expect(processCapture(bytes, closed, new Collected())).rejects.toThrow(
      "pipeline: it has been closed",
    );
  });

  it("reports progress, and what progress throws ends the work", async () => {
    const seen: number[] = [];
    const all = large();
    const { summary } = await processed(all, pipeline, {
      onProgress: ({ bytesRead, records }) => void seen.push(bytesRead, records),
    });
    expect(seen.slice(-2)).toEqual([all.length, 2700]);
    expect(summary.received).toBe(2700);
    const sink = new Collected();
    const onProgress = () => {
      throw new Error("display broken");
    };
    await expect(processCapture(bytes, pipeline, sink, { onProgress })).rejects.toThrow("display broken");
    expect(sink.state).toBe("aborted");
  });

  it("needs memory for the run, says how much, and keeps nothing without it", async () => {
    const small = await loadKernels({ memoryBytes: 2 << 20 });
    using tight = new Pipeline(small, []);
    const before = small.plan.freeBytes;
    const sink = new Collected();
    await expect(processCapture(bytes, tight, sink)).rejects.toThrow(
      /^memoryBytes: a capture's .* needs \d+ bytes/,
    );
    expect(sink.state).toBe("aborted");
    expect(small.plan.freeBytes).toBe(before);
  });
});

/** Reads as a file does: into the memory it is given. */
function inputOf(all: Uint8Array, size: number, closed: () => void = () => {}): CaptureInput {
  let at = 0;
  return {
    async read(into) {
      const part = all.subarray(at, at + Math.min(size, into.length));
      into.set(part);
      at += part.length;
      return part.length;
    },
    async close() {
      closed();
    },
  };
}
