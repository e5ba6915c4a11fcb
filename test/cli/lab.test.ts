// frameferry lab, run as people run it, with tshark as the judge of its captures.
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { EXAMPLES, example, topologyFile } from "./lab-support.ts";
import { frameferry, hasTshark, recordsOf, temporaryFolder, VXLAN } from "./program.ts";

const examples = readdirSync(EXAMPLES).filter((name) => name.endsWith(".json"));

interface LabJson {
  readonly command: string;
  readonly steps: readonly {
    readonly step: Record<string, unknown>;
    readonly reached?: boolean;
    readonly sent?: number;
    readonly arrived: Record<string, number>;
    readonly overheard: Record<string, number>;
    readonly errors?: readonly { kind: string; from: string; mtu?: number }[];
  }[];
  readonly reach: Record<string, Record<string, boolean>>;
  readonly links: readonly {
    readonly name: string;
    readonly frames: number;
    readonly bytes: number;
    readonly dropped: Record<string, number>;
  }[];
  readonly drops: Record<string, number>;
  readonly captures: readonly string[];
}

async function run(file: string, ...args: string[]): Promise<LabJson> {
  const { status, stdout, stderr } = await frameferry(["lab", "run", file, "--json", ...args]);
  expect([status, stderr]).toEqual([0, ""]);
  return JSON.parse(stdout.toString());
}

/** Who reached whom: `a-1 a-2` for each pair. */
function reached({ reach }: LabJson): string[] {
  return Object.entries(reach).flatMap(([from, row]) => {
    return Object.entries(row).flatMap(([to, yes]) => (yes ? [`${from} ${to}`] : []));
  });
}

/** Everybody reaches everybody of the same group, and nobody else. */
function expectGroups(result: LabJson, groupOf: (name: string) => string): void {
  const names = Object.keys(result.reach);
  const expected = names.flatMap((from) => {
    return names.flatMap((to) => (from !== to && groupOf(from) === groupOf(to) ? [`${from} ${to}`] : []));
  });
  expect(reached(result).sort()).toEqual(expected.sort());
}

/** Fields of all packets of a capture that tshark finds, one line a packet. */
function tshark(file: string, filter: string, ...fields: string[]): string[] {
  // Linux and flannel have their VXLAN on a port of its own.
  const args = ["-r", file, "-d", "udp.port==8472,vxlan", "-Y", filter, "-T", "fields"];
  for (const field of fields) args.push("-e", field);
  const options = ["ip.check_checksum", "udp.check_checksum", "tcp.check_checksum"];
  for (const option of options) args.push("-o", `${option}:TRUE`);
  const { status, stdout, stderr } = spawnSync("tshark", args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`tshark: ${stderr}`);
  return stdout.split("\n").slice(0, -1);
}

const COMPLAINTS =
  "_ws.malformed || _ws.expert.severity >= 0x600000 || ip.checksum.status == 0 || udp.checksum.status == 0 || icmp.checksum.status == 0";

