// Which rules are worth asking: tuples whose rules a packet can have at all, hashed, and the cells of their slots.
//
// Each step is a loop over all frames of a chunk, without a branch that depends on what a frame has: what goes on is appended
// to a list, where what does not is overwritten by the next. So the processor guesses nothing wrong, and what one frame waits
// for is loaded while the others are worked on.

import {
  BITS_LENGTH,
  CELL_IS_NODE,
  CELL_LENGTH,
  CELL_NEXT,
  FIELD_BUCKETS,
  FIELD_CLASS,
  FIELD_CROWD,
  FIELD_FIRST,
  FIELD_LAST_BUCKET,
  FIELD_LENGTH,
  FIELD_SETS,
  FIELD_SHIFT,
  FIELD_STARTS,
  FIELD_STEP,
  FIELD_TABLE,
  FIELD_WORD,
  FOUND_LENGTH,
  HASH_CLASSES,
  HASH_FIRST,
  HASH_LANE_0,
  HASH_LANE_1,
  HASH_LANE_2,
  HASH_LANE_3,
  HASH_LANE_SHIFT,
  HASH_LAST_SHIFT,
  HASH_OTHERS_1,
  HASH_OTHERS_2,
  HASH_OTHERS_3,
  HASH_SUM,
  HASH_SUM_SHIFT,
  KEY_BEST,
  KEY_DESTINATION_PORT,
  KEY_LENGTH,
  KEY_SOURCE_CLASS,
  KEY_SOURCE_PORT,
  RULE_DESTINATION_PORT,
  RULE_DESTINATION_PORTS,
  RULE_LENGTH,
  RULE_MASK,
  RULE_OTHERS,
  RULE_SOURCE_PORT,
  RULE_SOURCE_PORTS,
  RULES_CELLS,
  RULES_CROWD_BLOCKS,
  RULES_FIELDS,
  RULES_FIELDS_END,
  RULES_HASH_OTHERS,
  RULES_SLOTS,
  RULES_SLOTS_MASK,
  RULES_TUPLES,
  RULES_TUPLES_ALL,
  SCRATCH_ACTIVE,
  SCRATCH_BITS,
  SCRATCH_CROWD,
  SCRATCH_FOUND,
  SCRATCH_SETS,
  TAG_ANY,
  TAG_SHIFT,
  TUPLE_CLASSES,
  TUPLE_LENGTH,
  TUPLE_MASK,
  TUPLE_OTHERS,
  TUPLE_SEED,
} from "../src/layout/rules.layout";
import { othersDiffer } from "./rule-search";

/** Of each key: the tuples that have a rule for it, as far as the fields say. */
export function pruneTuples(data: usize, scratch: usize, count: u32): void {
  const sets: usize = scratch + SCRATCH_SETS;
  const all = load<u64>(data, RULES_TUPLES_ALL);
  for (let i: u32 = 0; i < count; i++) store<u64>(sets + ((<usize>i) << 3), all);
  const end: usize = data + load<u32>(data, RULES_FIELDS_END);
  // The first two places are those of small words.
  let at: usize = 8;
  for (let field: usize = data + load<u32>(data, RULES_FIELDS); field < end; field += FIELD_LENGTH) {
    pruneByField(data, field, scratch, count, at);
    at += 4;
  }
}

