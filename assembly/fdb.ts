// The FDB: a hash table of 64-byte buckets, so that a lookup reads one cache line.
//
// Every key has two buckets. It stands in the first unless that was full, so that nearly every
// hit is one line; with two there are no chains, and removal leaves no tombstones.
// Where the table is larger than the caches, lookups work in two passes: the first reads a word of every bucket
// of the burst, so that the misses overlap; the second compares.

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

/** From 2^17 buckets (8 MiB) on a touching pass is worth its time; below it only costs (measured). */
const FAR_BITS = 17;

export function hash(key: u64, seed: u64): u64 {
  let h: u64 = (key ^ seed) * 0x9e3779b97f4a7c15;
  h ^= h >>> 32;
  return h * 0xd6e8feb86659fd93;
}

// A key's two buckets are named by the topmost bits of the product and by those next to them: low bits of
// a product know little of the key. Offsets in bytes are the numbers times 64, so the hash is shifted by six
// less, and the six bits that come along are masked out.

export function firstShift(bits: u64): u64 {
  return 58 - bits;
}

export function offsetMask(bits: u64): u32 {
  return ((1 << (<u32>bits)) - 1) << 6;
}

export function firstOffset(h: u64, bits: u64): u32 {
  return <u32>(h >>> firstShift(bits)) & offsetMask(bits);
}

/** Never the same as the first. */
export function secondOffset(h: u64, bits: u64): u32 {
  const offset: u32 = <u32>(h >>> (58 - 2 * bits)) & offsetMask(bits);
  return offset === firstOffset(h, bits) ? offset ^ BUCKET_LENGTH : offset;
}

/** The value behind `key`, or 0: both compares and the choice without a branch. */
export function valueIn(bucket: usize, key: v128): u64 {
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
  const end: usize = keys + (count << 3);
  const far = load<u32>(fdb, FDB_BUCKET_BITS) >= <u32>FAR_BITS;
  return count - (far ? lookUpFar(fdb, keys, end, values) : lookUp(fdb, keys, end, values));
}

/**
 * The same in three passes: where the first buckets are is written into the values' places, a word of each is read,
 * and then they are compared. Between two reads of the second pass stand three instructions, so that the
 * processor's window holds as many cache misses as the machine can have under way; WebAssembly has no prefetch.
 */
function lookUpFar(fdb: usize, keys: usize, end: usize, values: usize): u32 {
  const table: usize = load<u32>(fdb, FDB_BUCKETS);
  const bits: u64 = load<u32>(fdb, FDB_BUCKET_BITS);
  const seed = load<u64>(fdb, FDB_SEED);
  const shift = firstShift(bits);
  const mask = offsetMask(bits);
  const valuesEnd: usize = values + (end - keys);
  let at = values;
  for (let key = keys; key < end; key += 8, at += 8) {
    store<u64>(at, <u64>(table + (<u32>(hash(load<u64>(key), seed) >>> shift) & mask)));
  }
  let touched: u32 = 0;
  for (at = values; at + 56 < valuesEnd; at += 64) {
    touched |=
      load<u32>(load<u32>(at)) |
      load<u32>(load<u32>(at, 8)) |
      load<u32>(load<u32>(at, 16)) |
      load<u32>(load<u32>(at, 24)) |
      load<u32>(load<u32>(at, 32)) |
      load<u32>(load<u32>(at, 40)) |
      load<u32>(load<u32>(at, 48)) |
      load<u32>(load<u32>(at, 56));
  }
  // Left where it can be seen, so that no compiler drops the reads.
  store<u32>(fdb, touched, FDB_TOUCHED);
  let missing: u32 = 0;
  at = values;
  for (let key = keys; key < end; key += 8, at += 8) {
    let value = valueIn(load<u32>(at), v128.load_splat<u64>(key));
    if (value === 0) {
      const second = secondOffset(hash(load<u64>(key), seed), bits);
      value = valueIn(table + second, v128.load_splat<u64>(key));
      if (value === 0) missing++;
    }
    store<u64>(at, value);
  }
  return missing;
}

