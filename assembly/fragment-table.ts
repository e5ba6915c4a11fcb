// The memory of fragments that wait for each other (src/layout/fragment.layout.ts): datagrams found by their key, and a ring
// in which their fragments lie as they came. Nothing is ever moved there: what is at the ring's tail makes way for what is
// new, and its whole datagram with it.

import { COUNTER_LENGTH, DROP_FRAGMENT_TABLE_FULL } from "../src/layout/drop.layout";
import {
  BUCKETS,
  DATAGRAM_BEGUN,
  DATAGRAM_CHAIN,
  DATAGRAM_COUNT,
  DATAGRAM_COVERED,
  DATAGRAM_END,
  DATAGRAM_FIRST,
  DATAGRAM_HIGHEST,
  DATAGRAM_KEY,
  DATAGRAM_LAST,
  DATAGRAM_LENGTH,
  DATAGRAM_LOWEST,
  DATAGRAM_NEWER,
  DATAGRAM_OLDER,
  DATAGRAM_REFUSED,
  DATAGRAM_RELEASED,
  DATAGRAMS_MAXIMUM,
  END_UNKNOWN,
  FRAGMENT_ALIGNMENT,
  FRAGMENT_NEXT,
  FRAGMENT_OWNER,
  FRAGMENT_TOTAL,
  KEY_LENGTH,
  SCRATCH_LENGTH,
  TABLE_BUCKETS,
  TABLE_CLOCK,
  TABLE_DATAGRAMS,
  TABLE_FREE,
  TABLE_HEAD,
  TABLE_JOINED,
  TABLE_KEY,
  TABLE_NEWEST,
  TABLE_OLDEST,
  TABLE_REASSEMBLED,
  TABLE_RELEASED,
  TABLE_RELEASED_LAST,
  TABLE_RING,
  TABLE_RING_END,
  TABLE_SCRATCH,
  TABLE_TAIL,
  TABLE_UNUSED,
} from "../src/layout/fragment.layout";

// What is written in the layout as a sum must be one.
if (TABLE_DATAGRAMS !== TABLE_BUCKETS + 4 * BUCKETS) ERROR("TABLE_DATAGRAMS");

/** Makes an empty table of `length` bytes at `table`, for frames that need so much headroom. */
export function openFragments(table: usize, headroom: u32, length: u32): void {
  memory.fill(table, 0, TABLE_DATAGRAMS);
  const datagrams: usize = table + TABLE_DATAGRAMS;
  const scratch: usize = datagrams + DATAGRAMS_MAXIMUM * DATAGRAM_LENGTH;
  const ring: usize =
    (scratch + headroom + SCRATCH_LENGTH + FRAGMENT_ALIGNMENT - 1) & ~(FRAGMENT_ALIGNMENT - 1);
  const end: usize = (table + length) & ~(FRAGMENT_ALIGNMENT - 1);
  store<u32>(table, <u32>datagrams, TABLE_UNUSED);
  store<u32>(table, <u32>scratch, TABLE_SCRATCH);
  store<u32>(table, <u32>ring, TABLE_RING);
  store<u32>(table, <u32>end, TABLE_RING_END);
  store<u64>(table, 0, TABLE_JOINED);
  store<u64>(table, 0, TABLE_REASSEMBLED);
}

/** The word of the hash table that begins the chain of the key at `key`. */
function bucketOf(table: usize, key: usize): usize {
  let hash: u64 = 0;
  for (let at: usize = 0; at < <usize>KEY_LENGTH; at += 8) {
    hash = (hash ^ load<u64>(key + at)) * 0x9e3779b97f4a7c15;
    hash ^= hash >>> 29;
  }
  return table + TABLE_BUCKETS + ((<u32>(hash >>> 32) & (BUCKETS - 1)) << 2);
}

/** Whether so many bytes are the same. */
export function isEqual(a: usize, b: usize, length: u32): bool {
  let at: usize = 0;
  for (; at + 8 <= <usize>length; at += 8) if (load<u64>(a + at) !== load<u64>(b + at)) return false;
  for (; at < <usize>length; at++) if (load<u8>(a + at) !== load<u8>(b + at)) return false;
  return true;
}

