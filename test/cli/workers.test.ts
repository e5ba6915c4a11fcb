// The commands on worker threads: the same bytes, and who did how much.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CaptureWriter } from "frameferry/pcap";
import { compose } from "frameferry/wire";
import { expect, test } from "vitest";
import { frameferry, temporaryFolder } from "./program.ts";

/** Some megabytes of tunnel packets: more pieces than workers have places. */
function bigCapture(path: string): number {
  const writer = new CaptureWriter({ format: "pcap" });
  const parts: Uint8Array[] = [];
  const frames = 4000;
  for (let index = 0; index < frames; index++) {
    const data = compose(
      [
        { name: "ethernet", destination: "02:00:00:00:00:02", source: "02:00:00:00:00:01" },
        { name: "ipv4", source: "10.1.5.7", destination: "10.1.5.8", ttl: 64 },
        { name: "udp", sourcePort: 49152 + (index % 1000), destinationPort: 4789, checksum: 0 },
        { name: "vxlan", vni: 42 },
      ],
      new Uint8Array(60 + (index % 1400)).fill(index),
    );
    parts.push(writer.write({ data, timestamp: BigInt(index) * 1000n }));
  }
  parts.push(writer.finish());
  writeFileSync(path, Buffer.concat(parts));
  return frames;
}

test("decap gives the same file with workers as without, and says what each did", async () => {
  const folder = temporaryFolder();
  const input = join(folder, "in.pcap");
  const frames = bigCapture(input);
  const alone = join(folder, "alone.pcap");
  const shared = join(folder, "shared.pcap");
  expect((await frameferry(["decap", input, "-o", alone])).status).toBe(0);
  const { status, stdout } = await frameferry(["decap", input, "-o", shared, "--workers", "2", "--json"]);
  expect(status).toBe(0);
  expect(readFileSync(shared).equals(readFileSync(alone))).toBe(true);
  const summary = JSON.parse(stdout.toString());
  expect(summary.received).toBe(frames);
  const done = summary.workers.reduce((sum: number, worker: { frames: number }) => sum + worker.frames, 0);
  // The first piece holds the file's header and is worked on by the main thread.
  expect(done).toBeGreaterThan(frames / 2);
  expect(done).toBeLessThanOrEqual(frames);
});

test("an absurd number of workers is bad usage", async () => {
  const { status, stderr } = await frameferry(["decap", "x.pcap", "-o", "y.pcap", "--workers", "1000"]);
  expect(status).toBe(2);
  expect(stderr).toContain("--workers: expected a whole number from 0 to 64");
});
