// L2TP of version 2 (RFC 2661 §3.1), which carries PPP:
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   +-+-+---+-+-+-+-+-------+-------+-------------------------------+
//   |T|L| r |S|r|O|P|   r   | ver=2 |        length (if L)          |
//   +-+-+---+-+-+-+-+-------+-------+-------------------------------+
//   |            tunnel             |            session            |
//   +-------------------------------+-------------------------------+
//   |           Ns (if S)           |           Nr (if S)           |
//   +-------------------------------+-------------------------------+
//   |       offset size (if O)      |   as many bytes as that says
//   +-------------------------------+--------------------------------

import { byteArray, trueOrFalse, wholeNumber } from "../core/arguments.ts";
import {
  L2TP_FLAG_CONTROL,
  L2TP_FLAG_LENGTH,
  L2TP_FLAG_OFFSET,
  L2TP_FLAG_SEQUENCE,
  L2TP_FLAGS_LENGTH,
  L2TP_IDS_LENGTH,
  L2TP_OFFSET_LENGTH,
  L2TP_SEQUENCE_LENGTH,
  L2TP_TOTAL_LENGTH,
  L2TP_VERSION_2,
  L2TP_VERSION_MASK,
} from "../layout/l2tp.layout.ts";
import { read16, write16 } from "./bytes.ts";
import {
  checkRange,
  endAt,
  type Fields,
  type LengthOptions,
  missing,
  type Parsed,
  parsed,
  room,
  stopped,
} from "./parsed.ts";

/** An L2TP header of version 2. */
export interface L2tpHeader {
  /** A control message. */
  readonly control: boolean;
  /** To be sent before others (the P flag). */
  readonly priority: boolean;
  /** Bytes of the whole message; undefined if it does not say. */
  readonly length: number | undefined;
  readonly tunnel: number;
  readonly session: number;
  /** Numbers of this message and of the one that is expected; undefined if there are none. */
  readonly sequence: { readonly ns: number; readonly nr: number } | undefined;
  /** Bytes between header and payload, a view when parsed; undefined if the O flag is clear. */
  readonly offset: Uint8Array | undefined;
}

/** An L2TP header of version 2 to be emitted: a data message and no optional field unless given. */
export type L2tpFields = Fields<L2tpHeader, "control" | "priority" | "length" | "sequence" | "offset">;

const FLAG_PRIORITY = 0x0100;
const LENGTH_LENGTH = 2;

/** Reads the L2TP header at `offset`. The length, if there is one, ends the payload. */
export function parseL2tp(
  bytes: Uint8Array,
  offset = 0,
  end: number = bytes.length,
  options: LengthOptions = {},
): Parsed<L2tpHeader> {
  checkRange(bytes, offset, end);
  const short = missing(bytes, offset, end, L2TP_FLAGS_LENGTH + L2TP_IDS_LENGTH, "l2tp-truncated");
  if (short) return short;
  const flags = read16(bytes, offset);
  if ((flags & L2TP_VERSION_MASK) !== L2TP_VERSION_2) return stopped(offset + 1, "l2tp-version");
  const present = (flag: number, length: number) => ((flags & flag) !== 0 ? length : 0);
  const idsAt = offset + L2TP_FLAGS_LENGTH + present(L2TP_FLAG_LENGTH, LENGTH_LENGTH);
  const sequenceAt = idsAt + L2TP_IDS_LENGTH;
  const sizeAt = sequenceAt + present(L2TP_FLAG_SEQUENCE, L2TP_SEQUENCE_LENGTH);
  const behind = sizeAt + present(L2TP_FLAG_OFFSET, L2TP_OFFSET_LENGTH);
  const cut = missing(bytes, offset, end, behind - offset, "l2tp-truncated");
  if (cut) return cut;
  const payload = behind + (behind > sizeAt ? read16(bytes, sizeAt) : 0);
  const more = missing(bytes, offset, end, payload - offset, "l2tp-truncated");
  if (more) return more;
  const length = idsAt > offset + L2TP_FLAGS_LENGTH ? read16(bytes, offset + L2TP_TOTAL_LENGTH) : undefined;
  const header: L2tpHeader = {
    control: (flags & L2TP_FLAG_CONTROL) !== 0,
    priority: (flags & FLAG_PRIORITY) !== 0,
    length,
    tunnel: read16(bytes, idsAt),
    session: read16(bytes, idsAt + 2),
    sequence:
      sizeAt > sequenceAt ? { ns: read16(bytes, sequenceAt), nr: read16(bytes, sequenceAt + 2) } : undefined,
    offset: behind > sizeAt ? bytes.subarray(behind, payload) : undefined,
  };
  if (length === undefined) return parsed(header, payload, end);
  return endAt(header, payload, offset + length, end, options, offset + L2TP_TOTAL_LENGTH, "l2tp-length");
}

/** Bytes that {@link emitL2tp} writes. */
export function l2tpLength(header: Pick<L2tpFields, "length" | "sequence" | "offset">): number {
  return (
    L2TP_FLAGS_LENGTH +
    L2TP_IDS_LENGTH +
    (header.length === undefined ? 0 : LENGTH_LENGTH) +
    (header.sequence === undefined ? 0 : L2TP_SEQUENCE_LENGTH) +
    (header.offset === undefined ? 0 : L2TP_OFFSET_LENGTH + header.offset.length)
  );
}

/** Writes an L2TP header of version 2 at `offset`; returns the offset behind it. */
export function emitL2tp(header: L2tpFields, into: Uint8Array, offset = 0): number {
  const { control = false, priority = false, length, sequence } = header;
  const next = room(into, offset, l2tpLength(header));
  let flags = L2TP_VERSION_2;
  if (trueOrFalse("control", control)) flags |= L2TP_FLAG_CONTROL;
  if (trueOrFalse("priority", priority)) flags |= FLAG_PRIORITY;
  let at = offset + L2TP_FLAGS_LENGTH;
  const put = (name: string, value: number) => {
    write16(into, at, wholeNumber(name, value, 0, 0xffff));
    at += 2;
  };
  if (length !== undefined) {
    flags |= L2TP_FLAG_LENGTH;
    put("length", length);
  }
  put("tunnel", header.tunnel);
  put("session", header.session);
  if (sequence !== undefined) {
    flags |= L2TP_FLAG_SEQUENCE;
    put("sequence.ns", sequence.ns);
    put("sequence.nr", sequence.nr);
  }
  if (header.offset !== undefined) {
    flags |= L2TP_FLAG_OFFSET;
    put("offset.length", byteArray("offset", header.offset).length);
    into.set(header.offset, at);
  }
  write16(into, offset, flags);
  return next;
}
