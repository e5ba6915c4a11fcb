// Encapsulations of every kind, as tshark reads them: the layers, the fields that were asked for, every checksum right, no
// complaint. Skipped where tshark is missing.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type EncapsulateStage, encapsulateKinds, type Kernels, loadKernels, Pipeline } from "frameferry";
import { CaptureWriter } from "frameferry/pcap";
import { type ComposeLayer, compose } from "frameferry/wire";
import { beforeAll, describe, expect, test } from "vitest";
import { noise } from "../support/passengers.ts";
import { PoisonedBatch } from "../support/poisoned-batch.ts";

const tshark = spawnSync("tshark", ["--version"]).status === 0;

let kernels: Kernels;
beforeAll(async () => {
  kernels = await loadKernels({ memoryBytes: 16 << 20 });
});

/** A kind with options, what tshark calls its layers, and what stands in their fields. */
type Row = readonly [
  kind: string,
  options: Readonly<Record<string, unknown>>,
  layers: string,
  fields?: Readonly<Record<string, string>>,
];

const LABELS = { label: [16, 100], trafficClass: 3, ttl: 9 };
const LABEL_FIELDS = { "mpls.label": "16,100", "mpls.exp": "3,3", "mpls.bottom": "0,1", "mpls.ttl": "9,9" };
const IP = { carries: "ip" };
const SESSION_7 = { "erspan.spanid": "7", "erspan.vlan": "9", "erspan.cos": "3" };

/** Over IPv4 and over IPv6. */
const OVER_IP: readonly Row[] = [
  ["erspan", { type: 1 }, "gre:erspan:eth"],
  [
    "erspan",
    { session: 7, vlan: 9, cos: 3, index: 77 },
    "gre:erspan:eth",
    { ...SESSION_7, "erspan.index": "77" },
  ],
  [
    "erspan",
    { type: 3, session: 7, vlan: 9, cos: 3, securityGroup: 8, hardware: 5, egress: true },
    "gre:erspan:eth",
    { ...SESSION_7, "erspan.sgt": "8", "erspan.hw": "5", "erspan.direction": "1" },
  ],
  ["etherip", {}, "etherip:eth"],
  // What a session carries both ends have agreed on: nobody has told tshark.
  ["l2tpv3", { session: 7 }, "l2tp:data", { "l2tp.sid": "0x00000007" }],
  ["l2tpv3", { session: 7, over: "udp", udpChecksum: true }, "udp:l2tp:data", { "l2tp.sid": "0x00000007" }],
  ["gre", { ...IP, key: 5, checksum: true }, "gre", { "gre.key": "0x00000005" }],
  ["gre-in-udp", { key: 5, checksum: true, udpChecksum: true }, "udp:gre:eth", { "gre.key": "0x00000005" }],
  ["gre-in-udp", { ...IP, checksum: true }, "udp:gre"],
  [
    "vxlan",
    { vni: 5, policy: { group: 77, dontLearn: true } },
    "udp:vxlan:eth",
    { "vxlan.flags": "0x8840", "vxlan.gbp": "77" },
  ],
  ["vxlan-gpe", { ...IP, vni: 5, udpChecksum: true }, "udp", { "vxlan.vni": "5" }],
  ["geneve", { ...IP, vni: 5, udpChecksum: true }, "udp:geneve", { "geneve.vni": "0x000005" }],
  ["gtp-u", { teid: 0x01020304, udpChecksum: true }, "udp:gtp", { "gtp.teid": "0x01020304" }],
  [
    "gtp-u",
    { teid: 9, qfi: 5, uplink: true },
    "udp:gtp",
    { "gtp.ext_hdr.pdu_ses_con.qos_flow_id": "5", "gtp.ext_hdr.pdu_ses_con.pdu_type": "1" },
  ],
  [
    "l2tp",
    { tunnel: 3, session: 4, udpChecksum: true },
    "udp:l2tp:ppp",
    { "l2tp.tunnel": "3", "l2tp.session": "4" },
  ],
  ["tzsp", { udpChecksum: true }, "udp:tzsp:eth", { "tzsp.version": "1", "tzsp.type": "0" }],
  ["capwap", { radio: 9, udpChecksum: true }, "udp:capwap.data:eth", { "capwap.header.rid": "9" }],
  ["mpls", { ...LABELS, ...IP }, "mpls", LABEL_FIELDS],
  ["mpls", { label: 100 }, "mpls:pwethheuristic:pwethnocw:eth", { "mpls.label": "100" }],
  ["mpls-in-udp", { ...LABELS, ...IP, udpChecksum: true }, "udp:mpls", LABEL_FIELDS],
  [
    "nsh",
    { path: 5, index: 3, vni: 7, udpChecksum: true },
    "udp:nsh:eth",
    { "nsh.spi": "5", "vxlan.vni": "7" },
  ],
  ["nsh", { ...IP, path: 5, vni: 7 }, "udp:nsh", { "nsh.si": "255", "nsh.nextproto": "%IP" }],
  ["ipip", {}, ""],
  ["6in4", {}, ""],
  ["4in6", {}, ""],
  ["6in6", {}, ""],
];
const ON_ETHERNET: readonly Row[] = [
  ["mpls", { ...LABELS, ...IP }, "mpls", LABEL_FIELDS],
  ["mpls", { label: 100, controlWord: true }, "mpls:pwethheuristic:pwethcw:eth", { "mpls.label": "100" }],
  ["pppoe", { session: 77 }, "pppoes:ppp", { "pppoe.session_id": "0x004d" }],
  [
    "vn-tag",
    { destinationVif: 5, sourceVif: 6, toInterface: true },
    "vntag",
    { "vntag.dst": "5", "vntag.src": "6" },
  ],
  [
    "802.1br",
    { ecid: 5, ingressEcid: 9, group: 1, pcp: 3 },
    "etag",
    { "etag.ecid_base": "5", "etag.iecid_base": "9", "etag.group": "1", "etag.pcp": "3" },
  ],
  ["802.1ah", { vni: 0xabcdef, pcp: 3, dei: true }, "ieee8021ah", { "ieee8021ah.isid": "11259375" }],
  ["nsh", { path: 5 }, "nsh:eth", { "nsh.spi": "5", "nsh.ttl": "63" }],
  ["nsh", { ...IP, path: 5 }, "nsh", { "nsh.nextproto": "%IP" }],
];

