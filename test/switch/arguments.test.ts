// Arguments that cannot be: each is refused with an error that names it, and nothing is half done.
import { FrameBatch, type Kernels, loadKernels } from "frameferry";
import { beforeAll, describe, expect, it } from "vitest";
import { BROADCAST, frame } from "../support/switch-frames.ts";
import { mac, Scene } from "../support/switch-scene.ts";
import { expectIdentities, newCore, tallyText } from "../support/switch-subject.ts";
import type { CoreSwitch, DomainHandle, PortHandle, SwitchControl } from "../support/switch-types.ts";

let kernels: Kernels;
beforeAll(async () => {
  kernels = await loadKernels({ memoryBytes: 8 << 20 });
});

// Wrong on purpose, so types do not help here.
// biome-ignore lint/suspicious/noExplicitAny: see above
type Any = any;
type Fault = readonly [what: string, name: string, error: "RangeError" | "TypeError", call: () => unknown];

function expectFault([what, name, error, call]: Fault): void {
  let thrown: unknown;
  try {
    call();
  } catch (caught) {
    thrown = caught;
  }
  expect(thrown, `${what}: throws`).toBeInstanceOf(error === "RangeError" ? RangeError : TypeError);
  const { message } = thrown as Error;
  expect(message.split(":")[0], `${what}: ${message}`).toMatch(new RegExp(`(^|\\.|\\[.*\\])${name}$`));
}

/** All that can be seen of a switch. */
function portrait(sw: SwitchControl): unknown {
  return {
    ports: sw.ports().map(({ number, name, kind }) => ({ number, name, kind })),
    domains: sw.bridgeDomains().map(({ id, name, vni }) => ({ id, name, vni })),
    counters: tallyText(sw.counters()),
    size: sw.fdb.size,
  };
}

