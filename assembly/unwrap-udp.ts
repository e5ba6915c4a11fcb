// UDP on the walk through wrappings: which kind a port is of says the table in the stage's record, and what its header
// says is read here.

import {
  CAPWAP_BINDING,
  CAPWAP_FLAG_FRAGMENT,
  CAPWAP_FLAG_KEEPALIVE,
  CAPWAP_FLAG_NATIVE,
  CAPWAP_FLAGS,
  CAPWAP_LENGTH,
  CAPWAP_WORDS,
  CAPWAP_WORDS_SHIFT,
} from "../src/layout/capwap.layout";
import {
  DROP_GENEVE_PROTOCOL,
  DROP_GENEVE_TRUNCATED,
  DROP_GPE_OAM,
  DROP_GPE_PROTOCOL,
  DROP_GPE_VERSION,
  DROP_INNER_UNKNOWN,
  DROP_NONE,
  DROP_NOT_TUNNEL,
  DROP_TUNNEL_CONTROL,
  DROP_TUNNEL_FRAGMENT,
  DROP_TUNNEL_TRUNCATED,
  DROP_TUNNEL_VERSION,
  DROP_UDP_CHECKSUM,
  DROP_UDP_LENGTH,
  DROP_UDP_TRUNCATED,
  DROP_VXLAN_NO_VNI,
  DROP_VXLAN_RESERVED,
  DROP_VXLAN_TRUNCATED,
} from "../src/layout/drop.layout";
import { ETHERTYPE_TEB } from "../src/layout/ethernet.layout";
import { GENEVE_PROTOCOL, GENEVE_VNI } from "../src/layout/geneve.layout";
import {
  GTP_EXTENSION_UNIT,
  GTP_FLAG_EXTENSION,
  GTP_FLAGS_OPTIONAL,
  GTP_LENGTH,
  GTP_MESSAGE,
  GTP_NEXT_EXTENSION,
  GTP_OPTIONAL_LENGTH,
  GTP_PAYLOAD_LENGTH,
  GTP_PDU,
  GTP_VERSION_1,
  GTP_VERSION_MASK,
} from "../src/layout/gtp-u.layout";
import { IP_PROTOCOL_UDP, IPV4_SOURCE, IPV4_TOTAL_LENGTH } from "../src/layout/ipv4.layout";
import { IPV6_PAYLOAD_LENGTH, IPV6_SOURCE } from "../src/layout/ipv6.layout";
import {
  L2TP_FLAG_CONTROL,
  L2TP_FLAG_LENGTH,
  L2TP_FLAG_OFFSET,
  L2TP_FLAG_SEQUENCE,
  L2TP_FLAGS_LENGTH,
  L2TP_IDS_LENGTH,
  L2TP_OFFSET_LENGTH,
  L2TP_SEQUENCE_LENGTH,
  L2TP_TOTAL_LENGTH,
  L2TP_VERSION_2,
  L2TP_VERSION_3,
  L2TP_VERSION_MASK,
  L2TPV3_COOKIE_MAXIMUM,
  L2TPV3_COOKIE_UNIT,
  L2TPV3_SESSION_LENGTH,
  L2TPV3_UDP_LENGTH,
} from "../src/layout/l2tp.layout";
import { LINK_PPP, LINK_WLAN } from "../src/layout/link.layout";
import {
  ANY_ENTRIES,
  ANY_ENTRY_COUNT,
  ANY_ENTRY_LENGTH,
  DECAPSULATE_STRICT,
  DECAPSULATE_VERIFY_UDP,
} from "../src/layout/stage.layout";
import {
  FORM_KIND,
  FORM_PORT,
  TUNNEL_GENEVE,
  TUNNEL_VXLAN,
  TUNNEL_VXLAN_GPE,
  WRAPPING_CAPWAP,
  WRAPPING_GRE_IN_UDP,
  WRAPPING_GTP_U,
  WRAPPING_L2TP,
  WRAPPING_L2TPV3,
  WRAPPING_MPLS_IN_UDP,
  WRAPPING_TZSP,
} from "../src/layout/tunnel.layout";
import {
  TZSP_ETHERNET,
  TZSP_LENGTH,
  TZSP_PROTOCOL,
  TZSP_RECEIVED,
  TZSP_TAG_END,
  TZSP_TAG_LENGTH,
  TZSP_TAG_PADDING,
  TZSP_TRANSMIT,
  TZSP_TYPE,
  TZSP_VERSION,
  TZSP_WLAN,
} from "../src/layout/tzsp.layout";
import { UDP_CHECKSUM, UDP_DESTINATION_PORT, UDP_LENGTH, UDP_TOTAL_LENGTH } from "../src/layout/udp.layout";
import {
  VXLAN_FLAG_BUM,
  VXLAN_FLAG_NEXT_PROTOCOL,
  VXLAN_FLAG_OAM,
  VXLAN_FLAG_VNI,
  VXLAN_FLAGS_VERSION,
  VXLAN_LENGTH,
  VXLAN_NEXT_PROTOCOL,
  VXLAN_VNI,
} from "../src/layout/vxlan.layout";
import { fold, sum } from "./checksum";
import { geneveHeader } from "./geneve";
import { OTHER, REFUSED } from "./refusal";
import { greInUdpKind, openGreHeader } from "./unwrap-gre";
import { openOfLink } from "./unwrap-link";
import { openLabels } from "./unwrap-mpls";
import {
  byteAt,
  flags,
  found,
  frame,
  half,
  NUMBER_VNI,
  presentFrom,
  setNumber,
  stage,
  takes,
  word,
} from "./unwrap-state";
import { carried, isUsualFrame, TYPE_UNKNOWN, typeOfIpVersion, typeOfNext } from "./unwrap-types";

