// Kubernetes' flat network in three modes with one API; what a mode cannot do is refused with the reason.

import fc from "fast-check";
import {
  Cloud,
  Cluster,
  type ClusterModeName,
  type ClusterOptions,
  FlatUnderlay,
  type Machine,
  Network,
} from "frameferry/overlay";
import { vlansOf, vnisOf } from "frameferry/wire";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { addressesOf, expectConserved, hopsOf, layersOf, sayHello, text } from "./vpc-support.ts";

let network: Network;
let underlay: FlatUnderlay;
beforeEach(async () => {
  network = await Network.create({ seed: 11, memoryBytes: 64 << 20 });
  underlay = new FlatUnderlay(network, { cidr: "192.168.64.0/24" });
});
afterEach(() => {
  network.close();
});

const NODES = ["node-1", "node-2", "node-3"].map((name) => ({ name }));
const MODES: readonly ClusterModeName[] = ["overlay", "host-gw", "underlay"];

function clusterOf(mode: ClusterModeName, more: Partial<ClusterOptions> = {}): Cluster {
  const vlan = mode === "underlay" ? { vlan: 50 } : {};
  return new Cluster(network, { name: "k8s", mode, underlay, nodes: NODES, ...vlan, ...more });
}

const ipOf = (machine: Machine): string => machine.ip as string;

describe.each(MODES)("mode %s", (mode) => {
  it("brings hello from pod to pod on one node and across nodes, and to nobody else", () => {
    const cluster = clusterOf(mode);
    const pods = [1, 1, 2, 2, 3].map((node) => cluster.addPod({ node: `node-${node}` }));
    for (const from of pods) {
      for (const to of pods) {
        if (from === to) continue;
        const hello = sayHello(network, from, ipOf(to));
        expect(hello.replies, `${from.name} to ${to.name}`).toBe(1);
        expect(hello.at).toEqual([to.name]);
      }
    }
    const [a, b] = pods as [Machine, Machine];
    const near = sayHello(network, a, ipOf(b));
    expect(near.hops.some(({ to }) => to.node.name === "underlay")).toBe(false);
    expectConserved(network);
  });

  it("carries the longest packet, and says so of a longer one", () => {
    const cluster = clusterOf(mode);
    const mtu = mode === "overlay" ? 1450 : 1500;
    expect(cluster.nodes().map((node) => node.mtu)).toEqual([mtu, mtu, mtu]);
    const a = cluster.addPod({ node: "node-1" });
    const b = cluster.addPod({ node: "node-2" });
    expect(a.mtu).toBe(mtu);
    const hello = sayHello(network, a, ipOf(b), mtu - 28);
    expect(hello.replies).toBe(1);
    const longest = Math.max(...hello.hops.map(({ frame }) => frame.length));
    expect(longest).toBe(mode === "underlay" ? 1518 : 1514);
    const ping = a.ping(ipOf(b), { size: mtu - 27 });
    network.run();
    expect(ping.errors).toMatchObject([{ kind: "packet-too-big", mtu }]);
    expectConserved(network);
  });

  it("follows pods and nodes as they come and go, and leaves nothing behind", () => {
    const nodes = network.nodes().length;
    const free = network.kernels.plan.freeBytes;
    const cluster = clusterOf(mode);
    const a = cluster.addPod({ node: "node-1" });
    const b = cluster.addPod({ node: "node-2" });
    expect(sayHello(network, a, ipOf(b)).replies).toBe(1);
    const address = ipOf(b);
    cluster.removePod(b);
    expect(sayHello(network, a, address).replies).toBe(0);
    for (const { node } of cluster.nodes()) {
      for (const entry of node.core.fdb.entries()) expect(entry.mac).not.toBe(b.mac);
      for (const { ip } of node.core.neighbours()) expect(ip).not.toBe(address);
    }
    // In mode underlay the address may come back on another node at once.
    const c = cluster.addPod({ node: mode === "underlay" ? "node-3" : "node-2" });
    expect(ipOf(c)).toBe(address);
    expect(sayHello(network, a, address).at).toEqual([c.name]);

    const held = network.kernels.plan.freeBytes;
    cluster.addNode({ name: "node-5" });
    cluster.removeNode("node-5");
    expect(network.kernels.plan.freeBytes).toBe(held);
    cluster.removeNode("node-3");
    cluster.addNode({ name: "node-4" });
    const d = cluster.addPod({ node: "node-4" });
    const hello = sayHello(network, a, ipOf(d));
    expect(hello.at).toEqual([d.name]);
    expect(hello.replies).toBe(1);
    expectConserved(network);
    cluster.close();
    expect(network.nodes()).toHaveLength(nodes);
    expect(network.kernels.plan.freeBytes).toBe(free);
  });

  it("works inside a VPC, or is refused", () => {
    const cloud = new Cloud(network, { underlay, hosts: [{ name: "host-1" }, { name: "host-2" }] });
    const orange = cloud.createVpc({ name: "orange", cidr: "172.20.0.0/16", vni: 1234 });
    const before = network.nodes().length;
    if (mode === "underlay") {
      expect(() => clusterOf(mode, { underlay: orange })).toThrow(/^vlans: VPC orange carries no VLANs/);
      expect(network.nodes()).toHaveLength(before);
      expect(orange.machines()).toEqual([]);
      return;
    }
    const cluster = clusterOf(mode, {
      underlay: orange,
      nodes: [
        { name: "node-1", host: "host-1" },
        { name: "node-2", host: "host-2" },
      ],
    });
    const a = cluster.addPod({ node: "node-1" });
    const b = cluster.addPod({ node: "node-2" });
    network.run();
    const hello = sayHello(network, a, ipOf(b));
    expect(hello.replies).toBe(1);
    const vnis = new Set(
      hello.hops
        .filter(({ to }) => to.node.name === "underlay")
        .map(({ frame }) => vnisOf(layersOf(frame)).join("/")),
    );
    expect(vnis).toEqual(new Set([mode === "overlay" ? "1234/1" : "1234"]));
    expectConserved(network);
  });

  it("delivers exactly where it should, whatever comes and goes", async () => {
    const step = fc.tuple(fc.constantFrom("pod", "pod", "pod", "remove", "node"), fc.nat(), fc.nat());
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 16 }), async (steps) => {
        const world = await Network.create({ seed: 2, memoryBytes: 48 << 20 });
        const flat = new FlatUnderlay(world);
        const vlan = mode === "underlay" ? { vlan: 9 } : {};
        const cluster = new Cluster(world, { name: "c", mode, underlay: flat, nodes: NODES, ...vlan });
        let made = NODES.length;
        for (const [kind, one, other] of steps) {
          const nodes = cluster.nodes();
          const pods = cluster.pods();
          const node = (nodes[one % nodes.length] as (typeof nodes)[0]).name;
          if (kind === "pod") cluster.addPod({ node });
          else if (kind === "remove" && pods.length > 0)
            cluster.removePod(pods[one % pods.length] as Machine);
          else if (kind === "node") {
            if (nodes.length > 1) cluster.removeNode(node);
            cluster.addNode({ name: `node-${++made}` });
          }
          const now = cluster.pods();
          const from = now[one % Math.max(1, now.length)];
          const to = now[other % Math.max(1, now.length)];
          if (from === undefined || to === undefined || from === to) continue;
          const hello = sayHello(world, from, ipOf(to));
          expect(hello.replies).toBe(1);
          expect(hello.at).toEqual([to.name]);
          expectConserved(world);
        }
        world.close();
      }),
      { numRuns: 25, seed: 20_260_502 },
    );
  });
});

