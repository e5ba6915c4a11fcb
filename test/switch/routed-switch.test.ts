// Routers inside a switch: packets go from bridge domain to bridge domain, and everything is counted.
import { FrameBatch, type Kernels, loadKernels } from "frameferry";
import { type BridgeDomain, SwitchCore, type SwitchPort } from "frameferry/switch";
import { checksum, compose, dissect, formatMac } from "frameferry/wire";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";

const GATEWAY_RED = "02:00:00:00:01:01";
const GATEWAY_BLUE = "02:00:00:00:02:01";
const ANNA = { mac: "02:00:00:00:01:0a", ip: "10.0.1.10" };
const ZERO = "00:00:00:00:00:00";
const BERT = { mac: "02:00:00:00:02:0b", ip: "10.0.2.11" };

let kernels: Kernels;
let core: SwitchCore;
let batch: FrameBatch;
let red: BridgeDomain;
let blue: BridgeDomain;
let anna: SwitchPort;
let bert: SwitchPort;

beforeAll(async () => {
  kernels = await loadKernels({ memoryBytes: 32 << 20 });
});
beforeEach(() => {
  core = new SwitchCore(kernels, { vtep: { address: "192.0.2.1" } });
  batch = new FrameBatch(kernels, { frames: 2048, frameBytes: 1600 });
  red = core.addBridgeDomain({ name: "red", vni: 1 });
  blue = core.addBridgeDomain({ name: "blue", vni: 2 });
  anna = core.addPort({ bridgeDomain: red });
  bert = core.addPort({ bridgeDomain: blue });
  const router = core.addRouter();
  router.addInterface({ bridgeDomain: red, mac: GATEWAY_RED, addresses: ["10.0.1.1/24"] });
  router.addInterface({ bridgeDomain: blue, mac: GATEWAY_BLUE, addresses: ["10.0.2.1/24"], mtu: 1000 });
  core.addNeighbour({ bridgeDomain: blue, ...BERT });
});
afterEach(() => {
  const counters = core.counters();
  expect(counters.received + counters.copies).toBe(counters.sent + counters.dropped);
  for (const domain of counters.bridgeDomains) {
    expect(domain.received + domain.copies + domain.routedIn).toBe(
      domain.sent + domain.dropped + domain.routedOut,
    );
  }
  const free = kernels.plan.freeBytes;
  batch.close();
  core.close();
  expect(kernels.plan.freeBytes).toBeGreaterThan(free);
});

/** Zero if the IPv4 header's checksum is right. */
function headerChecksum(frame: Uint8Array): number {
  return checksum(frame.subarray(14, 34));
}

function toBert(ttl = 64, bytes = 100): Uint8Array {
  return compose(
    [
      { name: "ethernet", source: ANNA.mac, destination: GATEWAY_RED },
      { name: "ipv4", source: ANNA.ip, destination: BERT.ip, ttl },
      { name: "udp", sourcePort: 1000, destinationPort: 2000 },
    ],
    new Uint8Array(bytes),
  );
}

function forward(frames: Iterable<[Uint8Array, SwitchPort]>, nowMs = 0): [number, Uint8Array][] {
  batch.clear();
  for (const [frame, port] of frames) batch.add(frame, { mark: port.number });
  const out: [number, Uint8Array][] = [];
  core.forward(batch, nowMs, (frame, port) => out.push([port, frame.slice()]));
  return out;
}

