// Properties that hold of every filter, in Node and in browsers. What filters mean, libpcap says: frozen.test.ts, and
// test/node/filter-libpcap.test.ts where there is one.
import { FrameBatch, type Kernels, loadKernels, Pipeline } from "frameferry";
import { compileFilter } from "frameferry/filter";
import { beforeAll, describe, expect, test } from "vitest";
import { DESCRIPTOR_LENGTH } from "../../src/layout/descriptor.layout.ts";
import { Expressions, type Frame } from "../support/filter-expressions.ts";
import { filterFrames } from "../support/filter-frames.ts";

const EXPRESSIONS = 300;

describe("random expressions", () => {
  let kernels: Kernels;
  const frames = filterFrames(7);
  const texts = (seed: number): string[] => {
    const expressions = new Expressions(seed, frames);
    return Array.from({ length: EXPRESSIONS }, () => expressions.next());
  };
  beforeAll(async () => {
    kernels = await loadKernels();
  });

  /** The verdicts on frames that lie in one memory, with so many bytes of `filler` behind each. */
  function verdicts(code: ReturnType<typeof compileFilter>, filler: number): string {
    using batch = new FrameBatch(kernels, { frames: frames.length, frameBytes: 256 });
    for (const { bytes, wireLength } of frames) batch.add(bytes, { wireLength });
    for (let index = 0; index < frames.length; index++) {
      const word = (batch.descriptors + index * DESCRIPTOR_LENGTH) >>> 2;
      const end = (kernels.words[word] as number) + (frames[index] as Frame).bytes.length;
      kernels.bytes.fill(filler, end, end + 80);
    }
    code.run(batch);
    return frames.map((_, index) => (batch.verdict(index) === "forward" ? "1" : "0")).join("");
  }

  test("no verdict depends on bytes behind the captured ones", () => {
    let matching = 0;
    for (const text of texts(1)) {
      const filter = compiled(text);
      if (filter === undefined) continue;
      const [first, ...others] = [0, 0xff, 0x45, 0x08].map((filler) => verdicts(filter, filler));
      for (const other of others) expect(other, text).toBe(first);
      matching += (first?.split("1").length ?? 1) - 1;
    }
    expect(matching).toBeGreaterThan(EXPRESSIONS);
  });

  test("single frames and bursts have the same verdicts", () => {
    for (const text of texts(2).slice(0, 60)) {
      const filter = compiled(text);
      if (filter === undefined) continue;
      const single = frames.map(({ bytes, wireLength }) => (filter.matches(bytes, wireLength) ? "1" : "0"));
      expect(single.join(""), text).toBe(verdicts(filter, 0));
    }
  });

  test("not turns what is read whole round, and nothing else", () => {
    for (const text of texts(3)) {
      const [filter, opposite] = [compiled(text), compiled(`not (${text})`)];
      if (filter === undefined || opposite === undefined) continue;
      const [yes, no] = [verdicts(filter, 0), verdicts(opposite, 0)];
      // A frame that is too short to tell matches neither.
      for (const [index, verdict] of [...yes].entries())
        expect(verdict === "1" && no[index] === "1", `${text}: ${index}`).toBe(false);
    }
  });

  test("alternatives in another order and of other forms mean the same", () => {
    const whole = frames.filter(({ bytes }) => bytes.length >= 60);
    const expressions = new Expressions(4, whole);
    for (let i = 0; i < EXPRESSIONS / 5; i++) {
      const [a, b] = [expressions.next(), expressions.next()];
      const [first, second] = [compiled(`(${a}) or (${b})`), compiled(`not (not (${b}) and not (${a}))`)];
      const [one, other] = [compiled(a), compiled(b)];
      if (first === undefined || second === undefined || one === undefined || other === undefined) continue;
      // Where both can be answered, in whatever order.
      const certain = [compiled(`(${a}) or not (${a})`), compiled(`(${b}) or not (${b})`)].map((filter) =>
        verdicts(filter as ReturnType<typeof compileFilter>, 0),
      );
      const [v1, v2, va, vb] = [first, second, one, other].map((filter) => verdicts(filter, 0));
      for (let index = 0; index < frames.length; index++) {
        if (certain.some((verdict) => verdict[index] === "0")) continue;
        const expected = va?.[index] === "1" || vb?.[index] === "1" ? "1" : "0";
        expect([v1?.[index], v2?.[index]], `${a} / ${b}: ${index}`).toEqual([expected, expected]);
      }
    }
  });
});

/** Undefined for what cannot be, such as ARP behind MPLS. */
function compiled(text: string): ReturnType<typeof compileFilter> | undefined {
  try {
    return compileFilter(text);
  } catch {
    return undefined;
  }
}

test("a pipeline closed and another opened in its place runs the other's filter", async () => {
  const kernels = await loadKernels({ memoryBytes: 1 << 20 });
  using batch = new FrameBatch(kernels, { frames: 1 });
  for (const [expression, expected] of [
    ["less 60", 1],
    ["less 59", 0],
    ["greater 60", 1],
  ] as const) {
    batch.fill([new Uint8Array(60)]);
    using pipeline = new Pipeline(kernels, [compileFilter(expression).stage]);
    expect(pipeline.run(batch)).toBe(expected);
  }
});
