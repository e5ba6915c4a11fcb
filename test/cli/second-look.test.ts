// What decap says where it has taken nothing off: by a second look at the input, where that can be had.
import { spawnSync } from "node:child_process";
import { createWriteStream, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CaptureWriter } from "frameferry/pcap";
import { describe, expect, test } from "vitest";
import { good } from "./captures-support.ts";
import { CLI, frameferry, QINQ, recordsOf, start, temporaryFolder, VXLAN } from "./program.ts";

const SAID = "frameferry decap: nothing was taken off; what was there:\n";

describe("decap that takes nothing off", () => {
  test.skipIf(spawnSync("mkfifo", ["--version"]).status !== 0)(
    "of a named pipe says why, and ends",
    async () => {
      const folder = temporaryFolder();
      const [pipe, out] = [join(folder, "pipe"), join(folder, "out.pcap")];
      spawnSync("mkfifo", [pipe]);
      const { ended } = start(["decap", pipe, "-o", out, "--port", "1"]);
      createWriteStream(pipe).end(readFileSync(VXLAN));
      const { status, stderr } = await ended;
      expect([status, stderr]).toEqual([0, expect.stringMatching(`^${SAID}  10 not-tunnel: `)]);
    },
  );

  test("of an open pipe, of standard input and of a file under another name", async () => {
    const out = join(temporaryFolder(), "out.pcap");
    const script = `cat ${VXLAN} | "${process.execPath}" "${CLI}" decap /dev/fd/3 -o ${out} --port 1 3<&0`;
    const { status, stderr } = spawnSync("/bin/sh", ["-c", script], { encoding: "utf8" });
    expect([status, stderr]).toEqual([0, expect.stringMatching(`^${SAID}  10 not-tunnel: `)]);
    const piped = await frameferry(["decap", "-", "-o", out, "--port", "1"], readFileSync(VXLAN));
    expect(piped.stderr).toMatch(new RegExp(`^${SAID}  10 not-tunnel: `));
    const file = spawnSync(process.execPath, [CLI, "decap", "/dev/fd/3", "-o", out, "--port", "1"], {
      stdio: ["ignore", "ignore", "pipe", openSync(VXLAN, "r")],
    });
    expect(file.stderr.toString()).toContain("--kind vxlan opens it");
  });

  test("of a damaged capture ends as damage does", async () => {
    const folder = temporaryFolder();
    const [input, out] = [join(folder, "in.pcap"), join(folder, "out.pcap")];
    writeFileSync(input, readFileSync(VXLAN).subarray(0, -10));
    const { status, stderr } = await frameferry(["decap", input, "-o", out, "--port", "1"]);
    expect(status).toBe(1);
    expect(stderr).toContain(SAID);
    expect(stderr).toContain("9 not-tunnel");
    expect(stderr).toMatch(
      /in\.pcap: byte \d+: the file ends .*; everything before has been worked on and written\n$/,
    );
  });

  test("says nothing with -q, nor of an input that is not there any more", async () => {
    const out = join(temporaryFolder(), "out.pcap");
    expect((await good(["decap", VXLAN, "-o", out, "--port", "1", "-q"])).stderr).toBe("");
    writeFileSync(out, readFileSync(VXLAN));
    expect((await good(["decap", out, "-o", out, "--in-place", "--port", "1"])).stderr).toBe("");
    expect(await recordsOf(out)).toEqual([]);
  });

  test("looks at what was chosen, and says nothing if nothing came", async () => {
    const folder = temporaryFolder();
    const [mixed, out] = [join(folder, "mixed.pcap"), join(folder, "out.pcap")];
    const records = [...(await recordsOf(VXLAN)), ...(await recordsOf(QINQ)).slice(0, 1)];
    writeFileSync(mixed, new CaptureWriter({ format: "pcap" }).write(records));
    const args = ["decap", mixed, "-o", out, "--port", "1"];
    expect((await good([...args, "--filter", "arp"])).stderr).toBe("");
    expect((await good([...args, "--from", "2100-01-01"])).stderr).toBe("");
    const one = await good([...args, "--filter", "not udp"]);
    expect(one.stderr).toMatch(
      new RegExp(`^${SAID}  1 times ethernet/vlan/vlan[^\\n]*\n  1 not-tunnel: [^\\n]*\n$`),
    );
    const three = await good([...args, "--first", "3"]);
    expect(
      [...three.stderr.matchAll(/(\d+) times/g)].reduce((sum, [, count]) => sum + Number(count), 0),
    ).toBe(3);
  });
});
