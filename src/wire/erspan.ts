// ERSPAN (draft-foschiano-erspan): a mirrored frame in GRE. Type I has no header of its own. Types II and III:
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   +-------+-----------------------+-----+---+-+-------------------+
//   | ver=1 |       VLAN (12)       | COS |En |T|    session (10)   |   II
//   +-------+-----------------------+-----+---+-+-------------------+
//   |     reserved (12)     |               index (20)              |
//   +-------+---------------+-------+-----+---+-+-------------------+
//   | ver=2 |       VLAN (12)       | COS |BSO|T|    session (10)   |   III
//   +-------+-----------------------+-----+---+-+-------------------+
//   |                           timestamp                           |
//   +-------------------------------+-+---------+-----------+-+---+-+
//   |       security group tag      |P| frame   | hardware  |D|Gra|O|
//   +-------------------------------+-+---------+-----------+-+---+-+
//   |             if O: eight bytes of the platform's own           |
//   +---------------------------------------------------------------+

import { ArgumentRangeError } from "../core/argument-error.ts";
import { byteArray } from "../core/arguments.ts";
import {
  ERSPAN_II_LENGTH,
  ERSPAN_II_VERSION,
  ERSPAN_III_LENGTH,
  ERSPAN_III_OPTIONAL_LENGTH,
  ERSPAN_III_VERSION,
} from "../layout/erspan.layout.ts";
import { type BitTable, readBits, writeBits } from "./bit-fields.ts";
import { checkRange, type Fields, missing, type Parsed, parsed, room, stopped } from "./parsed.ts";

/** ERSPAN type I: nothing is said. */
export interface ErspanHeaderI {
  readonly type: 1;
}

interface Mirrored {
  /** VLAN the frame was mirrored from, 0 to 4095. */
  readonly vlan: number;
  /** Class of service, 0 to 7. */
  readonly cos: number;
  /** The mirror cut the frame. */
  readonly truncated: boolean;
  /** Which mirroring this is, 0 to 1023. */
  readonly session: number;
}

/** ERSPAN type II. */
export interface ErspanHeaderII extends Mirrored {
  readonly type: 2;
  /** 0 untagged, 1 ISL, 2 802.1Q, 3 the tag is kept in the frame. */
  readonly encapsulation: number;
  /** Port and direction of the mirrored frame, 0 to 1048575. */
  readonly index: number;
}

/** ERSPAN type III. */
export interface ErspanHeaderIII extends Mirrored {
  readonly type: 3;
  /** State of the frame: 0 good or unknown, 1 short, 2 oversized, 3 bad. */
  readonly state: number;
  readonly timestamp: number;
  /** Security group tag. */
  readonly securityGroup: number;
  /** What is mirrored is an Ethernet frame in full (the P bit). */
  readonly ethernet: boolean;
  /** 0: an Ethernet frame; 2: an IP packet. */
  readonly frameType: number;
  /** 0 to 63. */
  readonly hardware: number;
  /** Mirrored on the way out. */
  readonly egress: boolean;
  /** Unit of the timestamp: 0 100 microseconds, 1 100 ns, 2 IEEE 1588, 3 as the platform says. */
  readonly granularity: number;
  /** Eight bytes of the platform's own, a view; undefined if there are none. */
  readonly platform: Uint8Array | undefined;
}

/** An ERSPAN header: look at `type` first. */
export type ErspanHeader = ErspanHeaderI | ErspanHeaderII | ErspanHeaderIII;

type FieldsII = Fields<ErspanHeaderII, "vlan" | "cos" | "truncated" | "encapsulation" | "index">;
type FieldsIII = Fields<ErspanHeaderIII, Exclude<keyof ErspanHeaderIII, "type" | "session">>;

/** An ERSPAN header to be emitted: what is left out is 0, false, or not there. */
export type ErspanFields = ErspanHeaderI | FieldsII | FieldsIII;

