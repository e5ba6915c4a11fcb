// VPCs on shared hosts: each reaches itself, two never meet; machines move and go, and the tables follow.

import fc from "fast-check";
import { Cloud, Network, type Vpc, type VpcMachine } from "frameferry/overlay";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { addressesOf, expectConserved, sayHello, vnisSeen } from "./vpc-support.ts";

let network: Network;
beforeEach(async () => {
  network = await Network.create({ seed: 7, memoryBytes: 64 << 20 });
});
afterEach(() => {
  network.close();
});

const HOSTS = ["host-1", "host-2", "host-3"];

function cloudOf(hosts: readonly string[] = HOSTS): Cloud {
  return new Cloud(network, {
    hosts: hosts.map((name, i) => ({ name, address: `10.1.5.${7 + i}` })),
  });
}

/** The article's two, figure 8. */
function orangeAndBlue(cloud: Cloud): { orange: Vpc; blue: Vpc } {
  return {
    orange: cloud.createVpc({ name: "orange", cidr: "172.20.0.0/16", vni: 1234 }),
    blue: cloud.createVpc({ name: "blue", cidr: "172.10.0.0/16", vni: 5678 }),
  };
}

/** Everything that hosts know of a MAC: host, and the port by which they reach it. */
function known(cloud: Cloud, vpc: Vpc, mac: string): string[] {
  return cloud.hosts().flatMap(({ name, node }) => {
    const domain = node.core.bridgeDomain(vpc.name);
    const entry = domain === undefined ? undefined : node.core.fdb.get(domain, mac);
    return entry === undefined ? [] : [`${name}: ${entry.port?.name}`];
  });
}

/** Tunnels of each host: where to, and which VPCs it has at all. */
function tunnels(cloud: Cloud): Record<string, string> {
  return Object.fromEntries(
    cloud.hosts().map(({ name, node }) => {
      const ports = node.core.ports().filter(({ kind }) => kind === "tunnel");
      const vpcs = node.core.bridgeDomains().map((domain) => domain.name);
      return [name, `${vpcs.sort().join("+")} ${ports.map((port) => port.name).sort()}`.trim()];
    }),
  );
}

