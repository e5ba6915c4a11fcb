// Decapsulation on whole batches, over IPv4 and IPv6, in three steps a frame:
//
// 1. Is it a packet for our tunnel? What cannot be known to be one is "other": kept or dropped, as asked.
// 2. Do IP, UDP and tunnel headers hold together? If not, a drop reason says why.
// 3. The descriptor moves to the passenger. No byte of the frame is written.
//
// What differs in a kind stands in its form (tunnel.layout), a few numbers that come with the stage, and in the function that
// opens its header; only where pull() calls that one is a kind known by its name. A form without a port is GRE's.

import {
  DESCRIPTOR_FRAME_LENGTH,
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_LINK,
  DESCRIPTOR_OFFSET,
  DESCRIPTOR_VERDICT,
  DESCRIPTOR_VNI,
  DESCRIPTOR_WIRE_LENGTH,
  VERDICT_FORWARD,
  VNI_NONE,
} from "../src/layout/descriptor.layout";
import {
  DROP_NONE,
  DROP_NOT_TUNNEL,
  DROP_UDP_CHECKSUM,
  DROP_UDP_LENGTH,
  DROP_UDP_TRUNCATED,
} from "../src/layout/drop.layout";
import { ETHERNET_LENGTH, ETHERNET_TYPE } from "../src/layout/ethernet.layout";
import { GRE_LENGTH } from "../src/layout/gre.layout";
import { IP_PROTOCOL_GRE, IP_PROTOCOL_UDP, IPV4_LENGTH } from "../src/layout/ipv4.layout";
import {
  DECAPSULATE_BARE,
  DECAPSULATE_DEPTH,
  DECAPSULATE_FORM,
  DECAPSULATE_KEEP_OTHERS,
  DECAPSULATE_KEYED,
  DECAPSULATE_VERIFY_UDP,
  DECAPSULATE_VNI,
  INHERIT,
  STAGE_FLAGS,
} from "../src/layout/stage.layout";
import {
  FORM_BITS,
  FORM_KIND,
  FORM_MASK,
  FORM_PORT,
  FORM_TRUNCATED,
  FORM_USUAL,
  PLAIN_UDP_LENGTH,
  PLAIN_UDP_TUNNEL,
  TUNNEL_GENEVE,
  TUNNEL_GRE,
  TUNNEL_NVGRE,
  TUNNEL_VXLAN,
  TUNNEL_VXLAN_GPE,
} from "../src/layout/tunnel.layout";
import { UDP_DESTINATION_PORT, UDP_LENGTH, UDP_TOTAL_LENGTH } from "../src/layout/udp.layout";
import { swapped16 } from "./byte-order";
import { isUncut, payloadLength, payloadOf, placeFields, udpSumIsGood, walk } from "./carrier";
import { sumIsWrong } from "./checksum";
import { countChanged, drop, passOver } from "./descriptor";
import { FRAGMENT_BITS, PLAIN_IPV4, PLAIN_IPV4_MASK } from "./flow-hash";
import { openGeneve } from "./geneve";
import { openGre, otherGre, pullPlainGre } from "./gre";
import { putInner, refusedBy } from "./inherit";
import { becomePassenger } from "./passenger";
import { OTHER, REFUSED } from "./refusal";
import { saidLength } from "./super-frame";
import { openVxlan, openVxlanGpe } from "./tunnel-header";

/** The shortest tunnel header behind UDP. */
const TUNNEL_LENGTH = 8;
/** Ethernet, IPv4, UDP, tunnel header, Ethernet: the shortest packet of the plain form. */
const PLAIN_MINIMUM: u32 = PLAIN_UDP_LENGTH + ETHERNET_LENGTH;

export function decapsulate(descriptors: usize, count: u32, stage: usize, counters: usize): void {
  const flags = load<u32>(stage, STAGE_FLAGS);
  const vni = load<u32>(stage, DECAPSULATE_VNI);
  const depth = load<u32>(stage, DECAPSULATE_DEPTH);
  const form: usize = stage + DECAPSULATE_FORM;
  const gre = load<u32>(form, FORM_PORT) === 0;
  const usual = (flags & ~load<u32>(form, FORM_USUAL)) === 0;
  const end: usize = descriptors + count * DESCRIPTOR_LENGTH;
  let changed: u64 = 0;
  let d = descriptors;
  while (d < end) {
    if (usual) {
      const next = gre ? pullPlainGre(d, end, form, vni, flags) : pullPlain(d, end, form, vni);
      changed += <u64>(next - d) / DESCRIPTOR_LENGTH;
      if (depth > 1) for (; d < next; d += DESCRIPTOR_LENGTH) pullDeeper(d, form, flags, depth);
      d = next;
      if (d >= end) break;
    }
    if (load<u8>(d, DESCRIPTOR_VERDICT) === VERDICT_FORWARD) {
      const reason = pull(d, form, vni, flags);
      if (reason === DROP_NONE) {
        changed++;
        if (depth > 1) pullDeeper(d, form, flags, depth);
      } else if ((flags & DECAPSULATE_KEEP_OTHERS) === 0 || (reason & OTHER) === 0) {
        drop(d, reason & ~OTHER, counters);
      }
    } else {
      passOver(d);
    }
    d += DESCRIPTOR_LENGTH;
  }
  countChanged(stage, counters, changed);
}

