// Every drop reason has a counter of its own: none lies behind the counters, where something else is.
import { dropReason, dropReasons } from "frameferry";
import { expect, test } from "vitest";
import { COUNTER_LENGTH, COUNTERS_LENGTH, DROP_REASONS } from "../../src/layout/drop.layout.ts";

test("all reasons have a counter", () => {
  // The build of the kernels fails where there are more than fit; this says that it knows how many there are.
  expect(dropReasons.length).toBe(DROP_REASONS);
  expect(dropReasons.length * COUNTER_LENGTH).toBeLessThanOrEqual(COUNTERS_LENGTH);
});

test("each stands at its code, under a name of its own", () => {
  dropReasons.forEach(({ code }, index) => {
    expect(code).toBe(index);
    expect(dropReason(code)).toBe(dropReasons[index]);
  });
  expect(new Set(dropReasons.map(({ name }) => name)).size).toBe(dropReasons.length);
});
