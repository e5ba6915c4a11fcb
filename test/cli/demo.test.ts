import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { run } from "../support/run-program.ts";
import { frameAndTime, frameferry, hasTshark, recordsOf, temporaryFolder, VXLAN } from "./program.ts";

const TENANTS = ["orange", "blue"] as const;

test("the demo lets two tenants and their pods talk on shared hosts, and shows that they do not meet", async () => {
  const folder = join(temporaryFolder(), "a/b");
  const { status, stdout, stderr } = await frameferry(["demo", "-o", folder]);
  expect([status, stderr]).toEqual([0, ""]);
  const text = stdout.toString();
  for (const step of ["1. ", "2. ", "3. ", "4. "]) expect(text).toContain(`\n${step}`);
  expect(text).toContain("1. Hello from orange-web to orange-db on the other host: answered in 0.012 ms\n");
  expect(text).toMatch(/host-1 → underlay +198 {2}1234, 1\n/);
  expect(text).toMatch(/ 5 {2}orange-web +no +no +no +no +- +yes +no +no\n/);
  expect(text).toMatch(/ 2 workers +[\d.]+ million\/s {2}300,000 frames of 198 bytes\n/);
  for (const line of text.split("\n").filter((line) => line !== `   ${folder}`))
    expect(line.length, line).toBeLessThan(90);
  expect(titlesOf(text)).toEqual([
    "carrier 198",
    "tunnel 156",
    "passenger, and carrier of the next 148",
    "tunnel 106",
    "passenger 98",
  ]);
  expect(readFileSync(join(folder, "overlay.pcap"))).toEqual(readFileSync(VXLAN));
  expect(readdirSync(folder)).toHaveLength(15);
});

test("--json has the journey with the capture of each hop, and what arrived where", async () => {
  const { status, stdout } = await frameferry(["demo", "--json", "-o", temporaryFolder()]);
  expect(status).toBe(0);
  const { command, machines, hello, reach, tenants, wire, captures, overlay, throughput } = JSON.parse(
    stdout.toString(),
  );
  expect([command, hello.from, hello.to, hello.reached]).toEqual(["demo", "orange-web", "orange-db", true]);
  const vnis = [[], [1], [1234, 1], [1234, 1], [1], []];
  expect(hello.hops.map((hop: { vnis: number[] }) => hop.vnis)).toEqual(vnis);
  for (const [index, { capture, bytes }] of hello.hops.entries()) {
    const { stdout: lines } = await frameferry(["inspect", capture, "--json"]);
    const frames = lines
      .toString()
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line));
    expect(frames).toContainEqual(expect.objectContaining({ vnis: vnis[index], length: bytes }));
  }
  // The same MACs in both, and the pods' addresses: their names are all that tells them apart.
  const [orange, blue] = TENANTS.map((tenant) =>
    machines.filter(({ name }: { name: string }) => name.startsWith(tenant)),
  );
  const macs = (of: { mac: string }[]): string[] => of.map(({ mac }) => mac);
  const pods = (of: { name: string; ip: string }[]): string[] =>
    of.filter(({ name }) => !name.includes("-vm-")).map(({ ip }) => ip);
  expect(macs(orange)).toEqual(macs(blue));
  expect(pods(orange)).toEqual(pods(blue));
  expect(pods(orange)).toHaveLength(2);
  for (const [from, row] of Object.entries<Record<string, boolean>>(reach)) {
    for (const [to, reached] of Object.entries(row)) {
      const friends = [/-vm-/, /-(web|db)$/].some((kind) => kind.test(from) && kind.test(to));
      expect([from, to, reached]).toEqual([from, to, friends && from.split("-")[0] === to.split("-")[0]]);
    }
  }
  for (const { own, others } of tenants) expect([own > 0, others]).toEqual([true, 0]);
  expect(Object.keys(wire).sort()).toEqual(["1234", "1234/1", "5678", "5678/1"]);
  for (const path of [...captures, overlay]) expect(existsSync(path)).toBe(true);
  expect(throughput.kernels.nsPerFrame).toBeGreaterThan(0);
  expect(throughput.capture.frames).toBe(300000);
  expect(throughput.workers).toMatchObject({ workers: 2, frames: 300000, frameBytes: 198 });
});

