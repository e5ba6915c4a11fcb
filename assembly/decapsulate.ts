// Decapsulation on whole batches, over IPv4 and IPv6, in three steps a frame:
//
// 1. Is it a packet for our tunnel? What cannot be known to be one is "other": kept or dropped, as asked.
// 2. Do IP, UDP and tunnel headers hold together? If not, a drop reason says why.
// 3. The descriptor moves to the passenger. No byte of the frame is written.
//
// Here stand VXLAN (RFC 7348) and what it shares with Geneve (RFC 8926, geneve.ts): UDP. GRE is in gre.ts.

import {
  DESCRIPTOR_FRAME_LENGTH,
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_OFFSET,
  DESCRIPTOR_VERDICT,
  DESCRIPTOR_VNI,
  DESCRIPTOR_WIRE_LENGTH,
  VERDICT_FORWARD,
  VNI_NONE,
} from "../src/layout/descriptor.layout";
import {
  DROP_GENEVE_TRUNCATED,
  DROP_NONE,
  DROP_NOT_TUNNEL,
  DROP_OTHER_VNI,
  DROP_UDP_CHECKSUM,
  DROP_UDP_LENGTH,
  DROP_UDP_TRUNCATED,
  DROP_VXLAN_NO_VNI,
  DROP_VXLAN_RESERVED,
  DROP_VXLAN_TRUNCATED,
} from "../src/layout/drop.layout";
import { ETHERNET_LENGTH, ETHERNET_TYPE } from "../src/layout/ethernet.layout";
import { GRE_LENGTH } from "../src/layout/gre.layout";
import { IP_PROTOCOL_GRE, IP_PROTOCOL_UDP, IPV4_LENGTH } from "../src/layout/ipv4.layout";
import {
  DECAPSULATE_BARE,
  DECAPSULATE_DEPTH,
  DECAPSULATE_GENEVE,
  DECAPSULATE_GRE,
  DECAPSULATE_KEEP_OTHERS,
  DECAPSULATE_KEYED,
  DECAPSULATE_NVGRE,
  DECAPSULATE_PORT,
  DECAPSULATE_REFUSE_TAGGED,
  DECAPSULATE_STRICT,
  DECAPSULATE_TAKE_CRITICAL,
  DECAPSULATE_TRUST_GRE,
  DECAPSULATE_VERIFY_UDP,
  DECAPSULATE_VNI,
  STAGE_FLAGS,
} from "../src/layout/stage.layout";
import { UDP_DESTINATION_PORT, UDP_LENGTH, UDP_TOTAL_LENGTH } from "../src/layout/udp.layout";
import { VXLAN_FLAG_VNI, VXLAN_LENGTH, VXLAN_VNI } from "../src/layout/vxlan.layout";
import { swapped16 } from "./byte-order";
import { OTHER, payloadLength, payloadOf, REFUSED, udpSumIsGood, walk } from "./carrier";
import { sumIsWrong } from "./checksum";
import { countChanged, drop, passOver } from "./descriptor";
import { FRAGMENT_BITS, PLAIN_IPV4, PLAIN_IPV4_MASK } from "./flow-hash";
import { GENEVE_PLAIN, GENEVE_PLAIN_MASK, openGeneve } from "./geneve";
import { openGre, otherGre, pullPlainGre } from "./gre";
import { becomePassenger, setNumber } from "./passenger";

/** Of VXLAN, and of Geneve without options. */
const TUNNEL_LENGTH = 8;
/** Ethernet, IPv4, UDP, tunnel header, Ethernet: the shortest packet of the plain form. */
const PLAIN_MINIMUM: u32 = 64;
const PLAIN_OFFSET = 42;
/** All headers of the plain form. */
const PLAIN_LENGTH: u32 = 50;
/** The I flag, which is all that a receiver looks at (RFC 7348 §5): mask and bits for pullPlain(). */
export const VXLAN_PLAIN: u32 = VXLAN_FLAG_VNI;

