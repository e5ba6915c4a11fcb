// The IP authentication header (RFC 4302 §2):
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   +---------------+---------------+-------------------------------+
//   |  next header  |    length     |           reserved            |
//   +---------------+---------------+-------------------------------+
//   |                security parameters index (SPI)                |
//   +---------------------------------------------------------------+
//   |                        sequence number                        |
//   +---------------------------------------------------------------+
//   |          integrity check value, padded to words
//   +---------------------------------------------------------------

import { ArgumentRangeError } from "../core/argument-error.ts";
import { byteArray } from "../core/arguments.ts";
import { AH_LENGTH, AH_UNIT, AH_UNITS, AH_UNITS_MORE } from "../layout/ah.layout.ts";
import { type BitTable, readBits, writeBits } from "./bit-fields.ts";
import { checkRange, missing, type Parsed, parsed, room, stopped } from "./parsed.ts";

/** An authentication header, to parse and to emit. */
export interface AhHeader {
  /** Protocol number of what follows: 17 is UDP. */
  readonly protocol: number;
  /** Security parameters index. */
  readonly spi: number;
  readonly sequence: number;
  /** Integrity check value with its padding, a multiple of four bytes; a view when parsed. */
  readonly icv: Uint8Array;
}

/** What lies in front of the check value; the length counts words of four bytes, less two. */
const TABLE: BitTable<Omit<AhHeader, "icv"> & { readonly words: number }> = {
  protocol: [0, 8],
  words: [8, 8],
  spi: [32, 32],
  sequence: [64, 32],
};

/** Reads the authentication header at `offset`. The check value is not verified: that takes a key. */
export function parseAh(bytes: Uint8Array, offset = 0, end: number = bytes.length): Parsed<AhHeader> {
  checkRange(bytes, offset, end);
  const short = missing(bytes, offset, end, AH_LENGTH, "ah-truncated");
  if (short) return short;
  const { words, ...header } = readBits(TABLE, bytes, offset);
  const length = (words + AH_UNITS_MORE) * AH_UNIT;
  if (length < AH_LENGTH) return stopped(offset + AH_UNITS, "ah-length");
  const cut = missing(bytes, offset, end, length, "ah-truncated");
  if (cut) return cut;
  const icv = bytes.subarray(offset + AH_LENGTH, offset + length);
  return parsed({ ...header, icv }, offset + length, end);
}

/** Bytes that {@link emitAh} writes. */
export function ahLength({ icv }: Pick<AhHeader, "icv">): number {
  return AH_LENGTH + icv.length;
}

/** Writes an authentication header at `offset`; returns the offset behind it. */
export function emitAh(header: AhHeader, into: Uint8Array, offset = 0): number {
  const { length } = byteArray("icv", header.icv);
  const words = (AH_LENGTH + length) / AH_UNIT - AH_UNITS_MORE;
  if (length % AH_UNIT !== 0 || words > 0xff)
    throw new ArgumentRangeError(
      "out-of-range",
      "icv",
      `expected a multiple of 4 bytes up to 1016, got ${length}`,
    );
  const next = room(into, offset, AH_LENGTH + length);
  into.fill(0, offset, offset + AH_LENGTH);
  writeBits(TABLE, { ...header, words }, into, offset);
  into.set(header.icv, offset + AH_LENGTH);
  return next;
}
