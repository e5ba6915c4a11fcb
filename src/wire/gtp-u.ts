// GTP-U (3GPP TS 29.281 §5.1) and its extension headers (§5.2):
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   +-----+-+-+-+-+-+---------------+-------------------------------+
//   |ver=1|1|r|E|S|N| message type  |   length behind 8 bytes       |
//   +-----+-+-+-+-+-+---------------+-------------------------------+
//   |             tunnel endpoint identifier (TEID)                 |
//   +-------------------------------+---------------+---------------+
//   | sequence number (if E, S or N)| N-PDU number  |   next type   |
//   +---------------+---------------+---------------+---------------+
//   | length (words)|  content, 4 * length - 2 bytes |   next type  |
//   +---------------+--------------------------------+--------------+

import { ArgumentRangeError } from "../core/argument-error.ts";
import { byteArray, wholeNumber } from "../core/arguments.ts";
import {
  GTP_EXTENSION_UNIT,
  GTP_FLAG_EXTENSION,
  GTP_FLAGS,
  GTP_FLAGS_OPTIONAL,
  GTP_LENGTH,
  GTP_MESSAGE,
  GTP_NEXT_EXTENSION,
  GTP_OPTIONAL_LENGTH,
  GTP_PAYLOAD_LENGTH,
  GTP_PDU,
  GTP_TEID,
  GTP_VERSION_1,
  GTP_VERSION_MASK,
} from "../layout/gtp-u.layout.ts";
import { read16, read32, write16, write32 } from "./bytes.ts";
import {
  checkRange,
  endAt,
  type Fields,
  type LengthOptions,
  missing,
  type Parsed,
  room,
  stopped,
} from "./parsed.ts";

const GTP_FLAG_SEQUENCE = 0x02;
const GTP_FLAG_NUMBER = 0x01;
const GTP_SEQUENCE = 8;
const GTP_NUMBER = 10;
/** With any of the optional fields. */
const GTP_LONG_LENGTH: number = GTP_LENGTH + GTP_OPTIONAL_LENGTH;

/** An extension header. */
export interface GtpUExtension {
  /** 0x85 is a PDU session container; 0 is none. */
  readonly type: number;
  /** What lies between its length and the type of the next: 2 bytes more than a multiple of 4; a view when parsed. */
  readonly data: Uint8Array;
}

/** A GTP-U header as parsed. */
export interface GtpUHeader {
  /** 255: a user's packet follows; others are of the tunnel itself. */
  readonly messageType: number;
  /** Bytes behind the first eight, as it stands in the header. */
  readonly length: number;
  /** Tunnel endpoint identifier, 32 bits. */
  readonly teid: number;
  /** 16 bits; undefined if the S flag is clear. */
  readonly sequence: number | undefined;
  /** N-PDU number, 8 bits; undefined if the PN flag is clear. */
  readonly number: number | undefined;
  readonly extensions: readonly GtpUExtension[];
}

/** A GTP-U header to be emitted: a user's packet without optional fields unless given. */
export type GtpUFields = Fields<GtpUHeader, "messageType" | "sequence" | "number" | "extensions">;

