// The part that all ICMP (RFC 792) and ICMPv6 (RFC 4443 §2.1) messages have in common:
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   +---------------+---------------+-------------------------------+
//   |     type      |     code      |           checksum            |
//   +---------------+---------------+-------------------------------+

import { wholeNumber } from "../core/arguments.ts";
import { ICMP_CHECKSUM, ICMP_CODE, ICMP_LENGTH, ICMP_TYPE } from "../layout/icmp.layout.ts";
import { read16, write16 } from "./bytes.ts";
import { checksumFold, checksumSum } from "./checksum.ts";
import { checkRange, type Fields, missing, type Parsed, parsed, room } from "./parsed.ts";

/** The head of an ICMP or ICMPv6 message. */
export interface IcmpHeader {
  readonly type: number;
  readonly code: number;
  /** As it stands in the message; not verified. */
  readonly checksum: number;
}

/** The head of a message to be emitted; what is left out is zero. */
export type IcmpFields = Fields<IcmpHeader, "code" | "checksum">;

/** Reads the head of the ICMP or ICMPv6 message at `offset`. */
export function parseIcmp(bytes: Uint8Array, offset = 0, end: number = bytes.length): Parsed<IcmpHeader> {
  checkRange(bytes, offset, end);
  const short = missing(bytes, offset, end, ICMP_LENGTH, "icmp-truncated");
  if (short) return short;
  const header: IcmpHeader = {
    type: bytes[offset + ICMP_TYPE]!,
    code: bytes[offset + ICMP_CODE]!,
    checksum: read16(bytes, offset + ICMP_CHECKSUM),
  };
  return parsed(header, offset + ICMP_LENGTH, end);
}

/** Writes the head of a message at `offset`; returns the offset behind it. */
export function emitIcmp(header: IcmpFields, into: Uint8Array, offset = 0): number {
  const next = room(into, offset, ICMP_LENGTH);
  into[offset + ICMP_TYPE] = wholeNumber("type", header.type, 0, 0xff);
  into[offset + ICMP_CODE] = wholeNumber("code", header.code ?? 0, 0, 0xff);
  write16(into, offset + ICMP_CHECKSUM, wholeNumber("checksum", header.checksum ?? 0, 0, 0xffff));
  return next;
}

/**
 * The checksum of the message from `offset` to `end`, whatever stands in its checksum field now.
 * ICMPv6 needs the sum of the pseudo-header as `start`; ICMP has none.
 */
export function icmpChecksum(bytes: Uint8Array, offset: number, end: number, start = 0): number {
  const before = checksumSum(bytes, offset, offset + ICMP_CHECKSUM, start);
  return ~checksumFold(checksumSum(bytes, offset + ICMP_LENGTH, end, before)) & 0xffff;
}
