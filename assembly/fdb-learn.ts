// Learning: sources enter the FDB, are refreshed, and move; a full table makes room fairly.
//
// Fairness: the port with the most learned entries gives one up, so that a flood of addresses on one port
// pushes out only that port's own. Which one: by second chance, the least recently used without moving
// an entry at every refresh.

import { DROP_BLACKHOLE, DROP_NONE, DROP_SOURCE_STATIC } from "../src/layout/drop.layout";
import {
  BUCKET_VALUES,
  EVENT_EVICTED,
  EVENT_LEARNED,
  EVENT_MOVED,
  EVICTION_CHANCES,
  FDB_CAPACITY,
  FDB_DOMAIN_ENTRIES,
  FDB_DOMAIN_LIMIT,
  FDB_ENTRIES,
  FDB_POLICY,
  FDB_POLICY_EVICT,
  FDB_PORT_COUNT,
  FDB_PORT_ENTRIES,
  FDB_PORT_HEAD,
  FDB_PORT_LIMIT,
  FDB_READERS,
  FDB_REFUSED,
  KEY_DOMAIN,
  STAMP_MASK,
  VALUE_BLACKHOLE,
  VALUE_FLAGS,
  VALUE_STAMP_SHIFT,
} from "../src/layout/fdb.layout";
import { noteEvent } from "./fdb-event";
import { lock } from "./fdb-lock";
import {
  changeEntry,
  domainOf,
  findSlot,
  freeSlot,
  isLearned,
  portOf,
  putEntry,
  queuedStamp,
  requeue,
  slotAt,
  stampOf,
  takeEntry,
} from "./fdb-slot";

const BLACKHOLE: u64 = (<u64>VALUE_BLACKHOLE) << (VALUE_FLAGS << 3);
/** What a refresh changes. */
const STAMP: u64 = (<u64>STAMP_MASK) << VALUE_STAMP_SHIFT;

/** Entries that learning has added, and those that it has moved or taken out. Module state: each thread has its own. */
let added: u32 = 0;
let changed: u32 = 0;

/** How many addresses have been learned that were not known: what was looked up and found stays true. */
export function additions(): u32 {
  return added;
}

/** How many entries have moved or gone: what was looked up may not be true any more. */
export function changes(): u32 {
  return changed;
}

/**
 * For a source whose entry is not exactly `expected` (this destination, learned, this second).
 * Returns DROP_NONE if the frame goes on, else why not. Takes the lock only if more than a stamp changes.
 */
export function learn(fdb: usize, key: u64, expected: u64, thread: u32): u32 {
  let slot = findSlot(fdb, key);
  if (slot !== 0) {
    const value = atomic.load<u64>(slot, BUCKET_VALUES);
    const reason = fixed(value, expected);
    if (reason >= 0) return reason;
    if (((value ^ expected) & ~STAMP) === 0) {
      if (load<u32>(fdb, FDB_READERS) === 0) store<u64>(slot, expected, BUCKET_VALUES);
      // If another thread changes the entry at the same time, its change stands.
      else atomic.cmpxchg<u64>(slot, value, expected, BUCKET_VALUES);
      return DROP_NONE;
    }
  }
  if (!lock(fdb, thread)) return learnNothing(fdb);
  if (load<u32>(fdb, FDB_READERS) !== 0) slot = findSlot(fdb, key);
  return slot === 0 ? enter(fdb, key, expected, thread) : move(fdb, slot, expected);
}

/** What a static or blackhole entry says to the frame; -1 for a learned one. */
function fixed(value: u64, expected: u64): i32 {
  if (isLearned(value)) return -1;
  if ((value & BLACKHOLE) !== 0) return DROP_BLACKHOLE;
  return <u32>value === <u32>expected ? DROP_NONE : DROP_SOURCE_STATIC;
}

function learnNothing(fdb: usize): u32 {
  if (load<u32>(fdb, FDB_READERS) === 0) store<u64>(fdb, load<u64>(fdb, FDB_REFUSED) + 1, FDB_REFUSED);
  else atomic.add<u64>(fdb, 1, FDB_REFUSED);
  return DROP_NONE;
}

