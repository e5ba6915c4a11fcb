// PPPoE (RFC 2516 §4):
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   +-------+-------+---------------+-------------------------------+
//   |version| type  |     code      |            session            |
//   +-------+-------+---------------+-------------------------------+
//   |      length of payload        |
//   +-------------------------------+

import { PPPOE_LENGTH, PPPOE_PAYLOAD_LENGTH, PPPOE_VERSION_TYPE } from "../layout/pppoe.layout.ts";
import { type BitTable, emitBits, parseBits } from "./bit-fields.ts";
import { endAt, type Fields, type LengthOptions, type Parsed, stopped } from "./parsed.ts";

/** A PPPoE header. */
export interface PppoeHeader {
  /** 0 is a session's packet; discovery has others (RFC 2516 §5). */
  readonly code: number;
  readonly session: number;
  /** Bytes behind the header, as it stands in the header. */
  readonly length: number;
}

/** A PPPoE header to be emitted: code 0 unless given. */
export type PppoeFields = Fields<PppoeHeader, "code">;

/** Version and type are 1, and not told. */
const TABLE: BitTable<PppoeHeader & { readonly version: number; readonly type: number }> = {
  version: [0, 4, 1],
  type: [4, 4, 1],
  code: [8, 8, 0],
  session: [16, 16],
  length: [32, 16],
};

/** Reads the PPPoE header at `offset`. The length ends the payload. */
export function parsePppoe(
  bytes: Uint8Array,
  offset = 0,
  end: number = bytes.length,
  options: LengthOptions = {},
): Parsed<PppoeHeader> {
  const result = parseBits(TABLE, PPPOE_LENGTH, "pppoe-truncated", bytes, offset, end);
  if (!result.ok) return result;
  const { version, type, ...header } = result.header;
  if (version !== 1 || type !== 1) return stopped(offset + PPPOE_VERSION_TYPE, "pppoe-version");
  const { payload } = result;
  const field = offset + PPPOE_PAYLOAD_LENGTH;
  return endAt(header, payload, payload + header.length, end, options, field, "pppoe-length");
}

/** Writes a PPPoE header at `offset`; returns the offset behind it. */
export function emitPppoe(header: PppoeFields, into: Uint8Array, offset = 0): number {
  return emitBits(TABLE, PPPOE_LENGTH, { ...header, version: 1, type: 1 }, into, offset);
}