describe("VPC orange (VNI 1234) and VPC blue (VNI 5678) on shared hosts", () => {
  it("reaches itself on one host without a tunnel, and across hosts in its own VNI", () => {
    const cloud = cloudOf();
    const { orange, blue } = orangeAndBlue(cloud);
    const a = cloud.addMachine({ vpc: orange, host: "host-1", ip: "172.20.6.35" });
    const b = cloud.addMachine({ vpc: orange, host: "host-1" });
    const c = cloud.addMachine({ vpc: orange, host: "host-2" });
    cloud.addMachine({ vpc: blue, host: "host-1", ip: "172.10.5.25" });
    network.run();

    const near = sayHello(network, a.machine, b.address);
    expect(near.replies).toBe(1);
    expect(near.at).toEqual([b.name]);
    // The question who b is was flooded, and went to the other host of this VPC in a tunnel; hello itself did not.
    expect(vnisSeen(near.hops, "underlay")).toEqual(new Set(["1234"]));
    const again = sayHello(network, a.machine, b.address);
    expect(vnisSeen(again.hops, "underlay")).toEqual(new Set());

    const far = sayHello(network, a.machine, c.address);
    expect(far.replies).toBe(1);
    expect(far.at).toEqual([c.name]);
    expect(vnisSeen(far.hops, "underlay")).toEqual(new Set(["1234"]));
    const wrapped = far.hops.filter(
      ({ from, frame }) => from.node.name === "host-1" && addressesOf(frame).length === 2,
    );
    expect(addressesOf((wrapped.at(-1) as (typeof wrapped)[0]).frame)).toEqual([
      "10.1.5.7 > 10.1.5.8",
      `172.20.6.35 > ${c.address}`,
    ]);
    expectConserved(network);
  });

  it("keeps two VPCs apart, even on one host with the same MACs and the same addresses", () => {
    const cloud = cloudOf(["host-1", "host-2"]);
    const orange = cloud.createVpc({ name: "orange", cidr: "172.20.0.0/16", vni: 1234 });
    const blue = cloud.createVpc({ name: "blue", cidr: "172.20.0.0/16", vni: 5678 });
    const of = (vpc: Vpc): VpcMachine[] =>
      ["host-1", "host-1", "host-2"].map((host, i) =>
        cloud.addMachine({ vpc, host, ip: `172.20.0.${i + 1}`, mac: `02:00:00:00:00:0${i + 1}` }),
      );
    const oranges = of(orange);
    const blues = of(blue);
    for (const [vpc, machines] of [
      [orange, oranges],
      [blue, blues],
    ] as const) {
      for (const from of machines) {
        for (const to of machines) {
          if (from === to) continue;
          const hello = sayHello(network, from.machine, to.address);
          expect(hello.replies).toBe(1);
          expect(hello.at).toEqual([to.name]);
          for (const name of hello.touched) expect(name).toMatch(new RegExp(`^${vpc.name}-`));
          for (const vnis of vnisSeen(hello.hops, "underlay")) expect(vnis).toBe(String(vpc.vni));
        }
      }
    }
    // What nobody in orange has, blue must not answer.
    const only = cloud.addMachine({ vpc: blue, host: "host-1", ip: "172.20.0.99" });
    const lost = sayHello(network, (oranges[0] as VpcMachine).machine, only.address);
    expect(lost.replies).toBe(0);
    expect([...lost.touched].filter((name) => name.startsWith("blue"))).toEqual([]);
    expectConserved(network);
  });

  it("has tunnels between those hosts only that have a VPC in common", () => {
    const cloud = cloudOf();
    const { orange, blue } = orangeAndBlue(cloud);
    const a = cloud.addMachine({ vpc: orange, host: "host-1" });
    const b = cloud.addMachine({ vpc: orange, host: "host-2" });
    const c = cloud.addMachine({ vpc: blue, host: "host-2" });
    const d = cloud.addMachine({ vpc: blue, host: "host-3" });
    const e = cloud.addMachine({ vpc: orange, host: "host-2" });
    expect(tunnels(cloud)).toEqual({
      "host-1": "orange to-host-2",
      "host-2": "blue+orange to-host-1,to-host-3",
      "host-3": "blue to-host-2",
    });
    cloud.removeMachine(b);
    expect(tunnels(cloud)["host-1"]).toBe("orange to-host-2");
    cloud.removeMachine(e);
    expect(tunnels(cloud)).toEqual({
      "host-1": "orange",
      "host-2": "blue to-host-3",
      "host-3": "blue to-host-2",
    });
    for (const machine of [a, c, d]) cloud.removeMachine(machine);
    expect(tunnels(cloud)).toEqual({ "host-1": "", "host-2": "", "host-3": "" });
    for (const { node } of cloud.hosts()) expect(node.core.fdb.size).toBe(0);
    cloud.removeVpc(orange);
    cloud.removeVpc(blue);
    expect(cloud.vpcs()).toEqual([]);
  });
});

