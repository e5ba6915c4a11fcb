// What `frameferry inspect` tells of a capture.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { CaptureWriter } from "frameferry/pcap";
import { compose } from "frameferry/wire";
import { describe, expect, test } from "vitest";
import { good } from "./captures-support.ts";
import { QINQ, recordsOf, temporaryFolder, VXLAN } from "./program.ts";

describe("inspect", () => {
  test("--json gives an object a line", async () => {
    const { stdout, stderr } = await good(["inspect", VXLAN, "--json"]);
    expect(stderr).toBe("");
    const frames = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(frames).toHaveLength(10);
    expect(frames[0]).toEqual({
      index: 0,
      timestamp: "2013-05-18T20:21:44.837063Z",
      interface: 0,
      linkType: 1,
      length: 148,
      layers: ["ethernet", "ipv4", "udp", "vxlan", "ethernet", "ipv4", "icmp", "payload"],
      ips: [
        {
          source: "192.168.203.1",
          destination: "192.168.202.1",
          sourcePort: 45149,
          destinationPort: 4789,
        },
        { source: "192.168.203.3", destination: "192.168.203.5" },
      ],
      wrappings: [{ kind: "vxlan", vni: 100 }],
      vlans: [],
      vnis: [100],
      keys: [],
      stop: null,
    });
    expect(frames.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(frames[1].layers).toEqual(["ethernet", "ipv4", "udp", "vxlan", "ethernet", "arp"]);
  });

  test("a line tells layers, VLANs, VNIs, what was cut and why it stopped", async () => {
    const folder = temporaryFolder();
    const qinq = await good(["inspect", QINQ]);
    expect(qinq.stdout).toMatch(
      /^ {5}0 {2}\S+Z +\d+ {2}ethernet\/vlan\/vlan\/ipv4\/payload {2}\S+ > \S+ {2}vlan 30,100 {2}not read: .*\n$/,
    );
    const [first] = await recordsOf(VXLAN);
    const cut = join(folder, "cut.pcap");
    writeFileSync(
      cut,
      new CaptureWriter({ format: "pcap" }).write({ ...first!, data: first!.data.subarray(0, 40) }),
    );
    expect((await good(["inspect", cut])).stdout).toBe(
      "     0  2013-05-18T20:21:44.837063Z  40 of 148  ethernet/ipv4  192.168.203.1 > 192.168.202.1  " +
        "stopped at byte 40 in udp: the capture holds no more bytes of this frame\n",
    );
    const { index, length, wireLength, stop } = JSON.parse((await good(["inspect", cut, "--json"])).stdout);
    expect({ index, length, wireLength }).toEqual({ index: 0, length: 40, wireLength: 148 });
    expect(stop).toEqual({
      offset: 40,
      reason: "cut-by-capture",
      layer: "udp",
      sentence: "the capture holds no more bytes of this frame",
    });
  });

  test("--first ends early, --port names other ports", async () => {
    const two = await good(["inspect", VXLAN, "--first", "2"]);
    expect(two.stdout.trimEnd().split("\n")).toHaveLength(2);
    const none = JSON.parse((await good(["inspect", VXLAN, "-n", "1", "--json", "--port", "8472"])).stdout);
    expect(none.vnis).toEqual([]);
    const both = await good(["inspect", VXLAN, "-n", "1", "--json", "--port", "1", "--port", "4789"]);
    expect(JSON.parse(both.stdout).vnis).toEqual([100]);
  });

  test("times have the digits that the capture keeps, in any year", async () => {
    const path = join(temporaryFolder(), "times.pcapng");
    const data = new Uint8Array(14);
    const interfaces = {
      nano: { resolution: { base: 10, exponent: 9 } },
      milli: { resolution: { base: 10, exponent: 3 } },
      second: { resolution: { base: 10, exponent: 0 } },
    } as const;
    writeFileSync(
      path,
      new CaptureWriter({ format: "pcapng" }).write([
        { data, timestamp: 1n, interface: interfaces.nano },
        { data, timestamp: 1700000000123000000n, interface: interfaces.milli },
        { data, timestamp: 253402300800000000000n, interface: interfaces.second },
        { data, timestamp: 10000000000000000000000n, interface: interfaces.second },
      ]),
    );
    const lines = (await good(["inspect", path, "--json"])).stdout.trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line).timestamp)).toEqual([
      "1970-01-01T00:00:00.000000001Z",
      "2023-11-14T22:13:20.123000Z",
      "+010000-01-01T00:00:00.000000Z",
      "10000000000000.000000",
    ]);
  });
});

