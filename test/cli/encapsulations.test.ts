// encap with kinds that no switch has: every option has a flag, what went in comes out again, and what cannot be written is
// refused in one sentence.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { encapsulateKinds } from "frameferry";
import { CaptureWriter, readCapture } from "frameferry/pcap";
import { type ComposeLayer, compose } from "frameferry/wire";
import { expect, test } from "vitest";
import { encapsulateOptions } from "../../src/cli/encapsulate-options.ts";
import { encapsulateFields } from "../../src/tunnel/encapsulations.ts";
import { noise } from "../support/passengers.ts";
import { good } from "./captures-support.ts";
import { frameferry, temporaryFolder } from "./program.ts";

const V4 = ["--local", "10.0.0.1", "--remote", "10.0.0.2"];
const V6 = ["--local", "fd00::1", "--remote", "fd00::2"];
const ERSPAN_III = ["--session", "5", "--security-group", "7", "--hardware", "3", "--egress"];

const ROWS: readonly (readonly [kind: string, options: readonly string[], carries: "frames" | "packets"])[] =
  [
    ["erspan", [...V4, "--session", "5", "--vlan", "6", "--cos", "7", "--index", "8"], "frames"],
    ["erspan", [...V6, "--erspan-type", "3", ...ERSPAN_III], "frames"],
    ["etherip", [...V4, "--ttl", "9", "--dscp", "10", "--outer-vid", "11"], "frames"],
    ["l2tpv3", [...V6, "--session", "4294967295", "--cookie", "0102030405060708", "--sublayer"], "frames"],
    ["l2tpv3", [...V4, "--session", "7", "--over", "udp", "--udp-checksum"], "frames"],
    ["gre", [...V4, "--carries", "ip", "--gre-checksum"], "packets"],
    ["gre-in-udp", [...V6, "--key", "9", "--seed", "1"], "frames"],
    ["vxlan", [...V4, "--vni", "5", "--policy", "77:dont-learn:applied"], "frames"],
    ["vxlan-gpe", [...V4, "--vni", "5", "--carries", "ip"], "packets"],
    ["geneve", [...V6, "--vni", "5", "--carries", "ip"], "packets"],
    ["gtp-u", [...V4, "--teid", "0xffffffff", "--qfi", "9", "--uplink"], "packets"],
    ["l2tp", [...V4, "--tunnel", "65535", "--session", "1"], "packets"],
    ["tzsp", [...V4, "--dst-port", "37008"], "frames"],
    ["capwap", [...V6, "--radio", "3"], "frames"],
    ["mpls", ["--label", "16", "--label", "1048575", "--traffic-class", "3", "--control-word"], "frames"],
    ["mpls", [...V6, "--label", "16", "--carries", "ip"], "packets"],
    ["mpls-in-udp", [...V4, "--label", "16", "--no-udp-checksum"], "frames"],
    ["pppoe", ["--session", "5", "--local-mac", "02:00:00:00:00:07"], "packets"],
    ["nsh", ["--path", "16777215", "--index", "5"], "frames"],
    ["nsh", [...V4, "--path", "1", "--vni", "7", "--carries", "ip"], "packets"],
    [
      "vn-tag",
      ["--destination-vif", "16383", "--source-vif", "4095", "--to-interface", "--looped", "--pointer"],
      "frames",
    ],
    ["802.1br", ["--ecid", "4095", "--ingress-ecid", "1", "--group", "2", "--pcp", "3", "--dei"], "frames"],
    [
      "802.1ah",
      ["--vni", "5", "--remote-mac", "02:00:00:00:00:07", "--outer-vid", "9", "--pcp", "1"],
      "frames",
    ],
  ];

const LAN = Array.from({ length: 100 }, (_, seed) => {
  const ip: ComposeLayer = { name: "ipv4", source: "192.0.2.1", destination: "192.0.2.2", protocol: 17 };
  const link: ComposeLayer = {
    name: "ethernet",
    destination: `22:00:00:00:00:${(seed + 10).toString(16).padStart(2, "0")}`,
    source: "22:00:00:00:00:01",
  };
  return compose([link, ip], noise(30 + seed, seed + 1));
});

function capture(name: string, frames: readonly Uint8Array[], linkType = 1): string {
  const path = join(temporaryFolder(), name);
  const writer = new CaptureWriter({ format: "pcap", linkType });
  const records = frames.map((data, index) => ({ data, timestamp: BigInt(index) }));
  writeFileSync(path, Buffer.concat([writer.write(records), writer.finish()]));
  return path;
}

async function framesOf(path: string): Promise<string[]> {
  const frames: string[] = [];
  for await (const { data } of readCapture(readFileSync(path)))
    frames.push(Buffer.from(data).toString("hex"));
  return frames;
}
const hex = (frames: readonly Uint8Array[]): string[] =>
  frames.map((frame) => Buffer.from(frame).toString("hex"));

