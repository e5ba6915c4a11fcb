// Every real capture at hand, frame by frame, against tshark. Captures are not part of the repository: they are looked
// for in ../shared/captures, and the test is skipped where they or tshark are missing.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compose, dissect, type Layer, vlansOf, vnisOf } from "frameferry/wire";
import { beforeAll, describe, expect, test } from "vitest";
import { realCaptures as captures, CAPTURES_FOLDER as folder } from "../support/real-captures.ts";
import { names, recompose, toHex } from "../wire/support.ts";

const tshark = spawnSync("tshark", ["--version"]).status === 0;
const FIELDS = ["frame.protocols", "vxlan.vni", "geneve.vni", "gre.key", "vlan.id", "ieee8021ad.id"];
const CHECKSUMS = ["ip.checksum.status", "udp.checksum.status"];
const SAME: Record<string, string> = { eth: "ethernet", ieee8021ad: "vlan", ip: "ipv4" };
/** Names of tshark's for what we tell apart. */
const THEIRS: Record<string, string> = { pptp: "gre" };
const KNOWN = [
  ...["vlan", "llc", "arp", "ipv6", "ah", "udp", "tcp", "icmp", "icmpv6", "vxlan", "geneve", "gre", "ppp"],
  ...["erspan", "mpls", "nsh", "sll", "null"],
];
/** tshark puts these between layers; they are parts of ours. */
const BETWEEN = ["ethertype", "raw", "ipv6.dstopts", "ipv6.hopopts", "ipv6.routing", "ipv6.fraghdr"];

/** Stops we mean, where tshark reads on by a guess or through versions we do not know. */
const MEANT: Record<string, string[]> = {
  "field/cropped-no-origlen.pcap": ["cut-by-capture"],
  "field/ipv4-fragments.pcap": ["ip-fragment"],
  "tcpdump/arp-oobr.pcap": ["arp-truncated"],
  "tcpdump/arp-too-long-tha.pcap": ["cut-by-capture"],
  "tcpdump/erspan-type-iii-pb-1.pcap": ["cut-by-capture"],
  "tcpdump/gre-heapoverflow-1.pcap": ["cut-by-capture", "ipv4-version"],
  "tcpdump/gre-heapoverflow-2.pcap": ["cut-by-capture", "gre-reserved"],
};
/**
 * Layers where we differ: tshark does not name GPE, reads first fragments as far as they go, what is for NSH's own, and
 * behind WCCP's redirect header.
 */
const DIFFERENT: Record<string, string[]> = {
  "field/gpe-ipv4.pcap": ["ethernet", "ipv4", "udp", "vxlan", "ipv4", "udp"],
  "field/ipv4-fragments.pcap": ["ethernet", "ipv4"],
  "tcpdump/nsh-over-vxlan-gpe.pcap": ["ethernet", "ipv4", "udp", "vxlan", "nsh"],
  "tcpdump/wccp_redirect_gre.pcap": ["ethernet", "ipv4", "gre"],
};
/** Headers in them have reserved bits set, which are ignored and sent as 0. */
const RESERVED_BITS = ["pcapplusplus/Vxlan2.pcap", "tcpdump/nsh-over-vxlan-gpe.pcap"];

describe.skipIf(!tshark || captures.length === 0)("real captures, as tshark reads them", () => {
  const records = new Map<string, CaptureRecord[]>();
  const rows = new Map<CaptureRecord, Row>();

  // One run of tshark for each link type: it takes longer to start than to read them all.
  beforeAll(() => {
    for (const path of captures) records.set(path, readCapture(readFileSync(folder + path)));
    const all = [...records.values()].flat();
    for (const linkType of new Set(all.map((record) => record.linkType))) {
      const some = all.filter((record) => record.linkType === linkType);
      const found = tsharkRows(some, linkType);
      expect(found.length).toBe(some.length);
      some.forEach((record, index) => {
        rows.set(record, found[index]!);
      });
    }
  }, 60_000);

  test.each(captures)("%s", (path) => {
    records.get(path)!.forEach((record, index) => {
      const { frame, wireLength, linkType } = record;
      const row = rows.get(record)!;
      const { layers, stop } = dissect(frame, { linkType, wireLength, checksums: true });
      const at = `frame ${index + 1}: ${names(layers)} ${stop?.reason ?? ""}`;
      if (stop) expect(MEANT[path] ?? [], at).toContain(stop.reason);

      const expected = DIFFERENT[path] ?? knownPrefix(row.protocols);
      const ours = names(layers)
        .filter((name) => name !== "payload")
        .map((name) => THEIRS[name] ?? name);
      // Beyond 65,535 bytes tshark finds a UDP length of 0 bogus; the passengers are read by us alone.
      const big = path.includes("bigtcp");
      if (big) expect(ours.slice(0, expected.length), at).toEqual(expected);
      else if (stop?.layer) expect([...ours, stop.layer], at).toEqual(expected.slice(0, ours.length + 1));
      else expect(ours, at).toEqual(expected);

      const vnis = big ? [5001] : stop?.reason === "ip-fragment" ? [] : tsharkVnis(row.vnis, layers);
      expect(vnisOf(layers, { nvgre: true }), at).toEqual(vnis);
      const vlans = vlansOf(layers);
      expect(row.vlans.slice(0, vlans.length), at).toEqual(vlans);
      compareChecksums(layers, row, at);
      if (!stop && !RESERVED_BITS.includes(path)) expectRecomposed(frame, layers, at);
    });
  });
});

