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
import { ETHERNET_LENGTH, ETHERNET_TYPE } from "../layout/ethernet.layout.ts";
import { WALK_LENGTH, WALK_PASSED, WALK_PORT_LENGTH, WALK_PORTS, WALK_TYPE } from "../layout/walk.layout.ts";
import { Code } from "./code.ts";
import type { Target } from "./decide.ts";
import { emitDecisions } from "./emit-decisions.ts";
import { LAYERS } from "./emit-layer.ts";
import { library, moduleWithLibrary } from "./library.ts";
import { LINK, TYPE_AT } from "./reads.ts";
import { type Uses, usesOf } from "./uses.ts";
import {
  BLOCK,
  ELSE,
  END,
  I32,
  I32_ADD,
  I32_AND,
  I32_EQ,
  I32_GE_U,
  I32_LOAD,
  I32_LOAD8_U,
  I32_MUL,
  I32_SHL,
  I32_SHR_U,
  I32_STORE,
  I32_STORE16,
  I32_SUB,
  IF,
  LOOP,
  moduleOf,
  unsigned,
} from "./wasm-bytes.ts";

/** The parameters: where the descriptors begin, how many there are, and where the filter's room lies (walk.layout). */
const DESCRIPTORS = 0;
const COUNT = 1;
const ROOM = 2;
const PARAMETERS = 3;

// What openFrame() of assembly/filter-library.ts returns: a place and the type above it, or this bit.
const LINK_REFUSED = 0x8000;
const LINK_PLACE = 0x7fff;
const LINK_TYPE = 16;

/**
 * The module of a graph. To drop, its function marks what does not match and has not been dropped, and returns how many
 * frames that were. To select, it changes nothing: it looks at all frames, puts the indices of those that match behind
 * its room, and returns how many there are. `ports` are the words of the walk's table.
 */
export function emit(
  root: Target,
  registers: number,
  ports: readonly number[],
  task: "drop" | "select",
): Uint8Array<ArrayBuffer> {
  const selects = task === "select";
  const code = new Code(PARAMETERS);
  const uses = usesOf(root);
  const end = code.local();
  /** What is returned. */
  const found = code.local();
  const passed = code.local();
  const verdict = code.local();
  const index = code.local();
  if (uses.layers)
    for (const [index, word] of [...ports, 0].entries())
      code
        .get(ROOM)
        .number(word)
        .add(I32_STORE, 0, ...unsigned(WALK_PORTS + WALK_PORT_LENGTH * index));
  code.get(DESCRIPTORS).get(COUNT).number(DESCRIPTOR_LENGTH).add(I32_MUL, I32_ADD).set(end);
  code.open(BLOCK, "end");
  code.open(LOOP, "next frame");
  code.get(DESCRIPTORS).get(end).add(I32_GE_U).leapIf("end");
  // What the inner block ends with is acted upon behind it.
  code.open(BLOCK, selects ? "no" : "done");
  if (!selects) {
    code.get(DESCRIPTORS).load(I32_LOAD8_U, DESCRIPTOR_VERDICT).tee(verdict);
    code.open(IF, "passed over");
    code.get(passed).get(verdict).number(VERDICT_DROP).add(I32_EQ, I32_ADD).set(passed).leap("done");
    code.close();
  }
  code.open(BLOCK, selects ? "done" : "no");
  emitFrame(code, uses);
  for (let register = 0; register < registers; register++) code.number(0).set(code.localOf(`r${register}`));
  emitDecisions(code, root);
  code.close();
  if (selects) {
    code.get(ROOM).get(found).number(2).add(I32_SHL, I32_ADD).get(index);
    code.add(I32_STORE, 0, ...unsigned(WALK_LENGTH));
  } else {
    code.get(DESCRIPTORS).number(VERDICT_DROP | (DROP_FILTERED << 8));
    code.add(I32_STORE16, 0, DESCRIPTOR_VERDICT);
  }
  code.get(found).number(1).add(I32_ADD).set(found);
  code.close();
  if (selects) code.get(index).number(1).add(I32_ADD).set(index);
  code.get(DESCRIPTORS).number(DESCRIPTOR_LENGTH).add(I32_ADD).set(DESCRIPTORS).leap("next frame");
  code.close();
  code.close();
  code.get(ROOM).get(passed).add(I32_STORE, 0, WALK_PASSED);
  code.get(found);
  if (!uses.link && !uses.layers) return moduleOf(PARAMETERS, code.locals, code.bytes);
  return moduleWithLibrary(PARAMETERS, [1, ...unsigned(code.locals), I32], [...code.bytes, END]);
}

/**
 * Where the frame begins and ends. What begins with no Ethernet header is made to look as if it did: the frame begins so
 * far in front of what its header carries, and the type is read elsewhere. Nothing else in front of that is read from there.
 */
function emitFrame(code: Code, { link, layers }: Uses): void {
  code.get(DESCRIPTORS).load(I32_LOAD, DESCRIPTOR_OFFSET).set(code.start);
  code.get(DESCRIPTORS).load(I32_LOAD, DESCRIPTOR_FRAME_LENGTH).set(code.whole);
  if (layers) code.number(0).set(code.localOf(LAYERS));
  if (!link) return;
  const typeAt = code.localOf(TYPE_AT);
  const opened = code.localOf(LINK);
  code.get(DESCRIPTORS).load(I32_LOAD8_U, DESCRIPTOR_LINK).tee(opened).open(IF, "other link");
  code.get(opened).get(code.start).get(code.whole);
  const place = code.local();
  code
    .call(library().functions.get("openFrame") as number)
    .tee(place)
    .number(LINK_REFUSED)
    .add(I32_AND)
    .open(IF, "refused");
  // Nothing of it can be read.
  code.number(0).set(code.length).add(ELSE);
  code.get(ROOM).get(place).number(LINK_TYPE).add(I32_SHR_U).add(I32_STORE16, 0, WALK_TYPE);
  code.get(ROOM).number(WALK_TYPE).add(I32_ADD).set(typeAt);
  code.get(place).number(LINK_PLACE).add(I32_AND).number(ETHERNET_LENGTH).add(I32_SUB).tee(place);
  code.get(code.start).add(I32_ADD).set(code.frame);
  code.get(code.whole).get(place).add(I32_SUB).set(code.length);
  code.close();
  code.add(ELSE);
  code.get(code.start).tee(code.frame).number(ETHERNET_TYPE).add(I32_ADD).set(typeAt);
  code.get(code.whole).set(code.length);
  code.close();
}
