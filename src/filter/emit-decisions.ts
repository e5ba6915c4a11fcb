// Where decisions stand in the code, and how they leap: forward only, out of blocks that end where they lead to.

import type { Code } from "./code.ts";
import { type Decision, inOrder, type Target } from "./decide.ts";
import { emitLayered } from "./emit-layer.ts";
import { emitMember, emitOpening, emitQuestion } from "./emit-leaf.ts";
import { graphOf } from "./graph.ts";
import { type Known, meet, NOTHING_KNOWN, Reads } from "./reads.ts";
import { BLOCK, DROP, I32_EQZ } from "./wasm-bytes.ts";

/** Writes all decisions. A frame that matches leaps to the block "done", another one to the block "no". */
export function emitDecisions(code: Code, root: Target): void {
  if (typeof root === "string") {
    code.leap(root === "yes" ? "done" : "no");
    return;
  }
  const order = inOrder(root);
  const places = new Map(order.map((decision, index): [Target, number] => [decision, index]));
  const opening = blocksAt(order, places);
  const known = new Map<Target, Known>([[root, NOTHING_KNOWN]]);
  for (const [index, decision] of order.entries()) {
    if (opening.ends.has(index)) code.close();
    for (const end of opening.starts.get(index) ?? []) code.open(BLOCK, end);
    const reads = new Reads(code, known.get(decision) as Known);
    emitDecision(code, reads, decision, order[index + 1], (target) => blockOf(target, places));
    // What is read in the midst of a decision is read whatever the answer.
    for (const target of [decision.yes, decision.no])
      if (typeof target !== "string") known.set(target, meet(known.get(target), reads.known));
    known.delete(decision);
  }
}

/** The name of the block at whose end a target stands. */
function blockOf(target: Target, places: ReadonlyMap<Target, number>): unknown {
  if (target === "yes") return "done";
  return target === "no" ? "no" : places.get(target);
}

function emitDecision(
  code: Code,
  reads: Reads,
  { leaf, yes, no }: Decision,
  next: Decision | undefined,
  blockOf: (target: Target) => unknown,
): void {
  if (leaf.kind === "open") {
    emitOpening(code, reads, leaf);
    if (yes !== next) code.leap(blockOf(yes));
    return;
  }
  if (leaf.kind === "member") {
    emitMember(code, reads, leaf, blockOf(yes));
    if (no !== next) code.leap(blockOf(no));
    return;
  }
  const ask = (negated: boolean): boolean => {
    if (leaf.kind !== "layered") return emitQuestion(code, reads, leaf, negated);
    emitLayered(code, reads, leaf.which, () => emitDecisions(code, graphOf(leaf.term)));
    return false;
  };
  if (yes === no) {
    // Whatever the answer is, the frame may be too short to ask.
    ask(false);
    code.add(DROP);
    if (yes !== next) code.leap(blockOf(yes));
    return;
  }
  const turned = yes === next;
  const done = ask(turned);
  if (turned) {
    if (!done) code.add(I32_EQZ);
    code.leapIf(blockOf(no));
    return;
  }
  code.leapIf(blockOf(yes));
  if (no !== next) code.leap(blockOf(no));
}

interface Blocks {
  /** Indices of decisions at which a block ends. */
  readonly ends: ReadonlySet<number>;
  /** By the index where they begin: the ends of blocks, the outermost first. */
  readonly starts: ReadonlyMap<number, readonly number[]>;
}

/** A block for each decision that is leapt to, from the first that leaps on; what overlaps is made to nest. */
function blocksAt(order: readonly Decision[], places: ReadonlyMap<Target, number>): Blocks {
  const first = new Map<number, number>();
  for (const [index, { leaf, yes, no }] of order.entries()) {
    for (const target of leaf.kind === "open" ? [yes] : [yes, no]) {
      const place = places.get(target);
      if (place === undefined || (place === index + 1 && leaf.kind !== "member")) continue;
      if (!first.has(place)) first.set(place, index);
    }
  }
  const starts = new Map<number, number[]>();
  /** Blocks that lie within no other so far. */
  const outer: { readonly start: number; readonly end: number }[] = [];
  for (const end of [...first.keys()].sort((a, b) => a - b)) {
    let start = first.get(end) as number;
    for (let top = outer.at(-1); top !== undefined && top.end > start; top = outer.at(-1)) {
      start = Math.min(start, top.start);
      outer.pop();
    }
    outer.push({ start, end });
    // Those that end later come later, and lie outside.
    starts.set(start, [end, ...(starts.get(start) ?? [])]);
  }
  return { ends: new Set(first.keys()), starts };
}
