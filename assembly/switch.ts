// A switch, whole bursts at a time, in two passes. The first finds out where each frame comes in and which keys it
// looks up, and reads a word of their buckets, so that the cache misses of the burst overlap. The second learns,
// looks up and sends, frame after frame, so that the order in which they leave is the order in which they came.
//
// A burst can be interrupted when floods have used up the room for copies: what is out is taken, and the next call
// goes on. Changes of the switch may come in between; what is left of the burst is then classified again.

import {
  DESCRIPTOR_FRAME_LENGTH,
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_MARK,
  DESCRIPTOR_OFFSET,
  DESCRIPTOR_VERDICT,
  DESCRIPTOR_WIRE_LENGTH,
} from "../src/layout/descriptor.layout";
import {
  DROP_BLACKHOLE,
  DROP_NONE,
  DROP_SAME_PORT,
  DROP_SPLIT_HORIZON,
  DROP_UNKNOWN_UNICAST,
} from "../src/layout/drop.layout";
import { ETHERNET_LENGTH, ETHERNET_SOURCE, ETHERNET_TYPE } from "../src/layout/ethernet.layout";
import {
  DESTINATION_PORT_MASK,
  FDB_BUCKET_BITS,
  FDB_BUCKETS,
  FDB_EPOCH,
  FDB_SEED,
  FDB_TOUCHED,
  KEY_DOMAIN,
  READER_IDLE,
  READER_LENGTH,
  VALUE_BLACKHOLE,
  VALUE_FLAGS,
  VALUE_PRESENT,
  VALUE_STAMP_SHIFT,
} from "../src/layout/fdb.layout";
import {
  CONTEXT_BEGIN,
  CONTEXT_COPIES_USED,
  CONTEXT_FLOODED,
  CONTEXT_IN_FLOOD,
  CONTEXT_INDEX,
  CONTEXT_OUT_COUNT,
  CONTEXT_SCRATCH,
  CONTEXT_SEEN_GENERATION,
  CONTEXT_STAMP,
  CONTEXT_STATE,
  CONTEXT_SWITCH,
  CONTEXT_THREAD,
  DOMAIN_FLAGS,
  DOMAIN_FLOODS_UNKNOWN,
  DOMAIN_LENGTH,
  DOMAIN_RECEIVED,
  DOMAIN_ROUTER_MAC,
  PORT_ACCESS,
  PORT_DOMAIN,
  PORT_GROUP,
  PORT_KIND,
  PORT_LENGTH,
  SCRATCH_DESTINATION,
  SCRATCH_DESTINATION_BUCKET,
  SCRATCH_DONE,
  SCRATCH_GROUP,
  SCRATCH_INGRESS,
  SCRATCH_LEARNS,
  SCRATCH_LENGTH,
  SCRATCH_SOURCE,
  SCRATCH_SOURCE_BUCKET,
  SCRATCH_STATE,
  SCRATCH_TAGGED,
  SWITCH_DOMAINS,
  SWITCH_DONE,
  SWITCH_FDB,
  SWITCH_GENERATION,
  SWITCH_INTERRUPTED,
  SWITCH_PAUSE,
  SWITCH_PAUSED,
  SWITCH_PORT_COUNT,
  SWITCH_PORTS,
  SWITCH_READERS,
} from "../src/layout/switch.layout";
import { firstOffset, hash, secondOffset, valueIn } from "./fdb";
import { learn } from "./fdb-learn";
import { unlock } from "./fdb-lock";
import { countOne, domainCounters, refuse } from "./switch-drop";
import { flood, giveUpFlood, send } from "./switch-egress";
import { classify, countReceived, MAC_MASK, RESERVED_GROUP, RESERVED_MASK, stateOf } from "./switch-ingress";
import { isTag } from "./vlan";

const PRESENT: u64 = (<u64>VALUE_PRESENT) << (VALUE_FLAGS << 3);
const BLACKHOLE: u64 = (<u64>VALUE_BLACKHOLE) << (VALUE_FLAGS << 3);

/** Takes up to SWITCH_BURST frames, each with the number of its port as its mark, or goes on with the same ones. */
export function runSwitch(context: usize, descriptors: usize, count: u32): u32 {
  const sw: usize = load<u32>(context, CONTEXT_SWITCH);
  store<u32>(context, 0, CONTEXT_OUT_COUNT);
  store<u32>(context, 0, CONTEXT_COPIES_USED);
  if (!enter(context, sw)) return SWITCH_PAUSED;
  const scratch: usize = load<u32>(context, CONTEXT_SCRATCH);
  const state = load<u32>(context, CONTEXT_STATE);
  let index: u32 = 0;
  if (state === CONTEXT_BEGIN) {
    classifyBurst(context, sw, descriptors, count);
  } else {
    index = load<u32>(context, CONTEXT_INDEX);
    index = resume(context, sw, descriptors, count, index, state);
  }
  const done = index <= count && forward(context, sw, descriptors, count, index, scratch);
  leave(context, sw);
  return done ? SWITCH_DONE : SWITCH_INTERRUPTED;
}

