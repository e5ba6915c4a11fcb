// The FDB: a hash table of 64-byte buckets, so that a lookup reads one cache line.
//
// Every key has two buckets. It stands in the first unless that was full, so that nearly every
// hit is one line; with two there are no chains, and removal leaves no tombstones. A byte for each bucket says how many
// keys that belong there first stand in their second: nearly always none, so that a miss is one line, too, and a byte.
//
// A burst is looked up in passes: all keys are hashed, eight a turn; in a table larger than the caches a word of every
// bucket is read, so that the misses overlap (WebAssembly has no prefetch); the buckets are compared. The keys that
// were not there and may be elsewhere, one in 27 of those that the table holds, go to their second buckets in the same way.

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
  NO_DESTINATION,
  VALUE_FLAGS,
  VALUE_LENGTH,
} from "../src/layout/fdb.layout";

/** From 2^17 buckets (8 MiB) on touching is worth its time; below it only costs (measured). */
const FAR_BITS: u32 = 17;

/** What the bytes of strayed keys count to, and from where on they do while it is found out how many there are. */
const STRAYED_MAXIMUM: u32 = 255;
export const STRAYED_UNKNOWN: u32 = 128;

/** The multipliers of Murmur3's finalizer. */
const MULTIPLIER_1: u32 = 0x85ebca6b;
const MULTIPLIER_2: u32 = 0xc2b2ae35;

/** SplitMix64: every bit of the result hangs on every bit of `x`. */
function mix(x: u64): u64 {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >>> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >>> 27)) * 0x94d049bb133111eb;
  return x ^ (x >>> 31);
}

/** The seed as `hash` and `secondOffset` take it: mixed, so that 0 and 1 are as good as random ones. */
export function seedOf(fdb: usize): u64 {
  return mix(load<u64>(fdb, FDB_SEED));
}

/** What cuts a bucket's offset in bytes, a multiple of 64, out of a hash. */
export function offsetMask(fdb: usize): u32 {
  return ((1 << load<u32>(fdb, FDB_BUCKET_BITS)) - 1) << 6;
}

/**
 * The secret comes first: both halves of the key are added to secret numbers and multiplied (NH, RFC 4418 section
 * 5.2.2: two keys share a product under one seed in 2^32), so that nobody without the seed can aim keys at one bucket.
 * The steps after it, which everybody knows, break up progressions: MACs that count would else fall on few buckets.
 */
export function hash(key: u64, seed: u64): u32 {
  const product = <u64>(<u32>key + <u32>seed) * <u64>(<u32>(key >>> 32) + <u32>(seed >>> 32));
  let h = <u32>product ^ <u32>(product >>> 32);
  h *= MULTIPLIER_1;
  h ^= h >>> 15;
  h *= MULTIPLIER_2;
  return h ^ (h >>> 16);
}

/** `hash` of the four keys at `keys`; the vectors hold in every lane what their names say. */
function hashFour(keys: usize, seedLow: v128, seedHigh: v128, multiplier1: v128, multiplier2: v128): v128 {
  const one = v128.load(keys);
  const other = v128.load(keys, 16);
  const low = i32x4.add(v128.shuffle<i32>(one, other, 0, 2, 4, 6), seedLow);
  const high = i32x4.add(v128.shuffle<i32>(one, other, 1, 3, 5, 7), seedHigh);
  const products = i64x2.extmul_low_i32x4_u(low, high);
  const more = i64x2.extmul_high_i32x4_u(low, high);
  let h = v128.xor(
    v128.shuffle<i32>(products, more, 0, 2, 4, 6),
    v128.shuffle<i32>(products, more, 1, 3, 5, 7),
  );
  h = i32x4.mul(h, multiplier1);
  h = v128.xor(h, i32x4.shr_u(h, 15));
  h = i32x4.mul(h, multiplier2);
  return v128.xor(h, i32x4.shr_u(h, 16));
}

export function firstOffset(h: u32, mask: u32): u32 {
  return h & mask;
}

/** Where it says how many keys stand in their second bucket because that at `offset` was full: behind all buckets. */
function strayedAt(table: usize, mask: u32, offset: u32): usize {
  return table + mask + BUCKET_LENGTH + (offset >>> 6);
}