describe("frameferry lab run", () => {
  it("keeps the departments of an office apart", async () => {
    const result = await run(example("office-vlan"));
    expectGroups(result, (name) => name.replace(/-\d$/, ""));
    expect(result.steps[0]?.arrived).toEqual({ "sales-2": 1, "sales-3": 1 });
  });

  it("lets machines behind two TORs believe that they share a switch", async () => {
    const result = await run(example("two-tors"));
    expectGroups(result, () => "");
    expect(result.steps[2]?.arrived).toEqual({ "left-1": 1, "right-1": 1, "right-2": 1 });
    expect(result.steps[3]).toMatchObject({ sent: 100, arrived: { "right-2": 100 } });
  });

  it("never lets VPCs meet, whatever their addresses", async () => {
    const result = await run(example("vpc"));
    expectGroups(result, (name) => name.replace(/-\d$/, ""));
    for (const { overheard } of result.steps) {
      // What one sees that is not for it is of its own VPC.
      expect(Object.keys(overheard)).toEqual([]);
    }
  });

  it("wraps the pods of two VPCs twice", async () => {
    const result = await run(example("pods-in-vpcs"));
    expectGroups(result, (name) => name.replace(/-.*$/, ""));
    expect(result.steps[4]?.errors).toEqual([
      { kind: "ttl-exceeded", from: "10.244.1.1", type: 11, code: 0 },
    ]);
  });

  it("makes a flat network of pods by three ways", async () => {
    const result = await run(example("flat-network"));
    expectGroups(result, (name) => name.replace(/-.*$/, ""));
  });

  it("goes round what fails in a data centre, and drops what has no way", async () => {
    const result = await run(example("data-centre"));
    const pings = result.steps.filter(({ step }) => "ping" in step).map((one) => one.reached);
    expect(pings).toEqual([true, true, true, true, false, true, true, false, true]);
    expectGroups(result, (name) =>
      /^(host-c-1-3|outside)$/.test(name) ? "plain" : name.replace(/-.*$/, ""),
    );
  });

  it("wraps four times as well", async () => {
    const result = await run(example("four-wraps"));
    expect(reached(result)).toEqual(["pod-1 pod-2", "pod-2 pod-1"]);
  });

  it("prints it for people", async () => {
    const { status, stdout } = await frameferry(["lab", "run", example("vpc")]);
    expect(status).toBe(0);
    const text = stdout.toString();
    expect(text).toContain("Two VPCs on three shared hosts");
    expect(text).toContain("4 switches, 9 machines and pods, 12 links");
    expect(text).toMatch(/2 {2}ping orange-1 -> orange-3 {2}answered in 0\.016 ms/);
    expect(text).toMatch(/5 {2}ping orange-1 -> blue-1 {4}no answer: no route, says 172\.20\.6\.35/);
    expect(text).toMatch(/^ {2}orange-1 +- +yes +yes +yes +no/m);
    expect(text.split("\n").filter((line) => /\s$/.test(line))).toEqual([]);
  });

  it("lists whom each reached where a table would be too wide", async () => {
    const machines = Array.from({ length: 20 }, (_, i) => ({ name: `m${i}` }));
    const { stdout } = await frameferry(
      ["lab", "run", "-"],
      Buffer.from(JSON.stringify({ machines, traffic: [{ reach: "all" }] })),
    );
    expect(stdout.toString()).toMatch(/^ {2}m0 +19 of 19 {2}m1, m2, m3, m4, m5, m6 and 13 more$/m);
    expect(stdout.toString()).toMatch(/^standard input\n/);
  });

  it("sends the frames of a real capture", async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "frames.pcap"), readFileSync(VXLAN));
    const traffic = [{ capture: "frames.pcap", from: "left-1" }];
    const file = topologyFile({ tors: {}, traffic }, folder);
    const pcaps = join(folder, "out");
    const result = await run(file, "--pcap", pcaps);
    const sent = (await recordsOf(VXLAN)).map(({ data }) => Buffer.from(data).toString("hex"));
    expect(result.steps[0]?.sent).toBe(sent.length);
    const seen = (await recordsOf(join(pcaps, "right-1.pcapng"))).map(({ data }) => {
      return Buffer.from(data).toString("hex");
    });
    // Nobody has these addresses, so they are flooded through the tunnel and come out as they were; those that
    // answer to one another are not flooded any more once the switch knows that both are behind one port.
    expect(seen.length).toBeGreaterThan(0);
    expect(sent.filter((frame) => seen.includes(frame))).toEqual(seen);
  });
});

describe("what frameferry lab refuses", () => {
  const cases: [string, unknown, string][] = [
    [
      "a value",
      { vpcs: [{ name: "a", cidr: "10.0.0.0/8", vni: -1 }] },
      "vpcs[0].vni: expected a VNI from 0 to 16777215, got -1",
    ],
    ["a type", { seed: "1" }, 'seed: expected a whole number from 0 to 4294967295, got "1"'],
    ["a key", { vpc: [] }, "vpc: unknown (known: $schema, title, seed, underlay"],
    ["what is missing", { hosts: [{}] }, "hosts[0].name: it is missing"],
    [
      "no rack",
      { dataCentre: { zones: [{ racks: [] }] } },
      "dataCentre.zones[0].racks: expected at least one",
    ],
    [
      "too many hosts",
      { dataCentre: { zones: [{ racks: [{ hosts: 300 }] }] } },
      "dataCentre.zones[0].racks[0].hosts: expected a whole number from 0 to 253, or a list of names, got 300",
    ],
    [
      "a name",
      { machines: [{ name: "../x" }] },
      'machines[0].name: expected a name of letters, digits, dots, hyphens and underscores, got "../x"',
    ],
    [
      "a department",
      { office: { departments: { "a/b": 1 } } },
      'office.departments["a/b"]: expected a name of letters',
    ],
    [
      "two things in a step",
      { tors: {}, traffic: [{ broadcast: "left-1", wait: 1 }] },
      "traffic[0]: expected one of ping, arp, broadcast",
    ],
    [
      "half a step",
      { tors: {}, traffic: [{ move: "left-1" }] },
      "traffic[0]: expected capture with from, and move with to",
    ],
    [
      "one who pings",
      { tors: {}, traffic: [{ ping: ["left-1"] }] },
      "traffic[0].ping: expected a list of two machines",
    ],
    [
      "a switch that speaks",
      { tors: {}, traffic: [{ broadcast: "between" }] },
      'traffic[0].broadcast: "between" is a switch',
    ],
    ["an address", { machines: [{ name: "a", address: "10.1.0.300" }] }, "machines[0].address: "],
    ["what is not JSON", "{", "line 1, column 2: not JSON"],
  ];
  it.each(cases)("%s", async (_, topology, message) => {
    const folder = temporaryFolder();
    const file = topologyFile(topology, folder);
    const pcaps = join(folder, "pcaps");
    for (const args of [
      ["run", file],
      ["ping", file, "left-1", "right-1"],
    ]) {
      const { status, stdout, stderr } = await frameferry(["lab", ...args, "--pcap", pcaps]);
      expect(stdout.length).toBe(0);
      expect(stderr.slice(0, `frameferry lab ${args[0]}: ${file}: ${message}`.length)).toBe(
        `frameferry lab ${args[0]}: ${file}: ${message}`,
      );
      expect(stderr.trimEnd()).not.toContain("\n");
      expect(status).toBe(1);
    }
    expect(readdirSync(folder)).toEqual(["topology.json"]);
  });

  it("files that are not there, captures that are none, and names that nobody has", async () => {
    const folder = temporaryFolder();
    const file = topologyFile({ tors: {}, traffic: [{ capture: "x.pcap", from: "left-1" }] }, folder);
    const missing = await frameferry(["lab", "run", file]);
    expect(missing.status).toBe(1);
    expect(missing.stderr).toContain("x.pcap");
    writeFileSync(join(folder, "x.pcap"), "no capture");
    const damaged = await frameferry(["lab", "run", file]);
    expect(damaged.status).toBe(1);
    expect(damaged.stderr).toContain("x.pcap: ");
    const nobody = await frameferry(["lab", "ping", example("two-tors"), "left-1", "nobody"]);
    expect(nobody.status).toBe(2);
    expect(nobody.stderr).toContain('TO: there is no machine or pod "nobody"');
    expect((await frameferry(["lab", "run", join(folder, "none.json")])).status).toBe(1);
  });
});

