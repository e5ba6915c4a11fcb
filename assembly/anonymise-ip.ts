// IPv4 and IPv6: their addresses, in headers, options and routes.

import {
  IPV4_CHECKSUM,
  IPV4_DESTINATION,
  IPV4_FRAGMENT,
  IPV4_LENGTH,
  IPV4_MORE_FRAGMENTS,
  IPV4_OFFSET_MASK,
  IPV4_PROTOCOL,
  IPV4_SOURCE,
  IPV4_TOTAL_LENGTH,
} from "../src/layout/ipv4.layout";
import {
  IPV6_DESTINATION,
  IPV6_DESTINATION_OPTIONS,
  IPV6_FRAGMENT_HEADER,
  IPV6_FRAGMENT_MORE,
  IPV6_FRAGMENT_OFFSET_MASK,
  IPV6_HOP_BY_HOP,
  IPV6_LENGTH,
  IPV6_NEXT_HEADER,
  IPV6_NO_NEXT_HEADER,
  IPV6_PAYLOAD_LENGTH,
  IPV6_ROUTING,
  IPV6_SOURCE,
} from "../src/layout/ipv6.layout";
import { changeIpv4, changeIpv6 } from "./anonymise-address";
import { CARRIES_PROTOCOL, goOn, half, noteSum, present, setPacket, unknown, wipe } from "./anonymise-bytes";
import { nameGroupIpv4, nameGroupIpv6 } from "./anonymise-link";
import { sum } from "./checksum";

const AUTHENTICATION: u32 = 51;
const OPTION_ROUTER_ALERT: u32 = 5;
const OPTION_JUMBO: u32 = 0xc2;
const OPTION_HOME_ADDRESS: u32 = 0xc9;
/** Routing headers that list addresses: types 0, 2 and 4. */
const ROUTES_KNOWN: u32 = 0x15;
const ROUTE_SEGMENTS: u32 = 4;

export function openIpv4(at: usize, end: usize): void {
  const there = present(at, end);
  if (there < <u32>IPV4_LENGTH) {
    wipe(at, end);
    return;
  }
  const first: u32 = load<u8>(at);
  const headerLength = (first & 15) * 4;
  let total = half(at + IPV4_TOTAL_LENGTH);
  // Zero is what cards are given that cut packets into segments themselves.
  if (total === 0) total = <u32>(end - at);
  if (first >>> 4 !== 4 || headerLength < <u32>IPV4_LENGTH || total < headerLength) {
    unknown(at, end);
    return;
  }
  const behind: usize = at + total < end ? at + total : end;
  // One that was nothing stays so: cards put it in.
  if (load<u16>(at, IPV4_CHECKSUM) !== 0) noteSum(at + IPV4_CHECKSUM, at, at + headerLength, 0);
  const before = sum(at + IPV4_SOURCE, 8);
  changeIpv4(at + IPV4_SOURCE);
  changeIpv4(at + IPV4_DESTINATION);
  nameGroupIpv4(at + IPV4_DESTINATION);
  const after = sum(at + IPV4_SOURCE, 8);
  if (there < headerLength) {
    wipe(at + IPV4_LENGTH, end);
    return;
  }
  if (headerLength > <u32>IPV4_LENGTH) changeOptions(at + IPV4_LENGTH, at + headerLength);
  unknown(behind, end);
  const fragment = half(at + IPV4_FRAGMENT);
  if ((fragment & IPV4_OFFSET_MASK) !== 0) {
    unknown(at + headerLength, behind);
    return;
  }
  setPacket((fragment & IPV4_MORE_FRAGMENTS) === 0 && at + total <= end, before, after);
  goOn(CARRIES_PROTOCOL | load<u8>(at, IPV4_PROTOCOL), at + headerLength, behind);
}

/** Options of IPv4: of a route the addresses, of the router alert all stays, of others nothing but kind and length. */
function changeOptions(at: usize, end: usize): void {
  while (at < end) {
    const kind: u32 = load<u8>(at) & 0x7f;
    if (kind === 0) {
      wipe(at + 1, end);
      return;
    }
    if (kind === 1) {
      at++;
      continue;
    }
    const length: u32 = at + 1 < end ? <u32>load<u8>(at, 1) : 0;
    if (length < 2 || at + length > end) {
      wipe(at, end);
      return;
    }
    const isRoute = kind === 7 || kind === 3 || kind === 9;
    // Behind the pointer; places that nobody has filled in hold what is no address, and are changed all the same.
    if (isRoute && length > 2 && (length - 3) % 4 === 0)
      for (let address: usize = at + 3; address < at + length; address += 4) changeIpv4(address);
    else if (kind !== 20) wipe(at + 2, at + length);
    at += length;
  }
}

