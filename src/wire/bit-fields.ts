// Headers whose fields are numbers in fixed places, as tables: a row says where a field begins, counted in bits from the
// header's first byte as the diagrams of standards count, and how wide it is. What is one bit wide and has no width is a
// flag. Bits that no row names are reserved: not looked at, and sent as 0.

import { trueOrFalse, wholeNumber } from "../core/arguments.ts";
import { checkRange, missing, type Parsed, parsed, room } from "./parsed.ts";
import type { StopReason } from "./stop-reasons.ts";

/** Where a field lies: a number of at most 32 bits, and what stands there if it is left out; or a flag, false if left out. */
export type BitRow<T> = [T] extends [boolean]
  ? readonly [at: number]
  : readonly [at: number, width: number, fallback?: number];

/** The rows of the fields `K` of a header; all of its fields unless said otherwise. */
export type BitTable<Header, K extends keyof Header = keyof Header> = {
  readonly [Name in K]-?: BitRow<Header[Name]>;
};

type AnyTable = Readonly<Record<string, readonly [at: number, width?: number, fallback?: number]>>;

/** Reads all fields of a table; the caller has checked the range. */
export function readBits<Header extends object, K extends keyof Header>(
  table: BitTable<Header, K>,
  bytes: Uint8Array,
  offset: number,
): Pick<Header, K> {
  const rows = table as unknown as AnyTable;
  const header: Record<string, number | boolean> = {};
  for (const name in rows) {
    const [at, width] = rows[name]!;
    const value = numberAt(bytes, offset * 8 + at, width ?? 1);
    header[name] = width === undefined ? value === 1 : value;
  }
  return header as Pick<Header, K>;
}

/** Writes all fields of a table over zeroes. What a header has beside them is not looked at. */
export function writeBits(table: object, header: object, into: Uint8Array, offset: number): void {
  const rows = table as AnyTable;
  const given = header as Readonly<Record<string, unknown>>;
  for (const name in rows) {
    const [at, width, fallback] = rows[name]!;
    const value =
      width === undefined
        ? Number(trueOrFalse(name, given[name] ?? false))
        : wholeNumber(name, given[name] ?? fallback, 0, 2 ** width - 1);
    addNumber(into, offset * 8 + at, width ?? 1, value);
  }
}

/** The parser of a header that is nothing but a table. */
export function parseBits<Header extends object>(
  table: BitTable<Header>,
  length: number,
  truncated: StopReason,
  bytes: Uint8Array,
  offset: number,
  end: number,
): Parsed<Header> {
  checkRange(bytes, offset, end);
  const short = missing(bytes, offset, end, length, truncated);
  return short ?? parsed(readBits<Header, keyof Header>(table, bytes, offset), offset + length, end);
}

/** And what writes one; returns the offset behind it. */
export function emitBits(
  table: object,
  length: number,
  header: object,
  into: Uint8Array,
  offset: number,
): number {
  const next = room(into, offset, length);
  into.fill(0, offset, next);
  writeBits(table, header, into, offset);
  return next;
}

/** Five bytes at most: as a number, since 32 bits may lie across them. */
function numberAt(bytes: Uint8Array, bit: number, width: number): number {
  const last = (bit + width - 1) >>> 3;
  let value = 0;
  for (let at = bit >>> 3; at <= last; at++) value = value * 256 + bytes[at]!;
  return Math.floor(value / 2 ** ((last + 1) * 8 - bit - width)) % 2 ** width;
}

function addNumber(into: Uint8Array, bit: number, width: number, value: number): void {
  const first = bit >>> 3;
  const last = (bit + width - 1) >>> 3;
  let rest = value * 2 ** ((last + 1) * 8 - bit - width);
  for (let at = last; at >= first; at--) {
    into[at]! |= rest % 256;
    rest = Math.floor(rest / 256);
  }
}
