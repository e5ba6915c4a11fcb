// The frame in work: how much of it was captured, where its payload begins, what comes next, and the checksums that are to
// be put right when all of it has been changed.
//
// A layer ends where the one around it says, which may be behind what was captured. Layers are opened one after the other,
// from the outside, and checksums are settled from the inside.

import { IP_PROTOCOL_UDP } from "../src/layout/ipv4.layout";
import {
  ANONYMISE_CUT_PAYLOAD,
  ANONYMISE_KEEP_PAYLOAD,
  ANONYMISE_KEEP_UNKNOWN,
  ANONYMISE_SUMS,
  ANONYMISE_SUMS_MAXIMUM,
  SUM_BEFORE,
  SUM_END,
  SUM_FIELD,
  SUM_LENGTH,
  SUM_PSEUDO,
  SUM_START,
  SUM_STATE,
} from "../src/layout/ready.layout";
import { fold, sum } from "./checksum";

/** What a layer carries: an EtherType; an IP protocol above this; or nothing more. */
export const CARRIES_PROTOCOL: u32 = 0x10000;
export const CARRIES_NOTHING: u32 = 0;

/** Of checksums: right, wrong, and those over what was not captured. */
const RIGHT: u32 = 0;
const WRONG: u32 = 1;
const UNSEEN: u32 = 2;
/** Beside that: zero would say that there is none. */
const NEVER_ZERO: u32 = 4;

let flags: u32 = 0;
let sums: usize = 0;
let sumCount: u32 = 0;
/** Behind the last byte that was captured, and behind the last that is kept. */
let captured: usize = 0;
let kept: usize = 0;

let type: u32 = 0;
let start: usize = 0;
let end: usize = 0;
let isWhole: bool = true;
let pseudoBefore: u64 = 0;
let pseudoAfter: u64 = 0;

export function beginFrame(ofStage: u32, state: usize, behind: usize): void {
  flags = ofStage;
  sums = state + ANONYMISE_SUMS;
  sumCount = 0;
  captured = behind;
  kept = behind;
  type = CARRIES_NOTHING;
}

/** What is to be opened next: something of this type from `at` on, which ends at `behind`. */
export function goOn(what: u32, at: usize, behind: usize): void {
  type = what;
  start = at;
  end = behind;
}

export function nextType(): u32 {
  return type;
}

export function nextStart(): usize {
  return start;
}

export function nextEnd(): usize {
  return end;
}

/** Of what an IP packet carries: whether all of it is there, no fragment, and the sums of the addresses before and after. */
export function setPacket(whole: bool, before: u64, after: u64): void {
  isWhole = whole;
  pseudoBefore = before;
  pseudoAfter = after;
}

/** How many bytes from `at` on were captured, of those that end at `behind`. */
export function present(at: usize, behind: usize): u32 {
  const stop = behind < captured ? behind : captured;
  return at < stop ? <u32>(stop - at) : 0;
}

export function half(at: usize): u32 {
  return bswap<u16>(load<u16>(at));
}

export function wipe(at: usize, behind: usize): void {
  const count = present(at, behind);
  if (count !== 0) memory.fill(at, 0, count);
}

/** What an application says. */
export function payload(at: usize, behind: usize): void {
  if ((flags & ANONYMISE_KEEP_PAYLOAD) === 0) strike(at, behind);
}

export function isPayloadKept(): bool {
  return (flags & ANONYMISE_KEEP_PAYLOAD) !== 0;
}

/** What nothing is known of. */
export function unknown(at: usize, behind: usize): void {
  if ((flags & ANONYMISE_KEEP_UNKNOWN) === 0) strike(at, behind);
}

function strike(at: usize, behind: usize): void {
  if (present(at, behind) === 0) return;
  wipe(at, behind);
  if ((flags & ANONYMISE_CUT_PAYLOAD) !== 0 && at < kept) kept = at;
}

/** How long the frame is now that began at `frame`. */
export function keptFrom(frame: usize): u32 {
  return <u32>(kept - frame);
}

/**
 * Notes the checksum at `field` over what lies between `at` and `behind`, before that is changed. With `protocol` addresses,
 * protocol and length belong to it.
 */
export function noteSum(field: usize, at: usize, behind: usize, protocol: u32): void {
  if (present(field, behind) < 2) return;
  let before: u64 = 0;
  let after: u64 = 0;
  let whole = true;
  if (protocol !== 0) {
    const length = <u32>(behind - at);
    const rest: u64 =
      <u64>(protocol << 8) + <u64>bswap<u16>(<u16>length) + <u64>bswap<u16>(<u16>(length >>> 16));
    before = pseudoBefore + rest;
    after = pseudoAfter + rest;
    whole = isWhole;
  }
  note(field, at, behind, before, after, whole, protocol === IP_PROTOCOL_UDP ? NEVER_ZERO : 0);
}

/** The same of a message of ICMP or IGMP over IPv4, to which no addresses belong. */
export function noteMessageSum(field: usize, at: usize, behind: usize): void {
  if (present(field, behind) >= 2) note(field, at, behind, 0, 0, isWhole, 0);
}

function note(field: usize, at: usize, behind: usize, before: u64, after: u64, whole: bool, more: u32): void {
  if (sumCount === ANONYMISE_SUMS_MAXIMUM) {
    store<u16>(field, 0);
    return;
  }
  const stop = behind < captured ? behind : captured;
  const total = fold(sum(at, <u32>(stop - at)) + before);
  const state = !whole || behind > captured ? UNSEEN : total === 0xffff ? RIGHT : WRONG;
  const entry: usize = sums + sumCount++ * SUM_LENGTH;
  store<u32>(entry, <u32>field, SUM_FIELD);
  store<u32>(entry, <u32>at, SUM_START);
  store<u32>(entry, <u32>stop, SUM_END);
  store<u32>(entry, total, SUM_BEFORE);
  store<u64>(entry, after, SUM_PSEUDO);
  store<u32>(entry, state | more, SUM_STATE);
}

/** Puts right what was noted, from the inside out: a checksum may be over others. */
export function settleSums(): void {
  while (sumCount > 0) settle(sums + --sumCount * SUM_LENGTH);
}

function settle(entry: usize): void {
  const field: usize = load<u32>(entry, SUM_FIELD);
  const from: usize = load<u32>(entry, SUM_START);
  const states = load<u32>(entry, SUM_STATE);
  const state = states & ~NEVER_ZERO;
  if (state === UNSEEN && (flags & ANONYMISE_KEEP_PAYLOAD) === 0) {
    store<u16>(field, 0);
    return;
  }
  const old: u32 = load<u16>(field);
  store<u16>(field, 0);
  const after = sum(from, load<u32>(entry, SUM_END) - <u32>from) + load<u64>(entry, SUM_PSEUDO);
  let checksum: u32 = ~fold(after) & 0xffff;
  if (state === UNSEEN) {
    // What was not captured has not changed: RFC 1624, over all that was. The old sum has the field in it, the new one not.
    const before = fold(<u64>load<u32>(entry, SUM_BEFORE) + <u64>(~old & 0xffff));
    checksum = ~fold(<u64>(~old & 0xffff) + <u64>(~before & 0xffff) + after) & 0xffff;
  } else if (state === WRONG) {
    // A wrong one stays wrong, but by how much would tell of what has gone.
    checksum = checksum === 1 ? 3 : checksum ^ 1;
  }
  if (checksum === 0 && states !== state) checksum = 0xffff;
  store<u16>(field, <u16>checksum);
}
