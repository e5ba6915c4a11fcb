// Overlays in overlays: a cluster's nodes are machines of a VPC, a cloud's hosts are machines of another cloud's VPC.
// Frames are looked at on the links underneath, where all wraps are on.
import { Cloud, Cluster, type Machine, Network, type Vpc, type VpcMachine } from "frameferry/overlay";
import { vnisOf } from "frameferry/wire";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { addressesOf, expectConserved, hopsOf, layersOf, sayHello, vnisSeen } from "./vpc-support.ts";

let network: Network;
let cloud: Cloud;
let orange: Vpc;
beforeEach(async () => {
  network = await Network.create({ seed: 5, memoryBytes: 128 << 20 });
  cloud = new Cloud(network, {
    hosts: [1, 2, 3].map((i) => ({ name: `host-${i}`, address: `10.1.0.1${i}` })),
  });
  orange = cloud.createVpc({ name: "orange", cidr: "172.20.0.0/16", vni: 1234 });
});
afterEach(() => {
  network.close();
});

const ipOf = (machine: Machine): string => machine.ip as string;

/** A cluster whose node n stands on host n. */
function clusterIn(vpc: Vpc, prefix = "host", name = "k8s"): Cluster {
  return new Cluster(network, {
    name,
    mode: "overlay",
    underlay: vpc,
    nodes: [1, 2].map((i) => ({ name: `${name}-node-${i}`, host: `${prefix}-${i}` })),
  });
}

function podsOf(cluster: Cluster): [Machine, Machine] {
  const [one, two] = cluster.nodes().map(({ name }) => cluster.addPod({ node: name }));
  return [one as Machine, two as Machine];
}

describe("a cluster inside a VPC", () => {
  it("has its pods' frames wrapped twice on the underlay: the VPC's VNI outside, VNI 1 inside", () => {
    const [a, b] = podsOf(clusterIn(orange));
    network.run();
    const hello = sayHello(network, a, ipOf(b));
    expect(hello.replies).toBe(1);
    expect(hello.at).toEqual([b.name]);
    expect(vnisSeen(hello.hops, "underlay")).toEqual(new Set(["1234/1"]));
    expect(vnisSeen(hello.hops, "k8s-node-1")).toEqual(new Set(["1"]));
    const { frame } = hello.hops.find(({ to }) => to.node.name === "underlay") as (typeof hello.hops)[0];
    expect(addressesOf(frame)).toEqual([
      "10.1.0.11 > 10.1.0.12",
      "172.20.0.1 > 172.20.0.2",
      "10.5.1.2 > 10.5.2.2",
    ]);
    const ports = layersOf(frame).flatMap((layer) =>
      layer.name === "udp" ? [layer.header.destinationPort] : [],
    );
    expect(ports).toEqual([4789, 8472]);
    expect(frame.length).toBe(14 + 20 + 8 + 56 + 2 * 50);
    expectConserved(network);
  });

  it("shrinks the longest packet from 1,500 to 1,450 to 1,400, and says so to the pod", () => {
    expect(orange.mtu).toBe(1450);
    const cluster = clusterIn(orange);
    expect(cluster.nodes().map(({ mtu }) => mtu)).toEqual([1400, 1400]);
    const [a, b] = podsOf(cluster);
    const hello = sayHello(network, a, ipOf(b), 1400 - 28);
    expect(hello.replies).toBe(1);
    const onUnderlay = hello.hops.filter(({ to }) => to.node.name === "underlay");
    expect(Math.max(...onUnderlay.map(({ frame }) => frame.length))).toBe(1514);

    const careless = cluster.addPod({ node: "k8s-node-1", mtu: 1500 });
    const ping = careless.ping(ipOf(b), { size: 1472 });
    network.run();
    expect(ping.replies).toBe(0);
    expect(ping.errors).toMatchObject([{ kind: "packet-too-big", from: "10.5.1.1", mtu: 1400 }]);
    const hops = hopsOf(network, () =>
      expect(careless.ping(ipOf(b), { size: 1472, df: false }).errors).toEqual([]),
    );
    const pieces = hops.filter(({ from }) => from.node === careless);
    expect(pieces.map(({ frame }) => frame.length <= 1414)).toEqual([true, true]);
    expect(hops.some(({ to }) => to.node === b)).toBe(true);
    const fits = sayHello(network, careless, ipOf(b), 1400 - 28);
    expect(fits.replies).toBe(1);
    expectConserved(network);
  });

  it("stays up while a node moves to another host", () => {
    const cluster = clusterIn(orange);
    const [a, b] = podsOf(cluster);
    expect(sayHello(network, a, ipOf(b)).replies).toBe(1);
    cloud.moveMachine(cluster.node("k8s-node-2").place as VpcMachine, "host-3");
    const hello = sayHello(network, a, ipOf(b));
    expect(hello.replies).toBe(1);
    expect(hello.hops.some(({ to }) => to.node.name === "host-3")).toBe(true);
    expect(
      hello.hops.some(({ to, frame }) => to.node.name === "host-2" && vnisOf(layersOf(frame)).length > 1),
    ).toBe(false);
    cloud.moveMachine(cluster.node("k8s-node-2").place as VpcMachine, "host-1");
    const near = sayHello(network, a, ipOf(b));
    expect(near.replies).toBe(1);
    expect(
      near.hops.some(({ to, frame }) => to.node.name === "underlay" && vnisOf(layersOf(frame)).length > 1),
    ).toBe(false);
    expectConserved(network);
  });

  it("does not meet the cluster of another tenant that has the same addresses throughout", () => {
    const blue = cloud.createVpc({ name: "blue", cidr: "172.20.0.0/16", vni: 5678 });
    const [a, b] = podsOf(clusterIn(orange));
    const [c, d] = podsOf(clusterIn(blue, "host", "other"));
    expect([ipOf(a), ipOf(b)]).toEqual([ipOf(c), ipOf(d)]);
    for (const [from, to, vnis] of [
      [a, b, "1234/1"],
      [c, d, "5678/1"],
    ] as const) {
      network.run();
      const hello = sayHello(network, from, ipOf(to));
      expect(hello.replies).toBe(1);
      expect(hello.at).toEqual([to.name]);
      expect([...hello.touched]).toEqual([to.name]);
      expect(vnisSeen(hello.hops, "underlay")).toEqual(new Set([vnis]));
    }
    expectConserved(network);
  });
});

