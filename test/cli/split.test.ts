// decap --split-by: one capture for each VNI, kind or remote address.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { good } from "./captures-support.ts";
import { frameAndTime, frameferry, recordsOf, temporaryFolder, VXLAN } from "./program.ts";

/** VXLAN 100 from two addresses, Geneve 7, and frames that are in nothing. */
async function mixed(folder: string): Promise<string[]> {
  const path = (name: string): string => join(folder, name);
  await good(["decap", VXLAN, "-o", path("lan.pcap")]);
  const ends = ["--local", "2001:db8::1", "--remote", "2001:db8::2"];
  await good([
    "encap",
    path("lan.pcap"),
    "-o",
    path("geneve.pcap"),
    "--kind",
    "geneve",
    "--vni",
    "7",
    ...ends,
  ]);
  return [VXLAN, path("geneve.pcap"), path("lan.pcap")];
}

const OPTIONS = ["--keep-others", "--order", "given"];

describe("decap --split-by", () => {
  test("writes a capture for each into a folder, or by a name, on any number of threads", async () => {
    const folder = temporaryFolder();
    const inputs = await mixed(folder);
    const passengers = (await recordsOf(join(folder, "lan.pcap"))).map(frameAndTime);
    const out = join(folder, "out");
    mkdirSync(out);
    const cases = [
      ["vni", ["100", "7", "none"]],
      ["kind", ["geneve", "none", "vxlan"]],
    ] as const;
    for (const workers of ["0", "2"])
      for (const [key, parts] of cases) {
        const args = ["--split-by", key, "--workers", workers, "--json"];
        const { stdout } = await good(["decap", ...inputs, "-o", out, ...OPTIONS, ...args]);
        const { received, forwarded, outputFormat, outputs } = JSON.parse(stdout);
        expect([received, forwarded, outputFormat]).toEqual([30, 30, "pcapng"]);
        const wanted = parts.map((part) => ({ part, output: join(out, `${part}.pcapng`), frames: 10 }));
        expect(outputs).toHaveLength(3);
        expect(outputs).toEqual(expect.arrayContaining(wanted));
        for (const { output } of wanted)
          expect((await recordsOf(output)).map(frameAndTime), output).toEqual(passengers);
      }
    const named = join(folder, "from-{}.pcapng.gz");
    const { stdout } = await good(["decap", ...inputs, "-o", named, ...OPTIONS, "--split-by", "remote"]);
    const files = readdirSync(folder).filter((name) => name.startsWith("from-"));
    expect(files).toContain("from-2001-db8--1.pcapng.gz");
    expect(files).toContain("from-none.pcapng.gz");
    const packed = readFileSync(join(folder, "from-2001-db8--1.pcapng.gz"));
    expect((await recordsOf(gunzipSync(packed))).map(frameAndTime)).toEqual(passengers);
    expect(stdout).toMatch(/\n {2}written +frames\n/);
    for (const file of files) expect(stdout).toContain(join(folder, file));
  });

  test("--split-most bounds them, -q is quiet", async () => {
    const folder = temporaryFolder();
    const inputs = await mixed(folder);
    const out = join(folder, "out");
    mkdirSync(out);
    const args = [...OPTIONS, "--split-by", "vni", "--split-most", "1", "-q"];
    expect(await good(["decap", ...inputs, "-o", out, ...args])).toEqual({ stdout: "", stderr: "" });
    expect(readdirSync(out).sort()).toEqual(["100.pcapng", "others.pcapng"]);
    expect(await recordsOf(join(out, "others.pcapng"))).toHaveLength(20);
  });

  test("writes nothing of what is no capture, and all before damage otherwise", async () => {
    const folder = temporaryFolder();
    const [input, out] = [join(folder, "in.pcap"), join(folder, "out")];
    mkdirSync(out);
    writeFileSync(input, "this is no capture at all");
    expect((await frameferry(["decap", input, "-o", out, "--split-by", "vni"])).status).toBe(1);
    expect(readdirSync(out)).toEqual([]);
    writeFileSync(input, readFileSync(VXLAN).subarray(0, -10));
    const cut = await frameferry(["decap", input, "-o", out, "--split-by", "vni"]);
    expect([cut.status, cut.stderr]).toEqual([1, expect.stringContaining("worked on and written")]);
    expect(await recordsOf(join(out, "100.pcapng"))).toHaveLength(9);
    expect(readdirSync(out)).toEqual(["100.pcapng"]);
  });

  test("does not write over what is read", async () => {
    const folder = temporaryFolder();
    const input = join(folder, "100.pcapng");
    writeFileSync(input, readFileSync(VXLAN));
    const outcome = await frameferry(["decap", input, "-o", folder, "--split-by", "vni"]);
    expect([outcome.status, outcome.stderr]).toEqual([2, expect.stringContaining("is what is read")]);
    expect(readFileSync(input).equals(readFileSync(VXLAN))).toBe(true);
    expect(readdirSync(folder)).toEqual(["100.pcapng"]);
  });

  test.each([
    [
      ["-o", "out.pcap", "--split-by", "vni"],
      "--output: with --split-by it is a folder that is there, or a name with {}",
    ],
    [["-o", "-", "--split-by", "vni"], "--output: with --split-by it is a folder"],
    [["-o", "{}.pcap", "--split-by", "name"], '--split-by: expected vni, kind or remote, got "name"'],
    [["-o", "{}.pcap", "--split-most", "3"], "--split-by: missing"],
    [["-o", "of-{}.pcap.gz", "--split-by", "vni"], "--output: what --split-by writes is pcapng"],
    [["-o", "{}.pcap", "--split-by", "vni", "--in-place"], "--in-place: cannot be combined with --split-by"],
    [
      ["-o", "{}.pcap", "--split-by", "vni", "--format", "pcap"],
      "--format: what --split-by writes is pcapng",
    ],
    [
      ["-o", "{}.pcap", "--split-by", "vni", "--split-most", "0"],
      "--split-most: expected a whole number from 1",
    ],
  ])("%j is bad usage", async (args, message) => {
    const { status, stderr } = await frameferry(["decap", VXLAN, ...args]);
    expect([status, stderr]).toEqual([2, expect.stringContaining(message)]);
  });
});