/**
 * Moves descriptors to their passengers for as long as the packets are plain: no tag, IPv4 without options or
 * fragments, and all that is checked is right. Returns the first descriptor that is left.
 *
 * The form says which bits of the tunnel header's first word are looked at, and what they must be. All kinds over UDP
 * have their number in the same place, so that one loop serves them.
 *
 * One branch a frame: every check leaves zero if it is right (a length that would be negative has its top bit set).
 * What differs in any is for pull(), which checks one by one and knows the reason.
 * With a branch for each check and a call this took twice as long (measured).
 */
export function pullPlain(d: usize, end: usize, form: usize, vni: u32): usize {
  const portBytes = load<u32>(form, FORM_PORT);
  const mask = load<u32>(form, FORM_MASK);
  const bits = load<u32>(form, FORM_BITS);
  const vniMask: u32 = vni === VNI_NONE ? 0 : 0xffffffff;
  for (; d < end; d += DESCRIPTOR_LENGTH) {
    const frame: usize = load<u32>(d, DESCRIPTOR_OFFSET);
    const length = load<u32>(d, DESCRIPTOR_FRAME_LENGTH);
    const wire = load<u32>(d, DESCRIPTOR_WIRE_LENGTH);
    const low = load<u64>(frame, 14); // version .. fragment
    const high = load<u64>(frame, 22); // TTL .. source address
    const last = load<u32>(frame, 30); // destination address
    const sum = (low & 0xffffffff) + (low >>> 32) + (high & 0xffffffff) + (high >>> 32) + last;
    const ipLength = swapped16(<u32>(low >>> 16) & 0xffff);
    const udpLength = swapped16(load<u16>(frame, 38));
    const frameVni = bswap<u32>(load<u32>(frame, 46)) >>> 8;
    const short: u32 = length < PLAIN_MINIMUM ? 1 : 0;
    const wrong: u32 =
      load<u32>(d, DESCRIPTOR_VERDICT) |
      short |
      ((load<u32>(frame, ETHERNET_TYPE) & PLAIN_IPV4_MASK) ^ PLAIN_IPV4) |
      sumIsWrong(sum) |
      (<u32>(low >>> 48) & FRAGMENT_BITS) |
      ((<u32>(high >>> 8) & 0xff) ^ IP_PROTOCOL_UDP) |
      (load<u16>(frame, 36) ^ portBytes) |
      ((load<u32>(frame, PLAIN_UDP_TUNNEL) & mask) ^ bits) |
      ((frameVni ^ vni) & vniMask) |
      ((wire - ETHERNET_LENGTH - ipLength) >>> 31) |
      ((ipLength - IPV4_LENGTH - udpLength) >>> 31) |
      ((udpLength - (UDP_LENGTH + TUNNEL_LENGTH + ETHERNET_LENGTH)) >>> 31);
    if (wrong !== 0) break;

    const innerWire = udpLength - (UDP_LENGTH + TUNNEL_LENGTH);
    const behind = length - PLAIN_UDP_LENGTH;
    store<u32>(d, <u32>frame + PLAIN_UDP_LENGTH, DESCRIPTOR_OFFSET);
    store<u32>(d, behind < innerWire ? behind : innerWire, DESCRIPTOR_FRAME_LENGTH);
    store<u32>(d, innerWire, DESCRIPTOR_WIRE_LENGTH);
    store<u32>(d, frameVni, DESCRIPTOR_VNI);
  }
  return d;
}

/** Opens the tunnels inside, as long as there are any; what stops there is a passenger and goes on. */
function pullDeeper(d: usize, form: usize, flags: u32, depth: u32): void {
  // Inside, tunnels are whole packets, with any number.
  const inside = flags & ~(DECAPSULATE_BARE | DECAPSULATE_KEYED);
  for (let level: u32 = 1; level < depth; level++) {
    if (pull(d, form, VNI_NONE, inside) !== DROP_NONE) break;
  }
}

