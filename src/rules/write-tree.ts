// A tree of rules as kernels read it: rules.layout says what lies where.

import {
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
} from "../layout/rules.layout.ts";
import type { TreeNode } from "./rule-tree.ts";
import type { Words } from "./words.ts";

/** Buckets of a node for each of its intervals, at most: more than that finds hardly anything sooner. */
const BUCKETS_FOR_INTERVAL = 2;

/** Returns where the node lies. */
export function writeNode(output: Words, node: TreeNode): number {
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
  const { shift, buckets } = bucketsOf(starts, BUCKETS_FOR_INTERVAL);
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
export function bucketsOf(
  starts: ArrayLike<number>,
  most: number,
): {
  readonly shift: number;
  readonly buckets: readonly number[];
} {
  const first = starts[0] as number;
  const span = (starts[starts.length - 1] as number) - first;
  let shift = 0;
  while (Math.floor(span / 2 ** shift) + 1 > Math.max(1, most * starts.length)) shift++;
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
