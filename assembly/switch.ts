// A switch, whole bursts at a time, in three passes. The first finds out where each frame comes in and which keys it
// looks up. The second looks all of them up, as a burst, so that cache misses overlap; if some are not known it learns
// ahead what it may. The third learns and sends, frame after frame, so that the order in which they leave is the order in which they came; what is usual in a loop
// without a call, the rest by forwardOne(), which does everything.
//
// A frame from which something new is learned may change what the burst has looked up: from there on forwardOne()
// looks again. A burst can be interrupted when floods have used up the room for copies: what is out is taken, and the
// next call goes on. Changes of the switch wait until a burst has come to its end.

import {
  DESCRIPTOR_FLOOR,
  DESCRIPTOR_FRAME_LENGTH,
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_MARK,
  DESCRIPTOR_OFFSET,
  DESCRIPTOR_WIRE_LENGTH,
} from "../src/layout/descriptor.layout";
import { ETHERNET_LENGTH } from "../src/layout/ethernet.layout";
import {
  DESTINATION_PORT_MASK,
  FDB_EPOCH,
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
  CONTEXT_OUT,
  CONTEXT_OUT_COUNT,
  CONTEXT_SCRATCH,
  CONTEXT_STAMP,
  CONTEXT_STATE,
  CONTEXT_SWITCH,
  CONTEXT_THREAD,
  DOMAIN_COUNTERS_LENGTH,
  DOMAIN_LENGTH,
  DOMAIN_SENT,
  DOMAIN_VNI,
  PORT_COUNTERS_LENGTH,
  PORT_ENCAPSULATION,
  PORT_FLAGS,
  PORT_GROUP,
  PORT_KIND,
  PORT_LENGTH,
  PORT_MTU,
  PORT_PLAIN_TUNNEL,
  PORT_SENT,
  PORT_TRUNK,
  SCRATCH_DESTINATION,
  SCRATCH_DESTINATION_VALUE,
  SCRATCH_DONE,
  SCRATCH_GROUP,
  SCRATCH_GROUP_NUMBER_SHIFT,
  SCRATCH_INGRESS,
  SCRATCH_LAYER3,
  SCRATCH_LEARNS_SHIFT,
  SCRATCH_SOURCE,
  SCRATCH_SOURCE_VALUE,
  SCRATCH_STATE,
  SCRATCH_STEP,
  SCRATCH_TAGGED,
  SWITCH_BURST,
  SWITCH_DOMAINS,
  SWITCH_DONE,
  SWITCH_FDB,
  SWITCH_INTERRUPTED,
  SWITCH_PORTS,
  SWITCH_READERS,
  UPLINK_NUMBER,
} from "../src/layout/switch.layout";
import { PLAIN_UDP_LENGTH } from "../src/layout/tunnel.layout";
import { isPlainPassenger, putPlainHeaders } from "./encapsulate-plain";
import { fdbLookup } from "./fdb";
import { unlock } from "./fdb-lock";
import { saidLength } from "./super-frame";
import { classifyBurst } from "./switch-burst";
import { domainCounters, portCounters } from "./switch-drop";
import { flood } from "./switch-egress";
import { fdbHasChanged, forwardOne, rememberFdbState } from "./switch-frame";
import { learnAhead } from "./switch-learn";

const PRESENT: u64 = (<u64>VALUE_PRESENT) << (VALUE_FLAGS << 3);
const BLACKHOLE: u64 = (<u64>VALUE_BLACKHOLE) << (VALUE_FLAGS << 3);
const ONE: v128 = i64x2(1, 0);
/** Any of these: not for the loop without a call. */
const UNUSUAL: u32 = SCRATCH_TAGGED | SCRATCH_DONE | SCRATCH_GROUP | SCRATCH_LAYER3;

/** Takes up to SWITCH_BURST frames, each with the number of its port as its mark, or goes on with the same ones. */
export function runSwitch(context: usize, descriptors: usize, count: u32): u32 {
  const sw: usize = load<u32>(context, CONTEXT_SWITCH);
  store<u32>(context, 0, CONTEXT_OUT_COUNT);
  store<u32>(context, 0, CONTEXT_COPIES_USED);
  enter(context, sw);
  const scratch: usize = load<u32>(context, CONTEXT_SCRATCH);
  rememberFdbState();
  let index: u32 = 0;
  if (load<u32>(context, CONTEXT_STATE) === CONTEXT_BEGIN) {
    classifyBurst(context, sw, descriptors, count, scratch);
    if (lookUp(sw, scratch, count) !== 0)
      learnAhead(
        load<u32>(sw, SWITCH_FDB),
        scratch,
        count,
        freshValue(context),
        load<u32>(context, CONTEXT_THREAD),
      );
  } else {
    index = resume(context, sw, descriptors, count, scratch);
  }
  const done = index <= count && forward(context, sw, descriptors, count, index, scratch);
  if (done) store<u32>(context, CONTEXT_BEGIN, CONTEXT_STATE);
  leave(context, sw);
  return done ? SWITCH_DONE : SWITCH_INTERRUPTED;
}