describe("moving a machine while it runs", () => {
  it("takes traffic along at once, and every host knows the new place", () => {
    const cloud = cloudOf();
    const { orange } = orangeAndBlue(cloud);
    const a = cloud.addMachine({ vpc: orange, host: "host-1" });
    const b = cloud.addMachine({ vpc: orange, host: "host-2" });
    cloud.addMachine({ vpc: orange, host: "host-3" });
    expect(sayHello(network, a.machine, b.address).replies).toBe(1);
    expect(known(cloud, orange, b.mac)).toContain("host-1: to-host-2");

    cloud.moveMachine(b, "host-3");
    expect(b.host).toBe("host-3");
    // Nobody has run the network: not one stale entry is left all the same.
    expect(known(cloud, orange, b.mac)).toEqual([]);
    const hello = sayHello(network, a.machine, b.address);
    expect(hello.replies).toBe(1);
    expect(hello.at).toEqual([b.name]);
    expect(known(cloud, orange, b.mac)).toEqual(["host-1: to-host-3", `host-3: ${b.name}`]);

    cloud.moveMachine(b, "host-1");
    network.run();
    expect(known(cloud, orange, b.mac)).toEqual([`host-1: ${b.name}`, "host-3: to-host-1"]);
    const home = sayHello(network, b.machine, a.address);
    expect(home.replies).toBe(1);
    expect(home.hops.some(({ to }) => to.node.name === "underlay")).toBe(false);
    expectConserved(network);
  });

  it("forgets the old place at once, even on hosts that keep tunnels to it", () => {
    const cloud = cloudOf();
    const { orange } = orangeAndBlue(cloud);
    const a = cloud.addMachine({ vpc: orange, host: "host-1" });
    const b = cloud.addMachine({ vpc: orange, host: "host-2" });
    cloud.addMachine({ vpc: orange, host: "host-2" });
    expect(sayHello(network, a.machine, b.address).replies).toBe(1);
    cloud.moveMachine(b, "host-3");
    expect(known(cloud, orange, b.mac)).toEqual([]);
    // This one is faster than the announcement, and arrives all the same.
    const ping = a.machine.ping(b.address);
    network.run();
    expect(ping.replies).toBe(1);
  });

  it("loses no reply of a ping that is repeated while the machine moves", () => {
    const cloud = cloudOf();
    const { orange } = orangeAndBlue(cloud);
    const a = cloud.addMachine({ vpc: orange, host: "host-1" });
    const b = cloud.addMachine({ vpc: orange, host: "host-2" });
    const ping = a.machine.ping(b.address, { count: 6 });
    for (const host of ["host-3", "host-1", "host-2"]) {
      network.advance(1500);
      cloud.moveMachine(b, host);
    }
    network.advance(10_000);
    expect(ping.replies).toBe(6);
    expectConserved(network);
  });

  it("tells the others when an address comes back with another MAC", () => {
    const cloud = cloudOf();
    const { orange } = orangeAndBlue(cloud);
    const a = cloud.addMachine({ vpc: orange, host: "host-1" });
    const b = cloud.addMachine({ vpc: orange, host: "host-2" });
    expect(sayHello(network, a.machine, b.address).replies).toBe(1);
    cloud.removeMachine(b);
    const c = cloud.addMachine({ vpc: orange, host: "host-3", ip: b.address, mac: "02:aa:00:00:00:01" });
    network.run();
    const hello = sayHello(network, a.machine, c.address);
    expect(hello.replies).toBe(1);
    expect(hello.at).toEqual([c.name]);
  });

  it("leaves nothing behind of a machine that goes, not even with ARP suppression", () => {
    const cloud = cloudOf();
    const vpc = cloud.createVpc({ name: "quiet", cidr: "172.30.0.0/24", arpSuppression: true });
    const a = cloud.addMachine({ vpc, host: "host-1" });
    const b = cloud.addMachine({ vpc, host: "host-2" });
    const c = cloud.addMachine({ vpc, host: "host-3" });
    const hello = sayHello(network, a.machine, b.address);
    expect(hello.replies).toBe(1);
    // The question was answered by the host itself, and so no other machine heard of it; hello was flooded once.
    expect(cloud.host("host-1").node.core.counters().answered.arp).toBe(1);
    const ips = (): string[][] =>
      cloud.hosts().map(({ node }) => [...node.core.neighbours()].map(({ ip }) => ip).sort());
    const all = [a.address, b.address, c.address];
    expect(ips()).toEqual([all, all, all]);
    cloud.moveMachine(b, "host-1");
    network.run();
    expect(ips()).toEqual([all, [], all]);
    expect(sayHello(network, c.machine, b.address).replies).toBe(1);
    cloud.removeMachine(b);
    network.run();
    expect(known(cloud, vpc, b.mac)).toEqual([]);
    expect(ips()).toEqual([[a.address, c.address], [], [a.address, c.address]]);
    expect(sayHello(network, a.machine, b.address).replies).toBe(0);
    expectConserved(network);
  });
});

