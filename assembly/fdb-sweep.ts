// What goes over many entries of a learning FDB: ageing, flushing, listing; and entries that are set by hand.
// All of it in slices of buckets, so that the lock is never held for long.

import {
  BUCKET_LENGTH,
  BUCKET_SLOTS,
  BUCKET_VALUES,
  EVENT_AGED,
  FDB_BUCKETS,
  FDB_CAPACITY,
  FDB_ENTRIES,
  FDB_READERS,
  KEY_DOMAIN,
  KEY_LENGTH,
  STAMP_MASK,
} from "../src/layout/fdb.layout";
import { noteEvent } from "./fdb-event";
import { lock, unlock } from "./fdb-lock";
import { changeEntry, findSlot, freeSlot, isLearned, putEntry, stampOf, takeEntry } from "./fdb-slot";

/** What the lock was not to be had for. */
const LOCKED: u32 = 0xffffffff;
const ANY: u32 = 0xffffffff;

function begin(fdb: usize, thread: u32): bool {
  if (lock(fdb, thread)) return true;
  // The next call waits anew.
  unlock();
  return false;
}

/** Removes learned entries of `count` buckets from `first` on that are `age` seconds old or more; returns how many. */
export function fdbAge(fdb: usize, first: u32, count: u32, now: u32, age: u32, thread: u32): u32 {
  if (!begin(fdb, thread)) return LOCKED;
  let removed: u32 = 0;
  let bucket: usize = load<u32>(fdb, FDB_BUCKETS) + first * BUCKET_LENGTH;
  const end: usize = bucket + count * BUCKET_LENGTH;
  for (; bucket < end; bucket += BUCKET_LENGTH) {
    for (let slot = bucket; slot < bucket + BUCKET_SLOTS * KEY_LENGTH; slot += KEY_LENGTH) {
      const value = load<u64>(slot, BUCKET_VALUES);
      if (value === 0 || !isLearned(value) || ((now - stampOf(value)) & STAMP_MASK) < age) continue;
      // Who refreshes it at this moment, without the lock, has seen it alive.
      if (load<u32>(fdb, FDB_READERS) !== 0 && atomic.cmpxchg<u64>(slot, value, 0, BUCKET_VALUES) !== value)
        continue;
      const key = load<u64>(slot);
      takeEntry(fdb, slot);
      noteEvent(fdb, EVENT_AGED, key, <u32>value, 0, now);
      removed++;
    }
  }
  unlock();
  return removed;
}

/** Removes entries of `count` buckets by bridge domain and port (ANY: all); `fixed`: static and blackhole ones too. */
export function fdbFlush(
  fdb: usize,
  first: u32,
  count: u32,
  domain: u32,
  port: u32,
  fixed: u32,
  thread: u32,
): u32 {
  if (!begin(fdb, thread)) return LOCKED;
  let removed: u32 = 0;
  let bucket: usize = load<u32>(fdb, FDB_BUCKETS) + first * BUCKET_LENGTH;
  const end: usize = bucket + count * BUCKET_LENGTH;
  for (; bucket < end; bucket += BUCKET_LENGTH) {
    for (let slot = bucket; slot < bucket + BUCKET_SLOTS * KEY_LENGTH; slot += KEY_LENGTH) {
      const value = load<u64>(slot, BUCKET_VALUES);
      if (value === 0 || (fixed === 0 && !isLearned(value))) continue;
      if (domain !== ANY && load<u16>(slot, KEY_DOMAIN) !== domain) continue;
      if (port !== ANY && (<u32>value & 0xffff) !== port) continue;
      takeEntry(fdb, slot);
      removed++;
    }
  }
  unlock();
  return removed;
}

/** Copies keys and values, 16 bytes an entry, of `count` buckets to `out`; returns how many entries. */
export function fdbList(fdb: usize, first: u32, count: u32, out: usize, thread: u32): u32 {
  if (!begin(fdb, thread)) return LOCKED;
  let entries: u32 = 0;
  let bucket: usize = load<u32>(fdb, FDB_BUCKETS) + first * BUCKET_LENGTH;
  const end: usize = bucket + count * BUCKET_LENGTH;
  for (; bucket < end; bucket += BUCKET_LENGTH) {
    for (let slot = bucket; slot < bucket + BUCKET_SLOTS * KEY_LENGTH; slot += KEY_LENGTH) {
      const value = load<u64>(slot, BUCKET_VALUES);
      if (value === 0) continue;
      store<u64>(out, load<u64>(slot));
      store<u64>(out, value, 8);
      out += 16;
      entries++;
    }
  }
  unlock();
  return entries;
}

/** Enters or changes `count` entries as they are given; stops where there is no room, and returns how many went in. */
export function fdbSet(fdb: usize, keys: usize, count: u32, values: usize, thread: u32): u32 {
  if (!begin(fdb, thread)) return LOCKED;
  let done: u32 = 0;
  for (; done < count; done++) {
    const key = load<u64>(keys + (done << 3));
    const value = load<u64>(values + (done << 3));
    let slot = findSlot(fdb, key);
    if (slot !== 0) {
      changeEntry(fdb, slot, value);
      continue;
    }
    if (load<u32>(fdb, FDB_ENTRIES) >= load<u32>(fdb, FDB_CAPACITY)) break;
    slot = freeSlot(fdb, key, thread);
    if (slot === 0) break;
    putEntry(fdb, slot, key, value);
  }
  unlock();
  return done;
}

/** Removes `count` keys; returns how many were there. */
export function fdbUnset(fdb: usize, keys: usize, count: u32, thread: u32): u32 {
  if (!begin(fdb, thread)) return LOCKED;
  let removed: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const slot = findSlot(fdb, load<u64>(keys + (i << 3)));
    if (slot === 0) continue;
    takeEntry(fdb, slot);
    removed++;
  }
  unlock();
  return removed;
}