/** The datagram of the fragment in work; 0 if there is none. */
export function findDatagram(table: usize): usize {
  const key: usize = table + TABLE_KEY;
  let datagram: usize = load<u32>(bucketOf(table, key));
  while (datagram !== 0 && !isEqual(datagram + DATAGRAM_KEY, key, KEY_LENGTH))
    datagram = load<u32>(datagram, DATAGRAM_CHAIN);
  return datagram;
}

/** Begins a datagram for the fragment in work. 0: the oldest one has to go on first, since there is room for no more. */
export function beginDatagram(table: usize, counters: usize, keep: bool): usize {
  let datagram: usize = load<u32>(table, TABLE_FREE);
  if (datagram === 0) {
    datagram = load<u32>(table, TABLE_UNUSED);
    if (datagram + DATAGRAM_LENGTH > <usize>load<u32>(table, TABLE_SCRATCH)) {
      const oldest: usize = load<u32>(table, TABLE_OLDEST);
      if (!giveUp(table, oldest, DROP_FRAGMENT_TABLE_FULL, false, counters, keep)) return 0;
      datagram = load<u32>(table, TABLE_FREE);
      store<u32>(table, load<u32>(datagram, DATAGRAM_CHAIN), TABLE_FREE);
    } else store<u32>(table, <u32>datagram + DATAGRAM_LENGTH, TABLE_UNUSED);
  } else store<u32>(table, load<u32>(datagram, DATAGRAM_CHAIN), TABLE_FREE);
  memory.fill(datagram, 0, DATAGRAM_LENGTH);
  memory.copy(datagram + DATAGRAM_KEY, table + TABLE_KEY, KEY_LENGTH);
  store<u64>(datagram, load<u64>(table, TABLE_CLOCK), DATAGRAM_BEGUN);
  store<u32>(datagram, END_UNKNOWN, DATAGRAM_END);
  const bucket = bucketOf(table, datagram + DATAGRAM_KEY);
  store<u32>(datagram, load<u32>(bucket), DATAGRAM_CHAIN);
  store<u32>(bucket, <u32>datagram);
  const newest: usize = load<u32>(table, TABLE_NEWEST);
  store<u32>(datagram, <u32>newest, DATAGRAM_OLDER);
  if (newest === 0) store<u32>(table, <u32>datagram, TABLE_OLDEST);
  else store<u32>(newest, <u32>datagram, DATAGRAM_NEWER);
  store<u32>(table, <u32>datagram, TABLE_NEWEST);
  return datagram;
}

/** Lets nobody's be what the ring holds of the datagram, which may stay. */
export function emptyDatagram(datagram: usize): void {
  for (let one: usize = load<u32>(datagram, DATAGRAM_FIRST); one !== 0; one = load<u32>(one, FRAGMENT_NEXT))
    store<u32>(one, 0, FRAGMENT_OWNER);
  store<u32>(datagram, 0, DATAGRAM_FIRST);
  store<u32>(datagram, 0, DATAGRAM_LAST);
  store<u32>(datagram, 0, DATAGRAM_LOWEST);
  store<u32>(datagram, 0, DATAGRAM_HIGHEST);
  store<u32>(datagram, 0, DATAGRAM_COUNT);
  store<u32>(datagram, 0, DATAGRAM_COVERED);
}

/** Takes an empty datagram out of the table. */
export function endDatagram(table: usize, datagram: usize): void {
  let link = bucketOf(table, datagram + DATAGRAM_KEY);
  while (<usize>load<u32>(link) !== datagram) link = <usize>load<u32>(link) + DATAGRAM_CHAIN;
  store<u32>(link, load<u32>(datagram, DATAGRAM_CHAIN));
  const older: usize = load<u32>(datagram, DATAGRAM_OLDER);
  const newer: usize = load<u32>(datagram, DATAGRAM_NEWER);
  if (older === 0) store<u32>(table, <u32>newer, TABLE_OLDEST);
  else store<u32>(older, <u32>newer, DATAGRAM_NEWER);
  if (newer === 0) store<u32>(table, <u32>older, TABLE_NEWEST);
  else store<u32>(newer, <u32>older, DATAGRAM_OLDER);
  store<u32>(datagram, load<u32>(table, TABLE_FREE), DATAGRAM_CHAIN);
  store<u32>(table, <u32>datagram, TABLE_FREE);
}

