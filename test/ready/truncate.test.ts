// Frames cut to a snap length, and marks.
import { FrameBatch, type Kernels, loadKernels, Pipeline } from "frameferry";
import { type MarkOptions, mark, type TruncateOptions, truncate } from "frameferry/stages";
import { beforeAll, expect, test } from "vitest";
import { join, pcapHeader, pcapRecord } from "../pcap/capture-bytes.ts";
import { processed, recordsOf } from "../support/capture-corpus.ts";
import { noise } from "../support/passengers.ts";
import { PoisonedBatch } from "../support/poisoned-batch.ts";

let kernels: Kernels;
beforeAll(async () => {
  kernels = await loadKernels({ memoryBytes: 8 << 20 });
});

test.each([1, 14, 96, 65535])("of each frame the first %d bytes are kept", (bytes) => {
  const poisoned = new PoisonedBatch(kernels);
  using pipeline = new Pipeline(kernels, [truncate({ bytes })]);
  const frames = [0, 1, 13, 14, 15, 95, 96, 97, 1500].map((length) => noise(length, length + 1));
  const outcomes = poisoned.run(
    pipeline,
    frames.map((frame) => ({ bytes: frame, wireLength: frame.length + 7 })),
  );
  outcomes.forEach((outcome, i) => {
    expect(outcome.bytes).toEqual(frames[i]!.slice(0, bytes));
    expect(outcome.wireLength).toBe(frames[i]!.length + 7);
  });
  expect(pipeline.counters().changed).toEqual([frames.filter(({ length }) => length > bytes).length]);
  poisoned.close();
});

test("a capture with check sequences loses those of the frames that are cut, and of no others what is said", async () => {
  const frames = [noise(60, 1), noise(90, 2)];
  // Four bytes of check sequence for each, which the header declares.
  const header = pcapHeader(false, false, 0x24000001);
  const records = frames.map((frame) =>
    pcapRecord(false, 1, 0, Uint8Array.from([...frame, 1, 2, 3, 4]), frame.length + 4),
  );
  const { bytes } = join([header, ...records]);
  using pipeline = new Pipeline(kernels, [truncate({ bytes: 64 })]);
  const { bytes: out } = await processed(bytes, pipeline, { format: "same" });
  const { records: read } = await recordsOf(out);
  expect(read.map(({ data }) => data)).toEqual([frames[0], frames[1]!.slice(0, 64)]);
  expect(read.map(({ originalLength }) => originalLength ?? 60)).toEqual([60, 90]);
});

test("marks are set, or some of their bits", () => {
  using pipeline = new Pipeline(kernels, [mark({ mark: 0x0a00, mask: 0xff00 })]);
  using whole = new Pipeline(kernels, [mark({ mark: 0xffffffff })]);
  const batch = new FrameBatch(kernels);
  batch.add(noise(60, 1), { mark: 0x12345678 });
  pipeline.run(batch);
  expect(batch.mark(0)).toBe(0x12340a78);
  whole.run(batch);
  expect(batch.mark(0)).toBe(0xffffffff);
  expect(whole.counters().changed).toEqual([0]);
  batch.close();
});

test.each([
  [() => truncate({} as TruncateOptions), "bytes: missing"],
  [() => truncate({ bytes: 0 }), "bytes: expected a whole number from 1 to 65535, got 0"],
  [() => mark({ mark: -1 }), "mark: expected a whole number"],
  [() => mark({ mark: 256, mask: 255 }), "mark: it has bits that the mask leaves out: 0x100 and 0xff"],
  [() => mark({ mark: 1, more: 1 } as MarkOptions), "mark: unknown option"],
])("what cannot be is refused: %#", (make, sentence) => {
  expect(make).toThrow(sentence);
});
