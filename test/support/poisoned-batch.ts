// A batch whose every slot byte holds poison before frames go in, and is looked at after the kernels have run:
// nothing outside of a frame and of the headroom that its stages may take has changed.
import type { FrameBatchOptions, Kernels, Pipeline, Verdict } from "frameferry";
import { FrameBatch } from "frameferry";
import { expect } from "vitest";

export const POISON = 0xa5;
const SLACK = 64;

export interface PoisonedInput {
  readonly bytes: Uint8Array;
  readonly wireLength?: number;
}

export interface Outcome {
  readonly verdict: Verdict;
  /** Name of the drop reason. */
  readonly reason: string | undefined;
  /** Undefined for a dropped frame. */
  readonly bytes: Uint8Array | undefined;
  readonly wireLength: number;
  readonly vni: number | undefined;
  readonly flowHash: number;
}

export class PoisonedBatch {
  readonly batch: FrameBatch;
  readonly #kernels: Kernels;
  readonly #start: number;
  readonly #end: number;
  readonly #stride: number;

  constructor(kernels: Kernels, options: FrameBatchOptions = {}) {
    this.#kernels = kernels;
    this.batch = new FrameBatch(kernels, options);
    const { batch } = this;
    batch.fill([new Uint8Array(14), new Uint8Array(14)]);
    this.#start = batch.frame(0).byteOffset - batch.headroom;
    this.#stride =
      batch.capacity > 1 ? batch.frame(1).byteOffset - batch.frame(0).byteOffset : batch.frameBytes;
    this.#end = this.#start + batch.capacity * this.#stride + SLACK;
  }

  /** Runs `pipeline` over the frames, a batch at a time, and checks every byte that must not change. */
  run(pipeline: Pipeline, inputs: readonly PoisonedInput[]): Outcome[] {
    const outcomes: Outcome[] = [];
    for (let i = 0; i < inputs.length; i += this.batch.capacity)
      outcomes.push(...this.#runBatch(pipeline, inputs.slice(i, i + this.batch.capacity)));
    return outcomes;
  }

  #runBatch(pipeline: Pipeline, inputs: readonly PoisonedInput[]): Outcome[] {
    const { batch } = this;
    const region = this.#kernels.bytes.subarray(this.#start, this.#end);
    region.fill(POISON);
    batch.clear();
    inputs.forEach(({ bytes, wireLength = bytes.length }, mark) => {
      expect(batch.add(bytes, { wireLength, mark })).toBe(true);
    });
    const before = region.slice();
    pipeline.run(batch);
    this.#compare(before, region, inputs, pipeline.headroom);
    return inputs.map((_, i) => {
      expect(batch.mark(i)).toBe(i);
      const verdict = batch.verdict(i);
      return {
        verdict,
        reason: batch.dropReason(i)?.name,
        bytes: verdict === "drop" ? undefined : batch.frame(i).slice(),
        wireLength: batch.wireLength(i),
        vni: batch.vni(i),
        flowHash: batch.flowHash(i),
      };
    });
  }

  /** What the kernels may write: the frame, and as much headroom as the pipeline's stages push at most. */
  #compare(before: Uint8Array, region: Uint8Array, inputs: readonly PoisonedInput[], pushed: number): void {
    let from = 0;
    inputs.forEach(({ bytes }, i) => {
      const frame = i * this.#stride + this.batch.headroom;
      const floor = i * this.#stride;
      expectSame(before, region, from, Math.max(floor, frame - pushed));
      from = frame + bytes.length;
    });
    expectSame(before, region, from, before.length);
  }

  close(): void {
    this.batch.close();
  }
}

/** Word by word: a library's comparison of arrays would take most of a suite's time. */
function expectSame(before: Uint8Array, after: Uint8Array, from: number, to: number): void {
  for (let i = from; i < to; i++)
    if (before[i] !== after[i]) expect(`byte ${i} of the slots`).toBe("unchanged");
}

/** Compares long byte arrays quickly, and says where they differ. */
export function expectBytes(actual: Uint8Array | undefined, expected: Uint8Array, what = "bytes"): void {
  if (actual === undefined) throw new Error(`${what}: nothing, expected ${expected.length} bytes`);
  expect(actual.length, `${what}: length`).toBe(expected.length);
  for (let i = 0; i < expected.length; i++) {
    if (actual[i] !== expected[i])
      expect(hexAround(actual, i), `${what}: from byte ${i}`).toBe(hexAround(expected, i));
  }
}

function hexAround(bytes: Uint8Array, at: number): string {
  return Array.from(bytes.subarray(at, at + 16), (byte) => byte.toString(16).padStart(2, "0")).join(" ");
}