/** Says that this thread reads the tables from now on; false if it may not. */
function enter(context: usize, sw: usize): bool {
  const readers: usize = load<u32>(sw, SWITCH_READERS);
  if (readers === 0) return true;
  const own: usize = readers + (load<u32>(context, CONTEXT_THREAD) - 1) * READER_LENGTH;
  const fdb: usize = load<u32>(sw, SWITCH_FDB);
  atomic.store<u32>(own, atomic.load<u32>(fdb, FDB_EPOCH));
  if (atomic.load<u32>(sw, SWITCH_PAUSE) === 0) return true;
  atomic.store<u32>(own, READER_IDLE);
  return false;
}

function leave(context: usize, sw: usize): void {
  unlock();
  store<u32>(context, load<u32>(sw, SWITCH_GENERATION), CONTEXT_SEEN_GENERATION);
  const readers: usize = load<u32>(sw, SWITCH_READERS);
  if (readers === 0) return;
  atomic.store<u32>(readers + (load<u32>(context, CONTEXT_THREAD) - 1) * READER_LENGTH, READER_IDLE);
}

/** Goes on with an interrupted burst; returns the frame to go on with, or more than `count` if it was interrupted again. */
function resume(context: usize, sw: usize, descriptors: usize, count: u32, index: u32, state: u32): u32 {
  const scratch: usize = load<u32>(context, CONTEXT_SCRATCH);
  const changed = load<u32>(context, CONTEXT_SEEN_GENERATION) !== load<u32>(sw, SWITCH_GENERATION);
  if (state === CONTEXT_IN_FLOOD) {
    const d: usize = descriptors + index * DESCRIPTOR_LENGTH;
    const s: usize = scratch + index * SCRATCH_LENGTH;
    if (changed) giveUpFlood(context, d, s);
    else if (!flood(context, sw, d, s, load<u32>(context, CONTEXT_FLOODED), true)) return count + 1;
    index++;
  }
  if (!changed) return index;
  for (let i = index; i < count; i++) {
    const s: usize = scratch + i * SCRATCH_LENGTH;
    if ((load<u32>(s, SCRATCH_STATE) & SCRATCH_DONE) !== 0) continue;
    classify(context, sw, descriptors + i * DESCRIPTOR_LENGTH, s, true);
  }
  touch(load<u32>(sw, SWITCH_FDB), scratch, count);
  return index;
}

/** The first pass. What is usual is done here, in one branch; the rest by classify(). */
function classifyBurst(context: usize, sw: usize, descriptors: usize, count: u32): void {
  const ports: usize = load<u32>(sw, SWITCH_PORTS);
  const portCount = load<u32>(sw, SWITCH_PORT_COUNT);
  const domains: usize = load<u32>(sw, SWITCH_DOMAINS);
  const scratch: usize = load<u32>(context, CONTEXT_SCRATCH);
  const end: usize = descriptors + count * DESCRIPTOR_LENGTH;
  let s = scratch;
  for (let d = descriptors; d < end; d += DESCRIPTOR_LENGTH, s += SCRATCH_LENGTH) {
    const number = load<u32>(d, DESCRIPTOR_MARK);
    const frame: usize = load<u32>(d, DESCRIPTOR_OFFSET);
    const length = load<u32>(d, DESCRIPTOR_FRAME_LENGTH);
    const port: usize = ports + (number < portCount ? number : <u32>0) * PORT_LENGTH;
    if (
      load<u8>(d, DESCRIPTOR_VERDICT) !== 0 ||
      length < <u32>ETHERNET_LENGTH ||
      load<u32>(port, PORT_KIND) !== PORT_ACCESS
    ) {
      classify(context, sw, d, s, false);
      continue;
    }
    const source = load<u64>(frame, ETHERNET_SOURCE) & MAC_MASK;
    const destination = load<u64>(frame) & MAC_MASK;
    const domain = load<u32>(port, PORT_DOMAIN);
    const record: usize = domains + domain * DOMAIN_LENGTH;
    if (
      isTag(load<u16>(frame, ETHERNET_TYPE)) ||
      (source & 1) !== 0 ||
      source === load<u64>(record, DOMAIN_ROUTER_MAC) ||
      (destination & RESERVED_MASK) === RESERVED_GROUP ||
      source === 0
    ) {
      classify(context, sw, d, s, false);
      continue;
    }
    countReceived(context, number, load<u32>(d, DESCRIPTOR_WIRE_LENGTH));
    countOne(domainCounters(context, domain) + DOMAIN_RECEIVED);
    const inDomain = (<u64>domain) << (KEY_DOMAIN << 3);
    store<u64>(s, source | inDomain, SCRATCH_SOURCE);
    store<u64>(s, destination | inDomain, SCRATCH_DESTINATION);
    store<u32>(s, number, SCRATCH_INGRESS);
    store<u32>(s, stateOf(port, record, destination), SCRATCH_STATE);
  }
  touch(load<u32>(sw, SWITCH_FDB), scratch, count);
}

