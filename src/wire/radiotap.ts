// Radiotap (radiotap.org), which stands in front of IEEE 802.11 and tells what the radio knew; numbers are little-endian:
//
//   +-----------+-----------+-----------------+------------------+------------------------------
//   | version 0 | padding   | length of all   | present (4), and | fields, aligned, in the order
//   | (1)       | (1)       | of it (2)       | more while bit 31| of the bits of present
//   +-----------+-----------+-----------------+------------------+------------------------------

import { ArgumentRangeError } from "../core/argument-error.ts";
import { byteArray, wholeNumber } from "../core/arguments.ts";
import {
  RADIOTAP_CLOCK_LENGTH,
  RADIOTAP_FLAG_PADDED,
  RADIOTAP_LENGTH,
  RADIOTAP_PRESENT,
  RADIOTAP_PRESENT_CLOCK,
  RADIOTAP_PRESENT_FLAGS,
  RADIOTAP_TOTAL_LENGTH,
} from "../layout/link.layout.ts";
import { checkRange, missing, type Parsed, parsed, room, stopped } from "./parsed.ts";

/** A radiotap header, to parse and to emit. */
export interface RadiotapHeader {
  /** Which fields are there: words of 32 bits, of which all but the last have bit 31 set. */
  readonly present: readonly number[];
  /** The fields as they are, with what aligns them; a view when parsed. */
  readonly fields: Uint8Array;
}

/** What the flags of a radiotap header say of the frame behind it. */
export interface RadiotapFlags {
  /** The frame ends with its check sequence. */
  readonly checkSequence: boolean;
  /** The IEEE 802.11 header is padded to a multiple of four bytes. */
  readonly padded: boolean;
}

const FLAG_CHECK_SEQUENCE = 0x10;
const MORE = 0x80000000;
const WORD = 4;

/** Reads the radiotap header at `offset`. */
export function parseRadiotap(
  bytes: Uint8Array,
  offset = 0,
  end: number = bytes.length,
): Parsed<RadiotapHeader> {
  checkRange(bytes, offset, end);
  const short = missing(bytes, offset, end, RADIOTAP_LENGTH, "radiotap-truncated");
  if (short) return short;
  if (bytes[offset] !== 0) return stopped(offset, "radiotap-version");
  const field = offset + RADIOTAP_TOTAL_LENGTH;
  const length = bytes[field]! | (bytes[field + 1]! << 8);
  if (length < RADIOTAP_LENGTH) return stopped(field, "radiotap-length");
  const cut = missing(bytes, offset, end, length, "radiotap-truncated");
  if (cut) return cut;
  const present: number[] = [];
  let at = offset + RADIOTAP_PRESENT;
  do {
    if (at + WORD > offset + length) return stopped(field, "radiotap-length");
    present.push(little32(bytes, at));
    at += WORD;
  } while (present.at(-1)! >= MORE);
  return parsed({ present, fields: bytes.subarray(at, offset + length) }, offset + length, end);
}

/** What the header says of the frame behind it. */
export function radiotapFlags({ present, fields }: RadiotapHeader): RadiotapFlags {
  const [first = 0] = present;
  // Fields are aligned from the header's first byte on.
  const start = RADIOTAP_PRESENT + present.length * WORD;
  let at = start;
  if ((first & RADIOTAP_PRESENT_CLOCK) !== 0)
    at = ((at + RADIOTAP_CLOCK_LENGTH - 1) & ~(RADIOTAP_CLOCK_LENGTH - 1)) + RADIOTAP_CLOCK_LENGTH;
  const flags = (first & RADIOTAP_PRESENT_FLAGS) === 0 ? 0 : (fields[at - start] ?? 0);
  return {
    checkSequence: (flags & FLAG_CHECK_SEQUENCE) !== 0,
    padded: (flags & RADIOTAP_FLAG_PADDED) !== 0,
  };
}

/** Bytes that {@link emitRadiotap} writes. */
export function radiotapLength({ present, fields }: RadiotapHeader): number {
  return RADIOTAP_PRESENT + present.length * WORD + fields.length;
}

/** Writes a radiotap header at `offset`; returns the offset behind it. */
export function emitRadiotap(header: RadiotapHeader, into: Uint8Array, offset = 0): number {
  const { present } = header;
  const fields = byteArray("fields", header.fields);
  const length = wholeNumber("fields.length", radiotapLength(header), RADIOTAP_LENGTH, 0xffff);
  const next = room(into, offset, length);
  into[offset] = 0;
  into[offset + 1] = 0;
  putLittle(into, offset + RADIOTAP_TOTAL_LENGTH, length, 2);
  present.forEach((word, index) => {
    const at = offset + RADIOTAP_PRESENT + index * WORD;
    putLittle(into, at, wholeNumber(`present[${index}]`, word, 0, 0xffffffff), WORD);
    if (word >= MORE === (index === present.length - 1))
      throw new ArgumentRangeError(
        "contradiction",
        `present[${index}]`,
        "expected bit 31 in all words but the last",
      );
  });
  into.set(fields, next - fields.length);
  return next;
}

function little32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
}

function putLittle(into: Uint8Array, at: number, value: number, length: number): void {
  for (let i = 0; i < length; i++) into[at + i] = value >>> (8 * i);
}
