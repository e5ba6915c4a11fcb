// What filters call beside the walk: how a frame begins, and where headers behind one another lead.

import { AH_UNIT, AH_UNITS_MORE, IP_PROTOCOL_AH } from "../src/layout/ah.layout";
import { DROP_LINK_ENCRYPTED, DROP_NOT_TUNNEL } from "../src/layout/drop.layout";
import { IPV4_PROTOCOL } from "../src/layout/ipv4.layout";
import {
  IPV6_DESTINATION_OPTIONS,
  IPV6_EXTENSION_UNITS,
  IPV6_FRAGMENT_HEADER,
  IPV6_HOP_BY_HOP,
  IPV6_LENGTH,
  IPV6_NEXT_HEADER,
  IPV6_ROUTING,
} from "../src/layout/ipv6.layout";
import {
  LINK_RADIOTAP,
  LINK_WLAN,
  RADIOTAP_PRESENT,
  RADIOTAP_TOTAL_LENGTH,
  WLAN_CONTROL_DATA,
  WLAN_CONTROL_TYPE_MASK,
} from "../src/layout/link.layout";
import { LINK_PLACE, LINK_REASON, LINK_REFUSED, LINK_TYPE, openLink } from "./link";

/** No EtherType: what has it carries nothing that a filter knows. */
const TYPE_NONE: u32 = 0xffff;

/** What followHeaders() finds. */
const CHAIN_ENDS: u32 = 0;
const CHAIN_LEADS: u32 = 1;
const CHAIN_CUT: u32 = 2;

/**
 * As openLink(), but what is there and carries no packet that can be read, such as a beacon or what is encrypted, is a
 * frame without anything in it: `not ip` is true of it.
 */
export function openFrame(link: u32, frame: usize, length: u32): u32 {
  if (isWithoutData(link, frame, length)) return min<u32>(length, LINK_PLACE) | (TYPE_NONE << LINK_TYPE);
  const opened = openLink(link, frame, length);
  if ((opened & LINK_REFUSED) === 0) return opened;
  const reason = opened & LINK_REASON;
  if (reason !== <u32>DROP_NOT_TUNNEL && reason !== <u32>DROP_LINK_ENCRYPTED) return opened;
  return min<u32>(length, LINK_PLACE) | (TYPE_NONE << LINK_TYPE);
}

/** Whether it is a frame of 802.11 that manages or controls: some are shorter than what others begin with. */
function isWithoutData(link: u32, frame: usize, length: u32): bool {
  if (link !== LINK_WLAN && link !== LINK_RADIOTAP) return false;
  let start: u32 = 0;
  if (link === LINK_RADIOTAP) {
    if (length < <u32>RADIOTAP_PRESENT) return false;
    start = load<u16>(frame, RADIOTAP_TOTAL_LENGTH);
  }
  if (start >= length) return false;
  return (<u32>load<u8>(frame + start) & WLAN_CONTROL_TYPE_MASK) !== WLAN_CONTROL_DATA;
}

/** Whether the headers from the IP header at `header` on lead to `protocol`; nothing is read from `end` on. */
export function followHeaders(header: usize, end: usize, protocol: u32, isIpv6: bool): u32 {
  const named: usize = header + (isIpv6 ? IPV6_NEXT_HEADER : IPV4_PROTOCOL);
  if (named >= end) return CHAIN_CUT;
  let next: u32 = load<u8>(named);
  let at: usize = header + (isIpv6 ? <usize>IPV6_LENGTH : (<usize>load<u8>(header) & 15) << 2);
  // Each header is longer than nothing, so that this ends.
  while (next !== protocol && isFollowed(next, isIpv6)) {
    if (at + 2 > end) return CHAIN_CUT;
    const units: usize = load<u8>(at, IPV6_EXTENSION_UNITS);
    const isAh = next === IP_PROTOCOL_AH;
    next = load<u8>(at);
    at += isAh ? (units + AH_UNITS_MORE) * AH_UNIT : (units + 1) << 3;
  }
  return next === protocol ? CHAIN_LEADS : CHAIN_ENDS;
}

function isFollowed(protocol: u32, isIpv6: bool): bool {
  if (protocol === IP_PROTOCOL_AH) return true;
  return (
    isIpv6 &&
    (protocol === IPV6_HOP_BY_HOP ||
      protocol === IPV6_ROUTING ||
      protocol === IPV6_FRAGMENT_HEADER ||
      protocol === IPV6_DESTINATION_OPTIONS)
  );
}
