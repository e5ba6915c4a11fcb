// The file header of pcap (draft-ietf-opsawg-pcap §4), bytes to numbers and back.
//
//    0                   1                   2                   3
//    |                         magic number                          |
//    |        major version          |        minor version          |
//    |                          reserved                             |
//    |                          reserved                             |
//    |                         snap length                           |
//    |  FCS  |R|P|     reserved      |           link type           |

import {
  PCAP_FCS_PRESENT,
  PCAP_FCS_SHIFT,
  PCAP_FILE_ACCURACY,
  PCAP_FILE_LENGTH,
  PCAP_FILE_LINK_TYPE,
  PCAP_FILE_MAGIC,
  PCAP_FILE_SNAP_LENGTH,
  PCAP_FILE_VERSION_MAJOR,
  PCAP_FILE_VERSION_MINOR,
  PCAP_FILE_ZONE,
  PCAP_LINK_TYPE_MASK,
  PCAP_MAGIC_MICROSECONDS,
  PCAP_MAGIC_MODIFIED,
  PCAP_MAGIC_NANOSECONDS,
  PCAP_RECORD_CAPTURED,
  PCAP_RECORD_ORIGINAL,
  PCAP_RESERVED_MASK,
  PCAP_VERSION_MAJOR,
  PCAP_VERSION_MINOR,
  PCAP_VERSION_MINOR_DOUBTFUL,
} from "../layout/pcap.layout.ts";
import { BLOCK_SECTION } from "../layout/pcapng.layout.ts";
import { CaptureError } from "./capture-error.ts";

/**
 * How the two lengths of a record stand. Before version 2.3 the original one stood first. In 2.3 either is met: no frame
 * has more bytes than it had on the wire, so the smaller one is the captured. libpcap and Wireshark read them so.
 */
export type LengthOrder = "straight" | "swapped" | "doubtful";

export interface PcapHeader {
  readonly bigEndian: boolean;
  /** The version's second number; the first is 2. What is written is 2.4. */
  readonly minor: number;
  readonly lengths: LengthOrder;
  /** Whether record fractions are nanoseconds, not microseconds. */
  readonly nanoseconds: boolean;
  /** Time zone, accuracy, and the bits above the link type that mean nothing: unused, kept. */
  readonly reserved: readonly [number, number, number];
  readonly snapLength: number;
  readonly linkType: number;
  /** Bytes of frame check sequence at the end of each frame, if the header says so. */
  readonly fcsLength: number | undefined;
}

/** The first four bytes tell pcap, pcapng or neither. */
export function recogniseCapture(bytes: Uint8Array): "pcap" | "pcapng" | CaptureError {
  if (bytes.length < 4) return new CaptureError(0, "the file is too short to be a capture");
  const magic = viewOf(bytes).getUint32(0);
  if (magic === BLOCK_SECTION) return "pcapng";
  const turned = turn(magic);
  for (const candidate of [magic, turned]) {
    if (candidate === PCAP_MAGIC_MICROSECONDS || candidate === PCAP_MAGIC_NANOSECONDS) return "pcap";
    if (candidate === PCAP_MAGIC_MODIFIED)
      return new CaptureError(
        0,
        "pcap with the modified magic number a1b2cd34, a form that is not read here",
      );
  }
  const packed =
    magic >>> 16 === 0x1f8b
      ? "gzip"
      : magic === 0x28b52ffd
        ? "zstd"
        : magic === 0x04224d18
          ? "lz4"
          : undefined;
  return new CaptureError(
    0,
    packed === undefined
      ? `neither pcap nor pcapng: the file starts with ${magic.toString(16).padStart(8, "0")}`
      : `the file is compressed with ${packed}: decompress it first`,
  );
}

