// Tunnels of every kind, as tshark reads them: nothing malformed, numbers as they were given, every checksum right; and
// real captures of Geneve and GRE through our kernels. Skipped where tshark or the captures are missing.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Kernels, loadKernels, Pipeline, type TunnelKind } from "frameferry";
import { CaptureWriter } from "frameferry/pcap";
import { dissect, sourcePort } from "frameferry/wire";
import { beforeAll, describe, expect, test } from "vitest";
import { processed, recordsOf } from "../support/capture-corpus.ts";
import { cook, noise } from "../support/passengers.ts";
import { PoisonedBatch } from "../support/poisoned-batch.ts";
import { CAPTURES_FOLDER as captures } from "../support/real-captures.ts";
import { type AnyEncapsulate, encapsulateStage } from "../support/tunnel-kinds.ts";

const tshark = spawnSync("tshark", ["--version"]).status === 0;

let kernels: Kernels;
beforeAll(async () => {
  kernels = await loadKernels({ memoryBytes: 16 << 20 });
});

const FIELDS = [
  "frame.protocols",
  "geneve.vni",
  "geneve.option.class",
  "vxlan.vni",
  "vxlan.flags",
  "vxlan.next_proto",
  "gre.key",
  "gre.checksum.status",
  "ip.checksum.status",
  "udp.checksum.status",
  "udp.srcport",
  "_ws.malformed",
] as const;
type Row = Record<(typeof FIELDS)[number], string>;

