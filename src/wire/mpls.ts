// MPLS (RFC 3032 §2.1), one label of a stack, and the control word of a pseudowire (RFC 4385 §3):
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   +---------------------------------------+-----+-+---------------+
//   |                 label                 | TC  |S|      TTL      |
//   +-------+-------+---+-----------+-------+-----+-+---------------+
//   |0 0 0 0| flags |FRG|  length   |        sequence number        |
//   +-------+-------+---+-----------+-------------------------------+

import { MPLS_LENGTH, PSEUDOWIRE_CONTROL_LENGTH, PSEUDOWIRE_DATA } from "../layout/mpls.layout.ts";
import { type BitTable, emitBits, parseBits } from "./bit-fields.ts";
import { type Fields, type Parsed, stopped } from "./parsed.ts";

/** One label of a stack. */
export interface MplsHeader {
  /** 0 to 1048575; those below 16 have a meaning of their own. */
  readonly label: number;
  /** Traffic class, 0 to 7. */
  readonly trafficClass: number;
  /** Whether it is the last of the stack. */
  readonly bottom: boolean;
  readonly ttl: number;
}

/** A label to be emitted: traffic class 0 and TTL 64 unless given. */
export type MplsFields = Fields<MplsHeader, "trafficClass" | "ttl">;

/** The control word of a pseudowire. */
export interface ControlWordHeader {
  /** 0 to 15. */
  readonly flags: number;
  /** 0 to 3: whole, first, last or another part of a frame. */
  readonly fragmentation: number;
  /** Bytes of the word and what follows, if these are less than 64; otherwise 0. */
  readonly length: number;
  readonly sequence: number;
}

/** A control word to be emitted: what is left out is 0. */
export type ControlWordFields = Fields<ControlWordHeader, keyof ControlWordHeader>;

const LABEL: BitTable<MplsHeader> = {
  label: [0, 20],
  trafficClass: [20, 3, 0],
  bottom: [23],
  ttl: [24, 8, 64],
};

const CONTROL_WORD: BitTable<ControlWordHeader> = {
  flags: [4, 4, 0],
  fragmentation: [8, 2, 0],
  length: [10, 6, 0],
  sequence: [16, 16, 0],
};

/** Reads the label at `offset`. */
export function parseMpls(bytes: Uint8Array, offset = 0, end: number = bytes.length): Parsed<MplsHeader> {
  return parseBits(LABEL, MPLS_LENGTH, "mpls-truncated", bytes, offset, end);
}

/** Writes a label at `offset`; returns the offset behind it. */
export function emitMpls(header: MplsFields, into: Uint8Array, offset = 0): number {
  return emitBits(LABEL, MPLS_LENGTH, header, into, offset);
}

/** Reads the control word at `offset`. Its first four bits must be 0: 1 is an associated channel, and no frame follows. */
export function parseControlWord(
  bytes: Uint8Array,
  offset = 0,
  end: number = bytes.length,
): Parsed<ControlWordHeader> {
  const result = parseBits(
    CONTROL_WORD,
    PSEUDOWIRE_CONTROL_LENGTH,
    "control-word-truncated",
    bytes,
    offset,
    end,
  );
  if (result.ok && bytes[offset]! >>> 4 !== PSEUDOWIRE_DATA) return stopped(offset, "control-word-nibble");
  return result;
}

/** Writes a control word at `offset`; returns the offset behind it. */
export function emitControlWord(header: ControlWordFields, into: Uint8Array, offset = 0): number {
  return emitBits(CONTROL_WORD, PSEUDOWIRE_CONTROL_LENGTH, header, into, offset);
}
