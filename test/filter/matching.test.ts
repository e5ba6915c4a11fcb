// Which frames match, those that have been dropped among them: by what has become of them, too.
import { FrameBatch, type Kernels, loadKernels, Pipeline } from "frameferry";
import { compileFilter, useFilterText } from "frameferry/filter";
import { beforeAll, describe, expect, test } from "vitest";
import { Expressions } from "../support/filter-expressions.ts";
import { filterFrames } from "../support/filter-frames.ts";

function ipv4(last: number): Uint8Array {
  const frame = new Uint8Array(60);
  frame.set([8, 0, 0x45], 12);
  frame.set([10, 0, 0, last], 26);
  return frame;
}

let kernels: Kernels;
beforeAll(async () => {
  kernels = await loadKernels();
});

describe("verdicts and reasons", () => {
  test("are asked of a batch that a pipeline has run over, and change nothing", () => {
    using batch = new FrameBatch(kernels, { frameBytes: 64 });
    using pipeline = new Pipeline(kernels, [compileFilter("ip and not host 10.0.0.2").stage]);
    batch.fill([ipv4(1), ipv4(2), new Uint8Array(65), new Uint8Array(60)]);
    pipeline.run(batch);
    const before = [0, 1, 2, 3].map((index) => batch.dropReason(index)?.name);
    expect(before).toEqual([undefined, "filtered", "frame-too-long", "filtered"]);
    for (const [text, indices] of [
      ["verdict forward", [0]],
      ["verdict drop", [1, 2, 3]],
      ["reason filtered", [1, 3]],
      ["reason filtered and ip", [1]],
      ["not reason in {filtered, ip-header}", [0, 2]],
      ["reason in {frame-too-long, filtered}", [1, 2, 3]],
      ["inner host 10.0.0.2 and verdict drop", [1]],
      ["any (ip and reason filtered)", [1]],
      ["verdict in {drop} or host 10.0.0.1", [0, 1, 2, 3]],
      ["", [0, 1, 2, 3]],
    ] as const) {
      expect(compileFilter(text).matching(batch), text).toEqual(indices);
    }
    expect([0, 1, 2, 3].map((index) => batch.dropReason(index)?.name)).toEqual(before);
  });

  test("are explained in their own words", () => {
    expect(compileFilter("verdict drop and reason in {filtered, ip-header}").explain()).toBe(
      "all of\n  verdict drop\n  reason in {filtered, ip-header}",
    );
  });

  test("are nothing that a stage could ask", () => {
    useFilterText();
    const filter = compileFilter("ip or reason filtered");
    using batch = new FrameBatch(kernels);
    const sentence =
      "verdict and reason are asked of frames that have been through a pipeline: with matching(batch)";
    expect(() => filter.stage).toThrow(sentence);
    expect(() => filter.run(batch)).toThrow(sentence);
    expect(() => new Pipeline(kernels, [{ stage: "filter", expression: "verdict drop" }])).toThrow(sentence);
    for (const expression of [filter, { ...filter }])
      expect(() => new Pipeline(kernels, [{ stage: "filter", expression }])).toThrow(
        `stages[0].expression: ${sentence}`,
      );
    // A single frame goes on, as far as anybody knows.
    expect(compileFilter("verdict forward").matches(new Uint8Array(60))).toBe(true);
  });

  test.each([
    ["verdict", "at 7: expected forward or drop, got the end"],
    ["verdict dropped", 'at 8: expected forward or drop, got "dropped"'],
    ["reason never", 'at 7: expected the name of a drop reason, such as filtered, got "never"'],
    ["reason in {filtered", 'at 19: expected "," or "}", got the end'],
  ])("%s: an error", (text, sentence) => {
    expect(() => compileFilter(text)).toThrow(sentence);
  });
});

test("what matches is what is not dropped", () => {
  const frames = filterFrames(13);
  const expressions = new Expressions(14, frames);
  using batch = new FrameBatch(kernels, { frames: frames.length });
  let matching = 0;
  for (let i = 0; i < 60; i++) {
    const text = expressions.next();
    let filter: ReturnType<typeof compileFilter>;
    try {
      filter = compileFilter(text);
    } catch {
      continue;
    }
    batch.clear();
    for (const { bytes, wireLength } of frames) batch.add(bytes, { wireLength });
    const indices = filter.matching(batch);
    expect(filter.run(batch), text).toBe(frames.length - indices.length);
    expect(
      frames.flatMap((_, index) => (batch.verdict(index) === "forward" ? [index] : [])),
      text,
    ).toEqual(indices);
    // Now they are dropped, and match all the same.
    expect(filter.matching(batch), text).toEqual(indices);
    matching += indices.length;
  }
  expect(matching).toBeGreaterThan(1000);
});

test("a batch of other kernels, or none", () => {
  expect(() => compileFilter("ip").matching(5 as never)).toThrow("batch: expected a FrameBatch");
  using batch = new FrameBatch(kernels);
  expect(compileFilter("ip").matching(batch)).toEqual([]);
});
