import { FrameBatch, loadKernels, Pipeline } from "frameferry";
import { compileFilter, useFilterText } from "frameferry/filter";
import { expect, test } from "vitest";

function ipv4(source: readonly number[]): Uint8Array {
  const frame = new Uint8Array(60);
  frame.set([8, 0, 0x45], 12);
  frame.set(source, 26);
  return frame;
}

test("a filter answers for single frames, batches and pipelines alike", async () => {
  const filter = compileFilter("host 1.2.3.4");
  const frames = [ipv4([1, 2, 3, 4]), ipv4([1, 2, 3, 5]), new Uint8Array(13)];
  const expected = [true, false, false];
  expect(frames.map((frame) => filter.matches(frame))).toEqual(expected);

  const kernels = await loadKernels();
  using batch = new FrameBatch(kernels);
  const verdicts = () => frames.map((_, index) => batch.verdict(index) === "forward");
  batch.fill(frames);
  expect(filter.run(batch)).toBe(2);
  expect(verdicts()).toEqual(expected);
  expect(batch.dropReason(1)?.name).toBe("filtered");

  useFilterText();
  for (const expression of ["host 1.2.3.4", filter]) {
    using pipeline = new Pipeline(kernels, [{ stage: "filter", expression }]);
    batch.fill(frames);
    expect(pipeline.run(batch)).toBe(1);
    expect(verdicts()).toEqual(expected);
    expect(pipeline.counters().drops).toEqual({ filtered: 2 });
    // What was dropped before is passed over.
    expect(pipeline.run(batch)).toBe(1);
    expect(pipeline.counters()).toMatchObject({ received: 4, forwarded: 2, dropped: 2 });
  }
});