function pruneByField(data: usize, field: usize, scratch: usize, count: u32, at: usize): void {
  const keys = scratch;
  const length = (<usize>load<u32>(data, RULES_CROWD_BLOCKS)) << 4;
  const crowded = length !== 0;
  const vectors: usize = data + load<u32>(field, FIELD_CROWD);
  let bits: usize = scratch + SCRATCH_CROWD;
  let pointers: usize = scratch + SCRATCH_BITS + at;
  const word: usize = load<u32>(field, FIELD_WORD);
  const place: usize = load<u32>(field, FIELD_CLASS);
  const first = load<u32>(field, FIELD_FIRST);
  const shift = load<u32>(field, FIELD_SHIFT);
  const last = load<u32>(field, FIELD_LAST_BUCKET);
  const buckets: usize = data + load<u32>(field, FIELD_BUCKETS);
  const starts: usize = data + load<u32>(field, FIELD_STARTS);
  const firstStep = load<u32>(field, FIELD_STEP);
  const numbers: usize = data + load<u32>(field, FIELD_SETS);
  const table: usize = data + load<u32>(field, FIELD_TABLE);
  const end = keys + <usize>count * KEY_LENGTH;
  let set: usize = scratch + SCRATCH_SETS;
  for (let key = keys; key < end; key += KEY_LENGTH) {
    const value = load<u32>(key + word);
    const distance = (value - first) >>> shift;
    let bucket = select<u32>(distance, last, distance < last);
    bucket = select<u32>(0, bucket, value < first);
    let low = load<u32>(buckets + ((<usize>bucket) << 2));
    // As many steps for each value, so that nothing need be guessed. There is room behind the last interval.
    for (let step = firstStep; step >= 8; step >>>= 1)
      low = select(low + step, low, load<u32>(starts + ((<usize>(low + step)) << 2)) <= value);
    // The next eight are compared at once.
    const next: usize = starts + ((<usize>low) << 2);
    const splat = i32x4.splat(<i32>value);
    const nearer = i32x4.bitmask(i32x4.le_u(v128.load(next, 4), splat));
    const farther = i32x4.bitmask(i32x4.le_u(v128.load(next, 20), splat));
    low += <u32>popcnt(nearer | (farther << 4));
    store<u32>(key + place, low);
    const both = load<u32>(numbers + ((<usize>low) << 2));
    store<u64>(set, load<u64>(set) & load<u64>(table + ((<usize>(both & 0xffff)) << 3)));
    if (crowded) {
      const vector: usize = vectors + <usize>(both >>> 16) * length;
      v128.store(bits, v128.and(v128.load(bits), v128.load(vector)));
      store<u32>(pointers, <u32>vector);
      bits += 16;
      pointers += BITS_LENGTH;
    }
    set += 8;
  }
}

/** Looks into the slots of all tuples that are left; returns how many keys and cells were found. */
export function probeTuples(data: usize, scratch: usize, count: u32): u32 {
  const sets: usize = scratch + SCRATCH_SETS;
  const active: usize = scratch + SCRATCH_ACTIVE;
  let some: usize = 0;
  for (let i: usize = 0; i < count; i++) {
    const set = load<u64>(sets + (i << 3));
    store<u64>(sets + (some << 3), set);
    store<u32>(active + (some << 2), <u32>(scratch + i * KEY_LENGTH));
    some += <usize>(set !== 0);
  }
  if (some === 0) return 0;
  const tuples: usize = data + load<u32>(data, RULES_TUPLES);
  const slots: usize = data + load<u32>(data, RULES_SLOTS);
  const mask = load<u32>(data, RULES_SLOTS_MASK);
  const others = load<u32>(data, RULES_HASH_OTHERS) !== 0;
  const lanes = i32x4(HASH_LANE_0, HASH_LANE_1, HASH_LANE_2, <i32>HASH_LANE_3);
  let found: usize = scratch + SCRATCH_FOUND;
  let at: usize = 0;
  let set = load<u64>(sets);
  let key: usize = load<u32>(active);
  while (at < some) {
    const tuple: usize = tuples + <usize>ctz(set) * TUPLE_LENGTH;
    let sum = i32x4.add(
      i32x4.mul(v128.and(v128.load(key), v128.load(tuple, TUPLE_MASK)), i32x4.splat(<i32>HASH_FIRST)),
      i32x4.mul(
        v128.and(v128.load(key, (KEY_SOURCE_CLASS - 2) * 4), v128.load(tuple, TUPLE_CLASSES)),
        i32x4.splat(<i32>HASH_CLASSES),
      ),
    );
    if (others) {
      const first = v128.and(v128.load(key, 16), v128.load(tuple, TUPLE_OTHERS));
      const second = v128.and(v128.load(key, 32), v128.load(tuple, TUPLE_OTHERS + 16));
      const third = v128.and(v128.load(key, 48), v128.load(tuple, TUPLE_OTHERS + 32));
      sum = i32x4.add(sum, i32x4.mul(first, i32x4.splat(<i32>HASH_OTHERS_1)));
      sum = i32x4.add(sum, i32x4.mul(second, i32x4.splat(<i32>HASH_OTHERS_2)));
      sum = i32x4.add(sum, i32x4.mul(third, i32x4.splat(<i32>HASH_OTHERS_3)));
    }
    sum = i32x4.mul(v128.xor(sum, i32x4.shr_u(sum, HASH_LANE_SHIFT)), lanes);
    sum = i32x4.add(sum, i32x4.shuffle(sum, sum, 2, 3, 0, 1));
    let hash =
      <u32>i32x4.extract_lane(sum, 0) + <u32>i32x4.extract_lane(sum, 1) + load<u32>(tuple, TUPLE_SEED);
    hash = (hash ^ (hash >>> HASH_SUM_SHIFT)) * <u32>HASH_SUM;
    hash ^= hash >>> HASH_LAST_SHIFT;
    const slot = load<u32>(slots + ((<usize>(hash & mask)) << 2));
    const tag = slot & 255;
    store<u32>(found, <u32>key);
    store<u32>(found, slot >>> 8, 4);
    const hit = (<u32>(tag === hash >>> TAG_SHIFT) | <u32>(tag === TAG_ANY)) & <u32>(slot !== 0);
    found += (<usize>hit) << 3;
    // The next tuple of this key, or the first of the next one.
    set &= set - 1;
    const done = set === 0;
    at += <usize>done;
    set = select(load<u64>(sets + (at << 3)), set, done);
    key = select<usize>(load<u32>(active + (at << 2)), key, done);
  }
  return <u32>((found - scratch - SCRATCH_FOUND) / FOUND_LENGTH);
}

