// VXLAN decapsulation on whole batches (RFC 7348), over IPv4 and IPv6, in three steps a frame:
//
// 1. Is it a packet for our UDP port? What cannot be known to be one is "other": kept or dropped, as asked.
// 2. Do IP, UDP and VXLAN headers hold together? If not, a drop reason says why.
// 3. The descriptor moves to the passenger. No byte of the frame is written.

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
  DROP_FRAME_TOO_SHORT,
  DROP_INNER_TAGGED,
  DROP_INNER_TRUNCATED,
  DROP_NONE,
  DROP_NOT_TUNNEL,
  DROP_OTHER_VNI,
  DROP_OUTER_IP_CHECKSUM,
  DROP_OUTER_IP_FRAGMENT,
  DROP_OUTER_IP_HEADER,
  DROP_OUTER_IP_TRUNCATED,
  DROP_UDP_CHECKSUM,
  DROP_UDP_LENGTH,
  DROP_UDP_TRUNCATED,
  DROP_VXLAN_NO_VNI,
  DROP_VXLAN_RESERVED,
  DROP_VXLAN_TRUNCATED,
} from "../src/layout/drop.layout";
import { ETHERNET_LENGTH, ETHERNET_TYPE } from "../src/layout/ethernet.layout";
import {
  IP_PROTOCOL_UDP,
  IPV4_FRAGMENT,
  IPV4_LENGTH,
  IPV4_PROTOCOL,
  IPV4_SOURCE,
  IPV4_TOTAL_LENGTH,
} from "../src/layout/ipv4.layout";
import { IPV6_LENGTH, IPV6_NEXT_HEADER, IPV6_PAYLOAD_LENGTH, IPV6_SOURCE } from "../src/layout/ipv6.layout";
import {
  DECAPSULATE_BARE,
  DECAPSULATE_DEPTH,
  DECAPSULATE_KEEP_OTHERS,
  DECAPSULATE_PORT,
  DECAPSULATE_REFUSE_TAGGED,
  DECAPSULATE_STRICT,
  DECAPSULATE_TRUST_IP,
  DECAPSULATE_VERIFY_UDP,
  DECAPSULATE_VNI,
  STAGE_CHANGED,
  STAGE_FLAGS,
} from "../src/layout/stage.layout";
import { UDP_CHECKSUM, UDP_DESTINATION_PORT, UDP_LENGTH, UDP_TOTAL_LENGTH } from "../src/layout/udp.layout";
import { VLAN_LENGTH } from "../src/layout/vlan.layout";
import { VXLAN_FLAG_VNI, VXLAN_LENGTH, VXLAN_VNI } from "../src/layout/vxlan.layout";
import { swapped16 } from "./byte-order";
import { fold, sum, sumIsWrong } from "./checksum";
import { drop, passOver } from "./descriptor";
import { FRAGMENT_BITS, PLAIN_IPV4, PLAIN_IPV4_MASK } from "./flow-hash";
import { isTag } from "./vlan";

const TYPE_IPV4: u32 = 0x0008; // as a little-endian load sees 0x0800
const TYPE_IPV6: u32 = 0xdd86;
const FRAGMENT_OFFSET: u32 = 0xff1f;
/** Outer tags walked over; more are no tunnel packet. */
const TAGS_MAXIMUM = 4;
/** Beside a reason: the port was not seen, so that nobody can say that the packet was meant for the tunnel. */
const OTHER: u32 = 0x100;
/** Ethernet, IPv4, UDP, VXLAN, Ethernet: the shortest packet of the plain form. */
const PLAIN_MINIMUM: u32 = 64;
const VXLAN_PLAIN_OFFSET = 42;
/** All headers of the plain form. */
const PLAIN_LENGTH: u32 = 50;

