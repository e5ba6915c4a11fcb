// frameferry count and frameferry sample: what they tell and keep of captures, judged by the package's own codecs.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { CaptureWriter } from "frameferry/pcap";
import { compose, dissect, flowHash } from "frameferry/wire";
import { describe, expect, test } from "vitest";
import { flowFrame } from "../dataplane/support.ts";
import { byName, counted } from "../support/count-model.ts";
import { ENCAP, good } from "./captures-support.ts";
import { frameferry, QINQ, recordsOf, temporaryFolder, VXLAN } from "./program.ts";

describe("count", () => {
  test("tells frames and bytes by key, for people", async () => {
    const { stdout } = await good(["count", VXLAN, "--by", "source,destination-port", "--top", "1"]);
    expect(stdout).toBe(`${VXLAN} (pcap), 10 frames:
  source         destination-port  frames  bytes
  192.168.202.1  4789                   5    684
  others                                5    684
`);
  });

  test.each(["0", "2"])("agrees with the codecs, as JSON, with %s workers", async (workers) => {
    for (const file of [VXLAN, QINQ]) {
      const args = ["count", file, "--by", "vid,source,source-port", "--json", "--workers", workers];
      const told = JSON.parse((await good(args)).stdout);
      const frames = (await recordsOf(file)).map(({ data, originalLength }) => ({
        bytes: data,
        wireLength: originalLength,
        vni: undefined,
      }));
      const by = ["vid", "source", "sourcePort"] as const;
      expect(told).toMatchObject({ command: "count", input: file, received: frames.length, dropped: 0 });
      expect(told.counts.length).toBe(1);
      expect(told.counts[0].by).toEqual(by);
      expect(byName(told.counts[0].entries, by)).toEqual(counted(frames, by).entries);
    }
  });

  test("looks into tunnels with --decap, and says what was not counted", async () => {
    const mixed = join(temporaryFolder(), "mixed.pcap");
    const packets = await recordsOf(VXLAN);
    const passenger = { ...packets[0]!, data: packets[0]!.data.subarray(50), originalLength: 98 };
    writeFileSync(mixed, new CaptureWriter({ format: "pcap" }).write([...packets, passenger]));
    const { stdout } = await good(["count", mixed, "--decap", "vxlan", "--by", "vni"]);
    expect(stdout).toBe(`${mixed} (pcap), 11 frames:
  vni  frames  bytes
  100      10    868
  not counted: not-tunnel  1  not a packet of this tunnel
`);
    const kept = await good(["count", mixed, "--decap", "vxlan", "--keep-others", "--by", "vni", "--json"]);
    expect(JSON.parse(kept.stdout)).toMatchObject({
      drops: {},
      counts: [
        {
          frames: 11,
          entries: [
            { vni: 100, frames: 10, bytes: 868 },
            { frames: 1, bytes: 98 },
          ],
        },
      ],
    });
  });

  test("looks into everything that is known, into several kinds, or into one by another port", async () => {
    const folder = temporaryFolder();
    const path = (name: string): string => join(folder, name);
    const [lan, geneve, nested] = [path("lan.pcap"), path("geneve.pcap"), path("nested.pcap")];
    const ends = ["--local", "10.0.0.1", "--remote", "10.0.0.2"];
    await good(["decap", VXLAN, "-o", lan]);
    await good(["encap", lan, "-o", geneve, "--kind", "geneve", "--vni", "7", "--dst-port", "6082", ...ends]);
    // Of a kind that is only taken off.
    const ethernet = {
      name: "ethernet",
      destination: "02:00:00:00:00:01",
      source: "02:00:00:00:00:02",
    } as const;
    const data = compose(
      [
        ethernet,
        { name: "ipv4", source: "10.0.0.1", destination: "10.0.0.2" },
        { name: "ipv4", source: "192.0.2.1", destination: "192.0.2.2" },
      ],
      new Uint8Array(20),
    );
    writeFileSync(nested, new CaptureWriter({ format: "pcap" }).write({ data, timestamp: 0n }));
    const entries = async (...args: string[]) => {
      const { stdout } = await good(["count", VXLAN, geneve, nested, ...args, "--json"]);
      const { counts, received, dropped } = JSON.parse(stdout);
      expect(counts).toHaveLength(1);
      return [received, dropped, counts[0].entries.map(({ bytes: _, ...entry }: { bytes: number }) => entry)];
    };
    const [vxlan, other] = [
      { vni: 100, frames: 10 },
      { vni: 7, frames: 10 },
    ];
    const port = ["--port", "geneve=6082"];
    expect(await entries("--by", "vni", "--decap", "any")).toEqual([21, 10, [vxlan, { frames: 1 }]]);
    expect(await entries("--by", "vni", "--decap", "any", ...port)).toEqual([
      21,
      0,
      expect.arrayContaining([vxlan, other, { frames: 1 }]),
    ]);
    expect(await entries("--by", "vni", "--decap", "geneve", "--port", "6082")).toEqual([21, 11, [other]]);
    expect(await entries("--by", "vni", "--decap", "geneve", "--decap", "vxlan", ...port)).toEqual([
      21,
      1,
      expect.arrayContaining([vxlan, other]),
    ]);
    expect(await entries("--by", "source", "--decap", "ipip")).toEqual([
      21,
      20,
      [{ source: "192.0.2.1", frames: 1 }],
    ]);
  });

  test("says so when there was no room for all keys", async () => {
    const many = join(temporaryFolder(), "many.pcap");
    const records = Array.from({ length: 30 }, (_, i) => ({ data: flowFrame(i, i), timestamp: 0n }));
    writeFileSync(many, new CaptureWriter({ format: "pcap" }).write(records));
    const { stdout } = await good(["count", many, "--by", "source-port", "--capacity", "2"]);
    expect(stdout).toBe(`${many} (pcap), 30 frames:
  source-port  frames  bytes
  1024              1     64
  1025              1     64
  others           28  1,792
  there was no room for all keys: what is told of one may be too little
`);
    // Of many keys people are told ten, and the rest together; programs all.
    const long = (await good(["count", many, "--by", "source-port"])).stdout.split("\n");
    expect(long.length).toBe(14);
    expect(long[12]).toBe("  others           20  1,280");
    const json = JSON.parse((await good(["count", many, "--by", "source-port", "--json"])).stdout);
    expect(json.counts[0].entries.length).toBe(30);
  });

  test.each([
    [[VXLAN], "required option '--by <KEYS>' not specified"],
    [
      [VXLAN, "--by", "vni,port"],
      '--by: expected vni, source-mac, destination-mac, vid, source, destination, protocol, source-port or destination-port, got "port"',
    ],
    [[VXLAN, "--by", "vni,vni"], "--by: vni stands there twice"],
    [[VXLAN, "--by", "vni", "--top", "0"], '--top: expected a whole number from 1 to 65536, got "0"'],
    [
      [VXLAN, "--by", "vni", "--port", "4789"],
      "--decap: missing; --port and --keep-others are about what it takes off",
    ],
    [
      [VXLAN, "--by", "vni", "--decap", "gre", "--port", "4789"],
      "--port: gre has no UDP port; KIND=P names one of vxlan, geneve, vxlan-gpe, gre-in-udp, gtp-u, mpls-in-udp, l2tp, l2tpv3, tzsp or capwap",
    ],
  ])("refuses %o", async (args, message) => {
    const { status, stdout, stderr } = await frameferry(["count", ...args]);
    expect({ status, stdout: stdout.toString(), stderr }).toEqual({
      status: 2,
      stdout: "",
      stderr: `frameferry count: ${message} (frameferry count --help tells more)\n`,
    });
  });
});

