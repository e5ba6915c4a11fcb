// IEEE 802.11 (clause 9.2.4), without its check sequence; numbers are little-endian:
//
//   +-----------+----------+------+------+------+----------+--------+---------+--------+
//   | frame     | duration | addr | addr | addr | sequence | addr 4 | QoS (2) | HT (4) |
//   | control 2 | (2)      | 1 (6)| 2 (6)| 3 (6)| (2)      | (6)    |         |        |
//   +-----------+----------+------+------+------+----------+--------+---------+--------+
//
// Control frames end behind the first address here. The fourth is there in frames between two distribution systems, QoS in
// data frames of subtypes from 8 on, HT if such a frame has the order bit.

import { ArgumentRangeError } from "../core/argument-error.ts";
import { byteArray, wholeNumber } from "../core/arguments.ts";
import {
  WLAN_ADDRESS_LENGTH,
  WLAN_FLAGS,
  WLAN_FLAGS_BOTH_WAYS,
  WLAN_FLAGS_ORDER,
  WLAN_HT_LENGTH,
  WLAN_LENGTH,
  WLAN_QOS_LENGTH,
  WLAN_SEQUENCE,
} from "../layout/link.layout.ts";
import { checkRange, type Fields, missing, type Parsed, parsed, room } from "./parsed.ts";

/** An IEEE 802.11 header. */
export interface WlanHeader {
  /** 0 management, 1 control, 2 data, 3 an extension. */
  readonly type: number;
  /** 0 to 15; of data frames bit 2 says that they carry none, bit 3 that there is a QoS field. */
  readonly subtype: number;
  /** 0 to 255: to DS 1, from DS 2, more fragments 4, retry 8, protected 0x40, order 0x80. */
  readonly flags: number;
  /** Duration or association, 16 bits. */
  readonly duration: number;
  /** One in control frames, otherwise three or four, of six bytes each; views when parsed. */
  readonly addresses: readonly Uint8Array[];
  /** Number of this fragment, 0 to 15. */
  readonly fragment: number;
  /** 0 to 4095. */
  readonly sequence: number;
  /** QoS control, 16 bits; undefined if there is none. */
  readonly qos: number | undefined;
  /** HT control, 32 bits; undefined if there is none. */
  readonly ht: number | undefined;
  /** Bytes that pad it to a multiple of four, as some cards do. */
  readonly padding: number;
}

/** An IEEE 802.11 header to be emitted: what is left out is 0 or not there. */
export type WlanFields = Fields<
  WlanHeader,
  "flags" | "duration" | "fragment" | "sequence" | "qos" | "ht" | "padding"
>;

/** Settings of {@link parseWlan}. */
export interface WlanOptions {
  /** Whether it is padded to a multiple of four, as a radiotap header says. Default false. */
  readonly padded?: boolean | undefined;
}

const TYPE_CONTROL = 1;
const TYPE_DATA = 2;
const SUBTYPE_QOS = 8;
const DURATION = 2;
const ADDRESSES = 4;
/** Of control frames: one address. */
const SHORT_LENGTH = 10;
const NO_ADDRESS: Uint8Array = new Uint8Array(WLAN_ADDRESS_LENGTH);

/** Reads the IEEE 802.11 header at `offset`. */
export function parseWlan(
  bytes: Uint8Array,
  offset = 0,
  end: number = bytes.length,
  options: WlanOptions = {},
): Parsed<WlanHeader> {
  checkRange(bytes, offset, end);
  const short = missing(bytes, offset, end, SHORT_LENGTH, "802.11-truncated");
  if (short) return short;
  const control = bytes[offset]!;
  const flags = bytes[offset + WLAN_FLAGS]!;
  const start = {
    type: (control >>> 2) & 3,
    subtype: control >>> 4,
    flags,
    duration: little16(bytes, offset + DURATION),
  };
  const form = formOf(start);
  const length = options.padded ? (form.length + 3) & ~3 : form.length;
  const cut = missing(bytes, offset, end, length, "802.11-truncated");
  if (cut) return cut;
  const address = (at: number) => bytes.subarray(offset + at, offset + at + WLAN_ADDRESS_LENGTH);
  const addresses = form.addresses.map(address);
  const sequence = form.short ? 0 : little16(bytes, offset + WLAN_SEQUENCE);
  const header: WlanHeader = {
    ...start,
    addresses,
    fragment: sequence & 0x0f,
    sequence: sequence >>> 4,
    qos: form.qosAt === undefined ? undefined : little16(bytes, offset + form.qosAt),
    ht: form.htAt === undefined ? undefined : little32(bytes, offset + form.htAt),
    padding: length - form.length,
  };
  return parsed(header, offset + length, end);
}

