// IP packets on the walk through wrappings: what is passed over behind an IP header, and which of the protocols carried
// are wrappings.
//
// Passed over: IPv6 extension headers, segment routing among them, and authentication headers, over IPv4 and IPv6. A
// fragment header that says neither that there is more nor that there was some before belongs to a whole packet (RFC 6946).

import { AH_LENGTH, AH_UNIT, AH_UNITS, AH_UNITS_MORE, IP_PROTOCOL_AH } from "../src/layout/ah.layout";
import {
  DROP_NONE,
  DROP_NOT_TUNNEL,
  DROP_OTHER_ADDRESS,
  DROP_OUTER_IP_CHECKSUM,
  DROP_OUTER_IP_FRAGMENT,
  DROP_OUTER_IP_HEADER,
  DROP_OUTER_IP_TRUNCATED,
  DROP_TUNNEL_TRUNCATED,
  DROP_TUNNEL_VERSION,
} from "../src/layout/drop.layout";
import {
  ETHERIP_LENGTH,
  ETHERIP_VERSION,
  ETHERIP_VERSION_SHIFT,
  IP_PROTOCOL_ETHERIP,
} from "../src/layout/etherip.layout";
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6, ETHERTYPE_TEB } from "../src/layout/ethernet.layout";
import { GRE_LENGTH } from "../src/layout/gre.layout";
import {
  IP_PROTOCOL_GRE,
  IP_PROTOCOL_IPV4,
  IP_PROTOCOL_IPV6,
  IP_PROTOCOL_UDP,
  IPV4_DESTINATION,
  IPV4_FRAGMENT,
  IPV4_LENGTH,
  IPV4_PROTOCOL,
  IPV4_SOURCE,
  IPV4_TOTAL_LENGTH,
} from "../src/layout/ipv4.layout";
import {
  IPV6_DESTINATION,
  IPV6_DESTINATION_OPTIONS,
  IPV6_EXTENSION_UNIT,
  IPV6_EXTENSION_UNITS,
  IPV6_FRAGMENT_HEADER,
  IPV6_FRAGMENT_MORE,
  IPV6_FRAGMENT_OFFSET,
  IPV6_FRAGMENT_OFFSET_MASK,
  IPV6_HIP,
  IPV6_HOP_BY_HOP,
  IPV6_LENGTH,
  IPV6_MOBILITY,
  IPV6_NEXT_HEADER,
  IPV6_PAYLOAD_LENGTH,
  IPV6_ROUTING,
  IPV6_SHIM6,
  IPV6_SOURCE,
} from "../src/layout/ipv6.layout";
import { IP_PROTOCOL_L2TP } from "../src/layout/l2tp.layout";
import { IP_PROTOCOL_MPLS } from "../src/layout/mpls.layout";
import {
  ANY_ADDRESSES,
  ANY_LOCALS,
  ANY_REMOTES,
  DECAPSULATE_STRICT_LENGTHS,
  DECAPSULATE_TRUST_IP,
} from "../src/layout/stage.layout";
import {
  WRAPPING_4IN6,
  WRAPPING_6IN4,
  WRAPPING_6IN6,
  WRAPPING_ETHERIP,
  WRAPPING_IPIP,
  WRAPPING_L2TPV3,
  WRAPPING_MPLS,
} from "../src/layout/tunnel.layout";
import { UDP_LENGTH } from "../src/layout/udp.layout";
import { fold, sum } from "./checksum";
import { FRAGMENT_BITS } from "./flow-hash";
import { OTHER, REFUSED } from "./refusal";
import { greKind, openGreHeader } from "./unwrap-gre";
import { openMpls } from "./unwrap-mpls";
import { byteAt, flags, found, frame, half, presentFrom, stage, takes } from "./unwrap-state";
import { openSession, openUdp, udpKind } from "./unwrap-udp";

/** Headers passed over behind an IP header; more are no packet that anybody sends. */
const PASSED_MAXIMUM = 16;
const ADDRESS_LENGTH: u32 = 16;
/** The first twelve bytes of an IPv4 address written as one of IPv6 (RFC 4291 §2.5.5.2), as two words see them. */
const MAPPED_HIGH: u64 = 0;
const MAPPED_LOW: u64 = 0xffff0000;

/** Whether the addresses of the frame's outermost tunnel over IP are those asked for, or none were. */
let addressed: bool = false;

export function resetAddressed(): void {
  addressed = load<u16>(stage, ANY_LOCALS) === 0;
}

