// frameferry stats: what it tells of captures, judged by tshark's statistics and by the package's own codecs.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { CaptureWriter, frameOf } from "frameferry/pcap";
import { dissect } from "frameferry/wire";
import { describe, expect, test } from "vitest";
import { flowFrame } from "../dataplane/support.ts";
import { CAPTURES_FOLDER, capturesLikeTshark } from "../support/real-captures.ts";
import { good } from "./captures-support.ts";
import { frameferry, hasTshark, QINQ, recordsOf, temporaryFolder, VXLAN } from "./program.ts";

const FIELD = join(import.meta.dirname, "../fixtures/field");
const field = (name: string): string => join(FIELD, name);
const FIXTURES = [
  VXLAN,
  QINQ,
  ...["geneve-ipv4", "gre-ipv4", "gre-in-udp", "sll", "raw", "null", "vxlan-in-ipip", "gpe-ipv4"].map(
    (name) => field(`${name}.pcap`),
  ),
  field("two-link-types.pcapng"),
];

interface Sum {
  readonly frames: number;
  readonly bytes: number;
}

interface Conversation extends Sum {
  readonly a: string;
  readonly aPort?: number;
  readonly b: string;
  readonly bPort?: number;
  readonly sent: Sum;
  readonly received: Sum;
}

async function told(...args: string[]) {
  return JSON.parse((await good(["stats", ...args, "--json"])).stdout);
}

function sumOf(sums: readonly Sum[]): Sum {
  return sums.reduce((a, b) => ({ frames: a.frames + b.frames, bytes: a.bytes + b.bytes }), {
    frames: 0,
    bytes: 0,
  });
}