/** Whether a key that does not stand in its first bucket, that at `offset`, may stand in its second. */
export function mayHaveStrayed(table: usize, mask: u32, offset: u32): bool {
  return load<u8>(strayedAt(table, mask, offset)) !== 0;
}

/** Says that one key more, or one less (-1), of those that belong at `offset` first stands in its second bucket. */
export function noteStrayed(table: usize, mask: u32, offset: u32, change: i32): void {
  const at = strayedAt(table, mask, offset);
  const keys: u32 = load<u8>(at);
  // More than it can count are never counted down again: then it is looked for in vain, but never missed.
  if (keys !== STRAYED_MAXIMUM) atomic.store<u8>(at, keys + change);
}

/** Never the same as `first`. A hash of its own: it is wanted so seldom that it may be slow. */
export function secondOffset(key: u64, seed: u64, mask: u32, first: u32): u32 {
  const offset = <u32>(mix(key ^ seed) >>> 32) & mask;
  return offset === first ? offset ^ BUCKET_LENGTH : offset;
}

/** Which of the four slots of `bucket` hold the key that stands in both lanes, a bit each. */
function slotsHolding(bucket: usize, key: v128): u32 {
  const low = i64x2.eq(v128.load(bucket), key);
  const high = i64x2.eq(v128.load(bucket, 16), key);
  return i32x4.bitmask(v128.shuffle<i32>(low, high, 0, 2, 4, 6));
}

/** The value behind the key that stands in both lanes, or 0. */
function valueBehind(bucket: usize, key: v128): u64 {
  const slots = slotsHolding(bucket, key);
  return slots === 0 ? 0 : load<u64>(bucket + (ctz<u32>(slots) << 3), BUCKET_VALUES);
}

/** The value behind `key`, or 0. */
export function valueIn(bucket: usize, key: u64): u64 {
  return valueBehind(bucket, i64x2.splat(key));
}

/** The address of the first slot of `bucket` that holds `key`, or 0. */
export function slotOf(bucket: usize, key: u64): usize {
  const slots = slotsHolding(bucket, i64x2.splat(key));
  return slots === 0 ? 0 : bucket + (ctz<u32>(slots) << 3);
}

/**
 * Looks `count` keys up and writes a value for each; returns how many were found. `values` is working memory,
 * too: at first its upper half holds the addresses of first buckets, each read before a value is written over it; then the
 * words of a key that was not in its first bucket hold its second one, and which such key came before, until its value.
 */
export function fdbLookup(fdb: usize, keys: usize, count: u32, values: usize): u32 {
  const buckets: usize = values + (count << 2);
  const far = load<u32>(fdb, FDB_BUCKET_BITS) >= FAR_BITS;
  findFirstBuckets(fdb, keys, count, values, buckets);
  if (far) store<u32>(fdb, touchBuckets(buckets, count), FDB_TOUCHED);
  nowhere = 0;
  const missing = compareFirst(fdb, keys, count, values, buckets);
  if (missing !== 0) {
    findSecondBuckets(fdb, keys, values, missing);
    if (far) store<u32>(fdb, touchSecond(missing), FDB_TOUCHED);
    compareSecond(keys, values, missing);
  }
  return count - nowhere;
}

/** The same, but leaves 32 bits of each: its destination, or NO_DESTINATION. For who would read each value in JavaScript. */
export function fdbLookupPlain(fdb: usize, keys: usize, count: u32, values: usize): u32 {
  const found = fdbLookup(fdb, keys, count, values);
  let to = values;
  for (const end: usize = values + count * VALUE_LENGTH; values < end; values += VALUE_LENGTH, to += 4)
    store<u32>(to, load<u32>(values, VALUE_FLAGS) === 0 ? <u32>NO_DESTINATION : load<u32>(values));
  return found;
}

/** Keys of the present burst that the table does not hold, as far as is known. */
let nowhere: u32 = 0;

/** All lanes of a vector. From memory: a splat of a register V8 would repeat in every turn of a loop, a load not. */
function everyLane(x: u32, place: usize): v128 {
  store<u32>(place, x);
  return v128.load32_splat(place);
}

