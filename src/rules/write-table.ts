// A rule table as kernels read it: rules.layout says what lies where.

import {
  CELL_IS_NODE,
  CHUNK,
  CROWD_BLOCK,
  CROWD_LENGTH,
  CROWD_RULE,
  CROWD_TUPLES,
  DIRECT_BITS,
  DIRECT_LENGTH,
  DIRECT_NUMBERS,
  FIELD_BUCKETS,
  FIELD_CLASS,
  FIELD_CROWD,
  FIELD_FIRST,
  FIELD_LAST_BUCKET,
  FIELD_LENGTH,
  FIELD_SETS,
  FIELD_SETS_MAXIMUM,
  FIELD_SHIFT,
  FIELD_STARTS,
  FIELD_STEP,
  FIELD_TABLE,
  FIELD_WORD,
  FOUND_LENGTH,
  KEY_COMPARED,
  KEY_DESTINATION_CLASS,
  KEY_DESTINATION_PORT,
  KEY_NOTHING,
  KEY_SOURCE_CLASS,
  KEY_SOURCE_PORT,
  OTHERS_LENGTH,
  OTHERS_MASK,
  RULE_COUNTER,
  RULE_DESTINATION_PORT,
  RULE_DROPS,
  RULE_LENGTH,
  RULE_MARK,
  RULE_MARKS,
  RULE_MASK,
  RULE_OTHERS,
  RULE_SOURCE_PORT,
  RULE_VALUE,
  RULE_VERDICT,
  RULES_ASK_OTHERS,
  RULES_CELLS,
  RULES_COUNTER_LENGTH,
  RULES_COUNTERS,
  RULES_CROWD,
  RULES_CROWD_BLOCKS,
  RULES_CROWD_DIRECT,
  RULES_CROWD_NODE,
  RULES_FIELDS,
  RULES_FIELDS_END,
  RULES_HASH_OTHERS,
  RULES_HEADER,
  RULES_OTHERWISE,
  RULES_ROOT,
  RULES_RULES,
  RULES_SCRATCH,
  RULES_SLOTS,
  RULES_SLOTS_MASK,
  RULES_TUPLES,
  RULES_TUPLES_ALL,
  RULES_UNMATCHED,
  SCRATCH_FOUND,
  TAG_ANY,
  TAG_SHIFT,
  TUPLE_CLASSES,
  TUPLE_LENGTH,
  TUPLE_OTHERS,
  TUPLE_SEED,
} from "../layout/rules.layout.ts";
import { bitsOfIntervals, bitsOfValues, type CrowdBits } from "./rule-crowd.ts";
import { seedOf } from "./rule-hash.ts";
import { type Asked, rangeOf } from "./rule-match.ts";
import { LEAF_MOST, TreeBuilder } from "./rule-tree.ts";
import { type Cell, DIRECT_WORDS, type Field, type Tuples, tuplesOf } from "./rule-tuples.ts";
import { Words } from "./words.ts";
import { bucketsOf, writeNode } from "./write-tree.ts";

/** What a processor loads at a time: rules and tuples begin with one. */
const CACHE_LINE = 64;
/** Words of a key that stand in its first vector. */
const FIRST_WORDS = 4;
/** Buckets of a field for each of its intervals, at most. */
const BUCKETS_FOR_INTERVAL = 2;
/** Intervals that the kernel compares a value with at the end of its search. */
const COMPARED_AT_ONCE = 8;
/** Slots of a table for each of its cells, at least. */
const SLOTS_FOR_CELL = 2;

/** A rule, in the order in which rules are asked. */
export interface WrittenRule {
  readonly asked: Asked;
  readonly drops: boolean;
  readonly mark: number | undefined;
  /** Which counters it has. */
  readonly number: number;
}

export interface WrittenTable {
  readonly data: Uint8Array<ArrayBuffer>;
  /** Bytes that a thread works in. */
  readonly scratchLength: number;
}

