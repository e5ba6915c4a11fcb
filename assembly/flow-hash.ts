// The flow hash: one number for all frames of a flow, from the passenger's addresses and ports.
//
// Words enter as independent products (no chain of multiplications), so that the hashes of
// a burst overlap in the pipeline; 32 bits, so that JavaScript can compute the same without BigInt.

import { ETHERNET_LENGTH, ETHERNET_SOURCE, ETHERNET_TYPE } from "../src/layout/ethernet.layout";
import {
  IPV4_DESTINATION,
  IPV4_FRAGMENT,
  IPV4_LENGTH,
  IPV4_PROTOCOL,
  IPV4_SOURCE,
} from "../src/layout/ipv4.layout";
import { IPV6_DESTINATION, IPV6_LENGTH, IPV6_NEXT_HEADER, IPV6_SOURCE } from "../src/layout/ipv6.layout";
import { VLAN_LENGTH } from "../src/layout/vlan.layout";
import { TYPE_IPV4, TYPE_IPV6 } from "./ether-types";
import { isTag } from "./vlan";

export { TYPE_IPV4, TYPE_IPV6 };

/** The fragment bits, as a little-endian load sees them. */
export const FRAGMENT_BITS: u32 = 0xff3f; // more fragments, offset

const K1: u32 = 0x9e3779b1;
const K2: u32 = 0x85ebca77;
const K3: u32 = 0xc2b2ae3d;
const K4: u32 = 0x27d4eb2f;

/** The first four bytes from the type on, less the last: IPv4 without options behind an untagged header. */
export const PLAIN_IPV4_MASK: u32 = 0x00ffffff;
export const PLAIN_IPV4: u32 = 0x00450008;
/** The shortest frame of that kind whose ports are there. */
export const PLAIN_HASHED: u32 = 38;

export function flowHash(frame: usize, length: u32, seed: u32): u32 {
  if (length >= PLAIN_HASHED && (load<u32>(frame, ETHERNET_TYPE) & PLAIN_IPV4_MASK) === PLAIN_IPV4) {
    if ((load<u16>(frame, 20) & FRAGMENT_BITS) === 0) return plainFlowHash(frame, seed);
  }
  return anyFlowHash(frame, length, seed);
}

// A byte for each protocol: all bits set for those that have ports, TCP (6), UDP (17) and SCTP (132).
// Three compares instead took 0.4 ns a frame more (measured).
const PORTS: usize = memory.data<u64>([
  0x00ff000000000000, 0, 0xff00, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff00000000, 0, 0, 0, 0, 0, 0, 0, 0,
  0, 0, 0, 0, 0, 0, 0,
]);

/** For an untagged, whole IPv4 packet without options, of at least 38 bytes with its Ethernet header. No branch. */
export function plainFlowHash(frame: usize, seed: u32): u32 {
  const protocol: u32 = load<u8>(frame, 23);
  const ports = load<u32>(frame, 34) & <u32>load<i8>(PORTS + protocol);
  return finish(seed, load<u32>(frame, 26), load<u32>(frame, 30), ports, protocol);
}

export function hasPorts(protocol: u32): bool {
  return load<u8>(PORTS + protocol) !== 0;
}

function finish(seed: u32, a: u32, b: u32, c: u32, d: u32): u32 {
  let hash: u32 = seed + a * K1 + b * K2 + c * K3 + d * K4;
  hash ^= hash >>> 15;
  hash *= 0x2c1b3c6d;
  return hash ^ (hash >>> 12);
}

function anyFlowHash(frame: usize, length: u32, seed: u32): u32 {
  if (length < <u32>ETHERNET_LENGTH) return finish(seed, 0, 0, 0, 0);
  let at: u32 = ETHERNET_LENGTH;
  let type: u32 = load<u16>(frame, ETHERNET_TYPE);
  for (let tags = 0; tags < 2 && isTag(type); tags++) {
    if (length < at + VLAN_LENGTH) {
      type = 0;
      break;
    }
    type = load<u16>(frame + at, 2);
    at += VLAN_LENGTH;
  }
  const hash = packetHash(frame + at, length - at, type, seed);
  if (hash >= 0) return <u32>hash;
  const macs: u32 = load<u16>(frame, 4) | ((<u32>load<u16>(frame, ETHERNET_SOURCE + 4)) << 16);
  return finish(seed, load<u32>(frame), load<u32>(frame, ETHERNET_SOURCE), macs, <u32>bswap<u16>(<u16>type));
}

/**
 * The same for a packet behind another header than Ethernet's, of the EtherType `type` as it lies in memory. What is not IP is
 * all of one flow.
 */
export function packetFlowHash(packet: usize, left: u32, type: u32, seed: u32): u32 {
  const hash = packetHash(packet, left, type, seed);
  return hash >= 0 ? <u32>hash : finish(seed, 0, 0, 0, <u32>bswap<u16>(<u16>type));
}

/** The hash of an IP packet; negative if it is none. */
function packetHash(packet: usize, left: u32, type: u32, seed: u32): i64 {
  if (type === TYPE_IPV4 && left >= <u32>IPV4_LENGTH) {
    const first: u32 = load<u8>(packet);
    const headerLength: u32 = (first & 15) << 2;
    if (first >>> 4 === 4 && headerLength >= <u32>IPV4_LENGTH) {
      const protocol: u32 = load<u8>(packet, IPV4_PROTOCOL);
      let ports: u32 = 0;
      const whole = (load<u16>(packet, IPV4_FRAGMENT) & FRAGMENT_BITS) === 0;
      if (whole && hasPorts(protocol) && left >= headerLength + 4) ports = load<u32>(packet + headerLength);
      return finish(
        seed,
        load<u32>(packet, IPV4_SOURCE),
        load<u32>(packet, IPV4_DESTINATION),
        ports,
        protocol,
      );
    }
  } else if (type === TYPE_IPV6 && left >= <u32>IPV6_LENGTH && load<u8>(packet) >>> 4 === 6) {
    const next: u32 = load<u8>(packet, IPV6_NEXT_HEADER);
    const ports: u32 = hasPorts(next) && left >= <u32>IPV6_LENGTH + 4 ? load<u32>(packet, IPV6_LENGTH) : 0;
    return finish(seed, condense(packet + IPV6_SOURCE), condense(packet + IPV6_DESTINATION), ports, next);
  }
  return -1;
}

/** One word for the four of an IPv6 address. */
function condense(address: usize): u32 {
  return (
    load<u32>(address) + load<u32>(address, 4) * K1 + load<u32>(address, 8) * K2 + load<u32>(address, 12) * K3
  );
}
