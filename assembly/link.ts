// What a frame begins with, and what lies behind that: one function for every link there is.
//
// The result is one number: where what the link header carries begins, and its EtherType above that; or a refusal in the
// low half. What has no EtherType gets the one that stands for the same, or 0, which is nobody's.

import {
  DROP_FRAME_TOO_SHORT,
  DROP_LINK_ENCRYPTED,
  DROP_LINK_TYPE,
  DROP_NOT_TUNNEL,
} from "../src/layout/drop.layout";
import { ETHERNET_LENGTH, ETHERNET_TYPE } from "../src/layout/ethernet.layout";
import {
  ARPHRD_FRAME_RELAY,
  ARPHRD_NETLINK,
  ARPHRD_WLAN_FIRST,
  ARPHRD_WLAN_LAST,
  FAMILY_IPV4,
  FAMILY_IPV6_DARWIN,
  FAMILY_IPV6_FREEBSD,
  FAMILY_IPV6_LINUX,
  FAMILY_IPV6_NETBSD,
  FAMILY_IPV6_SOLARIS,
  FAMILY_IPV6_WINDOWS,
  HDLC_LENGTH,
  HDLC_MULTICAST,
  HDLC_TYPE,
  HDLC_UNICAST,
  LINK_ETHERNET,
  LINK_IP,
  LINK_IPV4,
  LINK_IPV6,
  LINK_NFLOG,
  LINK_NULL,
  LINK_PPP,
  LINK_RADIOTAP,
  LINK_SLL,
  LINK_SLL2,
  LINK_WLAN,
  NFLOG_FAMILY,
  NFLOG_FIELD_LENGTH,
  NFLOG_FIELD_PAYLOAD,
  NFLOG_FIELD_TYPE,
  NFLOG_LENGTH,
  NULL_LENGTH,
  PPP_ADDRESS,
  PPP_ADDRESS_CONTROL_LENGTH,
  PPP_CONTROL,
  PPP_PROTOCOL_IPV4,
  PPP_PROTOCOL_IPV6,
  PPP_PROTOCOL_LENGTH,
  PPP_PROTOCOL_MPLS,
  PPP_PROTOCOL_MPLS_MULTICAST,
  RADIOTAP_CLOCK_LENGTH,
  RADIOTAP_FLAG_PADDED,
  RADIOTAP_LENGTH,
  RADIOTAP_PRESENT,
  RADIOTAP_PRESENT_CLOCK,
  RADIOTAP_PRESENT_FLAGS,
  RADIOTAP_TOTAL_LENGTH,
  SLL_ARPHRD,
  SLL_LENGTH,
  SLL_PROTOCOL,
  SLL_PROTOCOL_LLC,
  SLL2_ARPHRD,
  SLL2_LENGTH,
  SLL2_PROTOCOL,
  WLAN_ADDRESS_LENGTH,
  WLAN_CONTROL_DATA,
  WLAN_CONTROL_EMPTY,
  WLAN_CONTROL_QOS,
  WLAN_CONTROL_TYPE_MASK,
  WLAN_FLAGS,
  WLAN_FLAGS_BOTH_WAYS,
  WLAN_FLAGS_ORDER,
  WLAN_FLAGS_PROTECTED,
  WLAN_HT_LENGTH,
  WLAN_LENGTH,
  WLAN_QOS_AGGREGATE,
  WLAN_QOS_LENGTH,
  WLAN_SEQUENCE,
} from "../src/layout/link.layout";
import {
  LLC_CONTROL,
  LLC_SAP_SNAP,
  LLC_UNNUMBERED,
  SNAP_LENGTH,
  SNAP_PROTOCOL,
} from "../src/layout/llc.layout";
import { swapped16 } from "./byte-order";
import { TYPE_IPV4, TYPE_IPV6 } from "./ether-types";

/** The low half of a result is a place, unless this bit is set: then it is a drop reason. */
export const LINK_REFUSED: u32 = 0x8000;
export const LINK_PLACE: u32 = 0x7fff;
export const LINK_REASON: u32 = 0xff;
/** Above that lies the EtherType, as a little-endian load of it sees it. */
export const LINK_TYPE = 16;

