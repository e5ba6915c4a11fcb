import { FDB_BUCKET_BITS, FDB_BUCKETS, FDB_SEED } from "../src/layout/fdb.layout";
import { firstOffset, hash, secondOffset, valueIn } from "./fdb";

/** The value of one key in a table that is built like the FDB, or 0. */
export function find(table: usize, key: u64): u64 {
  const buckets: usize = load<u32>(table, FDB_BUCKETS);
  const bits: u64 = load<u32>(table, FDB_BUCKET_BITS);
  const h = hash(key, load<u64>(table, FDB_SEED));
  const wanted = i64x2.splat(key);
  const value = valueIn(buckets + firstOffset(h, bits), wanted);
  return value !== 0 ? value : valueIn(buckets + secondOffset(h, bits), wanted);
}