describe("what is on the wire", () => {
  it("of mode overlay: flannel's, port 8472, VNI 1, a MAC for each node, nothing flooded", () => {
    const cluster = clusterOf("overlay");
    const a = cluster.addPod({ node: "node-1" });
    const b = cluster.addPod({ node: "node-2" });
    // flannel skips the first network.
    expect(cluster.nodes().map(({ subnet }) => subnet)).toEqual([
      "10.5.1.0/24",
      "10.5.2.0/24",
      "10.5.3.0/24",
    ]);
    expect([ipOf(a), ipOf(b)]).toEqual(["10.5.1.2", "10.5.2.2"]);
    network.run();
    const hops = hopsOf(network, () => a.ping(ipOf(b)));
    const wrapped = hops.filter(({ from }) => from.node.name === "node-1" && from.port?.number === 0);
    expect(wrapped).toHaveLength(1);
    const { frame } = wrapped[0] as (typeof wrapped)[0];
    const layers = layersOf(frame);
    expect(layers.map(({ name }) => name)).toEqual([
      "ethernet",
      "ipv4",
      "udp",
      "vxlan",
      "ethernet",
      "ipv4",
      "icmp",
      "payload",
    ]);
    expect(addressesOf(frame)).toEqual(["192.168.64.1 > 192.168.64.2", "10.5.1.2 > 10.5.2.2"]);
    expect(vnisOf(layers)).toEqual([1]);
    const [outer, inner] = layers.flatMap((layer) => (layer.name === "ethernet" ? [layer.header] : []));
    const [one, two] = cluster.nodes();
    expect(text(outer?.source as Uint8Array)).toBe(one?.place.mac);
    expect(text(outer?.destination as Uint8Array)).toBe(two?.place.mac);
    for (const layer of layers) if (layer.name === "udp") expect(layer.header.destinationPort).toBe(8472);
    const device = one?.node.core.bridgeDomain("flannel.1");
    if (one === undefined || device === undefined) throw new Error("no flannel.1");
    // ARP, FDB and route: one each for each other node, and not one more.
    const entries = [...one.node.core.fdb.entries()].filter(({ bridgeDomain }) => bridgeDomain === device);
    expect(entries.map(({ kind, port }) => `${kind} ${port?.name}`).sort()).toEqual([
      "static to-node-2",
      "static to-node-3",
    ]);
    const neighbours = [...one.node.core.neighbours()].filter(({ bridgeDomain }) => bridgeDomain === device);
    expect(neighbours.map(({ ip }) => ip).sort()).toEqual(["10.5.2.0", "10.5.3.0"]);
    expect(new Set(neighbours.map(({ mac }) => mac))).toEqual(new Set(entries.map(({ mac }) => mac)));
    const known = neighbours.find(({ ip }) => ip === "10.5.2.0");
    expect(text(inner?.destination as Uint8Array)).toBe(known?.mac);
    // TTL: one less at each node.
    const arrived = hops.filter(({ to }) => to.node === b).map((hop) => layersOf(hop.frame));
    const ttls = arrived.flatMap((all) =>
      all.flatMap((layer) => (layer.name === "ipv4" ? [layer.header.ttl] : [])),
    );
    expect(ttls).toEqual([62]);
    // Nobody but the node it is for got it.
    expect(
      hops.filter(({ to, frame: bytes }) => to.node.name === "node-3" && vnisOf(layersOf(bytes)).length > 0),
    ).toEqual([]);
  });

  it("of mode overlay: an address that no node has, and a broadcast, stay on the node", () => {
    const cluster = clusterOf("overlay");
    const a = cluster.addPod({ node: "node-1" });
    cluster.addPod({ node: "node-2" });
    network.run();
    const hops = hopsOf(network, () => {
      a.ping("10.5.99.1");
      a.broadcast(new Uint8Array(50));
    });
    expect(hops.some(({ to }) => to.node.name === "underlay")).toBe(false);
    expect(cluster.node("node-1").node.core.counters().drops["no-neighbour"]).toBe(1);
  });

  it("of mode host-gw: the packet itself, from node to node", () => {
    const cluster = clusterOf("host-gw");
    const a = cluster.addPod({ node: "node-1" });
    const b = cluster.addPod({ node: "node-2" });
    network.run();
    const hops = hopsOf(network, () => a.ping(ipOf(b)));
    const crossing = hops.filter(({ to }) => to.node.name === "underlay");
    expect(crossing.map(({ frame }) => addressesOf(frame))).toEqual([
      ["10.5.1.2 > 10.5.2.2"],
      ["10.5.2.2 > 10.5.1.2"],
    ]);
    expect(crossing[0]?.frame.length).toBe(14 + 20 + 8 + 56);
  });

  it("of mode underlay: the frame itself in its VLAN, and untagged at the pods", () => {
    const cluster = clusterOf("underlay");
    const a = cluster.addPod({ node: "node-1" });
    const b = cluster.addPod({ node: "node-2" });
    network.run();
    const hops = hopsOf(network, () => a.ping(ipOf(b)));
    for (const { from, to, frame } of hops) {
      const atPod = from.node.kind === "machine" || to.node.kind === "machine";
      expect(vlansOf(layersOf(frame))).toEqual(atPod ? [] : [50]);
    }
    const plain = new Cluster(network, {
      name: "other",
      mode: "underlay",
      underlay,
      vlan: 51,
      nodes: [{ name: "n" }],
    });
    const c = plain.addPod({ node: "n" });
    // The same address in another VLAN is another pod.
    expect(ipOf(c)).toBe(ipOf(a));
    expect(sayHello(network, b, ipOf(a)).at).toEqual([a.name]);
  });
});