test.each(ROWS)("%s %j there and back", async (kind, options, carries) => {
  const lan = capture("lan.pcap", LAN);
  const folder = temporaryFolder();
  const [wrapped, shared, back] = ["a.pcap", "b.pcap", "c.pcapng"].map((name) => join(folder, name));
  await good(["encap", lan, "-o", wrapped!, "--kind", kind, ...options]);
  await good(["encap", lan, "-o", shared!, "--kind", kind, ...options, "--workers", "2"]);
  expect(readFileSync(shared!).equals(readFileSync(wrapped!))).toBe(true);
  const { stdout } = await good(["decap", wrapped!, "-o", back!, "--link", "raw", "--json"]);
  expect(JSON.parse(stdout)).toMatchObject({ received: 100, forwarded: 100, dropped: 0, changed: 100 });
  expect(await framesOf(back!)).toEqual(
    hex(carries === "frames" ? LAN : LAN.map((frame) => frame.subarray(14))),
  );
});

test("packets of a capture of raw IP go in, too", async () => {
  const packets = LAN.map((frame) => frame.subarray(14));
  const raw = capture("raw.pcap", packets, 101);
  const folder = temporaryFolder();
  const [wrapped, back] = ["a.pcap", "b.pcapng"].map((name) => join(folder, name));
  await good(["encap", raw, "-o", wrapped!, "--kind", "ipip", ...V4]);
  await good(["decap", wrapped!, "-o", back!, "--kind", "ipip", "--link", "raw"]);
  expect(await framesOf(back!)).toEqual(hex(packets));
});

test("every option of every kind has a flag, and no two have one", () => {
  const rows = encapsulateOptions();
  const { kind: _, stage: __, header: ___, ...options } = rows;
  const names = new Set(encapsulateKinds.flatMap((kind) => Object.keys(encapsulateFields(kind))));
  expect(new Set(Object.keys(rows))).toEqual(names);
  const flags = Object.values(options).flatMap(({ flag, off }) => [flag, ...(off ? [off.flag] : [])]);
  expect(flags).not.toContain(undefined);
  const words = flags.map((flag) => flag!.split(" ")[0]);
  expect(new Set(words).size).toBe(words.length);
  // Flags without a value say true, or what stands in the row; all others are read from text.
  for (const { flag, parse, expected, says } of Object.values(options))
    expect([
      flag,
      flag!.includes("<") ? parse !== undefined : expected === "true or false" || says !== undefined,
    ]).toEqual([flag, true]);
});

test.each<[readonly string[], string | RegExp]>([
  [
    ["--kind", "pptp", ...V4],
    /^--kind: pptp is only taken off; what can be put on is vxlan, geneve, .* or 802\.1ah \(/,
  ],
  [["--kind", "fou", ...V4], /^--kind: expected vxlan, geneve, .* or 802\.1ah, got "fou" \(/],
  [["--kind", "gtp-u", ...V4], "required option '--teid <N>' not specified"],
  [["--kind", "gtp-u", "--teid", "5"], "required option '--local <IP>' not specified"],
  [["--kind", "ipip", ...V4, "--teid", "5"], "--teid: an encapsulation of kind ipip has no such option"],
  [["--kind", "ipip", ...V6], "--local: an IPv4 address is expected by this kind"],
  [
    ["--kind", "erspan", ...V4, "--session", "1024"],
    "--session: expected a whole number from 0 to 1023, got 1024",
  ],
  [["--kind", "l2tpv3", ...V4, "--session", "5", "--cookie", "00"], "--cookie: expected 4 or 8 bytes, got 1"],
  [
    ["--kind", "l2tpv3", ...V4, "--session", "5", "--cookie", "0x"],
    '--cookie: expected bytes in hex, got "0x"',
  ],
  [
    ["--kind", "vxlan", ...V4, "--vni", "5", "--policy", "1:no"],
    /^--policy: expected GROUP, .*, got "1:no" \(/,
  ],
  [
    ["--kind", "mpls", "--label", "5", "--dscp", "1"],
    "--dscp: without local and remote there is no outer IP header",
  ],
])("%j is refused", async (options, sentence) => {
  const { status, stderr } = await frameferry([
    "encap",
    "in.pcap",
    "-o",
    join(temporaryFolder(), "o"),
    ...options,
  ]);
  expect(status).toBe(2);
  const [line, rest] = stderr.replace(/^frameferry encap: /, "").split("\n");
  expect(rest).toBe("");
  if (typeof sentence === "string") expect(line).toBe(`${sentence} (frameferry encap --help tells more)`);
  else expect(line).toMatch(sentence);
});