/** The entry of the port that was looked up last. */
let entry: usize = 0;

/** The entry of a UDP port, as it lies in a packet; 0 if it is none of ours. */
export function entryOfPort(port: u32): usize {
  // Entries without a port are GRE's.
  if (port === 0) return 0;
  let at: usize = stage + ANY_ENTRIES;
  const last: usize = at + load<u32>(stage, ANY_ENTRY_COUNT) * ANY_ENTRY_LENGTH;
  for (; at < last; at += ANY_ENTRY_LENGTH) if (load<u32>(at, FORM_PORT) === port) return at;
  return 0;
}

/** Looks up whose the UDP packet at `at` is; or says why it is nobody's. */
export function udpKind(at: u32, end: u32): u32 {
  if (presentFrom(at, end) < <u32>UDP_LENGTH) return OTHER | DROP_UDP_TRUNCATED;
  entry = entryOfPort(load<u16>(frame + at, UDP_DESTINATION_PORT));
  if (entry === 0) return OTHER | DROP_NOT_TUNNEL;
  if (load<u32>(entry, FORM_KIND) !== WRAPPING_GRE_IN_UDP) return DROP_NONE;
  return greInUdpKind(at + UDP_LENGTH, end);
}

/** Opens the UDP packet at `at`, whose entry was looked up, in the IP packet at `ip` that ended at `end`. */
export function openUdp(ip: u32, ipv6: bool, at: u32, end: u32): u32 {
  const available = end - at;
  let udpLength = half(at + UDP_TOTAL_LENGTH);
  // As of IP's own length: zero is that of segments which are still to be cut.
  const uncut = half(ip + (ipv6 ? IPV6_PAYLOAD_LENGTH : IPV4_TOTAL_LENGTH)) === 0;
  if (udpLength === 0 && uncut) udpLength = available;
  if (udpLength < <u32>UDP_LENGTH || udpLength > available) return DROP_UDP_LENGTH;
  const last = at + udpLength;
  const header = at + UDP_LENGTH;
  const kind = load<u32>(entry, FORM_KIND);
  const present = presentFrom(header, last);
  if (present < shortest(kind)) return truncated(kind);
  if ((flags & DECAPSULATE_VERIFY_UDP) !== 0 && !sumHolds(ip, ipv6, at, udpLength, last))
    return DROP_UDP_CHECKSUM;
  switch (kind) {
    case TUNNEL_VXLAN:
      return openVxlan(header, last);
    case TUNNEL_GENEVE:
      return openGeneve(header, present, last);
    case TUNNEL_VXLAN_GPE:
      return openGpe(header, last);
    case WRAPPING_GRE_IN_UDP:
      return openGreHeader(header, last);
    case WRAPPING_MPLS_IN_UDP:
      return openLabels(WRAPPING_MPLS_IN_UDP, header, last);
    case WRAPPING_GTP_U:
      return openGtp(header, present, last);
    case WRAPPING_TZSP:
      return openTzsp(header, present, last);
    case WRAPPING_CAPWAP:
      return openCapwap(header, present, last);
    case WRAPPING_L2TP:
    case WRAPPING_L2TPV3:
      return openL2tp(header, present, last);
    default:
      return unreachable();
  }
}

