// BSD loopback (LINKTYPE_NULL and LINKTYPE_LOOP), and Cisco's HDLC (RFC 1547 §4.3.1):
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   +---------------------------------------------------------------+
//   |    address family, in the byte order of the host that captured|   loopback
//   +---------------+---------------+-------------------------------+
//   |    address    |   control     |             type              |   HDLC
//   +---------------+---------------+-------------------------------+

import { oneOf, wholeNumber } from "../core/arguments.ts";
import { HDLC_LENGTH, HDLC_UNICAST, NULL_LENGTH } from "../layout/link.layout.ts";
import { type BitTable, emitBits, parseBits } from "./bit-fields.ts";
import { read32, write32 } from "./bytes.ts";
import { checkRange, type Fields, missing, type Parsed, parsed, room } from "./parsed.ts";

/** A loopback header. */
export interface NullHeader {
  /** 2 is IPv4; IPv6 has a number of each system's: 10, 23, 24, 26, 28 or 30. */
  readonly family: number;
  /** In which the family stands there: that in which it is the smaller number. */
  readonly byteOrder: "little" | "big";
}

/** A loopback header to be emitted: little-endian unless given. */
export type NullFields = Fields<NullHeader, "byteOrder">;

/** A header of Cisco's HDLC. */
export interface HdlcHeader {
  /** 0x0f unicast, 0x8f multicast. */
  readonly address: number;
  readonly control: number;
  /** An Ethernet type. */
  readonly etherType: number;
}

/** A header of Cisco's HDLC to be emitted: unicast, control 0 unless given. */
export type HdlcFields = Fields<HdlcHeader, "address" | "control">;

const HDLC: BitTable<HdlcHeader> = { address: [0, 8, HDLC_UNICAST], control: [8, 8, 0], etherType: [16, 16] };

/** Reads the loopback header at `offset`. */
export function parseNull(bytes: Uint8Array, offset = 0, end: number = bytes.length): Parsed<NullHeader> {
  checkRange(bytes, offset, end);
  const short = missing(bytes, offset, end, NULL_LENGTH, "null-truncated");
  if (short) return short;
  const big = read32(bytes, offset);
  const little = swapped(big);
  const header: NullHeader =
    big < little ? { family: big, byteOrder: "big" } : { family: little, byteOrder: "little" };
  return parsed(header, offset + NULL_LENGTH, end);
}

/** Writes a loopback header at `offset`; returns the offset behind it. */
export function emitNull(header: NullFields, into: Uint8Array, offset = 0): number {
  const next = room(into, offset, NULL_LENGTH);
  const family = wholeNumber("family", header.family, 0, 0xffffffff);
  const order = oneOf("byteOrder", header.byteOrder ?? "little", ["little", "big"]);
  write32(into, offset, order === "big" ? family : swapped(family));
  return next;
}

/** Reads the header of Cisco's HDLC at `offset`. */
export function parseHdlc(bytes: Uint8Array, offset = 0, end: number = bytes.length): Parsed<HdlcHeader> {
  return parseBits(HDLC, HDLC_LENGTH, "hdlc-truncated", bytes, offset, end);
}

/** Writes a header of Cisco's HDLC at `offset`; returns the offset behind it. */
export function emitHdlc(header: HdlcFields, into: Uint8Array, offset = 0): number {
  return emitBits(HDLC, HDLC_LENGTH, header, into, offset);
}

function swapped(value: number): number {
  return ((value << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24)) >>> 0;
}
