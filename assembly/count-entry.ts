// The entries of a table of counts: found by the key of the frame in work, or made.

import {
  COUNT_CAPACITY,
  COUNT_ENTRIES,
  COUNT_ENTRY_LENGTH,
  COUNT_INDEX,
  COUNT_INDEX_MASK,
  COUNT_KEY,
  COUNT_OTHER_BYTES,
  COUNT_OTHER_FRAMES,
  COUNT_PLACE_LENGTH,
  COUNT_USED,
  ENTRY_BYTES,
  ENTRY_FRAMES,
  ENTRY_HASH,
  ENTRY_KEY,
} from "../src/layout/count.layout";

/**
 * Counts a frame of so many bytes whose key lies at COUNT_KEY of the state. `last` is the entry of the frame before, whose
 * key is often the same, or 0; returns that of this one, 0 if there is no room for it.
 */
export function countKey(stage: usize, state: usize, keyLength: u32, last: usize, bytes: u64): usize {
  const key: usize = state + COUNT_KEY;
  if (last === 0 || !isSame(last + ENTRY_KEY, key, keyLength)) last = entryOf(stage, state, key, keyLength);
  if (last !== 0) {
    store<u64>(last, load<u64>(last, ENTRY_FRAMES) + 1, ENTRY_FRAMES);
    store<u64>(last, load<u64>(last, ENTRY_BYTES) + bytes, ENTRY_BYTES);
  } else {
    store<u64>(state, load<u64>(state, COUNT_OTHER_FRAMES) + 1, COUNT_OTHER_FRAMES);
    store<u64>(state, load<u64>(state, COUNT_OTHER_BYTES) + bytes, COUNT_OTHER_BYTES);
  }
  return last;
}

/** The entry of this key, a new one if need be; 0 if there is no room for that. */
function entryOf(stage: usize, state: usize, key: usize, keyLength: u32): usize {
  const entryLength = load<u32>(stage, COUNT_ENTRY_LENGTH);
  const index: usize = state + load<u32>(stage, COUNT_INDEX);
  const mask = load<u32>(stage, COUNT_INDEX_MASK);
  const hash = hashOf(key, keyLength);
  let place = hash & mask;
  // There are twice as many places as entries, at least: a free one ends the search.
  for (;;) {
    const number = load<u32>(index + place * COUNT_PLACE_LENGTH);
    if (number === 0) break;
    const entry: usize = state + COUNT_ENTRIES + (number - 1) * entryLength;
    if (load<u32>(entry, ENTRY_HASH) === hash && isSame(entry + ENTRY_KEY, key, keyLength)) return entry;
    place = (place + 1) & mask;
  }
  const used = load<u32>(state, COUNT_USED);
  if (used === load<u32>(stage, COUNT_CAPACITY)) return 0;
  const entry: usize = state + COUNT_ENTRIES + used * entryLength;
  store<u64>(entry, 0, ENTRY_FRAMES);
  store<u64>(entry, 0, ENTRY_BYTES);
  store<u32>(entry, hash, ENTRY_HASH);
  for (let at: u32 = 0; at < keyLength; at += 8) store<u64>(entry + ENTRY_KEY + at, load<u64>(key + at));
  store<u32>(state, used + 1, COUNT_USED);
  store<u32>(index + place * COUNT_PLACE_LENGTH, used + 1);
  return entry;
}

function isSame(a: usize, b: usize, length: u32): bool {
  for (let at: u32 = 0; at < length; at += 8) if (load<u64>(a + at) !== load<u64>(b + at)) return false;
  return true;
}

function hashOf(key: usize, length: u32): u32 {
  let hash: u64 = 0;
  for (let at: u32 = 0; at < length; at += 8) {
    hash = (hash ^ load<u64>(key + at)) * 0x9e3779b97f4a7c15;
    hash ^= hash >>> 32;
  }
  return <u32>hash;
}
