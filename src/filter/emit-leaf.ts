// One question in code: what it leaves on the stack is zero for no.

import type { Code } from "./code.ts";
import { emitWalk, LAYERS } from "./emit-layer.ts";
import {
  type Begins,
  type Carries,
  type Chain,
  loadAt,
  type Member,
  type Opening,
  type Relation,
  type Term,
  type Test,
} from "./formula.ts";
import { library } from "./library.ts";
import { fixed, LINK, type Reads } from "./reads.ts";
import {
  ELSE,
  I32_ADD,
  I32_AND,
  I32_DIV_U,
  I32_EQ,
  I32_EQZ,
  I32_GE_U,
  I32_GT_U,
  I32_LOAD,
  I32_LOAD8_U,
  I32_LT_U,
  I32_MUL,
  I32_NE,
  I32_OR,
  I32_REM_U,
  I32_SHL,
  I32_SHR_U,
  I32_SUB,
  I32_XOR,
  IF,
  SELECT,
} from "./wasm-bytes.ts";

const COMPARISONS: Readonly<Record<Test["operator"], number>> = {
  "=": I32_EQ,
  ">": I32_GT_U,
  ">=": I32_GE_U,
};
const OPERATORS: Readonly<Record<string, number>> = {
  "+": I32_ADD,
  "-": I32_SUB,
  "*": I32_MUL,
  "/": I32_DIV_U,
  "%": I32_REM_U,
  "&": I32_AND,
  "|": I32_OR,
  "^": I32_XOR,
  "<<": I32_SHL,
  ">>": I32_SHR_U,
};

/** The parameter that says which frame it is. */
const DESCRIPTOR = 0;
/** Fewer values are compared one by one. */
const FEW = 4;

const TYPE_ETHERNET = 0x6558;
const UDP_HEADER = 8;
/** What followHeaders() of assembly/filter-library.ts returns where a header was not captured. */
const CHAIN_CUT = 2;
const TUNNEL_HEADER = 8;

/** Leaves the answer on the stack; `negated`: the opposite, where that costs nothing. Returns whether it did. */
export function emitQuestion(
  code: Code,
  reads: Reads,
  leaf: Test | Relation | Carries | Begins | Chain,
  negated: boolean,
): boolean {
  if (leaf.kind === "carries") {
    code
      .get(code.localOf(`r${leaf.register}`))
      .get(code.localOf(`r${leaf.register + 2}`))
      .add(I32_NE);
    return false;
  }
  if (leaf.kind === "begins") {
    for (const [index, link] of leaf.links.entries()) {
      code.get(code.localOf(LINK)).number(link).add(I32_EQ);
      if (index > 0) code.add(I32_OR);
    }
    return false;
  }
  if (leaf.kind === "chain") {
    emitChain(code, reads, leaf);
    return false;
  }
  if (leaf.kind === "relation") {
    emitTerm(code, reads, leaf.left);
    emitTerm(code, reads, leaf.right);
    code.add(COMPARISONS[leaf.operator]);
    return false;
  }
  const { load, mask, operator, value } = leaf;
  const full = mask === 2 ** (8 * load.size) - 1;
  if (operator !== "=") {
    reads.number(load);
    if (!full) code.number(mask).add(I32_AND);
    code.number(value).add(COMPARISONS[operator]);
    return false;
  }
  reads.raw(load);
  if (!full) code.number(turned(mask, load.size)).add(I32_AND);
  if ((value & ~mask) >>> 0 !== 0) {
    // It cannot be, but whether it can be read is asked all the same.
    code.number(0).add(I32_LT_U);
    return false;
  }
  if (value === 0 && negated) return true;
  if (value === 0) code.add(I32_EQZ);
  else code.number(turned(value, load.size)).add(negated ? I32_NE : I32_EQ);
  return negated;
}

/** Leaps to `yes` if the field is one of the values, by a search; goes on behind it if it is none. */
export function emitMember(code: Code, reads: Reads, { test, values }: Member, yes: unknown): void {
  const { load, mask } = test;
  const local = code.local();
  reads.raw(load);
  if (mask !== 2 ** (8 * load.size) - 1) code.number(turned(mask, load.size)).add(I32_AND);
  code.set(local);
  const possible = values.filter((value) => (value & ~mask) >>> 0 === 0);
  const sorted = possible.map((value) => turned(value, load.size)).sort((a, b) => a - b);
  const search = (from: number, to: number): void => {
    if (to - from <= FEW) {
      for (const value of sorted.slice(from, to)) code.get(local).number(value).add(I32_EQ).leapIf(yes);
      return;
    }
    const middle = (from + to) >>> 1;
    code
      .get(local)
      .number(sorted[middle] as number)
      .add(I32_LT_U)
      .open(IF, "search");
    search(from, middle);
    code.add(ELSE);
    search(middle, to);
    code.close();
  };
  search(0, sorted.length);
}

