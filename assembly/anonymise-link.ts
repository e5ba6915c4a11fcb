// What stands in front of IP packets: MACs, tags, labels, ARP.

import {
  ARP_FIXED_LENGTH,
  ARP_HARDWARE_LENGTH,
  ARP_LENGTH,
  ARP_PROTOCOL_LENGTH,
  ARP_PROTOCOL_TYPE,
  ARP_SENDER_IP,
  ARP_SENDER_MAC,
  ARP_TARGET_IP,
  ARP_TARGET_MAC,
} from "../src/layout/arp.layout";
import {
  ETHERNET_LENGTH,
  ETHERNET_SOURCE,
  ETHERNET_TYPE,
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  ETHERTYPE_MINIMUM,
  ETHERTYPE_MPLS,
  ETHERTYPE_TEB,
  MAC_LENGTH,
} from "../src/layout/ethernet.layout";
import { LLC_SAP_SNAP, LLC_UNNUMBERED, SNAP_LENGTH, SNAP_PROTOCOL } from "../src/layout/llc.layout";
import { MPLS_BOTTOM, MPLS_LENGTH } from "../src/layout/mpls.layout";
import { NSH_LENGTH, NSH_NEXT_PROTOCOL, NSH_WORDS, NSH_WORDS_MASK } from "../src/layout/nsh.layout";
import { changeIpv4, changeMac } from "./anonymise-address";
import { goOn, half, present, unknown, wipe } from "./anonymise-bytes";
import { typeOfPpp } from "./link";

/** The destination of the innermost Ethernet header, if it is a group's of which an IP packet may say more; else 0. */
let groupMac: usize = 0;

export function resetLink(): void {
  groupMac = 0;
}

export function openEthernet(at: usize, end: usize): void {
  groupMac = 0;
  if (present(at, end) < <u32>ETHERNET_LENGTH) {
    wipe(at, end);
    return;
  }
  const first = load<u32>(at) & 0xffffff;
  if ((first & 0xffff) === 0x3333 || first === 0x5e0001) groupMac = at;
  changeMac(at);
  changeMac(at + ETHERNET_SOURCE);
  const type = half(at + ETHERNET_TYPE);
  if (type >= <u32>ETHERTYPE_MINIMUM) {
    goOn(type, at + ETHERNET_LENGTH, end);
    return;
  }
  const inside: usize = at + ETHERNET_LENGTH;
  const behind: usize = inside + type < end ? inside + type : end;
  unknown(behind, end);
  openLlc(inside, behind);
}

/** LLC, of which only SNAP with an EtherType is known. */
function openLlc(at: usize, end: usize): void {
  const snap: u32 = LLC_SAP_SNAP | (LLC_SAP_SNAP << 8) | (LLC_UNNUMBERED << 16);
  if (present(at, end) < <u32>SNAP_LENGTH || load<u32>(at) !== snap || load<u16>(at, 4) !== 0) {
    unknown(at, end);
    return;
  }
  goOn(half(at + SNAP_PROTOCOL), at + SNAP_LENGTH, end);
}

/** An IPv4 group of which the MAC says a part only. */
export function nameGroupIpv4(group: usize): void {
  if (groupMac === 0 || (load<u8>(group) & 0xf0) !== 0xe0) return;
  if ((load<u32>(groupMac) & 0xffffff) !== 0x5e0001) return;
  store<u8>(groupMac, load<u8>(group, 1) & 0x7f, 3);
  store<u16>(groupMac, load<u16>(group, 2), 4);
}

export function nameGroupIpv6(group: usize): void {
  if (groupMac === 0 || load<u8>(group) !== 0xff || load<u16>(groupMac) !== 0x3333) return;
  store<u32>(groupMac, load<u32>(group, 12), 2);
}

/** A header of so many bytes with no addresses in it, whose last two are the type of what follows. */
export function openTag(at: usize, end: usize, length: u32): void {
  if (present(at, end) < length) {
    wipe(at, end);
    return;
  }
  goOn(half(at + length - 2), at + length, end);
}

