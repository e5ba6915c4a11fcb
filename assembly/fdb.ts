// The FDB: a hash table of 64-byte buckets, so that a lookup reads one cache line.
//
// Every key has two buckets. It stands in the first unless that was full, so that nearly every
// hit is one line; with two there are no chains, and removal leaves no tombstones.
// Lookups work in two passes: the first hashes the whole burst and reads a word of every bucket,
// so that the cache misses of a burst overlap; the second compares.

import {
  BUCKET_LENGTH,
  BUCKET_SLOTS,
  BUCKET_VALUES,
  FDB_BUCKET_BITS,
  FDB_BUCKETS,
  FDB_CAPACITY,
  FDB_ENTRIES,
  FDB_SEED,
  FDB_TOUCHED,
  KEY_LENGTH,
  VALUE_LENGTH,
} from "../src/layout/fdb.layout";

function hash(key: u64, seed: u64): u64 {
  let h: u64 = (key ^ seed) * 0x9e3779b97f4a7c15;
  h ^= h >>> 32;
  return h * 0xd6e8feb86659fd93;
}

/**
 * The two buckets' numbers: the first in the low half, the second, never the same, in the high half.
 * They are the topmost bits of the product and those next to them: low bits of a product know little of the key.
 */
function buckets(key: u64, seed: u64, bits: u32): u64 {
  const h = hash(key, seed);
  const first: u64 = h >>> (64 - <u64>bits);
  const second: u64 = (h >>> (64 - 2 * <u64>bits)) & (((<u64>1) << (<u64>bits)) - 1);
  return first | ((second === first ? second ^ 1 : second) << 32);
}

/** The value behind `key`, or 0: both compares and the choice without a branch. */
function valueIn(bucket: usize, key: v128): u64 {
  const low = i64x2.eq(v128.load(bucket), key);
  const high = i64x2.eq(v128.load(bucket, 16), key);
  const found = v128.or(
    v128.and(low, v128.load(bucket, BUCKET_VALUES)),
    v128.and(high, v128.load(bucket, BUCKET_VALUES + 16)),
  );
  return i64x2.extract_lane(found, 0) | i64x2.extract_lane(found, 1);
}

/** Looks `count` keys up and writes a value for each; returns how many were found. */
export function fdbLookup(fdb: usize, keys: usize, count: u32, values: usize): u32 {
  const table: usize = load<u32>(fdb, FDB_BUCKETS);
  const bits = load<u32>(fdb, FDB_BUCKET_BITS);
  const seed = load<u64>(fdb, FDB_SEED);
  let touched: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const both = buckets(load<u64>(keys + (i << 3)), seed, bits);
    // The values' places keep the bucket numbers between the passes.
    store<u64>(values + (i << 3), both);
    touched |= load<u32>(table + ((<u32>both) << 6));
  }
  store<u32>(fdb, touched, FDB_TOUCHED);
  let found: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const both = load<u64>(values + (i << 3));
    const key = i64x2.splat(load<i64>(keys + (i << 3)));
    let value = valueIn(table + ((<u32>both) << 6), key);
    if (value === 0) value = valueIn(table + ((<u32>(both >>> 32)) << 6), key);
    store<u64>(values + (i << 3), value);
    if (value !== 0) found++;
  }
  return found;
}

/** The address of the slot that holds `key` in `bucket`, or 0. */
function slotOf(bucket: usize, key: u64): usize {
  for (let slot: u32 = 0; slot < <u32>BUCKET_SLOTS; slot++) {
    const at: usize = bucket + slot * KEY_LENGTH;
    if (load<u64>(at) === key) return at;
  }
  return 0;
}

function write(slot: usize, key: u64, value: u64): void {
  store<u64>(slot, value, BUCKET_VALUES);
  store<u64>(slot, key);
}

/** Moves one entry of a full bucket to its other bucket, if that has room; returns the slot that got free, or 0. */
function makeRoom(table: usize, bucket: u32, seed: u64, bits: u32): usize {
  const from: usize = table + bucket * BUCKET_LENGTH;
  for (let slot: u32 = 0; slot < <u32>BUCKET_SLOTS; slot++) {
    const at: usize = from + slot * KEY_LENGTH;
    const key = load<u64>(at);
    const both = buckets(key, seed, bits);
    const other: u32 = <u32>both === bucket ? <u32>(both >>> 32) : <u32>both;
    const free = slotOf(table + other * BUCKET_LENGTH, 0);
    if (free !== 0) {
      write(free, key, load<u64>(at, BUCKET_VALUES));
      return at;
    }
  }
  return 0;
}

/** Inserts or updates `count` entries in order; stops at the first that finds no room and returns how many went in. */
export function fdbInsert(fdb: usize, keys: usize, count: u32, values: usize): u32 {
  const table: usize = load<u32>(fdb, FDB_BUCKETS);
  const bits = load<u32>(fdb, FDB_BUCKET_BITS);
  const seed = load<u64>(fdb, FDB_SEED);
  const capacity = load<u32>(fdb, FDB_CAPACITY);
  let entries = load<u32>(fdb, FDB_ENTRIES);
  let done: u32 = 0;
  for (; done < count; done++) {
    const key = load<u64>(keys + done * KEY_LENGTH);
    const value = load<u64>(values + done * VALUE_LENGTH);
    const both = buckets(key, seed, bits);
    const first: usize = table + <u32>both * BUCKET_LENGTH;
    const second: usize = table + <u32>(both >>> 32) * BUCKET_LENGTH;
    let slot = slotOf(first, key);
    if (slot === 0) slot = slotOf(second, key);
    if (slot !== 0) {
      store<u64>(slot, value, BUCKET_VALUES);
      continue;
    }
    if (entries >= capacity) break;
    slot = slotOf(first, 0);
    if (slot === 0) slot = slotOf(second, 0);
    if (slot === 0) slot = makeRoom(table, <u32>both, seed, bits);
    if (slot === 0) slot = makeRoom(table, <u32>(both >>> 32), seed, bits);
    if (slot === 0) break;
    write(slot, key, value);
    entries++;
  }
  store<u32>(fdb, entries, FDB_ENTRIES);
  return done;
}

/** Removes `count` keys; returns how many were there. */
export function fdbRemove(fdb: usize, keys: usize, count: u32): u32 {
  const table: usize = load<u32>(fdb, FDB_BUCKETS);
  const bits = load<u32>(fdb, FDB_BUCKET_BITS);
  const seed = load<u64>(fdb, FDB_SEED);
  let removed: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const key = load<u64>(keys + i * KEY_LENGTH);
    if (key === 0) continue;
    const both = buckets(key, seed, bits);
    let slot = slotOf(table + <u32>both * BUCKET_LENGTH, key);
    if (slot === 0) slot = slotOf(table + <u32>(both >>> 32) * BUCKET_LENGTH, key);
    if (slot === 0) continue;
    write(slot, 0, 0);
    removed++;
  }
  store<u32>(fdb, load<u32>(fdb, FDB_ENTRIES) - removed, FDB_ENTRIES);
  return removed;
}
