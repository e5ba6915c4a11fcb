// Frames as a TAP gives and takes them, behind a header that says what is left undone: a checksum, or cutting.

import {
  SEGMENT_MINIMUM,
  TAKEN_REFUSED,
  TAKEN_SUPER,
  TAKEN_WHOLE,
  VNET_CHECKSUM_OFFSET,
  VNET_CHECKSUM_START,
  VNET_FLAGS,
  VNET_GSO_ECN,
  VNET_GSO_NONE,
  VNET_GSO_TCPV4,
  VNET_GSO_TCPV6,
  VNET_GSO_TYPE,
  VNET_GSO_UDP,
  VNET_HEADERS_LENGTH,
  VNET_LENGTH,
  VNET_NEEDS_CHECKSUM,
  VNET_SEGMENT,
} from "../src/layout/offload.layout";
import { RECORD_ALIGNMENT, RECORD_HEADER_LENGTH } from "../src/layout/ring.layout";
import { TCP_CHECKSUM } from "../src/layout/tcp.layout";
import { UDP_CHECKSUM } from "../src/layout/udp.layout";
import { fold, sum } from "./checksum";
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

/**
 * Takes a frame of `length` bytes that was written behind the room for a record's header, which ends with what the TAP says of it:
 * finishes its checksum, and makes a record of it. What the header says is believed as far as the frame bears it out.
 */
export function takeFrame(record: usize, length: u32): u32 {
  const frame: usize = record + RECORD_HEADER_LENGTH;
  const said: usize = frame - VNET_LENGTH;
  const flags: u32 = load<u8>(said, VNET_FLAGS);
  const type: u32 = <u32>load<u8>(said, VNET_GSO_TYPE) & ~(<u32>VNET_GSO_ECN);
  const segment: u32 = load<u16>(said, VNET_SEGMENT);
  const start: u32 = load<u16>(said, VNET_CHECKSUM_START);
  const place: u32 = start + <u32>load<u16>(said, VNET_CHECKSUM_OFFSET);
  let wire = length;
  let taken: u32 = TAKEN_WHOLE;
  if (type !== VNET_GSO_NONE) {
    if (segment < <u32>SEGMENT_MINIMUM || !findHeaders(frame, length)) return TAKEN_REFUSED;
    if (type !== gsoType()) return TAKEN_REFUSED;
    if (payloadAt + segment < payloadEnd) {
      wire = payloadAt + segment;
      taken = TAKEN_SUPER;
    }
  }
  // That of a super-frame is computed for each segment.
  if (taken === TAKEN_WHOLE && (flags & VNET_NEEDS_CHECKSUM) !== 0) {
    if (place + 2 > length) return TAKEN_REFUSED;
    const checksum = ~fold(sum(frame + start, length - start)) & 0xffff;
    store<u16>(frame + place, checksum === 0 ? 0xffff : <u16>checksum);
  }
  const total: u32 = (RECORD_HEADER_LENGTH + length + RECORD_ALIGNMENT - 1) & ~(RECORD_ALIGNMENT - 1);
  writeRecord(record, total, length, wire);
  return taken;
}

/**
 * Writes what a TAP is to be told in front of the frame at `frame`, whose segments have `wire` bytes; false if it is a
 * super-frame of which nothing can be told.
 */
export function giveFrame(frame: usize, length: u32, wire: u32): bool {
  const said: usize = frame - VNET_LENGTH;
  store<u64>(said, 0);
  store<u16>(said, 0, VNET_CHECKSUM_OFFSET);
  if (wire >= length) return true;
  if (!findHeaders(frame, length) || wire < payloadAt + SEGMENT_MINIMUM) return false;
  const transport: usize = frame + transportAt;
  const checksumAt: u32 = isTcp ? TCP_CHECKSUM : UDP_CHECKSUM;
  const pseudo = fold(pseudoSum(frame + ipAt, isIpv6, isTcp, payloadEnd - transportAt));
  store<u16>(transport + checksumAt, <u16>pseudo);
  store<u8>(said, VNET_NEEDS_CHECKSUM, VNET_FLAGS);
  store<u8>(said, <u8>gsoType(), VNET_GSO_TYPE);
  store<u16>(said, <u16>payloadAt, VNET_HEADERS_LENGTH);
  store<u16>(said, <u16>(wire - payloadAt), VNET_SEGMENT);
  store<u16>(said, <u16>transportAt, VNET_CHECKSUM_START);
  store<u16>(said, <u16>checksumAt, VNET_CHECKSUM_OFFSET);
  return true;
}

/** Of the frame whose headers were found. */
function gsoType(): u32 {
  if (!isTcp) return VNET_GSO_UDP;
  return isIpv6 ? VNET_GSO_TCPV6 : VNET_GSO_TCPV4;
}