/** Flags with which packets of a plain form need no other checks than those of the loops for them. */
const USUAL_UDP: u32 = DECAPSULATE_KEEP_OTHERS | DECAPSULATE_GENEVE | DECAPSULATE_TAKE_CRITICAL;
const USUAL_GRE: u32 = DECAPSULATE_KEEP_OTHERS | DECAPSULATE_GRE | DECAPSULATE_TRUST_GRE | DECAPSULATE_KEYED;
const USUAL_NVGRE: u32 = USUAL_GRE | DECAPSULATE_NVGRE | DECAPSULATE_REFUSE_TAGGED;

export function decapsulate(descriptors: usize, count: u32, stage: usize, counters: usize): void {
  const flags = load<u32>(stage, STAGE_FLAGS);
  const portBytes = swapped16(load<u32>(stage, DECAPSULATE_PORT));
  const vni = load<u32>(stage, DECAPSULATE_VNI);
  const depth = load<u32>(stage, DECAPSULATE_DEPTH);
  const gre = (flags & DECAPSULATE_GRE) !== 0;
  const geneve = (flags & DECAPSULATE_GENEVE) !== 0;
  const usual = isUsual(flags);
  const end: usize = descriptors + count * DESCRIPTOR_LENGTH;
  let changed: u64 = 0;
  let d = descriptors;
  while (d < end) {
    if (usual) {
      const next = gre
        ? pullPlainGre(d, end, vni, flags)
        : geneve
          ? pullPlain(d, end, portBytes, vni, GENEVE_PLAIN_MASK, GENEVE_PLAIN)
          : pullPlain(d, end, portBytes, vni, VXLAN_PLAIN, VXLAN_PLAIN);
      changed += <u64>(next - d) / DESCRIPTOR_LENGTH;
      if (depth > 1) for (; d < next; d += DESCRIPTOR_LENGTH) pullDeeper(d, portBytes, flags, depth);
      d = next;
      if (d >= end) break;
    }
    if (load<u8>(d, DESCRIPTOR_VERDICT) === VERDICT_FORWARD) {
      const reason = pull(d, portBytes, vni, flags);
      if (reason === DROP_NONE) {
        changed++;
        if (depth > 1) pullDeeper(d, portBytes, flags, depth);
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

function isUsual(flags: u32): bool {
  if ((flags & DECAPSULATE_NVGRE) !== 0) return (flags & ~USUAL_NVGRE) === 0;
  if ((flags & DECAPSULATE_GRE) !== 0) return (flags & ~USUAL_GRE) === 0;
  return (flags & ~USUAL_UDP) === 0;
}

/**
 * Moves descriptors to their passengers for as long as the packets are plain: no tag, IPv4 without options or
 * fragments, and all that is checked is right. Returns the first descriptor that is left.
 *
 * `mask` says which bits of the tunnel header's first word are looked at, `bits` what they must be. VXLAN and Geneve
 * without options have the VNI in the same place, so that one loop serves both.
 *
 * One branch a frame: every check leaves zero if it is right (a length that would be negative has its top bit set).
 * What differs in any is for pull(), which checks one by one and knows the reason.
 * With a branch for each check and a call this took twice as long (measured).
 */
export function pullPlain(d: usize, end: usize, portBytes: u32, vni: u32, mask: u32, bits: u32): usize {
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
      load<u8>(d, DESCRIPTOR_VERDICT) |
      short |
      ((load<u32>(frame, ETHERNET_TYPE) & PLAIN_IPV4_MASK) ^ PLAIN_IPV4) |
      sumIsWrong(sum) |
      (<u32>(low >>> 48) & FRAGMENT_BITS) |
      ((<u32>(high >>> 8) & 0xff) ^ IP_PROTOCOL_UDP) |
      (load<u16>(frame, 36) ^ portBytes) |
      ((load<u32>(frame, PLAIN_OFFSET) & mask) ^ bits) |
      ((frameVni ^ vni) & vniMask) |
      ((wire - ETHERNET_LENGTH - ipLength) >>> 31) |
      ((ipLength - IPV4_LENGTH - udpLength) >>> 31) |
      ((udpLength - (UDP_LENGTH + TUNNEL_LENGTH + ETHERNET_LENGTH)) >>> 31);
    if (wrong !== 0) break;

    const innerWire = udpLength - (UDP_LENGTH + TUNNEL_LENGTH);
    const behind = length - PLAIN_LENGTH;
    store<u32>(d, <u32>frame + PLAIN_LENGTH, DESCRIPTOR_OFFSET);
    store<u32>(d, behind < innerWire ? behind : innerWire, DESCRIPTOR_FRAME_LENGTH);
    store<u32>(d, innerWire, DESCRIPTOR_WIRE_LENGTH);
    store<u32>(d, frameVni, DESCRIPTOR_VNI);
  }
  return d;
}

/** Opens the tunnels inside, as long as there are any; what stops there is a passenger and goes on. */
function pullDeeper(d: usize, portBytes: u32, flags: u32, depth: u32): void {
  // Inside, tunnels are whole packets, with any number.
  const inside = flags & ~(DECAPSULATE_BARE | DECAPSULATE_KEYED);
  for (let level: u32 = 1; level < depth; level++) {
    if (pull(d, portBytes, VNI_NONE, inside) !== DROP_NONE) break;
  }
}

/**
 * Moves the descriptor to the passenger, or returns the reason why not and leaves all as it is. Without a flag that names
 * another kind the tunnel is VXLAN.
 *
 * All kinds go through this one function, so that what it calls has one caller and becomes a part of it: with a function
 * for each kind every packet took 4 to 5 ns more (measured).
 */
export function pull(d: usize, portBytes: u32, vni: u32, flags: u32): u32 {
  const frame: usize = load<u32>(d, DESCRIPTOR_OFFSET);
  const length = load<u32>(d, DESCRIPTOR_FRAME_LENGTH);
  const wire = load<u32>(d, DESCRIPTOR_WIRE_LENGTH);
  const gre = (flags & DECAPSULATE_GRE) !== 0;
  const bare = (flags & DECAPSULATE_BARE) !== 0;
  let at: u32 = 0;
  let tunnelLength = wire; // counts header and passenger
  let place: u32 = 0;
  if (!bare) {
    place = walk(frame, length, gre ? IP_PROTOCOL_GRE : IP_PROTOCOL_UDP);
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
      if (udpLength === 0 && available > 65535) udpLength = available;
      if (udpLength < <u32>UDP_LENGTH || udpLength > available) return DROP_UDP_LENGTH;
      if (udpLength < <u32>UDP_LENGTH + TUNNEL_LENGTH || length < at + UDP_LENGTH + TUNNEL_LENGTH)
        return truncated(flags);
      if ((flags & DECAPSULATE_VERIFY_UDP) !== 0 && !udpSumIsGood(frame, place, length, udpLength))
        return DROP_UDP_CHECKSUM;
      at += UDP_LENGTH;
      tunnelLength = udpLength - UDP_LENGTH;
    }
  } else if (!gre && (length < <u32>TUNNEL_LENGTH || wire < <u32>TUNNEL_LENGTH)) return truncated(flags);
  const header: usize = frame + at;
  let headerLength: u32;
  if (gre) headerLength = openGre(header, length - at, tunnelLength, vni, flags);
  else if ((flags & DECAPSULATE_GENEVE) !== 0)
    headerLength = openGeneve(header, length - at, tunnelLength, vni, flags);
  else headerLength = openVxlan(header, vni, flags);
  if (headerLength >= REFUSED) return headerLength ^ REFUSED;
  return becomePassenger(d, frame, at + headerLength, length, tunnelLength - headerLength, flags);
}

function truncated(flags: u32): u32 {
  return (flags & DECAPSULATE_GENEVE) !== 0 ? DROP_GENEVE_TRUNCATED : DROP_VXLAN_TRUNCATED;
}

/** The length of the VXLAN header, of which all is there, and sets the number; or REFUSED and a reason. */
function openVxlan(header: usize, vni: u32, flags: u32): u32 {
  const word = load<u32>(header);
  if ((word & VXLAN_FLAG_VNI) === 0) return REFUSED | DROP_VXLAN_NO_VNI;
  const low = load<u32>(header, VXLAN_VNI);
  if ((flags & DECAPSULATE_STRICT) !== 0 && (word !== VXLAN_FLAG_VNI || low >>> 24 !== 0))
    return REFUSED | DROP_VXLAN_RESERVED;
  const frameVni = bswap<u32>(low) >>> 8;
  if (vni !== VNI_NONE && frameVni !== vni) return REFUSED | DROP_OTHER_VNI;
  setNumber(frameVni);
  return VXLAN_LENGTH;
}