/** The data of a table; `scratch` is where in a thread's state it works. */
export function writeTable(
  rules: readonly WrittenRule[],
  dropsOthers: boolean,
  scratch: number,
): WrittenTable {
  const asked = rules.map((rule) => rule.asked);
  const output = new Words();
  output.skip(RULES_HEADER);
  const others = rules.map((rule) => writeOthers(output, rule.asked));
  output.align(CACHE_LINE);
  output.put(RULES_RULES, output.length);
  rules.forEach((rule, index) => {
    writeRule(output, rule, others[index] as number);
  });
  // What becomes of frames that none matches is a rule that asks for nothing, behind all others.
  const none = { asked: undefined, drops: dropsOthers, mark: undefined, number: undefined };
  writeRule(output, none, 0);
  output.put(RULES_OTHERWISE, rules.length);
  output.put(RULES_SCRATCH, scratch);
  output.put(RULES_ASK_OTHERS, others.some((place) => place !== 0) ? 1 : 0);
  const trees = new TreeBuilder(asked);
  const tuples = tuplesOf(asked);
  if (tuples === undefined)
    output.put(RULES_ROOT, writeNode(output, trees.build(rules.map((_, index) => index))));
  else writeTuples(output, tuples, trees, asked);
  // One more place, where what is not appended is written to.
  const found = 2 * CHUNK * (tuples?.masks.length ?? 1) + 1;
  return { data: output.bytes, scratchLength: SCRATCH_FOUND + found * FOUND_LENGTH };
}

function writeTuples(
  output: Words,
  { masks, firsts, fields, cells, crowd }: Tuples,
  trees: TreeBuilder,
  asked: readonly Asked[],
): void {
  const [low, high] = tuplesBefore(firsts, asked.length);
  output.put(RULES_TUPLES_ALL, low);
  output.put(RULES_TUPLES_ALL + 4, high);
  output.align(CACHE_LINE);
  output.put(RULES_TUPLES, output.length);
  masks.forEach((mask, number) => {
    const at = output.skip(TUPLE_LENGTH);
    for (let lane = 0; lane < FIRST_WORDS; lane++) {
      output.put(at + 4 * lane, mask[lane] as number);
      output.put(at + TUPLE_CLASSES + 4 * lane, mask[KEY_COMPARED + lane] as number);
    }
    for (let word = FIRST_WORDS; word < KEY_COMPARED; word++)
      output.put(at + TUPLE_OTHERS + 4 * (word - FIRST_WORDS), mask[word] as number);
    output.put(at + TUPLE_SEED, seedOf(number));
  });
  const hashesOthers = masks.some((mask) =>
    mask.subarray(FIRST_WORDS, KEY_COMPARED).some((word) => word !== 0),
  );
  output.put(RULES_HASH_OTHERS, hashesOthers ? 1 : 0);
  output.put(RULES_FIELDS, output.length);
  const places = fields.map(() => output.skip(FIELD_LENGTH));
  output.put(RULES_FIELDS_END, output.length);
  fields.forEach((field, index) => {
    const { word } = field.intervals;
    const isHashed = masks.some((mask) => word in CLASSES && mask[CLASSES[word] as number] !== 0);
    writeField(output, field, places[index] as number, low, high, crowd.rules, isHashed);
  });
  if (crowd.rules.length > 0) {
    output.put(RULES_CROWD_BLOCKS, Math.ceil(crowd.rules.length / CROWD_BLOCK));
    const tables = DIRECT_WORDS.map(() => output.skip(DIRECT_LENGTH));
    output.put(RULES_CROWD_DIRECT, tables[0] as number);
    DIRECT_WORDS.forEach((word, index) => {
      const { numbers, bits } = bitsOfValues(asked, word, crowd.rules);
      const at = tables[index] as number;
      output.put(at + DIRECT_BITS, writeBits(output, bits));
      output.putHalves(at + DIRECT_NUMBERS, numbers);
    });
    output.align(CACHE_LINE);
    output.put(RULES_CROWD, output.length);
    for (const rule of crowd.rules) {
      const at = output.skip(CROWD_LENGTH);
      const [before, beforeHigh] = tuplesBefore(firsts, rule);
      output.put(at + CROWD_RULE, rule);
      output.put(at + CROWD_TUPLES, before);
      output.put(at + CROWD_TUPLES + 4, beforeHigh);
    }
    if (!crowd.isExact) output.put(RULES_CROWD_NODE, writeNode(output, trees.build(crowd.rules)));
  }
  writeCells(output, cells, trees);
}

