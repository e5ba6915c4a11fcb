// IEEE 802.1ah I-tag (802.1Q clause 9.7), seen from behind its type 0x88e7; a whole customer's frame follows it:
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   +-----+-+-+-----+-----------------------------------------------+
//   | PCP |D|U|  r  |          service instance (I-SID)             |
//   +-----+-+-+-----+-----------------------------------------------+

import { I_TAG_LENGTH } from "../layout/i-tag.layout.ts";
import { type BitTable, emitBits, parseBits } from "./bit-fields.ts";
import type { Fields, Parsed } from "./parsed.ts";

/** An I-tag. */
export interface ITagHeader {
  /** Priority code point, 0 to 7. */
  readonly pcp: number;
  /** Drop eligible indicator. */
  readonly dei: boolean;
  /** The customer's addresses are to be used as they are. */
  readonly useCustomerAddresses: boolean;
  /** Service instance, 0 to 16777215. */
  readonly isid: number;
}

/** An I-tag to be emitted: what is left out is 0 or false. */
export type ITagFields = Fields<ITagHeader, "pcp" | "dei" | "useCustomerAddresses">;

const TABLE: BitTable<ITagHeader> = {
  pcp: [0, 3, 0],
  dei: [3],
  useCustomerAddresses: [4],
  isid: [8, 24],
};

/** Reads the tag at `offset`, right behind its type. */
export function parseITag(bytes: Uint8Array, offset = 0, end: number = bytes.length): Parsed<ITagHeader> {
  return parseBits(TABLE, I_TAG_LENGTH, "i-tag-truncated", bytes, offset, end);
}

/** Writes the tag at `offset`; its type belongs to the header before. Returns the offset behind it. */
export function emitITag(header: ITagFields, into: Uint8Array, offset = 0): number {
  return emitBits(TABLE, I_TAG_LENGTH, header, into, offset);
}
