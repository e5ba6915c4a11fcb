// A formula becomes a graph of decisions, in which no question is asked that an answer on the way has settled: whoever
// comes from `type is IPv4` is not asked for IPv6. What has been answered is remembered for guards only (types, protocols,
// fragments), since the paths would be too many otherwise.

import type { Formula, Leaf, List, Test } from "./formula.ts";

/** Where a path ends. */
export type End = "yes" | "no";
export type Target = Decision | End;

/** One question, and where it leads. An opening has no question: it goes on to `yes`. */
export interface Decision {
  readonly leaf: Leaf;
  yes: Target;
  no: Target;
}

/** So many decisions there may be while answers are remembered, and so many without. */
const REMEMBERING_MOST = 20_000;
const DECISIONS_MOST = 60_000;
/** More than there are decisions that could teach some. */
const FACTS_MOST = 100_000;
/** Values that a field is known not to have. */
const EXCLUDED_MOST = 32;

/** The graph of a formula; undefined if it is too large. */
export function decide(formula: Formula): Target | undefined {
  return (
    new Builder(true, REMEMBERING_MOST).build(formula) ?? new Builder(false, DECISIONS_MOST).build(formula)
  );
}

/** A place in the formula: one of several terms, and where its list leads in the end. */
interface Position {
  readonly number: number;
  readonly list: List;
  readonly index: number;
  readonly yes: Position | End;
  readonly no: Position | End;
}

/** What is known of fields, by load and mask. */
interface Known {
  readonly is?: number;
  readonly isNot: readonly number[];
}
interface Facts {
  readonly key: string;
  /** Facts that are the same have the same number. */
  readonly number: number;
  readonly known: ReadonlyMap<string, Known>;
}
const NOTHING_KNOWN: Facts = { key: "", number: 0, known: new Map() };

/** A decision whose ways are not known yet. */
interface Open {
  readonly decision: Decision;
  readonly facts: Facts;
  readonly yes: Position | End;
  readonly no: Position | End;
}

class Builder {
  readonly #remembers: boolean;
  readonly #most: number;
  readonly #positions: Map<unknown, Map<string, Position>> = new Map();
  #numbers = 0;
  readonly #decisions: Map<number, Decision> = new Map();
  readonly #facts: Map<string, Facts> = new Map();
  readonly #open: Open[] = [];

  constructor(remembers: boolean, most: number) {
    this.#remembers = remembers;
    this.#most = most;
  }

  build(formula: Formula): Target | undefined {
    const start = this.#position({ kind: "all", terms: [formula] }, 0, "yes", "no");
    const root = this.#follow(start, NOTHING_KNOWN);
    // Not by recursion: a list of thousands of addresses is as deep as it is long.
    for (let open = this.#open.pop(); open !== undefined; open = this.#open.pop()) {
      const { decision, facts, yes, no } = open;
      const { leaf } = decision;
      decision.yes = this.#follow(yes, this.#learnt(facts, leaf, true));
      decision.no = leaf.kind === "open" ? decision.yes : this.#follow(no, this.#learnt(facts, leaf, false));
      if (this.#decisions.size > this.#most) return undefined;
    }
    return root;
  }

  /** The same place is one object, by which decisions are found again. */
  #position(list: Position["list"], index: number, yes: Position | End, no: Position | End): Position {
    let known = this.#positions.get(list);
    if (known === undefined) this.#positions.set(list, (known = new Map()));
    const name = (to: Position | End): string => (typeof to === "string" ? to : String(to.number));
    const key = `${index} ${name(yes)} ${name(no)}`;
    const found = known.get(key);
    if (found !== undefined) return found;
    const position: Position = { number: this.#numbers++, list, index, yes, no };
    known.set(key, position);
    return position;
  }

  /** The first question from `start` on that the facts do not answer. */
  #follow(start: Position | End, facts: Facts): Target {
    let at: Position | End = start;
    while (typeof at !== "string") {
      const { list, index } = at;
      // What the next term of the list would be, or where the list leads.
      const more = index + 1 < list.terms.length;
      const rest: Position | undefined = more ? this.#position(list, index + 1, at.yes, at.no) : undefined;
      let yes: Position | End = list.kind === "all" ? (rest ?? at.yes) : at.yes;
      let no: Position | End = list.kind === "any" ? (rest ?? at.no) : at.no;
      let formula = list.terms[index] as Formula;
      while (formula.kind === "not") {
        [yes, no] = [no, yes];
        formula = formula.term;
      }
      if (formula.kind === "yes") at = yes;
      else if (formula.kind === "no") at = no;
      else if (formula.kind === "all" || formula.kind === "any") at = this.#position(formula, 0, yes, no);
      else {
        const answer = formula.kind === "test" ? answered(facts, formula) : undefined;
        if (answer === undefined) return this.#decision(at, formula, facts, yes, no);
        at = answer ? yes : no;
      }
    }
    return at;
  }

  #decision(at: Position, leaf: Leaf, facts: Facts, yes: Position | End, no: Position | End): Decision {
    const key = at.number * FACTS_MOST + facts.number;
    const found = this.#decisions.get(key);
    if (found !== undefined) return found;
    const decision: Decision = { leaf, yes: "no", no: "no" };
    this.#decisions.set(key, decision);
    this.#open.push({ decision, facts, yes, no });
    return decision;
  }

  #learnt(facts: Facts, leaf: Leaf, answer: boolean): Facts {
    if (!this.#remembers || leaf.kind !== "test" || !leaf.guard) return facts;
    const name = nameOf(leaf);
    const before = facts.known.get(name);
    if (!answer && (before?.isNot.length ?? 0) >= EXCLUDED_MOST) return facts;
    const now: Known = answer
      ? { is: leaf.value, isNot: [] }
      : { isNot: [...(before?.isNot ?? []), leaf.value].sort((a, b) => a - b) };
    const known = new Map(facts.known).set(name, now);
    const key = [...known]
      .map(([field, { is, isNot }]) => `${field}${is === undefined ? `!${isNot}` : `=${is}`}`)
      .sort()
      .join(";");
    let found = this.#facts.get(key);
    if (found === undefined) this.#facts.set(key, (found = { key, number: this.#facts.size + 1, known }));
    return found;
  }
}

function nameOf({ load, mask }: Test): string {
  return `${load.key}&${mask}`;
}

/** What the facts answer: undefined if they do not. */
function answered(facts: Facts, test: Test): boolean | undefined {
  const full = facts.known.get(`${test.load.key}&${2 ** (8 * test.load.size) - 1}`)?.is;
  const known = facts.known.get(nameOf(test));
  const is = full === undefined ? known?.is : (full & test.mask) >>> 0;
  if (is !== undefined) {
    if (test.operator === "=") return is === test.value;
    return test.operator === ">" ? is > test.value : is >= test.value;
  }
  return test.operator === "=" && known?.isNot.includes(test.value) === true ? false : undefined;
}

/** All decisions of a graph, each in front of those that it leads to, and `no` directly behind it where that can be. */
export function inOrder(root: Target): Decision[] {
  const order: Decision[] = [];
  const seen = new Set<Decision>();
  const stack: { readonly decision: Decision; step: number }[] = [];
  const enter = (target: Target): void => {
    if (typeof target === "string" || seen.has(target)) return;
    seen.add(target);
    stack.push({ decision: target, step: 0 });
  };
  enter(root);
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const step = top.step++;
    if (step === 0) enter(top.decision.yes);
    else if (step === 1) enter(top.decision.no);
    else {
      stack.pop();
      order.push(top.decision);
    }
  }
  return order.reverse();
}
