// No file that is read is written over, by whatever name: it is refused before anything is touched.
import { spawnSync } from "node:child_process";
import {
  closeSync,
  copyFileSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, test } from "vitest";
import { CLI, frameferry, VXLAN } from "./program.ts";
import { Laboratory } from "./switch-support.ts";

function laboratory(): Laboratory {
  const lab = new Laboratory();
  copyFileSync(VXLAN, lab.path("in.pcap"));
  copyFileSync(VXLAN, lab.path("other.pcap"));
  linkSync(lab.path("in.pcap"), lab.path("hard.pcap"));
  symlinkSync("in.pcap", lab.path("soft.pcap"));
  symlinkSync("soft.pcap", lab.path("softer.pcap"));
  mkdirSync(lab.path("folder"));
  symlinkSync(".", lab.path("here"));
  return lab;
}

async function refused(
  lab: Laboratory,
  args: readonly string[],
  status: number,
  input?: Uint8Array,
): Promise<string> {
  const before = new Map(
    readdirSync(lab.folder, { withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ name }) => [name, readFileSync(lab.path(name))]),
  );
  const names = readdirSync(lab.folder);
  const outcome = await frameferry(args, input);
  expect(outcome.status, outcome.stderr).toBe(status);
  expect(outcome.stdout.length).toBe(0);
  expect(outcome.stderr.trimEnd().split("\n")).toHaveLength(1);
  expect(readdirSync(lab.folder)).toEqual(names);
  for (const [name, bytes] of before) expect(readFileSync(lab.path(name)).equals(bytes), name).toBe(true);
  return outcome.stderr.replaceAll(`${lab.folder}/`, "");
}

describe("frameferry switch", () => {
  const config = (out: string, more: object = {}) => ({
    bridgeDomains: [{ name: "lan" }],
    ports: [
      { name: "a", bridgeDomain: "lan", in: ["other.pcap", "in.pcap"] },
      { name: "b", bridgeDomain: "lan", out },
    ],
    ...more,
  });

  test.each([
    "in.pcap",
    "./in.pcap",
    "folder/../in.pcap",
    "hard.pcap",
    "soft.pcap",
    "softer.pcap",
    "here/here/in.pcap",
  ])("an output that is an input: %s", async (out) => {
    const lab = laboratory();
    const path = lab.writeConfig("switch.json", config(out));
    expect(await refused(lab, ["switch", "--config", path], 1)).toBe(
      "frameferry switch: switch.json: ports[1].out: the same file as what ports[0].in[1] reads\n",
    );
  });

  test("an output that is its own port's input, or that a later part reads", async () => {
    const lab = laboratory();
    const own = {
      bridgeDomains: [{ name: "lan" }],
      ports: [{ name: "a", bridgeDomain: "lan", in: "in.pcap", out: "in.pcap" }],
    };
    expect(await refused(lab, ["switch", "--config", lab.writeConfig("switch.json", own)], 1)).toContain(
      "ports[0].out: the same file as what ports[0].in reads",
    );
    const later = config("hard.pcap", { vtep: { address: "10.0.0.1" }, uplink: { in: "in.pcap" } });
    later.ports[0]!.in = ["other.pcap"];
    expect(await refused(lab, ["switch", "--config", lab.writeConfig("switch.json", later)], 1)).toContain(
      "ports[1].out: the same file as what uplink.in reads",
    );
  });

  test("an output that is the configuration", async () => {
    const lab = laboratory();
    writeFileSync(lab.path("switch.pcap"), "");
    linkSync(lab.path("switch.pcap"), lab.path("config.pcap"));
    symlinkSync("switch.pcap", lab.path("link.pcap"));
    for (const out of ["switch.pcap", "config.pcap", "link.pcap"]) {
      const path = lab.writeConfig("switch.pcap", config(out));
      expect(await refused(lab, ["switch", "--config", path], 1)).toContain(
        "ports[1].out: the same file as the configuration",
      );
    }
  });

  test("more captures than can be open at a time", async () => {
    const lab = laboratory();
    const many = config("out.pcap");
    many.ports[0]!.in = Array<string>(10_000).fill("in.pcap");
    expect(await refused(lab, ["switch", "--config", lab.writeConfig("switch.json", many)], 1)).toContain(
      "all captures are open at a time, at most 4000 of them, and it names 10001",
    );
  });
});

test("frameferry lab: a capture of a link that is the topology or a capture that is sent", async () => {
  const lab = laboratory();
  const example = join(import.meta.dirname, "../../examples/topologies/two-tors.json");
  const made = await frameferry(["lab", "run", example, "--pcap", lab.path("folder"), "--json"]);
  expect(made.status, made.stderr).toBe(0);
  const [first] = JSON.parse(made.stdout.toString()).captures as string[];
  // The topology under the name of a link's capture.
  copyFileSync(example, first!);
  const before = readFileSync(first!);
  const again = await frameferry(["lab", "run", first!, "--pcap", lab.path("folder")]);
  expect(again.status).toBe(2);
  expect(again.stderr).toContain(`--pcap: ${first} is what is read as ${first}`);
  expect(readFileSync(first!).equals(before)).toBe(true);
});

test("decap over its own input is as good as ever, where it is told to", async () => {
  const lab = laboratory();
  const { status } = await frameferry([
    "decap",
    lab.path("in.pcap"),
    "-o",
    lab.path("in.pcap"),
    "--in-place",
  ]);
  expect(status).toBe(0);
  expect(readFileSync(lab.path("in.pcap")).equals(readFileSync(VXLAN))).toBe(false);
  expect(readFileSync(lab.path("hard.pcap")).equals(readFileSync(VXLAN))).toBe(true);
});

test("what killed runs have left is told, and what runs are writing is not", async () => {
  const lab = laboratory();
  const left = lab.path(".frameferry-999999999-abcdefgh.part");
  writeFileSync(left, "half a capture");
  writeFileSync(lab.path(`.frameferry-${process.pid}-abcdefgh.part`), "somebody is at it");
  const { status, stderr } = await frameferry(["decap", lab.path("in.pcap"), "-o", lab.path("out.pcap")]);
  expect(status).toBe(0);
  expect(stderr).toBe(
    `frameferry: ${left}: left unfinished by a run that was killed; delete what nobody writes any more\n`,
  );
  expect(readdirSync(lab.folder)).toContain(basename(left));
});

test.runIf(process.platform === "linux")("help and version on a full disk are no success", async () => {
  for (const args of [["--help"], ["--version"], ["decap", "--help"], ["help", "vlan"]]) {
    const full = openSync("/dev/full", "w");
    const { status, stderr } = spawnSync(process.execPath, [CLI, ...args], {
      stdio: ["ignore", full, "pipe"],
      encoding: "utf8",
    });
    closeSync(full);
    expect(status, args.join(" ")).toBe(1);
    expect(stderr).toMatch(/^frameferry[^\n]*: cannot write standard output: [^\n]*\n$/);
  }
});
