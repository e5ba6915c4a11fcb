// frameferry switch: captures into ports, and what leaves them.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { CaptureRecord } from "frameferry/pcap";
import { compose } from "frameferry/wire";
import { describe, expect, test } from "vitest";
import { run } from "../support/run-program.ts";
import { captures, frameAndTime, frameferry, hasTshark, recordsOf, VXLAN } from "./program.ts";
import { A, at, B, EVERYBODY, frame, Laboratory, START } from "./switch-support.ts";

const LEFT = "10.0.0.1";
const RIGHT = "10.0.0.2";

/** Frames of the two hosts of a real capture, apart. */
async function hostsOf(laboratory: Laboratory): Promise<{ a: string[]; b: string[] }> {
  const passengers = laboratory.path("passengers.pcap");
  expect((await frameferry(["decap", VXLAN, "-o", passengers])).status).toBe(0);
  const records = await recordsOf(passengers);
  const isA = ({ data }: { data: Uint8Array }): boolean => data[11] === 0x04;
  laboratory.writeCapture("a.pcap", records.filter(isA));
  laboratory.writeCapture(
    "b.pcapng",
    records.filter((record) => !isA(record)),
  );
  return {
    a: records.filter(isA).map(frameAndTime),
    b: records.filter((record) => !isA(record)).map(frameAndTime),
  };
}

/** A frame check sequence that the capture declares is none of the frame's bytes. */
function withoutFcs(record: CaptureRecord): CaptureRecord {
  const fcs = record.interface.fcsLength ?? 0;
  const length = record.data.length - fcs;
  return { ...record, data: record.data.subarray(0, length), originalLength: record.originalLength - fcs };
}

function side(vtep: string, remote: string, port: object, uplink: object): object {
  return {
    vtep: { address: vtep },
    bridgeDomains: [{ name: "orange", vni: 1234 }],
    ports: [{ name: "host", bridgeDomain: "orange", ...port }],
    tunnels: [{ name: "peer", remote, bridgeDomains: ["orange"] }],
    uplink,
  };
}

