// The rows of a rewriting: of each list the first that matches decides, and what none matches stays as it is.

import { ETHERNET_SOURCE } from "../src/layout/ethernet.layout";
import {
  CHANGE_BITS,
  CHANGE_FIRST,
  CHANGE_KEEP,
  CHANGE_LENGTH,
  CHANGE_MASK,
  CHANGE_MORE,
  CHANGE_STEP,
  CHANGE_TO,
  CHANGE_WANTED,
  REWRITE_LIST_BYTES,
  REWRITE_LIST_LENGTH,
  REWRITE_LISTS,
} from "../src/layout/ready.layout";

/** Where the data lies, from the parameters on, is said so far in front of them. */
const DATA_WORD: usize = 16;
const MAC_BITS: u64 = 0xffffffffffff;

let lists: usize = 0;
let data: usize = 0;

/** The rows for all that follows. */
export function setRows(parameters: usize): void {
  lists = parameters + REWRITE_LISTS;
  data = parameters + load<u32>(parameters - DATA_WORD);
}

function firstRow(list: u32): usize {
  return data + load<u32>(lists + list * REWRITE_LIST_LENGTH);
}

function bytesOf(list: u32): u32 {
  return load<u32>(lists + list * REWRITE_LIST_LENGTH, REWRITE_LIST_BYTES);
}

/** What a number becomes. */
export function changedNumber(list: u32, value: u32): u32 {
  const first = firstRow(list);
  const end: usize = first + bytesOf(list);
  for (let row = first; row < end; row += CHANGE_LENGTH) {
    const place = value - load<u32>(row, CHANGE_FIRST);
    if (place <= load<u32>(row, CHANGE_MORE))
      return load<u32>(row, CHANGE_TO) + place * load<u32>(row, CHANGE_STEP);
  }
  return value;
}

/** What an address of at most eight bytes becomes, as it lies in memory. */
function changedAddress(list: u32, value: u64): u64 {
  const first = firstRow(list);
  const end: usize = first + bytesOf(list);
  for (let row = first; row < end; row += CHANGE_LENGTH)
    if ((value & load<u64>(row, CHANGE_MASK)) === load<u64>(row, CHANGE_WANTED))
      return (value & load<u64>(row, CHANGE_KEEP)) | load<u64>(row, CHANGE_BITS);
  return value;
}

/** Changes the MAC at `at`; returns whether it is another one now. */
export function changeMac(list: u32, at: usize): bool {
  const before = <u64>load<u32>(at) | ((<u64>load<u16>(at, 4)) << 32);
  const after = changedAddress(list, before) & MAC_BITS;
  if (after === before) return false;
  store<u32>(at, <u32>after);
  store<u16>(at, <u16>(after >>> 32), 4);
  return true;
}

/** Changes the two MACs of an Ethernet header. */
export function changeMacs(destinations: u32, sources: u32, frame: usize): bool {
  const first = changeMac(destinations, frame);
  const second = changeMac(sources, frame + ETHERNET_SOURCE);
  return first || second;
}

/**
 * Changes the IPv4 address at `at`; returns what a checksum over it takes up (RFC 1624: the complement of what was there, and
 * what is there now), in the order of memory and not folded; 0 if it has stayed.
 */
export function changeIpv4(list: u32, at: usize): u64 {
  const before = load<u32>(at);
  const after = <u32>changedAddress(list, before);
  if (after === before) return 0;
  store<u32>(at, after);
  return <u64>~before + <u64>after;
}

/** The same of an IPv6 address. */
export function changeIpv6(list: u32, at: usize): u64 {
  const low = load<u64>(at);
  const high = load<u64>(at, 8);
  const first = firstRow(list);
  const end: usize = first + bytesOf(list);
  for (let row = first; row < end; row += CHANGE_LENGTH) {
    const differs =
      ((low & load<u64>(row, CHANGE_MASK)) ^ load<u64>(row, CHANGE_WANTED)) |
      ((high & load<u64>(row, CHANGE_MASK + 8)) ^ load<u64>(row, CHANGE_WANTED + 8));
    if (differs !== 0) continue;
    const newLow = (low & load<u64>(row, CHANGE_KEEP)) | load<u64>(row, CHANGE_BITS);
    const newHigh = (high & load<u64>(row, CHANGE_KEEP + 8)) | load<u64>(row, CHANGE_BITS + 8);
    if (((newLow ^ low) | (newHigh ^ high)) === 0) return 0;
    store<u64>(at, newLow);
    store<u64>(at, newHigh, 8);
    return halves(~low) + halves(~high) + halves(newLow) + halves(newHigh);
  }
  return 0;
}

/** The two halves of a word, added up: for a sum that is folded later they are the same. */
function halves(word: u64): u64 {
  return (word & 0xffffffff) + (word >>> 32);
}