/** EtherTypes, as a little-endian load sees them. */
const TYPE_MPLS: u32 = 0x4788;
const TYPE_MPLS_MULTICAST: u32 = 0x4888;
/** AA AA 03: an LLC header with SNAP behind it. */
const SNAP_FIRST: u32 = LLC_SAP_SNAP | (LLC_SAP_SNAP << 8) | (LLC_UNNUMBERED << (LLC_CONTROL << 3));
/** The two OUIs behind which an EtherType stands: 00-00-00 (RFC 1042) and 00-00-F8 (IEEE 802.1H), as loaded. */
const OUI_BRIDGE_TUNNEL: u32 = 0xf80000;

/**
 * Opens the header with which a frame begins that has `link` in its descriptor: the place of what it carries | its
 * EtherType << LINK_TYPE; or LINK_REFUSED | a drop reason. The place is never behind the end of the frame.
 */
export function openLink(link: u32, frame: usize, length: u32): u32 {
  if (link === LINK_ETHERNET) {
    if (length < <u32>ETHERNET_LENGTH) return LINK_REFUSED | DROP_FRAME_TOO_SHORT;
    return ETHERNET_LENGTH | ((<u32>load<u16>(frame, ETHERNET_TYPE)) << LINK_TYPE);
  }
  switch (link) {
    case LINK_IP:
    case LINK_IPV4:
    case LINK_IPV6:
      return openIp(frame, length, 0);
    case LINK_SLL:
      if (length < <u32>SLL_LENGTH) return LINK_REFUSED | DROP_FRAME_TOO_SHORT;
      return openCooked(
        frame,
        length,
        load<u16>(frame, SLL_ARPHRD),
        load<u16>(frame, SLL_PROTOCOL),
        SLL_LENGTH,
      );
    case LINK_SLL2:
      if (length < <u32>SLL2_LENGTH) return LINK_REFUSED | DROP_FRAME_TOO_SHORT;
      return openCooked(
        frame,
        length,
        load<u16>(frame, SLL2_ARPHRD),
        load<u16>(frame, SLL2_PROTOCOL),
        SLL2_LENGTH,
      );
    case LINK_NULL:
      return openNull(frame, length);
    case LINK_PPP:
      return openPpp(frame, length);
    case LINK_NFLOG:
      return openNflog(frame, length);
    case LINK_WLAN:
      return openWlan(frame, length, 0, false);
    case LINK_RADIOTAP:
      return openRadiotap(frame, length);
    default:
      return LINK_REFUSED | DROP_LINK_TYPE;
  }
}

/** What is told apart by its version alone. */
function openIp(frame: usize, length: u32, at: u32): u32 {
  if (length <= at) return LINK_REFUSED | DROP_FRAME_TOO_SHORT;
  const version: u32 = <u32>load<u8>(frame + at) >>> 4;
  if (version === 4) return at | (TYPE_IPV4 << LINK_TYPE);
  return version === 6 ? at | (TYPE_IPV6 << LINK_TYPE) : at;
}

/** A cooked frame, whose header is there: `type` and `protocol` as they lie in memory. */
function openCooked(frame: usize, length: u32, type: u32, protocol: u32, at: u32): u32 {
  const hardware = swapped16(type);
  // Of these the protocol says something else, or nothing.
  if (hardware === ARPHRD_NETLINK || hardware === ARPHRD_FRAME_RELAY) return at;
  if (hardware >= <u32>ARPHRD_WLAN_FIRST && hardware <= <u32>ARPHRD_WLAN_LAST) return at;
  if (swapped16(protocol) === SLL_PROTOCOL_LLC) return openLlc(frame, length, at);
  return at | (protocol << LINK_TYPE);
}

/** LLC, and the EtherType behind SNAP if it has that. Without it the place is that of the LLC header. */
function openLlc(frame: usize, length: u32, at: u32): u32 {
  if (length < at + SNAP_LENGTH) return at;
  const llc: usize = frame + at;
  if ((load<u32>(llc) & 0xffffff) !== SNAP_FIRST) return at;
  const oui = load<u32>(llc, 2) >>> 8; // the control field, then three bytes
  if (oui !== 0 && oui !== OUI_BRIDGE_TUNNEL) return at;
  return (at + SNAP_LENGTH) | ((<u32>load<u16>(llc, SNAP_PROTOCOL)) << LINK_TYPE);
}

