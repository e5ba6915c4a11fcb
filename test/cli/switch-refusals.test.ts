// Every configuration that cannot be: one line that names the place in the file, exit code 1, and no file made.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { frameferry, start } from "./program.ts";
import { A, at, EVERYBODY, frame, Laboratory } from "./switch-support.ts";

const GOOD = {
  vtep: { address: "10.0.0.1" },
  fdb: { capacity: 100, entries: [{ bridgeDomain: "orange", mac: A, port: "vm" }] },
  bridgeDomains: [{ name: "orange", vni: 1 }, { name: "blue" }],
  ports: [
    { name: "vm", bridgeDomain: "orange", in: "in.pcap", out: "vm.pcapng" },
    { name: "up", vlans: { 10: "orange", 20: "blue" }, native: 10, out: "up.pcap" },
  ],
  tunnels: [{ name: "peer", remote: "10.0.0.2", bridgeDomains: ["orange"] }],
  neighbours: [{ bridgeDomain: "orange", ip: "10.9.0.5", mac: "02:00:00:00:00:05" }],
  routers: [
    {
      interfaces: [
        { bridgeDomain: "orange", mac: "02:00:00:00:01:00", addresses: ["10.9.0.1/24", "fd00::1/64"] },
      ],
      routes: [
        { prefix: "0.0.0.0/0", via: "10.9.0.5" },
        { prefix: "10.0.0.0/8", blackhole: true },
      ],
    },
  ],
  uplink: { out: "uplink.pcapng" },
};

/** The good configuration with `value` at `path`; undefined takes away what is there. */
function changed(path: string, value: unknown): unknown {
  const config = structuredClone(GOOD) as unknown as Record<string, unknown>;
  const steps = path.split("/");
  const last = steps.pop()!;
  let at = config;
  for (const step of steps) at = at[step] as Record<string, unknown>;
  if (value === undefined) delete at[last];
  else at[last] = value;
  return config;
}

function laboratory(): Laboratory {
  const made = new Laboratory();
  made.writeCapture("in.pcap", [at(1, frame({ to: EVERYBODY, from: A }))]);
  return made;
}

async function refused(lab: Laboratory, config: unknown): Promise<string> {
  const path = lab.writeConfig("switch.json", config);
  const before = readdirSync(lab.folder).sort();
  const { status, stdout, stderr } = await frameferry(["switch", "--config", path]);
  expect(status, stderr).toBe(1);
  expect(stdout.toString()).toBe("");
  expect(readdirSync(lab.folder).sort()).toEqual(before);
  const begin = `frameferry switch: `;
  expect(stderr.startsWith(begin)).toBe(true);
  expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  return stderr.slice(begin.length).trimEnd().replaceAll(`${lab.folder}/`, "");
}

test("the good one is good", async () => {
  const summary = await laboratory().run(GOOD);
  expect(summary.received).toBe(1);
});

const entry = { bridgeDomain: "orange", mac: A };
const lan = { name: "c", bridgeDomain: "orange" };

