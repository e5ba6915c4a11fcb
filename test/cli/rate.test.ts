// Rates limited from the command line.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { CaptureWriter } from "frameferry/pcap";
import { expect, test } from "vitest";
import { flowFrame } from "../dataplane/support.ts";
import { good } from "./captures-support.ts";
import { frameferry, recordsOf, temporaryFolder, VXLAN } from "./program.ts";

test("rate lets so many frames of a second through, of each source or of all", async () => {
  const folder = temporaryFolder();
  const [path, out] = [join(folder, "in.pcap"), join(folder, "out.pcap")];
  // 100 frames a second for ten seconds, of two flows.
  const records = Array.from({ length: 1000 }, (_, i) => ({
    data: flowFrame(i % 2, i),
    timestamp: 1_700_000_000_000_000_000n + BigInt(i) * 10_000_000n,
  }));
  writeFileSync(path, new CaptureWriter({ format: "pcap" }).write(records));
  const limit = ["--frames-per-second", "10", "--burst-frames", "1"];
  const { stdout } = await good(["rate", path, "-o", out, ...limit, "--json"]);
  expect(JSON.parse(stdout)).toMatchObject({
    command: "rate",
    received: 1000,
    forwarded: 100,
    drops: { "rate-exceeded": 900 },
  });
  const kept = await recordsOf(out);
  // A tenth of a second apart.
  expect(kept.map(({ data }) => new DataView(data.buffer, data.byteOffset).getUint32(46))).toEqual(
    Array.from({ length: 100 }, (_, i) => 10 * i),
  );
  const byFlow = await good(["rate", path, "-o", out, ...limit, "--by", "flow", "--json"]);
  expect(JSON.parse(byFlow.stdout)).toMatchObject({ forwarded: 200 });
  const bits = ["--bits-per-second", String(8 * 64 * 5), "--burst-bytes", "64", "--by", "source"];
  const bySource = await good(["rate", path, "-o", out, ...bits, "--json"]);
  expect(JSON.parse(bySource.stdout)).toMatchObject({ forwarded: 50 });
});

test.each([
  [[], "no limit: give --frames-per-second, --bits-per-second or both"],
  [["--frames-per-second", "0"], "--frames-per-second: expected a whole number from 1 to 1000000000"],
  [
    ["--frames-per-second", "1", "--burst-bytes", "9"],
    "--burst-bytes: it says nothing without bitsPerSecond",
  ],
  [["--frames-per-second", "1", "--by", "host"], "--by: expected"],
])("%j is bad usage", async (args, sentence) => {
  const { status, stderr } = await frameferry(["rate", VXLAN, "-o", "x.pcap", ...args]);
  expect(stderr).toContain(sentence);
  expect(status).toBe(2);
});
