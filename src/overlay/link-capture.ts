// What went over a link, as a capture file.

import type { InterfaceDescription } from "../pcap/capture-types.ts";
import { CaptureWriter } from "../pcap/capture-writer.ts";

export interface CapturedFrame {
  /** Virtual time in microseconds. */
  readonly timeUs: number;
  readonly direction: "ab" | "ba";
  readonly frame: Uint8Array;
}

/** A pcapng with an interface for each direction. */
export function captureFile(
  frames: readonly CapturedFrame[],
  names: { readonly ab: string; readonly ba: string },
): Uint8Array {
  const interfaces = {
    ab: { kind: "interface", name: names.ab },
    ba: { kind: "interface", name: names.ba },
  } as const satisfies Record<string, InterfaceDescription>;
  const writer = new CaptureWriter({ format: "pcapng" });
  const chunks = [writer.write([interfaces.ab, interfaces.ba])];
  for (const { timeUs, direction, frame } of frames) {
    const timestamp = BigInt(timeUs) * 1000n;
    chunks.push(writer.write({ data: frame, timestamp, interface: interfaces[direction] }));
  }
  chunks.push(writer.finish());
  const file = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    file.set(chunk, at);
    at += chunk.length;
  }
  return file;
}
