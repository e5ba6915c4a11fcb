// Options that a switch cannot have, and the memory it gives back.
import { type Kernels, loadKernels } from "frameferry";
import { SwitchCore, SwitchWorkspace } from "frameferry/switch";
import { beforeAll, describe, expect, it } from "vitest";
import { type Any, complaint } from "../support/switch-faults.ts";
import { newCore } from "../support/switch-subject.ts";

let kernels: Kernels;
beforeAll(async () => {
  kernels = await loadKernels({ memoryBytes: 8 << 20 });
});

describe("options of a switch", () => {
  const faults: readonly (readonly [option: object, name: string, error: "RangeError" | "TypeError"])[] = [
    [{ ports: 0 }, "ports", "RangeError"],
    [{ ports: 65535 }, "ports", "RangeError"],
    [{ ports: 1.5 }, "ports", "RangeError"],
    [{ ports: "8" }, "ports", "TypeError"],
    [{ bridgeDomains: 0 }, "bridgeDomains", "RangeError"],
    [{ bridgeDomains: 65536 }, "bridgeDomains", "RangeError"],
    [{ workspace: {} }, "workspace", "TypeError"],
    [{ flowSeed: -1 }, "flowSeed", "RangeError"],
    [{ neighbours: 0 }, "neighbours", "RangeError"],
    [{ colour: 1 }, "options", "TypeError"],
    [{ fdb: { capacity: 0 } }, "capacity", "RangeError"],
    [{ fdb: { capacity: 2 ** 24 + 1 } }, "capacity", "RangeError"],
    [{ fdb: { ageSeconds: -1 } }, "ageSeconds", "RangeError"],
    [{ fdb: { ageSeconds: 1_000_001 } }, "ageSeconds", "RangeError"],
    [{ fdb: { whenFull: "explode" } }, "whenFull", "RangeError"],
    [{ fdb: { seed: 7 } }, "seed", "TypeError"],
    [{ fdb: { events: -1 } }, "events", "RangeError"],
    [{ fdb: { size: 7 } }, "fdb", "TypeError"],
    [{ vtep: {} }, "address", "TypeError"],
    [{ vtep: { address: "10.1" } }, "address", "RangeError"],
    [{ vtep: { address: "10.1.5.7", mac: "02" } }, "mac", "RangeError"],
    [{ vtep: { address: "10.1.5.7", ports: { vxlan: 0 } } }, "ports.vxlan", "RangeError"],
    [{ vtep: { address: "10.1.5.7", ports: { geneve: 65536 } } }, "ports.geneve", "RangeError"],
    [{ vtep: { address: "10.1.5.7", ports: { vxlan: 6081 } } }, "ports.geneve", "RangeError"],
    [{ vtep: { address: "10.1.5.7", ports: { geneve: 4789 } } }, "ports.geneve", "RangeError"],
    [{ vtep: { address: "10.1.5.7", ports: 4789 } }, "ports", "TypeError"],
    [{ vtep: { address: "10.1.5.7", ports: { gre: 4789 } } }, "ports", "TypeError"],
    [{ vtep: { address: "10.1.5.7", port: 4789 } }, "vtep", "TypeError"],
    [{ vtep: { address: "10.1.5.7", rule: "lax" } }, "rule", "RangeError"],
    [{ vtep: { address: "10.1.5.7", udpChecksum: true } }, "udpChecksum", "TypeError"],
    [{ vtep: { address: "10.1.5.7", ipChecksum: "no" } }, "ipChecksum", "RangeError"],
    [{ vtep: { address: "10.1.5.7", gateway: "10.1.5.1" } }, "vtep", "TypeError"],
    // Larger than the memory.
    [{ fdb: { capacity: 2 ** 24 } }, "memoryBytes", "RangeError"],
  ];

  it("are refused by name, and give back the memory they had", () => {
    const free = kernels.plan.freeBytes;
    for (const [option, name, error] of faults) {
      expect(
        complaint([Object.keys(option).join(), name, error, () => newCore(kernels, option)]),
      ).toBeUndefined();
      expect(kernels.plan.freeBytes, Object.keys(option).join()).toBe(free);
    }
    expect(complaint(["kernels", "kernels", "TypeError", () => newCore({} as Any, {})])).toBeUndefined();
  });

  it("leave a workspace its memory until the last switch that uses it is closed", () => {
    const free = kernels.plan.freeBytes;
    const workspace = new SwitchWorkspace(kernels);
    const own = free - kernels.plan.freeBytes;
    const switches = [newCore(kernels, { workspace }), newCore(kernels, { workspace })];
    expect(() => newCore(kernels, { workspace, flowSeed: -1 })).toThrow(/^flowSeed: /);
    workspace.close();
    expect(() => newCore(kernels, { workspace })).toThrow(/^workspace: it has been closed/);
    for (const sw of switches) {
      expect(free - kernels.plan.freeBytes).toBeGreaterThan(own);
      sw.close();
      sw.close();
    }
    expect(kernels.plan.freeBytes).toBe(free);
    workspace.close();
    expect(kernels.plan.freeBytes).toBe(free);
  });

  it("give back the memory when the switch is closed, and no call works afterwards", () => {
    const free = kernels.plan.freeBytes;
    const sw = newCore(kernels, { vtep: { address: "10.1.5.7" } });
    const domain = sw.addBridgeDomain({});
    expect(kernels.plan.freeBytes).toBeLessThan(free);
    sw.close();
    sw.close();
    expect(kernels.plan.freeBytes).toBe(free);
    for (const call of [
      () => sw.addBridgeDomain({}),
      () => sw.addPort({ bridgeDomain: domain }),
      () => sw.fdb.sweep(0),
      () => sw.counters(),
    ])
      expect(call).toThrow(TypeError);
    expect(kernels.plan.freeBytes).toBe(free);
  });
});

it("gives a port by its name and by its number, which is given again", () => {
  using core = new SwitchCore(kernels, { vtep: { address: "10.1.5.7" } });
  const bridgeDomain = core.addBridgeDomain();
  const [a, b] = ["a", "b"].map((name) => core.addPort({ name, bridgeDomain }));
  for (const port of [core.uplink, a, b]) {
    expect(core.port(port!.name)).toBe(port);
    expect(core.port(port!.number)).toBe(port);
  }
  core.removePort(a!);
  expect(core.port(a!.number)).toBeUndefined();
  expect(core.port("a")).toBeUndefined();
  const c = core.addPort({ name: "c", bridgeDomain });
  expect(core.port(a!.number)).toBe(c);
  for (const nothing of [3, -1, 1.5, Number.NaN, "1", ""]) expect(core.port(nothing)).toBeUndefined();
});
