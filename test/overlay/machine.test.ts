// Machines: ARP and neighbour discovery, echo, fragments, the MTU of paths, UDP, and what they make of bad frames.
import { type Machine, Network, type SwitchNode } from "frameferry/overlay";
import { type ComposeLayer, compose, dissect, parseArp } from "frameferry/wire";
import { describe, expect, test } from "vitest";
import { expectAgreed, expectConserved, lan } from "../support/overlay-networks.ts";

const SMALL = { memoryBytes: 16 << 20 };

/** Two networks with a router between them; the second takes packets up to `mtu` bytes only. */
function routed(network: Network, mtu: number): { a: Machine; b: Machine; router: SwitchNode } {
  const router = network.addSwitch("router");
  const routes = router.core.addRouter({ routes: 64 });
  const [a, b] = [1, 2].map((n) => {
    const bridgeDomain = router.core.addBridgeDomain({ name: `net-${n}` });
    const addresses = [`10.0.${n}.1/24`, `fc00:${n}::1/64`];
    routes.addInterface({
      bridgeDomain,
      mac: `02:00:00:00:ff:0${n}`,
      addresses,
      mtu: n === 1 ? 1500 : mtu,
    });
    const mac = `02:00:00:00:00:0${n}`;
    for (const ip of [`10.0.${n}.5`, `fc00:${n}::5`]) router.core.addNeighbour({ bridgeDomain, ip, mac });
    const machine = network.addMachine(n === 1 ? "a" : "b", {
      mac,
      ip: `10.0.${n}.5/24`,
      ipv6: `fc00:${n}::5/64`,
      gateway: `10.0.${n}.1`,
      gatewayIpv6: `fc00:${n}::1`,
    });
    network.connect(machine.nic, router.at(router.core.addPort({ name: machine.name, bridgeDomain })));
    return machine;
  }) as [Machine, Machine];
  return { a, b, router };
}

describe("ARP", () => {
  test("is asked once for many packets, answered by whom it concerns, and kept for 300 seconds", async () => {
    using network = await Network.create(SMALL);
    const { machines } = lan(network, 3);
    const [a, b, c] = machines as [Machine, Machine, Machine];
    const asked: string[] = [];
    c.onFrame = (frame) => {
      const arp = parseArp(frame, 14);
      if (arp.ok) asked.push(arp.header.targetIp.join("."));
    };
    const pings = [1, 2, 3].map(() => a.ping("10.0.0.2"));
    network.run();
    expect(pings.map((ping) => ping.replies)).toEqual([1, 1, 1]);
    expect(asked).toEqual(["10.0.0.2"]);
    expect(a.neighbours()).toEqual(new Map([["10.0.0.2", b.mac]]));
    // RFC 826: who is asked learns, who only hears it does not.
    expect(b.neighbours()).toEqual(new Map([["10.0.0.1", a.mac]]));
    expect(c.neighbours().size).toBe(0);
    network.advance(299_000);
    a.ping("10.0.0.2");
    network.run();
    expect(asked.length).toBe(1);
    network.advance(2_000);
    a.ping("10.0.0.2");
    network.run();
    expect(asked.length).toBe(2);
    a.forget();
    expect(a.neighbours().size).toBe(0);
  });

  test("is tried three times, a second apart, and then everybody who waits is told", async () => {
    using network = await Network.create(SMALL);
    const { machines } = lan(network, 2);
    const [a, b] = machines as [Machine, Machine];
    const times: number[] = [];
    b.onFrame = () => times.push(Math.round(network.nowMs));
    const pings = [a.ping("10.0.0.9"), a.ping("10.0.0.9")];
    network.advance(2_900);
    expect(pings.map((ping) => ping.errors.length)).toEqual([0, 0]);
    network.advance(200);
    expect(times).toEqual([0, 1000, 2000]);
    for (const ping of pings) expect(ping.errors).toEqual([{ kind: "no-neighbour", from: "10.0.0.1" }]);
  });

  test("announced, corrects what others know, and makes nobody know who did not", async () => {
    using network = await Network.create(SMALL);
    const { node, machines } = lan(network, 3);
    const [a, b, c] = machines as [Machine, Machine, Machine];
    a.ping("10.0.0.2");
    network.run();
    // Another machine takes b's address over.
    network.remove(b);
    const next = network.addMachine("next", { mac: "02:00:00:00:00:99", ip: "10.0.0.2/24" });
    network.connect(next.nic, node.at("lan-2"));
    next.announce();
    network.run();
    expect(a.neighbours().get("10.0.0.2")).toBe(next.mac);
    expect(c.neighbours().size).toBe(0);
    const ping = a.ping("10.0.0.2");
    network.run();
    expect(ping.replies).toBe(1);
    expect(next.counters()).toMatchObject({ foreign: 0, malformed: 0 });
  });

  test("probes are answered and not learned from (RFC 5227)", async () => {
    using network = await Network.create(SMALL);
    const { machines } = lan(network, 2);
    const [a, b] = machines as [Machine, Machine];
    const mac = "02:00:00:00:00:77";
    const zero = new Uint8Array(6);
    a.send(
      compose([
        { name: "ethernet", destination: "ff:ff:ff:ff:ff:ff", source: mac },
        { name: "arp", operation: 1, senderMac: mac, senderIp: "0.0.0.0", targetMac: zero, targetIp: b.ip! },
      ]),
    );
    network.run();
    expect(b.neighbours().size).toBe(0);
    expect(b.counters()).toMatchObject({ sent: 1, malformed: 0 });
  });
});

