// Pieces of a shared capture and the seams between them, step by step on one thread.
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  clearSeam,
  copyPiece,
  readSeam,
  WINDOW_LENGTH,
  waitForSeam,
  writeSeam,
} from "../../build/js/src/capture/shared-piece.js";
import { SEAM_FIRST, SEAM_LENGTH, SEAM_OPEN, SEAM_STOP } from "../../src/layout/board.layout.ts";
import {
  CURSOR_IN_END,
  CURSOR_LENGTH,
  CURSOR_RANGE,
  CURSOR_RANGE_LENGTH,
  CURSOR_RANGE_OFFSET,
} from "../../src/layout/cursor.layout.ts";
import { DOORBELL_ASLEEP, DOORBELL_COUNT, DOORBELL_LENGTH } from "../../src/layout/ring.layout.ts";
import { betweenSteps, type Kernels, kernels } from "./piece-support.ts";

let on: Kernels;
let seam: number;
let doorbell: number;

beforeAll(async () => {
  on = await kernels();
});
beforeEach(() => {
  seam = on.plan.reserve("a seam", SEAM_LENGTH);
  doorbell = on.plan.reserve("a doorbell", DOORBELL_LENGTH);
});

const word = (address: number): number => on.words[address >>> 2] as number;
const set = (address: number, value: number): void => {
  on.words[address >>> 2] = value;
};
const rings = (): number => word(doorbell + DOORBELL_COUNT);

describe("a seam", () => {
  test("wakes the worker that sleeps over it, and nobody who is awake", () => {
    clearSeam(on, seam);
    waitForSeam(on, seam, doorbell);
    writeSeam(on, seam, SEAM_FIRST + 5);
    expect([readSeam(on, seam), rings()]).toEqual([SEAM_FIRST + 5, 0]);
    clearSeam(on, seam);
    waitForSeam(on, seam, doorbell);
    set(doorbell + DOORBELL_ASLEEP, 1);
    writeSeam(on, seam, SEAM_STOP);
    expect([readSeam(on, seam), rings()]).toEqual([SEAM_STOP, 1]);
  });

  test("is written before anybody looks who sleeps, and before it rings", () => {
    set(doorbell + DOORBELL_ASLEEP, 1);
    waitForSeam(on, seam, doorbell);
    const seen: number[] = [];
    const look = (): void => void seen.push(word(seam));
    betweenSteps("load", look, () => betweenSteps("add", look, () => writeSeam(on, seam, SEAM_FIRST)));
    // The looks at the doorbell's address and at who sleeps there, and the ring.
    expect(seen).toEqual([SEAM_FIRST, SEAM_FIRST, SEAM_FIRST]);
  });

  test("is as new when it is cleared: open, and nobody is woken that waited for it before", () => {
    set(doorbell + DOORBELL_ASLEEP, 1);
    waitForSeam(on, seam, doorbell);
    writeSeam(on, seam, SEAM_STOP);
    clearSeam(on, seam);
    expect(readSeam(on, seam)).toBe(SEAM_OPEN);
    writeSeam(on, seam, SEAM_FIRST);
    expect(rings()).toBe(1);
  });
});

describe("a piece", () => {
  const RANGE = 10_000;

  test("is copied as it is aligned in its source, with some of what lies behind it, and no more than there is", () => {
    const cursor = on.plan.reserve("a cursor", CURSOR_LENGTH);
    const window = on.plan.reserve("a window", WINDOW_LENGTH);
    const source = Uint8Array.from({ length: 5 * RANGE }, (_, i) => (i * 7) ^ (i >>> 8));
    for (let shift = 0; shift < 8; shift++) {
      const shifted = new Uint8Array(new ArrayBuffer(source.length + 8), shift, source.length);
      shifted.set(source);
      for (const offset of [0, RANGE + 3, source.length - RANGE - 1, source.length - RANGE]) {
        on.bytes.fill(0xa5, window, window + WINDOW_LENGTH);
        on.view.setBigUint64(cursor + CURSOR_RANGE_OFFSET, BigInt(offset), true);
        set(cursor + CURSOR_RANGE_LENGTH, RANGE);
        copyPiece(on, shifted, cursor, window);
        const [start, end] = [word(cursor + CURSOR_RANGE), word(cursor + CURSOR_IN_END)];
        // Engines copy shared memory fast only where both are aligned alike.
        expect(start % 8).toBe((shifted.byteOffset + offset) % 8);
        expect(start - window).toBeLessThan(8);
        const copied = offset + end - start;
        expect(copied > offset + RANGE).toBe(source.length > offset + RANGE);
        expect(copied).toBeLessThanOrEqual(source.length);
        expect(on.bytes.subarray(start, end).every((byte, i) => byte === source[offset + i])).toBe(true);
        expect(on.bytes[end]).toBe(0xa5);
      }
    }
  });
});