describe("two hosts, each behind a VTEP of its own", () => {
  test("get what the other one sent, byte for byte and in its time", async () => {
    const laboratory = new Laboratory();
    const { a, b } = await hostsOf(laboratory);
    expect([a.length, b.length]).toEqual([5, 5]);
    await laboratory.run(side(LEFT, RIGHT, { in: "a.pcap" }, { out: "left.pcapng" }));
    await laboratory.run(
      side(RIGHT, LEFT, { in: "b.pcapng", out: "to-b.pcap" }, { in: "left.pcapng", out: "right.pcap" }),
    );
    const summary = await laboratory.run(
      side(LEFT, RIGHT, { in: "a.pcap", out: "to-a.pcapng" }, { in: ["right.pcap"], out: "left.pcap" }),
    );
    expect((await recordsOf(laboratory.path("to-b.pcap"))).map(frameAndTime)).toEqual(a);
    expect((await recordsOf(laboratory.path("to-a.pcapng"))).map(frameAndTime)).toEqual(b);
    expect(summary.fdb).toEqual([
      {
        bridgeDomain: "orange",
        mac: "00:16:3e:37:f6:04",
        kind: "learned",
        port: "host",
        idleSeconds: 0,
      },
      {
        bridgeDomain: "orange",
        mac: "00:30:88:01:00:02",
        kind: "learned",
        port: "peer",
        idleSeconds: 0,
      },
    ]);
    expect(summary.ports.map(({ name, kind, received, sent }) => [name, kind, received, sent])).toEqual([
      ["uplink", "uplink", 5, 5],
      ["host", "access", 5, 5],
      ["peer", "tunnel", 5, 5],
    ]);
    const [first] = await recordsOf(laboratory.path("to-a.pcapng"));
    expect(first?.interface.name).toBe("host");
  });

  test.runIf(hasTshark)("tshark reads the packets between them", async () => {
    const laboratory = new Laboratory();
    await hostsOf(laboratory);
    await laboratory.run(side(LEFT, RIGHT, { in: "a.pcap" }, { out: "left.pcapng" }));
    const fields = ["ip.src", "ip.dst", "udp.dstport", "vxlan.vni", "eth.src", "_ws.malformed"];
    const { stdout } = run(
      "tshark",
      [
        "-r",
        laboratory.path("left.pcapng"),
        "-o",
        "ip.check_checksum:TRUE",
        "-Y",
        "!(ip.checksum.status == 0)",
        "-Tfields",
        "-Eoccurrence=f",
        ...fields.flatMap((field) => ["-e", field]),
      ],
      laboratory.folder,
    );
    const lines = stdout.trimEnd().split("\n");
    expect(lines).toHaveLength(5);
    for (const line of lines)
      expect(line).toMatch(/^10\.0\.0\.1\t10\.0\.0\.2\t4789\t1234\t02:00:0a:00:00:01\t?$/);
  });

  test.skipIf(captures.length === 0)(
    "real captures: every frame comes back, or is dropped for its reason",
    async () => {
      let total = 0;
      for (const capture of captures) {
        const laboratory = new Laboratory();
        // Without learning all is flooded: both hosts of a capture are behind one port.
        const dumb = (config: object): object => ({
          ...config,
          bridgeDomains: [{ name: "orange", vni: 1234, learning: false }],
        });
        const records = await recordsOf(capture).catch(() => undefined);
        if (records === undefined) continue;
        const there = await laboratory.run(dumb(side(LEFT, RIGHT, { in: capture }, { out: "u.pcapng" })));
        await laboratory.run(dumb(side(RIGHT, LEFT, { out: "back.pcapng" }, { in: "u.pcapng" })));
        const expected = records.filter(({ data, originalLength, interface: { linkType } }) => {
          if (linkType !== 1 || data.length < originalLength || data.length < 14) return false;
          const hex = Buffer.from(data).toString("hex");
          if (/^0180c200000./.test(hex) || (data[6]! & 1) === 1 || hex.slice(12, 24) === "000000000000")
            return false;
          // A tag of VLAN 0 only says a priority, and is taken off: such a frame does not come back as it was.
          return !["8100", "88a8", "9100"].includes(hex.slice(24, 28)) && data.length <= 65535 - 50;
        });
        const back = await recordsOf(laboratory.path("back.pcapng"));
        expect(there.received, capture).toBe(records.length);
        // In the order of their times, which is not that of every capture.
        const inTime = expected.map((record) => frameAndTime(withoutFcs(record)));
        expect(back.map(frameAndTime).sort(), capture).toEqual(inTime.sort());
        total += back.length;
      }
      expect(total).toBeGreaterThan(1000);
    },
    // Two programs for each capture that there is, on a machine that may be busy.
    300_000,
  );
});

