// Wireshark's programs and scapy judge what is read and written.

import { spawnSync } from "node:child_process";
import {
  createReadStream,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  type CaptureRecord,
  CaptureWriter,
  type CaptureWriterOptions,
  commentOption,
  commentsOf,
  readCapture,
  writeCapture,
} from "frameferry/pcap";
import { afterAll, describe, expect, it } from "vitest";

const folder = mkdtempSync(join(tmpdir(), "frameferry-pcap-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string): string => join(folder, name);

const has = (program: string): boolean => spawnSync(program, ["--version"]).status === 0;
const hasWireshark = ["tshark", "editcap", "mergecap", "capinfos"].every(has);
const python = "/usr/bin/python3";
const hasScapy = spawnSync(python, ["-c", "import scapy.utils"]).status === 0;
if (!hasWireshark) console.warn("skipped: tshark, editcap, mergecap or capinfos is not installed");
if (!hasScapy) console.warn("skipped: scapy is not installed for /usr/bin/python3");

function run(program: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: "utf8", maxBuffer: 1 << 28 });
  if (status !== 0) throw new Error(`${program} ${args.join(" ")}: ${status}\n${stderr}`);
  return stdout;
}

async function records(path: string): Promise<CaptureRecord[]> {
  const found: CaptureRecord[] = [];
  for await (const record of readCapture(createReadStream(path, { highWaterMark: 777 }))) found.push(record);
  return found;
}

/** One line a frame: time, lengths, interface. */
function asTshark(path: string): string[] {
  const fields = ["frame.time_epoch", "frame.len", "frame.cap_len"];
  const out = run("tshark", "-n", "-r", path, "-T", "fields", ...fields.flatMap((field) => ["-e", field]));
  return out.split("\n").filter((line) => line !== "");
}

function asRead(list: readonly CaptureRecord[]): string[] {
  return list.map(({ timestamp, originalLength, data }) => {
    const time = timestamp ?? 0n;
    const seconds = `${time / 1000000000n}.${String(time % 1000000000n).padStart(9, "0")}`;
    return `${seconds}\t${originalLength}\t${data.length}`;
  });
}

const fixtures = fileURLToPath(new URL("../fixtures/", import.meta.url));
const fixture = (name: string): string => join(fixtures, name);
// A larger collection beside the repository, used where it is there.
const shared = fileURLToPath(new URL("../../../shared/captures/", import.meta.url));
const captures = [
  fixtures,
  ...(existsSync(shared) ? readdirSync(shared).map((name) => join(shared, name)) : []),
]
  .filter((path) => !path.endsWith(".md"))
  .flatMap((path) => readdirSync(path).map((name) => join(path, name)))
  .filter((path) => /\.pcap(ng)?$/.test(path));

