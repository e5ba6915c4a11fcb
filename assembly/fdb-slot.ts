// One entry of an FDB: found, put into a slot, moved, taken out; and its place in the list of its port's learned entries.

import {
  BUCKET_LENGTH,
  BUCKET_SLOTS,
  BUCKET_VALUES,
  CHAIN_LENGTH,
  CHAIN_NEXT,
  CHAIN_PORT,
  CHAIN_PREVIOUS,
  CHAIN_STAMP,
  FDB_BUCKETS,
  FDB_CHAINS,
  FDB_DOMAIN_COUNT,
  FDB_DOMAIN_ENTRIES,
  FDB_DOMAIN_LENGTH,
  FDB_DOMAINS,
  FDB_ENTRIES,
  FDB_EPOCH,
  FDB_PORT_COUNT,
  FDB_PORT_ENTRIES,
  FDB_PORT_HEAD,
  FDB_PORT_LENGTH,
  FDB_PORT_TAIL,
  FDB_PORTS,
  FDB_READERS,
  KEY_DOMAIN,
  KEY_LENGTH,
  KEY_RETIRED,
  KEY_RETIRED_EPOCH,
  VALUE_BLACKHOLE,
  VALUE_FLAGS,
  VALUE_STAMP_SHIFT,
  VALUE_STATIC,
} from "../src/layout/fdb.layout";
import {
  firstOffset,
  hash,
  mayHaveStrayed,
  noteStrayed,
  offsetMask,
  STRAYED_UNKNOWN,
  secondOffset,
  seedOf,
  slotOf,
} from "./fdb";
import { isPast, noteRetired } from "./fdb-lock";

/** The slot of `key`, or 0. */
export function findSlot(fdb: usize, key: u64): usize {
  const table: usize = load<u32>(fdb, FDB_BUCKETS);
  const mask = offsetMask(fdb);
  const seed = seedOf(fdb);
  const first = firstOffset(hash(key, seed), mask);
  const slot = slotOf(table + first, key);
  if (slot !== 0 || !mayHaveStrayed(table, mask, first)) return slot;
  return slotOf(table + secondOffset(key, seed, mask, first), key);
}

/** A slot for a new `key`, which must not be in the table; 0 if none can be had. */
export function freeSlot(fdb: usize, key: u64, thread: u32): usize {
  const table: usize = load<u32>(fdb, FDB_BUCKETS);
  const mask = offsetMask(fdb);
  const seed = seedOf(fdb);
  const first = firstOffset(hash(key, seed), mask);
  let slot = freeSlotIn(fdb, table + first, thread);
  if (slot !== 0) return slot;
  const second = secondOffset(key, seed, mask, first);
  slot = freeSlotIn(fdb, table + second, thread);
  if (slot === 0) slot = makeRoom(fdb, first, thread);
  if (slot === 0) slot = makeRoom(fdb, second, thread);
  return slot;
}

function freeSlotIn(fdb: usize, bucket: usize, thread: u32): usize {
  const slot = slotOf(bucket, 0);
  if (slot !== 0 || load<u32>(fdb, FDB_READERS) === 0) return slot;
  for (let i: u32 = 0; i < <u32>BUCKET_SLOTS; i++) {
    const at: usize = bucket + i * KEY_LENGTH;
    if (load<u8>(at) === KEY_RETIRED && isPast(fdb, load<u32>(at, KEY_RETIRED_EPOCH), thread)) return at;
  }
  return 0;
}

