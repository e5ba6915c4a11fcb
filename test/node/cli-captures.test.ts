// What the commands make of captures, judged by the package's own codecs and by tshark.
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { type CaptureRecord, CaptureWriter, type CaptureWriterOptions, commentOption } from "frameferry/pcap";
import { dissect, formatIp, formatMac, type LayerName, type LayerOf, vlansOf, vnisOf } from "frameferry/wire";
import { describe, expect, test } from "vitest";
import {
  captures,
  frameAndTime,
  frameferry,
  hasTshark,
  QINQ,
  recordsOf,
  temporaryFolder,
  VXLAN,
} from "./cli-program.ts";

const LOCAL = "10.1.5.7";
const REMOTE = "10.1.5.8";
const ENCAP = ["--kind", "vxlan", "--vni", "5001", "--local", LOCAL, "--remote", REMOTE];

async function good(args: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  const { status, stdout, stderr } = await frameferry(args);
  expect(status, stderr).toBe(0);
  return { stdout: stdout.toString(), stderr };
}

function layer<Name extends LayerName>({ data }: CaptureRecord, name: Name): LayerOf<Name> {
  const found = dissect(data, { checksums: true }).layers.find((candidate) => candidate.name === name);
  if (found === undefined) throw new Error(`no ${name} layer`);
  return found as unknown as LayerOf<Name>;
}

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
      length: 148,
      layers: ["ethernet", "ipv4", "udp", "vxlan", "ethernet", "ipv4", "icmp", "payload"],
      vlans: [],
      vnis: [100],
      stop: null,
    });
    expect(frames.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(frames[1].layers).toEqual(["ethernet", "ipv4", "udp", "vxlan", "ethernet", "arp"]);
  });

  test("a line tells layers, VLANs, VNIs, what was cut and why it stopped", async () => {
    const folder = temporaryFolder();
    const qinq = await good(["inspect", QINQ]);
    expect(qinq.stdout).toMatch(
      /^ {5}0 {2}\S+Z +\d+ {2}ethernet\/vlan\/vlan\/ipv4\/payload {2}vlan 30,100\n$/,
    );
    const [first] = await recordsOf(VXLAN);
    const cut = join(folder, "cut.pcap");
    writeFileSync(
      cut,
      new CaptureWriter({ format: "pcap" }).write({ ...first!, data: first!.data.subarray(0, 40) }),
    );
    expect((await good(["inspect", cut])).stdout).toBe(
      "     0  2013-05-18T20:21:44.837063Z  40 of 148  ethernet/ipv4  " +
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

  test("--count ends early, --vxlan-port names other ports", async () => {
    const two = await good(["inspect", VXLAN, "--count", "2"]);
    expect(two.stdout.trimEnd().split("\n")).toHaveLength(2);
    const none = JSON.parse(
      (await good(["inspect", VXLAN, "-n", "1", "--json", "--vxlan-port", "8472"])).stdout,
    );
    expect(none.vnis).toEqual([]);
    const both = await good([
      "inspect",
      VXLAN,
      "-n",
      "1",
      "--json",
      "--vxlan-port",
      "1",
      "--vxlan-port",
      "4789",
    ]);
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

describe("encap and decap", () => {
  test("the outer headers say what was asked for", async () => {
    const out = join(temporaryFolder(), "out.pcap");
    const macs = ["--local-mac", "02:00:00:00:00:01", "--remote-mac", "02-00-00-00-00-02"];
    const more = ["--dst-port", "8472", "--ttl", "9", "--dscp", "46", "--udp-checksum", "--outer-vid", "77"];
    await good(["encap", QINQ, "-o", out, ...ENCAP, ...macs, ...more]);
    const [record] = await recordsOf(out);
    const ethernet = layer(record!, "ethernet").header;
    expect([formatMac(ethernet.source), formatMac(ethernet.destination)]).toEqual([
      "02:00:00:00:00:01",
      "02:00:00:00:00:02",
    ]);
    const ip = layer(record!, "ipv4");
    expect([formatIp(ip.header.source), formatIp(ip.header.destination)]).toEqual([LOCAL, REMOTE]);
    expect([ip.header.ttl, ip.header.dscp, ip.checksum]).toEqual([9, 46, "good"]);
    const udp = layer(record!, "udp");
    expect(udp.header.destinationPort).toBe(8472);
    expect(udp.header.sourcePort).toBeGreaterThanOrEqual(49152);
    expect(udp.checksum).toBe("good");
    const { layers } = dissect(record!.data);
    expect([vlansOf(layers), vnisOf(layers)]).toEqual([[77, 30, 100], [5001]]);
  });

  test("over IPv6 there is a checksum unless it is left out", async () => {
    const out = join(temporaryFolder(), "out.pcap");
    const args = ["encap", VXLAN, "-o", out, "--vni", "0x10", "--local", "fd00::1", "--remote", "fd00::2"];
    await good(args);
    expect(layer((await recordsOf(out))[0]!, "udp").checksum).toBe("good");
    await good([...args, "--no-udp-checksum"]);
    expect(layer((await recordsOf(out))[0]!, "udp").header.checksum).toBe(0);
  });

  test("--strip-tag, --seed", async () => {
    const folder = temporaryFolder();
    const [plain, seeded] = [join(folder, "a.pcap"), join(folder, "b.pcap")];
    await good(["encap", QINQ, "-o", plain, ...ENCAP, "--strip-tag"]);
    await good(["encap", QINQ, "-o", seeded, ...ENCAP, "--strip-tag", "--seed", "4711"]);
    const [first] = await recordsOf(plain);
    const [second] = await recordsOf(seeded);
    expect(vlansOf(dissect(first!.data).layers)).toEqual([100]);
    expect(layer(first!, "udp").header.sourcePort).not.toBe(layer(second!, "udp").header.sourcePort);
  });

  test("the summary counts by reason, for people and as JSON", async () => {
    const folder = temporaryFolder();
    const mixed = join(folder, "mixed.pcap");
    const out = join(folder, "out.pcap");
    const packets = await recordsOf(VXLAN);
    const passenger = { ...packets[0]!, data: packets[0]!.data.subarray(50), originalLength: 98 };
    writeFileSync(mixed, new CaptureWriter({ format: "pcap" }).write([...packets, passenger]));
    const text = await good(["decap", mixed, "-o", out]);
    expect(text).toEqual({
      stdout: `${mixed} (pcap) -> ${out} (pcap), frames:
  received      11  1,466 bytes in frames
  changed       10
  written       10  868 bytes in frames
  dropped        1
    not-tunnel   1  not a packet of this tunnel
`,
      stderr: "",
    });
    const json = await good(["decap", mixed, "-o", out, "--vni", "7", "--json"]);
    expect(JSON.parse(json.stdout)).toEqual({
      command: "decap",
      input: mixed,
      output: out,
      inputFormat: "pcap",
      outputFormat: "pcap",
      received: 11,
      forwarded: 0,
      dropped: 11,
      changed: 0,
      drops: { "not-tunnel": 1, "other-vni": 10 },
      frameBytesIn: 1466,
      frameBytesOut: 0,
      fileBytesIn: 24 + 11 * 16 + 1466,
      fileBytesOut: 24,
      workers: [],
      damage: null,
    });
    const kept = await good(["decap", mixed, "-o", out, "--keep-others", "--json"]);
    expect(JSON.parse(kept.stdout)).toMatchObject({ forwarded: 11, dropped: 0, changed: 10 });
    expect(frameAndTime((await recordsOf(out))[10]!)).toBe(frameAndTime(passenger));
  });

  test("--depth takes nested tunnels off, --port those of another port", async () => {
    const folder = temporaryFolder();
    const [one, two, out] = [join(folder, "1.pcap"), join(folder, "2.pcap"), join(folder, "out.pcap")];
    await good(["encap", QINQ, "-o", one, ...ENCAP]);
    await good(["encap", one, "-o", two, "--vni", "7", "--local", "172.16.0.1", "--remote", "172.16.0.2"]);
    expect(vnisOf(dissect((await recordsOf(two))[0]!.data).layers)).toEqual([7, 5001]);
    const original = (await recordsOf(QINQ)).map(frameAndTime);
    for (const depth of ["2", "all"]) {
      await good(["decap", two, "-o", out, "--depth", depth]);
      expect((await recordsOf(out)).map(frameAndTime)).toEqual(original);
    }
    await good(["decap", two, "-o", out]);
    expect((await recordsOf(out)).map(frameAndTime)).toEqual((await recordsOf(one)).map(frameAndTime));
    await good(["encap", QINQ, "-o", one, ...ENCAP, "--dst-port", "8472"]);
    await good(["decap", one, "-o", out, "--port", "8472", "--vni", "5001"]);
    expect((await recordsOf(out)).map(frameAndTime)).toEqual(original);
  });

  test("--strict, --verify-udp, --ignore-ip-checksum and --refuse-tagged", async () => {
    const folder = temporaryFolder();
    const [input, out] = [join(folder, "in.pcap"), join(folder, "out.pcap")];
    await good(["encap", QINQ, "-o", input, ...ENCAP, "--udp-checksum"]);
    const [packet] = await recordsOf(input);
    const drops = async (offset: number, ...flags: string[]): Promise<unknown> => {
      const data = packet!.data.slice();
      data[offset]! ^= 0x40;
      writeFileSync(input, new CaptureWriter({ format: "pcap" }).write({ ...packet!, data }));
      return JSON.parse((await good(["decap", input, "-o", out, "--json", ...flags])).stdout).drops;
    };
    const reserved = 14 + 20 + 8 + 7;
    const ipIdentification = 14 + 4;
    const innermost = packet!.data.length - 1;
    expect(await drops(reserved)).toEqual({});
    expect(await drops(reserved, "--strict")).toEqual({ "vxlan-reserved": 1 });
    expect(await drops(innermost)).toEqual({});
    expect(await drops(innermost, "--verify-udp")).toEqual({ "udp-checksum": 1 });
    expect(await drops(ipIdentification)).toEqual({ "outer-ip-checksum": 1 });
    expect(await drops(ipIdentification, "--ignore-ip-checksum")).toEqual({});
    expect(await drops(innermost, "--refuse-tagged")).toEqual({ "inner-tagged": 1 });
  });
});

describe("vlan", () => {
  const tags = async (path: string): Promise<unknown[]> =>
    (await recordsOf(path)).flatMap(({ data }) =>
      dissect(data).layers.flatMap((found) =>
        found.name === "vlan"
          ? [[found.header.tpid, found.header.vid, found.header.pcp, found.header.dei]]
          : [],
      ),
    );

  test("push, rewrite and pop", async () => {
    const out = join(temporaryFolder(), "out.pcapng");
    const inner = [
      [0x88a8, 30, 0, false],
      [0x8100, 100, 0, false],
    ];
    expect(await tags(QINQ)).toEqual(inner);
    await good(["vlan", "push", QINQ, "-o", out, "--vid", "7", "--pcp", "5", "--dei", "--tpid", "0x9100"]);
    expect(await tags(out)).toEqual([[0x9100, 7, 5, true], ...inner]);
    await good([
      "vlan",
      "rewrite",
      out,
      "-o",
      out,
      "--vid",
      "8",
      "--no-dei",
      "--tpid",
      "34984",
      "--match",
      "0x9100",
    ]);
    expect(await tags(out)).toEqual([[0x88a8, 8, 5, false], ...inner]);
    await good(["vlan", "pop", out, "-o", out, "--tpid", "0x8100"]);
    expect(await tags(out)).toEqual([[0x88a8, 8, 5, false], ...inner]);
    await good(["vlan", "pop", out, "-o", out]);
    expect(await tags(out)).toEqual(inner);
    await good(["vlan", "push", out, "-o", out, "--pcp", "3"]);
    expect(await tags(out)).toEqual([[0x8100, 0, 3, false], ...inner]);
    await good(["vlan", "pop", out, "-o", out]);
    expect((await recordsOf(out)).map(frameAndTime)).toEqual((await recordsOf(QINQ)).map(frameAndTime));
  });
});

describe("formats", () => {
  test("the output's name decides, --format before it, else the input", async () => {
    const folder = temporaryFolder();
    const cases: [string, string, string[], string][] = [
      [VXLAN, "a.pcap", [], "pcap"],
      [VXLAN, "a.pcapng", [], "pcapng"],
      [VXLAN, "a.PCAPNG", [], "pcapng"],
      [VXLAN, "a.cap", [], "pcap"],
      [VXLAN, "a.pcapng", ["--format", "same"], "pcap"],
      [VXLAN, "a.cap", ["--format", "pcapng"], "pcapng"],
      [QINQ, "a.pcap", [], "pcap"],
      [QINQ, "a", [], "pcapng"],
    ];
    for (const [input, name, flags, format] of cases) {
      const out = join(folder, name);
      const { stdout } = await good(["vlan", "pop", input, "-o", out, "--json", ...flags]);
      expect(JSON.parse(stdout).outputFormat).toBe(format);
      const isPcapng = readFileSync(out).subarray(0, 4).toString("hex") === "0a0d0d0a";
      expect(isPcapng ? "pcapng" : "pcap").toBe(format);
    }
  });

  const forms: [string, CaptureWriterOptions][] = [];
  for (const byteOrder of ["little", "big"] as const)
    for (const nanoseconds of [false, true])
      for (const format of ["pcap", "pcapng"] as const)
        forms.push([
          `${byteOrder}-endian ${format}, ${nanoseconds ? "nano" : "micro"}seconds`,
          { format, byteOrder, nanoseconds },
        ]);

  test.each(forms)("%s: frames and times survive a tunnel, the form stays", async (_, options) => {
    const folder = temporaryFolder();
    const [input, packets, out] = [join(folder, "in"), join(folder, "packets"), join(folder, "out")];
    const step = options.nanoseconds ? 1000000001n : 1000001000n;
    const source = (await recordsOf(VXLAN)).map(({ data, timestamp }, index) => ({
      data,
      timestamp: timestamp! + BigInt(index) * step,
      originalLength: data.length + index,
      options: index === 3 ? [commentOption("the third")] : [],
    }));
    writeFileSync(input, new CaptureWriter(options).write(source));
    await good(["encap", input, "-o", packets, ...ENCAP]);
    await good(["decap", packets, "-o", out]);
    const [before, after] = [await recordsOf(input), await recordsOf(out)];
    expect(after.map(frameAndTime)).toEqual(before.map(frameAndTime));
    expect(after.map((record) => record.options)).toEqual(before.map((record) => record.options));
    const form = ({ interface: { section, resolution } }: CaptureRecord): unknown => [
      section.format,
      section.byteOrder,
      resolution,
    ];
    expect(form(after[0]!)).toEqual(form(before[0]!));
    for (const other of ["other.pcap", "other.pcapng"]) {
      await good(["vlan", "pop", input, "-o", join(folder, other)]);
      expect((await recordsOf(join(folder, other))).map(frameAndTime)).toEqual(before.map(frameAndTime));
    }
  });
});

describe("files", () => {
  test("input and output may be the same file", async () => {
    const path = join(temporaryFolder(), "capture.pcap");
    copyFileSync(VXLAN, path);
    await good(["decap", path, "-o", path]);
    expect(await recordsOf(path)).toHaveLength(10);
    expect((await recordsOf(path))[0]!.data.length).toBe(98);
  });

  test("nothing but the output is left behind", async () => {
    const folder = temporaryFolder();
    await good(["decap", VXLAN, "-o", join(folder, "out.pcap")]);
    expect(readdirSync(folder)).toEqual(["out.pcap"]);
    expect(statSync(join(folder, "out.pcap")).size).toBe(24 + 10 * 16 + 868);
  });
});

describe.skipIf(captures.length === 0)("every real capture at hand", () => {
  test.each(captures.map((path) => [basename(path), path]))(
    "%s goes through each command",
    async (_, path) => {
      const folder = temporaryFolder();
      const [packets, out, other] = [join(folder, "packets"), join(folder, "out"), join(folder, "decap")];
      const before = await recordsOf(path);
      const through = async (): Promise<[{ forwarded: number; dropped: number }, object]> => [
        JSON.parse((await good(["encap", path, "-o", packets, "--json", ...ENCAP])).stdout),
        JSON.parse((await good(["decap", packets, "-o", out, "--json"])).stdout),
      ];
      const [{ stdout }, [encap, decap]] = await Promise.all([
        good(["inspect", path, "--json"]),
        through(),
        good(["decap", path, "-o", other, "--depth", "all", "--keep-others"]),
      ]);
      const lines = stdout
        .split("\n")
        .slice(0, -1)
        .map((line) => JSON.parse(line));
      expect(lines.map(({ index, length }) => [index, length])).toEqual(
        before.map((record, i) => [i, record.data.length]),
      );
      expect((await recordsOf(other)).length).toBeLessThanOrEqual(before.length);
      expect(decap).toMatchObject({ received: encap.forwarded, dropped: 0 });
      // Other link types, and frames too long for the outer length fields, cannot go into a tunnel.
      const fit = before.filter(
        ({ data, originalLength, interface: { linkType } }) =>
          linkType === 1 && data.length >= 14 && originalLength + 36 <= 65535,
      );
      expect((await recordsOf(out)).map(frameAndTime)).toEqual(fit.map(frameAndTime));
      expect(encap.dropped).toBe(before.length - fit.length);
    },
  );
});

describe.skipIf(!hasTshark)("tshark", () => {
  const ask = (path: string, ...args: string[]): string[] =>
    execFileSync(
      "tshark",
      [
        "-n",
        "-r",
        path,
        "-o",
        "ip.check_checksum:TRUE",
        "-o",
        "udp.check_checksum:TRUE",
        "-T",
        "fields",
        ...args,
      ],
      { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"], maxBuffer: 1 << 28 },
    )
      .split("\n")
      .slice(0, -1);
  const OUTER = ["ip.checksum.status", "udp.checksum.status", "vxlan.vni"];
  const fields = OUTER.flatMap((field) => ["-e", field]);
  const problems = [
    "-Y",
    "_ws.malformed || ip.checksum.status == 0 || udp.checksum.status == 0",
    "-e",
    "frame.number",
  ];

  test("finds nothing wrong with any output", async () => {
    const folder = temporaryFolder();
    const all = join(folder, "all.pcap");
    const files = captures.length > 0 ? captures : [VXLAN, QINQ];
    const records = (await Promise.all(files.map(recordsOf))).flat();
    const fit = records.filter(
      ({ data, originalLength, interface: { linkType } }) =>
        linkType === 1 && data.length >= 14 && data.length === originalLength && originalLength + 36 <= 65535,
    );
    writeFileSync(all, new CaptureWriter({ format: "pcap", nanoseconds: true }).write(fit));
    // What is wrong with the passengers stays wrong with them.
    const before = ask(all, ...problems);
    const out = join(folder, "out.pcapng");
    await good(["encap", all, "-o", out, ...ENCAP, "--udp-checksum"]);
    expect(ask(out, ...problems)).toEqual(before);
    for (const row of ask(out, ...fields)) {
      const [ip, udp, vni] = row.split("\t").map((values) => values.split(",")[0]);
      expect([ip, udp, vni]).toEqual(["1", "1", "5001"]);
    }
    await good(["decap", out, "-o", out]);
    expect(ask(out, ...problems)).toEqual(before);
    await good(["vlan", "push", all, "-o", out, "--vid", "9"]);
    expect(ask(out, ...problems)).toEqual(before);
    expect(new Set(ask(out, "-e", "vlan.id").map((ids) => ids.split(",")[0]))).toEqual(new Set(["9"]));
    await good(["vlan", "pop", out, "-o", out]);
    expect(ask(out, ...problems)).toEqual(before);
    mkdirSync(join(folder, "6"));
    const six = join(folder, "6/out.pcap");
    await good(["encap", VXLAN, "-o", six, "--vni", "1", "--local", "fd00::1", "--remote", "fd00::2"]);
    expect(ask(six, ...problems)).toEqual([]);
    expect(ask(six, "-e", "udp.checksum.status").map((values) => values.split(",")[0])).toEqual(
      Array(10).fill("1"),
    );
  });
});