describe("a trunk", () => {
  const config = {
    bridgeDomains: [{ name: "sales" }, { name: "research" }],
    ports: [
      {
        name: "trunk",
        vlans: { 10: "sales", 4094: "research" },
        native: 10,
        in: "trunk.pcap",
        out: "t.pcap",
      },
      { name: "sales-1", bridgeDomain: "sales", in: "sales.pcap", out: "s.pcap" },
      { name: "research-1", bridgeDomain: "research", out: "r.pcap" },
      { name: "other", vlans: { 7: "sales", 8: "research" }, out: "o.pcap" },
    ],
  };

  test("takes its VLANs apart, and leaves others out", async () => {
    const laboratory = new Laboratory();
    laboratory.writeCapture("trunk.pcap", [
      at(1, frame({ to: EVERYBODY, from: A })),
      at(2, frame({ to: EVERYBODY, from: A, vid: 4094, priority: 0xb })),
      at(3, frame({ to: EVERYBODY, from: A, vid: 10 })),
      at(4, frame({ to: EVERYBODY, from: A, vid: 11 })),
    ]);
    laboratory.writeCapture("sales.pcap", [at(2.5, frame({ to: EVERYBODY, from: B }))]);
    const summary = await laboratory.run(config);
    expect(summary.drops).toEqual({ "vlan-not-allowed": 1 });
    const left = async (name: string): Promise<string[]> => {
      const records = await recordsOf(laboratory.path(name));
      return records.map(({ data, timestamp }) => {
        const tag = data[12] === 0x81 ? Buffer.from(data.subarray(14, 16)).toString("hex") : "";
        return `${Number(timestamp! - START) / 1e9} ${data[11] === 0x0a ? "A" : "B"} ${tag}`.trim();
      });
    };
    expect(await left("s.pcap")).toEqual(["1 A", "3 A"]);
    expect(await left("r.pcap")).toEqual(["2 A"]);
    expect(await left("o.pcap")).toEqual(["1 A 0007", "2 A b008", "2.5 B 0007", "3 A 0007"]);
    expect(await left("t.pcap")).toEqual(["2.5 B"]);
  });
});

describe("a router and its neighbours", () => {
  const config = {
    bridgeDomains: [{ name: "sales", arpSuppression: true }, { name: "research" }],
    ports: [
      { name: "s", bridgeDomain: "sales", in: "in.pcap", out: "s.pcap" },
      { name: "r", bridgeDomain: "research", out: "r.pcap" },
    ],
    neighbours: [
      { bridgeDomain: "sales", ip: "10.1.0.9", mac: "02:00:00:00:01:09" },
      { bridgeDomain: "research", ip: "10.2.0.5", mac: "02:00:00:00:02:05" },
    ],
    routers: [
      {
        interfaces: [
          { bridgeDomain: "sales", mac: "02:00:00:00:01:01", addresses: ["10.1.0.1/24"] },
          { bridgeDomain: "research", mac: "02:00:00:00:02:01", addresses: ["10.2.0.1/24"] },
        ],
        routes: [{ prefix: "10.3.0.0/16", via: "10.2.0.5" }],
      },
    ],
  };

  test("ARP requests are answered, and packets go on to where their route says", async () => {
    const laboratory = new Laboratory();
    const packet = (destination: string): Uint8Array =>
      compose(
        [
          { name: "ethernet", destination: "02:00:00:00:01:01", source: A },
          { name: "ipv4", source: "10.1.0.2", destination, ttl: 9 },
        ],
        new Uint8Array(26),
      );
    const whoHas = Uint8Array.from([
      ...frame({ to: EVERYBODY, from: A }).subarray(0, 12),
      ...[8, 6, 0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 0x0a, 10, 1, 0, 2, 0, 0, 0, 0, 0, 0, 10, 1, 0, 9],
    ]);
    laboratory.writeCapture("in.pcap", [
      at(1, whoHas),
      at(2, packet("10.2.0.5")),
      at(3, packet("10.3.4.5")),
      at(4, packet("10.4.0.1")),
    ]);
    const summary = await laboratory.run(config);
    expect(summary.drops).toEqual({ "no-route": 1 });
    const [reply] = await recordsOf(laboratory.path("s.pcap"));
    expect(Buffer.from(reply!.data.subarray(0, 32)).toString("hex")).toBe(
      "02000000000a02000000010908060001080006040002020000000109" + "0a010009",
    );
    expect(reply?.timestamp).toBe(at(1, whoHas).timestamp);
    const routed = await recordsOf(laboratory.path("r.pcap"));
    expect(routed.map(({ data }) => Buffer.from(data.subarray(0, 12)).toString("hex"))).toEqual([
      "020000000205020000000201",
      "020000000205020000000201",
    ]);
    expect(routed.map(({ data, timestamp }) => [data[22], timestamp])).toEqual([
      [8, at(2, whoHas).timestamp],
      [8, at(3, whoHas).timestamp],
    ]);
    const path = laboratory.path("switch.json");
    const { stdout } = await frameferry(["switch", "--config", path]);
    expect(stdout.toString()).toMatch(/\n {2}answered: 1 ARP requests\n/);
    expect(stdout.toString()).toMatch(/received +copies +sent +dropped +routed in +routed out\n/);
  });
});

