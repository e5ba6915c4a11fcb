// Which captures a command reads and writes: several at once, a folder, parts in time, packed ones, and what it refuses.
import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { CaptureWriter, type RecordDescription } from "frameferry/pcap";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { frame, pcapRecord, section } from "../pcap/capture-bytes.ts";
import { simple } from "../support/capture-corpus.ts";
import { CLI, frameferry, recordsOf, VXLAN } from "./program.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "frameferry-choices-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const path = (name: string): string => join(folder, name);
const SECOND = 1_000_000_000n;
const START = 1_700_000_000n * SECOND;

/** A capture of frames at these seconds. */
function capture(name: string, seconds: readonly number[], more: Partial<RecordDescription> = {}): string {
  const format = name.endsWith("g") ? "pcapng" : "pcap";
  const records = seconds.map((second) => ({
    data: frame(60, second),
    timestamp: START + BigInt(second) * SECOND,
    ...more,
  }));
  const writer = new CaptureWriter({ format });
  writeFileSync(path(name), Buffer.concat([writer.write(records), writer.finish()]));
  return path(name);
}

async function good(args: readonly string[], input?: Uint8Array) {
  const outcome = await frameferry(args, input);
  expect(outcome.status, outcome.stderr).toBe(0);
  return outcome;
}
const secondsOf = async (name: string) =>
  (await recordsOf(path(name))).map(({ timestamp }) => Number((timestamp! - START) / SECOND));
const POP = ["vlan", "pop"];

describe("several captures", () => {
  test("are put in order of time, or one behind the other", async () => {
    const wan = { name: "wan", linkType: 101 };
    const inputs = [
      capture("a.pcap", [1, 4, 5, 9]),
      capture("b.pcapng", [2, 3, 10], { interface: wan }),
      capture("c.pcap", [4, 6]),
    ];
    await good([...POP, ...inputs, "-o", path("merged.pcapng")]);
    expect(await secondsOf("merged.pcapng")).toEqual([1, 2, 3, 4, 4, 5, 6, 9, 10]);
    const records = await recordsOf(path("merged.pcapng"));
    expect(records.map(({ interface: seenOn }) => seenOn.linkType)).toEqual([
      1, 101, 101, 1, 1, 1, 1, 1, 101,
    ]);
    expect(records[1]!.interface.name).toBe("wan");
    await good([...POP, ...inputs, "-o", path("given.pcapng"), "--order", "given", "--workers", "2"]);
    expect(await secondsOf("given.pcapng")).toEqual([1, 4, 5, 9, 2, 3, 10, 4, 6]);
    const { stdout } = await good([...POP, ...inputs, "-o", path("merged.pcap"), "--json"]);
    // Of the pcap that comes out the first frame's interface says the type.
    expect(JSON.parse(stdout.toString())).toMatchObject({
      input: inputs,
      received: 9,
      drops: { "other-link-type": 3 },
      linkTypes: [1, 101],
    });
  });

  test("of which one is damaged: the others, and what lies before the damage, are worked on", async () => {
    const whole = capture("whole.pcap", [1, 3]);
    const broken = capture("broken.pcap", [2, 4, 5]);
    writeFileSync(broken, readFileSync(broken).subarray(0, -10));
    const outcome = await frameferry([...POP, whole, broken, "-o", path("rest.pcapng")]);
    expect(outcome.status).toBe(1);
    expect(outcome.stderr).toMatch(
      /broken\.pcap: .*ends.*; everything before has been worked on and written\n$/,
    );
    expect(await secondsOf("rest.pcapng")).toEqual([1, 2, 3, 4]);
  });

  test("frames without a time are left out, and that is said", async () => {
    writeFileSync(
      path("timeless.pcapng"),
      Buffer.concat([
        section(false),
        Buffer.from("0100000014000000010000000000000014000000", "hex"),
        simple(false, frame(60)),
      ]),
    );
    const { stderr } = await good([
      ...POP,
      path("timeless.pcapng"),
      capture("timed.pcap", [1]),
      "-o",
      path("t.pcapng"),
    ]);
    expect(stderr).toBe("frameferry: 1 frames left out: they have no time to choose or order them by\n");
    expect(await secondsOf("t.pcapng")).toEqual([1]);
  });

  test("into a folder each becomes a file of its name", async () => {
    mkdirSync(path("out"));
    const inputs = [capture("one.pcap", [1]), capture("two.pcapng", [2])];
    const { stdout } = await good([...POP, ...inputs, "-o", path("out"), "--json"]);
    expect(
      stdout
        .toString()
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line).output),
    ).toEqual([path("out/one.pcap"), path("out/two.pcapng")]);
    expect(await secondsOf("out/two.pcapng")).toEqual([2]);
    mkdirSync(path("elsewhere"));
    copyFileSync(path("one.pcap"), path("elsewhere/one.pcap"));
    const twice = await frameferry([...POP, path("one.pcap"), path("elsewhere/one.pcap"), "-o", path("out")]);
    expect([twice.status, twice.stderr]).toEqual([2, expect.stringContaining("would both become")]);
    writeFileSync(path("bad.pcap"), "no capture");
    const mixed = await frameferry([...POP, path("bad.pcap"), path("one.pcap"), "-o", path("out"), "-q"]);
    expect([mixed.status, mixed.stdout.toString()]).toEqual([1, ""]);
    expect(mixed.stderr).toMatch(/^frameferry vlan pop: .*bad\.pcap: byte 0: neither pcap nor pcapng.*\n$/);
    expect(await secondsOf("out/one.pcap")).toEqual([1]);
  });
});