describe("frameferry lab --pcap", () => {
  it("writes the same bytes each time", async () => {
    const folder = temporaryFolder();
    for (const name of ["one", "two"]) await run(example("pods-in-vpcs"), "--pcap", join(folder, name));
    const names = readdirSync(join(folder, "one"));
    expect(readdirSync(join(folder, "two"))).toEqual(names);
    for (const name of names)
      expect(readFileSync(join(folder, "one", name)).equals(readFileSync(join(folder, "two", name)))).toBe(
        true,
      );
  });

  it("writes all files or none", async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, "left-2.pcapng"));
    const { status, stderr } = await frameferry(["lab", "run", example("two-tors"), "--pcap", folder]);
    expect(status).toBe(1);
    expect(stderr).toContain("left-2.pcapng");
    expect(readdirSync(folder)).toEqual(["left-2.pcapng"]);
    const inTheWay = await frameferry(["lab", "run", example("two-tors"), "--pcap", VXLAN]);
    expect(inTheWay.status).toBe(1);
    expect(inTheWay.stderr).toContain("vxlan.pcap");
  });

  it("has every frame that the counters count", async () => {
    const folder = temporaryFolder();
    const { links } = await run(example("two-tors"), "--pcap", folder);
    for (const { name, frames, bytes } of links) {
      const records = await recordsOf(join(folder, `${name}.pcapng`));
      expect(records).toHaveLength(frames);
      expect(records.reduce((sum, { data }) => sum + data.length, 0)).toBe(bytes);
    }
  });

  it.skipIf(!hasTshark).each(examples)("pleases tshark (skipped without it): %s", async (name) => {
    const folder = temporaryFolder();
    const { captures, links } = await run(join(EXAMPLES, name), "--pcap", folder);
    expect(captures.length).toBeGreaterThanOrEqual(links.length);
    // Sections of one file, so that tshark starts once.
    const all = join(folder, "all.pcapng");
    writeFileSync(all, Buffer.concat(captures.map((path) => readFileSync(path))));
    const frames = await Promise.all(captures.map(async (path) => (await recordsOf(path)).length));
    expect(tshark(all, "frame", "frame.number")).toHaveLength(frames.reduce((sum, count) => sum + count, 0));
    expect(tshark(all, COMPLAINTS, "frame.number", "_ws.expert.message")).toEqual([]);
  });

  it.skipIf(!hasTshark)("would hear tshark complain (skipped without it)", async () => {
    const folder = temporaryFolder();
    await run(example("two-tors"), "--pcap", folder);
    const file = join(folder, "left-1.pcapng");
    const bytes = readFileSync(file);
    const at = bytes.indexOf(Buffer.from([0x08, 0x00, 0x45, 0x00])) + 12;
    bytes[at] = (bytes[at] as number) ^ 1;
    writeFileSync(file, bytes);
    expect(tshark(file, COMPLAINTS, "frame.number")).toHaveLength(1);
  });

  it.skipIf(!hasTshark)("lists VNIs outermost first (skipped without tshark)", async () => {
    const folder = temporaryFolder();
    await run(example("pods-in-vpcs"), "--pcap", folder);
    const uplink = tshark(join(folder, "host-1.uplink--underlay.host-1.pcapng"), "icmp", "vxlan.vni");
    expect(new Set(uplink)).toEqual(new Set(["1234,1", "5678,1"]));
    const node = tshark(join(folder, "shop-node-1.uplink--host-1.shop-node-1.pcapng"), "icmp", "vxlan.vni");
    expect(new Set(node)).toEqual(new Set(["1"]));
    const four = join(folder, "four");
    await run(example("four-wraps"), "--pcap", four);
    const outermost = tshark(join(four, "host-1.uplink--underlay.host-1.pcapng"), "icmp", "vxlan.vni");
    expect(new Set(outermost)).toEqual(new Set(["1001,1002,1003,1"]));
  });
});