/** The tuples whose first rule stands in front of one, as bits of two words. */
function tuplesBefore(firsts: readonly number[], rule: number): [number, number] {
  const sets: [number, number] = [0, 0];
  firsts.forEach((first, tuple) => {
    const half = tuple < 32 ? 0 : 1;
    if (first < rule) sets[half] = (sets[half] | (1 << (tuple & 31))) >>> 0;
  });
  return sets;
}

function writeBits(output: Words, bits: CrowdBits["bits"]): number {
  output.align(16);
  const at = output.length;
  for (const each of bits) output.append(each);
  return at;
}

const CLASSES: Readonly<Record<number, number>> = {
  [KEY_SOURCE_PORT]: KEY_SOURCE_CLASS,
  [KEY_DESTINATION_PORT]: KEY_DESTINATION_CLASS,
};

function writeField(
  output: Words,
  { intervals, sets }: Field,
  at: number,
  low: number,
  high: number,
  crowd: readonly number[],
  isHashed: boolean,
): void {
  const { word } = intervals;
  const put = (field: number, value: number): void => output.put(at + field, value);
  put(FIELD_WORD, 4 * word);
  put(FIELD_CLASS, 4 * (CLASSES[word] ?? KEY_NOTHING));
  const bits = crowd.length === 0 ? undefined : bitsOfIntervals(intervals, crowd);
  const numbers = new Map<number, number>();
  const table: number[] = [low, high];
  // Sets that there is no number for are taken for all tuples: that is slower, and as right.
  const numberOf = (index: number): number => {
    const [first, second] = [sets.low[index] as number, sets.high[index] as number];
    const name = first + second * 2 ** 32;
    const known = numbers.get(name) ?? table.length / 2;
    if (known === FIELD_SETS_MAXIMUM) return 0;
    if (2 * known === table.length) {
      numbers.set(name, known);
      table.push(first, second);
    }
    return known;
  };
  // What an interval says: intervals that say the same are one, unless it is hashed which of them it is.
  const says = Array.from(intervals.starts, (_, i) => numberOf(i) + 0x10000 * (bits?.numbers[i] ?? 0));
  const kept = says.flatMap((what, i) => (isHashed || i === 0 || what !== says[i - 1] ? i : []));
  const starts = Uint32Array.from(kept, (i) => intervals.starts[i] as number);
  // The first interval begins with 0, and most values with which others begin lie close together.
  const offset = starts.length > 1 ? 1 : 0;
  const { shift, buckets } = bucketsOf(starts.subarray(offset), BUCKETS_FOR_INTERVAL);
  put(FIELD_FIRST, starts[offset] as number);
  put(FIELD_SHIFT, shift);
  put(FIELD_LAST_BUCKET, buckets.length - 2);
  // Values in front of the first bucket are looked for in it, from the interval before on.
  const places = buckets.slice(0, -1).map((interval, bucket) => (bucket === 0 ? 0 : interval + offset));
  put(FIELD_BUCKETS, output.append(places));
  const ends = [...places.slice(1), starts.length - 1];
  const farthest = places.reduce(
    (most, place, bucket) => Math.max(most, (ends[bucket] as number) - place),
    0,
  );
  const step = farthest <= COMPARED_AT_ONCE ? 0 : 2 ** (Math.ceil(Math.log2(farthest)) - 1);
  put(FIELD_STEP, step);
  // Steps may go beyond the last interval, and what is compared at once: then they must not be taken, or find the same.
  const beyond = new Uint32Array(2 * step + COMPARED_AT_ONCE).fill(0xffffffff);
  put(FIELD_STARTS, output.append(starts));
  output.append(beyond);
  const last = says.at(-1) as number;
  put(FIELD_SETS, output.append([...kept.map((i) => says[i] as number), ...Array.from(beyond, () => last)]));
  put(FIELD_TABLE, output.append(table));
  if (bits !== undefined) put(FIELD_CROWD, writeBits(output, bits.bits));
}