describe("parts of a capture", () => {
  test.each([
    [
      ["--from", "1700000003"],
      [3, 4, 5, 6],
    ],
    [
      ["--to", "1700000003"],
      [1, 2],
    ],
    [
      ["--from", "2023-11-14T22:13:22Z", "--to", "2023-11-14 22:13:25"],
      [2, 3, 4],
    ],
    [
      ["--from", "2023-11-14T23:13:22.5+01:00"],
      [3, 4, 5, 6],
    ],
    [
      ["--first", "2"],
      [1, 2],
    ],
    [
      ["--from", "1700000002.000000001", "--first", "2"],
      [3, 4],
    ],
    [["--from", "2024-02-29"], []],
    [
      ["--from", "2023-11-15T00:13:23+02:00"],
      [3, 4, 5, 6],
    ],
  ])("%s", async (args, seconds) => {
    for (const name of ["part.pcap", "part.pcapng"]) {
      const input = capture(name, [1, 2, 3, 4, 5, 6]);
      await good([...POP, input, "-o", path(`cut-${name}`), ...args]);
      expect(await secondsOf(`cut-${name}`)).toEqual(seconds);
      const { stdout } = await good(["count", input, "--by", "vid", ...args]);
      expect(stdout.toString()).toContain(`${seconds.length} frames`);
    }
  });

  test.each([
    [["--from", "yesterday"], /--from: expected a time such as/],
    [["--from", "2026-02-31"], /--from: expected a time such as .*, got "2026-02-31"/],
    [["--to", "2025-02-29T12:00:00Z"], /--to: expected a time such as/],
    [["--to", "2026-04-31 12:00:00+14:00"], /--to: expected a time such as/],
    [["--to", "2026-13-01"], /--to: expected a time such as/],
    [["--from", "2026-01-01T25:00"], /--from: expected a time such as/],
    [["--first", "0"], /--first: /],
    [["--order", "random"], /--order: /],
  ])("%s cannot be", async (args, message) => {
    const outcome = await frameferry([...POP, VXLAN, "-o", path("never.pcap"), ...args]);
    expect([outcome.status, outcome.stderr]).toEqual([2, expect.stringMatching(message)]);
  });
});

