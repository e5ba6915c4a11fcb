// What becomes of an address.
//
// IP addresses: whether a bit is flipped depends on the key and on the bits in front of it, and on nothing else. So two
// addresses have exactly as many bits in common afterwards as before (Xu, Fan, Ammar and Moon 2002). Six bits at a time: one
// word of the pseudorandom function has a bit for each of the 63 places there are in a tree of that depth.
//
// MACs: what is to change is permuted as a whole, by a Feistel network of eight rounds.

import {
  ANONYMISE_FLAGS,
  ANONYMISE_IPV4_CACHE,
  ANONYMISE_IPV4_PLACES,
  ANONYMISE_IPV6_CACHE,
  ANONYMISE_IPV6_PLACES,
  ANONYMISE_KEEP_MACS,
  ANONYMISE_KEEP_VENDORS,
  ANONYMISE_KEY,
  ANONYMISE_MAC_CACHE,
  ANONYMISE_MAC_PLACES,
  ANONYMISE_ROWS,
  ANONYMISE_ROWS_IPV4,
  ANONYMISE_ROWS_IPV6,
  ROW_BITS,
  ROW_HIGH,
  ROW_LENGTH,
  ROW_LOW,
  ROW_WHOLE,
} from "../src/layout/ready.layout";
import { setKey, sipHash2, sipHash3 } from "./siphash";

const STEP: u32 = 6;
const ROUNDS: u64 = 8;
/** What is hashed begins with what it is for, so that nothing is hashed for two purposes. */
const FOR_IPV4: u64 = 4 << 56;
const FOR_IPV6: u64 = 6 << 56;
const FOR_MAC: u64 = 1 << 56;
const SCATTER: u64 = 0x9e3779b97f4a7c15;

let flags: u32 = 0;
let caches: usize = 0;
let rows4: usize = 0;
let rows6: usize = 0;
let rowsEnd: usize = 0;
/** What an IPv6 address has become. */
let high: u64 = 0;
let low: u64 = 0;

/** For all that follows, up to the next burst. */
export function setAddresses(parameters: usize, state: usize): void {
  flags = load<u32>(parameters, ANONYMISE_FLAGS);
  setKey(load<u64>(parameters, ANONYMISE_KEY), load<u64>(parameters, ANONYMISE_KEY + 8));
  caches = state;
  rows4 = parameters + ANONYMISE_ROWS;
  rows6 = rows4 + load<u32>(parameters, ANONYMISE_ROWS_IPV4) * ROW_LENGTH;
  rowsEnd = rows6 + load<u32>(parameters, ANONYMISE_ROWS_IPV6) * ROW_LENGTH;
}

export function changeIpv4(at: usize): void {
  store<u32>(at, bswap<u32>(ipv4(bswap<u32>(load<u32>(at)))));
}

export function changeIpv6(at: usize): void {
  ipv6(bswap<u64>(load<u64>(at)), bswap<u64>(load<u64>(at, 8)));
  store<u64>(at, bswap<u64>(high));
  store<u64>(at, bswap<u64>(low), 8);
}

export function changeMac(at: usize): void {
  const before = ((<u64>bswap<u16>(load<u16>(at))) << 32) | <u64>bswap<u32>(load<u32>(at, 2));
  const after = mac(before);
  store<u16>(at, bswap<u16>(<u16>(after >>> 32)));
  store<u32>(at, bswap<u32>(<u32>after), 2);
}

function ipv4(address: u32): u32 {
  const place: usize =
    caches +
    ANONYMISE_IPV4_CACHE +
    ((<usize>(<u32>(address * <u32>0x9e3779b1)) >>> 16) % ANONYMISE_IPV4_PLACES) * 8;
  if (load<u32>(place) === address) return load<u32>(place, 4);
  const bits: u64 = (<u64>address) << 32;
  const stays = pinned(rows4, rows6, bits, 0, 32);
  let flips: u64 = 0;
  for (let at: u32 = 0; at < 32; at += STEP)
    if (stays < at + STEP)
      flips |= flipsAt(sipHash2(FOR_IPV4 | at, firstBits(bits, at)), bits << at, 32 - at) >>> at;
  const after: u32 = <u32>((bits ^ (flips & behind(stays))) >>> 32);
  store<u32>(place, address);
  store<u32>(place, after, 4);
  return after;
}

