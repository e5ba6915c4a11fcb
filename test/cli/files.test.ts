// The files that commands read and write: formats, names, and nothing left behind.
import { copyFileSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type CaptureRecord, CaptureWriter, type CaptureWriterOptions, commentOption } from "frameferry/pcap";
import { describe, expect, test } from "vitest";
import { ENCAP, good } from "./captures-support.ts";
import { frameAndTime, QINQ, recordsOf, temporaryFolder, VXLAN } from "./program.ts";

describe("formats", () => {
  test("the output's name decides, --format before it, else the input", async () => {
    const folder = temporaryFolder();
    const cases: [string, string, string[], string][] = [
      [VXLAN, "a.pcap", [], "pcap"],
      [VXLAN, "a.pcapng", [], "pcapng"],
      [VXLAN, "a.PCAPNG", [], "pcapng"],
      [VXLAN, "a.cap", [], "pcap"],
      [VXLAN, "a.pcapng", ["--format", "same"], "pcap"],
      [VXLAN, "a.cap", ["--format", "pcapng"], "pcapng"],
      [QINQ, "a.pcap", [], "pcap"],
      [QINQ, "a", [], "pcapng"],
    ];
    for (const [input, name, flags, format] of cases) {
      const out = join(folder, name);
      const { stdout } = await good(["vlan", "pop", input, "-o", out, "--json", ...flags]);
      expect(JSON.parse(stdout).outputFormat).toBe(format);
      const isPcapng = readFileSync(out).subarray(0, 4).toString("hex") === "0a0d0d0a";
      expect(isPcapng ? "pcapng" : "pcap").toBe(format);
    }
  });

  const forms: [string, CaptureWriterOptions][] = [];
  for (const byteOrder of ["little", "big"] as const)
    for (const nanoseconds of [false, true])
      for (const format of ["pcap", "pcapng"] as const)
        forms.push([
          `${byteOrder}-endian ${format}, ${nanoseconds ? "nano" : "micro"}seconds`,
          { format, byteOrder, nanoseconds },
        ]);

  test.each(forms)("%s: frames and times survive a tunnel, the form stays", async (_, options) => {
    const folder = temporaryFolder();
    const [input, packets, out] = [join(folder, "in"), join(folder, "packets"), join(folder, "out")];
    const step = options.nanoseconds ? 1000000001n : 1000001000n;
    const source = (await recordsOf(VXLAN)).map(({ data, timestamp }, index) => ({
      data,
      timestamp: timestamp! + BigInt(index) * step,
      originalLength: data.length + index,
      options: index === 3 ? [commentOption("the third")] : [],
    }));
    writeFileSync(input, new CaptureWriter(options).write(source));
    await good(["encap", input, "-o", packets, ...ENCAP]);
    await good(["decap", packets, "-o", out]);
    const [before, after] = [await recordsOf(input), await recordsOf(out)];
    expect(after.map(frameAndTime)).toEqual(before.map(frameAndTime));
    expect(after.map((record) => record.options)).toEqual(before.map((record) => record.options));
    const form = ({ interface: { section, resolution } }: CaptureRecord): unknown => [
      section.format,
      section.byteOrder,
      resolution,
    ];
    expect(form(after[0]!)).toEqual(form(before[0]!));
    for (const other of ["other.pcap", "other.pcapng"]) {
      await good(["vlan", "pop", input, "-o", join(folder, other)]);
      expect((await recordsOf(join(folder, other))).map(frameAndTime)).toEqual(before.map(frameAndTime));
    }
  });
});

describe("files", () => {
  test("input and output may be the same file, if that is said", async () => {
    const path = join(temporaryFolder(), "capture.pcap");
    copyFileSync(VXLAN, path);
    await good(["decap", path, "-o", path, "--in-place"]);
    expect(await recordsOf(path)).toHaveLength(10);
    expect((await recordsOf(path))[0]!.data.length).toBe(98);
  });

  test("nothing but the output is left behind", async () => {
    const folder = temporaryFolder();
    await good(["decap", VXLAN, "-o", join(folder, "out.pcap")]);
    expect(readdirSync(folder)).toEqual(["out.pcap"]);
    expect(statSync(join(folder, "out.pcap")).size).toBe(24 + 10 * 16 + 868);
  });
});
