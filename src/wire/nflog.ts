// Linux's netfilter log (LINKTYPE_NFLOG): a header, then fields in the byte order of the host that captured, up to the one
// that holds the packet:
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   +---------------+---------------+-------------------------------+
//   | address family|   version 0   |       group (big-endian)      |
//   +---------------+---------------+-------------------------------+
//   |   length with these 4 bytes   |             type              |
//   +-------------------------------+-------------------------------+
//   |   value, padded to words; then more fields
//   +----------------------------------------------------------------

import { byteArray, oneOf, wholeNumber } from "../core/arguments.ts";
import {
  NFLOG_FAMILY,
  NFLOG_FIELD_LENGTH,
  NFLOG_FIELD_PAYLOAD,
  NFLOG_FIELD_TYPE,
  NFLOG_LENGTH,
  NFLOG_VERSION,
} from "../layout/link.layout.ts";
import { read16, write16 } from "./bytes.ts";
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

/** A field of a netfilter log. */
export interface NflogField {
  /** 0 to 255 but not 9, which is the packet. */
  readonly type: number;
  /** A view when parsed. */
  readonly data: Uint8Array;
}

/** What stands in front of a packet in a netfilter log. */
export interface NflogHeader {
  /** 2 IPv4, 10 IPv6. */
  readonly family: number;
  readonly version: number;
  /** The group that the packet was logged to. */
  readonly group: number;
  readonly byteOrder: "little" | "big";
  readonly fields: readonly NflogField[];
  /** Bytes of the packet, as its field says. */
  readonly payloadLength: number;
}

/** What stands in front of a packet in a netfilter log, to be emitted: version 0, group 0, little-endian unless given. */
export type NflogFields = Fields<NflogHeader, "version" | "group" | "byteOrder" | "fields">;

const NFLOG_GROUP = 2;
/** That a family is a byte, and types are below 256, tells the byte order. */
const TYPE_MAXIMUM = 0xff;

/** Reads the header at `offset` and all fields up to the packet. The packet's length ends the payload. */
export function parseNflog(
  bytes: Uint8Array,
  offset = 0,
  end: number = bytes.length,
  options: LengthOptions = {},
): Parsed<NflogHeader> {
  checkRange(bytes, offset, end);
  const short = missing(bytes, offset, end, NFLOG_LENGTH, "nflog-truncated");
  if (short) return short;
  const fields: NflogField[] = [];
  let byteOrder: "little" | "big" = "little";
  for (let at = offset + NFLOG_LENGTH; ; ) {
    const cut = missing(bytes, at, end, NFLOG_FIELD_LENGTH, "nflog-truncated");
    if (cut) return cut;
    // The byte of a type's that is not zero is the lower one.
    if (fields.length === 0 && bytes[at + NFLOG_FIELD_TYPE] === 0 && bytes[at + NFLOG_FIELD_TYPE + 1] !== 0)
      byteOrder = "big";
    const length = number16(bytes, at, byteOrder);
    const type = number16(bytes, at + NFLOG_FIELD_TYPE, byteOrder);
    if (length < NFLOG_FIELD_LENGTH || type > TYPE_MAXIMUM) return stopped(at, "nflog-field");
    const dataFrom = at + NFLOG_FIELD_LENGTH;
    if (type === NFLOG_FIELD_PAYLOAD) {
      const header: NflogHeader = {
        family: bytes[offset + NFLOG_FAMILY]!,
        version: bytes[offset + NFLOG_VERSION]!,
        group: read16(bytes, offset + NFLOG_GROUP),
        byteOrder,
        fields,
        payloadLength: length - NFLOG_FIELD_LENGTH,
      };
      return endAt(header, dataFrom, at + length, end, options, at, "nflog-field");
    }
    const more = missing(bytes, at, end, padded(length), "nflog-truncated");
    if (more) return more;
    fields.push({ type, data: bytes.subarray(dataFrom, at + length) });
    at += padded(length);
  }
}

/** Bytes that {@link emitNflog} writes. */
export function nflogLength({ fields = [] }: Pick<NflogFields, "fields">): number {
  return fields.reduce(
    (sum, { data }) => sum + padded(NFLOG_FIELD_LENGTH + data.length),
    NFLOG_LENGTH + NFLOG_FIELD_LENGTH,
  );
}

/** Writes a header and its fields at `offset`, up to where the packet begins; returns the offset there. */
export function emitNflog(header: NflogFields, into: Uint8Array, offset = 0): number {
  const { version = 0, group = 0, fields = [] } = header;
  const order = oneOf("byteOrder", header.byteOrder ?? "little", ["little", "big"]);
  const next = room(into, offset, nflogLength(header));
  into.fill(0, offset, next);
  into[offset + NFLOG_FAMILY] = wholeNumber("family", header.family, 0, 0xff);
  into[offset + NFLOG_VERSION] = wholeNumber("version", version, 0, 0xff);
  write16(into, offset + NFLOG_GROUP, wholeNumber("group", group, 0, 0xffff));
  let at = offset + NFLOG_LENGTH;
  fields.forEach(({ type, data }, index) => {
    const length = byteArray(`fields[${index}].data`, data).length + NFLOG_FIELD_LENGTH;
    writeNumber16(into, at, wholeNumber(`fields[${index}].data.length`, length, 0, 0xffff), order);
    const kind = wholeNumber(`fields[${index}].type`, type, 0, TYPE_MAXIMUM);
    writeNumber16(into, at + NFLOG_FIELD_TYPE, kind, order);
    into.set(data, at + NFLOG_FIELD_LENGTH);
    at += padded(length);
  });
  const length = wholeNumber("payloadLength", header.payloadLength, 0, 0xffff - NFLOG_FIELD_LENGTH);
  writeNumber16(into, at, length + NFLOG_FIELD_LENGTH, order);
  writeNumber16(into, at + NFLOG_FIELD_TYPE, NFLOG_FIELD_PAYLOAD, order);
  return next;
}

function padded(length: number): number {
  return (length + 3) & ~3;
}

function number16(bytes: Uint8Array, at: number, order: "little" | "big"): number {
  return order === "big" ? read16(bytes, at) : bytes[at]! | (bytes[at + 1]! << 8);
}

function writeNumber16(into: Uint8Array, at: number, value: number, order: "little" | "big"): void {
  write16(into, at, order === "big" ? value : ((value & 0xff) << 8) | (value >>> 8));
}
