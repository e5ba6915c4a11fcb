// MPLS label stacks on the walk through wrappings, and what is below them.
//
// No label says what it carries: the routers at both ends know. IP is told by its version and a header that fits; anything
// else is a pseudowire's, which is taken for an Ethernet one where a type field is found that Ethernet frames have, behind a
// control word or without it. What looks like nothing that is known is not taken off.

import { DROP_INNER_UNKNOWN, DROP_TUNNEL_CONTROL, DROP_TUNNEL_TRUNCATED } from "../src/layout/drop.layout";
import {
  ETHERNET_LENGTH,
  ETHERNET_TYPE,
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  ETHERTYPE_TEB,
} from "../src/layout/ethernet.layout";
import { IPV4_LENGTH, IPV4_TOTAL_LENGTH } from "../src/layout/ipv4.layout";
import { IPV6_LENGTH, IPV6_PAYLOAD_LENGTH } from "../src/layout/ipv6.layout";
import { LLC_LENGTH } from "../src/layout/llc.layout";
import {
  MPLS_BOTTOM,
  MPLS_LENGTH,
  PSEUDOWIRE_CHANNEL,
  PSEUDOWIRE_CONTROL_LENGTH,
  PSEUDOWIRE_DATA,
} from "../src/layout/mpls.layout";
import { WRAPPING_MPLS } from "../src/layout/tunnel.layout";
import { OTHER } from "./refusal";
import { byteAt, found, half, presentFrom, word } from "./unwrap-state";
import { isLength, isUsualFrame } from "./unwrap-types";

/** Labels on one another; more are no stack. */
const LABELS_MAXIMUM = 32;

/** Takes the label stack at `at` off. */
export function openMpls(at: u32, end: u32): u32 {
  return openLabels(WRAPPING_MPLS, at, end);
}

/** The same for MPLS that is of another kind. */
export function openLabels(kind: u32, at: u32, end: u32): u32 {
  for (let labels = 0; labels < LABELS_MAXIMUM; labels++) {
    if (presentFrom(at, end) < <u32>MPLS_LENGTH) return DROP_TUNNEL_TRUNCATED;
    const label = word(at);
    at += MPLS_LENGTH;
    if ((label & MPLS_BOTTOM) !== 0) return openBottom(kind, at, end);
  }
  return OTHER | DROP_INNER_UNKNOWN;
}

function openBottom(kind: u32, at: u32, end: u32): u32 {
  if (presentFrom(at, end) === 0) return DROP_TUNNEL_TRUNCATED;
  const first = byteAt(at) >>> 4;
  if (first === 4 && isIpv4(at, end)) return found(kind, at, ETHERTYPE_IPV4, end);
  if (first === 6 && isIpv6(at, end)) return found(kind, at, ETHERTYPE_IPV6, end);
  // A type field where that of a frame without a control word is counts more than one four bytes behind: that may be the
  // type behind a tag. An address that begins with four zeroes is nobody's.
  const direct = isUsualFrame(at, end) && word(at) !== 0;
  if (first === PSEUDOWIRE_DATA && !direct) {
    const behind = at + PSEUDOWIRE_CONTROL_LENGTH;
    return isUsualFrame(behind, end) || isLong(behind, end)
      ? found(kind, behind, ETHERTYPE_TEB, end)
      : nothing();
  }
  if (direct || (first !== PSEUDOWIRE_CHANNEL && isLong(at, end))) return found(kind, at, ETHERTYPE_TEB, end);
  return first === PSEUDOWIRE_CHANNEL ? OTHER | DROP_TUNNEL_CONTROL : nothing();
}

function nothing(): u32 {
  return OTHER | DROP_INNER_UNKNOWN;
}

/** Whether an IEEE 802.3 frame whose length fits stands there, which has an LLC header at least. */
function isLong(at: u32, end: u32): bool {
  if (presentFrom(at, end) < <u32>ETHERNET_LENGTH) return false;
  const type = half(at + ETHERNET_TYPE);
  return type >= <u32>LLC_LENGTH && isLength(type) && at + ETHERNET_LENGTH + type <= end;
}

/** A total length that fits, or none where a card has yet to cut segments; or what is cut before that can be seen. */
function isIpv4(at: u32, end: u32): bool {
  if ((byteAt(at) & 15) < 5) return false;
  if (presentFrom(at, end) < <u32>IPV4_LENGTH) return !isUsualFrame(at, end);
  const total = half(at + IPV4_TOTAL_LENGTH);
  return total === 0 || (total >= <u32>IPV4_LENGTH && (total <= end - at || !isUsualFrame(at, end)));
}

function isIpv6(at: u32, end: u32): bool {
  if (presentFrom(at, end) < <u32>IPV6_LENGTH) return !isUsualFrame(at, end);
  return half(at + IPV6_PAYLOAD_LENGTH) + IPV6_LENGTH <= end - at || !isUsualFrame(at, end);
}