/** Moves one entry of a full bucket to its other bucket, if that has room; returns the slot that got free, or 0. */
function makeRoom(fdb: usize, bucket: u32, thread: u32): usize {
  const table: usize = load<u32>(fdb, FDB_BUCKETS);
  const mask = offsetMask(fdb);
  const seed = seedOf(fdb);
  for (let i: u32 = 0; i < <u32>BUCKET_SLOTS; i++) {
    const from: usize = table + bucket + i * KEY_LENGTH;
    const key = load<u64>(from);
    if (load<u8>(from) === KEY_RETIRED) continue;
    const first = firstOffset(hash(key, seed), mask);
    const shared = load<u32>(fdb, FDB_READERS) !== 0;
    // Readers look into the first bucket first: whoever has been there in vain must not find the second empty, too.
    if (shared && first !== bucket) continue;
    const other = first === bucket ? secondOffset(key, seed, mask, first) : first;
    const to = freeSlotIn(fdb, table + other, thread);
    if (to === 0) continue;
    const value = atomic.load<u64>(from, BUCKET_VALUES);
    // In both places for a moment: a reader finds it in one of them.
    writeSlot(fdb, to, key, value);
    moveLink(fdb, from, to);
    if (!shared) {
      emptySlot(fdb, from);
      return from;
    }
    // It may have been refreshed meanwhile.
    const last = atomic.xchg<u64>(from, 0, BUCKET_VALUES);
    if (last !== value) atomic.cmpxchg<u64>(to, value, last, BUCKET_VALUES);
    emptySlot(fdb, from);
    // Readers may still be looking at the old place: it is not free yet.
    return 0;
  }
  return 0;
}

/** The value first, then the key; before both, that the key has strayed, if it has. */
export function writeSlot(fdb: usize, slot: usize, key: u64, value: u64): void {
  noteIfStrayed(fdb, slot, key, 1);
  if (load<u32>(fdb, FDB_READERS) === 0) {
    store<u64>(slot, value, BUCKET_VALUES);
    store<u64>(slot, key);
    return;
  }
  atomic.store<u64>(slot, value, BUCKET_VALUES);
  atomic.store<u64>(slot, key);
}

function noteIfStrayed(fdb: usize, slot: usize, key: u64, change: i32): void {
  const table: usize = load<u32>(fdb, FDB_BUCKETS);
  const mask = offsetMask(fdb);
  const first = firstOffset(hash(key, seedOf(fdb)), mask);
  if ((<u32>(slot - table) & mask) !== first) noteStrayed(table, mask, first, change);
}

/** Frees the slot, or retires it. Lists and counts are not touched. */
function emptySlot(fdb: usize, slot: usize): void {
  const key = load<u64>(slot);
  clearSlot(fdb, slot);
  noteIfStrayed(fdb, slot, key, -1);
}

function clearSlot(fdb: usize, slot: usize): void {
  if (load<u32>(fdb, FDB_READERS) === 0) {
    store<u64>(slot, 0);
    store<u64>(slot, 0, BUCKET_VALUES);
    return;
  }
  const epoch: u64 = atomic.load<u32>(fdb, FDB_EPOCH);
  atomic.store<u64>(slot, 0, BUCKET_VALUES);
  atomic.store<u64>(slot, KEY_RETIRED | (epoch << (KEY_RETIRED_EPOCH << 3)));
  noteRetired();
}

export function isLearned(value: u64): bool {
  return (value & ((<u64>(VALUE_STATIC | VALUE_BLACKHOLE)) << (VALUE_FLAGS << 3))) === 0;
}

/** Puts an entry into an empty slot and counts it. */
export function putEntry(fdb: usize, slot: usize, key: u64, value: u64): void {
  if (isLearned(value))
    link(fdb, slot, <u32>value & 0xffff, <u32>(key >>> (KEY_DOMAIN << 3)), stampOf(value));
  writeSlot(fdb, slot, key, value);
  store<u32>(fdb, load<u32>(fdb, FDB_ENTRIES) + 1, FDB_ENTRIES);
}

/** Takes the entry in `slot` out. */
export function takeEntry(fdb: usize, slot: usize): void {
  if (isLearned(load<u64>(slot, BUCKET_VALUES))) unlink(fdb, slot, load<u16>(slot, KEY_DOMAIN));
  emptySlot(fdb, slot);
  store<u32>(fdb, load<u32>(fdb, FDB_ENTRIES) - 1, FDB_ENTRIES);
}

