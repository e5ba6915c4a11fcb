// Longest-prefix match in a trie with strides of four bits; src/layout/route.layout.ts says how it lies in memory.
//
// Why so: plain strides of eight bits take 1 KiB a node, and 1,000 routes spread out over IPv6 some 5 MiB; strides of
// four bits without leaving out single chains take 16 dependent loads for a /64.

import {
  NODE_HIGH,
  NODE_HIGH_MASK,
  NODE_LOW,
  NODE_LOW_MASK,
  NODE_POSITION_MASK,
  NODE_SLOTS,
  ROUTE_BITS_MASK,
  ROUTES_DEFAULT,
  ROUTES_ROOT,
  SLOT_CHILD,
  SLOT_ROUTE,
} from "../src/layout/route.layout";

/**
 * The group that the longest prefix of an address leads to; 0 if there is none. The address is two numbers, the most
 * significant bits first; an IPv4 address is the upper half of `high`.
 */
export function longestMatch(table: usize, high: u64, low: u64): usize {
  let route = load<u32>(table, ROUTES_DEFAULT);
  let reference = load<u32>(table, ROUTES_ROOT);
  while (reference !== 0) {
    const position = reference & NODE_POSITION_MASK;
    const node: usize = reference & ~NODE_POSITION_MASK;
    const other =
      ((high ^ load<u64>(node, NODE_HIGH)) & load<u64>(node, NODE_HIGH_MASK)) |
      ((low ^ load<u64>(node, NODE_LOW)) & load<u64>(node, NODE_LOW_MASK));
    if (other !== 0) break;
    const word = select<u64>(high, low, position < 16);
    // Position p's four bits times eight: the offset of their slot. A shift counts modulo 64.
    const slot: usize = node + <u32>(rotl<u64>(word, 7 + (position << 2)) & 0x78);
    const own = load<u32>(slot, NODE_SLOTS + SLOT_ROUTE);
    route = select<u32>(own, route, own !== 0);
    reference = load<u32>(slot, NODE_SLOTS + SLOT_CHILD);
  }
  return route & ~ROUTE_BITS_MASK;
}

export function longestMatchIpv4(table: usize, address: u32): usize {
  return longestMatch(table, (<u64>bswap<u32>(address)) << 32, 0);
}

export function longestMatchIpv6(table: usize, address: usize): usize {
  return longestMatch(table, bswap<u64>(load<u64>(address)), bswap<u64>(load<u64>(address, 8)));
}

/**
 * Looks up `count` addresses of `addressLength` bytes (4 or 16) that lie behind one another, and writes for each the
 * address of its group, or 0; returns how many have a route.
 */
export function lookupRoutes(
  table: usize,
  addresses: usize,
  count: u32,
  addressLength: u32,
  groups: usize,
): u32 {
  let found: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const address = addresses + i * addressLength;
    const group =
      addressLength === 4 ? longestMatchIpv4(table, load<u32>(address)) : longestMatchIpv6(table, address);
    store<u32>(groups + (i << 2), <u32>group);
    if (group !== 0) found++;
  }
  return found;
}
