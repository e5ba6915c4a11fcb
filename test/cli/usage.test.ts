// Help, and every way to get a command wrong: one line that names what is wrong, and the exit code 2 or 1.
import { readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { wrappingKinds } from "frameferry";
import { describe, expect, test } from "vitest";
import { frameferry, temporaryFolder, VXLAN } from "./program.ts";

/** All kinds that can be taken off, as they are told. */
const wrappings = wrappingKinds
  .map(({ kind }) => kind)
  .join(", ")
  .replace(/, ([^,]*)$/, " or $1");

const ENCAP = ["--vni", "5", "--local", "10.0.0.1", "--remote", "10.0.0.2"];

describe("help", () => {
  test.each([
    ["--help"],
    ["-h"],
    ["help"],
    ["inspect", "--help"],
    ["decap", "--help"],
    ["encap", "--help"],
    ["vlan", "--help"],
    ["vlan", "push", "--help"],
    ["vlan", "pop", "--help"],
    ["vlan", "rewrite", "--help"],
    ["filter", "--help"],
    ["sample", "--help"],
    ["truncate", "--help"],
    ["dedup", "--help"],
    ["rate", "--help"],
    ["rewrite", "--help"],
    ["anonymise", "--help"],
    ["count", "--help"],
    ["demo", "--help"],
    ["help", "decap"],
    ["help", "vlan"],
  ])("%s %s goes to standard output, with examples", async (...args) => {
    const { status, stdout, stderr } = await frameferry(args);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const command = args.filter((arg) => !arg.startsWith("-") && arg !== "help").join(" ");
    expect(stdout.toString()).toMatch(new RegExp(`^Usage: frameferry ${command}`));
    expect(stdout.toString()).toMatch(/\nExamples:\n {2}frameferry /);
  });

  test("without a command it goes to standard error, and is bad usage", async () => {
    const { status, stdout, stderr } = await frameferry([]);
    expect(status).toBe(2);
    expect(stdout.length).toBe(0);
    expect(stderr).toMatch(/^Usage: frameferry /);
  });

  test("--version is that of the package", async () => {
    const { version } = JSON.parse(readFileSync(join(import.meta.dirname, "../../package.json"), "utf8"));
    for (const flag of ["--version", "-V"]) {
      const { status, stdout } = await frameferry([flag]);
      expect([status, stdout.toString()]).toEqual([0, `${version}\n`]);
    }
  });
});

describe("bad usage", () => {
  const whole = (from: number, to: number, got: string): string =>
    `expected a whole number from ${from} to ${to}, got "${got}"`;
  test.each<[string, string[], string]>([
    ["", ["nothing"], "unknown command 'nothing'"],
    ["", ["--nothing"], "unknown option '--nothing'"],
    ["vlan", ["swap"], "unknown command 'swap'"],
    ["decap", [], "required option '-o, --output <OUT>' not specified"],
    ["decap", [VXLAN], "required option '-o, --output <OUT>' not specified"],
    ["decap", [VXLAN, "-o"], "option '-o, --output <OUT>' argument missing"],
    ["decap", [VXLAN, "-o", ""], '--output: expected the name of a file, got ""'],
    ["decap", ["-o", "out"], "missing required argument 'IN'"],
    ["decap", [VXLAN, "-o", "out", "--prot", "1"], "unknown option '--prot' (Did you mean --port?)"],
    ["decap", [VXLAN, "-o", "out", "--kind", "vlan"], `--kind: expected ${wrappings}, got "vlan"`],
    ["decap", [VXLAN, "-o", "out", "--vni", "16777216"], `--vni: ${whole(0, 16777215, "16777216")}`],
    ["decap", [VXLAN, "-o", "out", "--vni", "-1"], `--vni: ${whole(0, 16777215, "-1")}`],
    ["decap", [VXLAN, "-o", "out", "--vni", "1e3"], `--vni: ${whole(0, 16777215, "1e3")}`],
    ["decap", [VXLAN, "-o", "out", "--port", "0"], `--port: ${whole(1, 65535, "0")}`],
    ["decap", [VXLAN, "-o", "out", "--depth", "none"], `--depth: ${whole(1, 64, "none")}`],
    [
      "decap",
      [VXLAN, "-o", "out", "--format", "snoop"],
      '--format: expected same, pcap or pcapng, got "snoop"',
    ],
    ["encap", [VXLAN, "-o", "out", ...ENCAP.slice(2)], "required option '--vni <N>' not specified"],
    [
      "encap",
      [VXLAN, "-o", "out", ...ENCAP, "--kind", "gre"],
      "--vni: a tunnel of kind gre has no such option",
    ],
    [
      "encap",
      [VXLAN, "-o", "out", ...ENCAP, "--key", "5"],
      "--key: a tunnel of kind vxlan has no such option",
    ],
    [
      "encap",
      [VXLAN, "-o", "out", ...ENCAP.slice(2), "--kind", "gre", "--dst-port", "5"],
      "--dst-port: a tunnel of kind gre has no such option",
    ],
    [
      "encap",
      [VXLAN, "-o", "out", ...ENCAP, "--kind", "geneve", "--gre-checksum"],
      "--gre-checksum: a tunnel of kind geneve has no such option",
    ],
    [
      "encap",
      [VXLAN, "-o", "out", ...ENCAP, "--kind", "nvgre"],
      "--vni: expected a whole number from 4096 to 16777214, got 5",
    ],
    [
      "encap",
      [VXLAN, "-o", "out", ...ENCAP, "--kind", "nvgre", "--strip-tag"],
      "--strip-tag: a tunnel of kind nvgre has no such option",
    ],
    [
      "encap",
      [VXLAN, "-o", "out", ...ENCAP, "--geneve-option", "1:1:"],
      "--geneve-option: a tunnel of kind vxlan has no such option",
    ],
    [
      "encap",
      [VXLAN, "-o", "out", "--geneve-option", "1:256"],
      `--geneve-option type: ${whole(0, 255, "256")}`,
    ],
    ...["1:1:zz", "1:1:00", "1:1:00000000:0"].map((text): [string, string[], string] => [
      "encap",
      [VXLAN, "-o", "out", "--geneve-option", text],
      `--geneve-option: expected CLASS:TYPE:DATA with data in hex, a multiple of 4 bytes, got "${text}"`,
    ]),
    [
      "encap",
      [
        VXLAN,
        "-o",
        "out",
        ...ENCAP,
        "--kind",
        "geneve",
        ...[1, 2, 3].flatMap(() => ["--geneve-option", `1:1:${"00".repeat(84)}`]),
      ],
      "--geneve-option: expected at most 252 bytes, got 264",
    ],
    [
      "decap",
      [VXLAN, "-o", "out", "--kind", "gre", "--vni", "1"],
      "--vni: a decapsulation of kind gre has no such option",
    ],
    [
      "decap",
      [VXLAN, "-o", "out", "--kind", "gre", "--verify-udp"],
      "--verify-udp: a decapsulation of kind gre has no such option",
    ],
    [
      "decap",
      [VXLAN, "-o", "out", "--kind", "geneve", "--strict"],
      "--strict: a decapsulation of kind geneve has no such option",
    ],
    [
      "decap",
      [VXLAN, "-o", "out", "--kind", "vxlan", "--kind", "geneve", "--key", "1"],
      "--key: a decapsulation of kind vxlan or geneve has no such option",
    ],
    ["encap", [VXLAN, "-o", "out", "--vni", "1"], "required option '--local <IP>' not specified"],
    [
      "encap",
      [VXLAN, "-o", "out", ...ENCAP, "--local", "10.1"],
      '--local: expected an IPv4 or IPv6 address, got "10.1"',
    ],
    [
      "encap",
      [VXLAN, "-o", "out", "--vni", "5", "--local", "10.0.0.1", "--remote", "::1"],
      "--remote: local and remote must both be IPv4 or both be IPv6",
    ],
    [
      "encap",
      [VXLAN, "-o", "out", ...ENCAP, "--local-mac", "02:00"],
      '--local-mac: expected a MAC address such as 02:00:00:00:00:01, got "02:00"',
    ],
    [
      "encap",
      [VXLAN, "-o", "out", ...ENCAP, "--dst-port", "65536"],
      `--dst-port: ${whole(1, 65535, "65536")}`,
    ],
    ["encap", [VXLAN, "-o", "out", ...ENCAP, "--ttl", "0"], `--ttl: ${whole(1, 255, "0")}`],
    ["encap", [VXLAN, "-o", "out", ...ENCAP, "--dscp", "64"], `--dscp: ${whole(0, 63, "64")}`],
    [
      "encap",
      [VXLAN, "-o", "out", ...ENCAP, "--outer-vid", "4095"],
      `--outer-vid: ${whole(1, 4094, "4095")}`,
    ],
    [
      "vlan push",
      [VXLAN, "-o", "out"],
      "--vid: the new tag needs a VLAN, or --pcp for a tag that has a priority only",
    ],
    ["vlan push", [VXLAN, "-o", "out", "--vid", "4095"], `--vid: ${whole(0, 4094, "4095")}`],
    ["vlan push", [VXLAN, "-o", "out", "--vid", "1", "--pcp", "8"], `--pcp: ${whole(0, 7, "8")}`],
    [
      "vlan push",
      [VXLAN, "-o", "out", "--vid", "1", "--tpid", "0x0800"],
      '--tpid: expected 0x8100, 0x88a8 or 0x9100, got "0x0800"',
    ],
    [
      "vlan pop",
      [VXLAN, "-o", "out", "--tpid", "vlan"],
      '--tpid: expected 0x8100, 0x88a8 or 0x9100, got "vlan"',
    ],
    [
      "vlan rewrite",
      [VXLAN, "-o", "out"],
      "--vid: nothing to rewrite; give --vid, --pcp, --dei, --no-dei or --tpid",
    ],
    ["inspect", [], "missing required argument 'FILE'"],
    ["inspect", [VXLAN, "--first", "0"], `--first: ${whole(1, Number.MAX_SAFE_INTEGER, "0")}`],
    ["inspect", [VXLAN, "--port", "4789,x"], `--port: ${whole(1, 65535, "x")}`],
    ["inspect", [VXLAN, "--first", "1", "-n", "2"], "--first: given twice"],
    [
      "encap",
      [VXLAN, "-o", "-", "--udp-checksum", "--no-udp-checksum"],
      "--no-udp-checksum: contradicts --udp-checksum",
    ],
    [
      "inspect",
      [VXLAN, "--count", "--columns", "vni"],
      "--columns: cannot be combined with --json or --count",
    ],
    [
      "inspect",
      [VXLAN, "--frame", "1", "--first", "1"],
      "--frame: cannot be combined with --first, --count or --columns",
    ],
    ["inspect", [VXLAN, "--mtu", "1400"], "--mtu: is for --frame"],
    ["demo", ["what"], "too many arguments for 'demo'. Expected 0 arguments but got 1."],
  ])("%s %j", async (command, args, message) => {
    const full = command === "" ? "frameferry" : `frameferry ${command}`;
    const { status, stdout, stderr } = await frameferry([...command.split(" ").filter(Boolean), ...args]);
    expect(stderr).toBe(`${full}: ${message} (${full} --help tells more)\n`);
    expect([status, stdout.length]).toEqual([2, 0]);
  });
});

describe("bad files", () => {
  const writers: [string, string[]][] = [
    ["decap", []],
    ["encap", ENCAP],
    ["vlan push", ["--vid", "1"]],
    ["vlan pop", []],
    ["vlan rewrite", ["--vid", "1"]],
  ];
  const contents: [string, Uint8Array | undefined, string][] = [
    ["missing", undefined, "cannot read IN: no such file or directory"],
    ["empty", new Uint8Array(0), "IN: byte 0: the file is empty"],
    [
      "text",
      Buffer.from("no capture at all, but long enough"),
      "IN: byte 0: neither pcap nor pcapng: the file starts with 6e6f2063",
    ],
  ];
  const commands: [string, string[]][] = [["inspect", []], ...writers];
  const cases = commands.flatMap(([command, args]) =>
    contents.map(([what, bytes, message]) => [command, what, args, bytes, message] as const),
  );

  test.each(cases)("%s of a file that is %s", async (command, _, args, bytes, message) => {
    const folder = temporaryFolder();
    const input = join(folder, "in.pcap");
    if (bytes !== undefined) writeFileSync(input, bytes);
    const output = command === "inspect" ? [] : ["-o", join(folder, "out.pcap")];
    const { status, stdout, stderr } = await frameferry([...command.split(" "), input, ...output, ...args]);
    expect(stderr).toBe(`frameferry ${command}: ${message.replace("IN", input)}\n`);
    expect([status, stdout.length]).toEqual([1, 0]);
    expect(readdirSync(folder)).toEqual(bytes === undefined ? [] : ["in.pcap"]);
  });

  test("empty standard input", async () => {
    for (const args of [
      ["inspect", "-"],
      ["decap", "-", "-o", "-"],
    ]) {
      const { status, stdout, stderr } = await frameferry(args);
      expect(stderr).toBe(`frameferry ${args[0]}: standard input: byte 0: the file is empty\n`);
      expect([status, stdout.length]).toEqual([1, 0]);
    }
  });

  test("a folder is not read, and gets a file where it is to be written", async () => {
    const folder = temporaryFolder();
    const read = await frameferry(["inspect", folder]);
    expect([read.status, read.stderr]).toEqual([
      1,
      `frameferry inspect: cannot read ${folder}: it is a folder\n`,
    ]);
    const written = await frameferry(["decap", VXLAN, "-o", folder]);
    expect([written.status, written.stderr]).toEqual([0, ""]);
    expect(readdirSync(folder)).toEqual(["vxlan.pcap"]);
    const missing = join(folder, "missing/");
    const made = await frameferry(["decap", VXLAN, "-o", missing]);
    expect([made.status, made.stderr]).toEqual([
      1,
      `frameferry decap: cannot write ${missing}: there is no such folder\n`,
    ]);
  });

  test("an output whose folder is missing, or whose links go round", async () => {
    const folder = temporaryFolder();
    const lost = join(folder, "no/out.pcap");
    const { status, stderr } = await frameferry(["decap", VXLAN, "-o", lost]);
    expect([status, stderr]).toEqual([
      1,
      `frameferry decap: cannot write ${lost}: no such file or directory\n`,
    ]);
    const loop = join(folder, "loop");
    symlinkSync(loop, loop);
    const second = await frameferry(["decap", VXLAN, "-o", loop]);
    expect(second.stderr).toBe(
      `frameferry decap: cannot write ${loop}: too many symbolic links encountered\n`,
    );
    expect(second.status).toBe(1);
  });

  test("demo where a file is in the way of its folder", async () => {
    const folder = temporaryFolder();
    const path = join(folder, "file");
    writeFileSync(path, "");
    const { status, stderr } = await frameferry(["demo", "-o", path]);
    expect([status, stderr]).toEqual([1, `frameferry demo: cannot write ${path}: file already exists\n`]);
  });
});
