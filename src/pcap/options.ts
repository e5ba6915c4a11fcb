// The options of pcapng blocks (draft-ietf-opsawg-pcapng §3.5): kept raw, the well-known ones read and made here.

import { ArgumentRangeError } from "../core/argument-error.ts";
import {
  BLOCK_ALIGNMENT,
  OPTION_CODE,
  OPTION_COMMENT,
  OPTION_CUSTOM_BYTES,
  OPTION_CUSTOM_BYTES_PRIVATE,
  OPTION_CUSTOM_TEXT,
  OPTION_CUSTOM_TEXT_PRIVATE,
  OPTION_END,
  OPTION_ENHANCED_DROPS,
  OPTION_ENHANCED_FLAGS,
  OPTION_ENHANCED_PACKET_ID,
  OPTION_ENHANCED_QUEUE,
  OPTION_INTERFACE_RECEIVE_SPEED,
  OPTION_INTERFACE_SEND_SPEED,
  OPTION_INTERFACE_SPEED,
  OPTION_INTERFACE_TIME_OFFSET,
  OPTION_INTERFACE_TIME_ZONE,
  OPTION_LENGTH,
  OPTION_VALUE,
} from "../layout/pcapng.layout.ts";
import type { CaptureOption } from "./capture-types.ts";

/** Shared by all records without options. */
export const NO_OPTIONS: readonly CaptureOption[] = Object.freeze([]) as readonly CaptureOption[];

/** The options from `start` to `end`; a sentence if they do not fit in there. Values are copies. */
export function parseOptions(
  view: DataView,
  start: number,
  end: number,
  bigEndian: boolean,
): readonly CaptureOption[] | string {
  if (end - start < OPTION_VALUE) return NO_OPTIONS;
  const options: CaptureOption[] = [];
  let position = start;
  while (end - position >= OPTION_VALUE) {
    const code = view.getUint16(position + OPTION_CODE, !bigEndian);
    const length = view.getUint16(position + OPTION_LENGTH, !bigEndian);
    if (code === OPTION_END) break;
    position += OPTION_VALUE;
    if (length > end - position)
      return `option ${code} claims ${length} bytes, but ${end - position} are left in its block`;
    options.push({ code, value: bytesOf(view, position, length).slice() });
    position += padded(length);
  }
  return options;
}

/** How many bytes `emitOptions` will write: none without options, so that no end mark stands alone. */
export function optionsLength(options: readonly CaptureOption[]): number {
  if (options.length === 0) return 0;
  let length = OPTION_VALUE;
  for (const option of options) length += OPTION_VALUE + padded(option.value.length);
  return length;
}

/** Writes the options and an end mark at `position`, zero padding included; returns where they end. */
export function emitOptions(
  view: DataView,
  position: number,
  options: readonly CaptureOption[],
  bigEndian: boolean,
): number {
  if (options.length === 0) return position;
  for (const { code, value } of options) {
    view.setUint16(position + OPTION_CODE, code, !bigEndian);
    view.setUint16(position + OPTION_LENGTH, value.length, !bigEndian);
    position += OPTION_VALUE;
    const bytes = bytesOf(view, position, padded(value.length));
    bytes.set(value);
    bytes.fill(0, value.length);
    position += bytes.length;
  }
  view.setUint32(position, 0);
  return position + OPTION_VALUE;
}

/** The comments among the options, in order. */
export function commentsOf(options: readonly CaptureOption[]): string[] {
  const comments: string[] = [];
  for (const { code, value } of options) if (code === OPTION_COMMENT) comments.push(decodeText(value));
  return comments;
}

/** A comment as an option, for a record, an interface or a section. */
export function commentOption(text: string): CaptureOption {
  return textOption(OPTION_COMMENT, text);
}

/** The first option with this code as text. */
export function textOf(options: readonly CaptureOption[], code: number): string | undefined {
  const option = options.find((candidate) => candidate.code === code);
  return option && decodeText(option.value);
}

export function textOption(code: number, text: string): CaptureOption {
  const value = new TextEncoder().encode(text);
  if (value.length > 0xffff)
    throw new ArgumentRangeError("out-of-range", "text", `expected at most 65535 bytes, got ${value.length}`);
  return { code, value };
}

/** `length` rounded up to the alignment of blocks. */
export function padded(length: number): number {
  return Math.ceil(length / BLOCK_ALIGNMENT) * BLOCK_ALIGNMENT;
}

/** The same options for a section of the other byte order: numbers that the standard defines are turned round. */
export function turnOptions(
  options: readonly CaptureOption[],
  block: "section" | "interface" | "record",
): CaptureOption[] {
  return options.map(({ code, value }) => {
    const length = numberLength(code, block);
    if (length === 0 || value.length < length) return { code, value };
    const turned = value.slice();
    turned.subarray(0, length).reverse();
    return { code, value: turned };
  });
}

/** How many bytes at the start of the value are one number in the byte order of the section. */
function numberLength(code: number, block: "section" | "interface" | "record"): 0 | 4 | 8 {
  if (
    code === OPTION_CUSTOM_TEXT ||
    code === OPTION_CUSTOM_BYTES ||
    code === OPTION_CUSTOM_TEXT_PRIVATE ||
    code === OPTION_CUSTOM_BYTES_PRIVATE
  )
    return 4;
  if (block === "interface") {
    if (code === OPTION_INTERFACE_TIME_ZONE) return 4;
    return code === OPTION_INTERFACE_SPEED ||
      code === OPTION_INTERFACE_TIME_OFFSET ||
      code === OPTION_INTERFACE_SEND_SPEED ||
      code === OPTION_INTERFACE_RECEIVE_SPEED
      ? 8
      : 0;
  }
  if (block === "record") {
    if (code === OPTION_ENHANCED_FLAGS || code === OPTION_ENHANCED_QUEUE) return 4;
    if (code === OPTION_ENHANCED_DROPS || code === OPTION_ENHANCED_PACKET_ID) return 8;
  }
  return 0;
}

function decodeText(value: Uint8Array): string {
  // Some programs store a terminating zero although the standard says they must not.
  const end = value.indexOf(0);
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(end < 0 ? value : value.subarray(0, end));
}

function bytesOf(view: DataView, position: number, length: number): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset + position, length);
}