describe.each([
  ["IPv4", 0, 20],
  ["IPv6", 1, 40],
])("echo over %s", (_name, version, header) => {
  const ipOf = (machine: Machine): string => (version === 0 ? machine.ip : machine.ipv6) as string;

  test("comes back once for each request, whatever its size, with the time it took", async () => {
    using network = await Network.create(SMALL);
    const { machines } = lan(network, 2);
    const [a, b] = machines as [Machine, Machine];
    for (const size of [0, 1, 56, 1472 - (header - 20)]) {
      const ping = a.ping(ipOf(b), { size });
      network.run();
      expect(ping, String(size)).toMatchObject({ sent: 1, replies: 1, duplicates: 0, errors: [] });
      expect(ping.rttMs[0]).toBeCloseTo(size === 0 ? 0.008 : 0.004, 6);
    }
    const long = a.ping(ipOf(b), { size: 1473 - (header - 20) });
    network.run();
    expect(long.errors).toEqual([{ kind: "packet-too-big", from: ipOf(a), mtu: 1500 }]);
    expect(a.ping(ipOf(a)).replies).toBe(1);
    expectConserved(network);
    expectAgreed(network);
  });

  test("goes through a router, whose errors come back to who asked", async () => {
    using network = await Network.create(SMALL);
    const { a, b } = routed(network, 1500);
    const there = a.ping(ipOf(b));
    const lost = a.ping(ipOf(b), { ttl: 1 });
    const nowhere = a.ping(version === 0 ? "10.9.9.9" : "fc09::9");
    network.run();
    expect(there.replies).toBe(1);
    const from = version === 0 ? "10.0.1.1" : "fc00:1::1";
    expect(lost).toMatchObject({ replies: 0, errors: [{ kind: "ttl-exceeded", from }] });
    expect(nowhere.replies).toBe(0);
    expectConserved(network);
  });

  test("finds the MTU of a path and obeys it", async () => {
    using network = await Network.create(SMALL);
    const { a, b } = routed(network, 1400);
    const size = 1400 - header - 8;
    expect(a.pathMtu(ipOf(b))).toBe(1500);
    const first = a.ping(ipOf(b), { size: size + 1 });
    network.run();
    const from = version === 0 ? "10.0.1.1" : "fc00:1::1";
    expect(first.errors).toMatchObject([{ kind: "packet-too-big", from, mtu: 1400 }]);
    expect(a.pathMtu(ipOf(b))).toBe(1400);
    const sent = a.counters().sent;
    const second = a.ping(ipOf(b), { size: size + 1 });
    network.run();
    expect(second.errors).toEqual([{ kind: "packet-too-big", from: ipOf(a), mtu: 1400 }]);
    expect(a.counters().sent).toBe(sent);
    const third = a.ping(ipOf(b), { size });
    network.run();
    expect(third.replies).toBe(1);
    a.forget();
    expect(a.pathMtu(ipOf(b))).toBe(1500);
  });
});

