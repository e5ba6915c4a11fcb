// Which rule is the first that matches a key: a walk through the tree of a table.
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
  RULE_DESTINATION_PORT,
  RULE_DESTINATION_PORTS,
  RULE_LENGTH,
  RULE_MASK,
  RULE_SOURCE_PORT,
  RULE_SOURCE_PORTS,
  SCRATCH_STACK,
} from "../src/layout/rules.layout";

export const NO_RULE: u32 = 0xffffffff;

export function firstRule(data: usize, root: u32, rules: usize, key: usize): u32 {
  const bottom: usize = key + SCRATCH_STACK;
  let top = bottom;
  let best = NO_RULE;
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
    if (matches(rules + number * RULE_LENGTH, key)) return number;
  }
  return best;
}

function differs(rule: usize, key: usize): v128 {
  return v128.and(v128.xor(v128.load(key), v128.load(rule)), v128.load(rule, RULE_MASK));
}

function matches(rule: usize, key: usize): bool {
  const addresses = v128.or(differs(rule, key), differs(rule + 16, key + 16));
  const others = v128.or(differs(rule + 32, key + 32), differs(rule + 48, key + 48));
  if (v128.any_true(v128.or(addresses, others))) return false;
  const source = load<u32>(key, KEY_SOURCE_PORT * 4) - load<u32>(rule, RULE_SOURCE_PORT);
  if (source > load<u32>(rule, RULE_SOURCE_PORTS)) return false;
  const destination = load<u32>(key, KEY_DESTINATION_PORT * 4) - load<u32>(rule, RULE_DESTINATION_PORT);
  return destination <= load<u32>(rule, RULE_DESTINATION_PORTS);
}
