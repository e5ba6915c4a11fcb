// Joins TCP segments that follow each other into one super-frame, as GRO of a kernel does: of one flow and in order, with the same
// headers but for what cut() writes anew, and with right checksums. So cutting it gives what came, to the byte but for IPv4
// identifications where fragments are forbidden.
//
// The first one lies in its place already, behind `front` bytes of outer headers and a tunnel's; the others are compared with it,
// and their payload is put behind it. There is one super-frame at a time.

import { ETHERTYPE_TEB } from "../src/layout/ethernet.layout";
import {
  GENEVE_LENGTH,
  GENEVE_OPTION_LENGTH,
  GENEVE_OPTION_WORDS_MASK,
  GENEVE_PROTOCOL,
  GENEVE_VERSION_LENGTH,
} from "../src/layout/geneve.layout";
import {
  IPV4_CHECKSUM,
  IPV4_DONT_FRAGMENT,
  IPV4_FRAGMENT,
  IPV4_IDENTIFICATION,
  IPV4_LENGTH,
  IPV4_SOURCE,
  IPV4_TOTAL_LENGTH,
  IPV4_TTL,
} from "../src/layout/ipv4.layout";
import { IPV6_LENGTH, IPV6_NEXT_HEADER, IPV6_PAYLOAD_LENGTH, IPV6_SOURCE } from "../src/layout/ipv6.layout";
import { SEGMENT_MINIMUM, SUPER_FRAME_MAXIMUM } from "../src/layout/offload.layout";
import { TCP_ACKNOWLEDGEMENT, TCP_LENGTH, TCP_OFFSET_FLAGS, TCP_SEQUENCE } from "../src/layout/tcp.layout";
import { VXLAN_LENGTH } from "../src/layout/vxlan.layout";
import { swapped16 } from "./byte-order";
import { fold, sum } from "./checksum";
import { copy } from "./copy";
import {
  findHeaders,
  ipAt,
  isIpv6,
  isTcp,
  payloadAt,
  payloadEnd,
  pseudoSum,
  transportAt,
} from "./segment-headers";

// Of the word with data offset, flags and window, as a little-endian load sees it.
const ENDS: u32 = 0x0900; // FIN, PSH
const ACK: u32 = 0x1000;
/** Flags of a segment that can be one of many: CWR, URG, ACK, RST and SYN are looked at, and only ACK is set. */
const LOOKED_AT: u32 = 0xb600;
const DONT_FRAGMENT: u32 = IPV4_DONT_FRAGMENT >>> 8;

/** Whether there is a super-frame that others can be joined to. */
let isOpen: bool = false;
let first: usize = 0;
/** Bytes in front of the first one's Ethernet header that are compared, and all up to its payload. */
let front: u32 = 0;
let headers: u32 = 0;
let ip: u32 = 0;
let transport: u32 = 0;
let ipv6: bool = false;
/** Bytes of the payload of each but the last, of all, and how many segments there are. */
let segment: u32 = 0;
let payload: u32 = 0;
let count: u32 = 0;
/** Flags that the last one has, FIN or PSH. */
let ends: u32 = 0;
let sequence: u32 = 0;

/** Bytes of a tunnel's header over UDP: options of Geneve are told by its type, and all others have none. */
export function tunnelLength(header: usize): u32 {
  const isGeneve = load<u16>(header, GENEVE_PROTOCOL) === <u16>swapped16(ETHERTYPE_TEB);
  if (!isGeneve) return VXLAN_LENGTH;
  const words: u32 = <u32>load<u8>(header, GENEVE_VERSION_LENGTH) & GENEVE_OPTION_WORDS_MASK;
  return GENEVE_LENGTH + words * GENEVE_OPTION_LENGTH;
}

/** A frame of `length` bytes has been put at `at`, behind a tunnel's header if `inTunnel`: whether others can be joined to it. */
export function joinBegin(at: usize, length: u32, inTunnel: bool): bool {
  isOpen = false;
  if (inTunnel && length < <u32>VXLAN_LENGTH) return false;
  front = inTunnel ? tunnelLength(at) : 0;
  if (length < front || !findHeaders(at + front, length - front) || !isTcp) return false;
  // Options of IP have a meaning for each packet.
  if (transportAt - ipAt !== (isIpv6 ? <u32>IPV6_LENGTH : <u32>IPV4_LENGTH)) return false;
  if (front + payloadEnd !== length) return false;
  first = at;
  ip = front + ipAt;
  transport = front + transportAt;
  headers = front + payloadAt;
  ipv6 = isIpv6;
  segment = length - headers;
  payload = segment;
  count = 1;
  ends = 0;
  const word = load<u32>(at + transport, TCP_OFFSET_FLAGS);
  if (segment < <u32>SEGMENT_MINIMUM || (word & (LOOKED_AT | ENDS)) !== ACK) return false;
  if (!isRight(at, length)) return false;
  sequence = bswap<u32>(load<u32>(at + transport, TCP_SEQUENCE)) + segment;
  isOpen = true;
  return true;
}