describe("clouds inside of VPCs", () => {
  /** A cloud whose hosts are machines of `vpc`, and in it a VPC of its own. */
  function inner(vpc: Vpc, level: number, outerPrefix: string): Vpc {
    const inside = new Cloud(network, {
      underlay: vpc,
      hosts: [1, 2].map((i) => ({ name: `l${level}-${i}`, host: `${outerPrefix}-${i}` })),
    });
    return inside.createVpc({ name: `vpc-${level}`, cidr: `172.${20 + level}.0.0/16`, vni: 1000 * level });
  }

  it.each([
    [3, "1234/2000/1", 1350],
    [4, "1234/2000/3000/1", 1300],
  ])("wraps a pod's frame %i times", (times, vnis, mtu) => {
    let vpc = orange;
    let prefix = "host";
    for (let level = 2; level < times; level++) {
      vpc = inner(vpc, level, prefix);
      prefix = `l${level}`;
    }
    const cluster = clusterIn(vpc, prefix);
    expect(cluster.nodes().map((node) => node.mtu)).toEqual([mtu, mtu]);
    const [a, b] = podsOf(cluster);
    network.run();
    const hello = sayHello(network, a, ipOf(b), mtu - 28);
    expect(hello.replies).toBe(1);
    expect(hello.at).toEqual([b.name]);
    expect(vnisSeen(hello.hops, "underlay")).toEqual(new Set([vnis]));
    const lengths = hello.hops
      .filter(({ to }) => to.node.name === "underlay")
      .map(({ frame }) => frame.length);
    expect(Math.max(...lengths)).toBe(1514);
    const careless = cluster.addPod({ node: "k8s-node-1", mtu: 1500 });
    const ping = careless.ping(ipOf(b), { size: 1472 });
    network.run();
    expect(ping.errors).toMatchObject([{ kind: "packet-too-big", mtu }]);
    expect(sayHello(network, careless, ipOf(b), mtu - 28).replies).toBe(1);
    expectConserved(network);
  });
});

it("gives the same bytes for the same seed", async () => {
  const ride = async (): Promise<string[]> => {
    const world = await Network.create({ seed: 9, memoryBytes: 64 << 20 });
    const hosts = new Cloud(world, { hosts: [{ name: "h1" }, { name: "h2" }, { name: "h3" }] });
    const vpc = hosts.createVpc({ name: "v", cidr: "172.20.0.0/16" });
    const nodes = [1, 2, 3].map((i) => ({ name: `n${i}` }));
    const cluster = new Cluster(world, { name: "c", mode: "overlay", underlay: vpc, nodes });
    const pods = nodes.map(({ name }) => cluster.addPod({ node: name }));
    const hops = hopsOf(world, () => {
      for (const from of pods) for (const to of pods) if (from !== to) from.ping(ipOf(to));
    });
    world.close();
    return hops.map(({ timeMs, link, frame }) => `${timeMs} ${link.name} ${frame.join()}`);
  };
  const first = await ride();
  expect(first.length).toBeGreaterThan(20);
  expect(await ride()).toEqual(first);
});