function ipv6(first: u64, second: u64): void {
  const place: usize =
    caches +
    ANONYMISE_IPV6_CACHE +
    (<usize>(((first ^ (second * SCATTER)) * SCATTER) >>> 32) % ANONYMISE_IPV6_PLACES) * 32;
  if (load<u64>(place) === first && load<u64>(place, 8) === second) {
    high = load<u64>(place, 16);
    low = load<u64>(place, 24);
    return;
  }
  const stays = pinned(rows6, rowsEnd, first, second, 128);
  let flipsHigh: u64 = 0;
  let flipsLow: u64 = 0;
  for (let at: u32 = 0; at < 128; at += STEP) {
    if (stays >= at + STEP) continue;
    const inHigh = at < 64;
    const hash = sipHash3(
      FOR_IPV6 | at,
      inHigh ? firstBits(first, at) : first,
      inHigh ? 0 : firstBits(second, at - 64),
    );
    if (inHigh) {
      // Of the step that begins with the last bits of the first half the others are in the second.
      const rest = at > 64 - STEP ? second >>> (64 - at) : 0;
      const flips = flipsAt(hash, (first << at) | rest, 128 - at);
      flipsHigh |= flips >>> at;
      if (at > 64 - STEP) flipsLow |= flips << (64 - at);
    } else flipsLow |= flipsAt(hash, second << (at - 64), 128 - at) >>> (at - 64);
  }
  high = first ^ (flipsHigh & behind(stays));
  low = second ^ (flipsLow & (stays <= 64 ? ~(<u64>0) : behind(stays - 64)));
  store<u64>(place, first);
  store<u64>(place, second, 8);
  store<u64>(place, high, 16);
  store<u64>(place, low, 24);
}

/** Which of the next bits, which are the top ones of `bits`, are flipped: at most six, and not more than are `left`. */
function flipsAt(hash: u64, bits: u64, left: u32): u64 {
  const depth = left < STEP ? left : STEP;
  let node: u64 = 1;
  let flips: u64 = 0;
  for (let i: u32 = 0; i < depth; i++) {
    flips |= ((hash >>> node) & 1) << (63 - i);
    node = (node << 1) | ((bits >>> (63 - i)) & 1);
  }
  return flips;
}

/** Of a word its first bits, 63 at most. */
function firstBits(word: u64, count: u32): u64 {
  return word & ~(~(<u64>0) >>> count);
}

/** Ones for all bits of a word behind the first ones. */
function behind(count: u32): u64 {
  return count >= 64 ? 0 : ~(<u64>0) >>> count;
}

/**
 * How many of an address's first bits stay: those by which it is told from a prefix that is kept, or those of a prefix that
 * it is in; with a whole one all. Rows are in order of their lengths: the longest decides.
 */
function pinned(row: usize, end: usize, first: u64, second: u64, bits: u32): u32 {
  let stays: u32 = 0;
  for (; row < end; row += ROW_LENGTH) {
    const difference = first ^ load<u64>(row, ROW_HIGH);
    const common: u32 =
      difference !== 0 ? <u32>clz(difference) : 64 + <u32>clz(second ^ load<u64>(row, ROW_LOW));
    const length = load<u32>(row, ROW_BITS);
    if (common >= length) stays = load<u32>(row, ROW_WHOLE) !== 0 ? bits : length;
    else if (common >= stays) stays = common + 1;
  }
  return stays;
}

function mac(address: u64): u64 {
  if ((flags & ANONYMISE_KEEP_MACS) !== 0) return address;
  const place: usize =
    caches + ANONYMISE_MAC_CACHE + (<usize>((address * SCATTER) >>> 40) % ANONYMISE_MAC_PLACES) * 16;
  if (load<u64>(place) === address) return load<u64>(place, 8);
  const after = (address & 0x10000000000) !== 0 ? group(address) : station(address);
  store<u64>(place, address);
  store<u64>(place, after, 8);
  return after;
}

/** Of groups those stay that are no one's in particular; those that were made of an IP group become what that becomes. */
function group(address: u64): u64 {
  if (address === 0xffffffffffff) return address;
  if (address >>> 32 === 0x3333) {
    ipv6(0xff02 << 48, address & 0xffffffff);
    return (0x3333 << 32) | (low & 0xffffffff);
  }
  if (address >>> 23 === 0x01005e << 1)
    return (address & ~(<u64>0x7fffff)) | (ipv4(0xe0000000 | (<u32>address & 0x7fffff)) & 0x7fffff);
  return isProtocols(<u32>(address >>> 24)) ? address : permuted(address);
}

/** Vendors whose groups belong to protocols: bridges and LLDP, Cisco's, PTP, IEC 61850. */
function isProtocols(vendor: u32): bool {
  return vendor === 0x0180c2 || vendor === 0x01000c || vendor === 0x011b19 || vendor === 0x010ccd;
}

function station(address: u64): u64 {
  const isLocal = (address & 0x20000000000) !== 0;
  if (isLocal || (flags & ANONYMISE_KEEP_VENDORS) === 0) return permuted(address);
  const vendor = address >>> 24;
  return (vendor << 24) | feistel(address & 0xffffff, 12, (1 << 48) | vendor);
}

/** All but the two bits that say what kind of address it is; what comes of it is nobody's, and says so. */
function permuted(address: u64): u64 {
  const kind = (address >>> 40) & 3;
  const after = feistel(((address >>> 42) << 40) | (address & 0xffffffffff), 23, kind);
  return ((after >>> 40) << 42) | ((kind | 2) << 40) | (after & 0xffffffffff);
}

function feistel(value: u64, half: u64, tweak: u64): u64 {
  const mask: u64 = (1 << half) - 1;
  let left = value >>> half;
  let right = value & mask;
  for (let i: u64 = 0; i < ROUNDS; i++) {
    const next = left ^ (sipHash3(FOR_MAC | i, tweak, right) & mask);
    left = right;
    right = next;
  }
  return (left << half) | right;
}
