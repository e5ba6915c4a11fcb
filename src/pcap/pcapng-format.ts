// The blocks of pcapng that describe (draft-ietf-opsawg-pcapng §4.1, §4.2), bytes to values and back.
//
//    |                          block type                           |
//    |                      block total length                       |
//    |                 body, padded to four bytes …                  |
//    |                      block total length                       |

import {
  BLOCK_ALIGNMENT,
  BLOCK_BODY,
  BLOCK_ENHANCED_PACKET,
  BLOCK_INTERFACE,
  BLOCK_MAXIMUM,
  BLOCK_MINIMUM,
  BLOCK_PACKET,
  BLOCK_SECTION,
  BLOCK_SIMPLE_PACKET,
  BLOCK_TOTAL_LENGTH,
  BLOCK_TYPE,
  ENHANCED_MINIMUM,
  INTERFACE_LINK_TYPE,
  INTERFACE_MINIMUM,
  INTERFACE_OPTIONS,
  INTERFACE_SNAP_LENGTH,
  OPTION_INTERFACE_FCS_LENGTH,
  OPTION_INTERFACE_TIME_OFFSET,
  OPTION_INTERFACE_TIME_RESOLUTION,
  RECORD_BLOCK_MAXIMUM,
  SECTION_BYTE_ORDER,
  SECTION_LENGTH,
  SECTION_MAGIC,
  SECTION_MAJOR,
  SECTION_MINIMUM,
  SECTION_MINOR,
  SECTION_MINOR_ALIKE,
  SECTION_OPTIONS,
  SECTION_VERSION_MAJOR,
  SECTION_VERSION_MINOR,
  SIMPLE_MINIMUM,
  TIME_EXPONENT_DEFAULT,
  TIME_POWER_OF_TWO,
} from "../layout/pcapng.layout.ts";
import { CaptureError } from "./capture-error.ts";
import type { CaptureOption } from "./capture-types.ts";
import { emitOptions, optionsLength, padded, parseOptions } from "./options.ts";
import type { TimeResolution } from "./time.ts";

export interface BlockHeader {
  readonly type: number;
  readonly totalLength: number;
  /** Byte order of this block: for a section header its own, for others that of their section. */
  readonly bigEndian: boolean;
}

export interface SectionBlock {
  readonly bigEndian: boolean;
  readonly minor: number;
  readonly options: readonly CaptureOption[];
}

export interface InterfaceBlock {
  readonly linkType: number;
  readonly snapLength: number;
  readonly resolution: TimeResolution;
  readonly offsetSeconds: bigint;
  readonly fcsLength: number | undefined;
  readonly options: readonly CaptureOption[];
}

const MICROSECONDS: TimeResolution = Object.freeze({ base: 10, exponent: TIME_EXPONENT_DEFAULT });

/** Reads the first 12 bytes of a block at `position`; `offset` is that position in the file. */
export function parseBlockHeader(
  view: DataView,
  position: number,
  bigEndian: boolean,
  offset: number,
): BlockHeader | CaptureError {
  const type = view.getUint32(position + BLOCK_TYPE, !bigEndian);
  let minimum = BLOCK_MINIMUM;
  if (type === BLOCK_SECTION) {
    bigEndian = view.getUint32(position + SECTION_BYTE_ORDER) === SECTION_MAGIC;
    if (!bigEndian && view.getUint32(position + SECTION_BYTE_ORDER, true) !== SECTION_MAGIC)
      return new CaptureError(offset, "section header without the byte-order magic 1a2b3c4d");
    minimum = SECTION_MINIMUM;
  } else if (type === BLOCK_ENHANCED_PACKET || type === BLOCK_PACKET) minimum = ENHANCED_MINIMUM;
  else if (type === BLOCK_INTERFACE) minimum = INTERFACE_MINIMUM;
  else if (type === BLOCK_SIMPLE_PACKET) minimum = SIMPLE_MINIMUM;
  const totalLength = view.getUint32(position + BLOCK_TOTAL_LENGTH, !bigEndian);
  if (totalLength < minimum)
    return new CaptureError(
      offset,
      `block of type ${type} claims ${totalLength} bytes, and the shortest has ${minimum}`,
    );
  const maximum = minimum === BLOCK_MINIMUM ? BLOCK_MAXIMUM : RECORD_BLOCK_MAXIMUM;
  if (totalLength > maximum)
    return new CaptureError(
      offset,
      `block of type ${type} claims ${totalLength} bytes, and at most ${maximum} are accepted`,
    );
  if (totalLength % BLOCK_ALIGNMENT !== 0)
    return new CaptureError(
      offset,
      `block of type ${type} claims ${totalLength} bytes, which is no multiple of 4`,
    );
  return { type, totalLength, bigEndian };
}

