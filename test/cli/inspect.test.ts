// What `frameferry inspect` tells of a capture.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { CaptureWriter } from "frameferry/pcap";
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
