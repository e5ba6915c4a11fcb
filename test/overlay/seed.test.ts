// Single sentences of the article that docs/seed-coverage.md maps, where no other test says them.
import { Cloud, Cluster, FlatUnderlay, type Machine, Network, office, twoTors } from "frameferry/overlay";
import { compose, dissect, vnisOf } from "frameferry/wire";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { addressesOf, expectConserved, hopsOf, layersOf, sayHello, text } from "./vpc-support.ts";

let network: Network;
beforeEach(async () => {
  network = await Network.create({ seed: 6, memoryBytes: 64 << 20 });
});
afterEach(() => {
  network.close();
});

const HOSTS = ["10.1.5.7", "10.1.5.8", "10.1.6.9"].map((address, i) => ({ name: `host-${i + 1}`, address }));

describe("a VLAN", () => {
  it("is what divides a switch: without one a broadcast reaches every computer", () => {
    const { departments, switches } = office(network, { departments: { Everybody: 1 }, switches: 3 });
    const everybody = departments.get("Everybody") as readonly Machine[];
    (everybody[0] as Machine).broadcast(Uint8Array.of(1));
    network.run();
    expect([switches.length, everybody.length]).toEqual([3, 6]);
    expect(everybody.map(({ received }) => received.length)).toEqual([0, 1, 1, 1, 1, 1]);
  });

  it("is one more tag of four bytes behind the addresses, and the rest of the frame as it was", () => {
    const { departments, trunks } = office(network);
    const [from] = departments.get("Research") as [Machine];
    const hops = hopsOf(network, () => from.broadcast(Uint8Array.from({ length: 60 }, (_, i) => i)));
    const plain = hops.find((hop) => hop.from.node === from)?.frame as Uint8Array;
    const tagged = hops.find(({ link }) => link === trunks[0])?.frame as Uint8Array;
    expect([...tagged]).toEqual([...plain.subarray(0, 12), 0x81, 0x00, 0, 30, ...plain.subarray(12)]);
  });
});

describe("VXLAN", () => {
  it("has 24 bits of VNI: the first and the last of them carry frames, and the next is refused", () => {
    const cloud = new Cloud(network, { hosts: HOSTS });
    for (const vni of [0, 4096, 2 ** 24 - 1]) {
      const vpc = cloud.createVpc({ name: `vpc-${vni}`, cidr: "172.20.0.0/16", vni });
      const [a, b] = ["host-1", "host-2"].map((host) => cloud.addMachine({ vpc, host }).machine);
      const hello = sayHello(network, a as Machine, (b as Machine).ip as string);
      expect(hello.replies).toBe(1);
      const seen = hello.hops.filter(({ to }) => to.node.name === "underlay").flatMap(vnisIn);
      expect(new Set(seen)).toEqual(new Set([vni]));
    }
    expect(() => cloud.createVpc({ name: "more", cidr: "172.20.0.0/16", vni: 2 ** 24 })).toThrow(/^vni: /);
    expect(() => office(network, { departments: { Sales: 4096 } })).toThrow(/^departments.Sales: /);
    expectConserved(network);
  });

  it("is no VLAN: a frame with a tag only is no packet of a tunnel", () => {
    const { machines, tors, uplinks } = twoTors(network, { vni: 10 });
    const [from, to] = [machines[0][0] as Machine, machines[1][0] as Machine];
    network.disconnect(uplinks[1]);
    const stranger = network.addMachine("stranger", { mac: "02:02:00:00:00:02" });
    network.connect(stranger.nic, tors[1].at());
    stranger.send(
      compose(
        [
          { name: "ethernet", destination: to.mac, source: from.mac },
          { name: "vlan", vid: 10 },
          { name: "ipv4", source: from.ip as string, destination: to.ip as string },
          { name: "udp", sourcePort: 1, destinationPort: 2 },
        ],
        new Uint8Array(20),
      ),
    );
    network.run();
    expect(to.counters().received).toBe(0);
    expect(tors[1].core.counters().drops).toEqual({ "not-tunnel": 1 });
  });

  it("crosses switches that know nothing of it: they see Ethernet, IP and UDP, and change no byte", () => {
    const cloud = new Cloud(network, { hosts: HOSTS });
    const vpc = cloud.createVpc({ name: "orange", cidr: "172.20.0.0/16", vni: 1234 });
    const [a, b] = ["host-1", "host-2"].map((host) => cloud.addMachine({ vpc, host }).machine);
    sayHello(network, a as Machine, (b as Machine).ip as string);
    const { hops } = sayHello(network, a as Machine, (b as Machine).ip as string);
    const into = hops.filter(({ to }) => to.node.name === "underlay").map(({ frame }) => frame);
    const out = hops.filter(({ from }) => from.node.name === "underlay").map(({ frame }) => frame);
    expect(into).toHaveLength(2);
    expect(out).toEqual(into);
    const names = layersOf(into[0] as Uint8Array).map(({ name }) => name);
    expect(names.slice(0, 4)).toEqual(["ethernet", "ipv4", "udp", "vxlan"]);
  });
});

