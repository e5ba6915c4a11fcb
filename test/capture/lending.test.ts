// Sources and sinks that never come to an end: nobody waits for them for long, and they keep no memory.
import {
  type CaptureInput,
  type CaptureOutput,
  createDataplane,
  type Dataplane,
  loadKernels,
  Pipeline,
  processCapture,
} from "frameferry";
import { describe, expect, it } from "vitest";
import { isolated, pause, until } from "../dataplane/support.ts";
import { join, pcapHeader, pcapRecord } from "../pcap/capture-bytes.ts";
import { noise } from "../support/passengers.ts";

const never = (): Promise<never> => new Promise(() => {});
const { bytes: head } = join([pcapHeader(false, false), pcapRecord(false, 1, 1, noise(200, 1))]);

/** A capture that reads one piece, and then waits for ever; what it was lent is kept in `lent`. */
class Silent implements CaptureInput {
  readonly lent: Uint8Array[] = [];
  #reads = 0;
  answer: (length: number) => void = () => {};

  read(into: Uint8Array): Promise<number> {
    this.lent.push(into);
    if (this.#reads++ > 0) return new Promise((resolve) => (this.answer = resolve));
    into.set(head);
    return Promise.resolve(head.length);
  }

  close(): Promise<void> {
    return never();
  }
}

/** A sink that is stuck in one of its functions. */
class Stuck implements CaptureOutput {
  readonly lent: Uint8Array[] = [];
  readonly #where: "write" | "abort" | "nowhere";
  aborted: unknown;

  constructor(where: "write" | "abort" | "nowhere") {
    this.#where = where;
  }

  write(bytes: Uint8Array): Promise<void> {
    this.lent.push(bytes);
    return this.#where === "write" ? never() : Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  abort(reason: unknown): Promise<void> {
    this.aborted = reason;
    return this.#where === "abort" ? never() : Promise.resolve();
  }
}

const silentStream = (): ReadableStream<Uint8Array> =>
  new ReadableStream({ start: (controller) => controller.enqueue(head.slice()) });
const stuckStream = (): WritableStream<Uint8Array> => new WritableStream({ write: never, abort: never });
async function* silentIterable(): AsyncGenerator<Uint8Array> {
  yield head;
  await never();
}

const sources: readonly [
  string,
  () => CaptureInput | ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>,
][] = [
  ["an input", () => new Silent()],
  ["a stream", silentStream],
  ["an iterable", silentIterable],
];
const sinks: readonly [string, () => CaptureOutput | WritableStream<Uint8Array>][] = [
  ["an output that does not write", () => new Stuck("write")],
  ["an output that does not abort", () => new Stuck("abort")],
  ["a stream", stuckStream],
];
const workerCounts = isolated ? [0, 1, 2] : [0, 1];

describe.each(workerCounts)("%i workers", (workers) => {
  async function withDataplane(use: (dataplane: Dataplane) => Promise<void>): Promise<void> {
    // Room for two captures at a time, and for no third.
    await using dataplane = await createDataplane({ workers, memoryBytes: (24 + 24 * workers) << 20 });
    await use(dataplane);
  }

  for (const [from, source] of sources) {
    for (const [to, sink] of sinks) {
      it(`${from} into ${to}: ten aborted ones leave nothing`, async () => {
        await withDataplane(async (dataplane) => {
          const free = dataplane.freeBytes;
          for (let round = 0; round < 10; round++) {
            const stop = new AbortController();
            const reason = new Error("enough");
            const done = dataplane.processCapture(source(), [], sink(), { signal: stop.signal });
            done.catch(() => {});
            await pause(10);
            const start = performance.now();
            stop.abort(reason);
            await expect(done).rejects.toBe(reason);
            expect(performance.now() - start).toBeLessThan(1000);
            await until(() => dataplane.freeBytes === free, "all memory is given back");
          }
        });
      });
    }
  }

  it("a source that fails is not waited for, nor the sink's abort, longer than a second each", async () => {
    await withDataplane(async (dataplane) => {
      const free = dataplane.freeBytes;
      const broken = new Error("broken");
      const source: CaptureInput = { read: () => Promise.reject(broken), close: never };
      const start = performance.now();
      await expect(dataplane.processCapture(source, [], new Stuck("abort"))).rejects.toBe(broken);
      expect(performance.now() - start).toBeLessThan(4000);
      expect(dataplane.freeBytes).toBe(free);
    });
  });

  it("closing the dataplane ends them", async () => {
    await withDataplane(async (dataplane) => {
      const done = dataplane.processCapture(new Silent(), [], new Stuck("write"));
      done.catch(() => {});
      await pause(20);
      const start = performance.now();
      await dataplane.close();
      expect(performance.now() - start).toBeLessThan(2000);
      await expect(done).rejects.toThrow("dataplane: it has been closed");
    });
  });
});

it("what is read and written too late touches nobody's memory", async () => {
  const kernels = await loadKernels({ memoryBytes: 24 << 20 });
  using pipeline = new Pipeline(kernels, []);
  const source = new Silent();
  const sink = new Stuck("write");
  const stop = new AbortController();
  const done = processCapture(source, pipeline, sink, { signal: stop.signal });
  done.catch(() => {});
  await pause(10);
  const lent = sink.lent[0]?.slice();
  stop.abort(new Error("enough"));
  await expect(done).rejects.toThrow("enough");
  const next = kernels.plan.reserve("what comes next", kernels.plan.freeBytes - 4096);
  kernels.bytes.fill(0xa5, next, next + (20 << 20));
  source.lent.at(-1)?.fill(0x77);
  source.answer(1000);
  await pause(10);
  expect(kernels.bytes.subarray(next, next + (20 << 20)).every((byte) => byte === 0xa5)).toBe(true);
  expect(sink.lent[0]).toEqual(lent);
});

it("one that says that it settles is lent the kernels' own memory, and given the time", async () => {
  const kernels = await loadKernels({ memoryBytes: 24 << 20 });
  const free = kernels.plan.freeBytes;
  {
    using pipeline = new Pipeline(kernels, []);
    const source = Object.assign(new Silent(), { settles: true, close: async () => {} });
    const stop = new AbortController();
    const done = processCapture(source, pipeline, new Stuck("nowhere"), { signal: stop.signal });
    done.catch(() => {});
    await pause(10);
    expect(source.lent.every(({ buffer }) => buffer === kernels.bytes.buffer)).toBe(true);
    stop.abort(new Error("enough"));
    await expect(done).rejects.toThrow("enough");
    expect(kernels.plan.freeBytes).toBeLessThan(free);
    source.answer(0);
    await pause(10);
  }
  expect(kernels.plan.freeBytes).toBe(free);
});