/** Counts records that were dropped here: no stage has seen them. */
export function countFragments(reason: u32, count: u32, counters: usize): void {
  const counter: usize = counters + reason * COUNTER_LENGTH;
  store<u64>(counter, load<u64>(counter) + count);
}

/**
 * Drops the fragments of a datagram that will not become whole. To keep them is to let them go on as they are: then the
 * result is false, and they have to before anything else is done. Fragments to come share the fate of one that is
 * remembered.
 */
export function giveUp(
  table: usize,
  datagram: usize,
  reason: u32,
  remember: bool,
  counters: usize,
  keep: bool,
): bool {
  const count = load<u32>(datagram, DATAGRAM_COUNT);
  if (remember) store<u32>(datagram, reason, DATAGRAM_REFUSED);
  if (keep && count !== 0) {
    releaseDatagram(table, datagram);
    return false;
  }
  countFragments(reason, count, counters);
  emptyDatagram(datagram);
  if (!remember) endDatagram(table, datagram);
  return true;
}

/** Lets the fragments of the datagram go on as they are, behind those of others that do already. */
export function releaseDatagram(table: usize, datagram: usize): void {
  const last: usize = load<u32>(table, TABLE_RELEASED_LAST);
  store<u32>(datagram, 0, DATAGRAM_RELEASED);
  if (last === 0) store<u32>(table, <u32>datagram, TABLE_RELEASED);
  else store<u32>(last, <u32>datagram, DATAGRAM_RELEASED);
  store<u32>(table, <u32>datagram, TABLE_RELEASED_LAST);
}

/** For the first released datagram, of which nothing waits any more: it goes, or stays refused. */
export function endRelease(table: usize, datagram: usize): void {
  const next = load<u32>(datagram, DATAGRAM_RELEASED);
  store<u32>(table, next, TABLE_RELEASED);
  if (next === 0) store<u32>(table, 0, TABLE_RELEASED_LAST);
  emptyDatagram(datagram);
  if (load<u32>(datagram, DATAGRAM_REFUSED) === 0) endDatagram(table, datagram);
}

/**
 * Makes room for a fragment of `length` bytes, a multiple of the alignment, at the ring's head: others may make way for it.
 * False: those have to go on first.
 */
export function makeRoom(table: usize, length: u32, counters: usize, keep: bool): bool {
  const ring: usize = load<u32>(table, TABLE_RING);
  const end: usize = load<u32>(table, TABLE_RING_END);
  while (true) {
    const head: usize = load<u32>(table, TABLE_HEAD);
    const tail: usize = load<u32>(table, TABLE_TAIL);
    if (tail === 0) {
      // A frame is much shorter than the ring.
      store<u32>(table, <u32>ring, TABLE_HEAD);
      return true;
    }
    if (head > tail) {
      if (end - head >= <usize>length) return true;
      if (tail - ring >= <usize>length) {
        // What is left at the end belongs to nobody.
        if (head < end) {
          store<u32>(head, <u32>(end - head), FRAGMENT_TOTAL);
          store<u32>(head, 0, FRAGMENT_OWNER);
        }
        store<u32>(table, <u32>ring, TABLE_HEAD);
        return true;
      }
    } else if (tail - head >= <usize>length) return true;
    const owner: usize = load<u32>(tail, FRAGMENT_OWNER);
    if (owner === 0) freeTail(table, head, tail, ring, end);
    else if (!giveUp(table, owner, DROP_FRAGMENT_TABLE_FULL, false, counters, keep)) return false;
  }
}

function freeTail(table: usize, head: usize, tail: usize, ring: usize, end: usize): void {
  const behind = tail + load<u32>(tail, FRAGMENT_TOTAL);
  const next = behind === end ? ring : behind;
  store<u32>(table, behind === head || next === head ? 0 : <u32>next, TABLE_TAIL);
}