/** Gives the entry in `slot` another value; its place in the lists follows. */
export function changeEntry(fdb: usize, slot: usize, value: u64): void {
  const domain: u32 = load<u16>(slot, KEY_DOMAIN);
  const old = load<u64>(slot, BUCKET_VALUES);
  const samePlace = isLearned(old) && isLearned(value) && ((<u32>old ^ <u32>value) & 0xffff) === 0;
  if (!samePlace) {
    if (isLearned(old)) unlink(fdb, slot, domain);
    if (isLearned(value)) link(fdb, slot, <u32>value & 0xffff, domain, stampOf(value));
  }
  atomic.store<u64>(slot, value, BUCKET_VALUES);
}

export function stampOf(value: u64): u32 {
  return <u32>(value >>> VALUE_STAMP_SHIFT);
}

function slotNumber(fdb: usize, slot: usize): u32 {
  const offset: u32 = <u32>slot - load<u32>(fdb, FDB_BUCKETS);
  return (((offset >>> 6) << 2) | ((offset >>> 3) & 3)) + 1;
}

export function slotAt(fdb: usize, number: u32): usize {
  const index = number - 1;
  return load<u32>(fdb, FDB_BUCKETS) + ((index >>> 2) << 6) + ((index & 3) << 3);
}

export function linkOf(fdb: usize, number: u32): usize {
  return load<u32>(fdb, FDB_CHAINS) + (number - 1) * CHAIN_LENGTH;
}

export function portOf(fdb: usize, port: u32): usize {
  return load<u32>(fdb, FDB_PORTS) + port * FDB_PORT_LENGTH;
}

export function domainOf(fdb: usize, domain: u32): usize {
  return load<u32>(fdb, FDB_DOMAINS) + domain * FDB_DOMAIN_LENGTH;
}

/** Adds to a field of a record. */
export function count(record: usize, field: u32, by: u32): void {
  store<u32>(record + field, load<u32>(record + field) + by);
}

/** Puts a slot at the end of its port's list. */
function link(fdb: usize, slot: usize, port: u32, domain: u32, stamp: u32): void {
  if (load<u32>(fdb, FDB_CHAINS) === 0) return;
  const number = slotNumber(fdb, slot);
  appendLink(fdb, number, port, stamp);
  count(portOf(fdb, port), FDB_PORT_ENTRIES, 1);
  count(domainOf(fdb, domain), FDB_DOMAIN_ENTRIES, 1);
}

function appendLink(fdb: usize, number: u32, port: u32, stamp: u32): void {
  const own = linkOf(fdb, number);
  const list = portOf(fdb, port);
  const last = load<u32>(list, FDB_PORT_TAIL);
  store<u32>(own, last, CHAIN_PREVIOUS);
  store<u32>(own, 0, CHAIN_NEXT);
  store<u32>(own, stamp, CHAIN_STAMP);
  store<u32>(own, port, CHAIN_PORT);
  if (last === 0) store<u32>(list, number, FDB_PORT_HEAD);
  else store<u32>(linkOf(fdb, last), number, CHAIN_NEXT);
  store<u32>(list, number, FDB_PORT_TAIL);
}

function removeLink(fdb: usize, number: u32): void {
  const own = linkOf(fdb, number);
  const list = portOf(fdb, load<u32>(own, CHAIN_PORT));
  const previous = load<u32>(own, CHAIN_PREVIOUS);
  const next = load<u32>(own, CHAIN_NEXT);
  if (previous === 0) store<u32>(list, next, FDB_PORT_HEAD);
  else store<u32>(linkOf(fdb, previous), next, CHAIN_NEXT);
  if (next === 0) store<u32>(list, previous, FDB_PORT_TAIL);
  else store<u32>(linkOf(fdb, next), previous, CHAIN_PREVIOUS);
}

function unlink(fdb: usize, slot: usize, domain: u32): void {
  if (load<u32>(fdb, FDB_CHAINS) === 0) return;
  const number = slotNumber(fdb, slot);
  const port = load<u32>(linkOf(fdb, number), CHAIN_PORT);
  removeLink(fdb, number);
  count(portOf(fdb, port), FDB_PORT_ENTRIES, -1);
  count(domainOf(fdb, domain), FDB_DOMAIN_ENTRIES, -1);
}