test.each<[string, unknown, string]>([
  // What the schema finds.
  ["bridgeDomains", undefined, "bridgeDomains: it is missing"],
  ["bridgeDomains", [], "bridgeDomains: expected at least one"],
  ["bridgeDomains", {}, "bridgeDomains: expected a list of bridge domains"],
  ["bridgeDomains/1/vni", 16777216, "bridgeDomains[1].vni: expected a VNI from 0 to 16777215, got 16777216"],
  ["bridgeDomains/1/vni", "5", 'bridgeDomains[1].vni: expected a VNI from 0 to 16777215, got "5"'],
  ["bridgeDomains/1/vni", 1.5, "bridgeDomains[1].vni: expected a VNI from 0 to 16777215, got 1.5"],
  ["bridgeDomains/0/name", "", 'bridgeDomains[0].name: expected a name, got ""'],
  [
    "bridgeDomains/0/unknownUnicast",
    "x",
    'bridgeDomains[0].unknownUnicast: expected "flood" or "drop", got "x"',
  ],
  ["ports/0/name", undefined, "ports[0].name: it is missing"],
  ["ports/1/vlans", { 5000: "orange" }, "ports[1].vlans.5000: expected a VLAN from 1 to 4094"],
  ["ports/1/vlans", { 0: "orange" }, "ports[1].vlans.0: expected a VLAN from 1 to 4094"],
  ["ports/1/vlans", { 4095: "orange" }, "ports[1].vlans.4095: expected a VLAN from 1 to 4094"],
  ["ports/1/vlans", { "a b": "orange" }, 'ports[1].vlans["a b"]: expected a VLAN from 1 to 4094'],
  ["ports/1/vlans", { 5: 6 }, "ports[1].vlans.5: expected the name of a bridge domain, got 6"],
  ["ports/1/vlans", {}, "ports[1].vlans: expected at least one"],
  ["ports/1/native", 4095, "ports[1].native: expected a VLAN from 1 to 4094, got 4095"],
  [
    "ports/1/bridgeDomain",
    "orange",
    "ports[1]: expected either bridgeDomain (an access port) or vlans (a trunk)",
  ],
  ["ports/2", { name: "c" }, "ports[2]: expected either bridgeDomain (an access port) or vlans (a trunk)"],
  [
    "ports/2",
    { ...lan, native: 5 },
    "ports[2]: expected vlans with native, which says which of them has no tag",
  ],
  ["ports/0/in", ["in.pcap", 5], "ports[0].in[1]: expected the name of a capture, got 5"],
  ["ports/0/in", 5, "ports[0].in: expected the name of a capture, or a list of names, got 5"],
  ["ports/0/mtu", 45, "ports[0].mtu: expected a whole number of bytes from 46 to 65535, got 45"],
  [
    "ports/0/vlan",
    5,
    "ports[0].vlan: unknown (known: name, bridgeDomain, vlans, native, learning, flood, group, fdbLimit, mtu, in, out)",
  ],
  ["uplink/inn", "x", "uplink.inn: unknown (known: in, out)"],
  ["fdb/capacity", 16777217, "fdb.capacity: expected a whole number from 1 to 16777216, got 16777217"],
  [
    "fdb/entries/0/mac",
    "02:00",
    'fdb.entries[0].mac: expected a MAC address such as "02:00:00:00:00:01", got "02:00"',
  ],
  ["fdb/entries/0/blackhole", true, "fdb.entries[0]: expected either port or blackhole"],
  ["fdb/entries/0", { ...entry, blackhole: false }, "fdb.entries[0].blackhole: expected true, got false"],
  [
    "tunnels/0/kind",
    "ipip",
    'tunnels[0].kind: expected "vxlan", "geneve", "gre", "nvgre" or "vxlan-gpe", got "ipip"',
  ],
  [
    "tunnels/0/options",
    [{ class: 1, type: 2, data: "0102" }],
    'tunnels[0].options[0].data: expected up to 124 bytes in hex, a multiple of 4, got "0102"',
  ],
  ["neighbours/0/ip", undefined, "neighbours[0].ip: it is missing"],
  ["routers/0/interfaces", [], "routers[0].interfaces: expected at least one"],
  [
    "routers/0/interfaces/0/mtu",
    67,
    "routers[0].interfaces[0].mtu: expected a whole number of bytes from 68 to 65535, got 67",
  ],
  ["routers/0/routes/1/via", "10.9.0.5", "routers[0].routes[1]: expected either via or blackhole"],
  // What only the switch finds.
  ["neighbours/0/bridgeDomain", "red", 'neighbours[0].bridgeDomain: there is no bridge domain "red"'],
  ["neighbours/0/ip", "10.9.0.1", "neighbours[0].ip: 10.9.0.1 is an address of the switch itself"],
  ["neighbours/0/ip", "10.9", 'neighbours[0].ip: expected an IPv4 or IPv6 address, got "10.9"'],
  [
    "neighbours/1",
    { bridgeDomain: "orange", ip: "10.9.0.5", mac: A },
    "neighbours[1].ip: 10.9.0.5 stands there twice in orange",
  ],
  [
    "routers/0/interfaces/0/bridgeDomain",
    "red",
    'routers[0].interfaces[0].bridgeDomain: there is no bridge domain "red"',
  ],
  [
    "routers/0/interfaces/0/addresses/1",
    "10.9.0.2",
    'routers[0].interfaces[0].addresses[1]: expected an address and a length such as 10.1.0.1/16, got "10.9.0.2"',
  ],
  [
    "routers/0/routes/1/prefix",
    "10.0.0.1/8",
    "routers[0].routes[1].prefix: expected 10.0.0.0/8 or a longer prefix, got 10.0.0.1/8",
  ],
  [
    "routers/0/routes/0/via",
    ["10.9.0.5", "10.8.0.1"],
    "routers[0].routes[0].via[1]: 10.8.0.1 is in no connected network",
  ],
  ["ports/1/name", "vm", 'ports[1].name: there is a "vm" already'],
  ["ports/1/name", "uplink", 'ports[1].name: there is a "uplink" already'],
  ["tunnels/0/name", "vm", 'tunnels[0].name: there is a "vm" already'],
  ["bridgeDomains/1/name", "orange", 'bridgeDomains[1].name: there is a "orange" already'],
  ["bridgeDomains/1/vni", 1, "bridgeDomains[1].vni: 1 is the VNI of orange already"],
  ["ports/0/bridgeDomain", "red", 'ports[0].bridgeDomain: there is no bridge domain "red"'],
  ["ports/1/vlans/20", "red", 'ports[1].vlans.20: there is no bridge domain "red"'],
  ["ports/1/vlans/20", "orange", "ports[1].vlans: orange can have one VLAN only on a port"],
  ["ports/1/native", 30, "ports[1].native: 30 is not one of vlans"],
  ["vtep", undefined, "tunnels: they need a vtep"],
  ["vtep/address", "10.0.0", 'vtep.address: expected an IPv4 or IPv6 address, got "10.0.0"'],
  ["vtep/address", "224.0.0.1", "vtep.address: expected the address of one station, got 224.0.0.1"],
  ["vtep/mac", "01:00:00:00:00:00", "vtep.mac: expected the address of one station, got 01:00:00:00:00:00"],
  ["tunnels/0/remote", "10.0.0.1", "tunnels[0].remote: it is the VTEP's own address"],
  [
    "tunnels/0/remote",
    "fd00::1",
    "tunnels[0].remote: it and the VTEP's address must both be IPv4 or both be IPv6",
  ],
  [
    "tunnels/1",
    { name: "q", remote: "10.0.0.2", bridgeDomains: [] },
    "tunnels[1].remote: peer is a tunnel to it already",
  ],
  [
    "tunnels/0/bridgeDomains/1",
    "blue",
    "tunnels[0].bridgeDomains: blue has no VNI, so that no tunnel can carry it",
  ],
  ["tunnels/0/checksum", true, "tunnels[0].checksum: a tunnel of kind vxlan has no such option"],
  ["tunnels/0/options", [], "tunnels[0].options: a tunnel of kind vxlan has no such option"],
  [
    "tunnels/0/kind",
    "nvgre",
    "tunnels[0].bridgeDomains: VNI of orange: expected a whole number from 4096 to 16777214 in a tunnel of kind nvgre, got 1",
  ],
  ["vtep/ports", { geneve: 4789 }, "vtep.ports.geneve: 4789 is the UDP port of VXLAN already"],
  ["tunnels/0/bridgeDomains/1", "orange", "tunnels[0].bridgeDomains: orange stands there twice"],
  ["tunnels/0/bridgeDomains/1", "red", 'tunnels[0].bridgeDomains[1]: there is no bridge domain "red"'],
  ["fdb/entries/0/port", "nobody", 'fdb.entries[0].port: there is no port or tunnel "nobody"'],
  ["fdb/entries/0/bridgeDomain", "red", 'fdb.entries[0].bridgeDomain: there is no bridge domain "red"'],
  ["fdb/entries/1", { bridgeDomain: "blue", mac: A, port: "vm" }, "fdb.entries[1].port: vm is not in blue"],
  ["fdb/entries/1", { ...entry, port: "up" }, `fdb.entries[1].mac: ${A} stands there twice in orange`],
  [
    "fdb/entries/0/mac",
    "01:00:00:00:00:01",
    "fdb.entries[0].mac: expected the address of one station, got a group address",
  ],
  [
    "fdb",
    {
      capacity: 1,
      entries: [
        { ...entry, port: "vm" },
        { bridgeDomain: "blue", mac: A, port: "up" },
      ],
    },
    "fdb.entries[1]: one more than the FDB holds (capacity 1)",
  ],
  // Captures.
  ["uplink/out", "./vm.pcapng", "uplink.out: the same file as that of ports[0].out already"],
])("%s = %j", async (path, value, message) => {
  expect(await refused(laboratory(), changed(path, value))).toBe(`switch.json: ${message}`);
});

