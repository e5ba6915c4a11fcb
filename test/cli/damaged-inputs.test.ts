// Inputs that are no captures, or not to their end: whatever is chosen of them, no sound output is made of what is none, nothing
// is lost in place, and programs are told what people are.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import zlib from "node:zlib";
import { CaptureWriter } from "frameferry/pcap";
import { describe, expect, test } from "vitest";
import { frame } from "../pcap/capture-bytes.ts";
import { frameferry, recordsOf, temporaryFolder } from "./program.ts";

const GIGA = 1_000_000_000n;

/** A folder in which captures are made of frames at these seconds. */
function workplace() {
  const folder = temporaryFolder();
  const path = (name: string): string => join(folder, name);
  return {
    folder,
    path,
    /** Of the last record so many bytes are cut. */
    capture(name: string, seconds: readonly number[], cut = 0): string {
      const writer = new CaptureWriter({ format: name.endsWith("g") ? "pcapng" : "pcap" });
      const records = seconds.map((at) => ({ data: frame(60, at), timestamp: BigInt(at) * GIGA }));
      const bytes = Buffer.concat([writer.write(records), writer.finish()]);
      writeFileSync(path(name), bytes.subarray(0, bytes.length - cut));
      return path(name);
    },
    text(name: string): string {
      writeFileSync(path(name), "this is no capture at all, though long enough to be one");
      return path(name);
    },
    seconds: async (name: string) =>
      (await recordsOf(path(name))).map(({ timestamp }) => Number(timestamp! / GIGA)),
  };
}

const POP = ["vlan", "pop"];
const CHOICES = [
  ["--first", "3"],
  ["--from", "1"],
  ["--to", "2030-01-01"],
];
const ALL_OR_SOME: [string, readonly string[]][] = [[], ...CHOICES].map((words) => [
  words.join(" ") || "all chosen",
  words,
]);

describe("what is no capture", () => {
  test.each(ALL_OR_SOME)("becomes none with %s", async (_, choice) => {
    const { folder, path, text } = workplace();
    const input = text("notes.txt");
    for (const workers of ["0", "2"]) {
      const outcome = await frameferry([
        ...[...POP, input, "-o", path("out.pcap"), "--workers", workers],
        ...choice,
      ]);
      expect(outcome.status).toBe(1);
      expect(outcome.stderr).toBe(
        `frameferry vlan pop: ${input}: byte 0: neither pcap nor pcapng: the file starts with 74686973\n`,
      );
    }
    expect(readdirSync(folder)).toEqual(["notes.txt"]);
  });

  test("stays what it is with --in-place", async () => {
    const { text } = workplace();
    const input = text("notes.txt");
    const before = readFileSync(input);
    for (const choice of [[], ...CHOICES]) {
      const outcome = await frameferry([...POP, input, "-o", input, "--in-place", ...choice]);
      expect(outcome.status).toBe(1);
      expect(readFileSync(input).equals(before)).toBe(true);
    }
  });

  test("nothing is made of several that are none, and of others among them they are left out", async () => {
    const { path, text, capture, seconds } = workplace();
    const [one, two, sound] = [text("one"), text("two"), capture("sound.pcap", [1, 2])];
    for (const order of ["time", "given"]) {
      const none = await frameferry([...POP, one, two, "-o", path("none.pcapng"), "--order", order]);
      expect([none.status, none.stderr]).toEqual([1, expect.stringMatching(/\/one: byte 0: [^;]*\n$/)]);
      expect(() => readFileSync(path("none.pcapng"))).toThrow("ENOENT");
      const some = await frameferry([
        ...[...POP, one, sound, two, "-o", path("some.pcapng"), "--order", order, "--json"],
      ]);
      expect([some.status, some.stderr]).toEqual([1, expect.stringMatching(/\/one: byte 0: [^;]*\n$/)]);
      expect(await seconds("some.pcapng")).toEqual([1, 2]);
      expect(JSON.parse(some.stdout.toString())).toMatchObject({
        input: [one, sound, two],
        inputFormat: [null, "pcap", null],
        outputFormat: "pcapng",
        damage: { input: one, offset: 0, reason: expect.stringContaining("neither pcap nor pcapng") },
      });
    }
  });
});

