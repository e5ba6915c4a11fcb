// Reading captures record by record: the package's reader beside the packages that npm has for it.

import { readCapture } from "../src/pcap/capture-reader.ts";
import { CaptureWriter } from "../src/pcap/capture-writer.ts";
import { type Contest, FRAMEFERRY } from "./contests.ts";
import { makeFrames } from "./frames.ts";
import { npmReadPcap, npmReadPcapng } from "./peers/npm-packages.ts";
import { asyncContender } from "./rounds.ts";

const RECORDS = 4096;
const CHUNK = 65536;

export async function readerContests(): Promise<Contest[]> {
  const contests: Contest[] = [];
  for (const bytes of [64, 1500]) {
    const frames = makeFrames(RECORDS, bytes);
    for (const format of ["pcap", "pcapng"] as const) {
      const chunks = inChunks(encode(frames, format));
      const peer = format === "pcap" ? "npm pcap-parser" : "npm pcap-ng-parser";
      const theirs = (): Promise<number> => (format === "pcap" ? npmReadPcap(chunks) : npmReadPcapng(chunks));
      const ours = async (): Promise<number> => {
        let records = 0;
        for await (const _ of readCapture(chunks)) records++;
        return records;
      };
      const contenders = [asyncContender(FRAMEFERRY, RECORDS, () => whole(ours))];
      contenders.push(asyncContender(peer, RECORDS, () => whole(theirs)));
      contests.push({ group: `read ${format}`, bytes, contenders });
    }
  }
  return contests;
}

async function whole(read: () => Promise<number>): Promise<void> {
  const records = await read();
  if (records !== RECORDS) throw new Error(`read: ${records} records, not ${RECORDS}`);
}

function encode(frames: readonly Uint8Array[], format: "pcap" | "pcapng"): Buffer {
  // pcap-ng-parser fails on an interface without options and on most with some; a name it gets past.
  const writer = new CaptureWriter({ format, nanoseconds: false }); // pcap-parser refuses nanoseconds
  const port = { name: "ethernet0" };
  return Buffer.from(
    writer.write(
      frames.map((data, i) => ({
        data,
        timestamp: 1700000000000000000n + BigInt(i) * 1000n,
        interface: port,
      })),
    ),
  );
}

function inChunks(file: Buffer): Buffer[] {
  return Array.from({ length: Math.ceil(file.length / CHUNK) }, (_, i) =>
    file.subarray(i * CHUNK, (i + 1) * CHUNK),
  );
}