/** Writes where both buckets of each frame are, and reads a word of each. */
function touch(fdb: usize, scratch: usize, count: u32): void {
  const table: usize = load<u32>(fdb, FDB_BUCKETS);
  const bits: u64 = load<u32>(fdb, FDB_BUCKET_BITS);
  const seed = load<u64>(fdb, FDB_SEED);
  const end: usize = scratch + count * SCRATCH_LENGTH;
  let touched: u32 = 0;
  for (let s = scratch; s < end; s += SCRATCH_LENGTH) {
    const source: usize = table + firstOffset(hash(load<u64>(s, SCRATCH_SOURCE), seed), bits);
    const destination: usize = table + firstOffset(hash(load<u64>(s, SCRATCH_DESTINATION), seed), bits);
    store<u32>(s, <u32>source, SCRATCH_SOURCE_BUCKET);
    store<u32>(s, <u32>destination, SCRATCH_DESTINATION_BUCKET);
    touched |= load<u32>(source) | load<u32>(destination);
  }
  store<u32>(fdb, touched, FDB_TOUCHED);
}

/** The value of `key`, whose first bucket is known, or 0. */
function lookUpIn(fdb: usize, bucket: usize, key: u64): u64 {
  const wanted = i64x2.splat(key);
  const value = valueIn(bucket, wanted);
  return value !== 0 ? value : lookUpSecond(fdb, key, wanted);
}

function lookUpSecond(fdb: usize, key: u64, wanted: v128): u64 {
  const bits: u64 = load<u32>(fdb, FDB_BUCKET_BITS);
  const h = hash(key, load<u64>(fdb, FDB_SEED));
  return valueIn(load<u32>(fdb, FDB_BUCKETS) + secondOffset(h, bits), wanted);
}

/** The second pass, from frame `index` on; false if it was interrupted. */
function forward(
  context: usize,
  sw: usize,
  descriptors: usize,
  count: u32,
  index: u32,
  scratch: usize,
): bool {
  const fdb: usize = load<u32>(sw, SWITCH_FDB);
  const ports: usize = load<u32>(sw, SWITCH_PORTS);
  const domains: usize = load<u32>(sw, SWITCH_DOMAINS);
  const thread = load<u32>(context, CONTEXT_THREAD);
  const fresh: u64 = PRESENT | ((<u64>load<u32>(context, CONTEXT_STAMP)) << VALUE_STAMP_SHIFT);
  for (; index < count; index++) {
    const s: usize = scratch + index * SCRATCH_LENGTH;
    const d: usize = descriptors + index * DESCRIPTOR_LENGTH;
    const state = load<u32>(s, SCRATCH_STATE);
    if ((state & SCRATCH_DONE) !== 0) continue;
    const ingress = load<u32>(s, SCRATCH_INGRESS);
    const from: u32 = ingress & DESTINATION_PORT_MASK;
    const domain: u32 = load<u16>(s, SCRATCH_SOURCE + KEY_DOMAIN);
    if ((state & SCRATCH_LEARNS) !== 0) {
      const key = load<u64>(s, SCRATCH_SOURCE);
      const expected: u64 = fresh | <u64>ingress;
      if (lookUpIn(fdb, load<u32>(s, SCRATCH_SOURCE_BUCKET), key) !== expected) {
        const reason = learn(fdb, key, expected, thread);
        if (reason !== DROP_NONE) {
          refuse(context, d, from, domain, reason);
          continue;
        }
      }
    }
    let value: u64 = 0;
    if ((state & SCRATCH_GROUP) === 0) {
      value = lookUpIn(fdb, load<u32>(s, SCRATCH_DESTINATION_BUCKET), load<u64>(s, SCRATCH_DESTINATION));
      if (value === 0) {
        const flags = load<u32>(domains + domain * DOMAIN_LENGTH, DOMAIN_FLAGS);
        if ((flags & DOMAIN_FLOODS_UNKNOWN) === 0) {
          refuse(context, d, from, domain, DROP_UNKNOWN_UNICAST);
          continue;
        }
      }
    }
    if (value === 0) {
      if (flood(context, sw, d, s, 0, false)) continue;
      store<u32>(context, CONTEXT_IN_FLOOD, CONTEXT_STATE);
      store<u32>(context, index, CONTEXT_INDEX);
      return false;
    }
    const destination: u32 = <u32>value;
    const to: u32 = destination & DESTINATION_PORT_MASK;
    const group = load<u32>(ports + from * PORT_LENGTH, PORT_GROUP);
    let reason: u32 = DROP_NONE;
    if ((value & BLACKHOLE) !== 0) reason = DROP_BLACKHOLE;
    else if (to === from) reason = DROP_SAME_PORT;
    else if (group !== 0 && group === load<u32>(ports + to * PORT_LENGTH, PORT_GROUP))
      reason = DROP_SPLIT_HORIZON;
    if (reason !== DROP_NONE) refuse(context, d, from, domain, reason);
    else send(context, sw, d, destination, domain, state & SCRATCH_TAGGED, from);
  }
  store<u32>(context, CONTEXT_BEGIN, CONTEXT_STATE);
  return true;
}