/** Says that this thread reads the tables from now on. */
function enter(context: usize, sw: usize): void {
  const readers: usize = load<u32>(sw, SWITCH_READERS);
  if (readers === 0) return;
  const own: usize = readers + (load<u32>(context, CONTEXT_THREAD) - 1) * READER_LENGTH;
  const fdb: usize = load<u32>(sw, SWITCH_FDB);
  atomic.store<u32>(own, atomic.load<u32>(fdb, FDB_EPOCH));
}

function leave(context: usize, sw: usize): void {
  unlock();
  const readers: usize = load<u32>(sw, SWITCH_READERS);
  if (readers === 0) return;
  atomic.store<u32>(readers + (load<u32>(context, CONTEXT_THREAD) - 1) * READER_LENGTH, READER_IDLE);
}

/** The value of an entry that is learned now, but for where it is. */
function freshValue(context: usize): u64 {
  return PRESENT | ((<u64>load<u32>(context, CONTEXT_STAMP)) << VALUE_STAMP_SHIFT);
}

/** The second pass; returns how many keys were not found. */
function lookUp(sw: usize, scratch: usize, count: u32): u32 {
  const fdb: usize = load<u32>(sw, SWITCH_FDB);
  if (count === <u32>SWITCH_BURST) {
    // Both fields in one.
    const both: u32 = 2 * SWITCH_BURST;
    return both - fdbLookup(fdb, scratch + SCRATCH_SOURCE, both, scratch + SCRATCH_SOURCE_VALUE);
  }
  const sources = fdbLookup(fdb, scratch + SCRATCH_SOURCE, count, scratch + SCRATCH_SOURCE_VALUE);
  const destinations = fdbLookup(
    fdb,
    scratch + SCRATCH_DESTINATION,
    count,
    scratch + SCRATCH_DESTINATION_VALUE,
  );
  return 2 * count - sources - destinations;
}

/** Goes on with an interrupted burst; returns the frame to go on with, or more than `count` if it was interrupted again. */
function resume(context: usize, sw: usize, descriptors: usize, count: u32, scratch: usize): u32 {
  const index = load<u32>(context, CONTEXT_INDEX);
  const d: usize = descriptors + index * DESCRIPTOR_LENGTH;
  const s: usize = scratch + index * SCRATCH_STEP;
  if (!flood(context, sw, d, s, load<u32>(context, CONTEXT_FLOODED), true)) return count + 1;
  // Other threads may have learned or forgotten meanwhile.
  lookUp(sw, scratch, count);
  return index + 1;
}