describe("stats", () => {
  test("tells all there is, for people", async () => {
    const { stdout } = await good(["stats", VXLAN, "--interval", "1"]);
    expect(stdout).toBe(`${VXLAN} (pcap):
  frames         10  1,368 bytes
  size          137  from 92 to 148 bytes
  seconds  3.048296  from 2013-05-18T20:21:44.837063Z

  bytes      frames  bytes in all
  80 to 159      10         1,368  ################################

  from, for 1 s                frames  bytes
  2013-05-18T20:21:44.000000Z       4    480  ################################
  2013-05-18T20:21:45.000000Z       2    296  ####################
  2013-05-18T20:21:46.000000Z       2    296  ####################
  2013-05-18T20:21:47.000000Z       2    296  ####################

  layers            frames  bytes
  ethernet              10  1,368  ################################
    ipv4                10  1,368  ################################
      udp               10  1,368  ################################
        vxlan           10  1,368  ################################
          ethernet      10  1,368  ################################
            ipv4         8  1,184  ##########################
              icmp       8  1,184  ##########################
            arp          2    184  ######

  kind   vni  frames  bytes
  vxlan  100      10    868

  conversations  with             frames  bytes  sent  received
  192.168.202.1  192.168.203.1        10  1,368     5         5

  by ports             with                          frames  bytes  sent  received
  192.168.202.1:32894  192.168.203.1:4789  17 (UDP)       4    592     4         0
  192.168.203.1:45149  192.168.202.1:4789  17 (UDP)       4    592     4         0
  192.168.202.1:42710  192.168.203.1:4789  17 (UDP)       1     92     1         0
  192.168.203.1:52102  192.168.202.1:4789  17 (UDP)       1     92     1         0

  in tunnels     with             frames  bytes  sent  received
  192.168.203.3  192.168.203.5         8    784     4         4
  no IP packet                         2     84

  in tunnels, by ports  with                     frames  bytes  sent  received
  192.168.203.3         192.168.203.5  1 (ICMP)       8    784     4         4
  no IP packet                                        2     84
`);
  });

  test.each(["0", "2"])(
    "gives sums that agree with one another and with the codecs, with %s workers",
    async (workers) => {
      for (const file of FIXTURES) {
        const all = await told(file, "--workers", workers);
        const records = await recordsOf(file);
        const sizes = records.map((record) => {
          const { data, originalLength } = frameOf(record);
          return Math.max(data.length, originalLength);
        });
        const sum = { frames: records.length, bytes: sizes.reduce((a, b) => a + b, 0) };
        expect(all, file).toMatchObject({
          ...sum,
          sizes: { least: Math.min(...sizes), most: Math.max(...sizes) },
          linkTypes: [...new Set(records.map((record) => record.interface.linkType))],
        });
        expect(sumOf(all.sizes.classes)).toEqual(sum);
        expect(sumOf(all.overTime.steps)).toEqual(sum);
        const ofAll = ({ without, others, entries }: { without: Sum; others: Sum; entries: Sum[] }): Sum =>
          sumOf([without, others, ...entries]);
        expect(ofAll(all.conversations.pairs), file).toEqual(sum);
        expect(ofAll(all.conversations.flows)).toEqual(sum);
        expect(ofAll(all.inTunnels.flows)).toEqual(ofAll(all.inTunnels.pairs));
        // Each frame has one stack: that of the row that it is the last layer of.
        const stacks = records.map((record) => {
          const { data, originalLength } = frameOf(record);
          const { layers } = dissect(data, {
            linkType: record.interface.linkType,
            wireLength: originalLength,
          });
          return layers.map(({ name }) => name).filter((name) => name !== "payload");
        });
        for (const { layers, frames } of all.protocols.rows as { layers: string[]; frames: number }[]) {
          // What is not read has a name of its own at the end.
          const read = layers.filter((name) => !name.includes(" "));
          if (read.length < layers.length) continue;
          expect(
            stacks.filter((stack) => layers.every((name, index) => stack[index] === name)).length,
            layers.join("/"),
          ).toBe(frames);
        }
      }
    },
  );

  test("tells steps of time that were asked for, and of all lengths that fit", async () => {
    const file = join(temporaryFolder(), "times.pcap");
    // A second apart, then a day, then two years: no detail of the first is lost to the last.
    const times = [0n, 1n, 2n, 86400n, 86400n * 730n].map((second) => (1_700_000_000n + second) * 10n ** 9n);
    const records = times.map((timestamp, i) => ({ data: flowFrame(i, i), timestamp }));
    writeFileSync(file, new CaptureWriter({ format: "pcap" }).write(records));
    const steps = async (...args: string[]) => {
      const { overTime } = await told(file, ...args);
      return [overTime.seconds, overTime.steps.map(({ frames }: Sum) => frames)];
    };
    expect(await steps("--interval", "1")).toEqual([1, [1, 1, 1, 1, 1]]);
    expect(await steps("--interval", "3.5")).toEqual([3.5, [1, 2, 1, 1]]);
    expect(await steps("--first", "3")).toEqual([0.01, [1, 1, 1]]);
    expect(await steps("--first", "4")).toEqual([120, [3, 1]]);
    expect(await steps()).toEqual([86400, [3, 1, 1]]);
  });

  test("keeps within bounds, and counts what found no room", async () => {
    const file = join(temporaryFolder(), "many.pcap");
    // More steps than are kept: they are added up to longer ones, or, where a length was asked for, told together.
    const records = Array.from({ length: 20_000 }, (_, i) => ({
      data: flowFrame(i % 30, i),
      timestamp: BigInt(i) * 1_000_000n,
    }));
    writeFileSync(file, new CaptureWriter({ format: "pcap" }).write(records));
    const all = await told(file, "--capacity", "2");
    expect(sumOf(all.overTime.steps).frames).toBe(20_000);
    expect(all.overTime).toMatchObject({ seconds: 0.02, others: { frames: 0 } });
    expect(all.overTime.steps.length).toBe(1000);
    expect(all.conversations.flows).toMatchObject({ complete: false, frames: 20_000 });
    expect(sumOf(all.conversations.flows.entries).frames + all.conversations.flows.others.frames).toBe(
      20_000,
    );
    const exact = await told(file, "--interval", "0.001");
    expect(sumOf(exact.overTime.steps).frames).toBe(8192);
    expect(exact.overTime.others.frames).toBe(20_000 - 8192);
    const { stdout } = await good(["stats", file, "--capacity", "2", "--top", "1"]);
    expect(stdout).toContain("there was no room for all: what is told of one may be too little");
  });

  test("puts both directions together: a is the end that sent more", async () => {
    const file = join(temporaryFolder(), "directions.pcap");
    const there = flowFrame(1, 1);
    const back = there.slice();
    back.set(there.subarray(26, 30), 30);
    back.set(there.subarray(30, 34), 26);
    back.set(there.subarray(34, 36), 36);
    back.set(there.subarray(36, 38), 34);
    const records = [there, back, back, there, back].map((data) => ({ data, timestamp: 0n }));
    writeFileSync(file, new CaptureWriter({ format: "pcap" }).write(records));
    const { conversations } = await told(file);
    const text = (at: number): string => there.subarray(at, at + 4).join(".");
    for (const { count, entries } of [conversations.pairs, conversations.flows]) {
      expect(count).toBe(1);
      expect(entries[0]).toMatchObject({
        ...{ a: text(30), b: text(26), frames: 5, bytes: 5 * there.length },
        sent: { frames: 3 },
        received: { frames: 2 },
      });
    }
  });

  test("reads several, packed, by standard input, and only what matches", async () => {
    const packed = join(temporaryFolder(), "packed.pcap.gz");
    writeFileSync(packed, gzipSync(readFileSync(VXLAN)));
    const both = await told(packed, field("sll.pcap"));
    const one = await told(VXLAN);
    const other = await told(field("sll.pcap"));
    expect(both.frames).toBe(one.frames + other.frames);
    expect(both.linkTypes).toEqual([1, 113]);
    const { stdout } = await frameferry(["stats", "-", "--json"], readFileSync(VXLAN));
    expect({ ...JSON.parse(stdout.toString()), input: VXLAN }).toEqual(one);
    const filtered = await told(VXLAN, "--filter", "src host 192.168.202.1");
    expect(filtered).toMatchObject({ frames: 5, conversations: { pairs: { frames: 5, count: 1 } } });
    expect(filtered.protocols.rows[0].frames).toBe(5);
    expect((await told(VXLAN, "--port", "4790")).tunnels.frames).toBe(0);
  });

  test("tells of a damaged capture what lies before, and of none nothing", async () => {
    const cut = join(temporaryFolder(), "cut.pcap");
    writeFileSync(cut, readFileSync(VXLAN).subarray(0, 600));
    const { status, stdout, stderr } = await frameferry(["stats", cut, "--json"]);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^frameferry stats: .*cut\.pcap/);
    const all = JSON.parse(stdout.toString());
    expect(all.frames).toBeGreaterThan(0);
    expect(all.frames).toBe(all.conversations.pairs.frames);
    expect((await frameferry(["stats", import.meta.filename])).status).toBe(1);
  });

  test.each([
    [["--interval", "0"], "--interval: expected seconds from 0.000001 to 1000000000, got 0"],
    [["--interval", "soon"], '--interval: expected seconds from 0.000001 to 1000000000, got "soon"'],
    [["--top", "0"], '--top: expected a whole number from 1 to 65536, got "0"'],
  ])("refuses %o", async (args, message) => {
    const { status, stderr } = await frameferry(["stats", VXLAN, ...args]);
    expect({ status, stderr }).toEqual({
      status: 2,
      stderr: `frameferry stats: ${message} (frameferry stats --help tells more)\n`,
    });
  });
});

