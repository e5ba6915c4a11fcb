// CAPWAP's header (RFC 5415 §4.3), as data messages have it:
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   +-------+-------+---------+---------+---------+-+-+-+-+-+-+-----+
//   | ver=0 | type=0| length  |  radio  | binding |T|F|L|W|M|K|  r  |
//   +-------+-------+---------+---------+---------+-+-+-+-+-+-+-----+
//   |           fragment            |         offset          |  r  |
//   +-------------------------------+-------------------------+-----+
//   |  the radio's address (if M), what the binding adds (if W), up to the length
//   +----------------------------------------------------------------
//
// Type 1 is DTLS: four bytes, and what nobody reads without the keys.

import { ArgumentRangeError } from "../core/argument-error.ts";
import { byteArray } from "../core/arguments.ts";
import { CAPWAP_LENGTH, CAPWAP_PREAMBLE, CAPWAP_WORDS } from "../layout/capwap.layout.ts";
import { type BitTable, readBits, writeBits } from "./bit-fields.ts";
import { checkRange, type Fields, missing, type Parsed, parsed, room, stopped } from "./parsed.ts";

const CAPWAP_DTLS_LENGTH = 4;
const CAPWAP_PREAMBLE_DTLS = 1;
const CAPWAP_WORDS_MAXIMUM = 31;

/** A CAPWAP header. */
export interface CapwapHeader {
  /** What follows is encrypted: nothing else is known of it. */
  readonly dtls: boolean;
  /** 0 to 31. */
  readonly radio: number;
  /** 1: IEEE 802.11. */
  readonly binding: number;
  /** The frame is of the binding's kind, not of IEEE 802.3's (the T flag). */
  readonly native: boolean;
  /** Part of a packet (the F flag). */
  readonly fragment: boolean;
  /** The last part (the L flag). */
  readonly last: boolean;
  /** What the binding adds is there (the W flag). */
  readonly wireless: boolean;
  /** The radio's address is there (the M flag). */
  readonly address: boolean;
  /** No passenger: the tunnel shows that it is there (the K flag). */
  readonly keepAlive: boolean;
  readonly fragmentId: number;
  /** Place of this part, in units of eight bytes. */
  readonly fragmentOffset: number;
  /** The radio's address and what the binding adds, as they are: a multiple of four bytes, a view when parsed. */
  readonly options: Uint8Array;
}

/** A CAPWAP header to be emitted: what is left out is 0, false or empty. */
export type CapwapFields = Fields<CapwapHeader, keyof CapwapHeader>;

interface Start {
  readonly version: number;
  readonly type: number;
  readonly words: number;
}

const TABLE: BitTable<Omit<CapwapHeader, "dtls" | "options"> & Start> = {
  version: [0, 4, 0],
  type: [4, 4, 0],
  words: [8, 5],
  radio: [13, 5, 0],
  binding: [18, 5, 0],
  native: [23],
  fragment: [24],
  last: [25],
  wireless: [26],
  address: [27],
  keepAlive: [28],
  fragmentId: [32, 16, 0],
  fragmentOffset: [48, 13, 0],
};

const NOTHING: Uint8Array = new Uint8Array(0);
const ENCRYPTED: CapwapHeader = {
  dtls: true,
  radio: 0,
  binding: 0,
  native: false,
  fragment: false,
  last: false,
  wireless: false,
  address: false,
  keepAlive: false,
  fragmentId: 0,
  fragmentOffset: 0,
  options: NOTHING,
};

/** Reads the CAPWAP header at `offset`. */
export function parseCapwap(bytes: Uint8Array, offset = 0, end: number = bytes.length): Parsed<CapwapHeader> {
  checkRange(bytes, offset, end);
  const short = missing(bytes, offset, end, CAPWAP_DTLS_LENGTH, "capwap-truncated");
  if (short) return short;
  const preamble = bytes[offset + CAPWAP_PREAMBLE]!;
  if (preamble === CAPWAP_PREAMBLE_DTLS) return parsed(ENCRYPTED, offset + CAPWAP_DTLS_LENGTH, end);
  if (preamble !== 0) return stopped(offset + CAPWAP_PREAMBLE, "capwap-preamble");
  const rest = missing(bytes, offset, end, CAPWAP_LENGTH, "capwap-truncated");
  if (rest) return rest;
  const { version, type, words, ...header } = readBits(TABLE, bytes, offset);
  if (words * 4 < CAPWAP_LENGTH) return stopped(offset + CAPWAP_WORDS, "capwap-length");
  const payload = offset + words * 4;
  const cut = missing(bytes, offset, end, words * 4, "capwap-truncated");
  if (cut) return cut;
  const options = bytes.subarray(offset + CAPWAP_LENGTH, payload);
  return parsed({ dtls: false, ...header, options }, payload, end);
}

/** Bytes that {@link emitCapwap} writes. */
export function capwapLength({ dtls = false, options }: Pick<CapwapFields, "dtls" | "options">): number {
  return dtls ? CAPWAP_DTLS_LENGTH : CAPWAP_LENGTH + (options?.length ?? 0);
}

/** Writes a CAPWAP header at `offset`; returns the offset behind it. */
export function emitCapwap(header: CapwapFields, into: Uint8Array, offset = 0): number {
  const options = byteArray("options", header.options ?? NOTHING);
  const words = (CAPWAP_LENGTH + options.length) / 4;
  if (!Number.isInteger(words) || words > CAPWAP_WORDS_MAXIMUM)
    throw new ArgumentRangeError(
      "out-of-range",
      "options",
      `expected a multiple of 4 bytes up to 116, got ${options.length}`,
    );
  const next = room(into, offset, capwapLength(header));
  into.fill(0, offset, next);
  if (header.dtls) {
    into[offset + CAPWAP_PREAMBLE] = CAPWAP_PREAMBLE_DTLS;
    return next;
  }
  writeBits(TABLE, { ...header, version: 0, type: 0, words }, into, offset);
  into.set(options, offset + CAPWAP_LENGTH);
  return next;
}
