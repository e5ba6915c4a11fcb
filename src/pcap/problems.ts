// Why the next record or block of a capture cannot be: one set of sentences, whoever reads it. The kernels find that
// something is wrong (assembly/capture-read.ts asks the same questions), and what it is is found out here.

import { CAPTURED_MAXIMUM, PCAP_RECORD_LENGTH } from "../layout/pcap.layout.ts";
import {
  BLOCK_BODY,
  BLOCK_CUSTOM,
  BLOCK_CUSTOM_PRIVATE,
  BLOCK_INTERFACE_STATISTICS,
  BLOCK_MINIMUM,
  BLOCK_NAME_RESOLUTION,
  BLOCK_PACKET,
  BLOCK_SECRETS,
  BLOCK_SIMPLE_PACKET,
  CUSTOM_MINIMUM,
  ENHANCED_CAPTURED,
  ENHANCED_FRAME,
  ENHANCED_INTERFACE,
  NAME_END,
  NAME_IPV4,
  NAME_IPV6,
  NAME_LENGTH,
  NAME_VALUE,
  PACKET_INTERFACE,
  RECORD_BLOCK_MAXIMUM,
  SECRETS_DATA,
  SECRETS_LENGTH,
  SIMPLE_FRAME,
  SIMPLE_ORIGINAL,
  STATISTICS_OPTIONS,
} from "../layout/pcapng.layout.ts";
import { CaptureError } from "./capture-error.ts";
import { type OptionPlace, padded, parseOptions } from "./options.ts";
import { capturedLength, type LengthOrder } from "./pcap-format.ts";
import { type BlockHeader, parseBlockHeader, trailerProblem } from "./pcapng-format.ts";

/** What a packet block is measured by: the interfaces of its section that stand in front of it. */
export interface KnownInterfaces {
  readonly count: number;
  /** Snap length of the first. */
  readonly snapLength: number;
}

/** What a record of a pcap is wrong in; `view` holds its header at `position`. */
export function recordProblem(
  view: DataView,
  position: number,
  little: boolean,
  offset: number,
  lengths: LengthOrder,
): CaptureError | undefined {
  const captured = capturedLength(view, position, little, lengths);
  if (captured <= CAPTURED_MAXIMUM) return undefined;
  return new CaptureError(
    offset,
    `record claims ${captured} captured bytes, and at most ${CAPTURED_MAXIMUM} are accepted`,
  );
}

/** Where the packet in a block that is whole contradicts the block or its interface; its options aside. */
export function packetProblem(
  view: DataView,
  position: number,
  header: BlockHeader,
  { count, snapLength }: KnownInterfaces,
  offset: number,
): CaptureError | undefined {
  const little = !header.bigEndian;
  const simple = header.type === BLOCK_SIMPLE_PACKET;
  const id = simple
    ? 0
    : header.type === BLOCK_PACKET
      ? view.getUint16(position + PACKET_INTERFACE, little)
      : view.getUint32(position + ENHANCED_INTERFACE, little);
  if (id >= count)
    return new CaptureError(offset, `packet of interface ${id}, and ${count} are described before it`);
  const captured = simple
    ? simpleLength(view.getUint32(position + SIMPLE_ORIGINAL, little), snapLength)
    : view.getUint32(position + ENHANCED_CAPTURED, little);
  const space = header.totalLength - 4 - (simple ? SIMPLE_FRAME : ENHANCED_FRAME);
  if (captured <= CAPTURED_MAXIMUM && captured <= space) return undefined;
  return new CaptureError(
    offset,
    captured > CAPTURED_MAXIMUM
      ? `packet claims ${captured} captured bytes, and at most ${CAPTURED_MAXIMUM} are accepted`
      : `packet claims ${captured} captured bytes, and its block has room for ${space}`,
  );
}

/** The captured length of a simple block is not written down, it follows from the snap length (pcapng §4.4). */
export function simpleLength(originalLength: number, snapLength: number): number {
  return snapLength === 0 ? originalLength : Math.min(originalLength, snapLength);
}

/**
 * What is wrong with the record or packet block at the start of `rest`, which kernels have refused; undefined if that
 * cannot be seen of these bytes. `known` is undefined in a pcap.
 */
