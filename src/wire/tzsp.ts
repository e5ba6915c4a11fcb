// TZSP, as access points and routers send what they sniff:
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   +---------------+---------------+-------------------------------+
//   |   version 1   |     type      |           protocol            |
//   +---------------+---------------+-------------------------------+
//   |      tag      |    length     |   data; then more tags, the last of which is 1
//   +---------------+---------------+--------------------------------

import { byteArray, wholeNumber } from "../core/arguments.ts";
import {
  TZSP_LENGTH,
  TZSP_PROTOCOL,
  TZSP_TAG_END,
  TZSP_TAG_LENGTH,
  TZSP_TAG_PADDING,
  TZSP_TYPE,
  TZSP_VERSION,
} from "../layout/tzsp.layout.ts";
import { read16, write16 } from "./bytes.ts";
import { checkRange, type Fields, missing, type Parsed, parsed, room, stopped } from "./parsed.ts";

/** A tag; 0 is padding and has no data. */
export interface TzspTag {
  /** 0 to 255, but not 1, which is the end. */
  readonly type: number;
  /** At most 255 bytes; a view when parsed. */
  readonly data: Uint8Array;
}

/** A TZSP header. */
export interface TzspHeader {
  /** 0: a frame that was received, 1: one to send; others carry none. */
  readonly type: number;
  /** What was sniffed: 1 Ethernet, 18 IEEE 802.11. */
  readonly protocol: number;
  /** In the order of the packet, without the end. */
  readonly tags: readonly TzspTag[];
}

/** A TZSP header to be emitted: a received Ethernet frame without tags unless given. */
export type TzspFields = Fields<TzspHeader, "type" | "protocol" | "tags">;

/** Reads the TZSP header at `offset` with its tags. */
export function parseTzsp(bytes: Uint8Array, offset = 0, end: number = bytes.length): Parsed<TzspHeader> {
  checkRange(bytes, offset, end);
  const short = missing(bytes, offset, end, TZSP_LENGTH, "tzsp-truncated");
  if (short) return short;
  if (bytes[offset] !== TZSP_VERSION) return stopped(offset, "tzsp-version");
  const tags: TzspTag[] = [];
  let at = offset + TZSP_LENGTH;
  for (;;) {
    const none = missing(bytes, at, end, 1, "tzsp-truncated");
    if (none) return none;
    const type = bytes[at]!;
    if (type === TZSP_TAG_END) break;
    let dataFrom = at + 1;
    let next = dataFrom;
    if (type !== TZSP_TAG_PADDING) {
      const cut = missing(bytes, at, end, TZSP_TAG_LENGTH, "tzsp-truncated");
      if (cut) return cut;
      dataFrom = at + TZSP_TAG_LENGTH;
      next = dataFrom + bytes[at + 1]!;
      const more = missing(bytes, at, end, next - at, "tzsp-truncated");
      if (more) return more;
    }
    tags.push({ type, data: bytes.subarray(dataFrom, next) });
    at = next;
  }
  const header = { type: bytes[offset + TZSP_TYPE]!, protocol: read16(bytes, offset + TZSP_PROTOCOL), tags };
  return parsed(header, at + 1, end);
}

/** Bytes that {@link emitTzsp} writes. */
export function tzspLength({ tags = [] }: Pick<TzspFields, "tags">): number {
  return tags.reduce(
    (sum, { type, data }) => sum + (type === 0 ? 1 : TZSP_TAG_LENGTH + data.length),
    TZSP_LENGTH + 1,
  );
}

/** Writes a TZSP header with its tags and their end at `offset`; returns the offset behind it. */
export function emitTzsp(header: TzspFields, into: Uint8Array, offset = 0): number {
  const { type = 0, protocol = 1, tags = [] } = header;
  const next = room(into, offset, tzspLength(header));
  into[offset] = TZSP_VERSION;
  into[offset + TZSP_TYPE] = wholeNumber("type", type, 0, 0xff);
  write16(into, offset + TZSP_PROTOCOL, wholeNumber("protocol", protocol, 0, 0xffff));
  let at = offset + TZSP_LENGTH;
  tags.forEach((tag, index) => {
    const { length } = byteArray(`tags[${index}].data`, tag.data);
    const padding = tag.type === TZSP_TAG_PADDING;
    into[at] = padding ? tag.type : wholeNumber(`tags[${index}].type`, tag.type, TZSP_TAG_END + 1, 0xff);
    wholeNumber(`tags[${index}].data.length`, length, 0, padding ? 0 : 0xff);
    if (!padding) {
      into[at + 1] = length;
      into.set(tag.data, at + TZSP_TAG_LENGTH);
    }
    at += padding ? 1 : TZSP_TAG_LENGTH + length;
  });
  into[at] = TZSP_TAG_END;
  return next;
}
