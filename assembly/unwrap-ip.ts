// IP packets on the walk through wrappings: which of the protocols that they carry are wrappings, behind what is passed over.

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
  IPV6_LENGTH,
  IPV6_NEXT_HEADER,
  IPV6_PAYLOAD_LENGTH,
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
import { isFragment, isPassedOver, passedTo, passHeaders } from "./pass-over";
import { OTHER, REFUSED } from "./refusal";
import { greKind, openGreHeader } from "./unwrap-gre";
import { openMpls } from "./unwrap-mpls";
import { byteAt, flags, found, frame, half, presentFrom, stage, takes } from "./unwrap-state";
import { openSession, openUdp, udpKind } from "./unwrap-udp";

const ADDRESS_LENGTH: u32 = 16;
/** The first twelve bytes of an IPv4 address written as one of IPv6 (RFC 4291 §2.5.5.2), as two words see them. */
const MAPPED_HIGH: u64 = 0;
const MAPPED_LOW: u64 = 0xffff0000;

/** Whether the addresses of the frame's outermost tunnel over IP are those asked for, or none were. */
let addressed: bool = false;

/** Source of that tunnel, IPv4 as ::ffff:0:0/96; zero if there is none. */
export let outermostHigh: u64 = 0;
export let outermostLow: u64 = 0;

export function resetAddressed(): void {
  outermostHigh = 0;
  outermostLow = 0;
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
  if (!fragment && isPassedOver(protocol, ipv6)) {
    const passed = passHeaders(frame + payload, presentFrom(payload, end), protocol, ipv6);
    if (passed === REFUSED) return OTHER | DROP_OUTER_IP_TRUNCATED;
    payload += passed;
    protocol = passedTo;
    fragment = isFragment;
  }
  // All fragments of a packet have one fate: whether it is a tunnel's stands in one of them only.
  if (fragment) return OTHER | (mayCarry(protocol, ipv6) ? DROP_OUTER_IP_FRAGMENT : DROP_NOT_TUNNEL);
  return openProtocol(at, ipv6, protocol, payload, end);
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
  if ((outermostHigh | outermostLow) === 0) noteSource(frame + at, ipv6);
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
  // Unlike a length, the place that is returned may be one that looks refused: what claims so much is told nothing.
  if (ipLength === 0 && end < REFUSED && counted < REFUSED && (!strict || counted > 65535))
    ipLength = available;
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

function noteSource(packet: usize, ipv6: bool): void {
  outermostHigh = ipv6 ? load<u64>(packet, IPV6_SOURCE) : MAPPED_HIGH;
  outermostLow = ipv6
    ? load<u64>(packet, IPV6_SOURCE + 8)
    : MAPPED_LOW | ((<u64>load<u32>(packet, IPV4_SOURCE)) << 32);
}

function isAmong(list: usize, count: u32, address: usize, ipv6: bool): bool {
  const high = ipv6 ? load<u64>(address) : MAPPED_HIGH;
  const low = ipv6 ? load<u64>(address, 8) : MAPPED_LOW | ((<u64>load<u32>(address)) << 32);
  for (let i: u32 = 0; i < count; i++, list += ADDRESS_LENGTH) {
    if (load<u64>(list) === high && load<u64>(list, 8) === low) return true;
  }
  return false;
}
