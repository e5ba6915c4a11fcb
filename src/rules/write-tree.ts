// A rule table as kernels read it: rules.layout says what lies where.

import {
  KEY_COMPARED,
  KEY_DESTINATION_PORT,
  KEY_SOURCE_PORT,
  LEAF_COUNT,
  LEAF_RULES,
  NODE_BEST,
  NODE_BUCKETS,
  NODE_CHILDREN,
  NODE_ELSE,
  NODE_FAMILY,
  NODE_FIRST,
  NODE_LAST_BUCKET,
  NODE_LEAF,
  NODE_LENGTH,
  NODE_SHIFT,
  NODE_STARTS,
  NODE_WORD,
  RULE_COUNTER,
  RULE_DESTINATION_PORT,
  RULE_DROPS,
  RULE_LENGTH,
  RULE_MARK,
  RULE_MARKS,
  RULE_MASK,
  RULE_SOURCE_PORT,
  RULE_VALUE,
  RULES_COUNTER_LENGTH,
  RULES_COUNTERS,
  RULES_NODES,
  RULES_OTHERWISE,
  RULES_ROOT,
  RULES_RULES,
  RULES_SCRATCH,
} from "../layout/rules.layout.ts";
import { type Asked, rangeOf } from "./rule-match.ts";
import { TreeBuilder, type TreeNode } from "./rule-tree.ts";

/** Buckets of a node for each of its intervals, at most: more than that finds hardly anything sooner. */
const BUCKETS_FOR_INTERVAL = 2;

/** A rule, in the order in which rules are asked. */
export interface WrittenRule {
  readonly asked: Asked;
  readonly drops: boolean;
  readonly mark: number | undefined;
  /** Which counters it has. */
  readonly number: number;
}

/** The data of a table; `scratch` is where in a thread's state it works. */
export function writeTable(
  rules: readonly WrittenRule[],
  dropsOthers: boolean,
  scratch: number,
): Uint8Array<ArrayBuffer> {
  const root = new TreeBuilder(rules.map(({ asked }) => asked)).build(rules.map((_, index) => index));
  const output = new Words();
  output.skip(RULES_NODES);
  const first = writeNode(output, root);
  output.skip((16 - (output.length & 15)) & 15);
  const start = output.length;
  for (const rule of rules) writeRule(output, rule);
  output.put(RULES_ROOT, first);
  output.put(RULES_RULES, start);
  output.put(RULES_OTHERWISE, dropsOthers ? 1 : 0);
  output.put(RULES_SCRATCH, scratch);
  return output.bytes;
}

/** Words that grow in number; places are in bytes. */
class Words {
  #words: Uint32Array<ArrayBuffer> = new Uint32Array(1024);
  length = 0;

  get bytes(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#words.buffer, 0, this.length).slice();
  }

  put(at: number, value: number): void {
    this.#words[at >>> 2] = value;
  }

  /** Appends room of zeroes; returns where it lies. */
  skip(length: number): number {
    const start = this.length;
    this.length += length;
    if (this.length > 4 * this.#words.length) {
      const larger = new Uint32Array(Math.max(2 * this.#words.length, this.length >>> 2));
      larger.set(this.#words);
      this.#words = larger;
    }
    return start;
  }

  append(values: ArrayLike<number>): number {
    const start = this.skip(4 * values.length);
    this.#words.set(values, start >>> 2);
    return start;
  }
}

function writeNode(output: Words, node: TreeNode): number {
  const at = output.skip(NODE_LENGTH);
  const put = (field: number, value: number): void => output.put(at + field, value);
  put(NODE_BEST, node.best);
  if (node.word === NODE_LEAF) {
    const { rules } = node as Extract<TreeNode, { rules: unknown }>;
    put(NODE_WORD, NODE_LEAF);
    put(LEAF_RULES, output.append(rules));
    put(LEAF_COUNT, rules.length);
    return at;
  }
  const { word, family, starts, children, elsewhere } = node as Extract<TreeNode, { starts: unknown }>;
  put(NODE_WORD, 4 * word);
  put(NODE_FAMILY, family);
  put(NODE_STARTS, output.append(starts));
  const places = output.skip(4 * children.length);
  put(NODE_CHILDREN, places);
  const { shift, buckets } = bucketsOf(starts);
  put(NODE_FIRST, starts[0] as number);
  put(NODE_SHIFT, shift);
  put(NODE_BUCKETS, output.append(buckets));
  put(NODE_LAST_BUCKET, buckets.length - 2);
  children.forEach((child, index) => {
    if (child !== undefined) output.put(places + 4 * index, writeNode(output, child));
  });
  if (elsewhere !== undefined) put(NODE_ELSE, writeNode(output, elsewhere));
  return at;
}

/** A first look by the upper bits: for each bucket the last interval that begins before it does, or with it. */
function bucketsOf(starts: readonly number[]): {
  readonly shift: number;
  readonly buckets: readonly number[];
} {
  const first = starts[0] as number;
  const span = (starts.at(-1) as number) - first;
  let shift = 0;
  while (Math.floor(span / 2 ** shift) + 1 > Math.max(1, BUCKETS_FOR_INTERVAL * starts.length)) shift++;
  const count = Math.floor(span / 2 ** shift) + 1;
  const buckets: number[] = [];
  let interval = 0;
  for (let bucket = 0; bucket < count; bucket++) {
    const start = first + bucket * 2 ** shift;
    while (interval + 1 < starts.length && (starts[interval + 1] as number) <= start) interval++;
    buckets.push(interval);
  }
  buckets.push(starts.length - 1);
  return { shift, buckets };
}

function writeRule(output: Words, { asked, drops, mark, number }: WrittenRule): void {
  const at = output.skip(RULE_LENGTH);
  for (let word = 0; word < KEY_COMPARED; word++) {
    output.put(at + RULE_VALUE + 4 * word, asked.values[word] as number);
    output.put(at + RULE_MASK + 4 * word, asked.masks[word] as number);
  }
  for (const [word, field] of [
    [KEY_SOURCE_PORT, RULE_SOURCE_PORT],
    [KEY_DESTINATION_PORT, RULE_DESTINATION_PORT],
  ] as const) {
    const [first, last] = rangeOf(asked, word) ?? [0, 0xffffffff];
    output.put(at + field, first);
    output.put(at + field + 4, last - first);
  }
  output.put(at + RULE_DROPS, drops ? 1 : 0);
  output.put(at + RULE_MARKS, mark === undefined ? 0 : 1);
  output.put(at + RULE_MARK, mark ?? 0);
  output.put(at + RULE_COUNTER, RULES_COUNTERS + number * RULES_COUNTER_LENGTH);
}
