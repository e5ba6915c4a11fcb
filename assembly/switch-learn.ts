// Learning ahead: the new sources of a burst enter the FDB in one loop, before its frames are sent.
//
// A frame may be sent only by what the frames before it, and it itself, have taught. An entry that is added changes nothing
// for a frame whose destination was found, nor for one to a group. So learning ahead goes as far as there are such
// frames and entries are only added; from there on every frame is learned from when its turn comes. Reading the links
// beforehand, so that their cache misses overlap, gains nothing: nothing here waits for them (measured up to 500,000 entries).

import {
  BUCKET_VALUES,
  CHAIN_NEXT,
  CHAIN_STAMP,
  DESTINATION_PORT_MASK,
  EVENT_LEARNED,
  FDB_BUCKETS,
  FDB_CAPACITY,
  FDB_CHAINS,
  FDB_DOMAIN_ENTRIES,
  FDB_DOMAIN_LIMIT,
  FDB_ENTRIES,
  FDB_EVENTS,
  FDB_PORT_ENTRIES,
  FDB_PORT_HEAD,
  FDB_PORT_LIMIT,
  FDB_PORT_TAIL,
  FDB_READERS,
  KEY_DOMAIN,
  STAMP_MASK,
  VALUE_STAMP_SHIFT,
} from "../src/layout/fdb.layout";
import {
  SCRATCH_DESTINATION_VALUE,
  SCRATCH_DONE,
  SCRATCH_GROUP,
  SCRATCH_INGRESS,
  SCRATCH_LAYER3,
  SCRATCH_LEARNS,
  SCRATCH_SOURCE,
  SCRATCH_SOURCE_VALUE,
  SCRATCH_STATE,
  SCRATCH_STEP,
} from "../src/layout/switch.layout";
import { firstOffset, hash, offsetMask, seedOf, slotOf } from "./fdb";
import { noteEvent } from "./fdb-event";
import { addNew, noteAdded } from "./fdb-learn";
import { count, domainOf, linkOf, portOf, stampOf } from "./fdb-slot";

const STAMP: u64 = (<u64>STAMP_MASK) << VALUE_STAMP_SHIFT;
const DOMAIN_MASK: u64 = 0xffff000000000000;
/** No port and no bridge domain: no frame's. */
const RUN_NONE: u64 = 0xffffffff;