/** Reads the GTP-U header at `offset` and its extension headers. The length ends the payload. */
export function parseGtpU(
  bytes: Uint8Array,
  offset = 0,
  end: number = bytes.length,
  options: LengthOptions = {},
): Parsed<GtpUHeader> {
  checkRange(bytes, offset, end);
  const short = missing(bytes, offset, end, GTP_LENGTH, "gtp-u-truncated");
  if (short) return short;
  const flags = bytes[offset + GTP_FLAGS]!;
  if ((flags & GTP_VERSION_MASK) !== GTP_VERSION_1) return stopped(offset + GTP_FLAGS, "gtp-u-version");
  const long = (flags & GTP_FLAGS_OPTIONAL) !== 0;
  const cut = missing(bytes, offset, end, long ? GTP_LONG_LENGTH : GTP_LENGTH, "gtp-u-truncated");
  if (cut) return cut;
  const extensions: GtpUExtension[] = [];
  let payload = offset + (long ? GTP_LONG_LENGTH : GTP_LENGTH);
  for (let type = (flags & GTP_FLAG_EXTENSION) !== 0 ? bytes[payload - 1]! : 0; type !== 0; ) {
    const first = missing(bytes, payload, end, GTP_EXTENSION_UNIT, "gtp-u-truncated");
    if (first) return first;
    const length = bytes[payload]! * GTP_EXTENSION_UNIT;
    if (length === 0) return stopped(payload, "gtp-u-extension");
    const more = missing(bytes, payload, end, length, "gtp-u-truncated");
    if (more) return more;
    extensions.push({ type, data: bytes.subarray(payload + 1, payload + length - 1) });
    payload += length;
    type = bytes[payload - 1]!;
  }
  const header: GtpUHeader = {
    messageType: bytes[offset + GTP_MESSAGE]!,
    length: read16(bytes, offset + GTP_PAYLOAD_LENGTH),
    teid: read32(bytes, offset + GTP_TEID),
    sequence: (flags & GTP_FLAG_SEQUENCE) !== 0 ? read16(bytes, offset + GTP_SEQUENCE) : undefined,
    number: (flags & GTP_FLAG_NUMBER) !== 0 ? bytes[offset + GTP_NUMBER]! : undefined,
    extensions,
  };
  const declared = offset + GTP_LENGTH + header.length;
  return endAt(header, payload, declared, end, options, offset + GTP_PAYLOAD_LENGTH, "gtp-u-length");
}

/** Bytes that {@link emitGtpU} writes. */
export function gtpULength(header: Pick<GtpUFields, "sequence" | "number" | "extensions">): number {
  const { sequence, number, extensions = [] } = header;
  const long = sequence !== undefined || number !== undefined || extensions.length > 0;
  return extensions.reduce((sum, { data }) => sum + data.length + 2, long ? GTP_LONG_LENGTH : GTP_LENGTH);
}

/** Writes a GTP-U header with its extension headers at `offset`; returns the offset behind them. */
export function emitGtpU(header: GtpUFields, into: Uint8Array, offset = 0): number {
  const { messageType = GTP_PDU, sequence, number, extensions = [] } = header;
  const next = room(into, offset, gtpULength(header));
  into[offset + GTP_FLAGS] =
    GTP_VERSION_1 |
    (extensions.length > 0 ? GTP_FLAG_EXTENSION : 0) |
    (sequence === undefined ? 0 : GTP_FLAG_SEQUENCE) |
    (number === undefined ? 0 : GTP_FLAG_NUMBER);
  into[offset + GTP_MESSAGE] = wholeNumber("messageType", messageType, 0, 0xff);
  write16(into, offset + GTP_PAYLOAD_LENGTH, wholeNumber("length", header.length, 0, 0xffff));
  write32(into, offset + GTP_TEID, wholeNumber("teid", header.teid, 0, 0xffffffff));
  if (next === offset + GTP_LENGTH) return next;
  write16(into, offset + GTP_SEQUENCE, wholeNumber("sequence", sequence ?? 0, 0, 0xffff));
  into[offset + GTP_NUMBER] = wholeNumber("number", number ?? 0, 0, 0xff);
  into[offset + GTP_NEXT_EXTENSION] = 0;
  let at = offset + GTP_LONG_LENGTH;
  extensions.forEach(({ type, data }, index) => {
    const length = byteArray(`extensions[${index}].data`, data).length + 2;
    if (length % GTP_EXTENSION_UNIT !== 0 || length > 0xff * GTP_EXTENSION_UNIT)
      throw new ArgumentRangeError(
        "out-of-range",
        `extensions[${index}].data`,
        `expected 2 bytes more than a multiple of 4, 1018 at most, got ${data.length}`,
      );
    into[at - 1] = wholeNumber(`extensions[${index}].type`, type, 1, 0xff);
    into[at] = length / GTP_EXTENSION_UNIT;
    into.set(data, at + 1);
    at += length;
    into[at - 1] = 0;
  });
  return next;
}