describe.skipIf(!hasWireshark)("against Wireshark's programs", () => {
  it("has captures to compare", () => {
    expect(captures.length).toBeGreaterThan(1);
  });

  it.each(captures)("%s: frames, times and lengths; written again, the same bytes", async (path) => {
    expect(asRead(await records(path))).toEqual(asTshark(path));
    const copy: Uint8Array[] = [];
    for await (const bytes of writeCapture(readCapture(createReadStream(path)).items())) copy.push(bytes);
    expect(Buffer.concat(copy).equals(readFileSync(path))).toBe(true);
  });

  const forms: [string, CaptureWriterOptions][] = [];
  for (const byteOrder of ["little", "big"] as const)
    for (const nanoseconds of [false, true])
      for (const format of ["pcap", "pcapng"] as const)
        forms.push([`${format}-${byteOrder}-${nanoseconds}`, { format, byteOrder, nanoseconds }]);

  it.each(forms)("%s is opened without complaint and says the same", async (name, options) => {
    const path = at(name);
    const source = await records(fixture("vxlan.pcap"));
    const unit = options.nanoseconds ? 1n : 1000n;
    const changed = source.map(({ data, timestamp, originalLength }, i) => ({
      data: data.subarray(0, 40 + i),
      timestamp: timestamp! + BigInt(i) * 100000001n * unit,
      originalLength,
      options: i === 3 ? [commentOption("third, nearly")] : [],
    }));
    writeFileSync(path, new CaptureWriter(options).write(changed));
    const info = run("capinfos", "-T", "-r", "-t", "-c", "-E", path).trim().split("\t");
    expect(info.slice(1)).toEqual([
      `${options.nanoseconds && options.format === "pcap" ? "nsecpcap" : options.format}`,
      "ether",
      "10",
    ]);
    expect(asTshark(path)).toEqual(asRead(await records(path)));
    expect((await records(path)).map((record) => record.timestamp)).toEqual(
      changed.map((record) => record.timestamp),
    );
    const frames = run("tshark", "-n", "-r", path, "-T", "fields", "-e", "frame.comment", "-e", "eth.src");
    expect(frames.split("\n")[3]!.startsWith("third, nearly\t")).toBe(options.format === "pcapng");
  });

  it("reads what mergecap makes of three files: several interfaces, one file", async () => {
    const ns = at("ns.pcap");
    run("editcap", "-F", "nsecpcap", "-t", "0.000000123", fixture("vxlan.pcap"), ns);
    const raw = at("raw.pcap");
    run("editcap", "-F", "pcap", "-T", "rawip", "-C", "14", fixture("vxlan.pcap"), raw);
    const merged = at("merged.pcapng");
    run(
      "mergecap",
      "-F",
      "pcapng",
      "-I",
      "none",
      "-w",
      merged,
      fixture("vxlan.pcap"),
      ns,
      raw,
      fixture("QinQ_802.1_AD.pcapng"),
    );
    const list = await records(merged);
    expect(list).toHaveLength(31);
    expect(new Set(list.map((record) => record.interface.id)).size).toBe(4);
    expect(new Set(list.map((record) => record.interface.linkType))).toEqual(new Set([1, 101]));
    expect(asRead(list)).toEqual(asTshark(merged));
    const ids = run("tshark", "-n", "-r", merged, "-T", "fields", "-e", "frame.interface_id");
    expect(ids.trim().split("\n").map(Number)).toEqual(list.map((record) => record.interface.id));
    const copy = at("copy.pcapng");
    const parts: Uint8Array[] = [];
    for await (const bytes of writeCapture(readCapture(createReadStream(merged)))) parts.push(bytes);
    writeFileSync(copy, Buffer.concat(parts));
    expect(run("tshark", "-n", "-r", copy, "-V")).toBe(run("tshark", "-n", "-r", merged, "-V"));
  });

  it("reads editcap's comments and snap length, and tshark ours", async () => {
    const path = at("comment.pcapng");
    run("editcap", "-F", "pcapng", "-s", "60", "-a", "2:Grüße", fixture("vxlan.pcap"), path);
    const list = await records(path);
    expect(list.every((record) => record.data.length === 60 && record.originalLength >= 60)).toBe(true);
    expect(list.map((record) => commentsOf(record.options))).toEqual(
      list.map((_, i) => (i === 1 ? ["Grüße"] : [])),
    );
  });

  it("shows names, resolutions and offsets as they were meant", async () => {
    const path = at("interfaces.pcapng");
    const wan = {
      name: "wan0",
      description: "to sea",
      resolution: { base: 2, exponent: 20 },
      offsetSeconds: 1000n,
    } as const;
    const lan = { name: "lan0", resolution: { base: 10, exponent: 3 } } as const;
    const data = new Uint8Array(60);
    const time = 1700000000500000000n;
    writeFileSync(
      path,
      new CaptureWriter().write([
        { data, timestamp: time, interface: wan },
        { data, timestamp: time, interface: lan },
      ]),
    );
    const out = run(
      "tshark",
      "-n",
      "-r",
      path,
      "-T",
      "fields",
      "-e",
      "frame.time_epoch",
      "-e",
      "frame.interface_name",
      "-e",
      "frame.interface_description",
    );
    expect(out.split("\n").slice(0, 2)).toEqual([
      "1700000000.500000000\twan0\tto sea",
      "1700000000.500000000\tlan0\t",
    ]);
    expect((await records(path)).map((record) => record.timestamp)).toEqual([time, time]);
  });

  it("finds the end of a cut file where tshark does", async () => {
    const whole = readFileSync(fixture("vxlan.pcap"));
    const path = at("cut.pcap");
    for (const cut of [30, 500, 1000, whole.length - 1]) {
      writeFileSync(path, whole.subarray(0, cut));
      const { stdout } = spawnSync("tshark", ["-n", "-r", path, "-T", "fields", "-e", "frame.number"], {
        encoding: "utf8",
      });
      let count = 0;
      await expect(
        (async () => {
          for await (const _ of readCapture(createReadStream(path))) count++;
        })(),
      ).rejects.toThrow(/^byte \d+: the file ends/);
      expect(count).toBe(stdout.split("\n").filter((line) => line !== "").length);
    }
  });
});

describe.skipIf(!hasScapy)("against scapy", () => {
  it.each(["big", "little"])("reads its %s-endian nanosecond pcap, and it reads ours", async (order) => {
    const path = at(`scapy-${order}.pcap`);
    const code = `
import sys
from scapy.utils import RawPcapWriter, RawPcapReader
w = RawPcapWriter(sys.argv[1], linktype=1, endianness='${order === "big" ? ">" : "<"}', nano=True, sync=True)
w.write_header(None)
for i in range(5): w.write_packet(bytes(range(20 + i)), sec=1700000000 + i, usec=999999995 + i, caplen=20 + i, wirelen=100 + i)
w.close()`;
    run(python, "-c", code, path);
    const list = await records(path);
    expect(list.map((record) => [record.timestamp, record.data.length, record.originalLength])).toEqual(
      Array.from({ length: 5 }, (_, i) => [1700000000999999995n + BigInt(i) * 1000000001n, 20 + i, 100 + i]),
    );
    expect(list[0]!.interface.section.byteOrder).toBe(order);
    const ours = at(`ours-${order}.pcap`);
    writeFileSync(ours, new CaptureWriter().write(list));
    const back = run(
      python,
      "-c",
      `
import sys
from scapy.utils import RawPcapReader
for data, meta in RawPcapReader(sys.argv[1]): print(meta.sec, meta.usec, meta.wirelen, data.hex())`,
      ours,
    );
    expect(back.trim().split("\n")).toEqual(
      list.map(
        (record, i) =>
          `${1700000000 + i} ${999999995 + i} ${100 + i} ${Buffer.from(record.data).toString("hex")}`,
      ),
    );
  });
});
