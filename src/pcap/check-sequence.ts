// Frame check sequences that a capture declares: of a record by its flags (epb_flags, bits 5 to 8), or of all on its
// interface (if_fcslen; in a pcap, the word of the link type). Where one is declared it stands at the end of the data, as far as
// the capture has not cut it, and is counted in the original length.

import {
  ENHANCED_FLAGS_FCS_MASK,
  ENHANCED_FLAGS_FCS_SHIFT,
  OPTION_ENHANCED_FLAGS,
} from "../layout/pcapng.layout.ts";
import type { CaptureOption, CaptureRecord } from "./capture-types.ts";

/** What the flags say can hold: four bits. */
export const FLAGGED_MAXIMUM = 15;

/** The bytes that a record's flags declare; undefined if they say nothing. */
export function flaggedLength(options: readonly CaptureOption[], bigEndian: boolean): number | undefined {
  for (const { code, value } of options) {
    if (code !== OPTION_ENHANCED_FLAGS || value.length !== 4) continue;
    const bits = viewOf(value).getUint32(0, !bigEndian) & ENHANCED_FLAGS_FCS_MASK;
    return bits >>> ENHANCED_FLAGS_FCS_SHIFT || undefined;
  }
  return undefined;
}

/** The options with flags that declare `length` bytes, 0 to say nothing; all else in them stays. */
export function withFlaggedLength(
  options: readonly CaptureOption[],
  length: number,
  bigEndian: boolean,
): readonly CaptureOption[] {
  const old = options.find(({ code }) => code === OPTION_ENHANCED_FLAGS);
  const flags = old === undefined ? 0 : viewOf(old.value).getUint32(0, !bigEndian);
  const value = new Uint8Array(4);
  viewOf(value).setUint32(
    0,
    (flags & ~ENHANCED_FLAGS_FCS_MASK) | (length << ENHANCED_FLAGS_FCS_SHIFT),
    !bigEndian,
  );
  const option = { code: OPTION_ENHANCED_FLAGS, value };
  return old === undefined ? [...options, option] : options.map((one) => (one === old ? option : one));
}

/**
 * The frame of a record without its declared check sequence: what all who work on frames expect. Where none is declared it
 * is what the record holds.
 */
export function frameOf({
  data,
  originalLength,
  fcsLength = 0,
}: Pick<CaptureRecord, "data" | "originalLength" | "fcsLength">): {
  /** A view of the record's data. */
  readonly data: Uint8Array;
  /** Bytes that the frame had on the wire. */
  readonly originalLength: number;
} {
  const length = Math.max(0, originalLength - fcsLength);
  return {
    data: data.length > length && fcsLength > 0 ? data.subarray(0, length) : data,
    originalLength: length,
  };
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
