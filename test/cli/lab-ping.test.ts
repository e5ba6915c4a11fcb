// frameferry lab ping, run as people run it: the journey of a hello, and what the exit code says of it.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { example, topologyFile } from "./lab-support.ts";
import { frameferry, temporaryFolder } from "./program.ts";

/** Tenants who do not meet: one of `stranger` has an address of another range, one of `near` an address of the same. */
const VPCS = [
  { name: "a", cidr: "172.20.0.0/24", machines: [{ name: "one", ip: "172.20.0.1" }, { name: "two" }] },
  { name: "b", cidr: "172.30.0.0/24", machines: [{ name: "stranger", ip: "172.30.0.1" }] },
  { name: "c", cidr: "172.20.0.0/24", machines: [{ name: "near", ip: "172.20.0.99" }] },
];

describe("frameferry lab ping", () => {
  it("shows every wrap and unwrap, with sizes", async () => {
    const { status, stdout } = await frameferry([
      "lab",
      "ping",
      example("pods-in-vpcs"),
      "shop-web",
      "shop-db",
    ]);
    expect(status).toBe(0);
    const lines = stdout.toString().split("\n");
    expect(lines.filter((line) => /^\d\. /.test(line))).toEqual([
      "1. shop-web → shop-node-1, 98 bytes",
      "2. shop-node-1 → host-1, 148 bytes: shop-node-1 has wrapped it in VXLAN 1",
      "3. host-1 → underlay, 198 bytes: host-1 has wrapped it in VXLAN 1234",
      "4. underlay → host-2, 198 bytes: switched",
      "5. host-2 → shop-node-2, 148 bytes: host-2 has taken VXLAN 1234 off",
      "6. shop-node-2 → shop-db, 98 bytes: shop-node-2 has taken VXLAN 1 off",
      "1. shop-db → shop-node-2, 98 bytes",
      "2. shop-node-2 → host-2, 148 bytes: shop-node-2 has wrapped it in VXLAN 1",
      "3. host-2 → underlay, 198 bytes: host-2 has wrapped it in VXLAN 1234",
      "4. underlay → host-1, 198 bytes: switched",
      "5. host-1 → shop-node-1, 148 bytes: host-1 has taken VXLAN 1234 off",
      "6. shop-node-1 → shop-web, 98 bytes: shop-node-1 has taken VXLAN 1 off",
    ]);
    const boxes = lines.filter((line) => /^[┌│└]/.test(line));
    expect(new Set(boxes.map((line) => line.length))).toEqual(new Set([78]));
    expect(boxes.filter((line) => line.includes("┌─ passenger, and carrier of the next"))).toHaveLength(1);
  });

  it("draws four wraps in boxes that hold", async () => {
    const { stdout } = await frameferry(["lab", "ping", example("four-wraps"), "pod-1", "pod-2"]);
    const lines = stdout.toString().split("\n");
    let width = 0;
    for (const line of lines) {
      if (line.startsWith("┌")) width = line.length;
      if (/^[┌│└]/.test(line)) expect(line.length).toBe(width);
    }
    expect(Math.max(...lines.map((line) => line.split("┌").length + line.split("│").length))).toBeGreaterThan(
      16,
    );
  });

  it("says so if nobody answers, or the wrong one", async () => {
    const json = async (from: string, to: string, code = 0): Promise<Record<string, unknown>> => {
      const { status, stdout } = await frameferry(["lab", "ping", example("vpc"), from, to, "--json"]);
      expect(status).toBe(code);
      return JSON.parse(stdout.toString());
    };
    expect(await json("orange-1", "blue-1", 1)).toMatchObject({ replies: 0, reached: false, hops: [] });
    expect(await json("orange-1", "twin-3", 1)).toMatchObject({ replies: 1, reached: false });
    const good = await json("orange-1", "orange-3");
    expect(good).toMatchObject({ command: "lab ping", replies: 1, reached: true });
    const hops = good.hops as { leg: string; bytes: number; parts: { role: string; vni?: number }[] }[];
    expect(hops.map(({ leg, bytes }) => [leg, bytes])).toEqual([
      ...[98, 148, 148, 98].map((bytes) => ["request", bytes]),
      ...[98, 148, 148, 98].map((bytes) => ["reply", bytes]),
    ]);
    expect(hops[1]?.parts).toMatchObject([
      { role: "carrier" },
      { role: "tunnel", vni: 1234 },
      { role: "passenger" },
    ]);
  });

  it("exits with 1 if not one answer comes, and says so in one line", async () => {
    const folder = temporaryFolder();
    const file = topologyFile({ hosts: [{ name: "h" }], vpcs: VPCS }, folder);
    for (const [to, why] of [
      ["stranger", "no route, says 172.20.0.1"],
      ["near", "nobody has the next address, says 172.20.0.1"],
    ] as const) {
      const captures = join(folder, to);
      const { status, stdout, stderr } = await frameferry([
        "lab",
        "ping",
        file,
        "one",
        to,
        "--pcap",
        captures,
      ]);
      expect([status, stderr]).toEqual([1, ""]);
      expect(stdout.toString().split("\n")[0]).toBe(`${file}: one says hello to ${to}: no answer: ${why}`);
      // What it was asked to write is there all the same.
      expect(readdirSync(captures)).toContain("one--h.one.pcapng");
    }
    const { status } = await frameferry(["lab", "ping", file, "one", "two"]);
    expect(status).toBe(0);
  });

  it("exits with 2 for arguments that cannot be", async () => {
    for (const args of [
      [example("vpc"), "orange-1"],
      [example("vpc"), "nobody", "orange-1"],
      [example("vpc"), "orange-1", "host-1"],
      [example("vpc"), "orange-1", "172.20.6.36"],
      [example("vpc"), "orange-1", "blue-1", "orange-2"],
      [example("vpc"), "orange-1", "blue-1", "--count", "2"],
    ]) {
      const { status, stdout, stderr } = await frameferry(["lab", "ping", ...args]);
      expect([status, stdout.toString()]).toEqual([2, ""]);
      expect(stderr).toMatch(/^frameferry lab ping: [^\n]+\n$/);
    }
  });
});
