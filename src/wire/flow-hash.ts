// The flow hash of a passenger, which gives the tunnel's outer source port (RFC 7348 §5): the same flow always gets
// the same port. It is computed alike here and in the kernels: unsigned 32-bit arithmetic on words that are loaded
// little-endian, four of them mixed by multiplication with odd constants.

import { byteArray, wholeNumber } from "../core/arguments.ts";
import { ETHERNET_LENGTH, ETHERNET_TYPE, ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from "../layout/ethernet.layout.ts";
import {
  IP_PROTOCOL_SCTP,
  IP_PROTOCOL_TCP,
  IP_PROTOCOL_UDP,
  IPV4_DESTINATION,
  IPV4_FRAGMENT,
  IPV4_LENGTH,
  IPV4_MORE_FRAGMENTS,
  IPV4_OFFSET_MASK,
  IPV4_PROTOCOL,
  IPV4_SOURCE,
  IPV4_VERSION,
} from "../layout/ipv4.layout.ts";
import {
  IPV6_DESTINATION,
  IPV6_LENGTH,
  IPV6_NEXT_HEADER,
  IPV6_SOURCE,
  IPV6_VERSION,
} from "../layout/ipv6.layout.ts";
import { VLAN_LENGTH } from "../layout/vlan.layout.ts";
import { SOURCE_PORT_BASE, SOURCE_PORT_BITS } from "../layout/vxlan.layout.ts";
import { read16 } from "./bytes.ts";
import { isTpid } from "./vlan.ts";

/** Tags in front of the ethertype that are passed over. */
const TAGS = 2;
const PRIME_1 = 0x9e3779b1;
const PRIME_2 = 0x85ebca77;
const PRIME_3 = 0xc2b2ae3d;
const PRIME_4 = 0x27d4eb2f;
const MIX = 0x2c1b3c6d;

/**
 * The 32-bit hash of a frame's flow: addresses, protocol and ports of an IPv4 or IPv6 packet behind at most two VLAN
 * tags, of any other frame the MACs and the ethertype. Fragments and other protocols hash without ports.
 */
export function flowHash(frame: Uint8Array, seed = 0): number {
  byteArray("frame", frame);
  wholeNumber("seed", seed, 0, 0xffffffff);
  if (frame.length < ETHERNET_LENGTH) return mix(seed, 0, 0, 0, 0);
  let at = ETHERNET_TYPE;
  let etherType = read16(frame, at);
  for (let tags = 0; tags < TAGS && isTpid(etherType); tags++) {
    at += VLAN_LENGTH;
    etherType = at + 2 <= frame.length ? read16(frame, at) : 0;
  }
  const packet = at + 2;
  const present = frame.length - packet;
  if (etherType === ETHERTYPE_IPV4 && present >= IPV4_LENGTH) {
    const length = (frame[packet]! & 0x0f) * 4;
    if (frame[packet]! >>> 4 === IPV4_VERSION && length >= IPV4_LENGTH) {
      const protocol = frame[packet + IPV4_PROTOCOL]!;
      const fragment = read16(frame, packet + IPV4_FRAGMENT) & (IPV4_MORE_FRAGMENTS | IPV4_OFFSET_MASK);
      const ports = fragment === 0 && hasPorts(protocol) && present >= length + 4;
      return mix(
        seed,
        word(frame, packet + IPV4_SOURCE),
        word(frame, packet + IPV4_DESTINATION),
        ports ? word(frame, packet + length) : 0,
        protocol,
      );
    }
  }
  if (etherType === ETHERTYPE_IPV6 && present >= IPV6_LENGTH && frame[packet]! >>> 4 === IPV6_VERSION) {
    const protocol = frame[packet + IPV6_NEXT_HEADER]!;
    const ports = hasPorts(protocol) && present >= IPV6_LENGTH + 4;
    return mix(
      seed,
      fourWords(frame, packet + IPV6_SOURCE),
      fourWords(frame, packet + IPV6_DESTINATION),
      ports ? word(frame, packet + IPV6_LENGTH) : 0,
      protocol,
    );
  }
  const lastOfMacs = frame[4]! | (frame[5]! << 8) | (frame[10]! << 16) | (frame[11]! << 24);
  return mix(seed, word(frame, 0), word(frame, 6), lastOfMacs, etherType);
}

/** The outer source port for a flow hash: 49152 to 65535, from the top 14 bits. */
export function sourcePort(hash: number): number {
  return SOURCE_PORT_BASE + (wholeNumber("hash", hash, 0, 0xffffffff) >>> (32 - SOURCE_PORT_BITS));
}

function mix(seed: number, a: number, b: number, c: number, d: number): number {
  let h =
    (seed + Math.imul(a, PRIME_1) + Math.imul(b, PRIME_2) + Math.imul(c, PRIME_3) + Math.imul(d, PRIME_4)) |
    0;
  h ^= h >>> 15;
  h = Math.imul(h, MIX);
  h ^= h >>> 12;
  return h >>> 0;
}

function hasPorts(protocol: number): boolean {
  return protocol === IP_PROTOCOL_TCP || protocol === IP_PROTOCOL_UDP || protocol === IP_PROTOCOL_SCTP;
}

function word(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}

/** The words of an IPv6 address, each with a factor of its own so that their order counts. */
function fourWords(bytes: Uint8Array, at: number): number {
  return (
    (word(bytes, at) +
      Math.imul(word(bytes, at + 4), PRIME_1) +
      Math.imul(word(bytes, at + 8), PRIME_2) +
      Math.imul(word(bytes, at + 12), PRIME_3)) |
    0
  );
}
