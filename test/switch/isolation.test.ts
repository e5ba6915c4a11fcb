// No frame leaves in another domain than its own, whatever MACs, IP addresses and tags it bears.
import { type Kernels, loadKernels } from "frameferry";
import { beforeAll, describe, expect, it } from "vitest";
import { City, smallCity } from "../support/switch-city.ts";
import { Scene } from "../support/switch-scene.ts";
import { coreAnswersArp, subjects } from "../support/switch-subject.ts";

let kernels: Kernels;
beforeAll(async () => {
  kernels = await loadKernels({ memoryBytes: 32 << 20 });
});

const cases = subjects.flatMap((which) =>
  (
    [
      ["vxlan", "vxlan"],
      ["geneve", "gre"],
      ["nvgre", "vxlan"],
    ] as const
  ).map((tunnels) => ({ which, tunnels })),
);

describe.each(cases)("isolation, tunnels of $tunnels ($which)", ({ which, tunnels }) => {
  // The model takes its time.
  const frames = which === "model" ? 10_000 : 100_000;

  it(`of 64 domains with the same MACs and IP addresses, over ${frames} frames`, () => {
    const settings = { ports: 128, vtep: { address: "10.1.5.7" }, fdb: { capacity: 2048 } };
    using scene = new Scene(which, kernels, settings);
    const city = new City(scene.sw, smallCity(64, tunnels), 4401);
    const bursts = Array.from({ length: 20 }, () => Array.from({ length: 250 }, () => city.arrival()));
    for (let i = 0; i < frames / 250; i++) {
      for (const { port, bytes } of scene.subject.forward(bursts[i % bursts.length]!, 7 * i))
        city.check(bytes, port);
      if (i % 10 === 0) scene.sw.fdb.sweep(7 * i, { buckets: 100 });
    }
    scene.burst([]);
    const { received, sent, drops, answered } = scene.sw.counters();
    expect(received).toBe(frames);
    expect(sent).toBe(city.left);
    // It was no walk through an empty city.
    expect(city.left).toBeGreaterThan(frames);
    expect(city.leftByUplink).toBeGreaterThan(frames / 10);
    if (which === "model" || coreAnswersArp) expect(answered.arp).toBeGreaterThan(frames / 200);
    for (const reason of ["vlan-not-allowed", "inner-tagged", "unknown-remote", "other-vni"])
      expect(drops[reason], reason).toBeGreaterThan(0);
    expect(scene.sw.fdb.size).toBeGreaterThan(500);
  });
});
