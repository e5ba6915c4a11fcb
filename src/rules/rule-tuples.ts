// The tuples of a rule table: rules that ask for the same bits of the same words stand together, so that one look by a hash
// finds those that a packet can have (Srinivasan, Suri, Varghese, Packet Classification using Tuple Space Search, 1999).
//
// Which tuples can have a rule for a packet at all, intervals of some words say: the fields. There are 64 tuples at most, so
// that a set of them is a word; where rules make more, prefixes are rounded down, and words left out, until they do. Which
// way of these is best is tried on samples: packets that are within rules in some words, and in others within other rules.

import {
  FIELDS_MAXIMUM,
  KEY_COMPARED,
  KEY_DESTINATION_CLASS,
  KEY_DESTINATION_PORT,
  KEY_FAMILY,
  KEY_PROTOCOL,
  KEY_SOURCE_CLASS,
  KEY_SOURCE_PORT,
  KEY_WORDS,
  TUPLES_MAXIMUM,
} from "../layout/rules.layout.ts";
import { crowdOf } from "./rule-crowd.ts";
import { HASHED_WORDS, hashOf, seedOf } from "./rule-hash.ts";
import { type Intervals, intervalAt, intervalsOf, NO_TUPLE, type Sets, setsOf } from "./rule-intervals.ts";
import { type Asked, isAddress, rangeOf, WORDS } from "./rule-match.ts";
import { LEAF_MOST } from "./rule-tree.ts";

export interface Field {
  readonly intervals: Intervals;
  readonly sets: Sets;
}

/** Rules of one hash. */
export interface Cell {
  readonly hash: number;
  /** In order. */
  readonly rules: number[];
}

/** Rules that bits tell apart. */
export interface Crowd {
  /** In order. */
  readonly rules: readonly number[];
  /** Fields, and tables of small words, say all that they ask for. */
  readonly isExact: boolean;
}

export interface Tuples {
  /** Of each tuple: its first rule, behind all if it has none. */
  readonly firsts: readonly number[];
  readonly crowd: Crowd;
  /** Of each tuple: masks of the words that are hashed. */
  readonly masks: readonly Uint32Array[];
  readonly fields: readonly Field[];
  readonly cells: readonly Cell[];
}

/** How rules that ask for different bits become one tuple. */
interface Rounding {
  /** Lengths of prefixes are rounded down to a multiple of this, within a word. */
  readonly step: number;
  readonly others: boolean;
  readonly ports: boolean;
}

const ROUNDINGS: readonly Rounding[] = [1, 4, 8, 16, 32].flatMap((step) => [
  { step, others: true, ports: true },
  { step, others: false, ports: true },
  { step, others: false, ports: false },
]);

/** Roundings that are tried, of those that leave few enough tuples. */
const TRIED_MOST = 4;
/** Intervals of a port that a rule may stand in, and cells that it may stand in altogether. */
const INTERVALS_MOST = 4;
const CELLS_MOST = 6;
const SAMPLES = 128;

// What a step costs a packet, in ns, about, by programs that were not kept.
const FIELD_COST = 3;
const PROBE_COST = 4;
const RULE_COST = 4;
const CROWD_COST = 20;

const PORTS = [
  [KEY_SOURCE_PORT, KEY_SOURCE_CLASS],
  [KEY_DESTINATION_PORT, KEY_DESTINATION_CLASS],
] as const;

/** Words of which crowded rules need no field. */
export const DIRECT_WORDS: readonly [number, number] = [KEY_FAMILY, KEY_PROTOCOL];

/** Undefined where there are so few rules that they are asked one after the other. */
export function tuplesOf(asked: readonly Asked[]): Tuples | undefined {
  if (asked.length <= LEAF_MOST) return undefined;
  const planner = new Planner(asked);
  let best: Plan | undefined;
  const tried = new Set<number>();
  for (const rounding of ROUNDINGS) {
    if (tried.size === TRIED_MOST) break;
    const plan = planner.plan(rounding, tried);
    if (plan !== undefined && plan.cost < (best?.cost ?? Number.POSITIVE_INFINITY)) best = plan;
  }
  return best && planner.finish(best);
}

interface Plan {
  readonly masks: readonly Uint32Array[];
  readonly tupleOf: Uint8Array;
  readonly cells: Map<number, Cell>;
  readonly fields: readonly Field[];
  readonly cost: number;
}

class Planner {
  readonly #asked: readonly Asked[];
  readonly #intervals: readonly Intervals[];
  /** By rule: which of the two ports it asks for by intervals. */
  readonly #narrow: Uint8Array;
  /** Rules that ask for the same bits. */
  readonly #shapes: Map<string, { readonly masks: Uint32Array; readonly rules: number[] }> = new Map();
  readonly #samples: readonly Uint32Array[];

