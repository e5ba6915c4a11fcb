// What tshark reads of frames of every link type, before and after: the same tunnels, and passengers that end where they end.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join as joinPath } from "node:path";
import { createDataplane, loadKernels, Pipeline, type Stage } from "frameferry";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Sink } from "../dataplane/capture-support.ts";
import { Bytes, enhanced, iface, join, pcapHeader, pcapRecord, section } from "../pcap/capture-bytes.ts";
import { processed } from "../support/capture-corpus.ts";
import { LINK_FRAMES, vxlanPacket } from "../support/link-frames.ts";

const hasTshark = spawnSync("tshark", ["--version"]).status === 0;
if (!hasTshark) console.warn("skipped: tshark is not installed");

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(joinPath(tmpdir(), "frameferry-links-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function read(bytes: Uint8Array, fields: readonly string[]): string[][] {
  const path = joinPath(folder, "capture");
  writeFileSync(path, bytes);
  const args = ["-n", "-r", path, "-T", "fields", ...fields.flatMap((field) => ["-e", field])];
  const { status, stdout, stderr } = spawnSync("tshark", args, { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  return stdout
    .split("\n")
    .slice(0, -1)
    .map((line) => line.split("\t"));
}

/** An Ethernet frame that is all text, with a type of nobody's. */
const passenger = Uint8Array.of(
  2,
  0,
  0,
  0,
  0,
  2,
  2,
  0,
  0,
  0,
  0,
  1,
  0x88,
  0xb5,
  ...Array<number>(48).fill(0x78),
);
const DECAP: Stage = { stage: "decapsulate", kind: "vxlan" };
const KEEP: Stage = { ...DECAP, others: "keep" };
const WRAP: Stage = { stage: "encapsulate", kind: "vxlan", vni: 7, local: "192.0.2.1", remote: "192.0.2.2" };

/**
 * What is read here and not there: Cisco's HDLC in 50, told by the first byte; IPv6's family of Linux, Windows and Solaris; loopback
 * headers and netfilter fields in another byte order than the capture's, or than the standard's.
 */
function isReadByTshark(type: number, choice: number): boolean {
  if (type === 50) return (choice & 4) === 0;
  if (type === 239) return (choice & 1) === 0;
  if (type !== 0 && type !== 108) return true;
  const isFamilyKnown = choice % 5 !== 0 || [2, 4, 5].includes(choice % 6);
  return isFamilyKnown && (type === 0 || (choice & 8) !== 0);
}

test.skipIf(!hasTshark).each([...LINK_FRAMES.keys()])("link type %i is the one that tshark reads", (type) => {
  const choices = Array.from({ length: 64 }, (_, i) => (i * 37) % 512).filter((choice) =>
    isReadByTshark(type, choice),
  );
  const records = choices.map((choice) =>
    pcapRecord(
      false,
      choice,
      0,
      LINK_FRAMES.get(type)!(vxlanPacket(passenger, type, choice % 5 === 0), choice),
    ),
  );
  const rows = read(join([pcapHeader(false, false, type), ...records]).bytes, ["vxlan.vni", "data.len"]);
  expect(rows).toEqual(choices.map(() => ["42", "48"]));
});

describe.skipIf(!hasTshark)("declared check sequences", () => {
  const tunnel = LINK_FRAMES.get(1)!(vxlanPacket(passenger, 1, false), 0);
  const FCS = [1, 2, 3, 4];
  const withFcs = (frame: Uint8Array) => Uint8Array.of(...frame, ...FCS);
  const flags = (bytes: Bytes) => bytes.option(2, new Bytes(false).number(4, 4 << 5).done).number(4, 0);
  const captures: Readonly<Record<string, Uint8Array>> = {
    "a pcap": join([
      pcapHeader(false, false, 0x24000001),
      pcapRecord(false, 1, 0, withFcs(tunnel)),
      pcapRecord(false, 2, 0, withFcs(passenger)),
    ]).bytes,
    "an interface": join([
      section(false),
      iface(false, 1, 0, (b) => b.option(13, [4]).number(4, 0)),
      enhanced(false, 0, 1n, withFcs(tunnel)),
      enhanced(false, 0, 2n, withFcs(passenger)),
    ]).bytes,
    "each packet": join([
      section(false),
      iface(false, 1, 0),
      enhanced(false, 0, 1n, withFcs(tunnel), tunnel.length + 4, flags),
      enhanced(false, 0, 2n, withFcs(passenger), passenger.length + 4, flags),
    ]).bytes,
  };
  const fields = ["frame.len", "vxlan.vni", "data.len", "eth.fcs", "vlan.id"];
  /** The last FCS is that of the frame, read from its last bytes. */
  const stages: readonly (readonly [string, readonly Stage[], readonly string[][]])[] = [
    [
      "nothing",
      [],
      [
        ["116", "42", "48", "0x01020304", ""],
        ["66", "", "48", "0x01020304", ""],
      ],
    ],
    ["decap", [DECAP], [["62", "", "48", "", ""]]],
    [
      "decap, others kept",
      [KEEP],
      [
        ["62", "", "48", "", ""],
        ["66", "", "48", "0x01020304", ""],
      ],
    ],
    [
      "encap",
      [WRAP],
      [
        ["162", "7,42", "48", "", ""],
        ["112", "7", "48", "", ""],
      ],
    ],
    [
      "vlan push",
      [{ stage: "vlan-push", vid: 9 }],
      [
        ["116", "42", "48", "", "9"],
        ["66", "", "48", "", "9"],
      ],
    ],
  ];

  describe.each(Object.keys(captures))("of %s", (name) => {
    test.each(stages)("through %s", async (_, list, expected) => {
      const kernels = await loadKernels({ memoryBytes: 16 << 20 });
      using pipeline = new Pipeline(kernels, list);
      const bytes = captures[name]!;
      const { bytes: found } = await processed(bytes, pipeline, { format: "pcapng" });
      expect(read(found, fields)).toEqual(expected);
      await using dataplane = await createDataplane({ workers: 2 });
      const sink = new Sink();
      await dataplane.processCapture(bytes, list, sink, { format: "pcapng" });
      expect(Buffer.compare(sink.bytes, found)).toBe(0);
      // In a pcap all or none of the frames have one.
      const flat = read((await processed(bytes, pipeline, { format: "pcap" })).bytes, fields);
      const isPcap = bytes[0] === 0xd4;
      expect(flat).toEqual(
        list.length === 0 && isPcap
          ? expected
          : expected.map(([length, vni, data, fcs, vid]) => [
              fcs === "" ? length : String(Number(length) - 4),
              vni,
              data,
              "",
              vid,
            ]),
      );
    });
  });
});