function portIsFull(fdb: usize, port: u32): bool {
  const record = portOf(fdb, port);
  return load<u32>(record, FDB_PORT_ENTRIES) >= load<u32>(record, FDB_PORT_LIMIT);
}

function domainIsFull(fdb: usize, domain: u32): bool {
  const record = domainOf(fdb, domain);
  return load<u32>(record, FDB_DOMAIN_ENTRIES) >= load<u32>(record, FDB_DOMAIN_LIMIT);
}

function move(fdb: usize, slot: usize, expected: u64): u32 {
  const value = load<u64>(slot, BUCKET_VALUES);
  const reason = fixed(value, expected);
  if (reason >= 0) return reason;
  const from: u32 = <u32>value;
  const to: u32 = <u32>expected;
  if (((from ^ to) & 0xffff) !== 0 && portIsFull(fdb, to & 0xffff)) return learnNothing(fdb);
  changed++;
  changeEntry(fdb, slot, expected);
  if (from !== to) noteEvent(fdb, EVENT_MOVED, load<u64>(slot), to, from, stampOf(expected));
  return DROP_NONE;
}

function enter(fdb: usize, key: u64, value: u64, thread: u32): u32 {
  if (portIsFull(fdb, <u32>value & 0xffff)) return learnNothing(fdb);
  if (domainIsFull(fdb, <u32>(key >>> (KEY_DOMAIN << 3)))) return learnNothing(fdb);
  if (isFull(fdb) && !evict(fdb, stampOf(value))) return learnNothing(fdb);
  return insert(fdb, key, value, thread) ? DROP_NONE : learnNothing(fdb);
}

function isFull(fdb: usize): bool {
  return load<u32>(fdb, FDB_ENTRIES) >= load<u32>(fdb, FDB_CAPACITY);
}

function insert(fdb: usize, key: u64, value: u64, thread: u32): bool {
  const slot = freeSlot(fdb, key, thread);
  if (slot === 0) return false;
  added++;
  putEntry(fdb, slot, key, value);
  noteEvent(fdb, EVENT_LEARNED, key, <u32>value, 0, stampOf(value));
  return true;
}

/** Learns a source if that adds an entry and does nothing else; false if it would, and nothing is done then. */
export function addNew(fdb: usize, key: u64, value: u64, thread: u32): bool {
  if (!lock(fdb, thread)) return false;
  const slot = findSlot(fdb, key);
  if (slot !== 0) return load<u64>(slot, BUCKET_VALUES) === value;
  if (isFull(fdb) || portIsFull(fdb, <u32>value & 0xffff)) return false;
  if (domainIsFull(fdb, <u32>(key >>> (KEY_DOMAIN << 3)))) return false;
  return insert(fdb, key, value, thread);
}

/** Says that so many entries have been added. */
export function noteAdded(entries: u32): void {
  added += entries;
}

/** Takes one entry of the port that has most of them out; false if there is none to take. */
function evict(fdb: usize, now: u32): bool {
  if ((load<u32>(fdb, FDB_POLICY) & FDB_POLICY_EVICT) === 0) return false;
  const ports = load<u32>(fdb, FDB_PORT_COUNT);
  let most: u32 = 0;
  let fullest: u32 = 0;
  for (let port: u32 = 0; port < ports; port++) {
    const entries = load<u32>(portOf(fdb, port), FDB_PORT_ENTRIES);
    if (entries <= most) continue;
    most = entries;
    fullest = port;
  }
  if (most === 0) return false;
  const list = portOf(fdb, fullest);
  let number = load<u32>(list, FDB_PORT_HEAD);
  for (let chances = 0; chances < EVICTION_CHANCES; chances++) {
    const stamp = stampOf(load<u64>(slotAt(fdb, number), BUCKET_VALUES));
    if (stamp === queuedStamp(fdb, number)) break;
    requeue(fdb, number, stamp);
    number = load<u32>(list, FDB_PORT_HEAD);
  }
  const victim = slotAt(fdb, number);
  const key = load<u64>(victim);
  const destination: u32 = <u32>load<u64>(victim, BUCKET_VALUES);
  changed++;
  takeEntry(fdb, victim);
  noteEvent(fdb, EVENT_EVICTED, key, destination, 0, now);
  return true;
}
