// EtherIP (RFC 3378 §2); a whole frame follows:
//
//    0                   1
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5
//   +-------+-----------------------+
//   |version|       reserved        |
//   +-------+-----------------------+

import { ETHERIP_LENGTH, ETHERIP_VERSION } from "../layout/etherip.layout.ts";
import { type BitTable, emitBits, parseBits } from "./bit-fields.ts";
import { type Parsed, stopped } from "./parsed.ts";

/** An EtherIP header. */
export interface EtherIpHeader {
  /** 3; a header with another version is not read. */
  readonly version: number;
}

const TABLE: BitTable<EtherIpHeader> = { version: [0, 4, ETHERIP_VERSION] };

/** Reads the EtherIP header at `offset`. Reserved bits are not looked at (RFC 3378 §2). */
export function parseEtherIp(
  bytes: Uint8Array,
  offset = 0,
  end: number = bytes.length,
): Parsed<EtherIpHeader> {
  const result = parseBits(TABLE, ETHERIP_LENGTH, "etherip-truncated", bytes, offset, end);
  if (result.ok && result.header.version !== ETHERIP_VERSION) return stopped(offset, "etherip-version");
  return result;
}

/** Writes an EtherIP header at `offset`, version 3 unless given; returns the offset behind it. */
export function emitEtherIp(header: Partial<EtherIpHeader>, into: Uint8Array, offset = 0): number {
  return emitBits(TABLE, ETHERIP_LENGTH, header, into, offset);
}