interface CaptureRecord {
  frame: Uint8Array;
  wireLength: number;
  linkType: number;
}

interface Row {
  protocols: string[];
  vnis: number[];
  vlans: number[];
  ip: string[];
  udp: string[];
}

function tsharkRows(records: CaptureRecord[], linkType: number): Row[] {
  const scratch = mkdtempSync(join(tmpdir(), "frameferry-"));
  const path = join(scratch, "merged.pcap");
  writeFileSync(path, writeCapture(records, linkType));
  const settings = [
    "ip.check_checksum:TRUE",
    "udp.check_checksum:TRUE",
    "ip.defragment:FALSE",
    "tcp.desegment_tcp_streams:FALSE",
  ].flatMap((setting) => ["-o", setting]);
  const fields = [...FIELDS, ...CHECKSUMS].flatMap((field) => ["-e", field]);
  const args = ["-n", "-r", path, ...settings, "-d", "udp.port==8472,vxlan"];
  const output = execFileSync(
    "tshark",
    [...args, "-T", "fields", "-E", "separator=|", "-E", "aggregator=,", ...fields],
    { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"], maxBuffer: 1 << 26 },
  );
  rmSync(scratch, { recursive: true });
  return output
    .replace(/\n$/, "")
    .split("\n")
    .map((line) => {
      const [protocols = "", vxlan, geneve, key, vlan, service, ip, udp] = line.split("|");
      const list = (text: string | undefined) => (text ? text.split(",") : []);
      const stack = protocols.split(":");
      const plain = list(vlan).map(Number);
      const provider = list(service).map(Number);
      return {
        protocols: stack,
        // Key: NVGRE's VSID.
        vnis: [...list(vxlan), ...list(geneve), ...list(key).map((text) => Number(text) >>> 8)].map(Number),
        vlans: stack.flatMap((name) =>
          name === "vlan" ? plain.splice(0, 1) : name === "ieee8021ad" ? provider.splice(0, 1) : [],
        ),
        ip: list(ip),
        udp: list(udp),
      };
    });
}

/** tshark's layers as we name them, up to the first that we do not read. */
function knownPrefix(protocols: string[]): string[] {
  const prefix: string[] = [];
  for (const protocol of protocols) {
    if (BETWEEN.includes(protocol)) continue;
    const name = SAME[protocol] ?? protocol;
    if (name !== "ethernet" && name !== "ipv4" && !KNOWN.includes(name)) break;
    prefix.push(name);
    // What an ICMP error quotes is its payload to us; so is a frame behind ARP.
    if (name === "icmp" || name === "icmpv6" || name === "arp") break;
  }
  return prefix;
}

function tsharkVnis(vnis: number[], layers: readonly Layer[]): number[] {
  const plainKey = layers.some(({ name, header }) => name === "gre" && header.protocol !== 0x6558);
  return plainKey ? [] : vnis;
}

function compareChecksums(layers: readonly Layer[], row: Row, at: string): void {
  const status = { "0": "bad", "1": "good", "2": "unknown", "3": "absent" } as Record<string, string>;
  for (const [name, theirs] of [
    ["ipv4", row.ip],
    ["udp", row.udp],
  ] as const) {
    const ours = layers.filter((layer) => layer.name === name).map(({ checksum }) => checksum);
    ours.forEach((checksum, index) => {
      const expected = status[theirs[index] ?? ""];
      // tshark leaves out checksums of what it does not read whole.
      if (expected !== undefined && expected !== "unknown") expect(checksum, `${at} ${name}`).toBe(expected);
    });
  }
}

/** What was read without a stop gives the same bytes when composed, up to padding. */
function expectRecomposed(frame: Uint8Array, layers: readonly Layer[], at: string): void {
  const composed = compose(...recompose(frame, layers));
  expect(toHex(composed), at).toBe(toHex(frame.subarray(0, composed.length)));
}

/** Just enough of pcap and pcapng for these files: little- or big-endian, one section. */
function readCapture(file: Uint8Array): CaptureRecord[] {
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const ng = view.getUint32(0) === 0x0a0d0d0a;
  const little = view.getUint8(ng ? 8 : 0) === (ng ? 0x4d : 0xd4);
  const u32 = (at: number) => view.getUint32(at, little);
  const records: CaptureRecord[] = [];
  const linkTypes: number[] = ng ? [] : [u32(20) & 0xffff];
  for (let at = ng ? 0 : 24; at < file.length; ) {
    if (ng && u32(at) === 1) linkTypes.push(view.getUint16(at + 8, little));
    const captured = ng && u32(at) !== 6 ? -1 : u32(at + (ng ? 20 : 8));
    const from = at + (ng ? 28 : 16);
    const frame = file.subarray(from, from + captured);
    const linkType = linkTypes[ng && captured >= 0 ? u32(at + 8) : 0] ?? 1;
    if (captured >= 0) records.push({ frame, wireLength: u32(from - 4), linkType });
    at = ng ? at + u32(at + 4) : from + captured;
  }
  return records;
}

function writeCapture(records: CaptureRecord[], linkType: number): Uint8Array {
  const words = (...values: number[]) => new Uint8Array(Uint32Array.from(values).buffer);
  const parts: Uint8Array[] = [words(0xa1b2c3d4, 0x00040002, 0, 0, 262144, linkType)];
  for (const { frame, wireLength } of records) parts.push(words(0, 0, frame.length, wireLength), frame);
  return Buffer.concat(parts);
}
