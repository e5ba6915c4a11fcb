// ICMP, ICMPv6 with neighbour discovery and multicast listeners, IGMP: addresses in messages, and the packets that errors
// are about.

import { ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from "../src/layout/ethernet.layout";
import { ICMP_BODY, ICMP_CHECKSUM, ICMP_REST, ICMP_TYPE } from "../src/layout/icmp.layout";
import { IP_PROTOCOL_ICMPV6 } from "../src/layout/ipv4.layout";
import { changeIpv4, changeIpv6, changeMac } from "./anonymise-address";
import { goOn, half, noteMessageSum, noteSum, payload, present, unknown, wipe } from "./anonymise-bytes";

export function openIcmp(at: usize, end: usize): void {
  if (present(at, end) < <u32>ICMP_BODY) {
    wipe(at + ICMP_REST, end);
    return;
  }
  noteMessageSum(at + ICMP_CHECKSUM, at, end);
  switch (load<u8>(at, ICMP_TYPE)) {
    case 0: // echo
    case 8:
      payload(at + ICMP_BODY, end);
      return;
    case 5: // redirect
      changeIpv4(at + ICMP_REST);
      goOn(ETHERTYPE_IPV4, at + ICMP_BODY, end);
      return;
    case 3: // unreachable, quench, time exceeded, parameter problem
    case 4:
    case 11:
    case 12:
      goOn(ETHERTYPE_IPV4, at + ICMP_BODY, end);
      return;
    case 9: // router advertisement: how many, and of how many words
      if (load<u8>(at, 5) !== 2) {
        unknown(at + ICMP_BODY, end);
        return;
      }
      changeRouters(at + ICMP_BODY, end, load<u8>(at, 4));
      return;
    case 13: // timestamps
    case 14:
      unknown(at + 20, end);
      return;
    case 17: // mask
    case 18:
      unknown(at + 12, end);
      return;
    default:
      unknown(at + ICMP_REST, end);
      return;
  }
}

function changeRouters(at: usize, end: usize, count: u32): void {
  for (; count > 0 && present(at, end) >= 8; count--, at += 8) changeIpv4(at);
  unknown(at, end);
}

export function openIgmp(at: usize, end: usize): void {
  const there = present(at, end);
  if (there < 8) {
    wipe(at + ICMP_REST, end);
    return;
  }
  noteMessageSum(at + ICMP_CHECKSUM, at, end);
  switch (load<u8>(at)) {
    case 0x11: // a query, of version 3 with sources
      changeIpv4(at + 4);
      if (there < 12) {
        unknown(at + 8, end);
        return;
      }
      unknown(changeAllIpv4(at + 12, end, half(at + 10)), end);
      return;
    case 0x12: // reports and leaving
    case 0x16:
    case 0x17:
      changeIpv4(at + 4);
      unknown(at + 8, end);
      return;
    case 0x22:
      changeReports(at + 8, end, half(at + 6), 4);
      return;
    default:
      unknown(at + ICMP_REST, end);
      return;
  }
}

/** Returns where it ended. */
function changeAllIpv4(at: usize, end: usize, count: u32): usize {
  for (; count > 0 && present(at, end) >= 4; count--, at += 4) changeIpv4(at);
  return at;
}

function changeAllIpv6(at: usize, end: usize, count: u32): usize {
  for (; count > 0 && present(at, end) >= 16; count--, at += 16) changeIpv6(at);
  return at;
}

/** Reports of IGMPv3 and MLDv2: a group, its sources, and data of nobody's. */
function changeReports(at: usize, end: usize, count: u32, size: u32): void {
  for (; count > 0 && present(at, end) >= 4 + size; count--) {
    const data: u32 = load<u8>(at, 1);
    const sources = half(at + 2);
    if (size === 4) {
      changeIpv4(at + 4);
      at = changeAllIpv4(at + 8, end, sources);
    } else {
      changeIpv6(at + 4);
      at = changeAllIpv6(at + 20, end, sources);
    }
    if (data !== 0) break;
  }
  unknown(at, end);
}

export function openIcmpv6(at: usize, end: usize): void {
  const there = present(at, end);
  if (there < <u32>ICMP_BODY) {
    wipe(at + ICMP_REST, end);
    return;
  }
  noteSum(at + ICMP_CHECKSUM, at, end, IP_PROTOCOL_ICMPV6);
  const type: u32 = load<u8>(at, ICMP_TYPE);
  if (type >= 1 && type <= 4) {
    goOn(ETHERTYPE_IPV6, at + ICMP_BODY, end);
    return;
  }
  switch (type) {
    case 128: // echo
    case 129:
      payload(at + ICMP_BODY, end);
      return;
    case 130: // listeners: a query, of version 2 with sources; a report; the end of one
    case 131:
    case 132:
      if (there < 24) {
        wipe(at + ICMP_BODY, end);
        return;
      }
      changeIpv6(at + ICMP_BODY);
      if (type !== 130 || there < 28) {
        unknown(at + 24, end);
        return;
      }
      unknown(changeAllIpv6(at + 28, end, half(at + 26)), end);
      return;
    case 143:
      changeReports(at + ICMP_BODY, end, half(at + 6), 16);
      return;
    case 133: // solicitation of routers, and their advertisement
      openOptions(at + ICMP_BODY, end);
      return;
    case 134:
      openOptions(at + 16, end);
      return;
    case 135: // solicitation of a neighbour, and its advertisement
    case 136:
      if (there < 24) {
        wipe(at + ICMP_BODY, end);
        return;
      }
      changeIpv6(at + ICMP_BODY);
      openOptions(at + 24, end);
      return;
    case 137: // redirect
      if (there < 40) {
        wipe(at + ICMP_BODY, end);
        return;
      }
      changeIpv6(at + ICMP_BODY);
      changeIpv6(at + 24);
      openOptions(at + 40, end);
      return;
    default:
      unknown(at + ICMP_REST, end);
      return;
  }
}

/** Options of neighbour discovery; what stands in one that is not known becomes zeroes. */
function openOptions(at: usize, end: usize): void {
  while (present(at, end) >= 8) {
    const length: u32 = <u32>load<u8>(at, 1) * 8;
    if (length === 0 || present(at, end) < length) break;
    const behind: usize = at + length;
    switch (load<u8>(at)) {
      case 1: // MACs
      case 2:
        changeMac(at + 2);
        wipe(at + 8, behind);
        break;
      case 3: // prefix
        if (length < 32) wipe(at + 2, behind);
        else changePrefix(at + 16, load<u8>(at, 2));
        break;
      case 4: // the packet that a redirect is about, which is the last there is
        wipe(at + 2, at + 8);
        goOn(ETHERTYPE_IPV6, at + 8, behind);
        return;
      case 5: // MTU
        break;
      case 25: // name servers
        wipe(changeAllIpv6(at + 8, behind, 255), behind);
        break;
      default:
        wipe(at + 2, behind);
    }
    at = behind;
  }
  wipe(at, end);
}

/** A prefix: what stands behind its bits says nothing. */
function changePrefix(at: usize, bits: u32): void {
  changeIpv6(at);
  for (let i = bits; i < 128; i++) {
    const byte: usize = at + (i >>> 3);
    store<u8>(byte, <u8>(<u32>load<u8>(byte) & ~(0x80 >>> (i & 7))));
  }
}
