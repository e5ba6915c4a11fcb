// The engine: time, links, bursts, what is refused, and what must hold whatever happens.
import fc from "fast-check";
import { connect, portPair } from "frameferry";
import { type Hop, type Link, type Machine, Network, office, type SwitchNode } from "frameferry/overlay";
import { readCapture } from "frameferry/pcap";
import type { BridgeDomain } from "frameferry/switch";
import { compose } from "frameferry/wire";
import { describe, expect, test } from "vitest";
import { digest, expectAgreed, expectConserved, lan } from "../support/overlay-networks.ts";

const SMALL = { memoryBytes: 16 << 20 };

describe("time", () => {
  test("a frame takes a microsecond on each link, and links are first in, first out", async () => {
    using network = await Network.create(SMALL);
    const { machines } = lan(network, 2);
    const [a, b] = machines as [Machine, Machine];
    const times: number[] = [];
    b.onFrame = () => times.push(network.nowMs);
    for (const byte of [1, 2, 3]) a.broadcast(Uint8Array.of(byte));
    expect(network.run()).toBe(6);
    expect(times).toEqual([0.002, 0.002, 0.002]);
    expect(b.received.map(({ frame }) => frame[14])).toEqual([1, 2, 3]);
    expect(network.run()).toBe(0);
  });

  test("advance lets timers fire in order, what was learned ages, and run does not wait", async () => {
    using network = await Network.create(SMALL);
    const { node, machines } = lan(network, 2);
    const [a, b] = machines as [Machine, Machine];
    const ping = a.ping(b.ip as string, { count: 3 });
    network.run();
    expect(ping.replies).toBe(1);
    expect(network.nowMs).toBeLessThan(1);
    network.advance(2500);
    expect(ping.replies).toBe(3);
    expect(network.nowMs).toBeCloseTo(2500, 1);
    expect(node.core.fdb.size).toBe(2);
    network.advance(297_000);
    expect(node.core.fdb.size).toBe(2);
    network.advance(3_000);
    expect(node.core.fdb.size).toBe(0);
  });

  test("the frames due at a switch are one burst: learned together, before the first leaves", async () => {
    using network = await Network.create(SMALL);
    const { node, machines } = lan(network, 3);
    let bursts = 0;
    const forward = node.core.forward.bind(node.core);
    node.core.forward = (...args) => {
      bursts++;
      forward(...args);
    };
    for (const machine of machines) machine.announce();
    network.run();
    expect(network.nowMs).toBe(0.002);
    expect(bursts).toBe(1);
    expect(node.core.fdb.size).toBe(3);
    // ARP and neighbour discovery of three, to two each.
    expect(node.core.counters().sent).toBe(12);
    // Heard, and of no concern (RFC 826, RFC 4861 §7.2.5).
    for (const machine of machines) expect(machine.neighbours().size).toBe(0);
  });

  test("a network with no end in sight is stopped, and can be resumed", async () => {
    using network = await Network.create({ ...SMALL, maximumFrames: 500 });
    const [a, b] = [network.addSwitch("a"), network.addSwitch("b")];
    const links = ["one", "two"].map((name) => {
      const ends = [a, b].map((node) => {
        const bridgeDomain = node.core.bridgeDomain("lan") ?? node.core.addBridgeDomain({ name: "lan" });
        return node.at(node.core.addPort({ name, bridgeDomain }));
      });
      return network.connect(ends[0]!, ends[1]!, { name });
    });
    const machine = network.addMachine("m", { mac: "02:00:00:00:00:01" });
    const bridgeDomain = a.core.bridgeDomain("lan")!;
    network.connect(machine.nic, a.at(a.core.addPort({ name: "m", bridgeDomain })));
    machine.broadcast(Uint8Array.of(1));
    expect(() => network.run()).toThrow(/^maximumFrames: .* a loop\?$/);
    expectConserved(network);
    links[0]!.up = false;
    network.run();
    expectConserved(network);
    for (const { ab, ba } of network.links().map((link) => link.counters()))
      expect(ab.waiting + ba.waiting).toBe(0);
  });
});