describe("fragments", () => {
  test("of any size come together again, both ways, in any order", async () => {
    using network = await Network.create(SMALL);
    const { machines } = lan(network, 2, { mtu: 576 });
    const [a, b] = machines as [Machine, Machine];
    for (const size of [548, 549, 1500, 9000, 65507]) {
      const ping = a.ping(b.ip as string, { size, df: false });
      network.run();
      expect(ping.replies, String(size)).toBe(1);
    }
    const frames: Uint8Array[] = [];
    b.onFrame = (frame) => frames.push(frame);
    a.sendUdp(b.ip as string, 9, new Uint8Array(1500).fill(7));
    network.run();
    b.onFrame = undefined;
    expect(frames.length).toBe(3);
    for (const frame of frames) {
      expect(frame.length).toBeLessThanOrEqual(576 + 14);
      expect(dissect(frame, { checksums: true }).layers[1]).toMatchObject({ name: "ipv4", checksum: "good" });
    }
    b.clearReceived();
    for (const frame of frames.reverse()) a.send(frame);
    network.run();
    expect(b.datagrams.map(({ payload }) => [payload.length, payload[1499]])).toEqual([[1500, 7]]);
  });

  test("that overlap, contradict or never come are given up", async () => {
    using network = await Network.create(SMALL);
    const { machines } = lan(network, 2);
    const [a, b] = machines as [Machine, Machine];
    let identification = 0;
    const fragment = (fragmentOffset: number, moreFragments: boolean, size: number): void =>
      a.send(
        compose(
          [
            { name: "ethernet", destination: b.mac, source: a.mac },
            {
              name: "ipv4",
              source: a.ip!,
              destination: b.ip!,
              protocol: 17,
              identification,
              fragmentOffset,
              moreFragments,
            },
          ],
          new Uint8Array(size),
        ),
      );
    for (let i = 0; i < 40; i++) {
      identification++;
      fragment(0, true, 16);
    }
    fragment(8, false, 16);
    fragment(16, false, 16);
    identification++;
    fragment(0, true, 15);
    identification++;
    fragment(65000, false, 1000);
    network.run();
    network.advance(60_000);
    expect(b.datagrams.length).toBe(0);
    const ping = a.ping(b.ip as string, { size: 5000, df: false });
    network.run();
    expect(ping.replies).toBe(1);
  });

  test("are made for a path that allows less, since somebody forbade fragments on the way", async () => {
    using network = await Network.create(SMALL);
    const { a, b } = routed(network, 1400);
    const payload = new Uint8Array(1450).fill(3);
    a.sendUdp(b.ip as string, 9, payload);
    network.run();
    expect(b.datagrams.length).toBe(0);
    expect(a.pathMtu(b.ip as string)).toBe(1400);
    a.sendUdp(b.ip as string, 9, payload, 1234);
    network.run();
    expect(b.datagrams).toMatchObject([{ from: a.ip, sourcePort: 1234, destinationPort: 9, payload }]);
  });
});

test("UDP over both versions, to everybody and to groups", async () => {
  using network = await Network.create(SMALL);
  const { machines } = lan(network, 3);
  const [a, b, c] = machines as [Machine, Machine, Machine];
  const payload = Uint8Array.of(1, 2, 3);
  for (const ip of [b.ip!, b.ipv6!, "10.0.0.255", "255.255.255.255", "224.0.0.251", "ff02::1"])
    expect(a.sendUdp(ip, 5353, payload)).toBeUndefined();
  network.run();
  expect(b.datagrams.length).toBe(6);
  expect(c.datagrams.length).toBe(4);
  expect(b.datagrams.map(({ sourcePort }) => sourcePort)).toContain(49152);
  // One question to everybody has no answers (RFC 1122 §3.2.2.6).
  const pings = ["10.0.0.255", "224.0.0.1", "ff02::1"].map((ip) => a.ping(ip));
  network.run();
  expect(pings.map(({ replies }) => replies)).toEqual([0, 0, 0]);
  expect(b.received.length).toBe(9);
  expect(a.sendUdp("10.9.9.9", 1, payload)).toEqual({ kind: "no-route" });
  expect(a.sendUdp(b.ipv6!, 1, new Uint8Array(1453))).toEqual({ kind: "packet-too-big", mtu: 1500 });
});

