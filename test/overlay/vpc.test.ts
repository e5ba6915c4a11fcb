// VPCs on shared hosts: each reaches itself, two never meet; machines move and go, and the tables follow.

import type { Cloud, Vpc, VpcMachine } from "frameferry/overlay";
import { describe, expect } from "vitest";
import { cloudOf, it, orangeAndBlue, tunnels } from "./vpc-cloud-support.ts";
import { addressesOf, expectConserved, sayHello, vnisSeen } from "./vpc-support.ts";

/** Everything that hosts know of a MAC: host, and the port by which they reach it. */
function known(cloud: Cloud, vpc: Vpc, mac: string): string[] {
  return cloud.hosts().flatMap(({ name, node }) => {
    const domain = node.core.bridgeDomain(vpc.name);
    const entry = domain === undefined ? undefined : node.core.fdb.get(domain, mac);
    return entry === undefined ? [] : [`${name}: ${entry.port?.name}`];
  });
}

describe("VPC orange (VNI 1234) and VPC blue (VNI 5678) on shared hosts", () => {
  it("reaches itself on one host without a tunnel, and across hosts in its own VNI", ({ network }) => {
    const cloud = cloudOf(network);
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

  it("keeps two VPCs apart, even on one host with the same MACs and the same addresses", ({ network }) => {
    const cloud = cloudOf(network, ["host-1", "host-2"]);
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

  it("has tunnels between those hosts only that have a VPC in common", ({ network }) => {
    const cloud = cloudOf(network);
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
  it("takes traffic along at once, and every host knows the new place", ({ network }) => {
    const cloud = cloudOf(network);
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

  it("forgets the old place at once, even on hosts that keep tunnels to it", ({ network }) => {
    const cloud = cloudOf(network);
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

  it("loses no reply of a ping that is repeated while the machine moves", ({ network }) => {
    const cloud = cloudOf(network);
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

  it("tells the others when an address comes back with another MAC", ({ network }) => {
    const cloud = cloudOf(network);
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

  it("leaves nothing behind of a machine that goes, not even with ARP suppression", ({ network }) => {
    const cloud = cloudOf(network);
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

describe("the longest packet", () => {
  it("can be made shorter for a VPC, not longer", ({ network }) => {
    const cloud = cloudOf(network);
    const vpc = cloud.createVpc({ name: "small", cidr: "10.9.0.0/24", mtu: 1400 });
    expect(cloud.addMachine({ vpc }).machine.mtu).toBe(1400);
    expect(() => cloud.createVpc({ name: "big", cidr: "10.9.0.0/24", mtu: 1451 })).toThrow(
      /^mtu: .* 1450, got 1451/,
    );
  });

  it("is 50 bytes less than the underlay's, and longer frames do not leave the host", ({ network }) => {
    const cloud = cloudOf(network);
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