describe("names, numbers and addresses", () => {
  it("draws VNIs that are free, the same ones for the same seed", async () => {
    const draw = async (seed: number): Promise<number[]> => {
      const other = await Network.create({ seed, memoryBytes: 32 << 20 });
      const cloud = new Cloud(other, { hosts: [{ name: "h" }], vnis: { first: 100, last: 139 } });
      const vnis = Array.from(
        { length: 40 },
        (_, i) => cloud.createVpc({ name: `v${i}`, cidr: "10.9.0.0/24" }).vni,
      );
      expect(() => cloud.createVpc({ name: "more", cidr: "10.9.0.0/24" })).toThrow(
        /^vni: all from 100 to 139/,
      );
      cloud.removeVpc(cloud.vpcs()[3] as Vpc);
      expect(cloud.createVpc({ name: "more", cidr: "10.9.0.0/24" }).vni).toBe(vnis[3]);
      other.close();
      return vnis;
    };
    const vnis = await draw(5);
    expect(new Set(vnis).size).toBe(40);
    expect(Math.min(...vnis)).toBe(100);
    expect(Math.max(...vnis)).toBe(139);
    expect(await draw(5)).toEqual(vnis);
    expect(await draw(6)).not.toEqual(vnis);
  });

  it("refuses what is wrong, and changes nothing then", () => {
    const cloud = cloudOf();
    const { orange } = orangeAndBlue(cloud);
    const a = cloud.addMachine({ vpc: orange, host: "host-1", ip: "172.20.6.35", name: "a" });
    const before = [network.nodes().length, network.links().length, tunnels(cloud)];
    const free = network.kernels.plan.freeBytes;
    const add =
      (options: object): (() => void) =>
      () =>
        cloud.addMachine({ vpc: orange, ...options });
    expect(add({ host: "host-9" })).toThrow(/^host: there is no "host-9"/);
    expect(add({ ip: "172.20.6.35" })).toThrow(/^ip: 172.20.6.35 is taken/);
    expect(add({ ip: "172.21.0.1" })).toThrow(
      /^ip: expected a host's address in 172.20.0.0\/16, got 172.21.0.1/,
    );
    expect(add({ ip: "172.20.255.255" })).toThrow(/^ip: /);
    expect(add({ mac: a.mac, host: "host-2" })).toThrow(/^mac: .* is taken/);
    expect(add({ mac: "03:00:00:00:00:01" })).toThrow(/^mac: /);
    expect(add({ name: "a", host: "host-2" })).toThrow(/^name: there is a node/);
    expect(add({ name: "uplink", host: "host-2" })).toThrow(/name/);
    expect(add({ mtu: 10 })).toThrow(/^mtu: /);
    expect(add({ vlan: 5 })).toThrow(/unknown option "vlan"/);
    expect(() => cloud.addMachine({ vpc: {} as Vpc })).toThrow(/^vpc: /);
    expect(() => cloud.createVpc({ name: "orange", cidr: "10.0.0.0/8" })).toThrow(/^name: /);
    expect(() => cloud.createVpc({ name: "x", cidr: "10.0.0.0/8", vni: 1234 })).toThrow(
      /^vni: 1234 is taken/,
    );
    expect(() => cloud.createVpc({ name: "x", cidr: "10.0.0.1/8" })).toThrow(/^cidr: /);
    expect(() => cloud.createVpc({ name: "x", cidr: "fc00::/64" })).toThrow(
      /^cidr: expected an IPv4 network/,
    );
    expect(() => cloud.removeVpc(orange)).toThrow(/^vpc: 1 machines are in orange still/);
    expect(() => cloud.moveMachine(a, "host-9")).toThrow(/^host: /);
    expect([network.nodes().length, network.links().length, tunnels(cloud)]).toEqual(before);
    expect(network.kernels.plan.freeBytes).toBe(free);
    cloud.removeMachine(a);
    expect(() => cloud.removeMachine(a)).toThrow(/^machine: /);
    expect(() => cloud.moveMachine(a, "host-2")).toThrow(/^machine: /);
  });

  it("leaves no half-built cloud", () => {
    const free = network.kernels.plan.freeBytes;
    const wrong = (): Cloud =>
      new Cloud(network, {
        hosts: [
          { name: "h1", address: "10.1.0.1" },
          { name: "h2", address: "10.1.0.1" },
        ],
      });
    expect(wrong).toThrow(/^address: 10.1.0.1 is taken/);
    expect(network.nodes()).toEqual([]);
    expect(network.kernels.plan.freeBytes).toBe(free);
  });

  it("gives all memory back", () => {
    const free = network.kernels.plan.freeBytes;
    const cloud = cloudOf();
    const { orange, blue } = orangeAndBlue(cloud);
    for (let i = 0; i < 12; i++) cloud.addMachine({ vpc: i % 3 === 0 ? blue : orange });
    network.run();
    cloud.close();
    network.remove(network.node("underlay") as never);
    expect(network.nodes()).toEqual([]);
    expect(network.kernels.plan.freeBytes).toBe(free);
  });
});