describe("links", () => {
  test("drop with a reason: down before, cut on the way, too long", async () => {
    using network = await Network.create(SMALL);
    const { machines } = lan(network, 2, { linkMtu: 100 });
    const [a, b] = machines as [Machine, Machine];
    const link = network.link(a.name) as Link;
    link.up = false;
    a.broadcast(new Uint8Array(10));
    expect(link.counters().ab).toMatchObject({ sent: 1, received: 0, drops: { "link-down": 1 } });
    link.up = true;
    a.broadcast(new Uint8Array(10));
    expect(link.counters().ab.waiting).toBe(1);
    link.up = false;
    network.run();
    expect(link.counters().ab).toMatchObject({ sent: 2, waiting: 0, drops: { "link-down": 2 } });
    link.up = true;
    for (const size of [100, 101]) a.broadcast(new Uint8Array(size));
    network.run();
    expect(link.counters().ab).toMatchObject({ sent: 4, received: 1, drops: { "exceeds-mtu": 1 } });
    expect(b.received.length).toBe(1);
    expectConserved(network);
    expectAgreed(network);
  });

  test("a link's MTU does not count the outermost tag", async () => {
    using network = await Network.create(SMALL);
    const { machines } = lan(network, 1, { linkMtu: 100 });
    const send = (size: number, type: readonly number[]): void =>
      (machines[0] as Machine).send(Uint8Array.from([...new Array(12).fill(2), ...type, ...new Array(size)]));
    for (const type of [
      [0x81, 0],
      [0x88, 0xa8],
      [0x91, 0],
    ]) {
      send(104, type);
      send(105, type);
    }
    send(101, [8, 0]);
    const { drops, sent } = network.link("lan-1")!.counters().ab;
    expect([sent, drops["exceeds-mtu"]]).toEqual([7, 4]);
  });

  test("disconnected links drop what is under way; their ends are free again", async () => {
    using network = await Network.create(SMALL);
    const { node, machines } = lan(network, 2);
    const [a, b] = machines as [Machine, Machine];
    const link = network.link(a.name) as Link;
    a.broadcast(new Uint8Array(10));
    network.disconnect(link);
    network.run();
    expectConserved(network, [link]);
    expect(link.counters().ab.drops).toEqual({ "link-down": 1 });
    expect(() => {
      link.up = true;
    }).toThrow("link: lan-1 has been disconnected");
    a.broadcast(new Uint8Array(10));
    b.broadcast(new Uint8Array(10));
    network.run();
    expect([a.counters().unconnected, node.unconnected]).toEqual([1, 1]);
    network.connect(a.nic, node.at(a.name), { name: "again" });
    a.broadcast(new Uint8Array(10));
    network.run();
    expect(b.received.length).toBe(1);
  });

  test("keep what entered them as pcapng, with the time and an interface for each direction", async () => {
    using network = await Network.create(SMALL);
    const { machines } = lan(network, 2, { capture: true });
    const [a, b] = machines as [Machine, Machine];
    a.ping(b.ip as string);
    network.run();
    const records = [];
    for await (const record of readCapture(network.link(a.name)!.toPcapng())) records.push(record);
    expect(records.map((record) => [record.interface.name, Number(record.timestamp) / 1000])).toEqual([
      ["lan-1 -> lan", 0],
      ["lan -> lan-1", 3],
      ["lan-1 -> lan", 4],
      ["lan -> lan-1", 7],
    ]);
    expect(records[0]!.data.length).toBe(42);
  });
});

