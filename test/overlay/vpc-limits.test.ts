// VPCs: which names, numbers and addresses they take, what is refused, and that memory comes back.

import { Cloud, Network, type Vpc } from "frameferry/overlay";
import { describe, expect } from "vitest";
import { cloudOf, it, orangeAndBlue, tunnels } from "./vpc-cloud-support.ts";

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

  it("refuses what is wrong, and changes nothing then", ({ network }) => {
    const cloud = cloudOf(network);
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

  it("leaves no half-built cloud", ({ network }) => {
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

  it("gives all memory back", ({ network }) => {
    const free = network.kernels.plan.freeBytes;
    const cloud = cloudOf(network);
    const { orange, blue } = orangeAndBlue(cloud);
    for (let i = 0; i < 12; i++) cloud.addMachine({ vpc: i % 3 === 0 ? blue : orange });
    network.run();
    cloud.close();
    network.remove(network.node("underlay") as never);
    expect(network.nodes()).toEqual([]);
    expect(network.kernels.plan.freeBytes).toBe(free);
  });
});
