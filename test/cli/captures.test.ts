// What the commands that change frames make of captures, judged by the package's own codecs.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { CaptureWriter } from "frameferry/pcap";
import { dissect, formatIp, formatMac, vlansOf, vnisOf } from "frameferry/wire";
import { describe, expect, test } from "vitest";
import { ENCAP, good, LOCAL, layer, REMOTE } from "./captures-support.ts";
import { frameAndTime, QINQ, recordsOf, temporaryFolder, VXLAN } from "./program.ts";

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

  test("ECN, DSCP and TTL are taken over both ways, if that is asked for", async () => {
    const [wrapped, out] = [join(temporaryFolder(), "wrapped.pcap"), join(temporaryFolder(), "out.pcap")];
    await good(["encap", VXLAN, "-o", wrapped, ...ENCAP, "--ecn", "--dscp", "uniform", "--ttl", "uniform"]);
    const [before] = await recordsOf(VXLAN);
    const own = layer(before!, "ipv4").header;
    const outer = layer((await recordsOf(wrapped))[0]!, "ipv4").header;
    expect([outer.ttl, outer.dscp, outer.ecn]).toEqual([own.ttl, own.dscp, own.ecn]);
    await good(["decap", wrapped, "-o", out, "--kind", "vxlan", "--ecn", "--uniform-dscp", "--uniform-ttl"]);
    expect((await recordsOf(out))[0]!.data).toEqual(before!.data);
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
  kind   vni  frames  bytes
  vxlan  100      10    868
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
      joined: 0,
      reassembled: 0,
      changed: 0,
      drops: { "not-tunnel": 1, "other-vni": 10 },
      counts: [
        {
          by: ["kind", "vni", "key"],
          frames: 0,
          bytes: 0,
          entries: [],
          others: { frames: 0, bytes: 0 },
          complete: true,
        },
      ],
      frameBytesIn: 1466,
      frameBytesOut: 0,
      fileBytesIn: 24 + 11 * 16 + 1466,
      fileBytesOut: 24,
      linkTypes: [1],
      checkSequencesLeftOut: 0,
      workers: [],
      damage: null,
    });
    const kept = await good(["decap", mixed, "-o", out, "--keep-others", "--json"]);
    expect(JSON.parse(kept.stdout)).toMatchObject({
      forwarded: 11,
      dropped: 0,
      changed: 10,
      counts: [
        {
          entries: [{ kind: "vxlan", vni: 100, frames: 10, bytes: 868 }],
        },
      ],
    });
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
      "--in-place",
      "--vid",
      "8",
      "--no-dei",
      "--tpid",
      "34984",
      "--match",
      "0x9100",
    ]);
    expect(await tags(out)).toEqual([[0x88a8, 8, 5, false], ...inner]);
    await good(["vlan", "pop", out, "-o", out, "--in-place", "--tpid", "0x8100"]);
    expect(await tags(out)).toEqual([[0x88a8, 8, 5, false], ...inner]);
    await good(["vlan", "pop", out, "-o", out, "--in-place"]);
    expect(await tags(out)).toEqual(inner);
    await good(["vlan", "push", out, "-o", out, "--in-place", "--pcp", "3"]);
    expect(await tags(out)).toEqual([[0x8100, 0, 3, false], ...inner]);
    await good(["vlan", "pop", out, "-o", out, "--in-place"]);
    expect((await recordsOf(out)).map(frameAndTime)).toEqual((await recordsOf(QINQ)).map(frameAndTime));
  });
});