/** Learns from the frames of a burst that has been looked up, in their order, as far as that can be done ahead. */
export function learnAhead(fdb: usize, scratch: usize, frames: u32, fresh: u64, thread: u32): void {
  const table: usize = load<u32>(fdb, FDB_BUCKETS);
  const mask = offsetMask(fdb);
  const seed = seedOf(fdb);
  const links: usize = load<u32>(fdb, FDB_CHAINS);
  const alone = load<u32>(fdb, FDB_READERS) === 0;
  const events = load<u32>(fdb, FDB_EVENTS);
  const end: usize = scratch + frames * SCRATCH_STEP;
  const none = i64x2.splat(0);
  // A run: new entries of one port and bridge domain. Their counts and the end of their list are written when it ends.
  let run: u64 = RUN_NONE;
  let room: u32 = 0;
  let left: u32 = 0;
  let tail: u32 = 0;
  let next: usize = 0;
  let behind: u64 = 0; // what a link holds behind its first two fields: stamp and port
  for (let s = scratch; s < end; s += SCRATCH_STEP) {
    const state = load<u32>(s, SCRATCH_STATE);
    if ((state & (SCRATCH_DONE | SCRATCH_LAYER3)) !== 0) {
      if ((state & SCRATCH_DONE) !== 0) continue;
      break;
    }
    const ingress = load<u32>(s, SCRATCH_INGRESS);
    const expected: u64 = fresh | <u64>ingress;
    const value = load<u64>(s, SCRATCH_SOURCE_VALUE);
    if (value !== expected && (state & SCRATCH_LEARNS) !== 0) {
      if (value === 0) {
        const key = load<u64>(s, SCRATCH_SOURCE);
        const here: u64 = (key & DOMAIN_MASK) | <u64>(ingress & DESTINATION_PORT_MASK);
        if (here !== run) {
          if (left !== room) endRun(fdb, run, room - left, tail);
          run = here;
          room = roomFor(fdb, run);
          left = room;
          const list = portOf(fdb, <u32>run & DESTINATION_PORT_MASK);
          tail = load<u32>(list, FDB_PORT_TAIL);
          next = tail === 0 ? list + FDB_PORT_HEAD : linkOf(fdb, tail) + CHAIN_NEXT;
          behind = <u64>stampOf(fresh) | ((run & DESTINATION_PORT_MASK) << 32);
        }
        const offset = firstOffset(hash(key, seed), mask);
        const bucket: usize = table + offset;
        const low = v128.load(bucket);
        const high = v128.load(bucket, 16);
        const keys = i64x2.splat(key);
        if (v128.any_true(v128.or(i64x2.eq(low, keys), i64x2.eq(high, keys)))) {
          // An earlier frame has brought it.
          if (load<u64>(slotOf(bucket, key), BUCKET_VALUES) !== expected) break;
        } else {
          if (left === 0) break;
          const free = i32x4.bitmask(
            v128.shuffle<i32>(i64x2.eq(low, none), i64x2.eq(high, none), 0, 2, 4, 6),
          );
          if (free !== 0 && alone) {
            const place = ctz<u32>(free);
            const slot: usize = bucket + (place << 3);
            store<u64>(slot, expected, BUCKET_VALUES);
            store<u64>(slot, key);
            const index: u32 = (offset >>> 4) | place;
            const own: usize = links + (index << 4);
            store<u64>(own, tail);
            store<u64>(own, behind, CHAIN_STAMP);
            tail = index + 1;
            store<u32>(next, tail);
            next = own + CHAIN_NEXT;
            left--;
            if (events !== 0) noteEvent(fdb, EVENT_LEARNED, key, ingress, 0, stampOf(expected));
          } else {
            if (left !== room) endRun(fdb, run, room - left, tail);
            left = room;
            run = RUN_NONE;
            if (!addNew(fdb, key, expected, thread)) break;
          }
        }
        store<u64>(s, expected, SCRATCH_SOURCE_VALUE);
      } else if (((value ^ expected) & ~STAMP) !== 0) {
        break;
      }
    }
    if ((state & SCRATCH_GROUP) === 0 && load<u64>(s, SCRATCH_DESTINATION_VALUE) === 0) break;
  }
  if (left !== room) endRun(fdb, run, room - left, tail);
}

/** How many entries may be added of the run's port and bridge domain. */
function roomFor(fdb: usize, run: u64): u32 {
  const port = portOf(fdb, <u32>run & DESTINATION_PORT_MASK);
  const domain = domainOf(fdb, <u32>(run >>> (KEY_DOMAIN << 3)));
  const inTable = roomIn(load<u32>(fdb, FDB_ENTRIES), load<u32>(fdb, FDB_CAPACITY));
  const inPort = roomIn(load<u32>(port, FDB_PORT_ENTRIES), load<u32>(port, FDB_PORT_LIMIT));
  const inDomain = roomIn(load<u32>(domain, FDB_DOMAIN_ENTRIES), load<u32>(domain, FDB_DOMAIN_LIMIT));
  return min(inTable, min(inPort, inDomain));
}

function roomIn(entries: u32, limit: u32): u32 {
  return entries < limit ? limit - entries : 0;
}

/** Counts what a run has added, and notes the end of its port's list. */
function endRun(fdb: usize, run: u64, added: u32, tail: u32): void {
  const port = portOf(fdb, <u32>run & DESTINATION_PORT_MASK);
  const domain = domainOf(fdb, <u32>(run >>> (KEY_DOMAIN << 3)));
  store<u32>(port, tail, FDB_PORT_TAIL);
  count(fdb, FDB_ENTRIES, added);
  count(port, FDB_PORT_ENTRIES, added);
  count(domain, FDB_DOMAIN_ENTRIES, added);
  noteAdded(added);
}
