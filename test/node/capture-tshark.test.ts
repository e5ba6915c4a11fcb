// Every real capture at hand through pipelines, and what comes out as tshark reads it, checksums verified.
// Captures are not part of the repository: they are looked for in ../shared/captures, and the test is skipped where
// they or tshark are missing.
import { execFileSync, spawnSync } from "node:child_process";
import { createReadStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type CaptureSummary, type Kernels, loadKernels, Pipeline, type Stage } from "frameferry";
import { type CaptureRecord, CaptureWriter } from "frameferry/pcap";
import { isTpid } from "frameferry/wire";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { processed, recordsOf } from "../support/capture-corpus.ts";
import { expectBytes } from "../support/poisoned-batch.ts";
import { capturesLikeTshark as captures, CAPTURES_FOLDER as folder } from "../support/real-captures.ts";

const tshark = spawnSync("tshark", ["--version"]).status === 0;
const ENCAPSULATE: Stage = {
  stage: "encapsulate",
  kind: "vxlan",
  vni: 1234,
  local: "10.1.5.7",
  remote: "10.1.5.8",
};
const DECAPSULATE: Stage = { stage: "decapsulate", kind: "vxlan" };

interface Row {
  readonly protocols: string[];
  readonly vnis: number[];
  readonly vlans: number[];
  readonly ip: string[];
  readonly udp: string[];
}

describe("a file", () => {
  test("comes as Node reads it, as a stream that is iterated", async () => {
    const kernels = await loadKernels({ memoryBytes: 16 << 20 });
    using pipeline = new Pipeline(kernels, []);
    const path = fileURLToPath(new URL("../fixtures/vxlan.pcap", import.meta.url));
    const { bytes, summary } = await processed(createReadStream(path), pipeline);
    expectBytes(bytes, readFileSync(path));
    expect(summary.damage).toBeUndefined();
  });
});