/** The entry in `from` stands in `to` now, at the same place of its list. */
function moveLink(fdb: usize, from: usize, to: usize): void {
  if (load<u32>(fdb, FDB_CHAINS) === 0 || !isLearned(load<u64>(to, BUCKET_VALUES))) return;
  const number = slotNumber(fdb, to);
  const old = linkOf(fdb, slotNumber(fdb, from));
  v128.store(linkOf(fdb, number), v128.load(old));
  const list = portOf(fdb, load<u32>(old, CHAIN_PORT));
  const previous = load<u32>(old, CHAIN_PREVIOUS);
  const next = load<u32>(old, CHAIN_NEXT);
  if (previous === 0) store<u32>(list, number, FDB_PORT_HEAD);
  else store<u32>(linkOf(fdb, previous), number, CHAIN_NEXT);
  if (next === 0) store<u32>(list, number, FDB_PORT_TAIL);
  else store<u32>(linkOf(fdb, next), number, CHAIN_PREVIOUS);
}

/** Makes lists and counts anew from the entries that stand in the table; a key that stands there twice loses one place. */
export function fdbRepair(fdb: usize): void {
  const table: usize = load<u32>(fdb, FDB_BUCKETS);
  const ports = load<u32>(fdb, FDB_PORT_COUNT);
  const mask = offsetMask(fdb);
  const seed = seedOf(fdb);
  for (let port: u32 = 0; port < ports; port++) {
    const list = portOf(fdb, port);
    store<u32>(list, 0, FDB_PORT_ENTRIES);
    store<u32>(list, 0, FDB_PORT_HEAD);
    store<u32>(list, 0, FDB_PORT_TAIL);
  }
  for (let domain: u32 = 0; domain <= 0xffff; domain++) {
    if (domain >= load<u32>(fdb, FDB_DOMAIN_COUNT)) break;
    store<u32>(domainOf(fdb, domain), 0, FDB_DOMAIN_ENTRIES);
  }
  store<u32>(fdb, 0, FDB_ENTRIES);
  const end: usize = table + mask + BUCKET_LENGTH;
  // Readers find that keys may have strayed, wherever they look, until it is known how many have.
  const counts: usize = end;
  const countsEnd: usize = counts + (mask >>> 6) + 1;
  for (let at = counts; at < countsEnd; at++) atomic.store<u8>(at, STRAYED_UNKNOWN);
  for (let bucket = table; bucket < end; bucket += BUCKET_LENGTH) {
    for (let slot = bucket; slot < bucket + BUCKET_SLOTS * KEY_LENGTH; slot += KEY_LENGTH) {
      const key = load<u64>(slot);
      const value = load<u64>(slot, BUCKET_VALUES);
      if (key === 0 || load<u8>(slot) === KEY_RETIRED) {
        store<u64>(slot, 0, BUCKET_VALUES);
        continue;
      }
      const first = firstOffset(hash(key, seed), mask);
      const twin = slotOf(table + secondOffset(key, seed, mask, first), key);
      if (value === 0 || (twin !== 0 && twin !== slot)) {
        clearSlot(fdb, slot);
        continue;
      }
      if ((<u32>(slot - table) & mask) !== first) noteStrayed(table, mask, first, 1);
      if (isLearned(value)) link(fdb, slot, <u32>value & 0xffff, load<u16>(slot, KEY_DOMAIN), stampOf(value));
      store<u32>(fdb, load<u32>(fdb, FDB_ENTRIES) + 1, FDB_ENTRIES);
    }
  }
  for (let at = counts; at < countsEnd; at++) atomic.store<u8>(at, load<u8>(at) - <u8>STRAYED_UNKNOWN);
}

/** Puts an entry that was refreshed since it was put there to the end of its list, with its present stamp. */
export function requeue(fdb: usize, number: u32, stamp: u32): void {
  const port = load<u32>(linkOf(fdb, number), CHAIN_PORT);
  removeLink(fdb, number);
  appendLink(fdb, number, port, stamp);
}

/** The stamp that the entry had when it was put into its list. */
export function queuedStamp(fdb: usize, number: u32): u32 {
  return load<u32>(linkOf(fdb, number), CHAIN_STAMP);
}