test("history is bounded, and the latest stays", async () => {
  using network = await Network.create(SMALL);
  const { node, machines } = lan(network, 1);
  const bridgeDomain = node.core.bridgeDomain("lan")!;
  const few = network.addMachine("few", { mac: "02:00:00:00:00:50", history: 2 });
  network.connect(few.nic, node.at(node.core.addPort({ name: "few", bridgeDomain })));
  for (let i = 0; i < 5; i++) machines[0]!.broadcast(Uint8Array.of(i));
  network.run();
  expect(few.received.map(({ frame }) => frame[14])).toEqual([3, 4]);
});

describe("bad frames", () => {
  test("are counted and answered by nobody", async () => {
    using network = await Network.create(SMALL);
    const { machines } = lan(network, 2);
    const [a, b] = machines as [Machine, Machine];
    const ethernet: ComposeLayer = { name: "ethernet", destination: b.mac, source: a.mac };
    const ipv4: ComposeLayer = { name: "ipv4", source: a.ip!, destination: b.ip! };
    const ipv6: ComposeLayer = { name: "ipv6", source: a.ipv6!, destination: b.ipv6! };
    const bad = [
      compose([ethernet, { ...ipv4, checksum: 1 }, { name: "icmp", type: 8 }], new Uint8Array(4)),
      compose([ethernet, ipv4, { name: "icmp", type: 8, checksum: 1 }], new Uint8Array(4)),
      compose([ethernet, ipv4, { name: "icmp", type: 8 }]),
      compose([ethernet, ipv4, { name: "udp", sourcePort: 1, destinationPort: 2, checksum: 1 }]),
      compose([ethernet, ipv6, { name: "icmpv6", type: 128, checksum: 1 }], new Uint8Array(4)),
      // A solicitation from afar: RFC 4861 §7.1.1.
      compose([ethernet, { ...ipv6, hopLimit: 64 }, { name: "icmpv6", type: 135 }], new Uint8Array(28)),
      compose([{ ...ethernet, etherType: 0x0806 }], new Uint8Array(20)),
      compose([{ ...ethernet, etherType: 0x0800 }], new Uint8Array(20)),
    ];
    for (const frame of bad) a.send(frame);
    network.run();
    expect(b.counters()).toMatchObject({ received: bad.length, malformed: bad.length, sent: 0 });
    // Not for b: by MAC (flooded, since nobody knows it), by IP address.
    a.send(compose([{ ...ethernet, destination: "02:00:00:00:00:44" }, ipv4], new Uint8Array(8)));
    a.send(compose([ethernet, { ...ipv4, destination: "10.0.0.77" }], new Uint8Array(8)));
    network.run();
    expect(b.counters()).toMatchObject({ foreign: 2, sent: 0 });
  });

  test("cut anywhere, or with any byte changed, never throw", async () => {
    using network = await Network.create(SMALL);
    const { machines } = lan(network, 2);
    const [a, b] = machines as [Machine, Machine];
    const seen: Uint8Array[] = [];
    b.onFrame = (frame) => seen.push(frame.slice());
    a.ping(b.ip!, { size: 8 });
    a.ping(b.ipv6!, { size: 8 });
    a.sendUdp(b.ip!, 1, new Uint8Array(4));
    network.run();
    b.onFrame = undefined;
    const error = compose(
      [
        { name: "ethernet", destination: b.mac, source: a.mac },
        { name: "ipv4", source: a.ip!, destination: b.ip! },
        { name: "icmp", type: 3, code: 4 },
      ],
      Uint8Array.from([0, 0, 2, 0, ...seen[0]!.subarray(14)]),
    );
    for (const frame of [...seen, error]) {
      for (let length = 0; length < frame.length; length++) b.take(frame.slice(0, length));
      for (let at = 6; at < frame.length; at++) {
        for (const flip of [1, 0x80, 0xff]) {
          const changed = frame.slice();
          changed[at] = (changed[at] as number) ^ flip;
          b.take(changed);
        }
      }
    }
    network.advance(5_000);
    expect(b.counters().malformed).toBeGreaterThan(100);
    const ping = a.ping(b.ip!);
    network.run();
    expect(ping.replies).toBe(1);
  });
});