/** Names of layers as tshark has them; what is not here is called differently from case to case. */
const TSHARK: Readonly<Record<string, string>> = {
  ...{ ethernet: "eth", vlan: "vlan", ipv4: "ip", ipv6: "ipv6", arp: "arp", icmp: "icmp", icmpv6: "icmpv6" },
  ...{ udp: "udp", tcp: "tcp", vxlan: "vxlan", geneve: "geneve", gre: "gre", sll: "sll", null: "null" },
};

/** A few of the real captures that are read as tshark does, where they are at hand. */
const likeTshark = capturesLikeTshark
  // GRE of PPTP has another name here.
  .filter((path) => !path.includes("GrePackets"))
  .slice(0, 8)
  .map((path) => join(CAPTURES_FOLDER, path));

function tshark(file: string, statistic: string): string[] {
  const args = [
    "-r",
    file,
    "-q",
    "-z",
    statistic,
    "-o",
    "ip.defragment:FALSE",
    "-o",
    "ipv6.defragment:FALSE",
  ];
  return execFileSync("tshark", [...args, "-o", "tcp.desegment_tcp_streams:FALSE"], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  }).split("\n");
}

/** `frames:10 bytes:1368` of each path of protocols. */
function hierarchy(file: string): Map<string, Sum> {
  const rows = new Map<string, Sum>();
  const path: string[] = [];
  for (const line of tshark(file, "io,phs")) {
    const found = /^( *)(\S+) +frames:(\d+) bytes:(\d+)/.exec(line);
    if (found === null) continue;
    const [, indent = "", name = "", frames, bytes] = found;
    path.length = indent.length / 2;
    path.push(name);
    const inner = path.filter((part) => part !== "frame" && part !== "raw").join("/");
    // The dissector of tags of 802.1ad has a name of its own.
    rows.set(inner.replaceAll("ieee8021ad", "vlan"), { frames: Number(frames), bytes: Number(bytes) });
  }
  return rows;
}