/** The least bytes of a header without which nothing of it can be said. */
function shortest(kind: u32): u32 {
  if (kind === WRAPPING_TZSP || kind === WRAPPING_GRE_IN_UDP || kind === WRAPPING_MPLS_IN_UDP)
    return TZSP_LENGTH;
  return kind === WRAPPING_L2TP || kind === WRAPPING_L2TPV3 ? L2TP_FLAGS_LENGTH : VXLAN_LENGTH;
}

function truncated(kind: u32): u32 {
  if (kind === TUNNEL_VXLAN || kind === TUNNEL_VXLAN_GPE) return DROP_VXLAN_TRUNCATED;
  return kind === TUNNEL_GENEVE ? DROP_GENEVE_TRUNCATED : DROP_TUNNEL_TRUNCATED;
}

/** Zero means that there is none; what the capture cut cannot be verified (RFC 768, RFC 7348 §5). */
function sumHolds(ip: u32, ipv6: bool, at: u32, udpLength: u32, last: u32): bool {
  const udp: usize = frame + at;
  if (load<u16>(udp, UDP_CHECKSUM) === 0 || presentFrom(at, last) < udpLength || udpLength > 65535)
    return true;
  const packet: usize = frame + ip;
  const addresses = ipv6 ? sum(packet + IPV6_SOURCE, 32) : sum(packet + IPV4_SOURCE, 8);
  const pseudo: u64 = <u64>(<u32>bswap<u16>(<u16>udpLength)) + <u64>(IP_PROTOCOL_UDP << 8);
  return fold(pseudo + addresses + sum(udp, udpLength)) === 0xffff;
}

function openVxlan(at: u32, end: u32): u32 {
  const first = load<u32>(frame + at);
  if ((first & VXLAN_FLAG_VNI) === 0) return DROP_VXLAN_NO_VNI;
  if ((flags & DECAPSULATE_STRICT) !== 0 && (first !== VXLAN_FLAG_VNI || byteAt(at + VXLAN_LENGTH - 1) !== 0))
    return DROP_VXLAN_RESERVED;
  found(TUNNEL_VXLAN, at + VXLAN_LENGTH, ETHERTYPE_TEB, end);
  return setNumber(NUMBER_VNI, word(at + VXLAN_VNI) >>> 8);
}

/** Without the P flag it carries a frame, as VXLAN does. */
function openGpe(at: u32, end: u32): u32 {
  const first = load<u32>(frame + at);
  if ((first & VXLAN_FLAG_VNI) === 0) return DROP_VXLAN_NO_VNI;
  if ((first & VXLAN_FLAGS_VERSION) !== 0) return DROP_GPE_VERSION;
  if ((first & VXLAN_FLAG_OAM) !== 0) return DROP_GPE_OAM;
  const announced = (first & VXLAN_FLAG_NEXT_PROTOCOL) !== 0;
  const type = announced ? typeOfNext(byteAt(at + VXLAN_NEXT_PROTOCOL)) : ETHERTYPE_TEB;
  if (type === TYPE_UNKNOWN) return OTHER | DROP_GPE_PROTOCOL;
  if ((flags & DECAPSULATE_STRICT) !== 0) {
    const meaning: u32 = VXLAN_FLAG_VNI | VXLAN_FLAG_NEXT_PROTOCOL | VXLAN_FLAG_BUM;
    const reserved = first & ~(announced ? meaning | 0xff000000 : meaning);
    if ((reserved | byteAt(at + VXLAN_LENGTH - 1)) !== 0) return DROP_VXLAN_RESERVED;
  }
  found(TUNNEL_VXLAN_GPE, at + VXLAN_LENGTH, type, end);
  return setNumber(NUMBER_VNI, word(at + VXLAN_VNI) >>> 8);
}