describe("random VPCs, machines, moves and removals", () => {
  type Step =
    | { readonly kind: "add"; readonly vpc: number; readonly host: number }
    | { readonly kind: "move"; readonly machine: number; readonly host: number }
    | { readonly kind: "remove"; readonly machine: number };
  const step: fc.Arbitrary<readonly [Step, number, number, boolean]> = fc.tuple(
    fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({ kind: fc.constant("add" as const), vpc: fc.nat(2), host: fc.nat(3) }),
      },
      {
        weight: 3,
        arbitrary: fc.record({ kind: fc.constant("move" as const), machine: fc.nat(), host: fc.nat(3) }),
      },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant("remove" as const), machine: fc.nat() }) },
    ),
    fc.nat(),
    fc.nat(),
    fc.boolean(),
  );

  it("delivers exactly where the rules say, and nowhere else", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 5, maxLength: 25 }),
        fc.boolean(),
        async (steps, quiet) => {
          const world = await Network.create({ seed: 3, memoryBytes: 48 << 20 });
          const cloud = new Cloud(world, { hosts: [1, 2, 3, 4].map((i) => ({ name: `host-${i}` })) });
          // The same network in all, so that MACs and addresses are the same, too.
          const vpcs = ["red", "green", "blue"].map((name) =>
            cloud.createVpc({ name, cidr: "172.20.0.0/24", arpSuppression: quiet }),
          );
          const machines: VpcMachine[] = [];
          for (const [action, one, other, atOnce] of steps) {
            act(cloud, vpcs, machines, action);
            const from = machines[one % Math.max(1, machines.length)];
            // Often the one that has just moved.
            const moved = action.kind === "move" && other % 2 === 0 ? action.machine : other;
            const to = machines[moved % Math.max(1, machines.length)];
            if (from === undefined || to === undefined || from === to) continue;
            // At once: while the announcement of a machine that has moved is still under way.
            if (!atOnce) world.run();
            const hello = sayHello(world, from.machine, to.address);
            const target = from.vpc.machines().find(({ address }) => address === to.address);
            const reachable = target !== undefined && target !== from;
            if (from.vpc === to.vpc) expect(target).toBe(to);
            expect(hello.at).toEqual(reachable ? [target.name] : []);
            if (target !== from) expect(hello.replies).toBe(reachable ? 1 : 0);
            expectConserved(world);
            expectTables(cloud);
            if (atOnce) continue;
            const tenants = new Set(from.vpc.machines().map(({ name }) => name));
            for (const name of hello.touched) expect(tenants).toContain(name);
            for (const vnis of vnisSeen(hello.hops, "underlay")) expect(vnis).toBe(String(from.vpc.vni));
            expectConserved(world);
            expectTables(cloud);
          }
          world.close();
        },
      ),
      { numRuns: 60, seed: 20_260_501 },
    );
  });

  function act(cloud: Cloud, vpcs: readonly Vpc[], machines: VpcMachine[], action: Step): void {
    if (action.kind === "add") {
      machines.push(cloud.addMachine({ vpc: vpcs[action.vpc] as Vpc, host: `host-${action.host + 1}` }));
      return;
    }
    if (machines.length === 0) return;
    const index = action.machine % machines.length;
    const machine = machines[index] as VpcMachine;
    if (action.kind === "move") cloud.moveMachine(machine, `host-${action.host + 1}`);
    else {
      cloud.removeMachine(machine);
      machines.splice(index, 1);
    }
  }

  /** Hosts have the VPCs of their machines, tunnels to those who share one, and know of no MAC what is not so. */
  function expectTables(cloud: Cloud): void {
    for (const { name, node } of cloud.hosts()) {
      const here = cloud.vpcs().filter((vpc) => vpc.machines().some(({ host }) => host === name));
      const names = (things: readonly { name: string }[]): string[] =>
        things.map((thing) => thing.name).sort();
      expect(names(node.core.bridgeDomains())).toEqual(names(here));
      const remotes = new Set(here.flatMap((vpc) => vpc.machines().map(({ host }) => host)));
      remotes.delete(name);
      const ports = node.core.ports().filter(({ kind }) => kind === "tunnel");
      expect(names(ports)).toEqual([...remotes].map((remote) => `to-${remote}`).sort());
      for (const { bridgeDomain, mac, port } of node.core.fdb.entries()) {
        const machine = cloud
          .vpcs()
          .find((vpc) => vpc.name === bridgeDomain.name)
          ?.machine(mac);
        expect(machine, `${mac} on ${name}`).toBeDefined();
        expect(port?.name).toBe(machine?.host === name ? machine.name : `to-${machine?.host}`);
      }
    }
  }
});