describe("options of a switch", () => {
  const faults: readonly (readonly [option: object, name: string, error: "RangeError" | "TypeError"])[] = [
    [{ ports: 0 }, "ports", "RangeError"],
    [{ ports: 65535 }, "ports", "RangeError"],
    [{ ports: 1.5 }, "ports", "RangeError"],
    [{ ports: "8" }, "ports", "TypeError"],
    [{ bridgeDomains: 0 }, "bridgeDomains", "RangeError"],
    [{ bridgeDomains: 65536 }, "bridgeDomains", "RangeError"],
    [{ workspace: {} }, "workspace", "TypeError"],
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
    [{ vtep: { address: "10.1.5.7", port: 0 } }, "port", "RangeError"],
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
      expectFault([Object.keys(option).join(), name, error, () => newCore(kernels, option)]);
      expect(kernels.plan.freeBytes, Object.keys(option).join()).toBe(free);
    }
    expectFault(["kernels", "kernels", "TypeError", () => newCore({} as Any, {})]);
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

describe("calls to a switch", () => {
  interface Town {
    readonly sw: CoreSwitch;
    readonly orange: DomainHandle;
    readonly blue: DomainHandle;
    readonly plain: DomainHandle;
    readonly vm: PortHandle;
    readonly peer: PortHandle;
    readonly gone: { readonly domain: DomainHandle; readonly port: PortHandle };
    readonly foreign: { readonly domain: DomainHandle; readonly port: PortHandle };
  }

  /** Two switches: the first is tried, the second has handles of its own. */
  function withTown(run: (town: Town) => void): void {
    using scene = new Scene("core", kernels, {
      ports: 4,
      bridgeDomains: 4,
      vtep: { address: "10.1.5.7" },
      fdb: { capacity: 8 },
    });
    using other = new Scene("core", kernels, { ports: 4 });
    const sw = scene.sw as CoreSwitch;
    const orange = sw.addBridgeDomain({ name: "orange", vni: 1234 });
    const blue = sw.addBridgeDomain({ name: "blue", vni: 77 });
    const plain = sw.addBridgeDomain({ name: "plain" });
    const vm = sw.addPort({ name: "vm", bridgeDomain: orange });
    const peer = sw.addTunnel({ name: "peer", kind: "vxlan", remote: "10.1.5.8", bridgeDomains: [orange] });
    const gone = { domain: sw.addBridgeDomain({}), port: sw.addPort({ bridgeDomain: orange }) };
    sw.removePort(gone.port);
    sw.removeBridgeDomain(gone.domain);
    const domain = other.sw.addBridgeDomain({ name: "orange", vni: 1234 });
    const foreign = { domain, port: other.sw.addPort({ name: "vm", bridgeDomain: domain }) };
    scene.send(vm, frame(BROADCAST, mac(1)));
    run({ sw, orange, blue, plain, vm, peer, gone, foreign });
  }

  function expectFaults(faultsOf: (town: Town) => readonly Fault[]): void {
    withTown((town) => {
      const before = portrait(town.sw);
      for (const fault of faultsOf(town)) {
        expectFault(fault);
        expect(portrait(town.sw), `${fault[0]}: nothing has changed`).toEqual(before);
      }
      // Frames still go where they went.
      const batch = new FrameBatch(kernels, { frames: 1 });
      batch.add(frame(BROADCAST, mac(1)), { mark: town.vm.number });
      let left = 0;
      town.sw.forward(batch, 1000, () => left++);
      batch.close();
      expect(left).toBe(1);
    });
  }

  it("that add domains", () => {
    expectFaults(({ sw }) => [
      ["vni too large", "vni", "RangeError", () => sw.addBridgeDomain({ vni: 2 ** 24 })],
      ["vni negative", "vni", "RangeError", () => sw.addBridgeDomain({ vni: -1 })],
      ["vni a string", "vni", "TypeError", () => sw.addBridgeDomain({ vni: "5" as Any })],
      ["vni taken", "vni", "RangeError", () => sw.addBridgeDomain({ vni: 1234 })],
      ["name taken", "name", "RangeError", () => sw.addBridgeDomain({ name: "orange" })],
      ["name a number", "name", "TypeError", () => sw.addBridgeDomain({ name: 5 as Any })],
      ["learning", "learning", "TypeError", () => sw.addBridgeDomain({ learning: 1 as Any })],
      [
        "unknownUnicast",
        "unknownUnicast",
        "RangeError",
        () => sw.addBridgeDomain({ unknownUnicast: "x" as Any }),
      ],
      [
        "arpSuppression",
        "arpSuppression",
        "TypeError",
        () => sw.addBridgeDomain({ arpSuppression: "yes" as Any }),
      ],
      ["fdbLimit", "fdbLimit", "RangeError", () => sw.addBridgeDomain({ fdbLimit: -1 })],
      ["unknown option", "(bridgeDomain|options)", "TypeError", () => sw.addBridgeDomain({ vlan: 5 } as Any)],
    ]);
    withTown(({ sw }) => {
      sw.addBridgeDomain({});
      const before = portrait(sw);
      expectFault(["no room", "bridgeDomains", "RangeError", () => sw.addBridgeDomain({})]);
      expect(portrait(sw)).toEqual(before);
    });
  });

  it("that add ports", () => {
    expectFaults(({ sw, orange, blue, gone, foreign }) => [
      ["no domain", "(bridgeDomain|vlans)", "TypeError", () => sw.addPort({})],
      [
        "both",
        "(bridgeDomain|vlans)",
        "TypeError",
        () => sw.addPort({ bridgeDomain: orange, vlans: { 1: blue } }),
      ],
      [
        "a name for a domain",
        "bridgeDomain",
        "TypeError",
        () => sw.addPort({ bridgeDomain: "orange" as Any }),
      ],
      ["a removed domain", "bridgeDomain", "RangeError", () => sw.addPort({ bridgeDomain: gone.domain })],
      ["another switch's", "bridgeDomain", "RangeError", () => sw.addPort({ bridgeDomain: foreign.domain })],
      ["name taken", "name", "RangeError", () => sw.addPort({ name: "vm", bridgeDomain: orange })],
      ["name of a tunnel", "name", "RangeError", () => sw.addPort({ name: "peer", bridgeDomain: orange })],
      ["VLAN 0", "vlans", "RangeError", () => sw.addPort({ vlans: { 0: orange } })],
      ["VLAN 4095", "vlans", "RangeError", () => sw.addPort({ vlans: { 10: blue, 4095: orange } })],
      ["VLAN x", "vlans", "RangeError", () => sw.addPort({ vlans: { x: orange } as Any })],
      ["no VLANs", "vlans", "RangeError", () => sw.addPort({ vlans: {} })],
      ["one domain twice", "vlans", "RangeError", () => sw.addPort({ vlans: { 10: orange, 20: orange } })],
      [
        "a removed domain on a VLAN",
        "vlans",
        "RangeError",
        () => sw.addPort({ vlans: { 10: orange, 20: gone.domain } }),
      ],
      [
        "another's on a VLAN",
        "vlans",
        "RangeError",
        () => sw.addPort({ vlans: { 10: orange, 20: foreign.domain } }),
      ],
      ["native not there", "native", "RangeError", () => sw.addPort({ vlans: { 10: orange }, native: 20 })],
      [
        "native on an access port",
        "native",
        "TypeError",
        () => sw.addPort({ bridgeDomain: orange, native: 1 }),
      ],
      ["group 256", "group", "RangeError", () => sw.addPort({ bridgeDomain: orange, group: 256 })],
      ["group -1", "group", "RangeError", () => sw.addPort({ bridgeDomain: orange, group: -1 })],
      ["mtu", "mtu", "RangeError", () => sw.addPort({ bridgeDomain: orange, mtu: -1 })],
      [
        "learning",
        "learning",
        "TypeError",
        () => sw.addPort({ bridgeDomain: orange, learning: "no" as Any }),
      ],
      ["flood", "flood", "TypeError", () => sw.addPort({ bridgeDomain: orange, flood: 0 as Any })],
      [
        "unknown option",
        "(port|options)",
        "TypeError",
        () => sw.addPort({ bridgeDomain: orange, vid: 5 } as Any),
      ],
    ]);
    withTown(({ sw, orange }) => {
      sw.addPort({ bridgeDomain: orange });
      sw.addPort({ bridgeDomain: orange });
      const before = portrait(sw);
      expectFault(["no room", "ports", "RangeError", () => sw.addPort({ bridgeDomain: orange })]);
      expect(portrait(sw)).toEqual(before);
    });
  });

  it("that add tunnels", () => {
    expectFaults(({ sw, orange, blue, plain, gone, foreign, peer, vm }) => {
      const add = (more: object) => () =>
        sw.addTunnel({ kind: "vxlan", remote: "10.1.5.9", bridgeDomains: [orange], ...more });
      return [
        ["to itself", "remote", "RangeError", add({ remote: "10.1.5.7" })],
        ["twice to one", "remote", "RangeError", add({ remote: "10.1.5.8" })],
        ["to no address", "remote", "RangeError", add({ remote: "10.1.5.300" })],
        ["of the other family", "remote", "RangeError", add({ remote: "2001:db8::1" })],
        ["without remote", "remote", "TypeError", add({ remote: undefined })],
        ["of another kind", "kind", "RangeError", add({ kind: "ipip" })],
        ["name taken", "name", "RangeError", add({ name: "vm" })],
        ["domains no array", "bridgeDomains", "TypeError", add({ bridgeDomains: orange })],
        ["a domain without VNI", "bridgeDomains", "RangeError", add({ bridgeDomains: [orange, plain] })],
        ["a domain twice", "bridgeDomains", "RangeError", add({ bridgeDomains: [orange, orange] })],
        ["a removed domain", "bridgeDomains", "RangeError", add({ bridgeDomains: [gone.domain] })],
        ["another's domain", "bridgeDomains", "RangeError", add({ bridgeDomains: [foreign.domain] })],
        ["remoteMac", "remoteMac", "RangeError", add({ remoteMac: "02:00" })],
        ["ttl 0", "ttl", "RangeError", add({ ttl: 0 })],
        ["ttl 256", "ttl", "RangeError", add({ ttl: 256 })],
        ["dscp 64", "dscp", "RangeError", add({ dscp: 64 })],
        ["udpChecksum", "udpChecksum", "TypeError", add({ udpChecksum: "yes" })],
        ["unknown option", "(tunnel|options)", "TypeError", add({ vni: 5 })],
        ["join twice", "(domain|bridgeDomain)", "RangeError", () => sw.joinTunnel(peer, orange)],
        ["join without VNI", "(domain|bridgeDomain)", "RangeError", () => sw.joinTunnel(peer, plain)],
        ["join a port", "tunnel", "RangeError", () => sw.joinTunnel(vm, blue)],
        [
          "leave what was not joined",
          "(domain|bridgeDomain)",
          "RangeError",
          () => sw.leaveTunnel(peer, blue),
        ],
        ["leave with a port", "tunnel", "RangeError", () => sw.leaveTunnel(vm, orange)],
      ];
    });
    using scene = new Scene("core", kernels);
    const domain = scene.sw.addBridgeDomain({ vni: 1 });
    const before = portrait(scene.sw);
    const call = () => scene.sw.addTunnel({ kind: "vxlan", remote: "10.1.5.9", bridgeDomains: [domain] });
    expect(call).toThrow(/vtep/);
    expect(portrait(scene.sw)).toEqual(before);
    expect(scene.sw.uplink).toBeUndefined();
  });

  it("that remove", () => {
    expectFaults(({ sw, orange, gone, foreign }) => [
      ["a removed port", "port", "RangeError", () => sw.removePort(gone.port)],
      ["another's port", "port", "RangeError", () => sw.removePort(foreign.port)],
      ["the uplink", "port", "RangeError", () => sw.removePort(sw.uplink!)],
      ["a port's name", "port", "TypeError", () => sw.removePort("vm" as Any)],
      ["a domain in use", "(domain|bridgeDomain)", "RangeError", () => sw.removeBridgeDomain(orange)],
      ["a removed domain", "(domain|bridgeDomain)", "RangeError", () => sw.removeBridgeDomain(gone.domain)],
      [
        "another's domain",
        "(domain|bridgeDomain)",
        "RangeError",
        () => sw.removeBridgeDomain(foreign.domain),
      ],
    ]);
  });

  it("about neighbours and entries", () => {
    expectFaults(({ sw, orange, blue, vm, peer, gone, foreign }) => {
      const neighbour = (more: object) => () =>
        sw.addNeighbour({ bridgeDomain: orange, ip: "192.0.2.1", mac: mac(1), ...more });
      const entry = (more: object) => () =>
        sw.fdb.set({ bridgeDomain: orange, mac: mac(1), port: vm, ...more } as Any);
      return [
        ["neighbour: ip", "ip", "RangeError", neighbour({ ip: "192.0.2" })],
        ["neighbour: mac", "mac", "RangeError", neighbour({ mac: "02" })],
        ["neighbour: domain", "bridgeDomain", "RangeError", neighbour({ bridgeDomain: foreign.domain })],
        ["entry: mac", "mac", "RangeError", entry({ mac: "zz:00:00:00:00:00" })],
        ["entry: mac of zeroes", "mac", "RangeError", entry({ mac: "00:00:00:00:00:00" })],
        ["entry: mac of a group", "mac", "RangeError", entry({ mac: BROADCAST })],
        ["entry: domain", "bridgeDomain", "RangeError", entry({ bridgeDomain: gone.domain })],
        ["entry: removed port", "port", "RangeError", entry({ port: gone.port })],
        ["entry: port not in the domain", "port", "RangeError", entry({ bridgeDomain: blue })],
        ["entry: tunnel not in the domain", "port", "RangeError", entry({ bridgeDomain: blue, port: peer })],
        ["entry: neither", "port", "TypeError", entry({ port: undefined })],
        ["entry: both", "(port|blackhole)", "TypeError", entry({ blackhole: true })],
        ["get: domain", "bridgeDomain", "RangeError", () => sw.fdb.get(foreign.domain, mac(1))],
        ["remove: mac", "mac", "RangeError", () => sw.fdb.remove(orange, "02")],
        ["flush: port", "port", "RangeError", () => sw.fdb.flush({ port: gone.port })],
        ["flush: domain", "bridgeDomain", "RangeError", () => sw.fdb.flush({ bridgeDomain: foreign.domain })],
        ["flush: kinds", "kinds", "RangeError", () => sw.fdb.flush({ kinds: "some" as Any })],
        [
          "flush: unknown option",
          "(flush|filter|options)",
          "TypeError",
          () => sw.fdb.flush({ mac: mac(1) } as Any),
        ],
        ["sweep: time", "nowMs", "TypeError", () => sw.fdb.sweep("now" as Any)],
        ["sweep: no time", "nowMs", "RangeError", () => sw.fdb.sweep(Number.NaN)],
        ["sweep: buckets", "buckets", "RangeError", () => sw.fdb.sweep(0, { buckets: 0 })],
      ];
    });
  });

  it("with a static entry too many", () => {
    withTown(({ sw, orange, vm }) => {
      sw.fdb.flush({ kinds: "all" });
      for (let host = 1; host <= 8; host++) sw.fdb.set({ bridgeDomain: orange, mac: mac(host), port: vm });
      const before = portrait(sw);
      expect(() => sw.fdb.set({ bridgeDomain: orange, mac: mac(9), port: vm })).toThrow(RangeError);
      expect(portrait(sw)).toEqual(before);
      sw.fdb.set({ bridgeDomain: orange, mac: mac(8), blackhole: true });
      expect(sw.fdb.size).toBe(8);
    });
  });

  it("to forward", () => {
    const batch = new FrameBatch(kernels, { frames: 4 });
    batch.add(frame(BROADCAST, mac(1)), { mark: 1 });
    const nothing = () => {};
    expectFaults(({ sw }) => [
      ["no batch", "batch", "TypeError", () => sw.forward({} as Any, 0, nothing)],
      ["no time", "nowMs", "TypeError", () => sw.forward(batch, undefined as Any, nothing)],
      ["not a time", "nowMs", "RangeError", () => sw.forward(batch, Number.NaN, nothing)],
      ["before all time", "nowMs", "RangeError", () => sw.forward(batch, -1, nothing)],
      ["nowhere", "deliver", "TypeError", () => sw.forward(batch, 0, undefined as Any)],
    ]);
    batch.close();
  });

  it("with frames of no port, which go nowhere", () => {
    for (const what of ["unknown", "impossible", "removed", "tunnel"] as const)
      withTown(({ sw, gone, peer }) => {
        const before = sw.counters();
        const batch = new FrameBatch(kernels, { frames: 1 });
        const mark = { unknown: 4, impossible: 0xffffffff, removed: gone.port.number, tunnel: peer.number }[
          what
        ];
        batch.add(frame(BROADCAST, mac(1)), { mark });
        let left = 0;
        sw.forward(batch, 0, () => left++);
        batch.close();
        expect(left, what).toBe(0);
        const after = sw.counters();
        expectIdentities(after);
        expect(after.drops["no-port"], what).toBe(1);
        expect(after.received - before.received, what).toBe(1);
      });
  });
});
