// One port's flood of addresses cannot push out the others' entries.
import { type Kernels, loadKernels } from "frameferry";
import { beforeAll, describe, expect, it } from "vitest";
import { BROADCAST, frame } from "../support/switch-frames.ts";
import { mac, Scene } from "../support/switch-scene.ts";
import { subjects } from "../support/switch-subject.ts";
import type { FdbView, PortFrame } from "../support/switch-types.ts";

let kernels: Kernels;
beforeAll(async () => {
  kernels = await loadKernels({ memoryBytes: 16 << 20 });
});

function entriesByPort(fdb: FdbView): Map<number, number> {
  const counts = new Map<number, number>();
  for (const { port } of fdb.entries()) {
    const number = typeof port === "number" ? port : port!.number;
    counts.set(number, (counts.get(number) ?? 0) + 1);
  }
  return counts;
}

describe.each(subjects)("eviction is fair (%s)", (which) => {
  it("as Open vSwitch's is: limit 10, two MACs on each of five ports, then sixteen on a sixth", () => {
    using scene = new Scene(which, kernels, { fdb: { capacity: 10 } });
    const bridgeDomain = scene.sw.addBridgeDomain({});
    for (let port = 1; port <= 6; port++) scene.sw.addPort({ bridgeDomain });
    const from = (port: number, host: number): PortFrame => ({ port, bytes: frame(BROADCAST, mac(host)) });
    scene.burst([1, 2, 3, 4, 5].flatMap((port) => [from(port, 2 * port), from(port, 2 * port + 1)]));
    scene.burst(Array.from({ length: 16 }, (_, i) => from(6, 100 + i)));
    const counts = entriesByPort(scene.sw.fdb);
    expect(counts.get(6)).toBe(3);
    expect([1, 2, 3, 4, 5].map((port) => counts.get(port)).sort()).toEqual([1, 1, 1, 2, 2]);
    expect(scene.sw.fdb.size).toBe(10);
  });

  // The model takes its time.
  const sources = which === "model" ? 20_000 : 1_000_000;

  it(`under ${sources} sources from one port, others keep what they have, up to their share`, () => {
    for (const [each, kept] of [
      [100, 100],
      [256, 204],
    ] as const) {
      using scene = new Scene(which, kernels, { fdb: { capacity: 1024 } });
      const bridgeDomain = scene.sw.addBridgeDomain({});
      for (let port = 1; port <= 5; port++) scene.sw.addPort({ bridgeDomain });
      for (let port = 1; port <= 4; port++) {
        const frames = Array.from({ length: each }, (_, i) =>
          frame(BROADCAST, `02:00:00:0${port}:${hex(i >>> 8)}:${hex(i & 255)}`),
        );
        scene.send(port, ...frames);
      }
      flood(scene, sources);
      const counts = entriesByPort(scene.sw.fdb);
      for (let port = 1; port <= 4; port++) expect(counts.get(port)).toBeGreaterThanOrEqual(kept);
      expect(counts.get(5)! + 4 * each).toBeGreaterThanOrEqual(1024);
      expect(scene.sw.fdb.size).toBe(1024);
      expect(scene.sw.counters()).toMatchObject({ received: 4 * each + sources, learnRefused: 0 });
    }
  });
});

/** Port 5 sends from `count` addresses, in bursts, to an address behind port 1. */
function flood(scene: Scene, count: number): void {
  const burst = Array.from({ length: 250 }, () => frame(BROADCAST, "06:00:00:00:00:00").slice(0, 60));
  const target = [2, 0, 0, 1, 0, 0];
  const frames = burst.map((bytes) => {
    bytes.set(target);
    return { port: 5, bytes };
  });
  for (let i = 0; i < count; i += frames.length) {
    scene.nowMs += 1;
    frames.forEach(({ bytes }, n) => {
      const source = i + n;
      bytes[8] = source >>> 24;
      bytes[9] = source >>> 16;
      bytes[10] = source >>> 8;
      bytes[11] = source;
    });
    scene.subject.forward(frames, scene.nowMs);
  }
  // Nothing was flooded but what could not be known any more.
  scene.burst([]);
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}