/** Reads the 24 bytes of a file header. */
export function parsePcapHeader(bytes: Uint8Array): PcapHeader | CaptureError {
  const format = recogniseCapture(bytes);
  if (format instanceof CaptureError) return format;
  if (format !== "pcap") return new CaptureError(0, "pcapng, not pcap");
  if (bytes.length < PCAP_FILE_LENGTH)
    return new CaptureError(
      0,
      `the file header has ${PCAP_FILE_LENGTH} bytes, and ${bytes.length} are there`,
    );
  const view = viewOf(bytes);
  const magic = view.getUint32(PCAP_FILE_MAGIC);
  const bigEndian = magic === PCAP_MAGIC_MICROSECONDS || magic === PCAP_MAGIC_NANOSECONDS;
  const little = !bigEndian;
  const major = view.getUint16(PCAP_FILE_VERSION_MAJOR, little);
  const minor = view.getUint16(PCAP_FILE_VERSION_MINOR, little);
  if (major !== PCAP_VERSION_MAJOR || minor > PCAP_VERSION_MINOR)
    return new CaptureError(0, `pcap version ${major}.${minor}, and only 2.0 to 2.4 are read here`);
  const link = view.getUint32(PCAP_FILE_LINK_TYPE, little);
  const hasFcs = (link & PCAP_FCS_PRESENT) !== 0;
  return {
    bigEndian,
    minor,
    lengths: lengthOrder(minor),
    nanoseconds: (bigEndian ? magic : turn(magic)) === PCAP_MAGIC_NANOSECONDS,
    reserved: [
      view.getUint32(PCAP_FILE_ZONE, little),
      view.getUint32(PCAP_FILE_ACCURACY, little),
      (hasFcs ? link & PCAP_RESERVED_MASK : link) & ~PCAP_LINK_TYPE_MASK,
    ],
    snapLength: view.getUint32(PCAP_FILE_SNAP_LENGTH, little),
    linkType: link & PCAP_LINK_TYPE_MASK,
    fcsLength: hasFcs ? (link >>> PCAP_FCS_SHIFT) * 2 : undefined,
  };
}

/** The 24 bytes of a file header. */
export function emitPcapHeader(header: PcapHeader): Uint8Array {
  const bytes = new Uint8Array(PCAP_FILE_LENGTH);
  const view = viewOf(bytes);
  const little = !header.bigEndian;
  const { fcsLength } = header;
  const fcs = fcsLength === undefined ? 0 : ((fcsLength >> 1) << PCAP_FCS_SHIFT) | PCAP_FCS_PRESENT;
  view.setUint32(
    PCAP_FILE_MAGIC,
    header.nanoseconds ? PCAP_MAGIC_NANOSECONDS : PCAP_MAGIC_MICROSECONDS,
    little,
  );
  view.setUint16(PCAP_FILE_VERSION_MAJOR, PCAP_VERSION_MAJOR, little);
  view.setUint16(PCAP_FILE_VERSION_MINOR, PCAP_VERSION_MINOR, little);
  view.setUint32(PCAP_FILE_ZONE, header.reserved[0], little);
  view.setUint32(PCAP_FILE_ACCURACY, header.reserved[1], little);
  view.setUint32(PCAP_FILE_SNAP_LENGTH, header.snapLength, little);
  view.setUint32(PCAP_FILE_LINK_TYPE, header.reserved[2] | fcs | header.linkType, little);
  return bytes;
}

function lengthOrder(minor: number): LengthOrder {
  if (minor < PCAP_VERSION_MINOR_DOUBTFUL) return "swapped";
  return minor === PCAP_VERSION_MINOR_DOUBTFUL ? "doubtful" : "straight";
}

/** Bytes of the frame that the record at `position` holds. */
export function capturedLength(
  view: DataView,
  position: number,
  little: boolean,
  lengths: LengthOrder,
): number {
  const first = view.getUint32(position + PCAP_RECORD_CAPTURED, little);
  if (lengths === "straight") return first;
  const second = view.getUint32(position + PCAP_RECORD_ORIGINAL, little);
  return lengths === "swapped" ? second : Math.min(first, second);
}

/** Bytes that the frame of the record at `position` had on the wire. */
export function originalLength(
  view: DataView,
  position: number,
  little: boolean,
  lengths: LengthOrder,
): number {
  const second = view.getUint32(position + PCAP_RECORD_ORIGINAL, little);
  if (lengths === "straight") return second;
  const first = view.getUint32(position + PCAP_RECORD_CAPTURED, little);
  return lengths === "swapped" ? first : Math.max(first, second);
}

function turn(word: number): number {
  return ((word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
