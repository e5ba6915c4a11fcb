// The pool of VNIs alone: what is taken by number inside and outside of the range that is drawn from.
import { expect, test } from "vitest";
import { VniPool } from "../../build/js/src/overlay/vni-pool.js";

const RANGE = { first: 100, last: 103 };

function drawAll(pool: InstanceType<typeof VniPool>): number[] {
  const drawn: number[] = [];
  try {
    for (;;) drawn.push(pool.take());
  } catch (error) {
    expect(String(error)).toMatch(/all from 100 to 103 are taken/);
    return drawn.sort();
  }
}

test("VNIs outside the range leave all of it to be drawn", () => {
  const pool = new VniPool(() => 0.5, RANGE);
  for (const vni of [0, 99, 104, 0xffffff]) expect(pool.take(vni)).toBe(vni);
  expect(drawAll(pool)).toEqual([100, 101, 102, 103]);
});

test("those inside are drawn no more, also at the ends of the range", () => {
  const pool = new VniPool(() => 0.999, RANGE);
  for (const vni of [100, 103]) expect(pool.take(vni)).toBe(vni);
  expect(drawAll(pool)).toEqual([101, 102]);
});

test("what is given back counts once, and only if it was taken", () => {
  const pool = new VniPool(() => 0, RANGE);
  expect(pool.take(7)).toBe(7);
  expect(drawAll(pool)).toEqual([100, 101, 102, 103]);
  for (const vni of [7, 101, 101, 500]) pool.release(vni);
  expect(drawAll(pool)).toEqual([101]);
  expect(pool.take(7)).toBe(7);
  expect(() => pool.take(7)).toThrow(/^vni: 7 is taken/);
});