function writeCells(output: Words, cells: readonly Cell[], trees: TreeBuilder): void {
  const count = 2 ** Math.ceil(Math.log2(Math.max(2, SLOTS_FOR_CELL * cells.length)));
  const slots: ({ tag: number; rules: readonly number[] } | undefined)[] = Array(count);
  for (const { hash, rules } of cells) {
    const at = hash & (count - 1);
    const tag = hash >>> TAG_SHIFT;
    const there = slots[at];
    if (there === undefined) slots[at] = { tag, rules };
    else {
      // Rules are compared as a whole, so that those of several cells may stand together.
      there.tag = there.tag === tag ? tag : TAG_ANY;
      there.rules = [...new Set([...there.rules, ...rules])].sort((a, b) => a - b);
    }
  }
  const words = new Uint32Array(count);
  const chains: number[] = [0, 0];
  for (let at = 0; at < count; at++) {
    const slot = slots[at];
    if (slot === undefined) continue;
    const cell = chains.length / 2;
    words[at] = ((cell << 8) | slot.tag) >>> 0;
    const { rules } = slot;
    if (rules.length > LEAF_MOST) {
      const node = writeNode(output, trees.build(rules.slice(1)));
      chains.push(rules[0] as number, CELL_IS_NODE + node);
    } else
      rules.forEach((rule, index) => {
        chains.push(rule, index + 1 < rules.length ? cell + index + 1 : 0);
      });
  }
  output.align(CACHE_LINE);
  output.put(RULES_SLOTS_MASK, count - 1);
  output.put(RULES_SLOTS, output.append(words));
  output.put(RULES_CELLS, output.append(chains));
}

/** Values and masks of words behind the first four; 0 if a rule asks for none of them. */
function writeOthers(output: Words, { values, masks }: Asked): number {
  if (masks.subarray(FIRST_WORDS).every((mask) => mask === 0)) return 0;
  const at = output.skip(OTHERS_LENGTH);
  for (let word = FIRST_WORDS; word < KEY_COMPARED; word++) {
    const place = at + 4 * (word - FIRST_WORDS);
    output.put(place, values[word] as number);
    output.put(place + OTHERS_MASK, masks[word] as number);
  }
  return at;
}

interface WrittenAny {
  readonly asked: Asked | undefined;
  readonly drops: boolean;
  readonly mark: number | undefined;
  readonly number: number | undefined;
}

function writeRule(output: Words, { asked, drops, mark, number }: WrittenAny, others: number): void {
  const at = output.skip(RULE_LENGTH);
  for (let word = 0; word < FIRST_WORDS; word++) {
    output.put(at + RULE_VALUE + 4 * word, asked?.values[word] ?? 0);
    output.put(at + RULE_MASK + 4 * word, asked?.masks[word] ?? 0);
  }
  for (const [word, field] of [
    [KEY_SOURCE_PORT, RULE_SOURCE_PORT],
    [KEY_DESTINATION_PORT, RULE_DESTINATION_PORT],
  ] as const) {
    const [first, last] = (asked && rangeOf(asked, word)) ?? [0, 0xffffffff];
    output.put(at + field, first);
    output.put(at + field + 4, last - first);
  }
  output.put(at + RULE_OTHERS, others);
  output.put(at + RULE_VERDICT, (drops ? RULE_DROPS : 0) | (mark === undefined ? 0 : RULE_MARKS));
  output.put(at + RULE_MARK, mark ?? 0);
  const counter = number === undefined ? RULES_UNMATCHED : RULES_COUNTERS + number * RULES_COUNTER_LENGTH;
  output.put(at + RULE_COUNTER, counter);
}