  constructor(asked: readonly Asked[]) {
    this.#asked = asked;
    this.#intervals = WORDS.flatMap((word) => intervalsOf(asked, word) ?? []);
    this.#narrow = Uint8Array.from(asked, (_, rule) => this.#narrowOf(rule));
    asked.forEach((each, rule) => {
      const masks = new Uint32Array(HASHED_WORDS);
      masks.set(each.masks);
      PORTS.forEach(([, at], port) => {
        if (((this.#narrow[rule] as number) & (1 << port)) !== 0) masks[at] = 0xffffffff;
      });
      const name = masks.join();
      const shape = this.#shapes.get(name) ?? { masks, rules: [] };
      shape.rules.push(rule);
      this.#shapes.set(name, shape);
    });
    this.#samples = Array.from({ length: Math.min(SAMPLES, 2 * asked.length) }, (_, i) => this.#sample(i));
  }

  /** Undefined if there are too many tuples, or as many as in a plan that was tried. */
  plan(rounding: Rounding, tried: Set<number>): Plan | undefined {
    const numbers = new Map<string, number>();
    const masks: Uint32Array[] = [];
    const tupleOf = new Uint8Array(this.#asked.length);
    for (const shape of this.#shapes.values()) {
      const rounded = shape.masks.map((mask, word) => roundedMask(mask, word, rounding));
      const name = rounded.join();
      const number = numbers.get(name) ?? masks.length;
      if (number === TUPLES_MAXIMUM) return undefined;
      if (number === masks.length) {
        numbers.set(name, number);
        masks.push(rounded);
      }
      for (const rule of shape.rules) tupleOf[rule] = number;
    }
    if (tried.has(masks.length)) return undefined;
    tried.add(masks.length);
    const cells = this.#cells(masks, tupleOf);
    const { fields, left } = this.#fields(masks, tupleOf);
    return { masks, tupleOf, cells, fields, cost: this.#cost(masks, fields.length, left, cells) };
  }

  /** Takes crowded rules out of their cells. */
  finish({ masks, tupleOf, cells, fields }: Plan): Tuples {
    const words = fields.map(({ intervals }) => intervals.word);
    const crowd = crowdOf(cells.values(), LEAF_MOST);
    const missing = this.#intervals
      .filter(({ word, firsts }) => {
        if (words.includes(word) || DIRECT_WORDS.includes(word)) return false;
        return crowd.some((rule) => (firsts[rule] as number) >= 0);
      })
      .map((intervals) => intervals.word);
    words.push(...missing.slice(0, FIELDS_MAXIMUM - words.length));
    // Without a field nothing says which bits a packet has.
    if (words.length === 0) crowd.length = 0;
    const inTuples = tupleOf.slice();
    for (const rule of crowd) inTuples[rule] = NO_TUPLE;
    const firsts = masks.map((_, tuple) => {
      const first = inTuples.indexOf(tuple);
      return first < 0 ? inTuples.length : first;
    });
    return {
      masks,
      firsts,
      crowd: { rules: crowd, isExact: missing.every((word) => words.includes(word)) },
      fields: words.map((word) => {
        const intervals = this.#intervals.find((each) => each.word === word) as Intervals;
        return { intervals, sets: setsOf(intervals, inTuples) };
      }),
      cells: [...this.#cells(masks, inTuples).values()],
    };
  }

  #narrowOf(rule: number): number {
    let narrow = 0;
    let cells = 1;
    PORTS.forEach(([word], port) => {
      const { firsts, lasts } = this.#intervals.find((each) => each.word === word) ?? {};
      if (firsts === undefined || lasts === undefined || (firsts[rule] as number) < 0) return;
      const count = (lasts[rule] as number) - (firsts[rule] as number) + 1;
      if (count > INTERVALS_MOST || cells * count > CELLS_MOST) return;
      cells *= count;
      narrow |= 1 << port;
    });
    return narrow;
  }

  #cells(masks: readonly Uint32Array[], tupleOf: Uint8Array): Map<number, Cell> {
    const cells = new Map<number, Cell>();
    const key = new Uint32Array(HASHED_WORDS);
    const [sources, destinations] = PORTS.map(([word]) => this.#intervals.find((each) => each.word === word));
    this.#asked.forEach(({ values }, rule) => {
      const tuple = tupleOf[rule] as number;
      if (tuple === NO_TUPLE) return;
      const mask = masks[tuple] as Uint32Array;
      key.set(values);
      const [source, sourceEnd] = classesOf(sources, rule, mask[KEY_SOURCE_CLASS] as number);
      const [destination, destinationEnd] = classesOf(
        destinations,
        rule,
        mask[KEY_DESTINATION_CLASS] as number,
      );
      for (let from = source; from <= sourceEnd; from++)
        for (let to = destination; to <= destinationEnd; to++) {
          key[KEY_SOURCE_CLASS] = from;
          key[KEY_DESTINATION_CLASS] = to;
          const hash = hashOf(key, mask, seedOf(tuple));
          const cell = cells.get(hash);
          if (cell === undefined) cells.set(hash, { hash, rules: [rule] });
          // Two tuples may have the same hash, and rules of one come in order.
          else if (cell.rules.at(-1) !== rule) cell.rules.push(rule);
        }
    });
    return cells;
  }

  /** A packet that is within one rule, or, each second one, in each word within another. */
  #sample(number: number): Uint32Array {
    const values = new Uint32Array(HASHED_WORDS);
    const count = this.#asked.length;
    let state = Math.imul(number + 1, 0x9e3779b1) >>> 0;
    const next = (): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state;
    };
    const rule = next() % count;
    for (let word = 0; word < KEY_WORDS; word++) {
      let range = rangeOf(this.#asked[number % 2 === 0 ? rule : next() % count] as Asked, word);
      for (let tries = 0; range === undefined && tries < 8; tries++)
        range = rangeOf(this.#asked[next() % count] as Asked, word);
      if (range !== undefined) values[word] = range[0] + (next() % (range[1] - range[0] + 1));
    }
    for (const [word, at] of PORTS) {
      const intervals = this.#intervals.find((each) => each.word === word);
      if (intervals !== undefined) values[at] = intervalAt(intervals.starts, values[word] as number);
    }
    return values;
  }

  /** The fields that leave fewest tuples to samples, as long as each leaves so many less that it is worth its cost. */
  #fields(masks: readonly Uint32Array[], tupleOf: Uint8Array): { fields: Field[]; left: Sets } {
    const all = allTuples(masks.length);
    const [low, high] = all.map((set) => new Uint32Array(this.#samples.length).fill(set));
    const left = { low: low as Uint32Array, high: high as Uint32Array };
    const fields: Field[] = [];
    const rest = new Set<Field>();
    for (const intervals of this.#intervals) rest.add({ intervals, sets: setsOf(intervals, tupleOf) });
    const take = (field: Field, sets: Sets): void => {
      fields.push(field);
      rest.delete(field);
      left.low = sets.low;
      left.high = sets.high;
    };
    for (const field of rest)
      if (PORTS.some(([word, at]) => word === field.intervals.word && masks.some((mask) => mask[at] !== 0)))
        take(field, this.#within(left, field));
    while (fields.length < FIELDS_MAXIMUM) {
      const least = this.#count(left) - (this.#samples.length * FIELD_COST) / PROBE_COST;
      let chosen: { readonly field: Field; readonly sets: Sets; readonly count: number } | undefined;
      for (const field of rest) {
        const sets = this.#within(left, field);
        const count = this.#count(sets);
        if (count < (chosen?.count ?? least)) chosen = { field, sets, count };
      }
      if (chosen === undefined) break;
      take(chosen.field, chosen.sets);
    }
    return { fields, left };
  }

  #within(left: Sets, { intervals, sets }: Field): Sets {
    const { word, starts } = intervals;
    const at = this.#samples.map((sample) => intervalAt(starts, sample[word] as number));
    return {
      low: left.low.map((set, i) => set & (sets.low[at[i] as number] as number)),
      high: left.high.map((set, i) => set & (sets.high[at[i] as number] as number)),
    };
  }

  #count({ low, high }: Sets): number {
    return low.reduce((sum, set, i) => sum + bitCount(set) + bitCount(high[i] as number), 0);
  }

  #cost(masks: readonly Uint32Array[], fields: number, left: Sets, cells: Map<number, Cell>): number {
    let cost = FIELD_COST * fields * this.#samples.length;
    this.#samples.forEach((sample, i) => {
      masks.forEach((mask, tuple) => {
        const half = (tuple < 32 ? left.low[i] : left.high[i]) as number;
        if ((half & (1 << (tuple & 31))) === 0) return;
        const { length } = cells.get(hashOf(sample, mask, seedOf(tuple)))?.rules ?? [];
        cost += PROBE_COST + (length > LEAF_MOST ? CROWD_COST : RULE_COST * length);
      });
    });
    return cost;
  }
}

/** So many bits from the lowest on, of two words. */
export function allTuples(count: number): [number, number] {
  const bits = (n: number): number => (n >= 32 ? 0xffffffff : 2 ** Math.max(0, n) - 1);
  return [bits(count), bits(count - 32)];
}

function classesOf(intervals: Intervals | undefined, rule: number, mask: number): readonly [number, number] {
  if (mask === 0 || intervals === undefined) return [0, 0];
  return [intervals.firsts[rule] as number, intervals.lasts[rule] as number];
}

function roundedMask(mask: number, word: number, { step, others, ports }: Rounding): number {
  if (word >= KEY_COMPARED) return ports ? mask : 0;
  if (!isAddress(word)) return others ? mask : 0;
  const bits = Math.floor(Math.clz32(~mask) / step) * step;
  return bits === 0 ? 0 : (0xffffffff << (32 - bits)) >>> 0;
}

function bitCount(word: number): number {
  let count = 0;
  for (let rest = word; rest !== 0; rest &= rest - 1) count++;
  return count;
}