describe("inspect, frame by frame", () => {
  test("--columns tells what was asked for, with tabs between", async () => {
    const { stdout } = await good([
      "inspect",
      VXLAN,
      "-n",
      "2",
      "--columns",
      "frame,vni,ends",
      "--columns",
      "kinds",
    ]);
    expect(stdout).toBe(
      [
        "frame\tvni\tends\tkinds",
        "0\t100\t192.168.203.1:45149 > 192.168.202.1:4789, 192.168.203.3 > 192.168.203.5\tvxlan",
        "1\t100\t192.168.202.1:42710 > 192.168.203.1:4789\tvxlan",
        "",
      ].join("\n"),
    );
  });

  test("--count gives frames by layers, kinds and VNIs", async () => {
    const { stdout } = await good(["inspect", VXLAN, "--count", "--json"]);
    const counts = JSON.parse(stdout);
    expect(counts.vni).toEqual([{ vni: "100", frames: 10, bytes: expect.any(Number) }]);
    expect(counts.kind).toMatchObject([{ kind: "vxlan", frames: 10 }]);
    const frames = counts.layers.map((row: { frames: number }) => row.frames);
    expect(frames.reduce((sum: number, count: number) => sum + count, 0)).toBe(10);
    expect(frames).toEqual([...frames].sort((a, b) => b - a));
    expect((await good(["inspect", VXLAN, "--count"])).stdout).toMatch(
      /^ {2}vni +frames +bytes\n {2}100 +10 /m,
    );
  });

  test("--frame explains one: offsets, rules, the MTU left, and what decap does", async () => {
    const { stdout } = await good(["inspect", VXLAN, "--frame", "0", "--mtu", "1400"]);
    expect(stdout).toMatch(/^frame 0, 2013-05-18T20:21:44\.837063Z, 148 bytes$/m);
    expect(stdout).toMatch(/^ {4}0-13 +ethernet, 14 bytes: link type 1 \(ETHERNET\)$/m);
    expect(stdout).toMatch(/^ {3}42-49 +vxlan, 8 bytes: UDP port 4789, usual for VXLAN$/m);
    expect(stdout).toMatch(/^ +vni 100$/m);
    expect(stdout).toMatch(/^MTU: 50 bytes .* of an outer MTU of 1,400, 1,350 are left inside$/m);
    expect(stdout).toMatch(/^decap: takes one wrapping off and writes 98 bytes$/m);
    const { decap, parts } = JSON.parse((await good(["inspect", QINQ, "--frame", "0", "--json"])).stdout);
    expect(decap).toMatchObject({
      forwarded: false,
      drop: "not-tunnel",
      hint: expect.stringContaining("--port"),
    });
    expect(parts[0]).toMatchObject({ offset: 0, length: 14, layer: "ethernet" });
  });

  test("keys are keys, and VSIDs only if NVGRE is said to be meant", async () => {
    const frame = compose(
      [
        { name: "ethernet", destination: "02:00:00:00:00:01", source: "02:00:00:00:00:02" },
        { name: "ipv4", source: "10.0.0.1", destination: "10.0.0.2" },
        { name: "gre", key: 5000 * 256 + 7 },
        { name: "ethernet", destination: "02:00:00:00:00:01", source: "02:00:00:00:00:02" },
      ],
      new Uint8Array(46),
    );
    const path = join(temporaryFolder(), "gre.pcap");
    writeFileSync(path, new CaptureWriter({ format: "pcap" }).write({ data: frame, timestamp: 0n }));
    expect((await good(["inspect", path])).stdout).toContain("  key 1280007");
    const plain = JSON.parse((await good(["inspect", path, "--json"])).stdout);
    expect([plain.vnis, plain.keys, plain.wrappings]).toEqual([
      [],
      [1280007],
      [{ kind: "gre", key: 1280007 }],
    ]);
    const { vnis, keys } = JSON.parse((await good(["inspect", path, "--json", "--nvgre"])).stdout);
    expect([vnis, keys]).toEqual([[5000], []]);
    expect((await good(["inspect", path, "--nvgre"])).stdout).toContain("  vni 5000  ");
  });
});