test.skipIf(!hasTshark)("tshark has no complaint about any frame of any capture", async () => {
  const folder = temporaryFolder();
  expect((await frameferry(["demo", "-o", folder])).status).toBe(0);
  const options = [
    "-o",
    "ip.check_checksum:TRUE",
    "-o",
    "udp.check_checksum:TRUE",
    "-d",
    "udp.port==8472,vxlan",
  ];
  const fields = [
    "_ws.malformed",
    "ip.checksum.status",
    "udp.checksum.status",
    "icmp.checksum.status",
    "vxlan.vni",
  ];
  const format = ["-T", "fields", "-E", "separator=|", ...fields.flatMap((field) => ["-e", field])];
  const found = new Map<string, Set<string>>();
  for (const name of readdirSync(folder).filter((one) => one.endsWith(".pcapng"))) {
    const { status, stdout, output } = run("tshark", ["-n", "-r", name, ...options, ...format], folder);
    expect(status, output).toBe(0);
    const kind = name.replace(/^(orange|blue)-/, "").replace(/-.*/, "");
    const seen = found.get(kind) ?? new Set();
    for (const line of stdout.split("\n").slice(0, -1)) {
      const [malformed, ip, udp, icmp, vnis] = line.split("|") as [string, string, string, string, string];
      expect(malformed, name).toBe("");
      for (const status of [ip, icmp]) expect(status, name).toMatch(/^(1(,1)*)?$/);
      // 3: left out, as VXLAN over IPv4 does.
      expect(udp, name).toMatch(/^([13](,[13])*)?$/);
      if (vnis !== "") seen.add(vnis);
    }
    found.set(kind, seen);
  }
  const at = (kind: string): string[] => [...(found.get(kind) ?? ["nothing"])].sort();
  for (const kind of ["web", "db", "vm"]) expect([kind, at(kind)]).toEqual([kind, []]);
  expect(at("node")).toEqual(["1"]);
  expect(at("host")).toEqual(["1234", "1234,1", "5678", "5678,1"]);
});

test("the same each time, but for the time it takes", async () => {
  const folders = [temporaryFolder(), temporaryFolder()] as const;
  for (const folder of folders) expect((await frameferry(["demo", "-o", folder])).status).toBe(0);
  for (const name of readdirSync(folders[0]))
    expect(readFileSync(join(folders[0], name)).equals(readFileSync(join(folders[1], name))), name).toBe(
      true,
    );
});

/** Name and size of each box, from the outside in. */
function titlesOf(text: string): string[] {
  const pictures = text.split("\n").filter((line) => /^[┌│└]/.test(line));
  expect(new Set(pictures.map((line) => line.length))).toEqual(new Set([78]));
  return pictures.flatMap((line) => /┌─ ([^─]*) ─+ (\d+) bytes/.exec(line)?.slice(1, 3).join(" ") ?? []);
}

test("--capture tells and draws the main job on a real capture, and keeps the captures", async () => {
  const folder = join(temporaryFolder(), "a/b");
  const { status, stdout, stderr } = await frameferry(["demo", "--capture", "-o", folder]);
  expect([status, stderr]).toEqual([0, ""]);
  const text = stdout.toString();
  for (const step of ["1. ", "2. ", "3. ", "4. ", "5. "]) expect(text).toContain(`\n${step}`);
  expect(text).toContain("10 of 10 passengers are equal byte for byte");
  expect(text).toMatch(/kernels {2}a tunnel on and off again takes [\d.]+ ns a frame: [\d.]+ million\/s\n/);
  expect(text).toMatch(
    /capture {2}300,000 packets \(45\.8 MB\) decapsulated in [\d.]+ s: [\d.]+ million\/s\n/,
  );

  expect(titlesOf(text)).toEqual([
    "carrier 148",
    "tunnel 106",
    "passenger 98",
    "carrier 198",
    "tunnel 156",
    "passenger, and carrier of the next 148",
    "tunnel 106",
    "passenger 98",
  ]);

  expect(readdirSync(folder).sort()).toEqual([
    "nested.pcap",
    "overlay.pcap",
    "passengers.pcap",
    "restored.pcap",
  ]);
  expect(readFileSync(join(folder, "overlay.pcap"))).toEqual(readFileSync(VXLAN));
  const passengers = (await recordsOf(join(folder, "passengers.pcap"))).map(frameAndTime);
  expect((await recordsOf(join(folder, "restored.pcap"))).map(frameAndTime)).toEqual(passengers);
  const nested = await frameferry(["inspect", join(folder, "nested.pcap"), "--json", "-n", "1"]);
  expect(JSON.parse(nested.stdout.toString()).vnis).toEqual([5001, 1]);
});

test("--capture --json prints one object; the captures go to a temporary folder", async () => {
  const { status, stdout } = await frameferry(["demo", "--capture", "--json"]);
  expect(status).toBe(0);
  const { command, frames, restored, captures, throughput } = JSON.parse(stdout.toString());
  expect({ command, frames, restored }).toEqual({ command: "demo --capture", frames: 10, restored: 10 });
  expect(Object.keys(captures)).toEqual(["overlay", "passengers", "nested", "restored"]);
  for (const path of Object.values<string>(captures)) expect(existsSync(path)).toBe(true);
  rmSync(dirname(captures.overlay), { recursive: true });
  expect(throughput.kernels.nsPerFrame).toBeGreaterThan(0);
  expect(throughput.capture.frames).toBe(300000);
});