describe("sample", () => {
  const flows = Array.from({ length: 300 }, (_, i) => flowFrame(i % 30, i));

  function written(): { input: string; output: string } {
    const folder = temporaryFolder();
    const input = join(folder, "in.pcap");
    const records = flows.map((data, i) => ({ data, timestamp: BigInt(i) * 1000n }));
    writeFileSync(input, new CaptureWriter({ format: "pcap" }).write(records));
    return { input, output: join(folder, "out.pcap") };
  }

  test("keeps one frame in so many, with its time", async () => {
    const { input, output } = written();
    const { stdout } = await good(["sample", input, "-o", output, "--one-in", "7", "--json"]);
    expect(JSON.parse(stdout)).toMatchObject({
      received: 300,
      forwarded: 43,
      changed: 0,
      drops: { "not-sampled": 257 },
    });
    const records = await recordsOf(output);
    expect(records.map(({ timestamp }) => Number(timestamp) / 1000)).toEqual(
      Array.from({ length: 43 }, (_, i) => 7 * i),
    );
  });

  test("keeps whole flows, the same with workers, others with another seed", async () => {
    const { input, output } = written();
    const run = async (...args: string[]): Promise<number[]> => {
      await good(["sample", input, "-o", output, "--one-in", "3", "--by", "flow", ...args]);
      return (await recordsOf(output)).map(({ timestamp }) => Number(timestamp) / 1000);
    };
    const kept = await run();
    expect(kept.length).toBeGreaterThan(0);
    expect(kept.length).toBeLessThan(300);
    const chosen = new Set(kept.map((i) => flowHash(flows[i]!)));
    expect(kept).toEqual(flows.flatMap((frame, i) => (chosen.has(flowHash(frame)) ? [i] : [])));
    expect(await run("--workers", "2")).toEqual(kept);
    expect(await run("--seed", "9")).not.toEqual(kept);
  });

  test("refuses a seed where there is no hash", async () => {
    const { input, output } = written();
    const { status, stderr } = await frameferry([
      "sample",
      input,
      "-o",
      output,
      "--one-in",
      "3",
      "--seed",
      "1",
    ]);
    expect(status).toBe(2);
    expect(stderr).toBe(
      "frameferry sample: --seed: a sample by frame has no such option (frameferry sample --help tells more)\n",
    );
  });
});

test("decap tells by kind and VNI without another pass", async () => {
  const folder = temporaryFolder();
  const [one, out] = [join(folder, "one.pcap"), join(folder, "out.pcap")];
  await good(["encap", QINQ, "-o", one, ...ENCAP]);
  const { stdout } = await good(["decap", one, "-o", out, "--json"]);
  const records = await recordsOf(out);
  expect(dissect(records[0]!.data).layers[0]!.name).toBe("ethernet");
  expect(JSON.parse(stdout).counts[0].entries).toEqual([
    {
      kind: "vxlan",
      vni: 5001,
      frames: records.length,
      bytes: records.reduce((sum, { originalLength }) => sum + originalLength, 0),
    },
  ]);
});
