// Undo: the latest first, all of it, whatever fails on the way.
import { expect, test } from "vitest";
import { Undo } from "../../build/js/src/core/undo.js";

test("takes steps back, the latest first, and each once", () => {
  const undo = new Undo();
  const taken: string[] = [];
  undo.add(() => taken.push("first"));
  expect(undo.with("second", (value) => taken.push(value))).toBe("second");
  undo.all();
  undo.all();
  expect(taken).toEqual(["second", "first"]);
});

test("goes on when a step cannot be taken back, and says what failed first", () => {
  const undo = new Undo();
  const taken: string[] = [];
  undo.add(() => taken.push("first"));
  undo.add(() => {
    throw new Error("in the middle");
  });
  undo.add(() => {
    throw new Error("last");
  });
  expect(() => undo.all()).toThrow("last");
  expect(taken).toEqual(["first"]);
});

test("because() hands on the reason, not what fails while taking back", () => {
  const undo = new Undo();
  undo.add(() => {
    throw new Error("another");
  });
  const reason = new Error("the reason");
  expect(undo.because(reason)).toBe(reason);
});