describe("a damaged capture", () => {
  test("does not take the place of what it was", async () => {
    const { folder, capture } = workplace();
    const input = capture("in.pcap", [1, 2, 3], 10);
    const before = readFileSync(input);
    for (const more of [[], ["--workers", "2"], ...CHOICES.slice(1), ["--first", "9"]]) {
      const outcome = await frameferry([...POP, input, "-o", input, "--in-place", ...more]);
      expect(outcome.status).toBe(1);
      expect(outcome.stderr).toMatch(
        /^frameferry vlan pop: .*in\.pcap: byte 176: the file ends 66 bytes into a record, .*; it has been left as it was\n$/,
      );
      expect([outcome.stdout.toString(), readFileSync(input).equals(before)]).toEqual(["", true]);
    }
    // What lies behind the last frame that is wanted is not looked at.
    expect((await frameferry([...POP, input, "-o", input, "--in-place", "--first", "2"])).status).toBe(0);
    expect(readFileSync(input).equals(before.subarray(0, 176))).toBe(true);
    expect(readdirSync(folder)).toEqual(["in.pcap"]);
  });

  test("packed, does not either", async () => {
    const { capture, path } = workplace();
    const packed = zlib.gzipSync(readFileSync(capture("in.pcap", [1, 2, 3])));
    const input = path("in.pcap.gz");
    writeFileSync(input, packed.subarray(0, -6));
    const outcome = await frameferry([...POP, input, "-o", input, "--in-place"]);
    expect([outcome.status, outcome.stderr]).toEqual([
      1,
      expect.stringMatching(/it has been left as it was/),
    ]);
    expect(readFileSync(input).equals(packed.subarray(0, -6))).toBe(true);
  });

  test.each(ALL_OR_SOME)("is told of as JSON with %s", async (_, choice) => {
    const { path, capture, seconds } = workplace();
    const input = capture("in.pcap", [1, 2, 3], 10);
    const damage = { input, offset: 176, reason: expect.stringContaining("the file ends") };
    for (const workers of ["0", "2"]) {
      const args = ["--json", "--workers", workers, ...choice];
      const popped = await frameferry([...POP, input, "-o", path("out.pcap"), ...args]);
      expect(popped.status).toBe(1);
      expect(JSON.parse(popped.stdout.toString())).toMatchObject({ inputFormat: "pcap", damage });
      expect(await seconds("out.pcap")).toEqual([1, 2]);
      const counted = await frameferry(["count", input, "--by", "vid", ...args]);
      expect([counted.status, JSON.parse(counted.stdout.toString())]).toMatchObject([
        1,
        { received: 2, damage },
      ]);
    }
  });

  test("is told of by its name among several, whose formats are told, too", async () => {
    const { path, capture } = workplace();
    const inputs = [capture("a.pcap", [1]), capture("b.pcapng", [2, 4], 8), capture("c.pcap", [3])];
    const damage = { input: inputs[1], offset: expect.any(Number), reason: expect.any(String) };
    const popped = await frameferry([...POP, ...inputs, "-o", path("out.pcap"), "--json"]);
    expect(JSON.parse(popped.stdout.toString())).toMatchObject({
      inputFormat: ["pcap", "pcapng", "pcap"],
      outputFormat: "pcap",
      damage,
    });
    const counted = await frameferry(["count", ...inputs, "--by", "vid", "--json"]);
    expect(JSON.parse(counted.stdout.toString())).toMatchObject({
      inputFormat: ["pcap", "pcapng", "pcap"],
      damage,
    });
    const told = await frameferry(["count", inputs[0]!, inputs[2]!, "--by", "vid"]);
    expect(told.stdout.toString()).toMatch(/a\.pcap and 1 more \(pcap\), 2 frames:/);
  });

  test("ends where a time cannot be, though sound frames come behind", async () => {
    const { path, capture, seconds } = workplace();
    // pcapng, whose times may be before 1970.
    const writer = new CaptureWriter({ format: "pcapng" });
    const early = { offsetSeconds: -1_000_000n };
    const records = [2, 3, -5, 4].map((at) => ({
      data: frame(60, 1),
      timestamp: BigInt(at) * GIGA,
      ...(at < 0 && { interface: early }),
    }));
    writeFileSync(path("early.pcapng"), writer.write(records));
    for (const order of ["time", "given"]) {
      const outcome = await frameferry([
        ...[...POP, path("early.pcapng"), capture("b.pcap", [1, 9]), "-o", path("out.pcapng")],
        ...["--order", order],
      ]);
      expect([outcome.status, outcome.stderr]).toEqual([
        1,
        expect.stringMatching(/early\.pcapng: byte \d+: the time of frame 2 lies before 1970/),
      ]);
      expect((await seconds("out.pcapng")).sort()).toEqual([1, 2, 3, 9]);
    }
  });
});

test.skipIf("createZstdDecompress" in zlib)(
  "zstd where Node has none: named, and no fault of usage",
  async () => {
    const { path, capture, folder } = workplace();
    const packed = path("in.pcap");
    writeFileSync(packed, Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 1, 2, 3, 4));
    const sound = capture("sound.pcap", [1]);
    const sentence = `${packed}: this platform has no zstd (Node has it from 22.15 and 23.8 on): unpack it first\n`;
    mkdirSync(path("out"));
    for (const args of [
      [...POP, packed, "-o", path("out.pcap")],
      [...POP, packed, "-o", path("out.pcap"), "--first", "1"],
      [...POP, sound, packed, "-o", path("out")],
      [...POP, sound, packed, "-o", path("joined.pcapng")],
      ["inspect", packed],
      ["count", packed, "--by", "vid"],
    ]) {
      const { status, stderr } = await frameferry(args);
      expect([status, stderr]).toEqual([1, expect.stringContaining(`: ${sentence}`)]);
    }
    expect(readdirSync(path("out"))).toEqual(["sound.pcap"]);
    const written = await frameferry([...POP, sound, "-o", path("out.pcap.zst")]);
    expect([written.status, written.stderr]).toEqual([
      2,
      expect.stringMatching(/^frameferry vlan pop: --output: this platform has no zstd .*write gzip/),
    ]);
    expect(readdirSync(folder)).not.toContain("out.pcap");
  },
);
