// What goes over links, as tshark reads it: pcapng of every link, nothing malformed, every checksum right, the VNI as
// it was given. Skipped where tshark is missing.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Machine, Network, office, twoTors } from "frameferry/overlay";
import { describe, expect, test } from "vitest";
import { lan } from "../support/overlay-networks.ts";
import { run } from "../support/run-program.ts";

const tshark = spawnSync("tshark", ["--version"]).status === 0;
const SMALL = { memoryBytes: 16 << 20 };

/** Fields of every frame of a capture; a frame that tshark has a complaint about fails the test. */
function read(file: Uint8Array, fields: readonly string[]): string[][] {
  const folder = mkdtempSync(join(tmpdir(), "frameferry-"));
  try {
    const path = join(folder, "link.pcapng");
    writeFileSync(path, file);
    const checks = ["ip.check_checksum", "udp.check_checksum"].flatMap((name) => ["-o", `${name}:TRUE`]);
    const asked = ["_ws.expert.message", "_ws.malformed", ...fields].flatMap((name) => ["-e", name]);
    const args = [
      "-n",
      "-r",
      path,
      ...checks,
      "-T",
      "fields",
      "-E",
      "occurrence=a",
      "-E",
      "separator=|",
      ...asked,
    ];
    const { status, stdout, output } = run("tshark", args, folder);
    expect(status, output).toBe(0);
    const rows = stdout
      .split("\n")
      .slice(0, -1)
      .map((line) => line.split("|"));
    for (const [complaint = "", malformed = "", ...rest] of rows) {
      // tshark remarks on requests whose answer takes another way to the capture; that is no fault of the frame.
      expect(complaint.replace(/No response seen to ICMP(v6)? request/, ""), rest.join()).toBe("");
      expect(malformed, rest.join()).toBe("");
    }
    return rows.map((row) => row.slice(2));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const STATUS = [
  "ip.checksum.status",
  "udp.checksum.status",
  "icmp.checksum.status",
  "icmpv6.checksum.status",
];

/** 1 is good; 3 is a UDP checksum that the sender left out, as VXLAN over IPv4 does; empty: no such header. */
function expectGood(rows: readonly string[][]): void {
  for (const [ip = "", udp = "", icmp = "", icmpv6 = ""] of rows) {
    expect(ip).toMatch(/^(1(,1)*)?$/);
    expect(udp).toMatch(/^([13](,[13])*)?$/);
    expect(icmp).toMatch(/^1?$/);
    expect(icmpv6).toMatch(/^1?$/);
  }
}

describe.skipIf(!tshark)("captures of links, read by tshark", () => {
  test("machines' own words: ARP, neighbour discovery, echo, fragments, UDP", async () => {
    using network = await Network.create(SMALL);
    const { machines } = lan(network, 3, { capture: true });
    const [a, b, c] = machines as [Machine, Machine, Machine];
    for (const machine of machines) machine.announce();
    for (const size of [0, 1, 56, 1472]) a.ping(b.ip!, { size });
    for (const size of [0, 1, 56, 1452]) a.ping(b.ipv6!, { size });
    b.ping(c.ip!, { size: 4000, df: false });
    for (const size of [0, 1, 2, 1400, 3001]) a.sendUdp(c.ip!, 9, new Uint8Array(size).fill(0xff));
    for (const size of [0, 1, 1400]) a.sendUdp(c.ipv6!, 9, new Uint8Array(size).fill(0xff));
    a.broadcast(new Uint8Array(46));
    network.run();
    let arps = 0;
    let echoes = 0;
    for (const link of network.links()) {
      const rows = read(link.toPcapng(), [
        ...STATUS,
        "arp.opcode",
        "icmp.type",
        "icmpv6.type",
        "frame.time_epoch",
      ]);
      const { ab, ba } = link.counters();
      expect(rows.length).toBe(ab.sent + ba.sent);
      expectGood(rows);
      arps += rows.filter((row) => row[4] !== "").length;
      echoes += rows.filter((row) => /^(0|8|128|129)$/.test(`${row[5]}${row[6]}`)).length;
      const times = rows.map((row) => Number(row[7]));
      expect(times).toEqual([...times].sort((one, other) => one - other));
    }
    expect(arps).toBeGreaterThan(10);
    expect(echoes).toBeGreaterThanOrEqual(2 * 2 * 8);
  });

  test("the office: VLAN tags on the trunk only", async () => {
    using network = await Network.create(SMALL);
    const { departments, trunks } = office(network, { capture: true });
    for (const colleagues of departments.values())
      for (const to of colleagues) for (const from of colleagues) from.ping(to.ip as string);
    network.run();
    for (const link of network.links()) {
      const rows = read(link.toPcapng(), [...STATUS, "vlan.id", "arp.src.proto_ipv4", "ip.src"]);
      expectGood(rows);
      expect(rows.length).toBeGreaterThan(10);
      for (const [, , , , vid, arp, ip] of rows) {
        const department = Number(/^192\.168\.([123])\./.exec(`${arp}${ip}`)?.[1]);
        expect(vid).toBe(trunks.includes(link) ? String(10 * department) : "");
      }
    }
  });

  test("two TORs: the outer addresses, the VNI, and a passenger within", async () => {
    using network = await Network.create(SMALL);
    const { machines, uplinks } = twoTors(network, { vni: 0xabcdef, capture: true });
    const [left, right] = machines;
    for (const from of left)
      for (const to of right) for (const size of [1, 56, 1472]) from.ping(to.ip as string, { size });
    right[0]!.sendUdp(left[1]!.ip as string, 9, new Uint8Array(700));
    network.run();
    for (const link of uplinks) {
      const rows = read(link.toPcapng(), [...STATUS, "vxlan.vni", "ip.src", "ip.dst", "udp.dstport"]);
      expectGood(rows);
      expect(rows.length).toBeGreaterThan(24);
      for (const [, , , , vni, sources, destinations, port] of rows) {
        expect(vni).toBe(String(0xabcdef));
        expect([sources?.split(",")[0], destinations?.split(",")[0]].sort()).toEqual(["1.1.1.1", "2.2.2.2"]);
        expect(port).toMatch(/^4789\b/);
      }
    }
    for (const machine of machines.flat()) {
      const rows = read(network.link(machine.name)!.toPcapng(), [...STATUS, "vxlan.vni"]);
      expectGood(rows);
      for (const row of rows) expect(row[4]).toBe("");
    }
  });
});
