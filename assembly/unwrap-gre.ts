// GRE on the walk through wrappings: version 0 with whatever the walk knows in it, ERSPAN of all types, and PPTP's
// version 1. The protocol type says which kind it is, and so before anything else is looked at.

import {
  DROP_GRE_CHECKSUM,
  DROP_GRE_PROTOCOL,
  DROP_GRE_RESERVED,
  DROP_GRE_TRUNCATED,
  DROP_GRE_VERSION,
  DROP_INNER_UNKNOWN,
  DROP_NONE,
  DROP_NOT_TUNNEL,
  DROP_NVGRE_FIELDS,
  DROP_TUNNEL_CONTROL,
  DROP_TUNNEL_TRUNCATED,
  DROP_TUNNEL_VERSION,
} from "../src/layout/drop.layout";
import {
  ERSPAN_II_LENGTH,
  ERSPAN_II_VERSION,
  ERSPAN_III_ETHERNET,
  ERSPAN_III_FLAGS,
  ERSPAN_III_FRAME_MASK,
  ERSPAN_III_FRAME_SHIFT,
  ERSPAN_III_IP,
  ERSPAN_III_LENGTH,
  ERSPAN_III_OPTIONAL,
  ERSPAN_III_OPTIONAL_LENGTH,
  ERSPAN_III_VERSION,
  ERSPAN_VERSION_SHIFT,
} from "../src/layout/erspan.layout";
import {
  ETHERTYPE_ERSPAN,
  ETHERTYPE_ERSPAN_III,
  ETHERTYPE_PPP,
  ETHERTYPE_TEB,
} from "../src/layout/ethernet.layout";
import {
  GRE_FIELD_LENGTH,
  GRE_FLAG_CHECKSUM,
  GRE_FLAG_KEY,
  GRE_FLAG_SEQUENCE,
  GRE_FLAGS_FORBIDDEN,
  GRE_LENGTH,
  GRE_PROTOCOL,
  GRE_VERSION,
  GRE_VERSION_MASK,
  NVGRE_VSID_SHIFT,
} from "../src/layout/gre.layout";
import { LINK_PPP } from "../src/layout/link.layout";
import {
  PPTP_FLAG_ACKNOWLEDGED,
  PPTP_LENGTH,
  PPTP_PAYLOAD_LENGTH,
  PPTP_VERSION,
} from "../src/layout/pptp.layout";
import { DECAPSULATE_STRICT, DECAPSULATE_TRUST_GRE } from "../src/layout/stage.layout";
import {
  TUNNEL_GRE,
  TUNNEL_NVGRE,
  WRAPPING_ERSPAN,
  WRAPPING_GRE_IN_UDP,
  WRAPPING_PPTP,
} from "../src/layout/tunnel.layout";
import { fold, sum } from "./checksum";
import { isSummed } from "./gre";
import { OTHER } from "./refusal";
import { openOfLink } from "./unwrap-link";
import {
  byteAt,
  flags,
  found,
  frame,
  half,
  NUMBER_KEY,
  NUMBER_VNI,
  presentFrom,
  setNumber,
  takes,
  word,
} from "./unwrap-state";
import { carried, TYPE_UNKNOWN, typeOfIpVersion } from "./unwrap-types";

const FIELDS: u32 = GRE_FLAG_CHECKSUM | GRE_FLAG_KEY | GRE_FLAG_SEQUENCE;

/** The kind that was told last. */
let kind: u32 = 0;

/** Tells the kind of the GRE header at `at`, over IP; or the reason why it is none of ours. */
export function greKind(at: u32, end: u32): u32 {
  return tellKind(at, end, takes(TUNNEL_GRE) ? TUNNEL_GRE : TUNNEL_NVGRE);
}

/** The same in UDP, where there is no other version (RFC 8086 §2.1). */
export function greInUdpKind(at: u32, end: u32): u32 {
  return tellKind(at, end, WRAPPING_GRE_IN_UDP);
}

function tellKind(at: u32, end: u32, usual: u32): u32 {
  if (presentFrom(at, end) < <u32>GRE_LENGTH) return OTHER | DROP_GRE_TRUNCATED;
  const version = half(at) & GRE_VERSION_MASK;
  const protocol = half(at + GRE_PROTOCOL);
  kind = usual;
  if (version === PPTP_VERSION && usual !== WRAPPING_GRE_IN_UDP && protocol === ETHERTYPE_PPP)
    kind = WRAPPING_PPTP;
  else if (version !== GRE_VERSION) return OTHER | DROP_GRE_VERSION;
  else if (protocol === ETHERTYPE_ERSPAN || protocol === ETHERTYPE_ERSPAN_III) kind = WRAPPING_ERSPAN;
  else if (usual === TUNNEL_NVGRE) {
    if (protocol !== ETHERTYPE_TEB) return OTHER | DROP_GRE_PROTOCOL;
  } else if (carried(protocol) === TYPE_UNKNOWN && protocol !== ETHERTYPE_PPP)
    return OTHER | DROP_GRE_PROTOCOL;
  return takes(kind) ? DROP_NONE : OTHER | DROP_NOT_TUNNEL;
}