export function problemAt(
  rest: Uint8Array,
  bigEndian: boolean,
  known: KnownInterfaces | undefined,
  offset: number,
  lengths: LengthOrder,
): CaptureError | undefined {
  const view = new DataView(rest.buffer, rest.byteOffset, rest.byteLength);
  if (rest.length < (known === undefined ? PCAP_RECORD_LENGTH : BLOCK_MINIMUM)) return undefined;
  if (known === undefined) return recordProblem(view, 0, !bigEndian, offset, lengths);
  const header = parseBlockHeader(view, 0, bigEndian, offset);
  if (header instanceof CaptureError) return header;
  const { type, totalLength } = header;
  if (totalLength > rest.length) return undefined;
  const problem = trailerProblem(view, 0, header, offset) ?? packetProblem(view, 0, header, known, offset);
  if (problem !== undefined || type === BLOCK_SIMPLE_PACKET) return problem;
  const options = ENHANCED_FRAME + padded(view.getUint32(ENHANCED_CAPTURED, !bigEndian));
  const parsed = parseOptions(view, options, totalLength - 4, bigEndian, "record");
  return typeof parsed === "string" ? new CaptureError(offset, parsed) : undefined;
}

/**
 * What is wrong inside of a block that is neither packet nor section nor interface, and is given whole: of those that
 * the standard describes. Others are their writers' business, as are ones longer than any packet.
 */
export function otherBlockProblem(
  block: Uint8Array,
  { type, totalLength, bigEndian }: BlockHeader,
  offset: number,
): CaptureError | undefined {
  if (totalLength > RECORD_BLOCK_MAXIMUM) return undefined;
  const view = new DataView(block.buffer, block.byteOffset, totalLength);
  const problem = INSIDES.get(type)?.(view, totalLength - 4, bigEndian);
  return problem === undefined ? undefined : new CaptureError(offset, `block of type ${type}: ${problem}`);
}

/** For each type what is wrong with a block that ends, but for its length, at `end`. */
type Inside = (view: DataView, end: number, bigEndian: boolean) => string | undefined;

const custom: Inside = (_, end) =>
  end + 4 < CUSTOM_MINIMUM ? "it has no enterprise number to begin with" : undefined;
const INSIDES: ReadonlyMap<number, Inside> = new Map([
  [BLOCK_NAME_RESOLUTION, namesProblem],
  [BLOCK_INTERFACE_STATISTICS, statisticsProblem],
  [BLOCK_SECRETS, secretsProblem],
  [BLOCK_CUSTOM, custom],
  [BLOCK_CUSTOM_PRIVATE, custom],
]);

function namesProblem(view: DataView, end: number, bigEndian: boolean): string | undefined {
  let at = BLOCK_BODY;
  for (;;) {
    if (end - at < NAME_VALUE) return "its names have no end";
    const type = view.getUint16(at, !bigEndian);
    const length = view.getUint16(at + NAME_LENGTH, !bigEndian);
    at += NAME_VALUE;
    if (length > end - at) return `a name claims ${length} bytes, but ${end - at} are left`;
    if (type === NAME_END) return optionsProblem(view, at + padded(length), end, bigEndian, "other");
    const address = type === NAME_IPV4 ? 4 : type === NAME_IPV6 ? 16 : 0;
    if (address !== 0 && (length < address + 2 || view.getUint8(at + length - 1) !== 0))
      return "a name is not ended by a zero byte";
    at += padded(length);
  }
}

function statisticsProblem(view: DataView, end: number, bigEndian: boolean): string | undefined {
  if (end < STATISTICS_OPTIONS) return "it is too short for statistics";
  return optionsProblem(view, STATISTICS_OPTIONS, end, bigEndian, "statistics");
}

function secretsProblem(view: DataView, end: number, bigEndian: boolean): string | undefined {
  if (end < SECRETS_DATA) return "it is too short for secrets";
  const length = view.getUint32(SECRETS_LENGTH, !bigEndian);
  const space = end - SECRETS_DATA;
  if (length > space) return `its secrets claim ${length} bytes, but ${space} are left`;
  return optionsProblem(view, SECRETS_DATA + padded(length), end, bigEndian, "other");
}

function optionsProblem(
  view: DataView,
  start: number,
  end: number,
  bigEndian: boolean,
  place: OptionPlace,
): string | undefined {
  const parsed = parseOptions(view, start, end, bigEndian, place);
  return typeof parsed === "string" ? parsed : undefined;
}

/** The file ends `length` bytes into something that takes at least `wanted`. */
export function endsInside(
  what: "header" | "record" | "block",
  length: number,
  wanted: number,
  offset: number,
): CaptureError {
  return new CaptureError(
    offset,
    `the file ends ${length} bytes into a ${what}, which has at least ${wanted}`,
  );
}