function read(packets: readonly Uint8Array[]): Row[] {
  const folder = mkdtempSync(join(tmpdir(), "frameferry-"));
  try {
    const writer = new CaptureWriter({ format: "pcap", linkType: 1, snapLength: 262144 });
    const records = packets.map((data) => ({ data, timestamp: 0n }));
    const path = join(folder, "tunnels.pcap");
    writeFileSync(path, Buffer.concat([writer.write(records), writer.finish()]));
    const checks = ["ip.check_checksum", "udp.check_checksum"].flatMap((name) => ["-o", `${name}:TRUE`]);
    const fields = FIELDS.flatMap((name) => ["-e", name]);
    const args = [
      "-n",
      "-r",
      path,
      ...checks,
      "-T",
      "fields",
      "-E",
      "separator=|",
      "-E",
      "occurrence=f",
      ...fields,
    ];
    const lines = execFileSync("tshark", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    return lines
      .split("\n")
      .slice(0, -1)
      .map((line) => Object.fromEntries(line.split("|").map((text, i) => [FIELDS[i], text])) as Row);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const IPS = [
  { local: "10.1.5.7", remote: "10.1.5.8" },
  { local: "fd00::5:7", remote: "fd00::5:8" },
];
const OPTIONS = [
  { class: 0x0102, type: 0x80, data: noise(4, 1) },
  { class: 0xffff, type: 1, data: noise(124, 2) },
];
const STAGES: AnyEncapsulate[] = [
  { kind: "geneve", vni: 0xabcdef },
  { kind: "geneve", vni: 7, options: OPTIONS, udpChecksum: true, outerVid: 9 },
  { kind: "gre" },
  { kind: "gre", key: 0xffffffff },
  { kind: "gre", checksum: true },
  { kind: "gre", key: 0x01020304, checksum: true, outerVid: 9 },
  { kind: "nvgre", vni: 5001 },
  { kind: "vxlan-gpe", vni: 0xabcdef },
  { kind: "vxlan-gpe", vni: 7, udpChecksum: true, outerVid: 9 },
];
/** What tshark calls those over UDP and their headers; it reads VXLAN-GPE, but does not list it. */
const LAYERS: Partial<Record<TunnelKind, string>> = { geneve: "udp:geneve", "vxlan-gpe": "udp" };
const RECIPES = [14, 59, 60, 61, 1500].map((length, seed) =>
  cook({ kind: "arp", tags: [], protocol: 6, seed: seed + 1, length }),
);

describe.skipIf(!tshark)("tunnels read by tshark", () => {
  test.each(STAGES.flatMap((stage) => IPS.map((ips) => ({ ...stage, ...ips }))))("%o", (options) => {
    const poisoned = new PoisonedBatch(kernels, { frames: 8, headroom: 320 });
    using pipeline = new Pipeline(kernels, [encapsulateStage(options)]);
    const outcomes = poisoned.run(
      pipeline,
      RECIPES.map((bytes) => ({ bytes })),
    );
    const rows = read(outcomes.map(({ bytes }) => bytes!));
    expect(rows.length).toBe(RECIPES.length);
    const ipv6 = options.local!.includes(":");
    const udp = LAYERS[options.kind];
    rows.forEach((row, i) => {
      const { flowHash } = outcomes[i]!;
      const vlan = options.outerVid === undefined ? "" : "vlan:ethertype:";
      const start = `eth:ethertype:${vlan}${ipv6 ? "ipv6" : "ip"}:${udp ?? "gre"}:eth`;
      expect(row["frame.protocols"].startsWith(start), row["frame.protocols"]).toBe(true);
      // The shortest passenger is a header alone: ARP is missing from it.
      if (RECIPES[i]!.length >= 42) expect(row["_ws.malformed"]).toBe("");
      expect(row["ip.checksum.status"]).toBe(ipv6 ? "" : "1");
      if (udp) {
        const gpe = options.kind === "vxlan-gpe";
        expect(Number(row[gpe ? "vxlan.vni" : "geneve.vni"])).toBe(options.vni);
        // Version 0, a VNI and a next protocol, which is Ethernet; neither flooded nor a control packet.
        expect([row["vxlan.flags"], row["vxlan.next_proto"]].map(Number)).toEqual(gpe ? [0x0c, 3] : [0, 0]);
        expect(row["geneve.option.class"]).toBe(options.options === undefined ? "" : "0x0102");
        expect(row["udp.checksum.status"]).toBe(ipv6 || options.udpChecksum ? "1" : "3");
        expect(Number(row["udp.srcport"])).toBe(sourcePort(flowHash >>> 0));
        return;
      }
      const key = options.kind === "nvgre" ? options.vni! * 256 + (flowHash >>> 24) : options.key;
      expect(row["gre.key"] === "" ? undefined : Number(row["gre.key"])).toBe(key);
      expect(row["gre.checksum.status"]).toBe(options.checksum ? "1" : "");
    });
    poisoned.close();
  });
});

/** How many frames come out of each, and what becomes of the rest. */
const REAL = [
  ["tcpdump/geneve.pcap", "geneve", {}, 20, { "geneve-critical-option": 19 }],
  ["tcpdump/geneve.pcap", "geneve", { criticalOptions: "take", udpChecksum: "verify" }, 39, {}],
  ["tcpdump/geneve-gcp.pcap", "geneve", {}, 0, { "geneve-protocol": 1 }],
  ["tcpdump/bigtcp-ipv4-geneve-ipv6.pcap", "geneve", {}, 1, {}],
  ["tcpdump/bigtcp-ipv6-geneve-ipv4.pcap", "geneve", {}, 1, {}],
  ["pcapplusplus/GrePackets.pcap", "gre", {}, 1, { "not-tunnel": 1, "gre-protocol": 3, "gre-version": 2 }],
] as const;

describe.skipIf(!existsSync(captures))("real captures", () => {
  test.each(REAL)("%s by %s %o", async (path, kind, options, forwarded, drops) => {
    const source = readFileSync(captures + path);
    using pipeline = new Pipeline(kernels, [{ stage: "decapsulate", kind, ...options } as never]);
    const { bytes, summary } = await processed(source, pipeline);
    expect(summary).toMatchObject({ forwarded, drops });
    const passengers = (await recordsOf(bytes)).records;
    expect(passengers.length).toBe(forwarded);
    // What the codecs find inside is what came out.
    const inside = (await recordsOf(source)).records.flatMap(({ data, originalLength }) => {
      const { layers } = dissect(data, { wireLength: originalLength });
      const at = layers.findIndex(({ name }) => name === kind);
      const inner = at < 0 ? undefined : layers[at + 1];
      return inner?.name === "ethernet" ? [Buffer.from(data.subarray(inner.offset)).toString("hex")] : [];
    });
    const seen = passengers.map(({ data }) => Buffer.from(data).toString("hex"));
    if (Object.keys(drops).includes("geneve-critical-option"))
      expect(inside).toEqual(expect.arrayContaining(seen));
    else expect(seen).toEqual(inside);
  });
});