export function decapsulateVxlan(descriptors: usize, count: u32, stage: usize, counters: usize): void {
  const flags = load<u32>(stage, STAGE_FLAGS);
  const portBytes = swapped16(load<u32>(stage, DECAPSULATE_PORT));
  const vni = load<u32>(stage, DECAPSULATE_VNI);
  const depth = load<u32>(stage, DECAPSULATE_DEPTH);
  const usual = (flags & ~DECAPSULATE_KEEP_OTHERS) === 0;
  const end: usize = descriptors + count * DESCRIPTOR_LENGTH;
  let changed: u64 = 0;
  let d = descriptors;
  while (d < end) {
    if (usual) {
      const next = pullPlain(d, end, portBytes, vni);
      changed += <u64>(next - d) / DESCRIPTOR_LENGTH;
      if (depth > 1) for (; d < next; d += DESCRIPTOR_LENGTH) pullDeeper(d, portBytes, flags, depth);
      d = next;
      if (d >= end) break;
    }
    if (load<u8>(d, DESCRIPTOR_VERDICT) === VERDICT_FORWARD) {
      const bare = (flags & DECAPSULATE_BARE) !== 0;
      const reason = bare ? pullBare(d, vni, flags) : pull(d, portBytes, vni, flags);
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
  store<u64>(stage, load<u64>(stage, STAGE_CHANGED) + changed, STAGE_CHANGED);
}

/**
 * Moves descriptors to their passengers for as long as the packets are plain: no tag, IPv4 without options or
 * fragments, and all that is checked is right. Returns the first descriptor that is left.
 *
 * One branch a frame: every check leaves zero if it is right (a length that would be negative has its top bit set).
 * What differs in any is for pull(), which checks one by one and knows the reason.
 * With a branch for each check and a call this took twice as long (measured).
 */
export function pullPlain(d: usize, end: usize, portBytes: u32, vni: u32): usize {
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
      ((load<u8>(frame, VXLAN_PLAIN_OFFSET) & VXLAN_FLAG_VNI) ^ VXLAN_FLAG_VNI) |
      ((frameVni ^ vni) & vniMask) |
      ((wire - ETHERNET_LENGTH - ipLength) >>> 31) |
      ((ipLength - IPV4_LENGTH - udpLength) >>> 31) |
      ((udpLength - (UDP_LENGTH + VXLAN_LENGTH + ETHERNET_LENGTH)) >>> 31);
    if (wrong !== 0) break;

    const innerWire = udpLength - (UDP_LENGTH + VXLAN_LENGTH);
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
  for (let level: u32 = 1; level < depth; level++) {
    if (pull(d, portBytes, VNI_NONE, flags) !== DROP_NONE) break;
  }
}

/** Moves the descriptor to the passenger, or returns the reason why not and leaves all as it is. */
export function pull(d: usize, portBytes: u32, vni: u32, flags: u32): u32 {
  const frame: usize = load<u32>(d, DESCRIPTOR_OFFSET);
  const length = load<u32>(d, DESCRIPTOR_FRAME_LENGTH);
  const wire = load<u32>(d, DESCRIPTOR_WIRE_LENGTH);
  if (length < <u32>ETHERNET_LENGTH) return OTHER | DROP_FRAME_TOO_SHORT;
  let ip: u32 = ETHERNET_LENGTH;
  let type: u32 = load<u16>(frame, ETHERNET_TYPE);
  for (let tags = 0; tags < TAGS_MAXIMUM && isTag(type); tags++) {
    if (length < ip + VLAN_LENGTH) return OTHER | DROP_NOT_TUNNEL;
    type = load<u16>(frame + ip, 2);
    ip += VLAN_LENGTH;
  }
  const packet: usize = frame + ip;
  const present = length - ip;
  const available = wire - ip;
  let headerLength: u32 = 0;
  let ipLength: u32 = 0; // header and all, as the packet says
  let addressLength: u32 = 0;
  let addresses: usize = 0;
  if (type === TYPE_IPV4) {
    if (present < <u32>IPV4_LENGTH) return OTHER | DROP_OUTER_IP_TRUNCATED;
    const first: u32 = load<u8>(packet);
    headerLength = (first & 15) << 2;
    if (first >>> 4 !== 4 || headerLength < <u32>IPV4_LENGTH) return OTHER | DROP_OUTER_IP_HEADER;
    if (load<u8>(packet, IPV4_PROTOCOL) !== IP_PROTOCOL_UDP) return OTHER | DROP_NOT_TUNNEL;
    // A later fragment has no ports: whose it is cannot be seen.
    if ((load<u16>(packet, IPV4_FRAGMENT) & FRAGMENT_OFFSET) !== 0) return OTHER | DROP_NOT_TUNNEL;
    if (present < headerLength) return OTHER | DROP_OUTER_IP_TRUNCATED;
    ipLength = bswap<u16>(load<u16>(packet, IPV4_TOTAL_LENGTH));
    addresses = packet + IPV4_SOURCE;
    addressLength = 4;
  } else if (type === TYPE_IPV6) {
    if (present < <u32>IPV6_LENGTH) return OTHER | DROP_OUTER_IP_TRUNCATED;
    if (load<u8>(packet) >>> 4 !== 6) return OTHER | DROP_OUTER_IP_HEADER;
    if (load<u8>(packet, IPV6_NEXT_HEADER) !== IP_PROTOCOL_UDP) return OTHER | DROP_NOT_TUNNEL;
    headerLength = IPV6_LENGTH;
    ipLength = bswap<u16>(load<u16>(packet, IPV6_PAYLOAD_LENGTH));
    if (ipLength !== 0) ipLength += IPV6_LENGTH;
    addresses = packet + IPV6_SOURCE;
    addressLength = 16;
  } else return OTHER | DROP_NOT_TUNNEL;

  if (present < headerLength + UDP_LENGTH) return OTHER | DROP_UDP_TRUNCATED;
  const udp: usize = packet + headerLength;
  if (load<u16>(udp, UDP_DESTINATION_PORT) !== portBytes) return OTHER | DROP_NOT_TUNNEL;

  // From here on it is a packet for the tunnel, and every failure is one of the tunnel.
  if (addressLength === 4) {
    if ((load<u16>(packet, IPV4_FRAGMENT) & FRAGMENT_BITS) !== 0) return DROP_OUTER_IP_FRAGMENT;
    if ((flags & DECAPSULATE_TRUST_IP) === 0 && fold(sum(packet, headerLength)) !== 0xffff)
      return DROP_OUTER_IP_CHECKSUM;
  }
  // Segments of over 64 KiB that a host captured before its card cut them say zero (BIG TCP).
  // The IPv6 payload length does not count its own header (RFC 8200 §3).
  const counted: u32 = addressLength === 4 ? available : available - IPV6_LENGTH;
  if (ipLength === 0 && counted > 65535) ipLength = available;
  if (ipLength < headerLength + UDP_LENGTH) return DROP_OUTER_IP_HEADER;
  if (ipLength > available) return DROP_OUTER_IP_TRUNCATED;
  let udpLength: u32 = bswap<u16>(load<u16>(udp, UDP_TOTAL_LENGTH));
  if (udpLength === 0 && ipLength - headerLength > 65535) udpLength = ipLength - headerLength;
  if (udpLength < <u32>UDP_LENGTH || udpLength > ipLength - headerLength) return DROP_UDP_LENGTH;
  if (udpLength < <u32>UDP_LENGTH + VXLAN_LENGTH) return DROP_VXLAN_TRUNCATED;
  if (present < headerLength + UDP_LENGTH + VXLAN_LENGTH) return DROP_VXLAN_TRUNCATED;
  if (
    (flags & DECAPSULATE_VERIFY_UDP) !== 0 &&
    !udpSumIsGood(udp, addresses, addressLength, udpLength, present - headerLength)
  ) {
    return DROP_UDP_CHECKSUM;
  }
  return open(d, frame, ip + headerLength + UDP_LENGTH, length, udpLength - UDP_LENGTH, vni, flags);
}

/** The frame is a UDP payload: it starts with the VXLAN header. */
function pullBare(d: usize, vni: u32, flags: u32): u32 {
  const length = load<u32>(d, DESCRIPTOR_FRAME_LENGTH);
  if (length < <u32>VXLAN_LENGTH) return DROP_VXLAN_TRUNCATED;
  return open(
    d,
    load<u32>(d, DESCRIPTOR_OFFSET),
    0,
    length,
    load<u32>(d, DESCRIPTOR_WIRE_LENGTH),
    vni,
    flags,
  );
}

/** Checks the VXLAN header at `at` and moves the descriptor behind it; `tunnelLength` counts header and passenger. */
function open(d: usize, frame: usize, at: u32, length: u32, tunnelLength: u32, vni: u32, flags: u32): u32 {
  const header: usize = frame + at;
  const word = load<u32>(header);
  if ((word & VXLAN_FLAG_VNI) === 0) return DROP_VXLAN_NO_VNI;
  const low = load<u32>(header, VXLAN_VNI);
  if ((flags & DECAPSULATE_STRICT) !== 0 && (word !== VXLAN_FLAG_VNI || low >>> 24 !== 0))
    return DROP_VXLAN_RESERVED;
  const frameVni = bswap<u32>(low) >>> 8;
  if (vni !== VNI_NONE && frameVni !== vni) return DROP_OTHER_VNI;

  const innerWire = tunnelLength - VXLAN_LENGTH;
  const behind = length - at - VXLAN_LENGTH;
  const innerLength = behind < innerWire ? behind : innerWire;
  if (innerLength < <u32>ETHERNET_LENGTH || tunnelLength < <u32>VXLAN_LENGTH) return DROP_INNER_TRUNCATED;
  const inner: usize = header + VXLAN_LENGTH;
  if ((flags & DECAPSULATE_REFUSE_TAGGED) !== 0 && isTag(load<u16>(inner, ETHERNET_TYPE)))
    return DROP_INNER_TAGGED;

  store<u32>(d, <u32>inner, DESCRIPTOR_OFFSET);
  store<u32>(d, innerLength, DESCRIPTOR_FRAME_LENGTH);
  store<u32>(d, innerWire, DESCRIPTOR_WIRE_LENGTH);
  store<u32>(d, frameVni, DESCRIPTOR_VNI);
  return DROP_NONE;
}

/** Zero means that there is none; what the capture cut cannot be verified (RFC 768, RFC 7348 §5). */
function udpSumIsGood(udp: usize, addresses: usize, addressLength: u32, udpLength: u32, present: u32): bool {
  if (load<u16>(udp, UDP_CHECKSUM) === 0 || present < udpLength || udpLength > 65535) return true;
  const pseudo: u64 = <u64>(<u32>bswap<u16>(<u16>udpLength)) + <u64>(IP_PROTOCOL_UDP << 8);
  return fold(pseudo + sum(addresses, addressLength << 1) + sum(udp, udpLength)) === 0xffff;
}
