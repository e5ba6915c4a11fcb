// Copies taken out of captures from the command line.
import { join } from "node:path";
import { expect, test } from "vitest";
import { good } from "./captures-support.ts";
import { frameferry, recordsOf, temporaryFolder, VXLAN } from "./program.ts";

test("dedup leaves one of two captures of the same", async () => {
  const out = join(temporaryFolder(), "out.pcapng");
  const { stdout } = await good(["dedup", VXLAN, VXLAN, "-o", out, "--json"]);
  const before = await recordsOf(VXLAN);
  expect(JSON.parse(stdout)).toMatchObject({
    command: "dedup",
    received: 2 * before.length,
    forwarded: before.length,
    drops: { duplicate: before.length },
  });
  expect((await recordsOf(out)).map(({ data }) => data)).toEqual(before.map(({ data }) => data));
});

test("a window that is none is bad usage", async () => {
  const { status, stderr } = await frameferry(["dedup", VXLAN, "-o", "x.pcap", "--window", "0"]);
  expect(stderr).toContain("--window: expected a whole number from 1 to 65536");
  expect(status).toBe(2);
});