describe.skipIf(!tshark || captures.length === 0)("real captures, worked on and read by tshark", () => {
  let scratch: string;
  let kernels: Kernels;
  /** Ethernet records of all captures, and how tshark reads them. */
  let originals: CaptureRecord[];
  let rows: Row[];

  beforeAll(async () => {
    scratch = mkdtempSync(join(tmpdir(), "frameferry-"));
    kernels = await loadKernels({ memoryBytes: 16 << 20 });
    originals = (await run([])).records;
    rows = read(originals);
  }, 60_000);
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  /** All captures through one pipeline, as one list of records. */
  async function run(stages: Stage[]): Promise<{ records: CaptureRecord[]; summaries: CaptureSummary[] }> {
    using pipeline = new Pipeline(kernels, stages);
    const records: CaptureRecord[] = [];
    const summaries: CaptureSummary[] = [];
    for (const path of captures) {
      const { bytes, summary } = await processed(readFileSync(folder + path), pipeline, { format: "pcapng" });
      const found = await recordsOf(bytes);
      expect(found.damage, path).toBeUndefined();
      expect(found.records.length, path).toBe(summary.forwarded);
      // Frames of other link types are kept as they are.
      records.push(...found.records.filter(({ interface: { linkType } }) => linkType === 1));
      summaries.push(summary);
    }
    return { records, summaries };
  }

  function read(records: readonly CaptureRecord[]): Row[] {
    const writer = new CaptureWriter({ format: "pcap", linkType: 1, snapLength: 262144 });
    const plain = records.map(({ data, originalLength }) => ({ data, originalLength, timestamp: 0n }));
    const file = join(scratch, "out.pcap");
    writeFileSync(file, Buffer.concat([writer.write(plain), writer.finish()]));
    const fields = ["frame.protocols", "vxlan.vni", "vlan.id", "ip.checksum.status", "udp.checksum.status"];
    const options =
      "-o ip.check_checksum:TRUE -o udp.check_checksum:TRUE -T fields -E separator=| -E aggregator=,";
    const lines = execFileSync(
      "tshark",
      ["-r", file, ...options.split(" "), ...fields.flatMap((one) => ["-e", one])],
      {
        encoding: "utf8",
        maxBuffer: 1 << 26,
        stdio: ["ignore", "pipe", "ignore"],
      },
    )
      .trimEnd()
      .split("\n");
    expect(lines.length).toBe(records.length);
    return lines.map((line) => {
      const [protocols, vnis, vlans, ip, udp] = line
        .split("|")
        .map((field) => (field ? field.split(",") : []));
      return {
        protocols: protocols!.flatMap((one) => one.split(":")),
        vnis: vnis!.map(Number),
        vlans: vlans!.map(Number),
        ip: ip!,
        udp: udp!,
      };
    });
  }

  /** Those that fit: large segments that a host captured before its card cut them do not. */
  const fitting = (outer: number) => (record: CaptureRecord) => record.originalLength + outer <= 65535;

  test.each([
    ["IPv4", {}, "3"],
    ["IPv4 with a UDP checksum", { udpChecksum: true }, "1"],
    ["IPv6", { local: "fd00::7", remote: "fd00::8" }, "1"],
    ["IPv4 in a VLAN, twice", { outerVid: 99 }, "3"],
  ] as const)("in VXLAN over %s: outer checksums good, VNIs outermost first", async (name, options, udp) => {
    const stages = [{ ...ENCAPSULATE, ...options } as Stage];
    const twice = name.endsWith("twice");
    if (twice) stages.push({ ...ENCAPSULATE, vni: 5678 } as Stage);
    const { records, summaries } = await run(stages);
    const limit = fitting(twice ? 36 + 54 : name === "IPv6" ? 16 : 36);
    const whole = (record: CaptureRecord) => udp !== "1" || record.data.length === record.originalLength;
    const kept = originals.flatMap((record, i) => (limit(record) && whole(record) ? [i] : []));
    expect(records.length).toBe(kept.length);
    for (const { drops } of summaries)
      for (const reason of Object.keys(drops))
        expect(["frame-too-long", "not-ethernet", "cut-by-capture"]).toContain(reason);
    read(records).forEach((row, n) => {
      const before = rows[kept[n]!]!;
      const at = `frame ${n + 1}: ${row.protocols.join(":")}`;
      expect(row.vnis, at).toEqual([...(twice ? [5678] : []), 1234, ...before.vnis]);
      if (name !== "IPv6") expect(row.ip[0], at).toBe("1");
      expect(row.udp[0], at).toBe(udp);
      if (twice) {
        expect([row.ip[1], row.udp[1]], at).toEqual(["1", "3"]);
        expect(row.vlans[0], at).toBe(99);
      }
      const outer = row.protocols.lastIndexOf("vxlan", row.protocols.indexOf("vxlan") + (twice ? 8 : 0));
      expect(row.protocols.slice(outer + 1, outer + 1 + before.protocols.length), at).toEqual(
        before.protocols,
      );
    });
  });

  test("there and back: each frame is what it was", async () => {
    const there = { ...ENCAPSULATE, innerTag: "keep" } as Stage;
    const { records } = await run([there, { ...DECAPSULATE, rule: "strict", vni: 1234 } as Stage]);
    const kept = originals.filter(fitting(36));
    expect(records.length).toBe(kept.length);
    records.forEach((record, i) => {
      expectBytes(record.data, kept[i]!.data);
      expect([record.originalLength, record.timestamp]).toEqual([
        kept[i]!.originalLength,
        kept[i]!.timestamp,
      ]);
    });
  });

  test("out of VXLAN: the VNIs behind the first stay, one tunnel or all", async () => {
    const { records } = await run([DECAPSULATE]);
    // tshark reads no UDP datagram beyond 65,535 bytes: those are known by their names alone.
    const tunnels = rows.filter(({ vnis, protocols }) => vnis.length > 0 && !protocols.includes("nsh"));
    const small = records.filter(({ data }) => data.length < 65000);
    expect(tunnels.length).toBeGreaterThan(0);
    expect(small.length).toBeGreaterThanOrEqual(tunnels.length);
    const found = read(records);
    const vnis = found.map((row) => row.vnis);
    for (const row of tunnels) expect(vnis).toContainEqual(row.vnis.slice(1));
    for (const row of found) expect(row.protocols[0]).toBe("eth");
    const all = await run([{ ...DECAPSULATE, depth: "all" } as Stage]);
    for (const row of read(all.records)) expect(row.vnis).toEqual([]);
  });

  test("with a VLAN tag more and one less", async () => {
    const pushed = await run([{ stage: "vlan-push", vid: 4094, pcp: 5, dei: true }]);
    read(pushed.records).forEach((row, i) => {
      expect(row.vlans).toEqual([4094, ...rows[i]!.vlans]);
    });
    const popped = await run([{ stage: "vlan-pop", tpid: 0x8100 }]);
    read(popped.records).forEach((row, i) => {
      const { data } = originals[i]!;
      const type = (data[12]! << 8) | data[13]!;
      const tagged = isTpid(type) && type === 0x8100 && data.length >= 18;
      expect(row.vlans).toEqual(tagged ? rows[i]!.vlans.slice(1) : rows[i]!.vlans);
    });
  });
});