describe("a packet that is too long", () => {
  it("is answered by the node, and the pod's next one fits", () => {
    const cluster = clusterOf("overlay");
    const a = cluster.addPod({ node: "node-1", mtu: 1500 });
    const b = cluster.addPod({ node: "node-2" });
    const ping = a.ping(ipOf(b), { size: 1472 });
    network.run();
    expect(ping.replies).toBe(0);
    expect(ping.errors).toMatchObject([
      { kind: "packet-too-big", from: "10.5.1.1", mtu: 1450, type: 3, code: 4 },
    ]);
    expect(a.pathMtu(ipOf(b))).toBe(1450);
    const next = a.ping(ipOf(b), { size: 1472, df: false });
    network.run();
    expect(next.replies).toBe(1);
    expectConserved(network);
  });
});

describe("what a mode cannot do", () => {
  it("is host-gw across layer-2 segments", () => {
    const other = new FlatUnderlay(network, { name: "elsewhere", cidr: "192.168.65.0/24" });
    const cluster = clusterOf("host-gw");
    const before = [network.nodes().length, network.kernels.plan.freeBytes];
    expect(() => cluster.addNode({ name: "far", underlay: other })).toThrow(
      /^mode: host-gw cannot join node-1 and far: they stand in different layer-2 segments/,
    );
    expect([network.nodes().length, network.kernels.plan.freeBytes]).toEqual(before);
    expect(
      sayHello(network, cluster.addPod({ node: "node-1" }), ipOf(cluster.addPod({ node: "node-2" }))).replies,
    ).toBe(1);
  });

  it("is any mode between networks that do not reach each other", () => {
    const other = new FlatUnderlay(network, { name: "elsewhere", cidr: "192.168.65.0/24" });
    const nodes = [{ name: "node-1" }, { name: "node-2", underlay: other }];
    expect(() => clusterOf("overlay", { nodes })).toThrow(
      /^mode: overlay cannot join node-1 and node-2: .* do not reach/,
    );
    expect(() => clusterOf("underlay", { nodes })).toThrow(/^mode: underlay cannot join .* VLAN/);
    expect(network.nodes().map(({ name }) => name)).toEqual(["underlay", "elsewhere"]);
  });

  it("is host-gw between two VPCs of one cloud", () => {
    const cloud = new Cloud(network, { underlay, hosts: [{ name: "host-1" }] });
    const orange = cloud.createVpc({ name: "orange", cidr: "172.20.0.0/16" });
    const blue = cloud.createVpc({ name: "blue", cidr: "172.10.0.0/16" });
    const nodes = [
      { name: "a", underlay: orange },
      { name: "b", underlay: blue },
    ];
    for (const mode of ["host-gw", "overlay"] as const)
      expect(() => clusterOf(mode, { nodes })).toThrow(new RegExp(`^mode: ${mode} cannot join a and b: `));
    expect(orange.machines()).toEqual([]);
    expect(blue.machines()).toEqual([]);
  });

  it("is said of wrong options, by their names", () => {
    const make = (mode: ClusterModeName, more: object) => () => clusterOf(mode, more);
    expect(make("overlay", { vlan: 5 })).toThrow(/^vlan: mode overlay needs none/);
    expect(make("underlay", { vlan: undefined })).toThrow(/^vlan: /);
    expect(make("underlay", { vlan: 1 })).toThrow(/^vlan: /);
    expect(make("underlay", { subnetLength: 24 })).toThrow(/^subnetLength: /);
    expect(make("overlay", { subnetLength: 16 })).toThrow(/^subnetLength: /);
    expect(make("overlay", { podCidr: "192.168.0.0/16" })).toThrow(/^podCidr: .* addresses in common/);
    expect(make("overlay", { podCidr: "10.5.1.0/16" })).toThrow(/^podCidr: /);
    expect(make("overlay", { colour: 1 })).toThrow(/unknown option "colour"/);
    expect(make("bridge" as never, {})).toThrow(/^mode: /);
    expect(make("overlay", { podCidr: "10.5.0.0/22", subnetLength: 23 })).toThrow(/^podCidr: all networks/);
    expect(network.nodes().map(({ name }) => name)).toEqual(["underlay"]);
    const cluster = clusterOf("overlay");
    expect(() => cluster.addPod({ node: "x" })).toThrow(/^node: there is no "x"/);
    expect(() => cluster.addPod({ node: "node-1", mtu: 1 })).toThrow(/^mtu: /);
    expect(() => cluster.addNode({ name: "node-1" })).toThrow(/^node.name: /);
    expect(() => cluster.removePod({} as Machine)).toThrow(/^pod: /);
  });
});