export function isAddressed(): bool {
  return addressed;
}

/** Takes one wrapping off the IP packet at `at`, which ended at `end` on the wire, or returns the reason why not. */
export function openIp(at: u32, type: u32, end: u32): u32 {
  const present = presentFrom(at, end);
  const ipv6 = type === ETHERTYPE_IPV6;
  let protocol: u32 = 0;
  let payload = at;
  let fragment = false;
  if (ipv6) {
    if (present < <u32>IPV6_LENGTH) return OTHER | DROP_OUTER_IP_TRUNCATED;
    if (byteAt(at) >>> 4 !== 6) return OTHER | DROP_OUTER_IP_HEADER;
    protocol = byteAt(at + IPV6_NEXT_HEADER);
    payload += IPV6_LENGTH;
  } else {
    if (present < <u32>IPV4_LENGTH) return OTHER | DROP_OUTER_IP_TRUNCATED;
    const first = byteAt(at);
    const headerLength = (first & 15) << 2;
    if (first >>> 4 !== 4 || headerLength < <u32>IPV4_LENGTH) return OTHER | DROP_OUTER_IP_HEADER;
    protocol = byteAt(at + IPV4_PROTOCOL);
    payload += headerLength;
    fragment = (load<u16>(frame + at, IPV4_FRAGMENT) & FRAGMENT_BITS) !== 0;
    if (!fragment && present < headerLength) return OTHER | DROP_OUTER_IP_TRUNCATED;
  }
  for (let passed = 0; passed < PASSED_MAXIMUM && !fragment && isPassedOver(protocol, ipv6); passed++) {
    const left = presentFrom(payload, end);
    if (left < <u32>IPV6_EXTENSION_UNIT) return OTHER | DROP_OUTER_IP_TRUNCATED;
    const next = byteAt(payload);
    let step: u32 = IPV6_EXTENSION_UNIT;
    if (protocol === IP_PROTOCOL_AH) {
      if (left < <u32>AH_LENGTH) return OTHER | DROP_OUTER_IP_TRUNCATED;
      step = (byteAt(payload + AH_UNITS) + AH_UNITS_MORE) * AH_UNIT;
    } else if (protocol === IPV6_FRAGMENT_HEADER) {
      const mask: u32 = IPV6_FRAGMENT_OFFSET_MASK | IPV6_FRAGMENT_MORE;
      fragment = (half(payload + IPV6_FRAGMENT_OFFSET) & mask) !== 0;
    } else step = (byteAt(payload + IPV6_EXTENSION_UNITS) + 1) * IPV6_EXTENSION_UNIT;
    protocol = next;
    payload += step;
  }
  // All fragments of a packet have one fate: whether it is a tunnel's stands in one of them only.
  if (fragment) return OTHER | (mayCarry(protocol, ipv6) ? DROP_OUTER_IP_FRAGMENT : DROP_NOT_TUNNEL);
  return openProtocol(at, ipv6, protocol, payload, end);
}