function openGeneve(at: u32, present: u32, end: u32): u32 {
  const type = carried(half(at + GENEVE_PROTOCOL));
  const reason = type === TYPE_UNKNOWN ? OTHER | DROP_GENEVE_PROTOCOL : DROP_NONE;
  const headerLength = geneveHeader(frame + at, present, end - at, flags, reason);
  if (headerLength >= REFUSED) return headerLength ^ REFUSED;
  found(TUNNEL_GENEVE, at + headerLength, type, end);
  return setNumber(NUMBER_VNI, word(at + GENEVE_VNI) >>> 8);
}

/** What a user's packet is stands nowhere in it: IPv4 and IPv6 are told by their version. */
function openGtp(at: u32, present: u32, end: u32): u32 {
  const first = byteAt(at);
  if ((first & GTP_VERSION_MASK) !== GTP_VERSION_1) return DROP_TUNNEL_VERSION;
  if (byteAt(at + GTP_MESSAGE) !== GTP_PDU) return OTHER | DROP_TUNNEL_CONTROL;
  let headerLength: u32 = GTP_LENGTH;
  if ((first & GTP_FLAGS_OPTIONAL) !== 0) {
    headerLength += GTP_OPTIONAL_LENGTH;
    if (present < headerLength) return DROP_TUNNEL_TRUNCATED;
    let next = (first & GTP_FLAG_EXTENSION) !== 0 ? byteAt(at + GTP_NEXT_EXTENSION) : 0;
    while (next !== 0) {
      if (present <= headerLength) return DROP_TUNNEL_TRUNCATED;
      const step = byteAt(at + headerLength) * GTP_EXTENSION_UNIT;
      if (step === 0) return DROP_TUNNEL_VERSION;
      headerLength += step;
      if (present < headerLength) return DROP_TUNNEL_TRUNCATED;
      next = byteAt(at + headerLength - 1);
    }
  }
  const payload = at + headerLength;
  const said = at + GTP_LENGTH + half(at + GTP_PAYLOAD_LENGTH);
  const last = said < end && said > payload ? said : end;
  const type = typeOfIpVersion(payload, last);
  return type === TYPE_UNKNOWN ? OTHER | DROP_INNER_UNKNOWN : found(WRAPPING_GTP_U, payload, type, last);
}

function openTzsp(at: u32, present: u32, end: u32): u32 {
  if (byteAt(at) !== TZSP_VERSION) return DROP_TUNNEL_VERSION;
  const type = byteAt(at + TZSP_TYPE);
  if (type !== TZSP_RECEIVED && type !== TZSP_TRANSMIT) return OTHER | DROP_TUNNEL_CONTROL;
  let headerLength: u32 = TZSP_LENGTH;
  for (;;) {
    if (present <= headerLength) return DROP_TUNNEL_TRUNCATED;
    const tag = byteAt(at + headerLength++);
    if (tag === TZSP_TAG_END) break;
    if (tag === TZSP_TAG_PADDING) continue;
    if (present <= headerLength) return DROP_TUNNEL_TRUNCATED;
    headerLength += byteAt(at + headerLength) + TZSP_TAG_LENGTH - 1;
  }
  if (present < headerLength) return DROP_TUNNEL_TRUNCATED;
  const protocol = half(at + TZSP_PROTOCOL);
  if (protocol === TZSP_ETHERNET) return found(WRAPPING_TZSP, at + headerLength, ETHERTYPE_TEB, end);
  if (protocol === TZSP_WLAN) return openOfLink(LINK_WLAN, WRAPPING_TZSP, at + headerLength, end);
  return OTHER | DROP_INNER_UNKNOWN;
}

