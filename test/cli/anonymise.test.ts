// Captures anonymised and cut from the command line.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { CaptureWriter } from "frameferry/pcap";
import { expect, test } from "vitest";
import { good, layer } from "./captures-support.ts";
import { frameferry, recordsOf, temporaryFolder, VXLAN } from "./program.ts";

const KEY = ["--key", "00112233445566778899aabbccddeeff"];

test("anonymise makes the same of a capture with one key, whoever works, and something else without", async () => {
  const folder = temporaryFolder();
  const path = (name: string): string => join(folder, name);
  const read = (name: string): string => readFileSync(path(name)).toString("hex");
  const before = await recordsOf(VXLAN);
  const { stdout } = await good(["anonymise", VXLAN, "-o", path("a.pcap"), ...KEY, "--json"]);
  expect(JSON.parse(stdout)).toMatchObject({
    command: "anonymise",
    received: before.length,
    changed: before.length,
    outputFormat: "pcap",
  });
  await good(["anonymise", VXLAN, "-o", path("b.pcap.gz"), ...KEY, "--workers", "2", "-q"]);
  expect(gunzipSync(readFileSync(path("b.pcap.gz"))).toString("hex")).toBe(read("a.pcap"));
  await good(["anonymise", VXLAN, "-o", path("c.pcap"), "-q"]);
  await good(["anonymise", VXLAN, "-o", path("d.pcap"), "-q"]);
  expect(new Set(["a.pcap", "c.pcap", "d.pcap"].map(read)).size).toBe(3);
  const after = await recordsOf(path("a.pcap"));
  after.forEach((record, i) => {
    const [was, is] = [layer(before[i]!, "ipv4"), layer(record, "ipv4")];
    expect(is.header.source).not.toEqual(was.header.source);
    expect(layer(record, "vxlan").header.vni).toBe(layer(before[i]!, "vxlan").header.vni);
  });
});

test("a folder, the vendor, prefixes, and payload", async () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "out"));
  writeFileSync(join(folder, "a.pcap"), readFileSync(VXLAN));
  writeFileSync(join(folder, "b.pcap"), readFileSync(VXLAN));
  const options = ["--macs", "keep", "--payload", "cut", "--keep", "0.0.0.0/0", "--keep", "192.168.0.0/16"];
  await good([
    "anonymise",
    join(folder, "a.pcap"),
    join(folder, "b.pcap"),
    "-o",
    join(folder, "out"),
    ...KEY,
    ...options,
    "-q",
  ]);
  expect(readdirSync(join(folder, "out")).sort()).toEqual(["a.pcap", "b.pcap"]);
  const before = await recordsOf(VXLAN);
  const after = await recordsOf(join(folder, "out/b.pcap"));
  expect(after.map(({ data }) => data.slice(0, 12))).toEqual(before.map(({ data }) => data.slice(0, 12)));
  expect(after.reduce((sum, { data }) => sum + data.length, 0)).toBeLessThan(
    before.reduce((sum, { data }) => sum + data.length, 0),
  );
});

test("what a pcapng says beside its frames is not in the result", async () => {
  const folder = temporaryFolder();
  const [path, out] = [join(folder, "noted.pcapng"), join(folder, "out.pcap")];
  const [first] = await recordsOf(VXLAN);
  const writer = new CaptureWriter({ format: "pcapng" });
  const comment = new TextEncoder().encode("this is 10.11.12.13");
  writeFileSync(
    path,
    writer.write([{ data: first!.data, timestamp: 0n, options: [{ code: 1, value: comment }] }]),
  );
  await good(["anonymise", path, "-o", out, ...KEY, "-q"]);
  expect(readFileSync(path).includes("10.11.12.13")).toBe(true);
  expect(readFileSync(out).includes("10.11.12.13")).toBe(false);
  expect((await recordsOf(out)).length).toBe(1);
});

test("truncate keeps the first bytes of each frame", async () => {
  const out = join(temporaryFolder(), "out.pcap");
  const { stdout } = await good(["truncate", VXLAN, "-o", out, "--bytes", "60", "--json"]);
  const before = await recordsOf(VXLAN);
  expect(JSON.parse(stdout)).toMatchObject({ command: "truncate", forwarded: before.length });
  expect((await recordsOf(out)).map(({ data }) => data)).toEqual(before.map(({ data }) => data.slice(0, 60)));
});

test.each([
  [
    ["anonymise", VXLAN, "-o", "x.pcapng"],
    "--output: what is written is pcap, and x.pcapng is a pcapng's name",
  ],
  [
    ["anonymise", VXLAN, "-o", "x.pcap", "--key", "00"],
    "--key: expected 32 hexadecimal digits, got 2 characters",
  ],
  [
    ["anonymise", VXLAN, "-o", "x.pcap", "--keep", "10"],
    '--keep: expected a prefix such as 10.0.0.0/8, got "10"',
  ],
  [
    ["anonymise", VXLAN, "-o", "x.pcap", "--macs", "no"],
    '--macs: expected change, keep-vendor or keep, got "no"',
  ],
  [["anonymise", VXLAN, "-o", "x.pcap", "--format", "pcap"], "unknown option '--format'"],
  [["truncate", VXLAN, "-o", "x.pcap"], "required option '--bytes <N>' not specified"],
  [["truncate", VXLAN, "-o", "x.pcap", "--bytes", "0"], "--bytes: expected a whole number from 1 to 65535"],
])("%j is bad usage", async (args, sentence) => {
  const { status, stderr } = await frameferry(args);
  expect(stderr).toContain(sentence);
  expect(status).toBe(2);
});
