// Types of what a wrapping carries: all protocols' numbers become EtherTypes, so that there is one way to go on.

import {
  ETHERNET_LENGTH,
  ETHERNET_TYPE,
  ETHERTYPE_ARP,
  ETHERTYPE_E_TAG,
  ETHERTYPE_I_TAG,
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  ETHERTYPE_LLDP,
  ETHERTYPE_MINIMUM,
  ETHERTYPE_MPLS,
  ETHERTYPE_MPLS_MULTICAST,
  ETHERTYPE_NSH,
  ETHERTYPE_PPPOE,
  ETHERTYPE_PPPOE_DISCOVERY,
  ETHERTYPE_TEB,
  ETHERTYPE_VN_TAG,
} from "../src/layout/ethernet.layout";
import {
  NSH_NEXT_ETHERNET,
  NSH_NEXT_IPV4,
  NSH_NEXT_IPV6,
  NSH_NEXT_MPLS,
  NSH_NEXT_NSH,
} from "../src/layout/nsh.layout";
import { TPID_CUSTOMER, TPID_LEGACY, TPID_SERVICE } from "../src/layout/vlan.layout";
import { byteAt, half, presentFrom } from "./unwrap-state";

/** Nothing that is known. */
export const TYPE_UNKNOWN: u32 = 0;

export function isIp(type: u32): bool {
  return type === ETHERTYPE_IPV4 || type === ETHERTYPE_IPV6;
}

export function isMpls(type: u32): bool {
  return type === ETHERTYPE_MPLS || type === ETHERTYPE_MPLS_MULTICAST;
}

/** The type if a tunnel can carry what it says and the walk goes on there, or TYPE_UNKNOWN. */
export function carried(type: u32): u32 {
  return type === ETHERTYPE_TEB || isIp(type) || isMpls(type) || type === ETHERTYPE_NSH ? type : TYPE_UNKNOWN;
}

/** That of a next protocol of VXLAN-GPE and NSH, whose numbers are the same. */
export function typeOfNext(next: u32): u32 {
  switch (next) {
    case NSH_NEXT_IPV4:
      return ETHERTYPE_IPV4;
    case NSH_NEXT_IPV6:
      return ETHERTYPE_IPV6;
    case NSH_NEXT_ETHERNET:
      return ETHERTYPE_TEB;
    case NSH_NEXT_NSH:
      return ETHERTYPE_NSH;
    case NSH_NEXT_MPLS:
      return ETHERTYPE_MPLS;
    default:
      return TYPE_UNKNOWN;
  }
}

/** Whether a type field is one that Ethernet frames often have: where nothing says what follows, this must. */
function isUsual(type: u32): bool {
  switch (type) {
    case ETHERTYPE_IPV4:
    case ETHERTYPE_IPV6:
    case ETHERTYPE_ARP:
    case ETHERTYPE_LLDP:
    case ETHERTYPE_MPLS:
    case ETHERTYPE_MPLS_MULTICAST:
    case ETHERTYPE_PPPOE:
    case ETHERTYPE_PPPOE_DISCOVERY:
    case ETHERTYPE_I_TAG:
    case ETHERTYPE_VN_TAG:
    case ETHERTYPE_E_TAG:
    case ETHERTYPE_NSH:
    case TPID_CUSTOMER:
    case TPID_SERVICE:
    case TPID_LEGACY:
      return true;
    default:
      return false;
  }
}

/**
 * Whether an Ethernet frame with a usual type field stands there; if that is IP's, with a packet of that version.
 * src/packet/guesses.ts asks the same.
 */
export function isUsualFrame(at: u32, end: u32): bool {
  const present = presentFrom(at, end);
  if (present < <u32>ETHERNET_LENGTH) return false;
  const type = half(at + ETHERNET_TYPE);
  if (present === ETHERNET_LENGTH || !isIp(type)) return isUsual(type);
  return byteAt(at + ETHERNET_LENGTH) >>> 4 === <u32>(type === ETHERTYPE_IPV4 ? 4 : 6);
}

/** Whether it is the length of an IEEE 802.3 frame. */
export function isLength(type: u32): bool {
  return type < <u32>ETHERTYPE_MINIMUM;
}

/** That of an IP packet of which nothing but its first bits says which version it is of. */
export function typeOfIpVersion(at: u32, end: u32): u32 {
  if (presentFrom(at, end) === 0) return TYPE_UNKNOWN;
  const version = byteAt(at) >>> 4;
  return version === 4 ? ETHERTYPE_IPV4 : version === 6 ? ETHERTYPE_IPV6 : TYPE_UNKNOWN;
}
