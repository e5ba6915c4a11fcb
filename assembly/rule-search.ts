// Which rule of a tree is the first that matches a key.
//
// A node divides its rules by one word of the key: those that ask for it into intervals, those that do not go elsewhere. A
// frame goes both ways, and never to a node whose first rule comes behind one that has matched already.

import {
  KEY_DESTINATION_PORT,
  KEY_FAMILY,
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
  NODE_SHIFT,
  NODE_STARTS,
  NODE_WORD,
  OTHERS_MASK,
  RULE_DESTINATION_PORT,
  RULE_DESTINATION_PORTS,
  RULE_LENGTH,
  RULE_MASK,
  RULE_OTHERS,
  RULE_SOURCE_PORT,
  RULE_SOURCE_PORTS,
} from "../src/layout/rules.layout";

/** The first rule below a node that matches, if it comes in front of `best`; else `best`. `bottom`: room for nodes. */
export function firstRule(data: usize, root: u32, rules: usize, key: usize, bottom: usize, least: u32): u32 {
  let top = bottom;
  let best = least;
  let at = root;
  for (;;) {
    const node: usize = data + at;
    at = 0;
    if (load<u32>(node, NODE_BEST) < best) {
      const word = load<u32>(node, NODE_WORD);
      if (word === <u32>NODE_LEAF) best = firstOfLeaf(data, node, rules, key, best);
      else {
        const elsewhere = load<u32>(node, NODE_ELSE);
        const family = load<u32>(node, NODE_FAMILY);
        const child =
          family === 0 || load<u32>(key, KEY_FAMILY * 4) === family
            ? childOf(data, node, load<u32>(key + word))
            : 0;
        if (child === 0) at = elsewhere;
        else {
          at = child;
          // The builder makes no tree that is deeper than there is room for.
          if (elsewhere !== 0) {
            store<u32>(top, elsewhere);
            top += 4;
          }
        }
      }
    }
    if (at !== 0) continue;
    if (top === bottom) break;
    top -= 4;
    at = load<u32>(top);
  }
  return best;
}

/** The node of the interval that a value lies in; 0 if there is none. */
function childOf(data: usize, node: usize, value: u32): u32 {
  const first = load<u32>(node, NODE_FIRST);
  if (value < first) return 0;
  const last = load<u32>(node, NODE_LAST_BUCKET);
  let bucket = (value - first) >>> load<u32>(node, NODE_SHIFT);
  if (bucket > last) bucket = last;
  const place: usize = data + load<u32>(node, NODE_BUCKETS) + bucket * 4;
  const starts: usize = data + load<u32>(node, NODE_STARTS);
  let low = load<u32>(place);
  let count = load<u32>(place, 4) - low;
  // The last that begins at the value or in front of it: no branch that could be guessed wrong.
  while (count > 0) {
    const half = (count + 1) >>> 1;
    low = select(low + half, low, load<u32>(starts + (low + half) * 4) <= value);
    count -= half;
  }
  return load<u32>(data + load<u32>(node, NODE_CHILDREN) + low * 4);
}

function firstOfLeaf(data: usize, leaf: usize, rules: usize, key: usize, best: u32): u32 {
  let at: usize = data + load<u32>(leaf, LEAF_RULES);
  const end: usize = at + load<u32>(leaf, LEAF_COUNT) * 4;
  for (; at < end; at += 4) {
    const number = load<u32>(at);
    if (number >= best) return best;
    if (matches(data, rules + number * RULE_LENGTH, key)) return number;
  }
  return best;
}

function matches(data: usize, rule: usize, key: usize): bool {
  if (v128.any_true(v128.and(v128.xor(v128.load(key), v128.load(rule)), v128.load(rule, RULE_MASK))))
    return false;
  const source = load<u32>(key, KEY_SOURCE_PORT * 4) - load<u32>(rule, RULE_SOURCE_PORT);
  if (source > load<u32>(rule, RULE_SOURCE_PORTS)) return false;
  const destination = load<u32>(key, KEY_DESTINATION_PORT * 4) - load<u32>(rule, RULE_DESTINATION_PORT);
  if (destination > load<u32>(rule, RULE_DESTINATION_PORTS)) return false;
  const others = load<u32>(rule, RULE_OTHERS);
  return others === 0 || !othersDiffer(data + others, key);
}

/** Whether the words behind the first four are not what a rule asks for. */
export function othersDiffer(others: usize, key: usize): bool {
  const first = v128.and(v128.xor(v128.load(key, 16), v128.load(others)), v128.load(others, OTHERS_MASK));
  const second = v128.and(
    v128.xor(v128.load(key, 32), v128.load(others, 16)),
    v128.load(others, OTHERS_MASK + 16),
  );
  const third = v128.and(
    v128.xor(v128.load(key, 48), v128.load(others, 32)),
    v128.load(others, OTHERS_MASK + 32),
  );
  return v128.any_true(v128.or(first, v128.or(second, third)));
}