/** Settings of {@link parseErspan}. */
export interface ErspanOptions {
  /** Type I, which a GRE header of protocol 0x88be without a sequence number announces, has no bytes that could say so. */
  readonly type?: 1 | undefined;
}

const COMMON: BitTable<Mirrored & { readonly version: number }> = {
  version: [0, 4],
  vlan: [4, 12, 0],
  cos: [16, 3, 0],
  truncated: [21],
  session: [22, 10],
};
const II: BitTable<ErspanHeaderII, "encapsulation" | "index"> = {
  encapsulation: [19, 2, 0],
  index: [44, 20, 0],
};
const III: BitTable<ErspanHeaderIII, Exclude<keyof ErspanHeaderIII, keyof Mirrored | "type" | "platform">> = {
  state: [19, 2, 0],
  timestamp: [32, 32, 0],
  securityGroup: [64, 16, 0],
  ethernet: [80],
  frameType: [81, 5, 0],
  hardware: [86, 6, 0],
  egress: [92],
  granularity: [93, 2, 0],
};
const OPTIONAL: BitTable<{ readonly optional: boolean }> = { optional: [95] };

/** Reads the ERSPAN header at `offset`: of type II or III by its version. */
export function parseErspan(
  bytes: Uint8Array,
  offset = 0,
  end: number = bytes.length,
  options: ErspanOptions = {},
): Parsed<ErspanHeader> {
  checkRange(bytes, offset, end);
  if (options.type === 1) return parsed({ type: 1 }, offset, end);
  const short = missing(bytes, offset, end, ERSPAN_II_LENGTH, "erspan-truncated");
  if (short) return short;
  const { version, ...common } = readBits(COMMON, bytes, offset);
  if (version === ERSPAN_II_VERSION)
    return parsed({ type: 2, ...common, ...readBits(II, bytes, offset) }, offset + ERSPAN_II_LENGTH, end);
  if (version !== ERSPAN_III_VERSION) return stopped(offset, "erspan-version");
  const cut = missing(bytes, offset, end, ERSPAN_III_LENGTH, "erspan-truncated");
  if (cut) return cut;
  const behind = offset + ERSPAN_III_LENGTH;
  const { optional } = readBits(OPTIONAL, bytes, offset);
  const length = ERSPAN_III_LENGTH + (optional ? ERSPAN_III_OPTIONAL_LENGTH : 0);
  const more = missing(bytes, offset, end, length, "erspan-truncated");
  if (more) return more;
  const platform = optional ? bytes.subarray(behind, offset + length) : undefined;
  return parsed({ type: 3, ...common, ...readBits(III, bytes, offset), platform }, offset + length, end);
}

/** Bytes that {@link emitErspan} writes. */
export function erspanLength(header: ErspanFields): number {
  if (header.type === 1) return 0;
  if (header.type === 2) return ERSPAN_II_LENGTH;
  return ERSPAN_III_LENGTH + (header.platform === undefined ? 0 : ERSPAN_III_OPTIONAL_LENGTH);
}

/** Writes an ERSPAN header at `offset`; returns the offset behind it. */
export function emitErspan(header: ErspanFields, into: Uint8Array, offset = 0): number {
  const next = room(into, offset, erspanLength(header));
  if (header.type === 1) return next;
  into.fill(0, offset, next);
  const version = header.type === 2 ? ERSPAN_II_VERSION : ERSPAN_III_VERSION;
  writeBits(COMMON, { ...header, version }, into, offset);
  if (header.type === 2) writeBits(II, header, into, offset);
  else {
    writeBits(III, header, into, offset);
    const { platform } = header;
    writeBits(OPTIONAL, { optional: platform !== undefined }, into, offset);
    if (platform === undefined) return next;
    if (byteArray("platform", platform).length !== ERSPAN_III_OPTIONAL_LENGTH)
      throw new ArgumentRangeError("out-of-range", "platform", `expected 8 bytes, got ${platform.length}`);
    into.set(platform, offset + ERSPAN_III_LENGTH);
  }
  return next;
}