/** Writes `count` addresses of 32 bits to `buckets`. `values` is free till then. */
function findFirstBuckets(fdb: usize, keys: usize, count: u32, values: usize, buckets: usize): void {
  const table = load<u32>(fdb, FDB_BUCKETS);
  const mask = offsetMask(fdb);
  const seed = seedOf(fdb);
  const end: usize = keys + (count << 3);
  if (count >= 8) {
    const seedLow = everyLane(<u32>seed, values);
    const seedHigh = everyLane(<u32>(seed >>> 32), values);
    const multiplier1 = everyLane(MULTIPLIER_1, values);
    const multiplier2 = everyLane(MULTIPLIER_2, values);
    const masks = everyLane(mask, values);
    const tables = everyLane(table, values);
    for (; keys + 56 < end; keys += 64, buckets += 32) {
      const one = hashFour(keys, seedLow, seedHigh, multiplier1, multiplier2);
      const other = hashFour(keys + 32, seedLow, seedHigh, multiplier1, multiplier2);
      v128.store(buckets, i32x4.add(v128.and(one, masks), tables));
      v128.store(buckets, i32x4.add(v128.and(other, masks), tables), 16);
    }
  }
  for (; keys < end; keys += 8, buckets += 4)
    store<u32>(buckets, table + firstOffset(hash(load<u64>(keys), seed), mask));
}

/**
 * Reads a word of each bucket. Hardly anything stands between two reads, so that the processor's window holds as many
 * misses as the machine can have under way. The result is kept, so that no compiler drops the reads.
 */
function touchBuckets(buckets: usize, count: u32): u32 {
  const end: usize = buckets + (count << 2);
  let touched: u32 = 0;
  for (; buckets + 28 < end; buckets += 32) {
    touched |=
      load<u32>(load<u32>(buckets)) |
      load<u32>(load<u32>(buckets, 4)) |
      load<u32>(load<u32>(buckets, 8)) |
      load<u32>(load<u32>(buckets, 12)) |
      load<u32>(load<u32>(buckets, 16)) |
      load<u32>(load<u32>(buckets, 20)) |
      load<u32>(load<u32>(buckets, 24)) |
      load<u32>(load<u32>(buckets, 28));
  }
  return touched;
}

/**
 * Writes the values of the keys that stand in their first buckets, and links the places of all others; returns the
 * last of those, or 0. Four keys a turn: a tenth less time than one (measured).
 */
function compareFirst(fdb: usize, keys: usize, count: u32, values: usize, buckets: usize): usize {
  const end: usize = keys + (count << 3);
  const table: usize = load<u32>(fdb, FDB_BUCKETS);
  const strayed = strayedAt(table, offsetMask(fdb), 0);
  let missing: usize = 0;
  for (; keys + 24 < end; keys += 32, buckets += 16, values += 32) {
    missing = compareOne(keys, values, load<u32>(buckets), missing, table, strayed);
    missing = compareOne(keys + 8, values + 8, load<u32>(buckets, 4), missing, table, strayed);
    missing = compareOne(keys + 16, values + 16, load<u32>(buckets, 8), missing, table, strayed);
    missing = compareOne(keys + 24, values + 24, load<u32>(buckets, 12), missing, table, strayed);
  }
  for (; keys < end; keys += 8, buckets += 4, values += 8)
    missing = compareOne(keys, values, load<u32>(buckets), missing, table, strayed);
  return missing;
}

function compareOne(
  key: usize,
  place: usize,
  bucket: usize,
  missing: usize,
  table: usize,
  strayed: usize,
): usize {
  const value = valueBehind(bucket, v128.load_splat<u64>(key));
  if (value === 0) {
    if (load<u8>(strayed + (<u32>(bucket - table) >>> 6)) === 0) {
      store<u64>(place, 0);
      nowhere++;
      return missing;
    }
    store<u32>(place, missing);
    store<u32>(place, bucket, 4);
    return place;
  }
  store<u64>(place, value);
  return missing;
}

/** Replaces the first bucket beside each link by the second. */
function findSecondBuckets(fdb: usize, keys: usize, values: usize, missing: usize): void {
  const table = load<u32>(fdb, FDB_BUCKETS);
  const mask = offsetMask(fdb);
  const seed = seedOf(fdb);
  for (; missing !== 0; missing = load<u32>(missing)) {
    const key = load<u64>(keys + (missing - values));
    const first = load<u32>(missing, 4) - table;
    store<u32>(missing, table + secondOffset(key, seed, mask, first), 4);
  }
}