/** Writes the values; returns how many keys are not there. Two keys a turn: a fifth less time than one (measured). */
function lookUp(fdb: usize, keys: usize, end: usize, values: usize): u32 {
  const table: usize = load<u32>(fdb, FDB_BUCKETS);
  const bits: u64 = load<u32>(fdb, FDB_BUCKET_BITS);
  const seed = load<u64>(fdb, FDB_SEED);
  const shift = firstShift(bits);
  const mask = offsetMask(bits);
  let missing: u32 = 0;
  for (; keys + 8 < end; keys += 16, values += 16) {
    const hash0 = hash(load<u64>(keys), seed);
    const hash1 = hash(load<u64>(keys, 8), seed);
    let value0 = valueIn(table + (<u32>(hash0 >>> shift) & mask), v128.load_splat<u64>(keys));
    let value1 = valueIn(table + (<u32>(hash1 >>> shift) & mask), v128.load_splat<u64>(keys, 8));
    if (value0 === 0) {
      value0 = valueIn(table + secondOffset(hash0, bits), v128.load_splat<u64>(keys));
      if (value0 === 0) missing++;
    }
    if (value1 === 0) {
      value1 = valueIn(table + secondOffset(hash1, bits), v128.load_splat<u64>(keys, 8));
      if (value1 === 0) missing++;
    }
    store<u64>(values, value0);
    store<u64>(values, value1, 8);
  }
  if (keys < end) {
    const key = load<u64>(keys);
    const h = hash(key, seed);
    let value = valueIn(table + (<u32>(h >>> shift) & mask), i64x2.splat(key));
    if (value === 0) value = valueIn(table + secondOffset(h, bits), i64x2.splat(key));
    if (value === 0) missing++;
    store<u64>(values, value);
  }
  return missing;
}

/** The address of the first slot of `bucket` that holds `key`, or 0. */
export function slotOf(bucket: usize, key: u64): usize {
  const wanted = i64x2.splat(key);
  const low = i64x2.bitmask(i64x2.eq(v128.load(bucket), wanted));
  const high = i64x2.bitmask(i64x2.eq(v128.load(bucket, 16), wanted));
  const found = low | (high << 2);
  return found === 0 ? 0 : bucket + (ctz<i32>(found) << 3);
}

function write(slot: usize, key: u64, value: u64): void {
  store<u64>(slot, value, BUCKET_VALUES);
  store<u64>(slot, key);
}

/** Moves one entry of a full bucket to its other bucket, if that has room; returns the slot that got free, or 0. */
function makeRoom(table: usize, bucket: u32, seed: u64, bits: u64): usize {
  for (let slot: u32 = 0; slot < <u32>BUCKET_SLOTS; slot++) {
    const at: usize = table + bucket + slot * KEY_LENGTH;
    const key = load<u64>(at);
    const h = hash(key, seed);
    const first = firstOffset(h, bits);
    const free = slotOf(table + (first === bucket ? secondOffset(h, bits) : first), 0);
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
  const bits: u64 = load<u32>(fdb, FDB_BUCKET_BITS);
  const seed = load<u64>(fdb, FDB_SEED);
  const capacity = load<u32>(fdb, FDB_CAPACITY);
  let entries = load<u32>(fdb, FDB_ENTRIES);
  let done: u32 = 0;
  for (; done < count; done++) {
    const key = load<u64>(keys + done * KEY_LENGTH);
    const value = load<u64>(values + done * VALUE_LENGTH);
    const h = hash(key, seed);
    const first = firstOffset(h, bits);
    const second = secondOffset(h, bits);
    let slot = slotOf(table + first, key);
    if (slot === 0) slot = slotOf(table + second, key);
    if (slot !== 0) {
      store<u64>(slot, value, BUCKET_VALUES);
      continue;
    }
    if (entries >= capacity) break;
    slot = slotOf(table + first, 0);
    if (slot === 0) slot = slotOf(table + second, 0);
    if (slot === 0) slot = makeRoom(table, first, seed, bits);
    if (slot === 0) slot = makeRoom(table, second, seed, bits);
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
  const bits: u64 = load<u32>(fdb, FDB_BUCKET_BITS);
  const seed = load<u64>(fdb, FDB_SEED);
  let removed: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const key = load<u64>(keys + i * KEY_LENGTH);
    if (key === 0) continue;
    const h = hash(key, seed);
    let slot = slotOf(table + firstOffset(h, bits), key);
    if (slot === 0) slot = slotOf(table + secondOffset(h, bits), key);
    if (slot === 0) continue;
    write(slot, 0, 0);
    removed++;
  }
  store<u32>(fdb, load<u32>(fdb, FDB_ENTRIES) - removed, FDB_ENTRIES);
  return removed;
}