describe("time", () => {
  test("frames of all captures are taken by their times, at the same time in the order of the ports", async () => {
    const laboratory = new Laboratory();
    const from = (number: number): Uint8Array => {
      const bytes = frame({ to: EVERYBODY, from: A });
      bytes[59] = number;
      return bytes;
    };
    laboratory.writeCapture("1.pcap", [at(1, from(1)), at(3, from(4)), at(3, from(5)), at(9, from(9))]);
    laboratory.writeCapture("2.pcapng", [at(3, from(6)), at(4, from(8))]);
    laboratory.writeCapture("3.pcap", [at(1, from(2)), at(1.5, from(3)), at(3, from(7))]);
    await laboratory.run({
      bridgeDomains: [{ name: "lan", learning: false }],
      ports: [
        { name: "one", bridgeDomain: "lan", in: ["1.pcap", "2.pcapng"] },
        { name: "two", bridgeDomain: "lan", in: "3.pcap" },
        { name: "all", bridgeDomain: "lan", out: "all.pcapng" },
      ],
    });
    const records = await recordsOf(laboratory.path("all.pcapng"));
    expect(records.map(({ data }) => data[59])).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  test("is that of the captures: addresses age by it, and it never goes back", async () => {
    const laboratory = new Laboratory();
    laboratory.writeCapture("a.pcap", [
      at(0, frame({ to: B, from: A })),
      at(20, frame({ to: A, from: B })), // B is learned here, A is forgotten after 30
      at(5, frame({ to: B, from: "02:00:00:00:00:0c" })), // late: it is taken at 20
      at(49, frame({ to: EVERYBODY, from: "02:00:00:00:00:0d" })),
    ]);
    const summary = await laboratory.run({
      fdb: {
        ageSeconds: 30,
        entries: [{ bridgeDomain: "lan", mac: "02-00-00-00-00-EE", blackhole: true }],
      },
      bridgeDomains: [{ name: "lan" }],
      ports: [
        { name: "one", bridgeDomain: "lan", in: "a.pcap" },
        { name: "two", bridgeDomain: "lan" },
      ],
    });
    expect(summary.aged).toBe(1);
    expect(summary.fdb).toEqual([
      { bridgeDomain: "lan", mac: B, kind: "learned", port: "one", idleSeconds: 29 },
      { bridgeDomain: "lan", mac: "02:00:00:00:00:0c", kind: "learned", port: "one", idleSeconds: 29 },
      { bridgeDomain: "lan", mac: "02:00:00:00:00:0d", kind: "learned", port: "one", idleSeconds: 0 },
      { bridgeDomain: "lan", mac: "02:00:00:00:00:ee", kind: "blackhole" },
    ]);
  });
});

test("a frame that its capture holds too late leaves in its place, with its own time", async () => {
  const laboratory = new Laboratory();
  const records = [1, 5, 3, 3, 5, 6].map((seconds) => at(seconds, frame({ to: EVERYBODY, from: A })));
  laboratory.writeCapture("in.pcapng", records);
  await laboratory.run({
    bridgeDomains: [{ name: "lan" }],
    ports: [
      { name: "in", bridgeDomain: "lan", in: "in.pcapng" },
      { name: "out", bridgeDomain: "lan", out: "out.pcapng" },
    ],
  });
  const left = await recordsOf(laboratory.path("out.pcapng"));
  expect(left.map(({ timestamp }) => timestamp)).toEqual(records.map(({ timestamp }) => timestamp));
});

describe("frames that are none", () => {
  test("of other link types, cut or too short: counted and dropped", async () => {
    const laboratory = new Laboratory();
    const whole = frame({ to: EVERYBODY, from: A });
    laboratory.writeCapture("in.pcapng", [
      at(1, whole),
      { ...at(2, whole.subarray(0, 40)), originalLength: 60 },
      { ...at(3, whole.subarray(14)), interface: { linkType: 101 } },
      at(4, whole.subarray(0, 13)),
      { ...at(5, Buffer.concat([whole, Buffer.alloc(4)])), interface: { fcsLength: 4 } },
      at(6, new Uint8Array(70_000).fill(2)),
      { data: whole, timestamp: undefined },
    ]);
    const summary = await laboratory.run({
      bridgeDomains: [{ name: "lan" }],
      ports: [
        { name: "in", bridgeDomain: "lan", in: "in.pcapng" },
        { name: "out", bridgeDomain: "lan", out: "out.pcapng" },
      ],
    });
    expect(summary.drops).toEqual({
      "not-ethernet": 1,
      "cut-by-capture": 1,
      "frame-too-short": 1,
      "frame-too-long": 1,
    });
    expect(summary.ports[0]).toMatchObject({ received: 7, dropped: 4 });
    const records = await recordsOf(laboratory.path("out.pcapng"));
    expect(records.map(({ data }) => Buffer.compare(data, whole))).toEqual([0, 0, 0]);
    expect(records.map(({ timestamp }) => timestamp)).toEqual([
      at(1, whole).timestamp,
      at(5, whole).timestamp,
      undefined,
    ]);
  });
});

describe("summaries", () => {
  test("--example prints a configuration for the captures of the demo, which runs", async () => {
    const laboratory = new Laboratory();
    expect((await frameferry(["demo", "-o", laboratory.folder, "--json"])).status).toBe(0);
    const example = await frameferry(["switch", "--example"]);
    expect([example.status, example.stderr]).toEqual([0, ""]);
    const config = laboratory.writeConfig("example.json", example.stdout.toString());
    const { status, stdout } = await frameferry(["switch", "--config", config, "--fdb"]);
    expect(status).toBe(0);
    const lines = stdout
      .toString()
      .replaceAll(`${laboratory.folder}/`, "")
      .split("\n")
      .map((line) => line.replace(/ +/g, " "));
    for (const line of [
      "example.json, frames:",
      " port kind received copies sent dropped in -> out",
      " uplink uplink 10 0 0 5 overlay.pcap -> uplink.pcapng",
      " host access 0 0 5 0 -> host.pcapng",
      " orange 100 5 5 10 0",
      " not-tunnel 5 not a packet of this tunnel",
      " FDB: 1 entries at the end, 0 have aged",
      " orange 00:16:3e:37:f6:04 learned peer 0",
    ])
      expect(lines).toContain(line);
    expect(await recordsOf(laboratory.path("host.pcapng"))).toHaveLength(5);
    expect(await recordsOf(laboratory.path("uplink.pcapng"))).toHaveLength(0);
  });

  test("the schema is a file of the package", async () => {
    const { default: schema } = await import("frameferry/switch.schema.json", { with: { type: "json" } });
    expect(schema.$schema).toBe("https://json-schema.org/draft/2020-12/schema");
  });

  test("every complete configuration in the document is one that runs", async () => {
    const text = readFileSync(join(import.meta.dirname, "../../docs/switch.md"), "utf8");
    const blocks = [...text.matchAll(/^```json\n(.*?)^```$/gms)].map(([, block]) => block!);
    expect(blocks.length).toBeGreaterThan(0);
    for (const block of blocks) {
      const laboratory = new Laboratory();
      for (const [, name] of block.matchAll(/"([\w-]+\.pcap(?:ng)?)"/g))
        laboratory.writeCapture(name!, [at(1, frame({ to: EVERYBODY, from: A }))]);
      await laboratory.run(JSON.parse(block));
    }
  });
});
