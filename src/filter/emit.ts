// The graph becomes code: decisions in a row, each going on or leaping forward. What has been read or found to be within
// the frame on all ways to a decision is not read or checked again; what else there is to optimise the engine does.
//
// Checking once that a frame is long enough for everything, and twice the code, was no faster (measured); neither was
// evaluating without branches.

import {
  DESCRIPTOR_FRAME_LENGTH,
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_LINK,
  DESCRIPTOR_OFFSET,
  DESCRIPTOR_VERDICT,
  VERDICT_DROP,
} from "../layout/descriptor.layout.ts";
import { DROP_FILTERED } from "../layout/drop.layout.ts";
import { Code } from "./code.ts";
import type { Target } from "./decide.ts";
import { emitDecisions } from "./emit-decisions.ts";
import {
  BLOCK,
  I32_ADD,
  I32_EQ,
  I32_GE_U,
  I32_LOAD,
  I32_LOAD8_U,
  I32_MUL,
  I32_STORE,
  I32_STORE16,
  IF,
  LOOP,
  moduleOf,
} from "./wasm-bytes.ts";

/** The parameters: where the descriptors begin, how many there are, and where to say how many had been dropped before. */
const DESCRIPTORS = 0;
const COUNT = 1;
const OUT = 2;
const PARAMETERS = 3;

/**
 * The module of a graph. Its function marks what does not match as dropped, and returns how many frames that were.
 */
export function emit(root: Target, registers: number): Uint8Array<ArrayBuffer> {
  const code = new Code(PARAMETERS);
  const end = code.local();
  const dropped = code.local();
  const passed = code.local();
  const verdict = code.local();
  code.get(DESCRIPTORS).get(COUNT).number(DESCRIPTOR_LENGTH).add(I32_MUL, I32_ADD).set(end);
  code.open(BLOCK, "end");
  code.open(LOOP, "next frame");
  code.get(DESCRIPTORS).get(end).add(I32_GE_U).leapIf("end");
  code.open(BLOCK, "done");
  code.get(DESCRIPTORS).load(I32_LOAD8_U, DESCRIPTOR_VERDICT).tee(verdict);
  code.open(IF, "passed over");
  code.get(passed).get(verdict).number(VERDICT_DROP).add(I32_EQ, I32_ADD).set(passed).leap("done");
  code.close();
  code.open(BLOCK, "no");
  // What does not begin with an Ethernet header is read by nobody here, and so it matches nothing.
  code.get(DESCRIPTORS).load(I32_LOAD8_U, DESCRIPTOR_LINK).leapIf("no");
  code.get(DESCRIPTORS).load(I32_LOAD, DESCRIPTOR_OFFSET).set(code.frame);
  code.get(DESCRIPTORS).load(I32_LOAD, DESCRIPTOR_FRAME_LENGTH).set(code.length);
  for (let register = 0; register < registers; register++) code.number(0).set(code.localOf(`r${register}`));
  emitDecisions(code, root);
  code.close();
  code.get(DESCRIPTORS).number(VERDICT_DROP | (DROP_FILTERED << 8));
  code.add(I32_STORE16, 0, DESCRIPTOR_VERDICT);
  code.get(dropped).number(1).add(I32_ADD).set(dropped);
  code.close();
  code.get(DESCRIPTORS).number(DESCRIPTOR_LENGTH).add(I32_ADD).set(DESCRIPTORS).leap("next frame");
  code.close();
  code.close();
  code.get(OUT).get(passed).add(I32_STORE, 0, 0);
  code.get(dropped);
  return moduleOf(PARAMETERS, code.locals, code.bytes);
}
