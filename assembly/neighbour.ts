// Neighbours: which MAC an IP address has in a bridge domain. The table holds a part of each address, its record all.

import {
  DOMAIN_ANSWERS_ARP,
  DOMAIN_FLAGS,
  DOMAIN_LENGTH,
  NEIGHBOUR_ADDRESS,
  NEIGHBOUR_FLAGS,
  NEIGHBOUR_GATEWAY,
  NEIGHBOUR_IPV4,
  NEIGHBOUR_IPV6,
  NEIGHBOUR_KIND_SHIFT,
  NEIGHBOUR_LENGTH,
  NEIGHBOUR_NEXT,
  SWITCH_DOMAINS,
  SWITCH_NEIGHBOUR_RECORDS,
  SWITCH_NEIGHBOURS,
} from "../src/layout/switch.layout";
import { find } from "./find";

/** The record of an IPv4 address, as its four bytes lie in memory, in bridge domain `domain`; 0 if there is none. */
export function neighbourIpv4(sw: usize, domain: u32, address: u32): usize {
  // Two IPv4 addresses never share a key: the first record is the only one.
  return first(sw, <u64>address | keyOf(domain, NEIGHBOUR_IPV4));
}

/** The record of the IPv6 address at `address` in bridge domain `domain`; 0 if there is none. */
export function neighbourIpv6(sw: usize, domain: u32, address: usize): usize {
  let record = first(sw, <u64>((condensed(address) & ~1) | 2) | keyOf(domain, NEIGHBOUR_IPV6));
  while (record !== 0 && !sameAddress(record + NEIGHBOUR_ADDRESS, address)) {
    record = recordOf(sw, load<u32>(record, NEIGHBOUR_NEXT));
  }
  return record;
}

/** The switch speaks for itself always, for others only where the bridge domain says so. */
export function mayTell(sw: usize, domain: u32, record: usize): bool {
  if ((load<u32>(record, NEIGHBOUR_FLAGS) & NEIGHBOUR_GATEWAY) !== 0) return true;
  const flags = load<u32>(load<u32>(sw, SWITCH_DOMAINS) + domain * DOMAIN_LENGTH, DOMAIN_FLAGS);
  return (flags & DOMAIN_ANSWERS_ARP) !== 0;
}

export function sameAddress(a: usize, b: usize): bool {
  return load<u64>(a) === load<u64>(b) && load<u64>(a, 8) === load<u64>(b, 8);
}

/** 32 bits of an IPv6 address; src/switch/condense.ts computes the same. */
export function condensed(address: usize): u32 {
  let h: u32 = load<u32>(address) * 0x9e3779b1;
  h = (h ^ (h >>> 15) ^ load<u32>(address, 4)) * 0x85ebca77;
  h = (h ^ (h >>> 13) ^ load<u32>(address, 8)) * 0xc2b2ae3d;
  h = (h ^ (h >>> 16) ^ load<u32>(address, 12)) * 0x27d4eb2f;
  return h ^ (h >>> 15);
}

function keyOf(domain: u32, kind: u64): u64 {
  return ((<u64>domain) << 32) | (kind << NEIGHBOUR_KIND_SHIFT);
}

function first(sw: usize, key: u64): usize {
  const table: usize = load<u32>(sw, SWITCH_NEIGHBOURS);
  return table === 0 ? 0 : recordOf(sw, <u32>find(table, key));
}

function recordOf(sw: usize, number: u32): usize {
  return number === 0 ? 0 : load<u32>(sw, SWITCH_NEIGHBOUR_RECORDS) + number * NEIGHBOUR_LENGTH;
}
