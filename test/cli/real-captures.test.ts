// What the commands make of every real capture at hand, judged by the package's own codecs and by tshark.
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { CaptureWriter, frameOf } from "frameferry/pcap";
import { describe, expect, test } from "vitest";
import { ENCAP, good } from "./captures-support.ts";
import { captures, frameAndTime, hasTshark, QINQ, recordsOf, temporaryFolder, VXLAN } from "./program.ts";

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
      expect(lines.map(({ index, length, fcsLength }) => [index, length, fcsLength])).toEqual(
        before.map((record, i) => [i, frameOf(record).data.length, record.fcsLength || undefined]),
      );
      expect((await recordsOf(other)).length).toBeLessThanOrEqual(before.length);
      expect(decap).toMatchObject({ received: encap.forwarded, dropped: 0 });
      // Other link types, and frames too long for the outer length fields, cannot go into a tunnel; check sequences do not.
      const frames = before.map((record) => ({ ...record, ...frameOf(record) }));
      const fit = frames.filter(
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
    const read = (await Promise.all(files.map(recordsOf))).flat();
    const records = read.map((record) => ({ ...record, ...frameOf(record), fcsLength: 0 }));
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
    await good(["decap", out, "-o", out, "--in-place"]);
    expect(ask(out, ...problems)).toEqual(before);
    await good(["vlan", "push", all, "-o", out, "--vid", "9"]);
    expect(ask(out, ...problems)).toEqual(before);
    expect(new Set(ask(out, "-e", "vlan.id").map((ids) => ids.split(",")[0]))).toEqual(new Set(["9"]));
    await good(["vlan", "pop", out, "-o", out, "--in-place"]);
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