describe("machines of VPCs", () => {
  it("stand on hosts all over, as chance wills, and the same for the same seed", async () => {
    const places = async (seed: number): Promise<string[]> => {
      using other = await Network.create({ seed, memoryBytes: 64 << 20 });
      const cloud = new Cloud(other, { hosts: HOSTS });
      const vpc = cloud.createVpc({ name: "orange", cidr: "172.20.0.0/16" });
      return Array.from({ length: 30 }, () => cloud.addMachine({ vpc }).host);
    };
    const found = await places(1);
    expect(new Set(found)).toEqual(new Set(HOSTS.map(({ name }) => name)));
    expect(await places(1)).toEqual(found);
    expect(await places(2)).not.toEqual(found);
  });

  it("belong to one VPC each, which must be named", () => {
    const cloud = new Cloud(network, { hosts: HOSTS });
    // @ts-expect-error: there is no machine outside of VPCs
    expect(() => cloud.addMachine({ name: "lost" })).toThrow(
      expect.objectContaining({ name: "TypeError", message: "vpc: missing; expected a VPC of the cloud" }),
    );
    expect(network.node("lost")).toBeUndefined();
  });

  it("cannot talk to the hosts, and nothing of theirs crosses the underlay but in a tunnel", () => {
    const underlay = new FlatUnderlay(network, { cidr: "10.1.0.0/16" });
    const cloud = new Cloud(network, { hosts: HOSTS, underlay });
    const place = underlay.place({ name: "plain", address: "10.1.7.1" });
    const plain = network.addMachine("plain", { mac: place.mac, ip: `${place.address}/16`, mtu: place.mtu });
    place.plug(plain.nic);
    const vpc = cloud.createVpc({ name: "orange", cidr: "172.20.0.0/16", vni: 1234 });
    const a = cloud.addMachine({ vpc, host: "host-1", ip: "172.20.6.35" });
    const b = cloud.addMachine({ vpc, host: "host-2" });
    // One whose own network holds the hosts' addresses, so that it asks for their MACs.
    const wide = cloud.createVpc({ name: "wide", cidr: "10.1.0.0/16", vni: 5678 });
    const prying = cloud.addMachine({ vpc: wide, host: "host-1", ip: "10.1.9.9" });
    cloud.addMachine({ vpc: wide, host: "host-2", ip: "10.1.9.10" });
    network.run();
    const before = plain.counters().received;
    const hops = hopsOf(network, () => {
      for (const from of [a.machine, b.machine, prying.machine]) {
        for (const to of ["10.1.5.7", "10.1.5.8", "10.1.7.1"]) {
          const ping = from.ping(to);
          network.advance(10_000);
          expect([from.name, to, ping.replies]).toEqual([from.name, to, 0]);
        }
      }
      expect(a.machine.ping(b.address)).toBeDefined();
    });
    const machines = new Set([a, b, prying].map(({ mac }) => mac));
    const crossing = hops.filter(({ to }) => to.node.name === "underlay");
    expect(crossing.length).toBeGreaterThan(0);
    for (const { frame } of crossing) {
      expect(vnisOf(layersOf(frame))).toHaveLength(1);
      expect(machines).not.toContain(text(frame.subarray(6, 12)));
      expect(addressesOf(frame)[0]).toMatch(/^10\.1\.5\.[78] > 10\.1\.5\.[78]$/);
    }
    expect(plain.counters().received).toBe(before);
    expectConserved(network);
  });
});

describe("pods", () => {
  it("see a flat network: the address that arrives is the one that sent, and nothing of what was around it", () => {
    const cloud = new Cloud(network, { hosts: HOSTS });
    const vpc = cloud.createVpc({ name: "orange", cidr: "172.20.0.0/16", vni: 1234 });
    const nodes = [1, 2, 3].map((i) => ({ name: `node-${i}`, host: `host-${i}` }));
    const cluster = new Cluster(network, { name: "k8s", mode: "overlay", underlay: vpc, nodes });
    const pods = nodes.map(({ name }) => cluster.addPod({ node: name }));
    network.run();
    for (const from of pods) {
      for (const to of pods) {
        if (from === to) continue;
        const { hops, replies } = sayHello(network, from, to.ip as string);
        expect(replies).toBe(1);
        const seen = hops.filter((hop) => hop.to.node === to).map(({ frame }) => frame);
        const hellos = seen.filter((frame) => layersOf(frame).some(({ name }) => name === "icmp"));
        expect(hellos.map(addressesOf)).toEqual([[`${from.ip} > ${to.ip}`]]);
        for (const frame of seen) expect(vnisOf(layersOf(frame))).toEqual([]);
      }
    }
  });
});

function vnisIn({ frame }: { readonly frame: Uint8Array }): number[] {
  return vnisOf(dissect(frame).layers);
}
