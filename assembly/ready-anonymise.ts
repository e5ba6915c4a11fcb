// Anonymisation: the walk through the layers of a frame, from the outside to the inside.

import {
  DESCRIPTOR_FLOW_HASH,
  DESCRIPTOR_FRAME_LENGTH,
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_LINK,
  DESCRIPTOR_OFFSET,
  DESCRIPTOR_TRAILER,
  DESCRIPTOR_VERDICT,
  DESCRIPTOR_WIRE_LENGTH,
  VERDICT_FORWARD,
} from "../src/layout/descriptor.layout";
import {
  ETHERTYPE_ARP,
  ETHERTYPE_E_TAG,
  ETHERTYPE_I_TAG,
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  ETHERTYPE_MPLS,
  ETHERTYPE_MPLS_MULTICAST,
  ETHERTYPE_NSH,
  ETHERTYPE_PPPOE,
  ETHERTYPE_TEB,
  ETHERTYPE_VN_TAG,
} from "../src/layout/ethernet.layout";
import {
  IP_PROTOCOL_GRE,
  IP_PROTOCOL_ICMP,
  IP_PROTOCOL_ICMPV6,
  IP_PROTOCOL_IPV4,
  IP_PROTOCOL_IPV6,
  IP_PROTOCOL_SCTP,
  IP_PROTOCOL_TCP,
  IP_PROTOCOL_UDP,
} from "../src/layout/ipv4.layout";
import {
  LINK_ETHERNET,
  LINK_NFLOG,
  LINK_RADIOTAP,
  LINK_SLL,
  LINK_SLL2,
  LINK_WLAN,
} from "../src/layout/link.layout";
import { IP_PROTOCOL_MPLS } from "../src/layout/mpls.layout";
import { ANONYMISE_FLAGS, READY_STATE_CHANGED } from "../src/layout/ready.layout";
import { TPID_CUSTOMER, TPID_LEGACY, TPID_SERVICE } from "../src/layout/vlan.layout";
import { changeMac, setAddresses } from "./anonymise-address";
import {
  beginFrame,
  CARRIES_NOTHING,
  CARRIES_PROTOCOL,
  goOn,
  keptFrom,
  nextEnd,
  nextStart,
  nextType,
  payload,
  present,
  settleSums,
  unknown,
  wipe,
} from "./anonymise-bytes";
import { openIcmp, openIcmpv6, openIgmp } from "./anonymise-icmp";
import { openIpv4, openIpv6 } from "./anonymise-ip";
import {
  openAround,
  openArp,
  openEthernet,
  openMpls,
  openNsh,
  openPppoe,
  openTag,
  resetLink,
} from "./anonymise-link";
import { openSctp, openTcp, openUdp } from "./anonymise-transport";
import { openGre } from "./anonymise-tunnel";
import { LINK_PLACE, LINK_REFUSED, LINK_TYPE, openLink } from "./link";

/** Layers of a frame that are opened; nobody needs as many. */
const LAYERS_MAXIMUM = 48;
const ETHERTYPE_RARP: u32 = 0x8035;
const PROTOCOL_IGMP: u32 = 2;
const PROTOCOL_ENCRYPTED: u32 = 50;
const PROTOCOL_ETHERIP: u32 = 97;

export function anonymise(descriptors: usize, count: u32, parameters: usize, state: usize): void {
  const flags = load<u32>(parameters, ANONYMISE_FLAGS);
  setAddresses(parameters, state);
  const end: usize = descriptors + count * DESCRIPTOR_LENGTH;
  let changed: u64 = 0;
  for (let d = descriptors; d < end; d += DESCRIPTOR_LENGTH) {
    if (load<u8>(d, DESCRIPTOR_VERDICT) !== VERDICT_FORWARD) continue;
    const frame: usize = load<u32>(d, DESCRIPTOR_OFFSET);
    const length = load<u32>(d, DESCRIPTOR_FRAME_LENGTH);
    // A wire length that nobody can believe would end behind all memory.
    const wire = load<u32>(d, DESCRIPTOR_WIRE_LENGTH);
    const said = wire < length ? length : wire > 0x100000 ? 0x100000 : wire;
    beginFrame(flags, state, frame + length);
    resetLink();
    const link: u32 = load<u8>(d, DESCRIPTOR_LINK);
    if (link === LINK_ETHERNET) goOn(ETHERTYPE_TEB, frame, frame + said);
    else beginLink(link, frame, length, frame + said);
    walk();
    settleSums();
    store<u32>(d, keptFrom(frame), DESCRIPTOR_FRAME_LENGTH);
    store<u8>(d, 0, DESCRIPTOR_TRAILER);
    // It was that of the addresses before, and would tell of them in source ports.
    store<u32>(d, 0, DESCRIPTOR_FLOW_HASH);
    changed++;
  }
  store<u64>(state, load<u64>(state, READY_STATE_CHANGED) + changed, READY_STATE_CHANGED);
}