describe("more than one file", () => {
  test("standard input and output can be used once", async () => {
    const lab = laboratory();
    const ports = [
      { name: "a", bridgeDomain: "x", in: ["in.pcap", "-"], out: "-" },
      { name: "b", bridgeDomain: "x", in: "-" },
    ];
    const config = { bridgeDomains: [{ name: "x" }], ports };
    expect(await refused(lab, config)).toBe(
      "switch.json: ports[1].in: standard input is read by ports[0].in[1] already",
    );
    const twice = { ...config, ports: [ports[0], { name: "b", bridgeDomain: "x", out: "/dev/stdout" }] };
    expect(await refused(lab, twice)).toBe(
      "switch.json: ports[1].out: the same file as that of ports[0].out already",
    );
  });

  test("a configuration on standard input has the capture there no more", async () => {
    const config = { bridgeDomains: [{ name: "x" }], ports: [{ name: "a", bridgeDomain: "x", in: "-" }] };
    const { status, stderr } = await frameferry(
      ["switch", "--config", "-"],
      Buffer.from(JSON.stringify(config)),
    );
    expect([status, stderr]).toEqual([
      1,
      "frameferry switch: standard input: ports[0].in: it is the configuration already\n",
    ]);
  });

  test("a capture that is not there, is none, or is damaged: nothing is written", async () => {
    const lab = laboratory();
    expect(await refused(lab, changed("ports/0/in", "lost.pcap"))).toBe(
      "cannot read lost.pcap: no such file or directory",
    );
    expect(await refused(lab, changed("ports/0/out", "lost/out.pcap"))).toBe(
      "cannot write lost/out.pcap: no such file or directory",
    );
    writeFileSync(lab.path("none.pcap"), "this is no capture, whatever its name may say");
    expect(await refused(lab, changed("ports/0/in", ["in.pcap", "none.pcap"]))).toMatch(
      /^none\.pcap: .* at byte 0.*; nothing has been written$|^none\.pcap: .*; nothing has been written$/,
    );
    writeFileSync(lab.path("cut.pcap"), readFileSync(lab.path("in.pcap")).subarray(0, -5));
    expect(await refused(lab, changed("ports/0/in", "cut.pcap"))).toMatch(
      /^cut\.pcap: .*the file ends .*; nothing has been written$/,
    );
  });

  test("a time that a pcap cannot hold", async () => {
    const lab = laboratory();
    const late = { data: frame({ to: EVERYBODY, from: A }), timestamp: 5_000_000_000_000_000_000n };
    lab.writeCapture("late.pcapng", [late]);
    const config = changed("ports/0/in", "late.pcapng");
    expect(await refused(lab, config)).toMatch(/^up\.pcap: cannot be a pcap: .* from 1970 to 2106/);
  });

  test("a name that is taken at the last moment takes none of the others", async () => {
    const lab = laboratory();
    writeFileSync(lab.path("vm.pcapng"), "was here before");
    const config = changed("ports/0/in", "-");
    const { child, ended } = start(["switch", "--config", lab.writeConfig("switch.json", config)]);
    const capture = readFileSync(lab.path("in.pcap"));
    child.stdin.write(capture.subarray(0, 30));
    const parts = (): string[] => readdirSync(lab.folder).filter((name) => name.endsWith(".part"));
    for (let tries = 0; parts().length < 3 && tries < 1000; tries++)
      await new Promise((resolve) => setTimeout(resolve, 10));
    expect(parts()).toHaveLength(3);
    mkdirSync(lab.path("up.pcap")); // of the three the last to get its name
    child.stdin.end(capture.subarray(30));
    const { status, stderr } = await ended;
    expect([status, stderr]).toEqual([
      1,
      `frameferry switch: cannot write ${lab.path("up.pcap")}: it is a folder\n`,
    ]);
    expect(readdirSync(lab.folder).sort()).toEqual(["in.pcap", "switch.json", "up.pcap", "vm.pcapng"]);
    expect(readFileSync(lab.path("vm.pcapng"), "utf8")).toBe("was here before");
  });
});

