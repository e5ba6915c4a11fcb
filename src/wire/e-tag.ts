// IEEE 802.1BR E-tag (clause 7), seen from behind its type 0x893f, which is the type in the header before:
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   +-----+-+-----------------------+---+---+-----------------------+
//   | PCP |D|   ingress E-CID (12)  | r |grp|      E-CID (12)       |
//   +-----+-+-------+---------------+---+---+-----------------------+
//   | ingress ext.  | E-CID ext.    |        type or length         |
//   +---------------+---------------+-------------------------------+

import { E_TAG_LENGTH } from "../layout/e-tag.layout.ts";
import { type BitTable, emitBits, parseBits } from "./bit-fields.ts";
import { endByLength } from "./ethernet.ts";
import type { Fields, LengthOptions, Parsed } from "./parsed.ts";

/** An E-tag and the type behind it. */
export interface ETagHeader {
  /** Priority code point, 0 to 7. */
  readonly pcp: number;
  /** Drop eligible indicator. */
  readonly dei: boolean;
  /** E-channel of the port that the frame came in by, 0 to 4095; 0 if that is of no account. */
  readonly ingressEcid: number;
  /** 0: the E-CID names one port; 1 to 3: a group of them. */
  readonly group: number;
  /** E-channel the frame is for, 0 to 4095. */
  readonly ecid: number;
  /** Eight more bits of the ingress E-CID. */
  readonly ingressExtension: number;
  /** Eight more bits of the E-CID. */
  readonly extension: number;
  /** What follows; below 0x0600 the length in bytes of what follows (IEEE 802.3). */
  readonly etherType: number;
}

/** An E-tag to be emitted: what is left out is 0 or false. */
export type ETagFields = Fields<
  ETagHeader,
  "pcp" | "dei" | "ingressEcid" | "group" | "ingressExtension" | "extension"
>;

/** With the type behind it. */
const LENGTH: number = E_TAG_LENGTH + 2;

const TABLE: BitTable<ETagHeader> = {
  pcp: [0, 3, 0],
  dei: [3],
  ingressEcid: [4, 12, 0],
  group: [18, 2, 0],
  ecid: [20, 12],
  ingressExtension: [32, 8, 0],
  extension: [40, 8, 0],
  etherType: [48, 16],
};

/** Reads the tag at `offset`, right behind its type. */
export function parseETag(
  bytes: Uint8Array,
  offset = 0,
  end: number = bytes.length,
  options: LengthOptions = {},
): Parsed<ETagHeader> {
  const result = parseBits(TABLE, LENGTH, "e-tag-truncated", bytes, offset, end);
  if (!result.ok) return result;
  const { header, payload } = result;
  return endByLength(header, header.etherType, payload, end, options, offset + E_TAG_LENGTH);
}

/** Writes the tag at `offset`; its type belongs to the header before. Returns the offset behind the type within. */
export function emitETag(header: ETagFields, into: Uint8Array, offset = 0): number {
  return emitBits(TABLE, LENGTH, header, into, offset);
}