/** Has the headers followed: the answer may be that they were not captured so far, which ends the filter. */
function emitChain(code: Code, reads: Reads, { network, over, protocol }: Chain): void {
  const { base } = network;
  const answer = code.local();
  code.get(code.frameOf(base));
  if (reads.variable(base)) code.add(I32_ADD);
  code.number(fixed(network)).add(I32_ADD);
  code.get(code.frameOf(base)).get(code.lengthOf(base)).add(I32_ADD);
  code.number(protocol).number(over === "ip6" ? 1 : 0);
  code.call(library().functions.get("followHeaders") as number).tee(answer);
  code.number(CHAIN_CUT).add(I32_EQ).leapIf("no").get(answer);
}

/** Sets the registers of a tunnel: where header, type and payload begin of what it carries. */
export function emitOpening(code: Code, reads: Reads, { tunnel, udp, register }: Opening): void {
  const [header, type, payload] = [0, 1, 2].map((i) => code.localOf(`r${register + i}`)) as [
    number,
    number,
    number,
  ];
  const start = (): void => {
    code.number(fixed(udp) + UDP_HEADER);
    if (reads.variable(udp.base)) code.add(I32_ADD);
  };
  start();
  code.number(TUNNEL_HEADER).add(I32_ADD);
  if (tunnel === "geneve") {
    reads.raw(loadAt(udp, UDP_HEADER, 1));
    code.number(0x3f).add(I32_AND).number(2).add(I32_SHL, I32_ADD);
  }
  code.set(header);
  code.get(header).number(12).add(I32_ADD).set(type);
  code.get(header).number(14).add(I32_ADD).set(payload);
  if (tunnel === "vxlan") return;
  reads.raw(loadAt(udp, UDP_HEADER + 2, 2));
  code.number(turned(TYPE_ETHERNET, 2)).add(I32_NE).open(IF, "bare");
  start();
  code.number(2).add(I32_ADD).set(type);
  code.get(header).set(payload);
  code.close();
}

function emitTerm(code: Code, reads: Reads, term: Term): void {
  switch (term.kind) {
    case "number":
      code.number(term.value);
      return;
    case "descriptor":
      code.get(DESCRIPTOR).load(term.size === 1 ? I32_LOAD8_U : I32_LOAD, term.offset);
      return;
    case "depth": {
      // One less than there are layers, if there are any.
      emitWalk(code, reads);
      const layers = code.localOf(LAYERS);
      code.get(layers).get(layers).number(0).add(I32_NE, I32_SUB);
      return;
    }
    case "load":
      reads.number(term.load);
      return;
    case "dynamic":
      emitTerm(code, reads, term.index);
      reads.dynamic(term.spot, term.size);
      return;
    case "negate":
      code.number(0);
      emitTerm(code, reads, term.of);
      code.add(I32_SUB);
      return;
    case "binary":
      emitBinary(code, reads, term);
  }
}

function emitBinary(
  code: Code,
  reads: Reads,
  { operator, left, right }: Extract<Term, { kind: "binary" }>,
): void {
  emitTerm(code, reads, left);
  emitTerm(code, reads, right);
  const known = right.kind === "number" ? right.value : undefined;
  if ((operator === "/" || operator === "%") && (known ?? 0) === 0) {
    // A division by zero ends the filter.
    const divisor = code.local();
    code.tee(divisor).add(I32_EQZ).leapIf("no").get(divisor);
  }
  if ((operator === "<<" || operator === ">>") && (known ?? 32) > 31) {
    const by = code.local();
    code
      .set(by)
      .get(by)
      .add(OPERATORS[operator] as number)
      .number(0);
    code.get(by).number(32).add(I32_LT_U, SELECT);
    return;
  }
  code.add(OPERATORS[operator] as number);
}

/** A number as it lies in memory, read the other way round. */
function turned(value: number, size: 1 | 2 | 4): number {
  if (size === 1) return value;
  if (size === 2) return ((value & 0xff) << 8) | (value >>> 8);
  const bytes = ((value & 0xff) << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24);
  return bytes >>> 0;
}