function isPassedOver(protocol: u32, ipv6: bool): bool {
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

/** Whether a fragment that says that it is of this protocol may be of a tunnel's packet. */
function mayCarry(protocol: u32, ipv6: bool): bool {
  return (
    protocol === IP_PROTOCOL_UDP ||
    protocol === IP_PROTOCOL_GRE ||
    (ofIp(protocol, ipv6) !== 0 && takes(ofIp(protocol, ipv6))) ||
    isPassedOver(protocol, ipv6)
  );
}

/** The kind that is an IP protocol by itself, if it is one; 0 if not. */
function ofIp(protocol: u32, ipv6: bool): u32 {
  switch (protocol) {
    case IP_PROTOCOL_IPV4:
      return ipv6 ? WRAPPING_4IN6 : WRAPPING_IPIP;
    case IP_PROTOCOL_IPV6:
      return ipv6 ? WRAPPING_6IN6 : WRAPPING_6IN4;
    case IP_PROTOCOL_ETHERIP:
      return WRAPPING_ETHERIP;
    case IP_PROTOCOL_L2TP:
      return WRAPPING_L2TPV3;
    case IP_PROTOCOL_MPLS:
      return WRAPPING_MPLS;
    default:
      return 0;
  }
}

/** First whose it is, as far as can be seen; then whether the IP header holds; then what the kind's own header says. */
function openProtocol(at: u32, ipv6: bool, protocol: u32, payload: u32, end: u32): u32 {
  const udp = protocol === IP_PROTOCOL_UDP;
  const gre = protocol === IP_PROTOCOL_GRE;
  let kind: u32 = 0;
  let minimum: u32 = 0;
  if (udp) {
    const reason = udpKind(payload, end);
    if (reason !== DROP_NONE) return reason;
    minimum = UDP_LENGTH;
  } else if (gre) {
    const reason = greKind(payload, end);
    if (reason !== DROP_NONE) return reason;
    minimum = GRE_LENGTH;
  } else {
    kind = ofIp(protocol, ipv6);
    if (kind === 0 || !takes(kind)) return OTHER | DROP_NOT_TUNNEL;
  }
  const last = endOf(at, ipv6, payload, end, minimum);
  if (last >= REFUSED) return last ^ REFUSED;
  if (!addressed) {
    if (!wanted(at, ipv6)) return DROP_OTHER_ADDRESS;
    addressed = true;
  }
  if (udp) return openUdp(at, ipv6, payload, last);
  if (gre) return openGreHeader(payload, last);
  switch (protocol) {
    case IP_PROTOCOL_IPV4:
      return found(kind, payload, ETHERTYPE_IPV4, last);
    case IP_PROTOCOL_IPV6:
      return found(kind, payload, ETHERTYPE_IPV6, last);
    case IP_PROTOCOL_ETHERIP:
      if (presentFrom(payload, last) < <u32>ETHERIP_LENGTH) return DROP_TUNNEL_TRUNCATED;
      if (byteAt(payload) >>> ETHERIP_VERSION_SHIFT !== ETHERIP_VERSION) return DROP_TUNNEL_VERSION;
      return found(kind, payload + ETHERIP_LENGTH, ETHERTYPE_TEB, last);
    case IP_PROTOCOL_L2TP:
      return openSession(payload, last);
    default:
      return openMpls(payload, last);
  }
}

/**
 * Where the IP packet at `at` ended on the wire; or REFUSED and a reason. A length of zero is that of segments whose card
 * has yet to cut them: all that is there. More than there was on the wire is what a mirror has cut without saying so.
 */
function endOf(at: u32, ipv6: bool, payload: u32, end: u32, minimum: u32): u32 {
  const strict = (flags & DECAPSULATE_STRICT_LENGTHS) !== 0;
  const available = end - at;
  let ipLength: u32;
  let counted = available;
  if (ipv6) {
    ipLength = half(at + IPV6_PAYLOAD_LENGTH);
    if (ipLength !== 0) ipLength += IPV6_LENGTH;
    counted -= IPV6_LENGTH;
  } else {
    if ((flags & DECAPSULATE_TRUST_IP) === 0 && fold(sum(frame + at, (byteAt(at) & 15) << 2)) !== 0xffff)
      return REFUSED | DROP_OUTER_IP_CHECKSUM;
    ipLength = half(at + IPV4_TOTAL_LENGTH);
  }
  if (ipLength === 0 && (!strict || (counted > 65535 && counted < REFUSED))) ipLength = available;
  if (ipLength < payload - at + minimum) return REFUSED | DROP_OUTER_IP_HEADER;
  if (ipLength > available && strict) return REFUSED | DROP_OUTER_IP_TRUNCATED;
  return at + ipLength;
}

/** Whether source and destination of the packet are among those asked for, where any were. */
function wanted(at: u32, ipv6: bool): bool {
  const locals: u32 = load<u8>(stage, ANY_LOCALS);
  const remotes: u32 = load<u8>(stage, ANY_REMOTES);
  const packet: usize = frame + at;
  const source: usize = packet + (ipv6 ? IPV6_SOURCE : IPV4_SOURCE);
  const destination: usize = packet + (ipv6 ? IPV6_DESTINATION : IPV4_DESTINATION);
  const list: usize = stage + ANY_ADDRESSES;
  return (
    (locals === 0 || isAmong(list, locals, destination, ipv6)) &&
    (remotes === 0 || isAmong(list + locals * ADDRESS_LENGTH, remotes, source, ipv6))
  );
}

function isAmong(list: usize, count: u32, address: usize, ipv6: bool): bool {
  const high = ipv6 ? load<u64>(address) : MAPPED_HIGH;
  const low = ipv6 ? load<u64>(address, 8) : MAPPED_LOW | ((<u64>load<u32>(address)) << 32);
  for (let i: u32 = 0; i < count; i++, list += ADDRESS_LENGTH) {
    if (load<u64>(list) === high && load<u64>(list, 8) === low) return true;
  }
  return false;
}