/** Reads a whole section header block; its byte order is found in it. */
export function parseSectionBlock(block: Uint8Array, offset = 0): SectionBlock | CaptureError {
  const view = viewOf(block);
  const header = wholeBlock(view, BLOCK_SECTION, false, offset);
  if (header instanceof CaptureError) return header;
  const { bigEndian } = header;
  const major = view.getUint16(SECTION_VERSION_MAJOR, !bigEndian);
  const minor = view.getUint16(SECTION_VERSION_MINOR, !bigEndian);
  // A minor version is another when those who know this one cannot read all of it (§4.1).
  if (major !== SECTION_MAJOR || (minor !== SECTION_MINOR && minor !== SECTION_MINOR_ALIKE))
    return new CaptureError(offset, `pcapng version ${major}.${minor}, and only 1.0 and 1.2 are read here`);
  const options = parseOptions(view, SECTION_OPTIONS, header.totalLength - 4, bigEndian, "section");
  return typeof options === "string" ? new CaptureError(offset, options) : { bigEndian, minor, options };
}

/** A section header block; its length is left open, as a stream cannot know it. */
export function emitSectionBlock(section: SectionBlock): Uint8Array {
  const { bigEndian, options } = section;
  const block = emptyBlock(BLOCK_SECTION, SECTION_MINIMUM + optionsLength(options), bigEndian);
  const view = viewOf(block);
  view.setUint32(SECTION_BYTE_ORDER, SECTION_MAGIC, !bigEndian);
  view.setUint16(SECTION_VERSION_MAJOR, SECTION_MAJOR, !bigEndian);
  view.setUint16(SECTION_VERSION_MINOR, section.minor, !bigEndian);
  view.setBigInt64(SECTION_LENGTH, -1n);
  emitOptions(view, SECTION_OPTIONS, options, bigEndian);
  return block;
}

/** Reads a whole interface description block. */
export function parseInterfaceBlock(
  block: Uint8Array,
  bigEndian: boolean,
  offset = 0,
): InterfaceBlock | CaptureError {
  const view = viewOf(block);
  const header = wholeBlock(view, BLOCK_INTERFACE, bigEndian, offset);
  if (header instanceof CaptureError) return header;
  const options = parseOptions(view, INTERFACE_OPTIONS, header.totalLength - 4, bigEndian, "interface");
  if (typeof options === "string") return new CaptureError(offset, options);
  return {
    linkType: view.getUint16(INTERFACE_LINK_TYPE, !bigEndian),
    snapLength: view.getUint32(INTERFACE_SNAP_LENGTH, !bigEndian),
    ...interfaceNumbers(options, bigEndian),
    options,
  };
}

/** An interface description block. Options for resolution, time offset and FCS length are put right where they
 * say something else than the fields. */
export function emitInterfaceBlock(description: InterfaceBlock, bigEndian: boolean): Uint8Array {
  const options = settledOptions(description, bigEndian);
  const block = emptyBlock(BLOCK_INTERFACE, INTERFACE_MINIMUM + optionsLength(options), bigEndian);
  const view = viewOf(block);
  view.setUint16(INTERFACE_LINK_TYPE, description.linkType, !bigEndian);
  view.setUint32(INTERFACE_SNAP_LENGTH, description.snapLength, !bigEndian);
  emitOptions(view, INTERFACE_OPTIONS, options, bigEndian);
  return block;
}

