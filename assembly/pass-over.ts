// What stands between an IP header and what the packet carries, and is passed over: IPv6 extension headers, segment routing
// among them, and authentication headers, over IPv4 and IPv6. A fragment header that says neither that there is more nor
// that there was some before belongs to a whole packet (RFC 6946).

import { AH_LENGTH, AH_UNIT, AH_UNITS, AH_UNITS_MORE, IP_PROTOCOL_AH } from "../src/layout/ah.layout";
import {
  IPV6_DESTINATION_OPTIONS,
  IPV6_EXTENSION_NEXT_HEADER,
  IPV6_EXTENSION_UNIT,
  IPV6_EXTENSION_UNITS,
  IPV6_FRAGMENT_HEADER,
  IPV6_FRAGMENT_MORE,
  IPV6_FRAGMENT_OFFSET,
  IPV6_FRAGMENT_OFFSET_MASK,
  IPV6_HIP,
  IPV6_HOP_BY_HOP,
  IPV6_MOBILITY,
  IPV6_ROUTING,
  IPV6_SHIM6,
} from "../src/layout/ipv6.layout";
import { swapped16 } from "./byte-order";
import { REFUSED } from "./refusal";

/** Headers passed over; more are no packet that anybody sends. */
const PASSED_MAXIMUM = 16;

/** What the last packet whose headers were passed over carries, and whether it is a fragment of one. */
export let passedTo: u32 = 0;
export let isFragment: bool = false;
/** Of a fragment: where the byte lies that names its fragment header; NAMED_IN_FRONT: the IP header names it. */
export let fragmentNamedAt: u32 = 0;
export const NAMED_IN_FRONT: u32 = 0xffffffff;

/**
 * How many bytes of headers are passed over from `header` on, of which `present` bytes are there and the first is one of
 * `protocol`; or REFUSED if one begins where nothing is. The last may end behind
 * what is there: callers see that nothing is left. Nothing is looked at behind the header of a fragment.
 */
export function passHeaders(header: usize, present: u32, protocol: u32, ipv6: bool): u32 {
  let at: u32 = 0;
  isFragment = false;
  let named: u32 = NAMED_IN_FRONT;
  for (let passed = 0; passed < PASSED_MAXIMUM && !isFragment && isPassedOver(protocol, ipv6); passed++) {
    if (present < at + IPV6_EXTENSION_UNIT) return REFUSED;
    const begin = at;
    const one: usize = header + at;
    if (protocol === IP_PROTOCOL_AH) {
      if (present < at + AH_LENGTH) return REFUSED;
      at += (<u32>load<u8>(one, AH_UNITS) + AH_UNITS_MORE) * AH_UNIT;
    } else if (protocol === IPV6_FRAGMENT_HEADER) {
      const mask: u32 = IPV6_FRAGMENT_OFFSET_MASK | IPV6_FRAGMENT_MORE;
      isFragment = (swapped16(load<u16>(one, IPV6_FRAGMENT_OFFSET)) & mask) !== 0;
      fragmentNamedAt = named;
      at += IPV6_EXTENSION_UNIT;
    } else at += (<u32>load<u8>(one, IPV6_EXTENSION_UNITS) + 1) * IPV6_EXTENSION_UNIT;
    protocol = load<u8>(one, IPV6_EXTENSION_NEXT_HEADER);
    named = begin + IPV6_EXTENSION_NEXT_HEADER;
  }
  passedTo = protocol;
  return at;
}

export function isPassedOver(protocol: u32, ipv6: bool): bool {
  if (protocol === IP_PROTOCOL_AH) return true;
  if (!ipv6) return false;
  switch (protocol) {
    case IPV6_HOP_BY_HOP:
    case IPV6_ROUTING:
    case IPV6_FRAGMENT_HEADER:
    case IPV6_DESTINATION_OPTIONS:
    case IPV6_MOBILITY:
    case IPV6_HIP:
    case IPV6_SHIM6:
      return true;
    default:
      return false;
  }
}