describe("frame check sequences that are declared", () => {
  // No payload: what stands behind the headers is the check sequence, or would be taken for one.
  const headers = [
    { name: "ethernet", destination: "02:00:00:00:00:01", source: "02:00:00:00:00:02" },
    { name: "ipv4", source: "10.0.0.1", destination: "10.0.0.2" },
    { name: "udp", sourcePort: 1000, destinationPort: 2000 },
  ] as const;
  const bare = compose(headers, new Uint8Array(0));
  const data = new Uint8Array([...bare, 0xde, 0xad, 0xbe, 0xef]);
  const written = (format: "pcap" | "pcapng", of: "interface" | "record"): string => {
    const path = join(temporaryFolder(), `fcs.${format}`);
    const record = { data, timestamp: 0n, fcsLength: 4 };
    const description = of === "interface" ? { interface: { fcsLength: 4 } } : {};
    writeFileSync(path, new CaptureWriter({ format }).write({ ...record, ...description }));
    return path;
  };

  test.each([
    ["pcap", "interface"],
    ["pcapng", "interface"],
    ["pcapng", "record"],
  ] as const)("are no part of the frame: %s, of the %s", async (format, of) => {
    const path = written(format, of);
    const told = JSON.parse((await good(["inspect", path, "--json"])).stdout);
    expect(told).toMatchObject({ length: bare.length, fcsLength: 4, layers: ["ethernet", "ipv4", "udp"] });
    expect(told.wireLength).toBeUndefined();
    expect((await good(["inspect", path])).stdout).toMatch(/ {2}42 {2}ethernet\/ipv4\/udp {2}.* {2}fcs 4\n$/);
    expect((await good(["inspect", path, "--columns", "length,wire,fcs,layers"])).stdout).toContain(
      "42\t42\t4\tethernet/ipv4/udp\n",
    );
    expect((await good(["inspect", path, "--count"])).stdout).toMatch(/ethernet\/ipv4\/udp +1 +42\n/);
    expect((await good(["inspect", path, "--frame", "0"])).stdout).toMatch(
      /^frame 0, .*, 42 bytes and a check sequence of 4\n/,
    );
  });

  test("are not seen by filters, which stages do not show them to either", async () => {
    const path = written("pcapng", "record");
    const out = join(temporaryFolder(), "out.pcapng");
    for (const [expression, frames] of [
      ["len = 42", 1],
      ["less 42", 1],
      ["greater 43", 0],
      ["ether[42] = 0xde", 0],
    ] as const) {
      const { stdout } = await good(["inspect", path, "--filter", expression, "--json"]);
      expect(stdout.split("\n").length - 1, expression).toBe(frames);
      const summary = JSON.parse((await good(["filter", path, "-o", out, "--json", expression])).stdout);
      expect(summary.forwarded, expression).toBe(frames);
    }
    const nothing = await good(["decap", path, "-o", out, "--port", "1"]);
    expect(nothing.stderr).toMatch(/1 times ethernet\/ipv4\/udp to UDP port 2000: /);
  });
});

describe("decap that takes nothing off", () => {
  test("says what was there and which option opens it", async () => {
    const { stderr } = await good(["decap", VXLAN, "-o", join(temporaryFolder(), "out.pcap"), "--port", "1"]);
    expect(stderr).toMatch(/^frameferry decap: nothing was taken off; what was there:\n/);
    expect(stderr).toMatch(/^ {2}\d+ times ethernet\/ipv4\/udp\/vxlan\/\S+: --kind vxlan opens it$/m);
    expect(stderr).toMatch(/^ {2}10 not-tunnel: .*--port/m);
  });
});
