import { FDB_BUCKETS } from "../src/layout/fdb.layout";
import { firstOffset, hash, mayHaveStrayed, offsetMask, secondOffset, seedOf, valueIn } from "./fdb";

/** The value of one key in a table that is built like the FDB, or 0. */
export function find(table: usize, key: u64): u64 {
  const buckets: usize = load<u32>(table, FDB_BUCKETS);
  const mask = offsetMask(table);
  const seed = seedOf(table);
  const first = firstOffset(hash(key, seed), mask);
  const value = valueIn(buckets + first, key);
  if (value !== 0 || !mayHaveStrayed(buckets, mask, first)) return value;
  return valueIn(buckets + secondOffset(key, seed, mask, first), key);
}
