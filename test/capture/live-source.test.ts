// Sources that are silent for a long time, such as a capture that is still going on.
import { loadKernels, Pipeline, processCapture } from "frameferry";
import { expect, test } from "vitest";
import { loadFixture } from "../support/fixtures.ts";

/** Gives `bytes`, then nothing until it is closed. */
class SilentInput {
  closed = false;
  #bytes: Uint8Array;
  #end: (length: number) => void = () => {};

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  read(into: Uint8Array): Promise<number> {
    const length = this.#bytes.length;
    if (length === 0) {
      return new Promise((resolve) => {
        this.#end = resolve;
      });
    }
    into.set(this.#bytes);
    this.#bytes = new Uint8Array(0);
    return Promise.resolve(length);
  }

  async close(): Promise<void> {
    this.closed = true;
    this.#end(0);
  }
}

class Sink {
  readonly ends: unknown[] = [];
  length = 0;

  async write(bytes: Uint8Array): Promise<void> {
    this.length += bytes.length;
  }

  async close(): Promise<void> {
    this.ends.push("closed");
  }

  async abort(reason: unknown): Promise<void> {
    this.ends.push(reason);
  }
}

async function popTags(): Promise<Pipeline> {
  return new Pipeline(await loadKernels({ memoryBytes: 16 << 20 }), [{ stage: "vlan-pop" }]);
}

test("damage ends the work at once, though the source says nothing more", async () => {
  const bytes = await loadFixture("vxlan.pcap");
  // The second record claims more than any frame has.
  const damaged = bytes.slice();
  const second = 24 + 16 + new DataView(bytes.buffer).getUint32(24 + 8, true);
  damaged.fill(0xff, second + 8, second + 12);
  const input = new SilentInput(damaged);
  const sink = new Sink();
  const summary = await processCapture(input, await popTags(), sink);
  expect(summary.damage?.offset).toBe(second);
  expect(summary.forwarded).toBe(1);
  expect(sink.length).toBe(second);
  expect(sink.ends).toEqual(["closed"]);
  expect(input.closed).toBe(true);
});

test("bytes that are no capture reject at once", async () => {
  const input = new SilentInput(new Uint8Array(64));
  const sink = new Sink();
  await expect(processCapture(input, await popTags(), sink)).rejects.toThrow(/^byte 0: /);
  expect(sink.ends).toHaveLength(1);
  expect(input.closed).toBe(true);
});

test("an abort ends the wait for a source that is silent", async () => {
  const input = new SilentInput(await loadFixture("vxlan.pcap"));
  const sink = new Sink();
  const controller = new AbortController();
  const reason = new Error("enough");
  const pipeline = await popTags();
  const free = pipeline.kernels.plan.freeBytes;
  const done = processCapture(input, pipeline, sink, {
    signal: controller.signal,
    onProgress: () => controller.abort(reason),
  });
  await expect(done).rejects.toBe(reason);
  expect(sink.ends).toEqual([reason]);
  expect(input.closed).toBe(true);
  expect(pipeline.kernels.plan.freeBytes).toBe(free);
});

test("memory that is handed out again is zero", async () => {
  const { plan, bytes } = await loadKernels({ memoryBytes: 1 << 20 });
  const first = plan.reserve("first", 1000);
  bytes.fill(0xa5, first, first + 1000);
  plan.release(first);
  const second = plan.reserve("second", 100_000);
  expect(second).toBe(first);
  expect(bytes.subarray(second, second + 100_000).every((byte) => byte === 0)).toBe(true);
});
