// Calls with arguments that cannot be: each is refused with an error that names it, and nothing is half done.
import { FrameBatch, type Kernels, loadKernels } from "frameferry";
import { beforeAll, describe, expect, it } from "vitest";
import { type Any, complaint, type Fault, portrait } from "../support/switch-faults.ts";
import { BROADCAST, frame } from "../support/switch-frames.ts";
import { mac, Scene } from "../support/switch-scene.ts";
import { coreAnswersArp, expectIdentities } from "../support/switch-subject.ts";
import type { CoreSwitch, DomainHandle, PortHandle } from "../support/switch-types.ts";

let kernels: Kernels;
beforeAll(async () => {
  kernels = await loadKernels({ memoryBytes: 8 << 20 });
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
      const complaints = faultsOf(town).map((fault) => {
        const wrong = complaint(fault);
        expect(portrait(town.sw), `${fault[0]}: nothing has changed`).toEqual(before);
        return wrong;
      });
      expect(complaints.filter((one) => one !== undefined)).toEqual([]);
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
      expect(
        complaint(["no room", "bridgeDomains", "RangeError", () => sw.addBridgeDomain({})]),
      ).toBeUndefined();
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
        "(native|port)",
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
      expect(
        complaint(["no room", "ports", "RangeError", () => sw.addPort({ bridgeDomain: orange })]),
      ).toBeUndefined();
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
        ["a stage's option", "(tunnel|options)", "TypeError", add({ stage: "encapsulate" })],
        ["no kind", "kind", "TypeError", add({ kind: undefined })],
        ["VXLAN with options", "options", "TypeError", add({ options: [] })],
        ["VXLAN with checksum", "checksum", "TypeError", add({ checksum: true })],
        ["Geneve with checksum", "checksum", "TypeError", add({ kind: "geneve", checksum: true })],
        ["GRE with port", "port", "TypeError", add({ kind: "gre", port: 4789 })],
        ["GRE with udpChecksum", "udpChecksum", "TypeError", add({ kind: "gre", udpChecksum: true })],
        ["GRE with options", "options", "TypeError", add({ kind: "gre", options: [] })],
        ["NVGRE with port", "port", "TypeError", add({ kind: "nvgre", port: 4789 })],
        ["NVGRE with checksum", "checksum", "TypeError", add({ kind: "nvgre", checksum: false })],
        ["GRE's checksum", "checksum", "TypeError", add({ kind: "gre", checksum: 1 })],
        ["Geneve's port", "port", "RangeError", add({ kind: "geneve", port: 0 })],
        ["Geneve's options", "options", "TypeError", add({ kind: "geneve", options: 5 })],
        [
          "Geneve's option",
          "options\\[0\\]\\.data",
          "TypeError",
          add({ kind: "geneve", options: [{ class: 1, type: 1, data: "00000000" }] }),
        ],
        [
          "Geneve's option's length",
          "options\\[0\\]\\.data",
          "RangeError",
          add({ kind: "geneve", options: [{ class: 1, type: 1, data: new Uint8Array(3) }] }),
        ],
        ["NVGRE, a VSID that is reserved", "bridgeDomains", "RangeError", add({ kind: "nvgre" })],
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

  it("about entries", () => {
    expectFaults(({ sw, orange, blue, vm, peer, gone, foreign }) => {
      const entry = (more: object) => () =>
        sw.fdb.set({ bridgeDomain: orange, mac: mac(1), port: vm, ...more } as Any);
      return [
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

  it.skipIf(!coreAnswersArp)("about neighbours", () => {
    expectFaults(({ sw, orange, foreign }) => {
      const neighbour = (more: object) => () =>
        sw.addNeighbour({ bridgeDomain: orange, ip: "192.0.2.1", mac: mac(1), ...more });
      return [
        ["neighbour: ip", "ip", "RangeError", neighbour({ ip: "192.0.2" })],
        ["neighbour: mac", "mac", "RangeError", neighbour({ mac: "02" })],
        ["neighbour: domain", "bridgeDomain", "RangeError", neighbour({ bridgeDomain: foreign.domain })],
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