/** As `touchBuckets`, along the links. */
function touchSecond(missing: usize): u32 {
  let touched: u32 = 0;
  for (; missing !== 0; missing = load<u32>(missing)) touched |= load<u32>(load<u32>(missing, 4));
  return touched;
}

/** Replaces the links by values. */
function compareSecond(keys: usize, values: usize, missing: usize): void {
  while (missing !== 0) {
    const place = missing;
    missing = load<u32>(place);
    const value = valueBehind(load<u32>(place, 4), v128.load_splat<u64>(keys + (place - values)));
    store<u64>(place, value);
    nowhere += <u32>(value === 0);
  }
}

function write(slot: usize, key: u64, value: u64): void {
  store<u64>(slot, value, BUCKET_VALUES);
  store<u64>(slot, key);
}

/** Moves one entry of a full bucket to its other bucket, if that has room; returns the slot that got free, or 0. */
function makeRoom(table: usize, bucket: u32, seed: u64, mask: u32): usize {
  for (let slot: u32 = 0; slot < <u32>BUCKET_SLOTS; slot++) {
    const at: usize = table + bucket + slot * KEY_LENGTH;
    const key = load<u64>(at);
    const first = firstOffset(hash(key, seed), mask);
    const other = first === bucket ? secondOffset(key, seed, mask, first) : first;
    const free = slotOf(table + other, 0);
    if (free !== 0) {
      write(free, key, load<u64>(at, BUCKET_VALUES));
      noteStrayed(table, mask, first, first === bucket ? 1 : -1);
      return at;
    }
  }
  return 0;
}

/** Inserts or updates `count` entries in order; stops at the first that finds no room and returns how many went in. */
export function fdbInsert(fdb: usize, keys: usize, count: u32, values: usize): u32 {
  const table: usize = load<u32>(fdb, FDB_BUCKETS);
  const mask = offsetMask(fdb);
  const seed = seedOf(fdb);
  const capacity = load<u32>(fdb, FDB_CAPACITY);
  let entries = load<u32>(fdb, FDB_ENTRIES);
  let done: u32 = 0;
  for (; done < count; done++) {
    const key = load<u64>(keys + done * KEY_LENGTH);
    const value = load<u64>(values + done * VALUE_LENGTH);
    const first = firstOffset(hash(key, seed), mask);
    const second = secondOffset(key, seed, mask, first);
    const strays = mayHaveStrayed(table, mask, first);
    let slot = slotOf(table + first, key);
    if (slot === 0 && strays) slot = slotOf(table + second, key);
    if (slot !== 0) {
      store<u64>(slot, value, BUCKET_VALUES);
      continue;
    }
    if (entries >= capacity) break;
    slot = slotOf(table + first, 0);
    if (slot === 0) slot = slotOf(table + second, 0);
    if (slot === 0) slot = makeRoom(table, first, seed, mask);
    if (slot === 0) slot = makeRoom(table, second, seed, mask);
    if (slot === 0) break;
    if (<u32>(slot - table) >>> 6 !== first >>> 6) noteStrayed(table, mask, first, 1);
    write(slot, key, value);
    entries++;
  }
  store<u32>(fdb, entries, FDB_ENTRIES);
  return done;
}

/** Removes `count` keys; returns how many were there. */
export function fdbRemove(fdb: usize, keys: usize, count: u32): u32 {
  const table: usize = load<u32>(fdb, FDB_BUCKETS);
  const mask = offsetMask(fdb);
  const seed = seedOf(fdb);
  let removed: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const key = load<u64>(keys + i * KEY_LENGTH);
    if (key === 0) continue;
    const first = firstOffset(hash(key, seed), mask);
    let slot = slotOf(table + first, key);
    if (slot === 0) {
      if (!mayHaveStrayed(table, mask, first)) continue;
      slot = slotOf(table + secondOffset(key, seed, mask, first), key);
      if (slot === 0) continue;
      noteStrayed(table, mask, first, -1);
    }
    write(slot, 0, 0);
    removed++;
  }
  store<u32>(fdb, load<u32>(fdb, FDB_ENTRIES) - removed, FDB_ENTRIES);
  return removed;
}
