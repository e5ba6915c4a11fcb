// Cuts a super-frame into its segments (as TSO and USO of a card do), or one that is too long into shorter ones. Each piece gets all
// headers, with what differs from piece to piece: lengths, the IP identification, the sequence number, flags that only the first
// or the last may have, and checksums.

import { IPV4_CHECKSUM, IPV4_IDENTIFICATION, IPV4_TOTAL_LENGTH } from "../src/layout/ipv4.layout";
import { IPV6_LENGTH, IPV6_PAYLOAD_LENGTH } from "../src/layout/ipv6.layout";
import {
  CUT_DONE,
  CUT_FRAME,
  CUT_INNER,
  CUT_LENGTH,
  CUT_PAYLOAD,
  CUT_RECORDS,
  CUT_ROOM,
  CUT_SEGMENTS,
  CUT_TO,
  CUT_WIRE,
  SEGMENT_MINIMUM,
} from "../src/layout/offload.layout";
import { RECORD_ALIGNMENT, RECORD_HEADER_LENGTH } from "../src/layout/ring.layout";
import { TCP_CHECKSUM, TCP_OFFSET_FLAGS, TCP_SEQUENCE } from "../src/layout/tcp.layout";
import { UDP_CHECKSUM, UDP_TOTAL_LENGTH } from "../src/layout/udp.layout";
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
  writeRecord,
} from "./segment-headers";

/** The byte of flags in a TCP header. */
const TCP_FLAGS = TCP_OFFSET_FLAGS + 1;
const ONLY_LAST: u32 = 0x09; // FIN, PSH
const ONLY_FIRST: u32 = 0x80; // CWR
/** `copy` writes up to so many bytes behind what it copies. */
const OVERRUN: u32 = 16;

/**
 * Makes pieces until all is cut or there is no room for the next; returns how many bytes they take. 0 with nothing done
 * means that it cannot be cut.
 */
export function cut(job: usize): u32 {
  const from: usize = load<u32>(job, CUT_FRAME);
  const inner = load<u32>(job, CUT_INNER);
  const length = load<u32>(job, CUT_LENGTH);
  const wire = load<u32>(job, CUT_WIRE);
  store<u32>(job, 0, CUT_PAYLOAD);
  if (length < inner || !findHeaders(from + inner, length - inner)) return 0;
  const headers = inner + payloadAt;
  const payload = payloadEnd - payloadAt;
  if (wire < headers + SEGMENT_MINIMUM || wire > length || payload === 0) return 0;
  store<u32>(job, payload, CUT_PAYLOAD);
  const segment = wire - headers;
  const most = segment * load<u32>(job, CUT_SEGMENTS);
  const records = load<u32>(job, CUT_RECORDS) !== 0;
  const gap: u32 = records ? RECORD_HEADER_LENGTH : 0;
  const align: u32 = records ? RECORD_ALIGNMENT - 1 : 0;
  const to: usize = load<u32>(job, CUT_TO);
  const end: usize = to + load<u32>(job, CUT_ROOM) - OVERRUN;
  let done = load<u32>(job, CUT_DONE);
  let at = to;
  while (done < payload) {
    const bytes = min(most, payload - done);
    const total: u32 = (gap + headers + bytes + align) & ~align;
    if (at + total > end) break;
    const piece: usize = at + gap;
    copy(piece, from, headers);
    copy(piece + headers, from + headers + done, bytes);
    const isLast = done + bytes >= payload;
    complete(piece + inner, bytes, done, done / segment, isLast, bytes > segment);
    if (records) writeRecord(at, total, headers + bytes, headers + min(bytes, segment));
    at += total;
    done += bytes;
  }
  store<u32>(job, done, CUT_DONE);
  return <u32>(at - to);
}

/** Writes what is of this piece alone: it has `bytes` of payload, behind `before` others. Of a super-frame nobody reads a checksum. */
function complete(frame: usize, bytes: u32, before: u32, number: u32, isLast: bool, isSuper: bool): void {
  const packet: usize = frame + ipAt;
  const transport: usize = frame + transportAt;
  const behindIp = payloadAt - ipAt + bytes;
  if (isIpv6) {
    store<u16>(packet, <u16>swapped16(behindIp - IPV6_LENGTH), IPV6_PAYLOAD_LENGTH);
  } else {
    store<u16>(packet, <u16>swapped16(behindIp), IPV4_TOTAL_LENGTH);
    const id = swapped16(load<u16>(packet, IPV4_IDENTIFICATION)) + number;
    store<u16>(packet, <u16>swapped16(id & 0xffff), IPV4_IDENTIFICATION);
    store<u16>(packet, 0, IPV4_CHECKSUM);
    store<u16>(packet, <u16>~fold(sum(packet, (<u32>load<u8>(packet) & 15) << 2)), IPV4_CHECKSUM);
  }
  const length = payloadAt - transportAt + bytes;
  if (isTcp) {
    const sequence = bswap<u32>(load<u32>(transport, TCP_SEQUENCE)) + before;
    store<u32>(transport, bswap<u32>(sequence), TCP_SEQUENCE);
    let flags: u32 = load<u8>(transport, TCP_FLAGS);
    if (!isLast) flags &= ~ONLY_LAST;
    if (before !== 0) flags &= ~ONLY_FIRST;
    store<u8>(transport, <u8>flags, TCP_FLAGS);
    if (isSuper) return;
    store<u16>(transport, 0, TCP_CHECKSUM);
    store<u16>(transport, <u16>sumOf(packet, transport, length), TCP_CHECKSUM);
    return;
  }
  store<u16>(transport, <u16>swapped16(length), UDP_TOTAL_LENGTH);
  if (isSuper) return;
  store<u16>(transport, 0, UDP_CHECKSUM);
  const checksum = sumOf(packet, transport, length);
  // Zero would say that there is none (RFC 768).
  store<u16>(transport, checksum === 0 ? 0xffff : <u16>checksum, UDP_CHECKSUM);
}

function sumOf(packet: usize, transport: usize, length: u32): u32 {
  return ~fold(pseudoSum(packet, isIpv6, isTcp, length) + sum(transport, length)) & 0xffff;
}