describe("packed captures", () => {
  test("are read whatever their name, and written by it", async () => {
    const plain = capture("plain.pcap", [1, 2, 3]);
    writeFileSync(path("packed.dat"), gzipSync(readFileSync(plain)));
    await good([...POP, path("packed.dat"), "-o", path("un.pcap")]);
    expect(readFileSync(path("un.pcap")).equals(readFileSync(plain))).toBe(true);
    await good([...POP, plain, "-o", path("re.pcapng.gz"), "--workers", "2"]);
    expect(gunzipSync(readFileSync(path("re.pcapng.gz"))).readUInt32LE(0)).toBe(0x0a0d0d0a);
    expect((await good(["inspect", path("re.pcapng.gz")])).stdout.toString().split("\n").length).toBe(4);
    const piped = await good([...POP, "-", "-o", "-"], gzipSync(readFileSync(plain)));
    expect(piped.stdout.equals(readFileSync(plain))).toBe(true);
    // Several members one behind the other are one stream (RFC 1952).
    const half = readFileSync(plain).subarray(0, 100);
    writeFileSync(
      path("two.gz"),
      Buffer.concat([gzipSync(half), gzipSync(readFileSync(plain).subarray(100))]),
    );
    await good([...POP, path("two.gz"), "-o", path("two.pcap")]);
    expect(readFileSync(path("two.pcap")).equals(readFileSync(plain))).toBe(true);
  });

  test("that are cut short or damaged are worked on up to there", async () => {
    const large = path("large.pcap");
    const head = readFileSync(capture("head.pcap", [])).subarray(0, 24);
    const records = Array.from({ length: 3000 }, (_, i) =>
      pcapRecord(false, i, 0, frame(200, (i * i) % 251)),
    );
    writeFileSync(large, Buffer.concat([head, ...records]));
    const packed = gzipSync(readFileSync(large));
    writeFileSync(path("short.gz"), packed.subarray(0, packed.length - 20));
    const outcome = await frameferry([...POP, path("short.gz"), "-o", path("short.pcap")]);
    expect(outcome.status).toBe(1);
    expect(outcome.stderr).toMatch(
      /short\.gz: .*gzip stream around the capture is damaged or cut short.*worked on and written\n$/,
    );
    expect((await recordsOf(path("short.pcap"))).length).toBeGreaterThan(1000);
    writeFileSync(path("no.gz"), Uint8Array.of(0x1f, 0x8b, 8, 0, 1, 2, 3, 4, 5, 6));
    const none = await frameferry([...POP, path("no.gz"), "-o", path("no.pcap")]);
    expect([none.status, none.stderr]).toEqual([1, expect.stringContaining("no.gz: ")]);
  });
});

describe("what is not written over", () => {
  test("a capture that is read, unless that is said", async () => {
    const own = capture("own.pcap", [1]);
    const before = readFileSync(own);
    symlinkSync("own.pcap", path("alias.pcap"));
    for (const output of [own, path("alias.pcap")]) {
      const outcome = await frameferry([...POP, own, "-o", output]);
      expect([outcome.status, outcome.stderr]).toEqual([
        2,
        expect.stringMatching(/--output: .*own\.pcap is what is read: say --in-place/),
      ]);
    }
    const other = capture("other.pcap", [2]);
    const two = await frameferry([...POP, own, other, "-o", own, "--in-place"]);
    expect([two.status, two.stderr]).toEqual([
      2,
      expect.stringMatching(/own\.pcap is .*own\.pcap, which is read/),
    ]);
    const inFolder = await frameferry([...POP, own, "-o", folder]);
    expect(inFolder.status).toBe(2);
    expect(readFileSync(own).equals(before)).toBe(true);
    await good([...POP, own, "-o", own, "--in-place"]);
    expect(await secondsOf("own.pcap")).toEqual([1]);
  });

  test.skipIf(spawnSync("script", ["--version"]).status !== 0)("a terminal", () => {
    const command = `${process.execPath} ${CLI} vlan pop ${VXLAN} -o -`;
    const { status, stdout } = spawnSync("script", ["-qec", command, "/dev/null"], { encoding: "latin1" });
    expect(status).toBe(2);
    expect(stdout).toMatch(/--output: standard output is a terminal/);
    expect(stdout.length).toBeLessThan(400);
  });
});

describe("what the summary tells", () => {
  test("link types that are not opened, by number and name", async () => {
    const usb = capture("usb.pcapng", [1, 2], { interface: { linkType: 189 } });
    const { stdout } = await good(["decap", usb, "-o", path("usb-out.pcapng")]);
    expect(stdout.toString()).toContain(
      "link-type  2  from an interface of a link type that is not opened here",
    );
    expect(stdout.toString()).toContain(
      "not opened: link type 189 (USB_LINUX); --keep-others keeps such frames",
    );
  });

  test("check sequences that a pcap cannot declare", async () => {
    const plain = capture("fcs.pcapng", [1, 2], { interface: { fcsLength: 4 } });
    const { stdout } = await good(["decap", plain, "-o", path("fcs.pcap"), "--keep-others"]);
    expect(stdout.toString()).toMatch(/without FCS\s+2\s+check sequences left out: a pcap declares one/);
  });

  test("-q tells nothing", async () => {
    const { stdout, stderr } = await good([...POP, VXLAN, "-o", path("quiet.pcap"), "-q"]);
    expect([stdout.toString(), stderr]).toEqual(["", ""]);
  });
});