/** The family is a number of the host's, in its byte order: in one of both it is below 256. */
function openNull(frame: usize, length: u32): u32 {
  if (length < <u32>NULL_LENGTH) return LINK_REFUSED | DROP_FRAME_TOO_SHORT;
  let family = load<u32>(frame);
  if (family > 0xff) family = bswap<u32>(family);
  if (family === FAMILY_IPV4) return NULL_LENGTH | (TYPE_IPV4 << LINK_TYPE);
  return isIpv6(family) ? NULL_LENGTH | (TYPE_IPV6 << LINK_TYPE) : NULL_LENGTH;
}

/** Every system has a number of its own, and none of another's that means something else. */
function isIpv6(family: u32): bool {
  return (
    family === FAMILY_IPV6_LINUX ||
    family === FAMILY_IPV6_WINDOWS ||
    family === FAMILY_IPV6_NETBSD ||
    family === FAMILY_IPV6_SOLARIS ||
    family === FAMILY_IPV6_FREEBSD ||
    family === FAMILY_IPV6_DARWIN
  );
}

function openPpp(frame: usize, length: u32): u32 {
  // Whether address and control are there is agreed on: the address is no protocol's first byte.
  let at: u32 = 0;
  if (length >= <u32>HDLC_LENGTH) {
    const first: u32 = load<u8>(frame);
    if (first === PPP_ADDRESS && load<u8>(frame, 1) === PPP_CONTROL) at = PPP_ADDRESS_CONTROL_LENGTH;
    else if ((first === HDLC_UNICAST || first === HDLC_MULTICAST) && load<u8>(frame, 1) === 0)
      return HDLC_LENGTH | ((<u32>load<u16>(frame, HDLC_TYPE)) << LINK_TYPE);
  }
  if (length < at + PPP_PROTOCOL_LENGTH) return LINK_REFUSED | DROP_FRAME_TOO_SHORT;
  // An odd first byte is all of the protocol (RFC 1661 §6.5).
  let protocol: u32 = load<u8>(frame + at++);
  if ((protocol & 1) === 0) protocol = (protocol << 8) | load<u8>(frame + at++);
  return at | (typeOfPpp(protocol) << LINK_TYPE);
}

/** The EtherType that stands for what this protocol of PPP is, as loaded; 0 if there is none. */
export function typeOfPpp(protocol: u32): u32 {
  switch (protocol) {
    case PPP_PROTOCOL_IPV4:
      return TYPE_IPV4;
    case PPP_PROTOCOL_IPV6:
      return TYPE_IPV6;
    case PPP_PROTOCOL_MPLS:
      return TYPE_MPLS;
    case PPP_PROTOCOL_MPLS_MULTICAST:
      return TYPE_MPLS_MULTICAST;
    default:
      return 0;
  }
}

/**
 * Fields, in the byte order of the host that captured, up to the one that holds the packet. Types are below 256, so
 * that the byte of theirs which is not zero tells the order.
 */
function openNflog(frame: usize, length: u32): u32 {
  if (length < <u32>NFLOG_LENGTH) return LINK_REFUSED | DROP_FRAME_TOO_SHORT;
  const family: u32 = load<u8>(frame, NFLOG_FAMILY);
  let at: u32 = NFLOG_LENGTH;
  while (length - at >= <u32>NFLOG_FIELD_LENGTH) {
    let fieldLength: u32 = load<u16>(frame + at);
    let type: u32 = load<u16>(frame + at, NFLOG_FIELD_TYPE);
    if (type > 0xff) {
      type = swapped16(type);
      fieldLength = swapped16(fieldLength);
    }
    if (fieldLength < <u32>NFLOG_FIELD_LENGTH) return LINK_REFUSED | DROP_NOT_TUNNEL;
    if (type === NFLOG_FIELD_PAYLOAD) {
      at += NFLOG_FIELD_LENGTH;
      if (at > LINK_PLACE) return LINK_REFUSED | DROP_NOT_TUNNEL;
      if (family === FAMILY_IPV4) return at | (TYPE_IPV4 << LINK_TYPE);
      return family === FAMILY_IPV6_LINUX ? at | (TYPE_IPV6 << LINK_TYPE) : at;
    }
    const step = (fieldLength + 3) & ~3;
    if (step > length - at) break;
    at += step;
  }
  return LINK_REFUSED | DROP_FRAME_TOO_SHORT;
}