/** Opens the header at `at`, whose kind was told before. */
export function openGreHeader(at: u32, end: u32): u32 {
  if (kind === WRAPPING_PPTP) return openPptp(at, end);
  const bits = half(at);
  const nvgre = kind === TUNNEL_NVGRE;
  const forbidden: u32 = (flags & DECAPSULATE_STRICT) !== 0 ? ~FIELDS : GRE_FLAGS_FORBIDDEN;
  if ((bits & forbidden) !== 0) return DROP_GRE_RESERVED;
  if (nvgre && (bits & FIELDS) !== GRE_FLAG_KEY) return DROP_NVGRE_FIELDS;
  const headerLength: u32 = GRE_LENGTH + popcnt<u32>(bits & FIELDS) * GRE_FIELD_LENGTH;
  const present = presentFrom(at, end);
  if (present < headerLength) return DROP_GRE_TRUNCATED;
  let keyAt: u32 = at + GRE_LENGTH;
  if ((bits & GRE_FLAG_CHECKSUM) !== 0) {
    const summed = (flags & DECAPSULATE_TRUST_GRE) === 0 && isSummed(present, end - at);
    if (summed && fold(sum(frame + at, end - at)) !== 0xffff) return DROP_GRE_CHECKSUM;
    keyAt += GRE_FIELD_LENGTH;
  }
  const payload = at + headerLength;
  const protocol = half(at + GRE_PROTOCOL);
  if (kind === WRAPPING_ERSPAN) return openErspan(payload, end, protocol, (bits & GRE_FLAG_SEQUENCE) !== 0);
  const keyed = (bits & GRE_FLAG_KEY) !== 0;
  if (protocol === ETHERTYPE_PPP) {
    const reason = openOfLink(LINK_PPP, kind, payload, end);
    if (reason !== DROP_NONE || !keyed) return reason;
    return foundKeyed(keyAt);
  }
  found(kind, payload, protocol, end);
  return keyed ? foundKeyed(keyAt) : DROP_NONE;
}

/** Enters the key at `keyAt`, or the VSID, beside what was found. */
function foundKeyed(keyAt: u32): u32 {
  const key = word(keyAt);
  return kind === TUNNEL_NVGRE ? setNumber(NUMBER_VNI, key >>> NVGRE_VSID_SHIFT) : setNumber(NUMBER_KEY, key);
}

/** Type I is a frame alone: those with a header have a sequence number. */
function openErspan(at: u32, end: u32, protocol: u32, sequenced: bool): u32 {
  if (protocol === ETHERTYPE_ERSPAN && !sequenced) return found(WRAPPING_ERSPAN, at, ETHERTYPE_TEB, end);
  const third = protocol === ETHERTYPE_ERSPAN_III;
  const headerLength: u32 = third ? ERSPAN_III_LENGTH : ERSPAN_II_LENGTH;
  const present = presentFrom(at, end);
  if (present < headerLength) return DROP_TUNNEL_TRUNCATED;
  const version: u32 = third ? ERSPAN_III_VERSION : ERSPAN_II_VERSION;
  if (byteAt(at) >>> ERSPAN_VERSION_SHIFT !== version) return DROP_TUNNEL_VERSION;
  if (!third) return found(WRAPPING_ERSPAN, at + headerLength, ETHERTYPE_TEB, end);
  const more = half(at + ERSPAN_III_FLAGS);
  const optional: u32 = (more & ERSPAN_III_OPTIONAL) !== 0 ? ERSPAN_III_OPTIONAL_LENGTH : 0;
  if (present < headerLength + optional) return DROP_TUNNEL_TRUNCATED;
  const payload = at + headerLength + optional;
  const frameType = (more >>> ERSPAN_III_FRAME_SHIFT) & ERSPAN_III_FRAME_MASK;
  if (frameType === ERSPAN_III_ETHERNET) return found(WRAPPING_ERSPAN, payload, ETHERTYPE_TEB, end);
  if (frameType !== ERSPAN_III_IP) return OTHER | DROP_INNER_UNKNOWN;
  const type = typeOfIpVersion(payload, end);
  return type === TYPE_UNKNOWN ? OTHER | DROP_INNER_UNKNOWN : found(WRAPPING_ERSPAN, payload, type, end);
}

/** A packet without payload acknowledges others (RFC 2637 §4.1). */
function openPptp(at: u32, end: u32): u32 {
  const bits = half(at);
  let headerLength: u32 = PPTP_LENGTH;
  if ((bits & GRE_FLAG_SEQUENCE) !== 0) headerLength += GRE_FIELD_LENGTH;
  if ((bits & PPTP_FLAG_ACKNOWLEDGED) !== 0) headerLength += GRE_FIELD_LENGTH;
  if ((bits & (GRE_FLAG_CHECKSUM | GRE_FLAGS_FORBIDDEN)) !== 0 || (bits & GRE_FLAG_KEY) === 0)
    return DROP_GRE_RESERVED;
  if (presentFrom(at, end) < headerLength) return DROP_GRE_TRUNCATED;
  const payloadLength = half(at + PPTP_PAYLOAD_LENGTH);
  if ((bits & GRE_FLAG_SEQUENCE) === 0 || payloadLength === 0) return OTHER | DROP_TUNNEL_CONTROL;
  const last = at + headerLength + payloadLength;
  return openOfLink(LINK_PPP, WRAPPING_PPTP, at + headerLength, last < end ? last : end);
}