/** Bytes that {@link emitWlan} writes. */
export function wlanLength(header: Pick<WlanFields, "type" | "subtype" | "flags" | "padding">): number {
  return formOf({ ...header, flags: header.flags ?? 0 }).length + (header.padding ?? 0);
}

/** Writes an IEEE 802.11 header at `offset`; returns the offset behind it. */
export function emitWlan(header: WlanFields, into: Uint8Array, offset = 0): number {
  const { flags = 0, duration = 0, fragment = 0, sequence = 0, qos = 0, ht = 0 } = header;
  const type = wholeNumber("type", header.type, 0, 3);
  const subtype = wholeNumber("subtype", header.subtype, 0, 15);
  wholeNumber("padding", header.padding ?? 0, 0, 3);
  const form = formOf({ type, subtype, flags });
  const next = room(into, offset, wlanLength(header));
  into.fill(0, offset, next);
  into[offset] = (subtype << 4) | (type << 2);
  into[offset + WLAN_FLAGS] = wholeNumber("flags", flags, 0, 0xff);
  putLittle(into, offset + DURATION, wholeNumber("duration", duration, 0, 0xffff), 2);
  form.addresses.forEach((at, index) => {
    const address = byteArray(`addresses[${index}]`, header.addresses[index] ?? NO_ADDRESS);
    if (address.length !== WLAN_ADDRESS_LENGTH)
      throw new ArgumentRangeError(
        "out-of-range",
        `addresses[${index}]`,
        `expected 6 bytes, got ${address.length}`,
      );
    into.set(address, offset + at);
  });
  if (form.short) return next;
  const count = wholeNumber("sequence", sequence, 0, 0xfff) * 16 + wholeNumber("fragment", fragment, 0, 15);
  putLittle(into, offset + WLAN_SEQUENCE, count, 2);
  if (form.qosAt !== undefined) putLittle(into, offset + form.qosAt, wholeNumber("qos", qos, 0, 0xffff), 2);
  if (form.htAt !== undefined) putLittle(into, offset + form.htAt, wholeNumber("ht", ht, 0, 0xffffffff), 4);
  return next;
}

interface Form {
  readonly short: boolean;
  /** Without padding. */
  readonly length: number;
  readonly addresses: readonly number[];
  readonly qosAt: number | undefined;
  readonly htAt: number | undefined;
}

/** Where the fields of such a frame lie. */
function formOf({ type, subtype, flags }: Pick<WlanHeader, "type" | "subtype" | "flags">): Form {
  const usual = [ADDRESSES, ADDRESSES + WLAN_ADDRESS_LENGTH, ADDRESSES + 2 * WLAN_ADDRESS_LENGTH];
  if (type === TYPE_CONTROL)
    return { short: true, length: SHORT_LENGTH, addresses: [ADDRESSES], qosAt: undefined, htAt: undefined };
  const isData = type === TYPE_DATA;
  const four = isData && (flags & WLAN_FLAGS_BOTH_WAYS) === WLAN_FLAGS_BOTH_WAYS;
  const behind = WLAN_LENGTH + (four ? WLAN_ADDRESS_LENGTH : 0);
  const qosAt = isData && subtype >= SUBTYPE_QOS ? behind : undefined;
  const htAt = qosAt !== undefined && (flags & WLAN_FLAGS_ORDER) !== 0 ? behind + WLAN_QOS_LENGTH : undefined;
  return {
    short: false,
    length: behind + (qosAt === undefined ? 0 : WLAN_QOS_LENGTH) + (htAt === undefined ? 0 : WLAN_HT_LENGTH),
    addresses: four ? [...usual, WLAN_LENGTH] : usual,
    qosAt,
    htAt,
  };
}

function little16(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8);
}

function little32(bytes: Uint8Array, at: number): number {
  return (little16(bytes, at) | (little16(bytes, at + 2) << 16)) >>> 0;
}

function putLittle(into: Uint8Array, at: number, value: number, length: number): void {
  for (let i = 0; i < length; i++) into[at + i] = value >>> (8 * i);
}