/** A frame behind a header of so many bytes with no addresses in it. */
export function openAround(at: usize, end: usize, length: u32): void {
  if (present(at, end) < length) {
    wipe(at, end);
    return;
  }
  goOn(ETHERTYPE_TEB, at + length, end);
}

export function openPppoe(at: usize, end: usize): void {
  if (present(at, end) < 8) {
    wipe(at, end);
    return;
  }
  openPpp(at + 6, end);
}

/** PPP, with address and control in front of it or without; an odd first byte is all of the protocol. */
export function openPpp(at: usize, end: usize): void {
  if (present(at, end) >= 4 && load<u16>(at) === 0x03ff) at += 2;
  if (present(at, end) < 2) {
    wipe(at, end);
    return;
  }
  const isShort = (load<u8>(at) & 1) !== 0;
  const type = <u32>bswap<u16>(<u16>typeOfPpp(isShort ? <u32>load<u8>(at) : half(at)));
  at += isShort ? 1 : 2;
  if (type === 0) unknown(at, end);
  else goOn(type, at, end);
}

/** Labels, and what stands behind them: nothing says what it is but its first bits. */
export function openMpls(at: usize, end: usize): void {
  for (;;) {
    if (present(at, end) <= <u32>MPLS_LENGTH) {
      wipe(at, end);
      return;
    }
    const isBottom = (bswap<u32>(load<u32>(at)) & MPLS_BOTTOM) !== 0;
    at += MPLS_LENGTH;
    if (isBottom) break;
  }
  const version: u32 = <u32>load<u8>(at) >>> 4;
  if (version === 4) goOn(ETHERTYPE_IPV4, at, end);
  else if (version === 6) goOn(ETHERTYPE_IPV6, at, end);
  else if (version === 0) openAround(at, end, 4);
  else if (version === 1) unknown(at, end);
  else goOn(ETHERTYPE_TEB, at, end);
}

export function openNsh(at: usize, end: usize): void {
  if (present(at, end) < <u32>NSH_LENGTH) {
    wipe(at, end);
    return;
  }
  const length = (<u32>load<u8>(at, NSH_WORDS) & NSH_WORDS_MASK) * 4;
  if (length < <u32>NSH_LENGTH || present(at, end) < length) {
    wipe(at, end);
    return;
  }
  // Contexts hold whatever those who put them there like.
  wipe(at + NSH_LENGTH, at + length);
  goOn(typeOfNext(load<u8>(at, NSH_NEXT_PROTOCOL)), at + length, end);
}

/** That of a next protocol of NSH and VXLAN-GPE, which number them alike. */
export function typeOfNext(next: u32): u32 {
  switch (next) {
    case 1:
      return ETHERTYPE_IPV4;
    case 2:
      return ETHERTYPE_IPV6;
    case 3:
      return ETHERTYPE_TEB;
    case 4:
      return 0x894f;
    case 5:
      return ETHERTYPE_MPLS;
    default:
      return NOBODYS;
  }
}

/** A type that nothing is known of, in place of one that cannot be told. */
export const NOBODYS: u32 = 0xffff;

export function openArp(at: usize, end: usize): void {
  if (present(at, end) < <u32>ARP_LENGTH) {
    wipe(at + ARP_FIXED_LENGTH, end);
    return;
  }
  const isKnown =
    half(at + ARP_PROTOCOL_TYPE) === ETHERTYPE_IPV4 &&
    load<u8>(at, ARP_HARDWARE_LENGTH) === MAC_LENGTH &&
    load<u8>(at, ARP_PROTOCOL_LENGTH) === 4;
  if (!isKnown) {
    wipe(at + ARP_FIXED_LENGTH, end);
    return;
  }
  changeMac(at + ARP_SENDER_MAC);
  changeIpv4(at + ARP_SENDER_IP);
  changeMac(at + ARP_TARGET_MAC);
  changeIpv4(at + ARP_TARGET_IP);
  unknown(at + ARP_LENGTH, end);
}