describe("the longest packet", () => {
  it("can be made shorter for a VPC, not longer", () => {
    const cloud = cloudOf();
    const vpc = cloud.createVpc({ name: "small", cidr: "10.9.0.0/24", mtu: 1400 });
    expect(cloud.addMachine({ vpc }).machine.mtu).toBe(1400);
    expect(() => cloud.createVpc({ name: "big", cidr: "10.9.0.0/24", mtu: 1451 })).toThrow(
      /^mtu: .* 1450, got 1451/,
    );
  });

  it("is 50 bytes less than the underlay's, and longer frames do not leave the host", () => {
    const cloud = cloudOf();
    const { orange } = orangeAndBlue(cloud);
    expect(orange.mtu).toBe(1450);
    const a = cloud.addMachine({ vpc: orange, host: "host-1" });
    const b = cloud.addMachine({ vpc: orange, host: "host-2" });
    const careless = cloud.addMachine({ vpc: orange, host: "host-1", mtu: 1500 });
    expect(sayHello(network, a.machine, b.address, 1450 - 28).replies).toBe(1);
    const tooLong = a.machine.ping(b.address, { size: 1450 - 27 });
    network.run();
    expect(tooLong.errors.map(({ kind, mtu, from }) => [kind, mtu, from])).toEqual([
      ["packet-too-big", 1450, a.address],
    ]);
    expect(sayHello(network, careless.machine, b.address, 1450 - 27).replies).toBe(0);
    expect(cloud.host("host-1").node.core.counters().drops["exceeds-mtu"]).toBe(1);
    // On one host nothing is wrapped.
    expect(sayHello(network, careless.machine, a.address, 1472).hops.length).toBeGreaterThan(0);
    expectConserved(network);
  });
});
