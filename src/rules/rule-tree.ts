// A tree of rules: which of many are worth asking for a frame, where tuples do not tell them apart.
//
// A node divides its rules by one word of the key, where that leaves fewest to ask. A rule that does not ask for the word, or
// takes too many of the intervals that the others make, goes to a node of its own beside the intervals: so no rule lies in
// many places, and the tree stays about as large as the rules are.

import { KEY_FAMILY, NODE_LEAF } from "../layout/rules.layout.ts";
import { type Asked, isAddress, rangeOf, WORDS } from "./rule-match.ts";

export interface Leaf {
  readonly word: typeof NODE_LEAF;
  readonly best: number;
  readonly rules: readonly number[];
}

export interface Division {
  readonly word: number;
  readonly best: number;
  /** Of which IP version a frame must be to go to the children; 0: of any, or none. */
  readonly family: number;
  /** Where intervals begin, in order, and what is in each. */
  readonly starts: readonly number[];
  readonly children: readonly (TreeNode | undefined)[];
  readonly elsewhere: TreeNode | undefined;
}

export type TreeNode = Leaf | Division;

/** So few rules are asked one after the other. */
export const LEAF_MOST = 4;
/** Deeper than that no node divides: kernels have room for so many that are still to be asked. */
export const DEPTH_MAXIMUM = 60;
/** Intervals that a rule may lie in. */
const INTERVALS_MOST = 6;
/** Places of rules in leaves, for each rule there is: more than that and nothing divides any more. */
const PLACES_MOST = 24;

export class TreeBuilder {
  readonly #asked: readonly Asked[];
  #places: number;

  constructor(asked: readonly Asked[]) {
    this.#asked = asked;
    this.#places = asked.length * PLACES_MOST + 1024;
  }

  /** A tree for these rules, which are in order. */
  build(rules: readonly number[], depth = 0, done: ReadonlySet<number> = new Set()): TreeNode {
    const best = rules[0] ?? 0;
    const division =
      rules.length <= LEAF_MOST || depth >= DEPTH_MAXIMUM ? undefined : this.#divide(rules, done);
    if (division === undefined || this.#places < rules.length) {
      this.#places -= rules.length;
      return { word: NODE_LEAF, best, rules };
    }
    const { word, starts, groups, others } = division;
    const within = new Set(done).add(word);
    const children: (TreeNode | undefined)[] = groups.map((group) =>
      group.length === 0 ? undefined : this.build(group, depth + 1, within),
    );
    const elsewhere = others.length === 0 ? undefined : this.build(others, depth + 1, done);
    return { word, best, family: this.#familyOf(word, groups), starts, children, elsewhere };
  }

  #divide(rules: readonly number[], done: ReadonlySet<number>): Groups | undefined {
    let chosen: Groups | undefined;
    let most = 0;
    for (const { word, gain } of this.#gains(rules, done)) {
      // No division gains much more than its word promises.
      if (gain <= most) break;
      const groups = this.#groupsOf(rules, word);
      if (groups === undefined || groups.gain <= most) continue;
      chosen = groups;
      most = groups.gain;
    }
    return chosen;
  }

  /** About how many rules need not be asked where a word divides, the most first. */
  #gains(rules: readonly number[], done: ReadonlySet<number>): { word: number; gain: number }[] {
    return WORDS.filter((word) => !done.has(word))
      .map((word) => {
        const asking = rules.filter((rule) => rangeOf(this.#asked[rule] as Asked, word) !== undefined);
        const values = new Set(asking.map((rule) => rangeOf(this.#asked[rule] as Asked, word)?.[0]));
        return { word, gain: asking.length * (1 - 1 / Math.max(1, values.size + 1)) };
      })
      .filter(({ gain }) => gain > 0)
      .sort((a, b) => b.gain - a.gain);
  }

  #groupsOf(rules: readonly number[], word: number): Groups | undefined {
    const range = (rule: number): readonly [number, number] =>
      rangeOf(this.#asked[rule] as Asked, word) as readonly [number, number];
    const family = this.#familyAsked(word, rules);
    const asking = rules.filter((rule) => {
      if (rangeOf(this.#asked[rule] as Asked, word) === undefined) return false;
      return family === undefined || this.#familyOfRule(rule) === family;
    });
    const all = startsOf(asking.map(range));
    const narrow = asking.filter((rule) => {
      const [first, last] = range(rule);
      return intervalOf(all, last) - intervalOf(all, first) < INTERVALS_MOST;
    });
    if (narrow.length === 0) return undefined;
    const starts = startsOf(narrow.map(range));
    const groups: number[][] = starts.map(() => []);
    for (const rule of narrow) {
      const [first, last] = range(rule);
      const end = intervalOf(starts, last);
      for (let at = intervalOf(starts, first); at <= end; at++) (groups[at] as number[]).push(rule);
    }
    const narrowOnes = new Set(narrow);
    const others = rules.filter((rule) => !narrowOnes.has(rule));
    // How many of them are asked, for a frame that one of them is about.
    const places = groups.reduce((sum, group) => sum + group.length, 0);
    const together = groups.reduce((sum, group) => sum + group.length ** 2, 0) / places;
    return { word, starts, groups, others, gain: narrow.length - together };
  }

  /** The IP version of most rules that ask for this word, if it is one of an address. */
  #familyAsked(word: number, rules: readonly number[]): number | undefined {
    if (!isAddress(word)) return undefined;
    let fours = 0;
    let sixes = 0;
    for (const rule of rules) {
      if (rangeOf(this.#asked[rule] as Asked, word) === undefined) continue;
      if (this.#familyOfRule(rule) === 4) fours++;
      else sixes++;
    }
    return fours >= sixes ? 4 : 6;
  }

  #familyOf(word: number, groups: readonly (readonly number[])[]): number {
    const [first] = groups.find((group) => group.length > 0) ?? [];
    return isAddress(word) && first !== undefined ? this.#familyOfRule(first) : 0;
  }

  #familyOfRule(rule: number): number {
    return (this.#asked[rule] as Asked).values[KEY_FAMILY] as number;
  }
}

interface Groups {
  readonly word: number;
  readonly starts: readonly number[];
  readonly groups: readonly (readonly number[])[];
  readonly others: readonly number[];
  readonly gain: number;
}

/** Where what lies in the same of these ranges begins. */
function startsOf(ranges: readonly (readonly [number, number])[]): number[] {
  const starts = new Set<number>();
  for (const [first, last] of ranges) {
    starts.add(first);
    if (last < 0xffffffff) starts.add(last + 1);
  }
  return [...starts].sort((a, b) => a - b);
}

/** The last interval that begins at `value` or in front of it; -1 if there is none. */
function intervalOf(starts: readonly number[], value: number): number {
  let low = 0;
  let high = starts.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((starts[middle] as number) <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
