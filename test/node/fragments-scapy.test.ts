// Carriers that scapy cut into fragments: what comes out of their tunnels is what comes out of the same packets whole, and
// what tshark finds in them when it puts the fragments together itself.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createDataplane, type Stage } from "frameferry";
import { createCaptureFile, openCaptureFile } from "frameferry/node";
import { afterAll, describe, expect, test } from "vitest";

const PACKETS = 200;
const python = "/usr/bin/python3";
const hasScapy = spawnSync(python, ["-c", "import scapy.layers.vxlan"]).status === 0;
const hasTshark = spawnSync("tshark", ["--version"]).status === 0;
if (!hasScapy) console.warn("skipped: scapy is not installed for /usr/bin/python3");
const ANY: Stage = { stage: "decapsulate", kind: "any" };

function run(program: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: "utf8", maxBuffer: 1 << 28 });
  if (status !== 0) throw new Error(`${program} ${args.join(" ")}: ${status}\n${stderr}`);
  return stdout.trim();
}

describe.skipIf(!hasScapy)("fragments made by scapy", () => {
  const seed = process.env.FRAGMENTS_SEED ?? String(Date.now() % 2 ** 31);
  const folder = mkdtempSync(join(tmpdir(), "frameferry-fragments-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const [whole = "", parts = ""] = ["whole.pcap", "parts.pcap"].map((name) => join(folder, name));
  const counts: number[] = hasScapy
    ? JSON.parse(
        run(
          python,
          join(import.meta.dirname, "../fixtures/fragments.py"),
          seed,
          String(PACKETS),
          whole,
          parts,
        ),
      )
    : [];
  const records = counts.reduce((sum, count) => sum + count, 0);
  const cut = counts.filter((count) => count > 1).length;
  const out = join(folder, "out.pcap");

  async function decapsulated(input: string, workers: number): Promise<Buffer> {
    const dataplane = await createDataplane({ workers });
    try {
      const summary = await dataplane.processCapture(
        await openCaptureFile(input),
        [ANY],
        await createCaptureFile(out),
      );
      expect(summary.drops).toEqual({});
      expect(summary.forwarded).toBe(PACKETS);
      if (input === parts) {
        expect(summary.received).toBe(records);
        expect(summary.reassembled).toBe(cut);
        expect(summary.joined).toBe(records - PACKETS);
      }
      return readFileSync(out);
    } finally {
      await dataplane.close();
    }
  }

  test(`come out as whole packets do (FRAGMENTS_SEED=${seed})`, { timeout: 120_000 }, async () => {
    expect(cut).toBeGreaterThan(PACKETS / 4);
    const wanted = await decapsulated(whole, 0);
    for (const workers of [0, 2]) expect((await decapsulated(parts, workers)).equals(wanted)).toBe(true);
  });

  test.skipIf(!hasTshark)(
    `hold what tshark finds in them (FRAGMENTS_SEED=${seed})`,
    { timeout: 120_000 },
    async () => {
      await decapsulated(parts, 0);
      // The innermost UDP checksum is over all of a passenger, and scapy made it.
      const fields = ["-T", "fields", "-e", "udp.checksum", "-e", "ip.id", "-E", "occurrence=l"];
      const told = (path: string, ...more: string[]): string[] =>
        run("tshark", "-r", path, ...more, ...fields).split("\n");
      const reassembly = ["-o", "ip.defragment:TRUE", "-o", "ipv6.defragment:TRUE"];
      const wanted = told(parts, ...reassembly, "-Y", "udp.dstport == 2000");
      expect(wanted).toHaveLength(PACKETS);
      expect(told(out)).toEqual(wanted);
    },
  );
});