/**
 * Moves the descriptor to the passenger, or returns the reason why not and leaves all as it is.
 *
 * All kinds go through this one function, so that what it calls has one caller and becomes a part of it: with a function
 * for each kind every packet took 4 to 5 ns more (measured).
 */
export function pull(d: usize, form: usize, vni: u32, flags: u32): u32 {
  const portBytes = load<u32>(form, FORM_PORT);
  const frame: usize = load<u32>(d, DESCRIPTOR_OFFSET);
  const length = load<u32>(d, DESCRIPTOR_FRAME_LENGTH);
  const wire = saidLength(length, load<u32>(d, DESCRIPTOR_WIRE_LENGTH));
  const gre = portBytes === 0;
  const bare = (flags & DECAPSULATE_BARE) !== 0;
  let at: u32 = 0;
  let tunnelLength = wire; // counts header and passenger
  let place: u32 = 0;
  if (!bare) {
    place = walk(load<u8>(d, DESCRIPTOR_LINK), frame, length, gre ? IP_PROTOCOL_GRE : IP_PROTOCOL_UDP);
    if (place >= REFUSED) return place ^ REFUSED;
    at = payloadOf(place);
  }
  if (gre) {
    const reason = otherGre(frame, at, length);
    if (reason !== DROP_NONE) return OTHER | reason;
  } else if (!bare) {
    if (length < at + UDP_LENGTH) return OTHER | DROP_UDP_TRUNCATED;
    if (load<u16>(frame + at, UDP_DESTINATION_PORT) !== portBytes) return OTHER | DROP_NOT_TUNNEL;
  }

  // From here on it is a packet for the tunnel, and every failure is one of the tunnel.
  if (!bare) {
    const available = payloadLength(frame, place, wire, gre ? GRE_LENGTH : UDP_LENGTH, flags);
    if (available >= REFUSED) return available ^ REFUSED;
    tunnelLength = available;
    if (!gre) {
      let udpLength: u32 = bswap<u16>(load<u16>(frame + at, UDP_TOTAL_LENGTH));
      if (udpLength === 0 && isUncut(frame, place)) udpLength = available;
      if (udpLength < <u32>UDP_LENGTH || udpLength > available) return DROP_UDP_LENGTH;
      if (udpLength < <u32>UDP_LENGTH + TUNNEL_LENGTH || length < at + UDP_LENGTH + TUNNEL_LENGTH)
        return load<u32>(form, FORM_TRUNCATED);
      if ((flags & DECAPSULATE_VERIFY_UDP) !== 0 && !udpSumIsGood(frame, place, length, udpLength))
        return DROP_UDP_CHECKSUM;
      at += UDP_LENGTH;
      tunnelLength = udpLength - UDP_LENGTH;
    }
  } else if (!gre && (length < <u32>TUNNEL_LENGTH || wire < <u32>TUNNEL_LENGTH))
    return load<u32>(form, FORM_TRUNCATED);
  const header: usize = frame + at;
  // Here, and not in a function of its own: that would be a call, of 2 ns.
  let headerLength: u32 = 0;
  const kind = load<u32>(form, FORM_KIND);
  switch (kind) {
    case TUNNEL_VXLAN:
      headerLength = openVxlan(header, vni, flags);
      break;
    case TUNNEL_GENEVE:
      headerLength = openGeneve(header, length - at, tunnelLength, vni, flags);
      break;
    case TUNNEL_GRE:
    case TUNNEL_NVGRE:
      headerLength = openGre(header, length - at, tunnelLength, vni, flags, kind === TUNNEL_NVGRE);
      break;
    case TUNNEL_VXLAN_GPE:
      headerLength = openVxlanGpe(header, vni, flags);
      break;
    default:
      unreachable();
  }
  if (headerLength >= REFUSED) return headerLength ^ REFUSED;
  at += headerLength;
  const innerWire = tunnelLength - headerLength;
  if ((flags & INHERIT) === 0 || bare) return becomePassenger(d, frame, at, length, innerWire, flags);
  const inner: usize = frame + at;
  const behind = length - at;
  const present = behind < innerWire ? behind : innerWire;
  const outer = placeFields(frame, place);
  let reason = refusedBy(outer, inner, present, true, flags);
  if (reason !== DROP_NONE) return reason;
  reason = becomePassenger(d, frame, at, length, innerWire, flags);
  if (reason === DROP_NONE) putInner(outer, inner, present, true, flags);
  return reason;
}
