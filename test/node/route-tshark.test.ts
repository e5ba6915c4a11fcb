// What the router says, as tshark reads it: nothing malformed, every checksum right. Skipped where tshark is missing.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadKernels } from "frameferry";
import { type ComposeLayer, compose, parseIp, parseMac } from "frameferry/wire";
import { describe, expect, test } from "vitest";
import { noise } from "../support/passengers.ts";
import { RouteBench } from "../switch/router-bench.ts";

const tshark = spawnSync("tshark", ["--version"]).status === 0;
const GATEWAY = "02:00:00:00:01:01";
const HOST = "02:00:00:00:00:aa";

interface Case {
  readonly frame: Uint8Array;
  readonly tag: 0 | 4;
  /** tshark's type and code of the answer; none for a packet that goes on. */
  readonly answer: string;
  readonly kernel?: "answerArp";
}

function cases(): Case[] {
  const all: Case[] = [];
  const udp: ComposeLayer = { name: "udp", sourcePort: 1, destinationPort: 9 };
  for (const tag of [0, 4] as const) {
    const start: ComposeLayer[] = [{ name: "ethernet", destination: GATEWAY, source: HOST }];
    if (tag === 4) start.push({ name: "vlan", vid: 33, pcp: 3 });
    const ipv4 = (ttl: number, destination: string): ComposeLayer => ({
      name: "ipv4",
      source: "10.0.1.5",
      destination,
      ttl,
    });
    const ipv6 = (hopLimit: number, destination: string): ComposeLayer => ({
      name: "ipv6",
      source: "fc00:1::5",
      destination,
      hopLimit,
    });
    for (const payload of [4, 5, 36, 547, 548, 1231, 1400]) {
      const add = (layers: ComposeLayer[], answer: string) =>
        all.push({ frame: compose([...start, ...layers], noise(payload, payload)), tag, answer });
      add([ipv4(1, "10.0.2.5"), udp], "11/0");
      add([ipv6(1, "fc00:2::5"), udp], "3/0");
      add([ipv4(9, "10.0.1.1"), { name: "icmp", type: 8 }], "0/0");
      add([ipv6(9, "fc00:1::1"), { name: "icmpv6", type: 128 }], "129/0");
      add([ipv4(9, "10.0.2.5"), udp], payload > 1272 ? "3/4" : "");
      add([ipv6(9, "fc00:2::5"), udp], payload > 1252 ? "2/0" : "");
    }
    for (const source of ["fc00:1::5", "::"]) {
      const target = parseIp("ip", "fc00:1::1");
      const option = source === "::" ? [] : [1, 1, ...parseMac("m", HOST)];
      const body = Uint8Array.from([0, 0, 0, 0, ...target, ...option]);
      const header: ComposeLayer = { name: "ipv6", source, destination: "ff02::1:ff00:1", hopLimit: 255 };
      const frame = compose([...start, header, { name: "icmpv6", type: 135 }], body);
      all.push({ frame, tag, answer: "136/0", kernel: "answerArp" });
    }
  }
  return all;
}

describe.skipIf(!tshark)("a router's answers, read by tshark", () => {
  test("are what they should be, with good checksums", async () => {
    const bench = new RouteBench(await loadKernels({ memoryBytes: 4 << 20 }));
    const router = bench.router();
    const addresses = (n: number) => [`10.0.${n}.1/24`, `fc00:${n}::1/64`];
    router.addInterface({ bridgeDomain: { id: 1 }, mac: GATEWAY, addresses: addresses(1) });
    router.addInterface({ bridgeDomain: { id: 2 }, mac: GATEWAY, addresses: addresses(2), mtu: 1300 });
    for (const ip of ["10.0.2.5", "fc00:2::5"])
      bench.neighbours.set(2, parseIp("ip", ip), parseMac("m", "02:00:00:00:00:bb"));
    const all = cases();
    const out = all.map(({ frame, tag, kernel }) => {
      const { bytes, reason } = bench.run(kernel ?? "route", { bytes: frame }, 1, tag);
      expect(reason).toBeUndefined();
      return bytes;
    });
    const rows = read(out);
    expect(rows.length).toBe(all.length);
    rows.forEach((row, i) => {
      expect(row, `frame ${i + 1}`).toMatchObject({ answer: all[i]!.answer, malformed: "", bad: "" });
    });
    bench.close();
  });
});

function read(frames: readonly Uint8Array[]): { answer: string; malformed: string; bad: string }[] {
  const scratch = mkdtempSync(join(tmpdir(), "frameferry-"));
  const path = join(scratch, "answers.pcap");
  const words = (...values: number[]) => new Uint8Array(Uint32Array.from(values).buffer);
  const parts: Uint8Array[] = [words(0xa1b2c3d4, 0x00040002, 0, 0, 262144, 1)];
  for (const frame of frames) parts.push(words(0, 0, frame.length, frame.length), frame);
  writeFileSync(path, Buffer.concat(parts));
  const settings = ["ip.check_checksum:TRUE", "udp.check_checksum:TRUE", "ip.defragment:FALSE"];
  const fields = [
    "icmp.type",
    "icmp.code",
    "icmpv6.type",
    "icmpv6.code",
    "_ws.malformed",
    "ip.checksum.status",
    "icmp.checksum.status",
    "icmpv6.checksum.status",
  ];
  const output = execFileSync(
    "tshark",
    [
      ...["-n", "-r", path, "-T", "fields", "-E", "separator=|", "-E", "occurrence=a"],
      ...settings.flatMap((setting) => ["-o", setting]),
      ...fields.flatMap((field) => ["-e", field]),
    ],
    { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] },
  );
  rmSync(scratch, { recursive: true });
  return output
    .replace(/\n$/, "")
    .split("\n")
    .map((line) => {
      const [type4, code4, type6, code6, malformed = "", ...sums] = line.split("|");
      const type = type4 || type6;
      const answer = type ? `${type.split(",")[0]}/${(code4 || code6 || "").split(",")[0]}` : "";
      // 1 is good; what stands in a quotation was checked where it was sent.
      const bad = sums.filter((sum) => sum !== "" && sum.split(",").some((one) => one !== "1")).join();
      return { answer, malformed, bad };
    });
}
