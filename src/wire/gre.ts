// GRE (RFC 2784 §2, RFC 2890 §2); with protocol 0x6558 and nothing but a key it is NVGRE (RFC 7637 §3.2):
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   +-+-+-+-+-----------------+-----+-------------------------------+
//   |C|R|K|S|    reserved     | ver |         protocol type         |
//   +-+-+-+-+-----------------+-----+-------------------------------+
//   |       checksum (if C)         |           reserved            |
//   +-------------------------------+-------------------------------+
//   |          key (if K); in NVGRE VSID (24) and FlowID (8)        |
//   +---------------------------------------------------------------+
//   |                   sequence number (if S)                      |
//   +---------------------------------------------------------------+

import { oneOf, wholeNumber } from "../core/arguments.ts";
import { ETHERTYPE_TEB } from "../layout/ethernet.layout.ts";
import {
  GRE_FIELD_LENGTH,
  GRE_FLAG_CHECKSUM,
  GRE_FLAG_KEY,
  GRE_FLAG_ROUTING,
  GRE_FLAG_SEQUENCE,
  GRE_FLAGS,
  GRE_FLAGS_FORBIDDEN,
  GRE_LENGTH,
  GRE_PROTOCOL,
  GRE_VERSION,
  GRE_VERSION_MASK,
  NVGRE_FLOW_MASK,
  NVGRE_VSID_SHIFT,
} from "../layout/gre.layout.ts";
import { read16, read32, write16, write32 } from "./bytes.ts";
import { type ChecksumStatus, checksumFold, checksumSum } from "./checksum.ts";
import { checkRange, type Fields, missing, type Parsed, parsed, room, stopped } from "./parsed.ts";

/** A GRE header. */
export interface GreHeader {
  /** An Ethernet type; 0x6558 is a whole frame. */
  readonly protocol: number;
  /** Over header and payload; undefined if the C flag is clear. {@link greChecksumStatus} verifies it. */
  readonly checksum: number | undefined;
  /** 32 bits; undefined if the K flag is clear. */
  readonly key: number | undefined;
  /** 32 bits; undefined if the S flag is clear. */
  readonly sequence: number | undefined;
}

/** A GRE header to be emitted: protocol 0x6558 and no optional field unless given. */
export type GreFields = Fields<GreHeader, "protocol" | "checksum" | "key" | "sequence">;

/** Settings of {@link parseGre}. */
export interface GreOptions {
  /**
   * `rfc` (default) stops at routing and at the other flags that RFC 2784 §2.3 tells a receiver to discard; `lenient`
   * stops at routing only, which moves the payload. Other reserved bits are ignored by both.
   */
  readonly rule?: "rfc" | "lenient" | undefined;
}

/** Reads the GRE header at `offset`. */
export function parseGre(
  bytes: Uint8Array,
  offset = 0,
  end: number = bytes.length,
  options: GreOptions = {},
): Parsed<GreHeader> {
  checkRange(bytes, offset, end);
  const rule = oneOf("options.rule", options.rule ?? "rfc", ["rfc", "lenient"]);
  const short = missing(bytes, offset, end, GRE_LENGTH, "gre-truncated");
  if (short) return short;
  const flags = read16(bytes, offset + GRE_FLAGS);
  if ((flags & GRE_VERSION_MASK) !== GRE_VERSION) return stopped(offset + GRE_FLAGS + 1, "gre-version");
  const forbidden = rule === "rfc" ? GRE_FLAGS_FORBIDDEN : GRE_FLAG_ROUTING;
  if ((flags & forbidden) !== 0) return stopped(offset + GRE_FLAGS, "gre-reserved");
  const present = (flag: number) => ((flags & flag) !== 0 ? GRE_FIELD_LENGTH : 0);
  const keyAt = offset + GRE_LENGTH + present(GRE_FLAG_CHECKSUM);
  const sequenceAt = keyAt + present(GRE_FLAG_KEY);
  const payload = sequenceAt + present(GRE_FLAG_SEQUENCE);
  const cut = missing(bytes, offset, end, payload - offset, "gre-truncated");
  if (cut) return cut;
  const header: GreHeader = {
    protocol: read16(bytes, offset + GRE_PROTOCOL),
    checksum: keyAt > offset + GRE_LENGTH ? read16(bytes, offset + GRE_LENGTH) : undefined,
    key: sequenceAt > keyAt ? read32(bytes, keyAt) : undefined,
    sequence: payload > sequenceAt ? read32(bytes, sequenceAt) : undefined,
  };
  return parsed(header, payload, end);
}

/** Bytes that {@link emitGre} writes. */
export function greLength(header: Pick<GreFields, "checksum" | "key" | "sequence">): number {
  const fields = [header.checksum, header.key, header.sequence].filter((field) => field !== undefined);
  return GRE_LENGTH + fields.length * GRE_FIELD_LENGTH;
}

/** Writes a GRE header at `offset`; returns the offset behind it. See {@link greChecksum} for the checksum. */
export function emitGre(header: GreFields, into: Uint8Array, offset = 0): number {
  const { protocol = ETHERTYPE_TEB, checksum, key, sequence } = header;
  const next = room(into, offset, greLength(header));
  let flags = GRE_VERSION;
  let at = offset + GRE_LENGTH;
  if (checksum !== undefined) {
    flags |= GRE_FLAG_CHECKSUM;
    write16(into, at, wholeNumber("checksum", checksum, 0, 0xffff));
    write16(into, at + 2, 0);
    at += GRE_FIELD_LENGTH;
  }
  if (key !== undefined) {
    flags |= GRE_FLAG_KEY;
    write32(into, at, wholeNumber("key", key, 0, 0xffffffff));
    at += GRE_FIELD_LENGTH;
  }
  if (sequence !== undefined) {
    flags |= GRE_FLAG_SEQUENCE;
    write32(into, at, wholeNumber("sequence", sequence, 0, 0xffffffff));
  }
  write16(into, offset + GRE_FLAGS, flags);
  write16(into, offset + GRE_PROTOCOL, wholeNumber("protocol", protocol, 0, 0xffff));
  return next;
}

/** The checksum over header and payload from `offset` to `end` of a packet with the C flag (RFC 2784 §2.5). */
export function greChecksum(bytes: Uint8Array, offset: number, end: number): number {
  const before = checksumSum(bytes, offset, offset + GRE_LENGTH);
  return ~checksumFold(checksumSum(bytes, offset + GRE_LENGTH + 2, end, before)) & 0xffff;
}

/** Verifies the checksum of the GRE packet from `offset` to `end`. */
export function greChecksumStatus(bytes: Uint8Array, offset: number, end: number): ChecksumStatus {
  if (offset + GRE_LENGTH > bytes.length) return "unknown";
  if ((read16(bytes, offset + GRE_FLAGS) & GRE_FLAG_CHECKSUM) === 0) return "absent";
  if (end > bytes.length) return "unknown";
  return checksumFold(checksumSum(bytes, offset, end)) === 0xffff ? "good" : "bad";
}

/** VSID and FlowID of an NVGRE header, or undefined for any other GRE header. */
export function nvgreOf(
  header: Pick<GreHeader, "protocol" | "checksum" | "key" | "sequence">,
): { readonly vsid: number; readonly flowId: number } | undefined {
  const { protocol, checksum, key, sequence } = header;
  if (protocol !== ETHERTYPE_TEB || key === undefined) return undefined;
  if (checksum !== undefined || sequence !== undefined) return undefined;
  return { vsid: key >>> NVGRE_VSID_SHIFT, flowId: key & NVGRE_FLOW_MASK };
}
