// Cisco's VN-tag, seen from behind its type 0x8926, which is the type in the header before:
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   +-+-+---------------------------+-+-+---+-----------------------+
//   |d|p|    destination (14)       |l|r|ver|      source (12)      |
//   +-+-+---------------------------+-+-+---+-----------------------+
//   |        type or length         |
//   +-------------------------------+

import { VN_TAG_LENGTH } from "../layout/vn-tag.layout.ts";
import { type BitTable, emitBits, parseBits } from "./bit-fields.ts";
import { endByLength } from "./ethernet.ts";
import type { Fields, LengthOptions, Parsed } from "./parsed.ts";

/** A VN-tag and the type behind it. */
export interface VnTagHeader {
  /** Which way the frame goes: true is from the bridge to the interface. */
  readonly toInterface: boolean;
  /** The destination is a list of interfaces. */
  readonly pointer: boolean;
  /** Destination interface or list, 0 to 16383. */
  readonly destinationVif: number;
  /** The frame returns to where it came from. */
  readonly looped: boolean;
  /** 0 to 3; 0 is the only one there is. */
  readonly version: number;
  /** Source interface, 0 to 4095. */
  readonly sourceVif: number;
  /** What follows; below 0x0600 the length in bytes of what follows (IEEE 802.3). */
  readonly etherType: number;
}

/** A VN-tag to be emitted: what is left out is 0 or false. */
export type VnTagFields = Fields<
  VnTagHeader,
  "toInterface" | "pointer" | "destinationVif" | "looped" | "version" | "sourceVif"
>;

/** With the type behind it. */
const LENGTH: number = VN_TAG_LENGTH + 2;

const TABLE: BitTable<VnTagHeader> = {
  toInterface: [0],
  pointer: [1],
  destinationVif: [2, 14, 0],
  looped: [16],
  version: [18, 2, 0],
  sourceVif: [20, 12, 0],
  etherType: [32, 16],
};

/** Reads the tag at `offset`, right behind its type. */
export function parseVnTag(
  bytes: Uint8Array,
  offset = 0,
  end: number = bytes.length,
  options: LengthOptions = {},
): Parsed<VnTagHeader> {
  const result = parseBits(TABLE, LENGTH, "vn-tag-truncated", bytes, offset, end);
  if (!result.ok) return result;
  const { header, payload } = result;
  return endByLength(header, header.etherType, payload, end, options, offset + VN_TAG_LENGTH);
}

/** Writes the tag at `offset`; its type belongs to the header before. Returns the offset behind the type within. */
export function emitVnTag(header: VnTagFields, into: Uint8Array, offset = 0): number {
  return emitBits(TABLE, LENGTH, header, into, offset);
}