/**
 * Joins what lies at `from`, segments of `step` bytes and a last one that may be shorter, of which as many as can be; returns how
 * many bytes those are.
 */
export function joinMore(from: usize, length: u32, step: u32): u32 {
  let done: u32 = 0;
  while (isOpen && done < length) {
    const bytes = min(step, length - done);
    if (!joins(from + done, bytes)) break;
    done += bytes;
  }
  return done;
}

function joins(from: usize, length: u32): bool {
  if (length <= headers) return false;
  const bytes = length - headers;
  if (bytes > segment || headers + payload + bytes > <u32>SUPER_FRAME_MAXIMUM) return false;
  if (!isSame(first, from, ip)) return false;
  const one: usize = first + ip;
  const other: usize = from + ip;
  if (ipv6) {
    if (load<u32>(one) !== load<u32>(other)) return false;
    if (load<u16>(one, IPV6_NEXT_HEADER) !== load<u16>(other, IPV6_NEXT_HEADER)) return false;
    if (swapped16(load<u16>(other, IPV6_PAYLOAD_LENGTH)) !== length - ip - IPV6_LENGTH) return false;
    if (!isSame(one + IPV6_SOURCE, other + IPV6_SOURCE, 32)) return false;
  } else {
    if (load<u16>(one) !== load<u16>(other)) return false;
    if (swapped16(load<u16>(other, IPV4_TOTAL_LENGTH)) !== length - ip) return false;
    const fragment: u32 = load<u16>(other, IPV4_FRAGMENT);
    if (load<u16>(one, IPV4_FRAGMENT) !== <u16>fragment) return false;
    if (load<u16>(one, IPV4_TTL) !== load<u16>(other, IPV4_TTL)) return false;
    if (load<u64>(one, IPV4_SOURCE) !== load<u64>(other, IPV4_SOURCE)) return false;
    // Where it may be cut into fragments, those are told apart by it.
    const id = swapped16(load<u16>(one, IPV4_IDENTIFICATION)) + count;
    if (
      (fragment & DONT_FRAGMENT) === 0 &&
      swapped16(load<u16>(other, IPV4_IDENTIFICATION)) !== (id & 0xffff)
    )
      return false;
  }
  const a: usize = first + transport;
  const b: usize = from + transport;
  if (load<u32>(a) !== load<u32>(b) || bswap<u32>(load<u32>(b, TCP_SEQUENCE)) !== sequence) return false;
  if (load<u32>(a, TCP_ACKNOWLEDGEMENT) !== load<u32>(b, TCP_ACKNOWLEDGEMENT)) return false;
  const word = load<u32>(b, TCP_OFFSET_FLAGS);
  if (((load<u32>(a, TCP_OFFSET_FLAGS) ^ word) & ~ENDS) !== 0) return false;
  if (!isSame(a + TCP_LENGTH, b + TCP_LENGTH, headers - transport - TCP_LENGTH)) return false;
  if (!isRight(from, length)) return false;
  copy(first + headers + payload, from + headers, bytes);
  payload += bytes;
  sequence += bytes;
  count++;
  ends = word & ENDS;
  if (bytes < segment || ends !== 0) isOpen = false;
  return true;
}

/** Whether the checksums of a segment are right that lies at `from`. */
function isRight(from: usize, length: u32): bool {
  const packet: usize = from + ip;
  if (!ipv6 && fold(sum(packet, IPV4_LENGTH)) !== 0xffff) return false;
  const bytes = length - transport;
  return fold(pseudoSum(packet, ipv6, true, bytes) + sum(from + transport, bytes)) === 0xffff;
}

function isSame(a: usize, b: usize, length: u32): bool {
  const end: usize = a + length;
  for (; a + 8 <= end; a += 8, b += 8) if (load<u64>(a) !== load<u64>(b)) return false;
  for (; a < end; a += 2, b += 2) if (load<u16>(a) !== load<u16>(b)) return false;
  return true;
}

/**
 * Nothing more is joined: the headers are made to fit all of it. Returns its length from where it was put on, or 0 if it is
 * one segment still; `joinedWire` is that of a segment.
 */
export function joinEnd(): u32 {
  isOpen = false;
  if (count < 2) return 0;
  count = 0;
  const packet: usize = first + ip;
  const length = headers + payload;
  if (ipv6) {
    store<u16>(packet, <u16>swapped16(length - ip - IPV6_LENGTH), IPV6_PAYLOAD_LENGTH);
  } else {
    store<u16>(packet, <u16>swapped16(length - ip), IPV4_TOTAL_LENGTH);
    store<u16>(packet, 0, IPV4_CHECKSUM);
    store<u16>(packet, <u16>~fold(sum(packet, IPV4_LENGTH)), IPV4_CHECKSUM);
  }
  const flags: usize = first + transport + TCP_OFFSET_FLAGS;
  store<u32>(flags, load<u32>(flags) | ends);
  return length;
}

/** Bytes of its first segment, from where it was put on. */
export function joinedWire(): u32 {
  return headers + segment;
}
