// Filters of the command line: as a command of their own, and in front of the others.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CaptureWriter } from "frameferry/pcap";
import { dissect } from "frameferry/wire";
import { expect, test } from "vitest";
import { good } from "./captures-support.ts";
import { frameferry, recordsOf, temporaryFolder, VXLAN } from "./program.ts";

test("filter writes what matches, and says what it dropped", async () => {
  const out = join(temporaryFolder(), "out.pcap");
  const all = (await recordsOf(VXLAN)).length;
  const { stdout } = await good([
    "filter",
    VXLAN,
    "-o",
    out,
    "--json",
    "udp",
    "port",
    "4789",
    "and",
    "less",
    "60",
  ]);
  expect(JSON.parse(stdout)).toMatchObject({
    command: "filter",
    received: all,
    forwarded: 0,
    drops: { filtered: all },
  });
  expect(await recordsOf(out)).toEqual([]);
  await good(["filter", VXLAN, "-o", out, "vxlan 100 and icmp"]);
  // By the package's own codecs.
  const pings = (await recordsOf(VXLAN)).filter(({ data }) =>
    dissect(data).layers.some(({ name }) => name === "icmp"),
  );
  expect((await recordsOf(out)).map(({ data }) => data)).toEqual(pings.map(({ data }) => data));
  expect(pings.length).toBeGreaterThan(0);
  await good(["filter", VXLAN, "-o", out, "--scope", "text", "not", "vxlan", "100", "or", "udp"]);
  // In tcpdump's scope udp is asked of the passengers, of which there are none of that kind.
  expect((await recordsOf(out)).length).toBe(0);
});

test("--filter stands in front of what a command does", async () => {
  const out = join(temporaryFolder(), "out.pcap");
  const all = (await recordsOf(VXLAN)).length;
  const decap = await good(["decap", VXLAN, "-o", out, "--json", "--filter", "udp dst port 4789"]);
  expect(JSON.parse(decap.stdout)).toMatchObject({ forwarded: all, changed: all });
  const none = await good(["vlan", "push", VXLAN, "-o", out, "--vid", "5", "--json", "--filter", "arp"]);
  expect(JSON.parse(none.stdout)).toMatchObject({ forwarded: 0, changed: 0, drops: { filtered: all } });
  const shared = await good(["decap", VXLAN, "-o", out, "--json", "--workers", "2", "--filter", "ip"]);
  expect(JSON.parse(shared.stdout)).toMatchObject({ forwarded: all });
  const { stdout } = await good(["inspect", VXLAN, "--filter", "arp"]);
  expect(stdout).toBe("");
  const lines = (await good(["inspect", VXLAN, "--filter", "udp", "-n", "1"])).stdout.trim().split("\n");
  expect(lines.length).toBe(1);
});

test("filter takes several captures, a choice of their frames, and a folder, as the other commands do", async () => {
  const folder = temporaryFolder();
  const path = (name: string): string => join(folder, name);
  const all = await recordsOf(VXLAN);
  const write = (name: string, from: number): void =>
    writeFileSync(path(name), new CaptureWriter({ format: "pcap" }).write(all.slice(from, from + 5)));
  write("b.pcap", 0);
  write("a.pcap", 5);
  const both = [path("a.pcap"), path("b.pcap"), "--filter", "udp"];
  const times = async (name: string) => (await recordsOf(path(name))).map(({ timestamp }) => timestamp);
  const wanted = all.map(({ timestamp }) => timestamp);
  await good(["filter", ...both, "-o", path("time.pcapng")]);
  expect(await times("time.pcapng")).toEqual(wanted);
  const { stdout } = await good(["filter", ...both, "-o", path("given.pcap"), "--order", "given", "-q"]);
  expect([stdout, await times("given.pcap")]).toEqual(["", [...wanted.slice(5), ...wanted.slice(0, 5)]]);
  await good(["filter", ...both, "-o", path("first.pcapng"), "--first", "3"]);
  expect(await times("first.pcapng")).toEqual(wanted.slice(0, 3));
  mkdirSync(path("out"));
  await good(["filter", ...both, "-o", path("out")]);
  expect(await times("out/a.pcap")).toEqual(wanted.slice(5));
  await good([
    "filter",
    path("a.pcap"),
    "-o",
    path("a.pcap"),
    "--in-place",
    "--first",
    "1",
    "udp",
    "or",
    "arp",
  ]);
  expect(await times("a.pcap")).toEqual(wanted.slice(5, 6));
  // One filter alone, by either way.
  const told = await good(["filter", path("b.pcap"), "-o", path("x.pcap"), "--filter", "arp", "--json"]);
  expect(JSON.parse(told.stdout)).toMatchObject({ received: 5, forwarded: 0, drops: { filtered: 5 } });
  const wrong = await frameferry(["filter", ...both.slice(0, 2), "-o", path("x.pcap"), "--filter", "tcp 80"]);
  expect([wrong.status, wrong.stderr]).toEqual([2, expect.stringContaining("--filter: at 4: expected")]);
  expect((await good(["filter", "--explain", "--filter", "vlan 5"])).stdout).toBe("vlan 5\n");
});