function openCapwap(at: u32, present: u32, end: u32): u32 {
  // Another type is DTLS: nobody can look into it.
  if (byteAt(at) !== 0) return OTHER | (byteAt(at) === 1 ? DROP_INNER_UNKNOWN : DROP_TUNNEL_VERSION);
  const more = byteAt(at + CAPWAP_FLAGS);
  if ((more & CAPWAP_FLAG_KEEPALIVE) !== 0) return OTHER | DROP_TUNNEL_CONTROL;
  if ((more & CAPWAP_FLAG_FRAGMENT) !== 0) return OTHER | DROP_TUNNEL_FRAGMENT;
  const headerLength = (byteAt(at + CAPWAP_WORDS) >>> CAPWAP_WORDS_SHIFT) << 2;
  if (headerLength < <u32>CAPWAP_LENGTH) return DROP_TUNNEL_VERSION;
  if (present < headerLength) return DROP_TUNNEL_TRUNCATED;
  if ((byteAt(at + CAPWAP_BINDING) & CAPWAP_FLAG_NATIVE) === 0)
    return found(WRAPPING_CAPWAP, at + headerLength, ETHERTYPE_TEB, end);
  return openOfLink(LINK_WLAN, WRAPPING_CAPWAP, at + headerLength, end);
}

/** L2TP of both versions over UDP. */
function openL2tp(at: u32, present: u32, end: u32): u32 {
  const bits = half(at);
  const version = bits & L2TP_VERSION_MASK;
  if (version !== L2TP_VERSION_2 && version !== L2TP_VERSION_3) return DROP_TUNNEL_VERSION;
  if (!takes(version === L2TP_VERSION_3 ? WRAPPING_L2TPV3 : WRAPPING_L2TP)) return OTHER | DROP_NOT_TUNNEL;
  if ((bits & L2TP_FLAG_CONTROL) !== 0) return OTHER | DROP_TUNNEL_CONTROL;
  if (version === L2TP_VERSION_3) return openSession(at + L2TPV3_UDP_LENGTH, end);
  let headerLength: u32 = L2TP_FLAGS_LENGTH + L2TP_IDS_LENGTH;
  let last = end;
  if ((bits & L2TP_FLAG_LENGTH) !== 0) {
    headerLength += 2;
    if (present < headerLength) return DROP_TUNNEL_TRUNCATED;
    const said = at + half(at + L2TP_TOTAL_LENGTH);
    if (said < end) last = said;
  }
  if ((bits & L2TP_FLAG_SEQUENCE) !== 0) headerLength += L2TP_SEQUENCE_LENGTH;
  if ((bits & L2TP_FLAG_OFFSET) !== 0) {
    headerLength += L2TP_OFFSET_LENGTH;
    if (present < headerLength) return DROP_TUNNEL_TRUNCATED;
    headerLength += half(at + headerLength - L2TP_OFFSET_LENGTH);
  }
  if (presentFrom(at, last) < headerLength) return DROP_TUNNEL_TRUNCATED;
  return openOfLink(LINK_PPP, WRAPPING_L2TP, at + headerLength, last);
}

/**
 * A session of L2TPv3 at `at`. Only its ends know how long cookie and sublayer are: the first length counts with which a
 * usual type field stands where that of an Ethernet frame must.
 */
export function openSession(at: u32, end: u32): u32 {
  const present = presentFrom(at, end);
  if (present < <u32>L2TPV3_SESSION_LENGTH) return DROP_TUNNEL_TRUNCATED;
  if (word(at) === 0) return OTHER | DROP_TUNNEL_CONTROL;
  const payload = at + L2TPV3_SESSION_LENGTH;
  for (let more: u32 = 0; more <= <u32>L2TPV3_COOKIE_MAXIMUM; more += L2TPV3_COOKIE_UNIT) {
    const behind = payload + more;
    if (isUsualFrame(behind, end)) return found(WRAPPING_L2TPV3, behind, ETHERTYPE_TEB, end);
  }
  return OTHER | DROP_INNER_UNKNOWN;
}