describe.runIf(hasTshark)("tshark tells the same", () => {
  test.each(FIXTURES.filter((file) => !/gpe|vxlan-in-ipip/.test(file)))(
    "of sizes and conversations in %s",
    async (file) => {
      const all = await told(file);
      const sizes = tshark(file, "plen,tree").flatMap((line) => {
        const found = /^ *(\d+)-(\d*) +(\d+) /.exec(line);
        return found === null || found[3] === "0" ? [] : [[Number(found[1]), Number(found[3])]];
      });
      const classes = all.sizes.classes as { from: number; frames: number }[];
      expect(classes.filter(({ frames }) => frames > 0).map(({ from, frames }) => [from, frames])).toEqual(
        sizes,
      );
      // tshark counts a packet for each IP header, of which these have two at most.
      const found = new Map<string, number>();
      for (const { a, b, frames } of [
        ...all.conversations.pairs.entries,
        ...all.inTunnels.pairs.entries,
      ] as Conversation[]) {
        const ends = [a, b].sort().join(" ");
        found.set(ends, (found.get(ends) ?? 0) + frames);
      }
      const expected = new Map<string, number>();
      for (const statistic of ["conv,ip", "conv,ipv6"])
        for (const line of tshark(file, statistic)) {
          const [a, arrow, b, ...rest] = line.trim().split(/\s+/);
          if (arrow !== "<->") continue;
          // Frames and bytes of both directions, then of all; bytes have a unit behind them where they are many.
          const total = rest.filter((cell) => /^\d+$/.test(cell));
          expected.set([a, b].sort().join(" "), Number(total[4]));
        }
      expect(Object.fromEntries(found)).toEqual(Object.fromEntries(expected));
    },
  );

  test.each([...FIXTURES, ...likeTshark])("of layers in %s", async (file) => {
    const { protocols } = await told(file);
    const expected = hierarchy(file);
    let compared = 0;
    for (const { layers, frames, bytes } of protocols.rows as (Sum & { layers: string[] })[]) {
      const path = layers.map((name) => TSHARK[name]);
      if (path.includes(undefined)) continue;
      compared++;
      expect({ path, ...expected.get(path.join("/")) }, file).toEqual({ path, frames, bytes });
    }
    expect(compared > 0 || expected.size === 0 || file.includes("raw"), file).toBe(true);
  });
});