test("frames of a link type that is not read match nothing, and that is said", async () => {
  const folder = temporaryFolder();
  const [path, out] = [join(folder, "mixed.pcapng"), join(folder, "out.pcapng")];
  const [ethernet, one] = [{ linkType: 1 }, { linkType: 147 }];
  const [first] = await recordsOf(VXLAN);
  const records = [
    { data: first!.data, timestamp: 0n, interface: ethernet },
    { data: first!.data.subarray(14), timestamp: 0n, interface: one },
  ];
  const note = "filters do not read frames of link type 147 (USER0): none matched\n";
  writeFileSync(path, new CaptureWriter({ format: "pcapng" }).write(records));
  expect((await good(["filter", path, "-o", out, "udp"])).stdout).toMatch(
    new RegExp(`\n  ${escaped(note)}$`),
  );
  expect((await good(["decap", path, "-o", out, "--filter", "udp"])).stdout).toContain(`\n  ${note}`);
  for (const how of [[], ["--count"], ["--json"]])
    expect((await good(["inspect", path, "--filter", "udp", ...how])).stderr).toBe(
      `frameferry inspect: ${note}`,
    );
  expect((await good(["filter", VXLAN, "-o", out, "arp"])).stdout).not.toContain("filters do not");
  expect((await good(["inspect", VXLAN, "--filter", "arp"])).stderr).toBe("");
});

test("raw IP is read behind no header at all, by the stage and record by record", async () => {
  const folder = temporaryFolder();
  const [path, out] = [join(folder, "raw.pcap"), join(folder, "out.pcap")];
  const [first] = await recordsOf(VXLAN);
  const record = { data: first!.data.subarray(14), timestamp: 0n, interface: { linkType: 101 } };
  writeFileSync(path, new CaptureWriter({ format: "pcap", linkType: 101 }).write([record]));
  await good(["filter", path, "-o", out, "udp port 4789"]);
  expect(await recordsOf(out)).toHaveLength(1);
  for (const [expression, frames] of [
    ["udp port 4789", 1],
    ["tcp", 0],
  ] as const) {
    const { stdout } = await good(["inspect", path, "--json", "--filter", expression]);
    expect(stdout.split("\n").filter((line) => line !== "")).toHaveLength(frames);
  }
});

const escaped = (text: string): string => text.replace(/[()]/g, "\\$&");

test("--explain prints the tree", async () => {
  const { stdout } = await good(["filter", "--explain", "vlan 5 and (host 10.0.0.1 or port 53)"]);
  expect(stdout).toBe("all of\n  vlan 5\n  any of\n    host 10.0.0.1\n    port 53\n");
});

test.each([
  [["filter", VXLAN, "-o", "out", "tcp", "80"], 'expression: at 4: expected and, or, or the end, got "80"'],
  [
    ["decap", VXLAN, "-o", "out", "--filter", "host ("],
    "--filter: at 6: expected an address, a number or a name, got the end",
  ],
  [["inspect", VXLAN, "--filter", "ip["], "--filter: at 3: expected a number, got the end"],
  [["filter", VXLAN, "ip"], "required option '-o, --output <OUT>' not specified"],
  [["filter", "-o", "out"], "missing required argument 'IN'"],
  [["filter", "--explain", "--scope", "or", "ip"], '--scope: expected and or text, got "or"'],
])("%j is bad usage", async (args, sentence) => {
  const { status, stderr } = await frameferry(args);
  expect(stderr).toContain(sentence);
  expect(status).toBe(2);
});
