// Captures in memory that all threads see.

import { PCAP_FILE_LENGTH, PCAP_MAGIC_MICROSECONDS, PCAP_RECORD_LENGTH } from "../src/layout/pcap.layout.ts";
import { makeFrames, makeRecords } from "./frames.ts";

/** A little-endian pcap of about `length` bytes in which the sizes take turns. */
export function memoryCapture(
  sizes: readonly number[],
  length: number,
): { bytes: Uint8Array<SharedArrayBuffer>; frames: number } {
  const piece = makeRecords(
    Array.from({ length: 480 }, (_, i) => makeFrames(1, sizes[i % sizes.length]!)).flat(),
  );
  const pieces = Math.floor(length / piece.length);
  const bytes = new Uint8Array(new SharedArrayBuffer(PCAP_FILE_LENGTH + pieces * piece.length));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, PCAP_MAGIC_MICROSECONDS, true);
  view.setUint16(4, 2, true);
  view.setUint16(6, 4, true);
  view.setUint32(16, 262144, true);
  view.setUint32(20, 1, true);
  for (let i = 0; i < pieces; i++) bytes.set(piece, PCAP_FILE_LENGTH + i * piece.length);
  // Of many flows, as those of a real capture.
  let frames = 0;
  for (let at = PCAP_FILE_LENGTH; at < bytes.length; frames++) {
    const frame = at + PCAP_RECORD_LENGTH;
    view.setUint16(frame + 34, frames);
    at = frame + view.getUint32(at + 8, true);
  }
  return { bytes, frames };
}
