// Two TORs with a VXLAN tunnel between them, and the parts of a frame as it travels.
import { journeyOf, type Machine, Network, partsOf, twoTors } from "frameferry/overlay";
import { compose, dissect } from "frameferry/wire";
import { describe, expect, test } from "vitest";
import { expectAgreed, expectConserved } from "../support/overlay-networks.ts";

const SMALL = { memoryBytes: 16 << 20 };

describe("figures 6 and 7: two TORs", () => {
  test("machines behind them believe that they share one switch", async () => {
    using network = await Network.create(SMALL);
    const { machines } = twoTors(network, { machines: 3 });
    const everybody = machines.flat();
    const pings = everybody.flatMap((from) =>
      everybody.filter((to) => to !== from).map((to) => from.ping(to.ip as string)),
    );
    network.run();
    for (const ping of pings) expect(ping, ping.to).toMatchObject({ replies: 1, duplicates: 0, errors: [] });
    // As on one switch: the MACs are those of the machines themselves, and no frame has lost time to live.
    for (const from of everybody) {
      const macs = everybody.filter((to) => to !== from).map((to) => [to.ip, to.mac]);
      expect(new Map([...from.neighbours()].sort())).toEqual(new Map(macs.sort() as [string, string][]));
      for (const { frame } of from.received) expect(frame[22]).toBe(64);
    }
    everybody[0]!.broadcast(Uint8Array.of(9));
    network.run();
    for (const machine of everybody.slice(1)) expect(machine.received.at(-1)?.frame.at(-1)).toBe(9);
    expectConserved(network);
    expectAgreed(network);
  });

  test("the passenger arrives byte for byte; outside are 1.1.1.1 and 2.2.2.2, and the VNI", async () => {
    using network = await Network.create(SMALL);
    const { machines, uplinks } = twoTors(network, { vni: 4711 });
    const [from, to] = [machines[0][0] as Machine, machines[1][0] as Machine];
    from.ping(to.ip as string);
    network.run();
    const frame = compose(
      [
        { name: "ethernet", destination: to.mac, source: from.mac },
        { name: "ipv4", source: from.ip!, destination: to.ip!, ttl: 1 },
        { name: "udp", sourcePort: 1111, destinationPort: 2222 },
      ],
      Uint8Array.from({ length: 100 }, (_, i) => i),
    );
    const hops = journeyOf(network, () => {
      from.send(frame);
      network.run();
    });
    expect(hops.map(({ link, direction }) => `${link.name} ${direction}`)).toEqual([
      "left-1 ab",
      "tor-left ab",
      "tor-right ba",
      "right-1 ba",
    ]);
    expect(hops.map((hop) => hop.frame.length)).toEqual([142, 192, 192, 142]);
    expect(hops.at(0)?.frame).toEqual(frame);
    expect(hops.at(3)?.frame).toEqual(frame);
    for (const [index, ttl] of [
      [1, 64],
      [2, 63],
    ] as const) {
      const { layers } = dissect(hops[index]!.frame, { checksums: true });
      expect(layers.map(({ name }) => name).slice(0, 4)).toEqual(["ethernet", "ipv4", "udp", "vxlan"]);
      const [, ip, udp, vxlan] = layers;
      expect(ip).toMatchObject({ checksum: "good", header: { ttl } });
      if (ip?.name !== "ipv4" || udp?.name !== "udp" || vxlan?.name !== "vxlan") throw new Error("layers");
      expect([ip.header.source.join("."), ip.header.destination.join(".")]).toEqual(["1.1.1.1", "2.2.2.2"]);
      expect(udp.header.destinationPort).toBe(4789);
      expect(udp.header.sourcePort).toBeGreaterThanOrEqual(49152);
      expect(vxlan.header.vni).toBe(4711);
      expect(hops[index]!.frame.subarray(50)).toEqual(frame);
    }
    expect(uplinks[0].counters().ab.sent).toBe(uplinks[1].counters().ba.sent);
  });

  test("flows differ in their outer source port", async () => {
    using network = await Network.create(SMALL);
    const { machines } = twoTors(network);
    const [from, to] = [machines[0][0] as Machine, machines[1][0] as Machine];
    const ports = new Set<number>();
    journeyOf(network, () => {
      for (let i = 0; i < 20; i++) from.sendUdp(to.ip as string, 1000 + i, new Uint8Array(4), 5000);
      network.run();
    })
      .filter(({ link }) => link.name === "tor-left")
      .forEach(({ frame }) => {
        ports.add(((frame[34] as number) << 8) | (frame[35] as number));
      });
    expect(ports.size).toBeGreaterThan(15);
  });

  test("other VNIs, strangers and a cut wire: dropped where they must be", async () => {
    using network = await Network.create(SMALL);
    const { machines, tors, between, uplinks } = twoTors(network);
    const [from, to] = [machines[0][0] as Machine, machines[1][0] as Machine];
    const packet = (source: string, vni: number): Uint8Array =>
      compose([
        { name: "ethernet", destination: "02:01:00:00:00:02", source: "02:02:00:00:00:02" },
        { name: "ipv4", source, destination: "2.2.2.2" },
        { name: "udp" },
        { name: "vxlan", vni },
        { name: "ethernet", destination: to.mac, source: from.mac, etherType: 0x88b5 },
      ]);
    network.disconnect(uplinks[1]);
    const mallory = network.addMachine("mallory", { mac: "02:02:00:00:00:02" });
    const link = network.connect(mallory.nic, tors[1].at());
    mallory.send(packet("1.1.1.1", 1001));
    mallory.send(packet("3.3.3.3", 1000));
    network.run();
    expect(tors[1].core.counters().drops).toEqual({ "other-vni": 1, "unknown-remote": 1 });
    expect(to.counters().received).toBe(0);
    mallory.send(packet("1.1.1.1", 1000));
    network.run();
    expect(to.counters().received).toBe(1);
    network.disconnect(link);
    network.connect(tors[1].at(), between.at("right"));
    uplinks[0].up = false;
    const ping = from.ping(to.ip as string);
    network.advance(5_000);
    expect(ping.errors).toMatchObject([{ kind: "no-neighbour" }]);
    expect(uplinks[0].counters().ab.drops["link-down"]).toBe(3);
  });
});