function walk(): void {
  for (let i = 0; i < LAYERS_MAXIMUM; i++) {
    const type = nextType();
    if (type === CARRIES_NOTHING) return;
    const at = nextStart();
    const end = nextEnd();
    goOn(CARRIES_NOTHING, 0, 0);
    if ((type & CARRIES_PROTOCOL) !== 0) openProtocol(type & 0xff, at, end);
    else openType(type, at, end);
  }
  if (nextType() !== CARRIES_NOTHING) unknown(nextStart(), nextEnd());
}

function openType(type: u32, at: usize, end: usize): void {
  switch (type) {
    case ETHERTYPE_TEB:
      openEthernet(at, end);
      return;
    case ETHERTYPE_IPV4:
      openIpv4(at, end);
      return;
    case ETHERTYPE_IPV6:
      openIpv6(at, end);
      return;
    case ETHERTYPE_ARP:
    case ETHERTYPE_RARP:
      openArp(at, end);
      return;
    case TPID_CUSTOMER:
    case TPID_SERVICE:
    case TPID_LEGACY:
      openTag(at, end, 4);
      return;
    case ETHERTYPE_E_TAG:
      openTag(at, end, 8);
      return;
    case ETHERTYPE_VN_TAG:
      openTag(at, end, 6);
      return;
    case ETHERTYPE_I_TAG:
      openAround(at, end, 4);
      return;
    case ETHERTYPE_MPLS:
    case ETHERTYPE_MPLS_MULTICAST:
      openMpls(at, end);
      return;
    case ETHERTYPE_PPPOE:
      openPppoe(at, end);
      return;
    case ETHERTYPE_NSH:
      openNsh(at, end);
      return;
    default:
      unknown(at, end);
  }
}

function openProtocol(protocol: u32, at: usize, end: usize): void {
  switch (protocol) {
    case IP_PROTOCOL_TCP:
      openTcp(at, end);
      return;
    case IP_PROTOCOL_UDP:
      openUdp(at, end);
      return;
    case IP_PROTOCOL_ICMP:
      openIcmp(at, end);
      return;
    case IP_PROTOCOL_ICMPV6:
      openIcmpv6(at, end);
      return;
    case PROTOCOL_IGMP:
      openIgmp(at, end);
      return;
    case IP_PROTOCOL_SCTP:
      openSctp(at, end);
      return;
    case IP_PROTOCOL_IPV4:
      openIpv4(at, end);
      return;
    case IP_PROTOCOL_IPV6:
      openIpv6(at, end);
      return;
    case IP_PROTOCOL_GRE:
      openGre(at, end);
      return;
    case IP_PROTOCOL_MPLS:
      openMpls(at, end);
      return;
    case PROTOCOL_ETHERIP:
      openAround(at, end, 2);
      return;
    case PROTOCOL_ENCRYPTED: // its number and its place in the order stay
      payload(at + 8, end);
      return;
    default:
      unknown(at, end);
  }
}

/** A frame that begins with another header than Ethernet's. What cannot be opened becomes zeroes. */
function beginLink(link: u32, frame: usize, length: u32, end: usize): void {
  const opened = openLink(link, frame, length);
  if ((opened & LINK_REFUSED) !== 0) {
    wipe(frame, end);
    return;
  }
  const inside: usize = frame + (opened & LINK_PLACE);
  if (link === LINK_SLL) changeLinkAddress(frame + 6, load<u8>(frame, 5));
  else if (link === LINK_SLL2) changeLinkAddress(frame + 12, load<u8>(frame, 11));
  else if (link === LINK_WLAN) changeStations(frame, inside);
  else if (link === LINK_RADIOTAP) changeStations(frame + load<u16>(frame, 2), inside);
  else if (link === LINK_NFLOG) wipeFields(frame + 4, inside);
  const type = <u32>bswap<u16>(<u16>(opened >>> LINK_TYPE));
  if (type === 0) unknown(inside, end);
  else goOn(type, inside, end);
}

/** The address in a cooked frame, for which there are eight bytes. */
function changeLinkAddress(at: usize, length: u32): void {
  if (length !== 6) {
    wipe(at, at + 8);
    return;
  }
  changeMac(at);
  wipe(at + 6, at + 8);
}

/** The addresses of IEEE 802.11: three, and a fourth where there is room for it. */
function changeStations(header: usize, inside: usize): void {
  if (present(header, inside) < 24) return;
  changeMac(header + 4);
  changeMac(header + 10);
  changeMac(header + 16);
  if ((load<u8>(header, 1) & 3) === 3 && present(header, inside) >= 30) changeMac(header + 24);
}

/** What netfilter says beside the packet: of marks, users and hardware addresses only which there are. */
function wipeFields(at: usize, inside: usize): void {
  while (at + 4 < inside) {
    let length: u32 = load<u16>(at);
    if (load<u16>(at, 2) > 0xff) length = <u32>bswap<u16>(<u16>length);
    const behind: usize = at + length;
    wipe(at + 4, behind < inside ? behind : inside);
    at += (length + 3) & ~3;
  }
}
