// What every parser returns, and the two checks every parser and emitter begins with.
//
// A range has two ends: `end`, where the enclosing layer says that it ends, and the end of the bytes at hand.
// They differ in a frame that a capture cut. Comparing both in one place keeps "the sender contradicts itself"
// and "the capture was short" apart in all protocols.

import { ArgumentRangeError } from "../core/argument-error.ts";
import { byteArray, wholeNumber } from "../core/arguments.ts";
import type { StopReason } from "./stop-reasons.ts";

/** A header that could be read. */
export interface ParsedHeader<Header> {
  readonly ok: true;
  readonly header: Header;
  /** Offset of the first byte behind the header. */
  readonly payload: number;
  /** Offset behind the payload's last byte; beyond the bytes at hand if a capture cut the frame. */
  readonly end: number;
  /** A length field that cannot be, if it was not to be a stop: see {@link LengthOptions}. */
  readonly odd?: OddLength | undefined;
}

/** A length field that contradicts the range around it. */
export interface OddLength {
  /** Offset of the field. */
  readonly offset: number;
  readonly reason: StopReason;
  /** Offset where it says that the payload ends. */
  readonly end: number;
}

/** What becomes of a length field that contradicts the range around it. */
export interface LengthOptions {
  /**
   * `strict` (default) stops there. `lenient` reads on to the end of the range where the field is 0, as segmentation
   * offload leaves it, or reaches beyond the end, as in a frame that was cropped; and says so. One that is shorter than
   * its own header is a stop for both.
   */
  readonly lengths?: "strict" | "lenient" | undefined;
}

/** A header that could not be read. */
export interface Stopped {
  readonly ok: false;
  /** Offset of the byte at fault, or where the bytes ran out. */
  readonly offset: number;
  readonly stop: StopReason;
}

/** The outcome of a parser: look at `ok` first. */
export type Parsed<Header> = ParsedHeader<Header> | Stopped;

export function parsed<Header>(header: Header, payload: number, end: number): ParsedHeader<Header> {
  return { ok: true, header, payload, end };
}

/** Ends the payload at `declared`, as the field at `field` says, or tells that this cannot be. */
export function endAt<Header>(
  header: Header,
  payload: number,
  declared: number,
  end: number,
  options: LengthOptions,
  field: number,
  reason: StopReason,
): Parsed<Header> {
  if (declared >= payload && declared <= end) return parsed(header, payload, declared);
  if (declared < payload || options.lengths !== "lenient") return stopped(field, reason);
  return { ok: true, header, payload, end, odd: { offset: field, reason, end: declared } };
}

/** Reads on to the end, since the field at `field` is 0, and tells it; a stop if it is to be one. */
export function endless<Header>(
  header: Header,
  payload: number,
  end: number,
  options: LengthOptions,
  field: number,
  strict: StopReason,
  lenient: StopReason,
): Parsed<Header> {
  if (options.lengths !== "lenient") return stopped(field, strict);
  return { ok: true, header, payload, end, odd: { offset: field, reason: lenient, end } };
}

export function stopped(offset: number, stop: StopReason): Stopped {
  return { ok: false, offset, stop };
}

/** Throws unless `offset` lies in `bytes` and `end` not before it. */
export function checkRange(bytes: Uint8Array, offset: number, end: number): void {
  byteArray("bytes", bytes);
  wholeNumber("offset", offset, 0, bytes.length);
  wholeNumber("end", end, offset, Number.MAX_SAFE_INTEGER);
}

/** A stop if fewer than `length` bytes lie between `from` and `end`, or are at hand. */
export function missing(
  bytes: Uint8Array,
  from: number,
  end: number,
  length: number,
  reason: StopReason,
): Stopped | undefined {
  if (end - from < length) return stopped(Math.min(end, bytes.length), reason);
  if (bytes.length - from < length) return stopped(bytes.length, "cut-by-capture");
  return undefined;
}

/** Throws unless `into` has room for `length` bytes at `offset`; returns the offset behind them. */
export function room(into: Uint8Array, offset: number, length: number): number {
  byteArray("into", into);
  wholeNumber("offset", offset, 0, into.length);
  if (into.length - offset < length) {
    throw new ArgumentRangeError(
      "out-of-range",
      "into",
      `expected room for ${length} bytes at ${offset}, got ${into.length - offset}`,
    );
  }
  return offset + length;
}

/** A header to be emitted in which the fields `Defaulted` may be left out. */
export type Fields<Header, Defaulted extends keyof Header> = Omit<Header, Defaulted> & {
  readonly [Field in Defaulted]?: Header[Field] | undefined;
};
