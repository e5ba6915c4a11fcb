// Crowded rules: which of them match is what is left of bits, one for each, where those of all words are and-ed together.

import {
  BITS_LENGTH,
  CROWD_BLOCK,
  CROWD_LENGTH,
  CROWD_TUPLES,
  DIRECT_BITS,
  DIRECT_LAST,
  DIRECT_LENGTH,
  DIRECT_NUMBERS,
  FIELD_LENGTH,
  KEY_BEST,
  KEY_FAMILY,
  KEY_LENGTH,
  KEY_PROTOCOL,
  RULES_CROWD,
  RULES_CROWD_BLOCKS,
  RULES_CROWD_DIRECT,
  RULES_CROWD_NODE,
  RULES_FIELDS,
  RULES_FIELDS_END,
  RULES_RULES,
  SCRATCH_ACTIVE,
  SCRATCH_BITS,
  SCRATCH_CROWD,
  SCRATCH_SETS,
  SCRATCH_STACK,
} from "../src/layout/rules.layout";
import { firstRule } from "./rule-search";

/** Begins the bits of each key with those that its family and its protocol have. */
export function beginCrowd(data: usize, scratch: usize, count: u32): void {
  const length = (<usize>load<u32>(data, RULES_CROWD_BLOCKS)) << 4;
  const family: usize = data + load<u32>(data, RULES_CROWD_DIRECT);
  const protocol: usize = family + DIRECT_LENGTH;
  const familyBits: usize = data + load<u32>(family, DIRECT_BITS);
  const protocolBits: usize = data + load<u32>(protocol, DIRECT_BITS);
  let bits: usize = scratch + SCRATCH_CROWD;
  let pointers: usize = scratch + SCRATCH_BITS;
  const end: usize = scratch + <usize>count * KEY_LENGTH;
  for (let key = scratch; key < end; key += KEY_LENGTH) {
    const first: usize = min<u32>(load<u32>(key, KEY_FAMILY * 4), DIRECT_LAST);
    const second: usize = min<u32>(load<u32>(key, KEY_PROTOCOL * 4), DIRECT_LAST);
    const one = familyBits + <usize>load<u16>(family + (first << 1), DIRECT_NUMBERS) * length;
    const other = protocolBits + <usize>load<u16>(protocol + (second << 1), DIRECT_NUMBERS) * length;
    v128.store(bits, v128.and(v128.load(one), v128.load(other)));
    store<u32>(pointers, <u32>one);
    store<u32>(pointers, <u32>other, 4);
    bits += 16;
    pointers += BITS_LENGTH;
  }
}

/**
 * Takes the first crowded rule that matches each key, and leaves of its tuples those that have a rule in front of that. One
 * vector of bits after the other, for the keys that had none in those before.
 */
export function endCrowd(data: usize, scratch: usize, count: u32): void {
  const blocks = load<u32>(data, RULES_CROWD_BLOCKS);
  const node = load<u32>(data, RULES_CROWD_NODE);
  const rules: usize = data + load<u32>(data, RULES_RULES);
  const list: usize = scratch + SCRATCH_ACTIVE;
  const fields: u32 = (load<u32>(data, RULES_FIELDS_END) - load<u32>(data, RULES_FIELDS)) / FIELD_LENGTH;
  const words: usize = (<usize>fields + 2) << 2;
  let crowd: usize = data + load<u32>(data, RULES_CROWD);
  for (let i: u32 = 0; i < count; i++) store<u32>(list + ((<usize>i) << 2), i);
  let left = count;
  for (let block: u32 = 0; block < blocks && left !== 0; block++) {
    let kept: usize = list;
    const end: usize = list + ((<usize>left) << 2);
    for (let at = list; at < end; at += 4) {
      const i: usize = load<u32>(at);
      let bits = v128.load(scratch + SCRATCH_CROWD + (i << 4));
      if (block !== 0) {
        const pointers: usize = scratch + SCRATCH_BITS + i * BITS_LENGTH;
        bits = i32x4.splat(-1);
        for (let word: usize = 0; word < words; word += 4)
          bits = v128.and(bits, v128.load(<usize>load<u32>(pointers + word) + ((<usize>block) << 4)));
      }
      const low = <u64>i64x2.extract_lane(bits, 0);
      const high = <u64>i64x2.extract_lane(bits, 1);
      const some = (low | high) !== 0;
      const bit = select<u64>(ctz(low), 64 + ctz(high), low !== 0);
      const found: usize = crowd + select<usize>(<usize>bit, 0, some) * CROWD_LENGTH;
      const best: usize = scratch + i * KEY_LENGTH;
      const set: usize = scratch + SCRATCH_SETS + (i << 3);
      if (node === 0) {
        store<u32>(best, select(load<u32>(found), load<u32>(best, KEY_BEST * 4), some), KEY_BEST * 4);
        store<u64>(set, load<u64>(set) & select<u64>(load<u64>(found, CROWD_TUPLES), -1, some));
        store<u32>(kept, <u32>i);
        kept += (<usize>!some) << 2;
      } else if (some) {
        const first = firstRule(
          data,
          node,
          rules,
          best,
          scratch + SCRATCH_STACK,
          load<u32>(best, KEY_BEST * 4),
        );
        store<u32>(best, first, KEY_BEST * 4);
      } else {
        store<u32>(kept, <u32>i);
        kept += 4;
      }
    }
    left = <u32>((kept - list) >>> 2);
    crowd += CROWD_BLOCK * CROWD_LENGTH;
  }
}