function openRadiotap(frame: usize, length: u32): u32 {
  if (length < <u32>RADIOTAP_LENGTH) return LINK_REFUSED | DROP_FRAME_TOO_SHORT;
  const header: u32 = load<u16>(frame, RADIOTAP_TOTAL_LENGTH);
  if (header < <u32>RADIOTAP_LENGTH) return LINK_REFUSED | DROP_NOT_TUNNEL;
  if (header > length) return LINK_REFUSED | DROP_FRAME_TOO_SHORT;
  return openWlan(frame, length, header, isPadded(frame, header));
}

/** Whether the flags of a radiotap header, which is there, say that 802.11's is padded. */
function isPadded(frame: usize, header: u32): bool {
  const present = load<u32>(frame, RADIOTAP_PRESENT);
  if ((present & RADIOTAP_PRESENT_FLAGS) === 0) return false;
  // The words that say what is present go on while their top bit is set; then the clock, aligned, then the flags.
  let at: u32 = RADIOTAP_PRESENT;
  while (at + 8 <= header && load<i32>(frame + at) < 0) at += 4;
  at += 4;
  if ((present & RADIOTAP_PRESENT_CLOCK) !== 0)
    at = ((at + RADIOTAP_CLOCK_LENGTH - 1) & ~(RADIOTAP_CLOCK_LENGTH - 1)) + RADIOTAP_CLOCK_LENGTH;
  return at < header && (load<u8>(frame + at) & RADIOTAP_FLAG_PADDED) !== 0;
}

/** A data frame of IEEE 802.11 that begins `start` bytes into the frame. */
function openWlan(frame: usize, length: u32, start: u32, isPadded: bool): u32 {
  if (length < start + WLAN_LENGTH) return LINK_REFUSED | DROP_FRAME_TOO_SHORT;
  const header: usize = frame + start;
  const control: u32 = load<u8>(header);
  const flags: u32 = load<u8>(header, WLAN_FLAGS);
  if ((control & WLAN_CONTROL_TYPE_MASK) !== WLAN_CONTROL_DATA || (control & WLAN_CONTROL_EMPTY) !== 0)
    return LINK_REFUSED | DROP_NOT_TUNNEL;
  if ((flags & WLAN_FLAGS_PROTECTED) !== 0) return LINK_REFUSED | DROP_LINK_ENCRYPTED;
  // A later fragment begins anywhere; the first has its headers.
  if ((load<u8>(header, WLAN_SEQUENCE) & 0x0f) !== 0) return LINK_REFUSED | DROP_NOT_TUNNEL;
  let headerLength: u32 = WLAN_LENGTH;
  if ((flags & WLAN_FLAGS_BOTH_WAYS) === WLAN_FLAGS_BOTH_WAYS) headerLength += WLAN_ADDRESS_LENGTH;
  if ((control & WLAN_CONTROL_QOS) !== 0) {
    if (length < start + headerLength + WLAN_QOS_LENGTH) return LINK_REFUSED | DROP_FRAME_TOO_SHORT;
    if ((load<u8>(header + headerLength) & WLAN_QOS_AGGREGATE) !== 0) return LINK_REFUSED | DROP_NOT_TUNNEL;
    headerLength += WLAN_QOS_LENGTH;
    if ((flags & WLAN_FLAGS_ORDER) !== 0) headerLength += WLAN_HT_LENGTH;
  }
  if (isPadded) headerLength = (headerLength + 3) & ~3;
  if (length < start + headerLength) return LINK_REFUSED | DROP_FRAME_TOO_SHORT;
  if (start + headerLength + SNAP_LENGTH > LINK_PLACE) return LINK_REFUSED | DROP_NOT_TUNNEL;
  return openLlc(frame, length, start + headerLength);
}