describe("files that are no configuration", () => {
  test.each([
    ["", /^switch\.json: line 1, column 1: not JSON: Unexpected end of JSON input$/],
    ['{\n  "ports": [1 2]\n}\n', /^switch\.json: line 2, column 15: not JSON: /],
    ['{\n  "ports": [,]\n}\n', /^switch\.json: (?:line 2, column 13: )?not JSON: Unexpected token ','/],
    ["[]", /^switch\.json: expected the configuration of a switch, as an object$/],
    ["5", /^switch\.json: expected the configuration of a switch, as an object, got 5$/],
  ])("%j", async (text, message) => {
    expect(await refused(laboratory(), text)).toMatch(message);
  });

  test("one that is not there", async () => {
    const { status, stderr } = await frameferry(["switch", "--config", "lost.json"]);
    expect([status, stderr]).toEqual([
      1,
      "frameferry switch: cannot read lost.json: no such file or directory\n",
    ]);
  });
});

describe("bad usage", () => {
  test.each([
    [[], "--config: name a configuration, or have one printed by --example"],
    [["--example", "--config", "x"], "--example: it goes without --config"],
    [["--config", ""], '--config: expected the name of a file, got ""'],
    [["--workers", "2"], "unknown option '--workers'"],
  ])("%j", async (args, message) => {
    const { status, stdout, stderr } = await frameferry(["switch", ...args]);
    expect([status, stdout.toString()]).toEqual([2, ""]);
    expect(stderr).toBe(`frameferry switch: ${message} (frameferry switch --help tells more)\n`);
  });

  test("help, with examples", async () => {
    const { status, stdout } = await frameferry(["switch", "--help"]);
    expect(status).toBe(0);
    expect(stdout.toString()).toMatch(/^Usage: frameferry switch /);
    expect(stdout.toString()).toMatch(/\nExamples:\n {2}frameferry switch /);
  });
});