describe("figure 5: passenger, tunnel, carrier", () => {
  test("of a frame, of a wrapped frame, of a frame wrapped three times", async () => {
    const passenger = [
      { name: "ethernet", destination: "02:00:00:00:00:02", source: "02:00:00:00:00:01" },
      { name: "ipv4", source: "10.5.0.2", destination: "10.5.1.2" },
      { name: "icmp", type: 8 },
    ] as const;
    const carrier = (n: number) =>
      [
        { name: "ethernet", destination: "02:00:00:00:00:04", source: "02:00:00:00:00:03" },
        { name: "ipv4", source: `10.${n}.0.1`, destination: `10.${n}.0.2` },
        { name: "udp" },
        { name: "vxlan", vni: n },
      ] as const;
    const data = new Uint8Array(60);
    expect(partsOf(compose(passenger, data))).toEqual([
      {
        role: "passenger",
        depth: 0,
        offset: 0,
        length: 98,
        whole: 98,
        layers: ["ethernet", "ipv4", "icmp", "payload"],
        text: "10.5.0.2 -> 10.5.1.2, echo request",
      },
    ]);
    const wrapped = compose([...carrier(3), ...carrier(2), ...carrier(1), ...passenger], data);
    const parts = partsOf(wrapped);
    expect(parts.map(({ role, depth }) => `${role} ${depth}`)).toEqual([
      "carrier 0",
      "tunnel 0",
      "carrier 1",
      "tunnel 1",
      "carrier 2",
      "tunnel 2",
      "passenger 3",
    ]);
    expect(parts.map(({ length }) => length)).toEqual([42, 8, 42, 8, 42, 8, 98]);
    expect(parts.map(({ whole }) => whole)).toEqual([248, 206, 198, 156, 148, 106, 98]);
    expect(parts.flatMap(({ vni }) => vni ?? [])).toEqual([3, 2, 1]);
    let end = 0;
    for (const { offset, length } of parts) {
      expect(offset).toBe(end);
      end += length;
    }
    expect(end).toBe(wrapped.length);
    expect(parts[0]?.text).toMatch(/^10\.3\.0\.1 -> 10\.3\.0\.2, UDP \d+ -> 4789$/);
    expect(parts[1]?.text).toBe("VXLAN 3");
  });

  test("of any bytes: never throws", () => {
    const frame = compose([
      { name: "ethernet", destination: "02:00:00:00:00:04", source: "02:00:00:00:00:03" },
      { name: "vlan", vid: 5 },
      { name: "ipv4", source: "1.1.1.1", destination: "2.2.2.2" },
      { name: "udp" },
      { name: "vxlan", vni: 5 },
    ]);
    for (let length = 0; length <= frame.length; length++) {
      const parts = partsOf(frame.subarray(0, length));
      expect(parts.reduce((sum, part) => sum + part.length, 0)).toBe(length);
    }
    expect(partsOf(frame)[0]?.text).toContain("VLAN 5: ");
  });
});
