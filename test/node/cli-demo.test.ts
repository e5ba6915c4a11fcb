import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { frameAndTime, frameferry, recordsOf, temporaryFolder, VXLAN } from "./cli-program.ts";

const SECONDS = 10;

test("the demo tells and draws what it does, and keeps the captures", async () => {
  const folder = join(temporaryFolder(), "a/b");
  const start = performance.now();
  const { status, stdout, stderr } = await frameferry(["demo", "-o", folder]);
  expect(performance.now() - start).toBeLessThan(SECONDS * 1000);
  expect([status, stderr]).toEqual([0, ""]);
  const text = stdout.toString();
  for (const step of ["1. ", "2. ", "3. ", "4. ", "5. "]) expect(text).toContain(`\n${step}`);
  expect(text).toContain("10 of 10 passengers are equal byte for byte");
  expect(text).toMatch(/kernels {2}a tunnel on and off again takes [\d.]+ ns a frame: [\d.]+ million\/s\n/);
  expect(text).toMatch(
    /capture {2}300,000 packets \(45\.8 MB\) decapsulated in [\d.]+ s: [\d.]+ million\/s\n/,
  );

  const pictures = text.split("\n").filter((line) => /^[┌│└]/.test(line));
  expect(new Set(pictures.map((line) => line.length))).toEqual(new Set([78]));
  const titles = pictures.flatMap(
    (line) => /┌─ ([^─]*) ─+ (\d+) bytes/.exec(line)?.slice(1, 3).join(" ") ?? [],
  );
  expect(titles).toEqual([
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

test("--json prints one object; the captures go to a temporary folder", async () => {
  const { status, stdout } = await frameferry(["demo", "--json"]);
  expect(status).toBe(0);
  const { command, frames, restored, captures, throughput } = JSON.parse(stdout.toString());
  expect({ command, frames, restored }).toEqual({ command: "demo", frames: 10, restored: 10 });
  expect(Object.keys(captures)).toEqual(["overlay", "passengers", "nested", "restored"]);
  for (const path of Object.values<string>(captures)) expect(existsSync(path)).toBe(true);
  rmSync(dirname(captures.overlay), { recursive: true });
  expect(throughput.kernels.nsPerFrame).toBeGreaterThan(0);
  expect(throughput.capture.frames).toBe(300000);
});