export function openIpv6(at: usize, end: usize): void {
  if (present(at, end) < <u32>IPV6_LENGTH) {
    wipe(at, end);
    return;
  }
  if (load<u8>(at) >>> 4 !== 6) {
    unknown(at, end);
    return;
  }
  const length = half(at + IPV6_PAYLOAD_LENGTH);
  // Zero: a jumbogram, or what cards cut into segments.
  const said: usize = length === 0 ? end : at + IPV6_LENGTH + length;
  const behind = said < end ? said : end;
  const sourceBefore = sum(at + IPV6_SOURCE, 16);
  let before = sum(at + IPV6_DESTINATION, 16);
  changeIpv6(at + IPV6_SOURCE);
  changeIpv6(at + IPV6_DESTINATION);
  nameGroupIpv6(at + IPV6_DESTINATION);
  const sourceAfter = sum(at + IPV6_SOURCE, 16);
  let after = sum(at + IPV6_DESTINATION, 16);
  unknown(behind, end);
  let next: u32 = load<u8>(at, IPV6_NEXT_HEADER);
  let header: usize = at + IPV6_LENGTH;
  let whole = said <= end;
  while (isExtension(next)) {
    const there = present(header, behind);
    if (there < 8) {
      wipe(header, behind);
      return;
    }
    const units: u32 = load<u8>(header, 1);
    const size: u32 =
      next === IPV6_FRAGMENT_HEADER ? 8 : next === AUTHENTICATION ? units * 4 + 8 : units * 8 + 8;
    if (there < size) {
      wipe(header, behind);
      return;
    }
    if (next === IPV6_FRAGMENT_HEADER) {
      const fragment = half(header + 2);
      if ((fragment & IPV6_FRAGMENT_OFFSET_MASK) !== 0) {
        unknown(header + 8, behind);
        return;
      }
      if ((fragment & IPV6_FRAGMENT_MORE) !== 0) whole = false;
    } else if (next === IPV6_ROUTING) {
      // Where the packet goes in the end belongs to checksums, not where it goes next.
      const last = lastOfRoute(header, size);
      if (last !== 0) before = sum(last, 16);
      changeRoute(header, size);
      if (last !== 0) after = sum(last, 16);
    } else if (next === AUTHENTICATION) wipe(header + 12, header + size);
    else changeOptionsIpv6(header + 2, header + size);
    next = load<u8>(header);
    header += size;
  }
  if (next === IPV6_NO_NEXT_HEADER) {
    unknown(header, behind);
    return;
  }
  setPacket(whole, sourceBefore + before, sourceAfter + after);
  goOn(CARRIES_PROTOCOL | next, header, behind);
}

function isExtension(next: u32): bool {
  return (
    next === IPV6_HOP_BY_HOP ||
    next === IPV6_ROUTING ||
    next === IPV6_FRAGMENT_HEADER ||
    next === AUTHENTICATION ||
    next === IPV6_DESTINATION_OPTIONS
  );
}

/** How many addresses a routing header lists, of the types that are known. */
function addressesOf(route: usize, length: u32): u32 {
  const type: u32 = load<u8>(route, 2);
  if (type > 4 || ((ROUTES_KNOWN >>> type) & 1) === 0) return 0;
  const room = (length - 8) / 16;
  // Of segment routing the index of the last; what stands behind them is something else.
  const listed: u32 = type === ROUTE_SEGMENTS ? <u32>load<u8>(route, 4) + 1 : room;
  return listed < room ? listed : room;
}

/** The address to which a packet goes in the end, if that is not the one in its header; else 0. */
function lastOfRoute(route: usize, length: u32): usize {
  const count = addressesOf(route, length);
  if (count === 0 || load<u8>(route, 3) === 0) return 0;
  return load<u8>(route, 2) === ROUTE_SEGMENTS ? route + 8 : route + 8 + (count - 1) * 16;
}

function changeRoute(route: usize, length: u32): void {
  const count = addressesOf(route, length);
  for (let i: u32 = 0; i < count; i++) changeIpv6(route + 8 + i * 16);
  wipe(route + 8 + count * 16, route + length);
}

/** Options of IPv6: what says nothing of anybody stays, an address is changed, of others nothing but type and length stays. */
function changeOptionsIpv6(at: usize, end: usize): void {
  while (at < end) {
    const kind: u32 = load<u8>(at);
    if (kind === 0) {
      at++;
      continue;
    }
    const length: u32 = at + 1 < end ? <u32>load<u8>(at, 1) : 0xff;
    if (at + 2 + length > end) {
      wipe(at, end);
      return;
    }
    if (kind === OPTION_HOME_ADDRESS && length === 16) changeIpv6(at + 2);
    else if (kind !== OPTION_ROUTER_ALERT && kind !== OPTION_JUMBO) wipe(at + 2, at + 2 + length);
    at += 2 + length;
  }
}