/** Decimal or not. */
const numbers = (text: string): number[] => text.split(",").map(Number);

/** What tshark's fields hold that are there in any packet. */
const CHECKS = ["ip.checksum.status", "udp.checksum.status", "gre.checksum.status"] as const;
const COMPLAINTS = ["_ws.malformed", "_ws.expert.message"] as const;

function read(packets: readonly Uint8Array[], wanted: readonly string[]): Record<string, string>[] {
  const folder = mkdtempSync(join(tmpdir(), "frameferry-"));
  try {
    const writer = new CaptureWriter({ format: "pcap", linkType: 1 });
    const path = join(folder, "wrapped.pcap");
    const records = packets.map((data) => ({ data, timestamp: 0n }));
    writeFileSync(path, Buffer.concat([writer.write(records), writer.finish()]));
    const names = ["frame.protocols", "data.data", ...CHECKS, ...COMPLAINTS, ...wanted];
    const checks = ["ip.check_checksum", "udp.check_checksum"].flatMap((name) => ["-o", `${name}:TRUE`]);
    const fields = names.flatMap((name) => ["-e", name]);
    const args = ["-n", "-r", path, ...checks, "-T", "fields", "-E", "separator=|", ...fields];
    const lines = execFileSync("tshark", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    return lines
      .split("\n")
      .slice(0, -1)
      .map((line) => Object.fromEntries(line.split("|").map((text, i) => [names[i]!, text])));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const PAYLOAD = noise(40, 1);
const PACKETS = ([4, 6] as const).map((version) => {
  const ends = (network: string) => ({ source: `${network}1`, destination: `${network}2` });
  const ip: ComposeLayer =
    version === 4 ? { name: "ipv4", ...ends("192.0.2.") } : { name: "ipv6", ...ends("2001:db8::") };
  const link: ComposeLayer = {
    name: "ethernet",
    destination: "00:00:5e:00:53:02",
    source: "00:00:5e:00:53:01",
  };
  const udp: ComposeLayer = { name: "udp", sourcePort: 40000, destinationPort: 40001 };
  return { version, bytes: compose([link, ip, udp], PAYLOAD) };
});
const HEX = Buffer.from(PAYLOAD).toString("hex");

const FAMILIES = [
  { version: 4, local: "10.1.5.7", remote: "10.1.5.8" },
  { version: 6, local: "fd00::5:7", remote: "fd00::5:8" },
] as const;

const cases = [
  ...OVER_IP.flatMap((row) => FAMILIES.map((outer) => ({ row, outer }))),
  ...ON_ETHERNET.map((row) => ({ row, outer: undefined })),
]
  // Of these the kind says what is in what.
  .filter(({ row: [kind], outer }) => !/^\d?in?|ipip/.test(kind) || outerOf(kind) === outer?.version)
  .map(({ row, outer }) => ({
    name: `${row[0]} ${JSON.stringify(row[1])} over ${outer?.local ?? "Ethernet"}`,
    row,
    outer,
  }));

function outerOf(kind: string): number | undefined {
  return { ipip: 4, "6in4": 4, "4in6": 6, "6in6": 6 }[kind];
}

function innerOf(kind: string): number | undefined {
  return { ipip: 4, "6in4": 6, "4in6": 4, "6in6": 6 }[kind];
}

test("every kind is there that no other test shows to tshark", () => {
  const told = new Set([...OVER_IP, ...ON_ETHERNET].map(([kind]) => kind));
  expect(encapsulateKinds.filter((kind) => !told.has(kind))).toEqual(["nvgre"]);
});

describe.skipIf(!tshark)("encapsulations read by tshark", () => {
  test.each(cases)("$name", ({ row: [kind, options, layers, fields = {}], outer }) => {
    const ends = outer && { local: outer.local, remote: outer.remote };
    const stage = { stage: "encapsulate", kind, ...ends, ...options } as unknown as EncapsulateStage;
    const poisoned = new PoisonedBatch(kernels, { frames: 2, headroom: 128 });
    using pipeline = new Pipeline(kernels, [stage]);
    const inputs = PACKETS.filter(({ version }) => (innerOf(kind) ?? version) === version);
    const outcomes = poisoned.run(pipeline, inputs);
    const rows = read(
      outcomes.map(({ bytes }) => bytes!),
      Object.keys(fields),
    );
    rows.forEach((told, i) => {
      const inner = inputs[i]!.version;
      const behindLink = kind === "vn-tag" || kind === "802.1br" ? "ethertype:" : "";
      const framed = layers.endsWith("eth") || kind === "802.1ah" ? "ethertype:" : "";
      const expected = [
        "eth:ethertype",
        ...(outer ? [outer.version === 4 ? "ip" : "ipv6"] : []),
        ...(layers === "" ? [] : [layers]),
        ...(layers.endsWith("data") ? [] : [`${behindLink}${framed}${inner === 4 ? "ip" : "ipv6"}:udp:data`]),
      ].join(":");
      expect(told["frame.protocols"]).toBe(expected);
      // All there is, nothing behind it. A checksum is right, 1, or not there, 3, over IPv4 where none was asked for.
      expect(told["data.data"]!.endsWith(HEX)).toBe(true);
      for (const name of CHECKS) expect(told[name], name).toMatch(/^(?:[13](?:,1)*)?$/);
      if (options.checksum) expect(told["gre.checksum.status"]).toBe("1");
      // The passenger's own, and the one that was asked for.
      if (options.udpChecksum && !layers.endsWith("data")) expect(told["udp.checksum.status"]).toBe("1,1");
      for (const name of COMPLAINTS) expect(told[name], name).toBe("");
      for (const [name, value] of Object.entries(fields))
        expect(numbers(told[name]!), name).toEqual(value === "%IP" ? [inner === 4 ? 1 : 2] : numbers(value));
    });
    expect(rows.length).toBe(inputs.length);
  });
});
