// Isolation over 10^7 frames, and between as many domains as there can be.
import { loadKernels } from "frameferry";
import { describe, expect, it } from "vitest";
import { City, type CityPlan, largeCity, smallCity } from "../support/switch-city.ts";
import { ReplayedBursts } from "../support/switch-replay.ts";
import { expectIdentities, newCore } from "../support/switch-subject.ts";
import type { SwitchSettings } from "../support/switch-types.ts";

const BURST = 256;

async function run(plan: CityPlan, settings: SwitchSettings, frames: number, bursts: number): Promise<void> {
  const kernels = await loadKernels({ memoryBytes: 512 << 20 });
  const sw = newCore(kernels, { vtep: { address: "10.1.5.7" }, ...settings });
  const city = new City(sw, plan, 4402);
  const replay = new ReplayedBursts(
    kernels,
    Array.from({ length: bursts }, () => Array.from({ length: BURST }, () => city.arrival())),
  );
  const rounds = Math.ceil(frames / BURST);
  for (let i = 0; i < rounds; i++) {
    replay.forward(i, sw, 11 * i, (frame, port) => city.check(frame, port));
    if (i % 100 === 0) sw.fdb.sweep(11 * i, { buckets: 64 });
  }
  const counters = sw.counters();
  expectIdentities(counters);
  expect(counters.received).toBe(rounds * BURST);
  expect(counters.sent).toBe(city.left);
  expect(city.left).toBeGreaterThan(frames / 2);
  replay.close();
  sw.close();
}

describe("isolation", () => {
  it("of 64 domains, over 10^7 frames", { timeout: 300_000 }, () =>
    run(smallCity(64, ["geneve", "nvgre"]), { ports: 128, fdb: { capacity: 2048 } }, 1e7, 200),
  );

  it("of 65,535 domains, over 10^6 frames", { timeout: 300_000 }, () =>
    run(
      largeCity(),
      { ports: 64, bridgeDomains: 65535, neighbours: 131072, fdb: { capacity: 131072 } },
      1e6,
      400,
    ),
  );
});