describe("a router in a switch", () => {
  it("passes packets on from one bridge domain to another, with new addresses and one hop less", () => {
    // Bert has not been heard of: his frame is flooded in his own bridge domain only.
    const [[port, frame] = [-1, new Uint8Array()], ...more] = forward([[toBert(), anna]]);
    expect(more).toEqual([]);
    expect(port).toBe(bert.number);
    expect(formatMac(frame)).toBe(BERT.mac);
    expect(formatMac(frame, 6)).toBe(GATEWAY_BLUE);
    expect(dissect(frame).layers[1]?.header).toMatchObject({ ttl: 63 });
    expect(headerChecksum(frame)).toBe(0);
    const domains = core.counters().bridgeDomains;
    expect(domains.map(({ routedIn, routedOut }) => [routedIn, routedOut])).toEqual([
      [0, 1],
      [1, 0],
    ]);
  });

  it("lets a routed packet leave by the port that it came in on, tagged with its new VLAN", () => {
    const trunk = core.addPort({ vlans: { 10: red, 20: blue } });
    core.fdb.set({ bridgeDomain: blue, mac: BERT.mac, port: trunk });
    const plain = toBert();
    const tagged = new Uint8Array([...plain.subarray(0, 12), 0x81, 0, 0xa0, 10, ...plain.subarray(12)]);
    const [[port, frame] = [-1, new Uint8Array()]] = forward([[tagged, trunk]]);
    expect(port).toBe(trunk.number);
    expect([...frame.subarray(12, 16)]).toEqual([0x81, 0, 0xa0, 20]);
  });

  it("sends what it routes through tunnels", () => {
    const tunnel = core.addTunnel({ kind: "vxlan", remote: "192.0.2.2", bridgeDomains: [blue] });
    core.fdb.set({ bridgeDomain: blue, mac: BERT.mac, port: tunnel });
    const [[port, frame] = [-1, new Uint8Array()]] = forward([[toBert(), anna]]);
    expect(port).toBe(0);
    const { layers } = dissect(frame);
    expect(layers.map(({ name }) => name)).toEqual([
      "ethernet",
      "ipv4",
      "udp",
      "vxlan",
      "ethernet",
      "ipv4",
      "udp",
      "payload",
    ]);
    expect(layers[3]?.header).toMatchObject({ vni: 2 });
  });

  it("answers whoever asks for its address, and what is too long or too old", () => {
    const ask = compose([
      { name: "ethernet", source: ANNA.mac, destination: "ff:ff:ff:ff:ff:ff" },
      {
        name: "arp",
        operation: 1,
        senderMac: ANNA.mac,
        senderIp: ANNA.ip,
        targetMac: ZERO,
        targetIp: "10.0.1.1",
      },
    ]);
    const out = forward([
      [ask, anna],
      [toBert(1), anna],
      [toBert(64, 1200), anna],
    ]);
    expect(out.map(([port]) => port)).toEqual([anna.number, anna.number, anna.number]);
    expect(core.counters().answered).toEqual({ arp: 1, echo: 0, ttlExceeded: 1, packetTooBig: 1 });
  });

  it("sends at most 1,000 ICMP errors a second (RFC 4443 section 2.4)", () => {
    const frames = Array.from({ length: 1500 }, (): [Uint8Array, SwitchPort] => [toBert(1), anna]);
    expect(forward(frames, 5000)).toHaveLength(1000);
    expect(core.counters().drops).toEqual({ "ttl-exceeded": 500 });
    expect(forward([[toBert(1), anna]], 5999)).toHaveLength(0);
    expect(forward([[toBert(1), anna]], 6000)).toHaveLength(1);
  });

  it("lets nobody silence what others are told: path MTU discovery goes on beside a flood", () => {
    const green = core.addBridgeDomain({ name: "green", vni: 3 });
    const carla = core.addPort({ bridgeDomain: green });
    const router = core.addRouter();
    // A router of its own, and one bridge domain more for the way out.
    const back = core.addBridgeDomain({ name: "back", vni: 4 });
    router.addInterface({ bridgeDomain: green, mac: GATEWAY_RED, addresses: ["10.0.1.1/24"] });
    router.addInterface({ bridgeDomain: back, mac: GATEWAY_BLUE, addresses: ["10.0.2.1/24"], mtu: 1000 });
    core.addNeighbour({ bridgeDomain: back, ...BERT });
    const flood = Array.from({ length: 1500 }, (): [Uint8Array, SwitchPort] => [toBert(1), anna]);
    expect(forward(flood, 5000)).toHaveLength(1000);
    const told = forward(
      [
        [toBert(64, 1200), anna],
        [toBert(64, 1200), carla],
        [toBert(1), carla],
        [toBert(1), anna],
      ],
      5000,
    );
    expect(told.map(([port]) => port)).toEqual([anna.number, carla.number, carla.number]);
  });

  it("is removed before its bridge domain, and is gone then", () => {
    core.removePort(anna);
    expect(() => core.removeBridgeDomain(red)).toThrow(/^bridgeDomain: a router stands in red/);
  });

  it("answers on the uplink for the VTEP's address only", () => {
    const uplink = core.uplink as SwitchPort;
    const ask = (targetIp: string): Uint8Array =>
      compose([
        { name: "ethernet", source: "02:00:00:00:09:09", destination: "ff:ff:ff:ff:ff:ff" },
        {
          name: "arp",
          operation: 1,
          senderMac: "02:00:00:00:09:09",
          senderIp: "192.0.2.9",
          targetMac: ZERO,
          targetIp,
        },
      ]);
    const out = forward([
      [ask("192.0.2.1"), uplink],
      [ask("192.0.2.3"), uplink],
      [ask("10.0.1.1"), uplink],
    ]);
    expect(out.map(([port]) => port)).toEqual([0]);
    expect(core.counters().drops).toEqual({ "not-tunnel": 2 });
  });
});
