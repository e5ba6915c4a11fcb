// Makes large captures on the spot: VXLAN over IPv4, or tagged frames, in a realistic mix of sizes and flows.

import { open } from "node:fs/promises";
import { PCAP_FILE_LENGTH, PCAP_MAGIC_MICROSECONDS, PCAP_RECORD_LENGTH } from "../src/layout/pcap.layout.ts";
import { completeOuter, OUTER_LENGTH, outerTemplate, Random, writeFrame } from "./frames.ts";

/** The simple Internet mix, by passenger: 7 short frames to 4 of 570 bytes and 1 full one. */
const MIX = [64, 64, 64, 64, 64, 64, 64, 570, 570, 570, 570, 1514];
const FLOWS = 4096;
const CHUNK = 4 * 1024 * 1024;

/** Writes `file` with at least `bytes` bytes; returns how many records it holds. */
export async function makeCapture(file: string, bytes: number, kind: "vxlan" | "tagged"): Promise<number> {
  const random = new Random(20260401);
  const outer = outerTemplate();
  // One frame of each flow and size; what changes from record to record is written over a copy.
  const sizes = [...new Set(MIX)];
  const bank = new Map<number, Uint8Array[]>();
  for (const size of sizes)
    bank.set(
      size,
      Array.from({ length: FLOWS / 8 }, (_, i) => record(size, i, kind, outer)),
    );

  const chunk = new Uint8Array(CHUNK);
  const view = new DataView(chunk.buffer);
  view.setUint32(0, PCAP_MAGIC_MICROSECONDS, true);
  view.setUint16(4, 2, true);
  view.setUint16(6, 4, true);
  view.setUint32(16, 262144, true);
  view.setUint32(20, 1, true);
  let at = PCAP_FILE_LENGTH;
  let written = 0;
  let records = 0;
  const output = await open(file, "w");
  try {
    while (written + at < bytes) {
      const size = MIX[random.below(MIX.length)]!;
      const flow = random.below(FLOWS / 8);
      const made = bank.get(size)![flow]!;
      if (at + made.length > CHUNK) {
        await output.write(chunk, 0, at);
        written += at;
        at = 0;
      }
      chunk.set(made, at);
      const microseconds = records * 7;
      view.setUint32(at, 1700000000 + Math.floor(microseconds / 1e6), true);
      view.setUint32(at + 4, microseconds % 1e6, true);
      at += made.length;
      records++;
    }
    await output.write(chunk, 0, at);
  } finally {
    await output.close();
  }
  return records;
}

function record(size: number, flow: number, kind: "vxlan" | "tagged", outer: Uint8Array): Uint8Array {
  const before = kind === "vxlan" ? OUTER_LENGTH : 4;
  const length = before + size;
  const bytes = new Uint8Array(PCAP_RECORD_LENGTH + length);
  const view = new DataView(bytes.buffer);
  view.setUint32(8, length, true);
  view.setUint32(12, length, true);
  writeFrame(view, PCAP_RECORD_LENGTH + before, size, flow);
  if (kind === "vxlan") {
    bytes.set(outer, PCAP_RECORD_LENGTH);
    completeOuter(view, PCAP_RECORD_LENGTH, size, 49152 + ((flow * 31) & 16383));
  } else {
    bytes.copyWithin(PCAP_RECORD_LENGTH, PCAP_RECORD_LENGTH + 4, PCAP_RECORD_LENGTH + 16);
    view.setUint32(PCAP_RECORD_LENGTH + 12, 0x81000064);
  }
  return bytes;
}