describe("what is refused", () => {
  test("names its argument, and nothing has changed", async () => {
    using network = await Network.create(SMALL);
    using other = await Network.create(SMALL);
    const { node, machines } = lan(network, 1);
    const a = machines[0] as Machine;
    const b = network.addMachine("b", { mac: "02:00:00:00:00:0b" });
    const stranger = other.addMachine("b", { mac: "02:00:00:00:00:0b" });
    const vtep = network.addSwitch("vtep", { vtep: { address: "1.1.1.1" } });
    const bridgeDomain = vtep.core.addBridgeDomain({ vni: 1 });
    const tunnel = vtep.core.addTunnel({ kind: "vxlan", remote: "2.2.2.2", bridgeDomains: [bridgeDomain] });
    const free = vtep.at();
    const before = [network.nodes().length, network.links().length];
    expect(() => network.addSwitch("b")).toThrow("name: there is a node b already");
    expect(() => network.addMachine("", { mac: "02:00:00:00:00:0b" })).toThrow("name: expected a name");
    expect(() => network.addMachine("c", { mac: "03:00:00:00:00:0b" })).toThrow(/^mac: /);
    expect(() => network.addMachine("c", { mac: "02:00:00:00:00:0b", ip: "fc00::1/64" })).toThrow(/^ip: /);
    const noAddress = { mac: "02:00:00:00:00:0b", gateway: "10.0.0.1" };
    expect(() => network.addMachine("c", noAddress)).toThrow(/^gateway: /);
    const misspelt = { mac: "02:00:00:00:00:0b", gatway: "10.0.0.1" };
    expect(() => network.addMachine("c", misspelt as never)).toThrow(/^options: unknown option "gatway"/);
    expect(() => network.connect(a.nic, free)).toThrow("a: lan-1 has a link already");
    expect(() => network.connect(free, node.at("lan-1"))).toThrow("b: port lan-1 of lan has a link already");
    expect(() => network.connect(b.nic, b.nic)).toThrow("b: it is the same end as a");
    expect(() => network.connect(stranger.nic, free)).toThrow("a: b is not, or no longer, in this network");
    expect(() => network.connect(b.nic, { node: vtep, port: tunnel })).toThrow(/^b: .* is a tunnel/);
    expect(() => network.connect(b.nic, { node: vtep })).toThrow("b: expected a port of vtep");
    expect(() => network.connect(b.nic, { node: vtep, port: node.at("lan-1").port! })).toThrow(
      "b: lan-1 is no port of vtep",
    );
    expect(() => network.connect(b.nic, free, { name: "lan-1" })).toThrow(
      "name: there is a link lan-1 already",
    );
    expect(() => network.connect(b.nic, free, { mtu: 45 })).toThrow(/^mtu: /);
    expect(() => vtep.at("nowhere")).toThrow("port: vtep has no port nowhere");
    expect(() => node.at()).toThrow("port: lan has no uplink");
    expect(() => a.ping("fe80::zz")).toThrow(/^ip: /);
    expect(() => b.ping("10.0.0.1")).toThrow("ip: b has no IPv4 address, and so cannot reach 10.0.0.1");
    expect(() => a.ping("10.0.0.2", { size: 65508 })).toThrow(/^size: /);
    expect(() => network.advance(-1)).toThrow(/^ms: /);
    expect(() => a.sendUdp("10.0.0.2", 0, new Uint8Array(1))).toThrow(/^port: /);
    await expect(Network.create({ seed: -1 })).rejects.toThrow(/^seed: /);
    expect([network.nodes().length, network.links().length]).toEqual(before);
  });

  test("removed nodes take their links with them and give their memory back", async () => {
    using network = await Network.create(SMALL);
    const { node, machines } = lan(network, 2);
    const before = network.kernels.plan.freeBytes;
    const extra = lan(network, 3, { name: "extra" });
    expect(network.kernels.plan.freeBytes).toBeLessThan(before);
    network.remove(extra.node);
    expect(network.kernels.plan.freeBytes).toBe(before);
    expect(network.links().length).toBe(2);
    expect(extra.machines.every((machine) => machine.wayOut === undefined)).toBe(true);
    network.remove(machines[0] as Machine);
    expect(network.node("lan-1")).toBeUndefined();
    expect(() => network.remove(node)).not.toThrow();
    expect(() => network.remove(node)).toThrow(/^node: /);
  });

  test("a network that was closed does nothing more", async () => {
    const network = await Network.create(SMALL);
    const { kernels } = network;
    lan(network, 2);
    network.close();
    network.close();
    expect(() => network.run()).toThrow("network: it has been closed");
    expect(() => network.addSwitch("x")).toThrow("network: it has been closed");
    using next = await Network.create({ kernels });
    expect(next.nodes()).toEqual([]);
  });
});

test("the same calls with the same seed give the same bytes, captures too", async () => {
  const once = async (seed: number): Promise<[string, string]> => {
    using network = await Network.create({ ...SMALL, seed });
    const hops: Uint8Array[] = [];
    network.onHop = ({ frame, timeMs, link }: Hop) =>
      hops.push(frame, new TextEncoder().encode(`${timeMs} ${link.name}`));
    const desks = Array.from({ length: 12 }, () => ({
      department: ["Sales", "Accounting", "Research"][Math.floor(network.random() * 3)] as string,
      switch: Math.floor(network.random() * 2),
    }));
    const { departments } = office(network, { capture: true, placement: desks });
    for (const colleagues of departments.values())
      for (const machine of colleagues) machine.ping(colleagues[0]?.ip as string, { size: 2000, df: false });
    network.advance(5000);
    const captures = network.links().map((link) => link.toPcapng());
    return [await digest(captures), await digest(hops)];
  };
  const [first, second, other] = [await once(7), await once(7), await once(8)];
  expect(second).toEqual(first);
  expect(other[0]).not.toBe(first[0]);
});

test("a hook that throws loses nothing but its own frame's work", async () => {
  using network = await Network.create(SMALL);
  const { machines } = lan(network, 3);
  const [a, b, c] = machines as [Machine, Machine, Machine];
  b.onFrame = () => {
    throw new Error("no");
  };
  a.broadcast(Uint8Array.of(1));
  expect(() => network.run()).toThrow("no");
  b.onFrame = undefined;
  network.run();
  expect(c.received.length).toBe(1);
  expectConserved(network);
});

// Trees of switches with machines at them; links fail, are cut and repaired while frames are under way.
interface Step {
  readonly kind: "broadcast" | "ping" | "udp" | "toggle" | "run" | "few" | "advance" | "cut";
  readonly who: number;
  readonly whom: number;
  readonly size: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom("broadcast", "ping", "udp", "toggle", "run", "few", "advance", "cut"),
  who: fc.nat(1000),
  whom: fc.nat(1000),
  size: fc.nat(1800),
});