/**
 * Asks the rules of the cells found, the cells behind those that do not match, and so on. Returns how many nodes of trees
 * are left to be asked, which are written behind the room for cells.
 */
export function askCells(data: usize, rules: usize, scratch: usize, cells: u32, nodesAt: usize): u32 {
  const list: usize = scratch + SCRATCH_FOUND;
  const table: usize = data + load<u32>(data, RULES_CELLS);
  let nodes: usize = nodesAt;
  let left: usize = list + ((<usize>cells) << 3);
  while (left > list) {
    const end = left;
    left = list;
    for (let at = list; at < end; at += FOUND_LENGTH) {
      const key: usize = load<u32>(at);
      const cell: usize = table + <usize>load<u32>(at, 4) * CELL_LENGTH;
      const number = load<u32>(cell);
      const next = load<u32>(cell, CELL_NEXT);
      const rule: usize = rules + <usize>number * RULE_LENGTH;
      const differs = v128.any_true(
        v128.and(v128.xor(v128.load(key), v128.load(rule)), v128.load(rule, RULE_MASK)),
      );
      const source = load<u32>(key, KEY_SOURCE_PORT * 4) - load<u32>(rule, RULE_SOURCE_PORT);
      const destination = load<u32>(key, KEY_DESTINATION_PORT * 4) - load<u32>(rule, RULE_DESTINATION_PORT);
      let fits: u32 =
        <u32>!differs &
        <u32>(source <= load<u32>(rule, RULE_SOURCE_PORTS)) &
        <u32>(destination <= load<u32>(rule, RULE_DESTINATION_PORTS));
      const others = load<u32>(rule, RULE_OTHERS);
      if (others !== 0) fits &= <u32>!othersDiffer(data + others, key);
      const best = load<u32>(key, KEY_BEST * 4);
      store<u32>(key, select(number, best, (fits & <u32>(number < best)) !== 0), KEY_BEST * 4);
      // Rules behind it come behind what has matched by now as well.
      const goesOn = <u32>(number < best) & (fits ^ 1) & <u32>(next !== 0);
      const isNode = next >>> 31;
      store<u32>(left, <u32>key);
      store<u32>(left, next, 4);
      left += (<usize>(goesOn & (isNode ^ 1))) << 3;
      store<u32>(nodes, <u32>key);
      store<u32>(nodes, next & ~CELL_IS_NODE, 4);
      nodes += (<usize>(goesOn & isNode)) << 3;
    }
  }
  return <u32>((nodes - nodesAt) / FOUND_LENGTH);
}