/** What the options say, or their absence. */
function interfaceNumbers(
  options: readonly CaptureOption[],
  bigEndian: boolean,
): Pick<InterfaceBlock, "resolution" | "offsetSeconds" | "fcsLength"> {
  let resolution = MICROSECONDS;
  let offsetSeconds = 0n;
  let fcsLength: number | undefined;
  for (const { code, value } of options) {
    if (code === OPTION_INTERFACE_TIME_RESOLUTION && value.length === 1) {
      const byte = value[0]!;
      resolution = { base: byte & TIME_POWER_OF_TWO ? 2 : 10, exponent: byte & ~TIME_POWER_OF_TWO };
    } else if (code === OPTION_INTERFACE_TIME_OFFSET && value.length === 8)
      offsetSeconds = viewOf(value).getBigInt64(0, !bigEndian);
    else if (code === OPTION_INTERFACE_FCS_LENGTH && value.length === 1) {
      // The standard's words say bits and its example is 4: programs store bytes, a few store bits.
      fcsLength = value[0]! < 16 ? value[0]! : value[0]! >> 3;
    }
  }
  return { resolution, offsetSeconds, fcsLength };
}

function settledOptions(description: InterfaceBlock, bigEndian: boolean): readonly CaptureOption[] {
  const { resolution, offsetSeconds, fcsLength } = description;
  const said = interfaceNumbers(description.options, bigEndian);
  let options = description.options;
  if (said.resolution.base !== resolution.base || said.resolution.exponent !== resolution.exponent) {
    const byte = resolution.base === 2 ? resolution.exponent | TIME_POWER_OF_TWO : resolution.exponent;
    options = replaced(options, OPTION_INTERFACE_TIME_RESOLUTION, Uint8Array.of(byte));
  }
  if (said.offsetSeconds !== offsetSeconds) {
    const value = new Uint8Array(8);
    viewOf(value).setBigInt64(0, offsetSeconds, !bigEndian);
    options = replaced(options, OPTION_INTERFACE_TIME_OFFSET, value);
  }
  if (said.fcsLength !== fcsLength && fcsLength !== undefined)
    options = replaced(options, OPTION_INTERFACE_FCS_LENGTH, Uint8Array.of(fcsLength));
  return options;
}

function replaced(options: readonly CaptureOption[], code: number, value: Uint8Array): CaptureOption[] {
  return [...options.filter((option) => option.code !== code), { code, value }];
}

/** The header of a block that must be there as a whole, trailing length included. */
function wholeBlock(
  view: DataView,
  type: number,
  bigEndian: boolean,
  offset: number,
): BlockHeader | CaptureError {
  if (view.byteLength < BLOCK_MINIMUM)
    return new CaptureError(offset, `a block has at least ${BLOCK_MINIMUM} bytes, got ${view.byteLength}`);
  const header = parseBlockHeader(view, 0, bigEndian, offset);
  if (header instanceof CaptureError) return header;
  if (header.type !== type)
    return new CaptureError(offset, `expected a block of type ${type}, got ${header.type}`);
  if (view.byteLength < header.totalLength)
    return new CaptureError(offset, `block of ${header.totalLength} bytes, and ${view.byteLength} are there`);
  return trailerProblem(view, 0, header, offset) ?? header;
}

/** The total length stands at both ends of a block; they must agree. */
export function trailerProblem(
  view: DataView,
  position: number,
  header: BlockHeader,
  offset: number,
): CaptureError | undefined {
  const trailer = view.getUint32(position + header.totalLength - 4, !header.bigEndian);
  if (trailer === header.totalLength) return undefined;
  return lengthsDiffer(header.type, header.totalLength, trailer, offset);
}

export function lengthsDiffer(type: number, length: number, trailer: number, offset: number): CaptureError {
  return new CaptureError(
    offset,
    `block of type ${type} gives its length as ${length} in front and ${trailer} at its end`,
  );
}

/** Zeroes with type and both lengths in place. */
export function emptyBlock(type: number, totalLength: number, bigEndian: boolean): Uint8Array {
  const block = new Uint8Array(totalLength);
  const view = viewOf(block);
  view.setUint32(BLOCK_TYPE, type, !bigEndian);
  view.setUint32(BLOCK_TOTAL_LENGTH, totalLength, !bigEndian);
  view.setUint32(totalLength - 4, totalLength, !bigEndian);
  return block;
}

/** A block of any type around a body, which is padded with zeroes. */
export function emitBlock(type: number, body: Uint8Array, bigEndian: boolean): Uint8Array {
  const length = padded(body.length);
  const block = emptyBlock(type, BLOCK_MINIMUM + length, bigEndian);
  block.set(body, BLOCK_BODY);
  return block;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