test("conservation on every link, whatever happens", async () => {
  const tree = fc.array(fc.nat(1000), { minLength: 0, maxLength: 3 });
  const desks = fc.array(fc.nat(1000), { minLength: 2, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(tree, desks, fc.array(step, { maxLength: 25 }), async (parents, places, steps) => {
      using network = await Network.create({ memoryBytes: 8 << 20 });
      const switches = [network.addSwitch("s0")];
      const domainOf = (node: SwitchNode) =>
        node.core.bridgeDomain("lan") ?? node.core.addBridgeDomain({ name: "lan" });
      const portOf = (node: SwitchNode) => node.at(node.core.addPort({ bridgeDomain: domainOf(node) }));
      const all: Link[] = [];
      for (const parent of parents) {
        const above = switches[parent % switches.length] as SwitchNode;
        const node = network.addSwitch(`s${switches.length}`);
        all.push(network.connect(portOf(node), portOf(above), { mtu: 1500 }));
        switches.push(node);
      }
      const machines = places.map((place, i) => {
        const machine = network.addMachine(`m${i}`, {
          mac: Uint8Array.of(2, 0, 0, 0, 0, i + 1),
          ip: `10.0.0.${i + 1}/24`,
          mtu: 1400 + 100 * (i % 3),
        });
        all.push(network.connect(machine.nic, portOf(switches[place % switches.length] as SwitchNode)));
        return machine;
      });
      const agrees = (): boolean => !steps.some(({ kind }) => kind === "cut");
      for (const { kind, who, whom, size } of steps) {
        const machine = machines[who % machines.length] as Machine;
        const other = machines[whom % machines.length] as Machine;
        const link = all[who % all.length] as Link;
        if (kind === "broadcast") machine.broadcast(new Uint8Array(size));
        if (kind === "ping") machine.ping(other.ip as string, { size, df: size % 2 === 0 });
        if (kind === "udp") machine.sendUdp(other.ip as string, 9, new Uint8Array(size));
        if (kind === "toggle" && network.link(link.name) === link) link.up = !link.up;
        if (kind === "cut" && network.link(link.name) === link) network.disconnect(link);
        if (kind === "run") network.run();
        if (kind === "few") {
          // A failure in the middle of things: after some hops a link changes its state.
          let left = 1 + (whom % 5);
          network.onHop = () => {
            if (--left === 0 && network.link(link.name) === link) link.up = !link.up;
            expectConserved(network, all);
          };
          network.run();
          network.onHop = undefined;
        }
        if (kind === "advance") network.advance(whom);
        expectConserved(network, all);
      }
      network.advance(10_000);
      expectConserved(network, all);
      for (const link of all)
        for (const wayOut of Object.values(link.counters())) expect(wayOut.waiting).toBe(0);
      if (agrees()) expectAgreed(network);
    }),
    { seed: 20261123, numRuns: 60 },
  );
});

describe("a port of a network", () => {
  test("has the place of a machine: frames come in from outside, and leave", async () => {
    using network = await Network.create();
    const { node, machines } = lan(network, 2);
    const bridgeDomain = node.core.bridgeDomain("lan") as BridgeDomain;
    const port = network.addPort("outside");
    expect(port.send([new Uint8Array(60)])).toBe(0);
    const link = network.connect(port.nic, node.at(node.core.addPort({ name: "outside", bridgeDomain })));
    expect(() => network.connect(port.nic, machines[0]!.nic)).toThrow(/^a: outside has a link already/);
    const [inside, far] = portPair();
    const connection = connect(port, inside);
    const request = compose(
      [
        { name: "ethernet", destination: "ff:ff:ff:ff:ff:ff", source: "02:00:00:00:00:99" },
        {
          name: "arp",
          operation: 1,
          senderMac: "02:00:00:00:00:99",
          senderIp: "10.0.0.99",
          targetMac: "00:00:00:00:00:00",
          targetIp: "10.0.0.2",
        },
      ],
      new Uint8Array(),
    );
    await far.sendAll([request]);
    while (port.counters().sent === 0) await Promise.resolve();
    network.run();
    const answers: Uint8Array[] = [];
    for await (const burst of far) {
      answers.push(...burst);
      break;
    }
    expect(answers[0]!.subarray(0, 12)).toEqual(Uint8Array.of(2, 0, 0, 0, 0, 0x99, 2, 0, 0, 0, 0, 2));
    expect(port.counters()).toMatchObject({ sent: 1, received: 1, dropped: 0 });
    expect(link.counters()).toMatchObject({ ab: { sent: 1, received: 1 }, ba: { sent: 1, received: 1 } });
    await port.close();
    await connection.ended;
    expect(network.node("outside")).toBeUndefined();
    expect(network.link(link.name)).toBeUndefined();
    expectConserved(network);
  });
});
