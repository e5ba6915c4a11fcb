// Code that looks at the layers of a frame: the walk, once where it is first needed, and what holds at one of them.

import { LAYER_LENGTH, WALK_LAYERS } from "../layout/walk.layout.ts";
import type { Code } from "./code.ts";
import type { Which } from "./formula.ts";
import { library } from "./library.ts";
import { ENTRY, type Reads } from "./reads.ts";
import { BLOCK, I32_ADD, I32_EQZ, I32_GE_U, I32_LT_U, I32_MUL, I32_SUB, IF, LOOP } from "./wasm-bytes.ts";

/** The parameters: which frame it is, and where the room of the filter lies (walk.layout). */
const DESCRIPTOR = 0;
const ROOM = 2;

/** The local that says how many layers the frame has; zero until it has been walked through. */
export const LAYERS = "layers";

/** Walks through the frame, unless that is done. */
export function emitWalk(code: Code, reads: Reads): void {
  if (!reads.hold(LAYERS)) return;
  const layers = code.localOf(LAYERS);
  code.get(layers).add(I32_EQZ).open(IF, "walk");
  code.get(DESCRIPTOR).get(ROOM);
  code.call(library().functions.get("walk") as number).set(layers);
  code.close();
}

/**
 * Leaves on the stack whether `decisions` lead to "done" at one of the layers that are meant. They lead to "no" where
 * something is not so or cannot be read: that is the end of the layer, and not of the filter.
 */
export function emitLayered(code: Code, reads: Reads, which: Which, decisions: () => void): void {
  emitWalk(code, reads);
  const layers = code.localOf(LAYERS);
  const entry = code.localOf(ENTRY);
  const answer = code.local();
  code.number(0).set(answer);
  if (which !== "any") {
    code.open(BLOCK, "no");
    code
      .get(layers)
      .number(which >= 0 ? which + 1 : -which)
      .add(I32_LT_U)
      .leapIf("no");
    code.get(ROOM);
    if (which < 0) code.get(layers).number(-which).add(I32_SUB).number(LAYER_LENGTH).add(I32_MUL, I32_ADD);
    code.number(WALK_LAYERS + (which >= 0 ? which : 0) * LAYER_LENGTH).add(I32_ADD);
    code.set(entry);
    emitAnswer(code, answer, decisions);
    code.close();
    code.get(answer);
    return;
  }
  const end = code.local();
  code.get(ROOM).number(WALK_LAYERS).add(I32_ADD).set(entry);
  code.get(entry).get(layers).number(LAYER_LENGTH).add(I32_MUL, I32_ADD).set(end);
  code.open(BLOCK, "found");
  code.open(LOOP, "next layer");
  code.get(entry).get(end).add(I32_GE_U).leapIf("found");
  code.open(BLOCK, "no");
  emitAnswer(code, answer, decisions);
  code.leap("found");
  code.close();
  code.get(entry).number(LAYER_LENGTH).add(I32_ADD).set(entry).leap("next layer");
  code.close();
  code.close();
  code.get(answer);
}

function emitAnswer(code: Code, answer: number, decisions: () => void): void {
  code.open(BLOCK, "done");
  decisions();
  code.close();
  code.number(1).set(answer);
}