/** The third pass, from frame `index` on; false if it was interrupted. */
function forward(
  context: usize,
  sw: usize,
  descriptors: usize,
  count: u32,
  index: u32,
  scratch: usize,
): bool {
  const ports: usize = load<u32>(sw, SWITCH_PORTS);
  const domains: usize = load<u32>(sw, SWITCH_DOMAINS);
  const fresh = freshValue(context);
  const portsCounted = portCounters(context, 0) + PORT_SENT;
  const domainsCounted = domainCounters(context, 0) + DOMAIN_SENT;
  const list: usize = load<u32>(context, CONTEXT_OUT);
  let out: usize = list + (load<u32>(context, CONTEXT_OUT_COUNT) << 2);
  let s: usize = scratch + index * SCRATCH_STEP;
  const end: usize = scratch + count * SCRATCH_STEP;
  let d: usize = descriptors + index * DESCRIPTOR_LENGTH;
  for (; s < end; s += SCRATCH_STEP, d += DESCRIPTOR_LENGTH) {
    const state = load<u32>(s, SCRATCH_STATE);
    const ingress = load<u32>(s, SCRATCH_INGRESS);
    const value = load<u64>(s, SCRATCH_DESTINATION_VALUE);
    const to: u32 = <u32>value & DESTINATION_PORT_MASK;
    const port: usize = ports + to * PORT_LENGTH;
    const wire = load<u32>(d, DESCRIPTOR_WIRE_LENGTH);
    const group = state >>> SCRATCH_GROUP_NUMBER_SHIFT;
    // All in one branch: each is zero if it is as usual. Blackholes have no port, and what has a VLAN to leave by is
    // not for this loop.
    const known = load<u64>(s, SCRATCH_SOURCE_VALUE) ^ (fresh | <u64>ingress);
    const learns: u64 = -(<i64>((state >>> SCRATCH_LEARNS_SHIFT) & 1));
    const unusual: u64 =
      (known & learns) |
      (value & (BLACKHOLE | 0xffff0000)) |
      <u64>(
        ((state & UNUSUAL) |
          <u32>(value === 0) |
          <u32>(to === (ingress & DESTINATION_PORT_MASK)) |
          (<u32>(group !== 0) & <u32>(group === load<u32>(port, PORT_GROUP))) |
          <u32>(wire - ETHERNET_LENGTH > load<u32>(port, PORT_MTU)))
      );
    if (unusual !== 0) {
      if ((state & SCRATCH_DONE) !== 0) continue;
      store<u32>(context, <u32>(out - list) >>> 2, CONTEXT_OUT_COUNT);
      const done = forwardOne(context, sw, d, s);
      out = list + (load<u32>(context, CONTEXT_OUT_COUNT) << 2);
      if (!done) return interrupted(context, <u32>(s - scratch) / SCRATCH_STEP);
      if (fdbHasChanged()) {
        s += SCRATCH_STEP;
        d += DESCRIPTOR_LENGTH;
        return forwardDisturbed(context, sw, d, s, end, scratch);
      }
      continue;
    }
    const domain: u32 = load<u16>(s, SCRATCH_SOURCE + KEY_DOMAIN);
    let mark = to;
    let bytes = saidLength(load<u32>(d, DESCRIPTOR_FRAME_LENGTH), wire);
    if ((load<u32>(port, PORT_FLAGS) & PORT_PLAIN_TUNNEL) !== 0) {
      const frame: usize = load<u32>(d, DESCRIPTOR_OFFSET);
      const length = load<u32>(d, DESCRIPTOR_FRAME_LENGTH);
      if (!isPlainPassenger(frame, length, bytes, load<u32>(d, DESCRIPTOR_FLOOR))) {
        store<u32>(context, <u32>(out - list) >>> 2, CONTEXT_OUT_COUNT);
        forwardOne(context, sw, d, s);
        out = list + (load<u32>(context, CONTEXT_OUT_COUNT) << 2);
        continue;
      }
      const vni = load<u32>(domains + domain * DOMAIN_LENGTH, DOMAIN_VNI);
      putPlainHeaders(d, frame, length, wire, bytes, load<u32>(port, PORT_ENCAPSULATION), vni);
      mark = UPLINK_NUMBER;
      bytes += PLAIN_UDP_LENGTH;
    } else if (load<u32>(port, PORT_KIND) > <u32>PORT_TRUNK) {
      // A tunnel of another kind.
      store<u32>(context, <u32>(out - list) >>> 2, CONTEXT_OUT_COUNT);
      forwardOne(context, sw, d, s);
      out = list + (load<u32>(context, CONTEXT_OUT_COUNT) << 2);
      continue;
    }
    store<u32>(d, mark, DESCRIPTOR_MARK);
    const counters: usize = portsCounted + to * PORT_COUNTERS_LENGTH;
    v128.store(counters, i64x2.add(v128.load(counters), i64x2.replace_lane(ONE, 1, <u64>bytes)));
    const counter: usize = domainsCounted + domain * DOMAIN_COUNTERS_LENGTH;
    store<u64>(counter, load<u64>(counter) + 1);
    store<u32>(out, <u32>d);
    out += 4;
  }
  store<u32>(context, <u32>(out - list) >>> 2, CONTEXT_OUT_COUNT);
  return true;
}

function interrupted(context: usize, index: u32): bool {
  store<u32>(context, CONTEXT_IN_FLOOD, CONTEXT_STATE);
  store<u32>(context, index, CONTEXT_INDEX);
  return false;
}

/** The rest of a burst in which something new was learned. */
function forwardDisturbed(context: usize, sw: usize, d: usize, s: usize, end: usize, scratch: usize): bool {
  for (; s < end; s += SCRATCH_STEP, d += DESCRIPTOR_LENGTH) {
    if ((load<u32>(s, SCRATCH_STATE) & SCRATCH_DONE) !== 0) continue;
    if (!forwardOne(context, sw, d, s)) return interrupted(context, <u32>(s - scratch) / SCRATCH_STEP);
  }
  return true;
}
