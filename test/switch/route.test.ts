// The kernel `route`: every way a frame can go on, be answered or be dropped, byte for byte.
import fc from "fast-check";
import { type Kernels, loadKernels } from "frameferry";
import type { Router } from "frameferry/switch";
import {
  type ComposeLayer,
  checksumFold,
  checksumSum,
  compose,
  dissect,
  flowHash,
  formatIp,
  formatMac,
  type LayerOf,
  parseIp,
  parseMac,
  pseudoHeaderSum,
} from "frameferry/wire";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { noise } from "../support/passengers.ts";
import { RouteBench, type Routed } from "./router-bench.ts";

const HOST = "02:00:00:00:00:aa";
const GATEWAY = "02:00:00:00:01:01";
const GATEWAY_2 = "02:00:00:00:01:02";
const PEER = "02:00:00:00:00:bb";
const SEED = 0x1234567;

let kernels: Kernels;
let bench: RouteBench;
let router: Router;

beforeAll(async () => {
  kernels = await loadKernels({ memoryBytes: 16 << 20 });
  bench = new RouteBench(kernels, { flowSeed: SEED });
  router = bench.router();
  router.addInterface({
    bridgeDomain: { id: 1 },
    mac: GATEWAY,
    addresses: ["10.0.1.1/24", "fe80::1/64", "fc00:1::1/64", "10.0.1.9/24"],
  });
  router.addInterface({
    bridgeDomain: { id: 2 },
    mac: GATEWAY_2,
    addresses: ["10.0.2.1/24", "fc00:2::1/64"],
    mtu: 1300,
  });
  router.addInterface({ bridgeDomain: { id: 3 }, mac: GATEWAY_2, addresses: ["10.0.3.1/24"] });
  const neighbour = (domain: number, ip: string, mac: string) =>
    bench.neighbours.set(domain, parseIp("ip", ip), parseMac("mac", mac));
  neighbour(1, "10.0.1.5", HOST);
  neighbour(1, "fc00:1::5", HOST);
  neighbour(2, "10.0.2.5", PEER);
  neighbour(2, "fc00:2::5", PEER);
  for (let i = 10; i < 74; i++)
    neighbour(3, `10.0.3.${i}`, `02:00:00:00:03:${i.toString(16).padStart(2, "0")}`);
  router.addRoute({ prefix: "10.5.0.0/16", via: "10.0.2.5" });
  router.addRoute({ prefix: "10.6.0.0/16", via: "10.0.2.77" });
  router.addRoute({ prefix: "10.7.0.0/16", blackhole: true });
  router.addRoute({ prefix: "10.7.1.0/24", via: "10.0.2.5" });
  router.addRoute({ prefix: "fc00:5::/32", via: "fc00:2::5" });
  router.addRoute({ prefix: "fc00:7::/32", blackhole: true });
  router.addRoute({ prefix: "10.8.0.0/16", via: Array.from({ length: 64 }, (_, i) => `10.0.3.${i + 10}`) });
});
afterAll(() => {
  const { size } = bench.neighbours;
  bench.close();
  expect(size).toBe(75);
});

interface Shape {
  readonly from?: string;
  readonly to: string;
  readonly ttl?: number;
  readonly payload?: number;
  readonly vid?: number;
  readonly fields?: object;
  readonly inside?: readonly ComposeLayer[];
}

function frameOf({ from, to, ttl = 64, payload = 20, vid, fields = {}, inside }: Shape): Uint8Array {
  const ipv6 = to.includes(":");
  const source = from ?? (ipv6 ? "fc00:1::5" : "10.0.1.5");
  const udp: ComposeLayer = { name: "udp", sourcePort: 1000 + payload, destinationPort: 2000 };
  const layers: ComposeLayer[] = [{ name: "ethernet", destination: GATEWAY, source: HOST }];
  if (vid !== undefined) layers.push({ name: "vlan", vid, pcp: 5, dei: true });
  layers.push(
    ipv6
      ? { name: "ipv6", source, destination: to, hopLimit: ttl, dscp: 10, ...fields }
      : { name: "ipv4", source, destination: to, ttl, identification: 99, dscp: 10, ...fields },
    ...(inside ?? [udp]),
  );
  return compose(layers, noise(payload, 5));
}

function echo(shape: Shape, type?: number): Uint8Array {
  const ipv6 = shape.to.includes(":");
  const name = ipv6 ? "icmpv6" : "icmp";
  return frameOf({ ...shape, inside: [{ name, type: type ?? (ipv6 ? 128 : 8) }] });
}

function route(bytes: Uint8Array, more: { tag?: 4; headroom?: number; wireLength?: number } = {}): Routed {
  const { tag = 0, ...input } = more;
  return bench.run("route", { bytes, ...input }, 1, tag);
}

function ttlOf(frame: Uint8Array, by: -1, at: number): Uint8Array {
  const changed = frame.slice();
  const ip = dissect(frame).layers.find(({ name }) => name === "ipv4" || name === "ipv6")!;
  changed[ip.offset + at]! += by;
  if (ip.name === "ipv4") {
    changed.fill(0, ip.offset + 10, ip.offset + 12);
    const sum = ~checksumFold(checksumSum(changed, ip.offset, ip.offset + ip.length)) & 0xffff;
    changed.set([sum >> 8, sum & 255], ip.offset + 10);
  }
  return changed;
}

function expectPassed(frame: Uint8Array, out: Routed, domain: number, mac: string, from: string): void {
  const expected = ttlOf(frame, -1, frame[12 + (frame[12] === 0x81 ? 4 : 0)] === 8 ? 8 : 7);
  expected.set(parseMac("mac", mac));
  expected.set(parseMac("mac", from), 6);
  expect(out).toEqual({
    reason: undefined,
    answered: false,
    domain,
    bytes: expected,
    wireLength: expected.length,
  });
}

describe("packets that go on", () => {
  it.each([
    ["10.0.2.5", 2, PEER, GATEWAY_2],
    ["10.5.1.2", 2, PEER, GATEWAY_2],
    ["10.7.1.2", 2, PEER, GATEWAY_2],
    ["fc00:2::5", 2, PEER, GATEWAY_2],
    ["fc00:5:1::9", 2, PEER, GATEWAY_2],
    ["10.0.1.5", 1, HOST, GATEWAY],
  ] as const)("to %s", (to, domain, mac, from) => {
    for (const vid of [undefined, 7]) {
      for (const ttl of [2, 64, 255]) {
        for (const payload of [0, 1, 20, 999]) {
          const frame = frameOf({ to, ttl, payload, ...(vid === undefined ? {} : { vid }) });
          expectPassed(frame, route(frame, vid === undefined ? {} : { tag: 4 }), domain, mac, from);
        }
      }
    }
  });

  it("with options, extension headers, fragments, and bytes behind the packet", () => {
    const frames = [
      frameOf({ to: "10.0.2.5", fields: { options: noise(40, 1) } }),
      frameOf({ to: "10.0.2.5", fields: { fragmentOffset: 800, moreFragments: true } }),
      frameOf({
        to: "fc00:2::5",
        fields: { extensions: [{ type: 0, bytes: Uint8Array.of(17, 0, 1, 4, 0, 0, 0, 0) }] },
      }),
    ];
    for (const frame of frames) {
      expectPassed(frame, route(frame), 2, PEER, GATEWAY_2);
      const longer = new Uint8Array(frame.length + 7).fill(9);
      longer.set(frame);
      expectPassed(longer, route(longer), 2, PEER, GATEWAY_2);
    }
  });

  it("whose checksum becomes every number there is", () => {
    for (let i = 0; i < 65536; i += 37) {
      const frame = frameOf({ to: "10.0.2.5", ttl: 2 + (i % 250), fields: { identification: i } });
      expectPassed(frame, route(frame), 2, PEER, GATEWAY_2);
    }
  });

  it("though a capture cut them behind the header", () => {
    const frame = frameOf({ to: "10.0.2.5", payload: 500 });
    const cut = frame.subarray(0, 34);
    const out = route(cut, { wireLength: frame.length });
    expect(out).toMatchObject({ reason: undefined, domain: 2, wireLength: frame.length });
    expect(out.bytes).toEqual(
      Uint8Array.from([
        ...parseMac("m", PEER),
        ...parseMac("m", GATEWAY_2),
        ...ttlOf(frame, -1, 8).subarray(12, 34),
      ]),
    );
  });

  it("spread over 64 next hops by their flow, and a flow always takes the same", () => {
    const seen = new Set<number>();
    for (let port = 0; port < 2000; port++) {
      const inside: ComposeLayer[] = [{ name: "udp", sourcePort: port, destinationPort: 53 }];
      const frame = frameOf({ to: "10.8.1.1", inside });
      const out = route(frame);
      const hop = Math.floor((flowHash(frame, SEED) * 64) / 2 ** 32);
      expectPassed(frame, out, 3, `02:00:00:00:03:${(hop + 10).toString(16).padStart(2, "0")}`, GATEWAY_2);
      seen.add(hop);
    }
    expect(seen.size).toBe(64);
  });
});

describe("packets that are dropped", () => {
  const cases: Record<string, readonly [string, () => Uint8Array]> = {
    "no route": ["no-route", () => frameOf({ to: "11.0.0.1" })],
    "no route, IPv6": ["no-route", () => frameOf({ to: "fc01::1" })],
    "to a group": ["no-route", () => frameOf({ to: "224.0.0.1" })],
    "from loopback": ["no-route", () => frameOf({ from: "127.0.0.1", to: "10.0.2.5" })],
    "from a link-local address": ["no-route", () => frameOf({ from: "fe80::5", to: "fc00:2::5" })],
    "from nobody, IPv6": ["no-route", () => frameOf({ from: "::", to: "fc00:2::5" })],
    blackhole: ["blackhole", () => frameOf({ to: "10.7.2.1" })],
    "blackhole, IPv6": ["blackhole", () => frameOf({ to: "fc00:7::1" })],
    "unknown host": ["no-neighbour", () => frameOf({ to: "10.0.2.6" })],
    "unknown host, IPv6": ["no-neighbour", () => frameOf({ to: "fc00:2::6" })],
    "unresolved next hop": ["no-neighbour", () => frameOf({ to: "10.6.0.1" })],
    "a neighbour's address of another domain": ["no-neighbour", () => frameOf({ to: "10.0.3.5" })],
    "the router itself": ["for-router", () => frameOf({ to: "10.0.2.1" })],
    "the router itself, IPv6": ["for-router", () => frameOf({ to: "fe80::1" })],
    "echo reply to the router": ["for-router", () => echo({ to: "10.0.1.1" }, 0)],
    "echo of a fragment": ["for-router", () => echo({ to: "10.0.1.1", fields: { moreFragments: true } })],
    "echo with options": [
      "for-router",
      () => echo({ to: "10.0.1.1", fields: { options: new Uint8Array(4) } }),
    ],
    "echo from a group": ["for-router", () => echo({ from: "224.0.0.5", to: "10.0.1.1" })],
    "echo with a wrong checksum": [
      "for-router",
      () => frameOf({ to: "10.0.1.1", inside: [{ name: "icmp", type: 8, checksum: 1 }] }),
    ],
    "echo with a wrong checksum, IPv6": [
      "for-router",
      () => frameOf({ to: "fc00:1::1", inside: [{ name: "icmpv6", type: 128, checksum: 1 }] }),
    ],
    "a short echo": ["for-router", () => echo({ to: "10.0.1.1", payload: 3 })],
    ARP: [
      "for-router",
      () =>
        compose([{ name: "ethernet", destination: GATEWAY, source: HOST, etherType: 0x806 }], noise(50, 1)),
    ],
    version: ["ip-header", () => edit(frameOf({ to: "10.0.2.5" }), 14, 0x55)],
    "version, IPv6": ["ip-header", () => edit(frameOf({ to: "fc00:2::5" }), 14, 0x40)],
    "header length": ["ip-header", () => edit(frameOf({ to: "10.0.2.5" }), 14, 0x44)],
    "header beyond the frame": ["ip-header", () => edit(frameOf({ to: "10.0.2.5", payload: 0 }), 14, 0x4f)],
    "total length beyond the frame": [
      "ip-header",
      () => frameOf({ to: "10.0.2.5", fields: { totalLength: 49 } }),
    ],
    "total length below the header": [
      "ip-header",
      () => frameOf({ to: "10.0.2.5", fields: { totalLength: 19 } }),
    ],
    "payload length beyond the frame": [
      "ip-header",
      () => frameOf({ to: "fc00:2::5", fields: { payloadLength: 29 } }),
    ],
    "half a header": ["ip-header", () => frameOf({ to: "10.0.2.5" }).subarray(0, 33)],
    "half a header, IPv6": ["ip-header", () => frameOf({ to: "fc00:2::5" }).subarray(0, 53)],
    "nothing behind Ethernet": ["ip-header", () => frameOf({ to: "10.0.2.5" }).subarray(0, 14)],
    checksum: ["ip-checksum", () => frameOf({ to: "10.0.2.5", fields: { checksum: 0xffff } })],
    "expired fragment": [
      "ttl-exceeded",
      () => frameOf({ to: "10.0.2.5", ttl: 1, fields: { fragmentOffset: 8 } }),
    ],
    "expired, from a group": ["ttl-exceeded", () => frameOf({ from: "224.0.0.5", to: "10.0.2.5", ttl: 1 })],
    "expired, from nobody": ["ttl-exceeded", () => frameOf({ from: "0.0.0.0", to: "10.0.2.5", ttl: 0 })],
    "expired, from nobody, IPv6": ["ttl-exceeded", () => frameOf({ from: "::", to: "fc00:2::5", ttl: 1 })],
    "expired, to a group": ["ttl-exceeded", () => frameOf({ to: "ff0e::5", ttl: 1 })],
    "an expired error": ["ttl-exceeded", () => echo({ to: "10.0.2.5", ttl: 1 }, 11)],
    "an expired error, IPv6": ["ttl-exceeded", () => echo({ to: "fc00:2::5", ttl: 1 }, 1)],
    "an expired ICMP without a message": [
      "ttl-exceeded",
      () => frameOf({ to: "10.0.2.5", ttl: 1, payload: 0, inside: [], fields: { protocol: 1 } }),
    ],
    "an expired error behind extension headers": [
      "ttl-exceeded",
      () =>
        echo(
          {
            to: "fc00:2::5",
            ttl: 1,
            fields: { extensions: [{ type: 60, bytes: Uint8Array.of(58, 0, 1, 4, 0, 0, 0, 0) }] },
          },
          3,
        ),
    ],
    "an expired later fragment": [
      "ttl-exceeded",
      () =>
        frameOf({
          to: "fc00:2::5",
          ttl: 1,
          fields: { extensions: [{ type: 44, bytes: Uint8Array.of(17, 0, 0, 8, 0, 0, 0, 1) }] },
        }),
    ],
    "a long error": ["exceeds-mtu", () => echo({ to: "10.0.2.5", payload: 1400 }, 3)],
    "a long later fragment": [
      "exceeds-mtu",
      () => frameOf({ to: "10.0.2.5", payload: 1400, fields: { fragmentOffset: 8 } }),
    ],
  };
  it.each(Object.keys(cases))("%s", (name) => {
    const [reason, make] = cases[name]!;
    const before = bench.answered;
    expect(route(make())).toMatchObject({ reason, answered: false });
    expect(bench.answered).toEqual(before);
  });

  it("though it may only be the capture that cut the header", () => {
    const frame = frameOf({ to: "10.0.2.5", fields: { options: noise(40, 1) } });
    expect(route(frame.subarray(0, 50), { wireLength: frame.length }).reason).toBe("ip-header");
    expect(route(frame.subarray(0, 74), { wireLength: frame.length }).reason).toBeUndefined();
  });

  it("for want of headroom, where an answer would have been", () => {
    for (const [frame, needs, reason] of [
      [frameOf({ to: "10.0.2.5", ttl: 1 }), 28, "ttl-exceeded"],
      [frameOf({ to: "fc00:2::5", ttl: 1 }), 48, "ttl-exceeded"],
      [frameOf({ to: "10.0.2.5", payload: 1400 }), 28, "exceeds-mtu"],
      [frameOf({ to: "fc00:2::5", payload: 1400 }), 48, "exceeds-mtu"],
    ] as const) {
      expect(route(frame, { headroom: needs - 1 }).reason).toBe(reason);
      expect(route(frame, { headroom: needs })).toMatchObject({ reason: undefined, answered: true });
    }
  });

  it("where the router has no address to answer from", () => {
    const frame = frameOf({ from: "fc00:9::9", to: "fc00:2::5", ttl: 1 });
    expect(bench.run("route", { bytes: frame }, 3).reason).toBe("ttl-exceeded");
  });

  it("in a bridge domain without a router", () => {
    expect(bench.run("route", { bytes: frameOf({ to: "10.0.2.5" }) }, 9).reason).toBe("for-router");
  });
});

function edit(frame: Uint8Array, at: number, byte: number): Uint8Array {
  frame[at] = byte;
  return frame;
}

/** The layer of that name; everything about the frame holds together. */
function layerOf<N extends "ipv4" | "ipv6" | "icmp" | "icmpv6" | "ethernet">(
  frame: Uint8Array,
  name: N,
): LayerOf<N> {
  const { layers, stop } = dissect(frame, { checksums: true });
  expect(stop).toBeUndefined();
  for (const layer of layers) if ("checksum" in layer) expect(layer.checksum).not.toBe("bad");
  return layers.find((layer) => layer.name === name) as LayerOf<N>;
}

/** Checks an ICMP message that came back, and gives what stands behind its checksum. */
function expectIcmp(out: Routed, to: string, from: string, type: number, code: number): Uint8Array {
  expect(out).toMatchObject({ reason: undefined, answered: true, wireLength: out.bytes.length });
  const { header } = layerOf(out.bytes, "ethernet");
  expect([formatMac(header.destination), formatMac(header.source)]).toEqual([HOST, GATEWAY]);
  const ipv6 = to.includes(":");
  const ip = layerOf(out.bytes, ipv6 ? "ipv6" : "ipv4");
  expect([formatIp(ip.header.source), formatIp(ip.header.destination)]).toEqual([from, to]);
  expect("ttl" in ip.header ? ip.header.ttl : ip.header.hopLimit).toBe(64);
  const icmp = layerOf(out.bytes, ipv6 ? "icmpv6" : "icmp");
  expect([icmp.header.type, icmp.header.code]).toEqual([type, code]);
  const end = out.bytes.length;
  const pseudo = ipv6 ? pseudoHeaderSum(ip.header.source, ip.header.destination, 58, end - icmp.offset) : 0;
  expect(checksumFold(checksumSum(out.bytes, icmp.offset, end, pseudo))).toBe(0xffff);
  return out.bytes.slice(icmp.offset + 4);
}

describe("what the router answers", () => {
  const sizes = [0, 1, 8, 100, 519, 520, 521, 1183, 1184, 1185, 1400];

  it.each(sizes)("time exceeded, %i bytes of payload", (payload) => {
    for (const vid of [undefined, 9]) {
      const tag = vid === undefined ? {} : ({ tag: 4 } as const);
      const shape = { payload, ttl: 1, ...(vid === undefined ? {} : { vid }) };
      const behind = vid === undefined ? 14 : 18;
      const frame = frameOf({ ...shape, to: "10.0.2.5" });
      const out = route(frame, tag);
      const body = expectIcmp(out, "10.0.1.5", "10.0.1.1", 11, 0);
      expect(body.subarray(0, 4)).toEqual(new Uint8Array(4));
      expect(body.subarray(4)).toEqual(frame.subarray(behind, Math.min(frame.length, behind + 548)));
      if (vid !== undefined) expect(out.bytes.subarray(12, 18)).toEqual(frame.subarray(12, 18));
      const frame6 = frameOf({ ...shape, to: "fc00:2::5" });
      const body6 = expectIcmp(route(frame6, tag), "fc00:1::5", "fc00:1::1", 3, 0);
      expect(body6.subarray(0, 4)).toEqual(new Uint8Array(4));
      expect(body6.subarray(4)).toEqual(frame6.subarray(behind, Math.min(frame6.length, behind + 1232)));
    }
  });

  it("packet too big, with the MTU, from one byte too many on", () => {
    for (const fields of [{}, { dontFragment: true }]) {
      const frame = frameOf({ to: "10.0.2.5", payload: 1273, fields });
      const body = expectIcmp(route(frame), "10.0.1.5", "10.0.1.1", 3, 4);
      expect(body.subarray(0, 4)).toEqual(Uint8Array.of(0, 0, 1300 >> 8, 1300 & 255));
      expect(body.subarray(4)).toEqual(frame.subarray(14, 562));
    }
    const frame = frameOf({ to: "fc00:5::1", payload: 1253 });
    const body = expectIcmp(route(frame), "fc00:1::5", "fc00:1::1", 2, 0);
    expect(body.subarray(0, 4)).toEqual(Uint8Array.of(0, 0, 1300 >> 8, 1300 & 255));
    expect(body.subarray(4)).toEqual(frame.subarray(14, 14 + 1232));
    for (const [to, payload] of [
      ["10.0.2.5", 1272],
      ["fc00:2::5", 1252],
    ] as const) {
      const fitting = frameOf({ to, payload });
      expectPassed(fitting, route(fitting), 2, PEER, GATEWAY_2);
    }
  });

  it("quotes no more than a capture left, nor bytes behind the packet", () => {
    const frame = frameOf({ to: "10.0.2.5", ttl: 1, payload: 300 });
    const cut = route(frame.subarray(0, 100), { wireLength: frame.length });
    expect(expectIcmp(cut, "10.0.1.5", "10.0.1.1", 11, 0).subarray(4)).toEqual(frame.subarray(14, 100));
    const longer = new Uint8Array(frame.length + 9).fill(7);
    longer.set(frame);
    expect(expectIcmp(route(longer), "10.0.1.5", "10.0.1.1", 11, 0).subarray(4)).toEqual(frame.subarray(14));
  });

  it.each(["10.0.1.1", "10.0.2.1", "10.0.1.9", "fc00:1::1", "fc00:2::1", "fe80::1"])("echo to %s", (to) => {
    const ipv6 = to.includes(":");
    for (const payload of [4, 5, 60, 1200]) {
      for (const ttl of [1, 64, 255]) {
        const frame = echo({ to, payload, ttl });
        const body = expectIcmp(route(frame), ipv6 ? "fc00:1::5" : "10.0.1.5", to, ipv6 ? 129 : 0, 0);
        expect(body).toEqual(frame.subarray(ipv6 ? 58 : 38));
      }
    }
  });

  it("echo that a capture cut, whose checksum stays as right as it was", () => {
    for (const [to, from, at] of [
      ["10.0.1.1", "10.0.1.5", 34],
      ["fc00:1::1", "fc00:1::5", 54],
    ] as const) {
      const frame = echo({ to, payload: 200 });
      const whole = route(frame);
      expectIcmp(whole, from, to, at === 34 ? 0 : 129, 0);
      const cut = route(frame.subarray(0, at + 9), { wireLength: frame.length });
      expect(cut).toMatchObject({ reason: undefined, answered: true, wireLength: frame.length });
      expect(cut.bytes).toEqual(whole.bytes.subarray(0, at + 9));
    }
  });

  it("counts them by what they are", () => {
    const before = bench.answered;
    route(echo({ to: "10.0.1.1" }));
    route(frameOf({ to: "10.0.2.5", ttl: 1 }));
    route(frameOf({ to: "fc00:2::5", ttl: 0 }));
    route(frameOf({ to: "10.0.2.5", payload: 1400 }));
    expect(bench.answered.map((count, i) => count - before[i]!)).toEqual([0, 1, 2, 1]);
  });
});

describe("ARP and neighbour solicitation", () => {
  const request = (targetIp: string, more: object = {}): Uint8Array =>
    compose(
      [
        { name: "ethernet", destination: "ff:ff:ff:ff:ff:ff", source: HOST },
        {
          name: "arp",
          operation: 1,
          senderMac: HOST,
          senderIp: "10.0.1.5",
          targetMac: "00:00:00:00:00:00",
          targetIp,
          ...more,
        },
      ],
      new Uint8Array(18).fill(0xee),
    );

  it("answers for the gateway, for others only where asked to", () => {
    bench.neighbours.set(5, parseIp("ip", "10.0.1.6"), parseMac("m", PEER));
    bench.neighbours.set(5, parseIp("ip", "10.0.1.1"), parseMac("m", GATEWAY), true);
    const run = (bytes: Uint8Array, domain: number) => bench.run("answerArp", { bytes }, domain);
    const count = bench.answered[0]!;
    for (const [ip, mac, answers] of [
      ["10.0.1.1", GATEWAY, true],
      ["10.0.1.6", PEER, false],
    ] as const) {
      expect(run(request(ip), 5).answered).toBe(answers);
      const out = answers ? run(request(ip), 5) : undefined;
      const expected = compose(
        [
          { name: "ethernet", destination: HOST, source: mac },
          { name: "arp", operation: 2, senderMac: mac, senderIp: ip, targetMac: HOST, targetIp: "10.0.1.5" },
        ],
        new Uint8Array(18).fill(0xee),
      );
      if (out !== undefined) expect(out.bytes).toEqual(expected);
    }
    expect(bench.answered[0]).toBe(count + 2);
    bench.suppress(5);
    expect(run(request("10.0.1.6"), 5).answered).toBe(true);
    for (const quiet of [
      request("10.0.1.7"),
      request("10.0.1.1", { senderIp: "10.0.1.1" }),
      request("10.0.1.1", { senderMac: GATEWAY }),
      request("10.0.1.1", { operation: 2 }),
      request("10.0.1.1", { hardwareType: 6 }),
      request("10.0.1.1", { protocolType: 0x86dd }),
      request("10.0.1.1").subarray(0, 41),
    ])
      expect(run(quiet, 5).answered).toBe(false);
    expect(run(request("10.0.1.6"), 6).answered).toBe(false);
    for (const ip of ["10.0.1.6", "10.0.1.1"]) bench.neighbours.delete(5, parseIp("ip", ip));
    expect(run(request("10.0.1.6"), 5).answered).toBe(false);
  });

  it("answers for the uplink, tagged too", () => {
    bench.neighbours.set(0, parseIp("ip", "10.0.1.1"), parseMac("m", GATEWAY), true);
    const plain = request("10.0.1.1");
    const tagged = new Uint8Array(plain.length + 4);
    tagged.set(plain.subarray(0, 12));
    tagged.set([0x81, 0, 0x20, 5], 12);
    tagged.set(plain.subarray(12), 16);
    const out = bench.run("answerArp", { bytes: tagged }, 0, 4);
    expect(out.answered).toBe(true);
    expect(out.bytes.subarray(12, 18)).toEqual(tagged.subarray(12, 18));
    expect(bench.run("answerArp", { bytes: tagged.subarray(0, 45) }, 0, 4).answered).toBe(false);
    bench.neighbours.delete(0, parseIp("ip", "10.0.1.1"));
  });

  const target = parseIp("ip", "fc00:1::1");
  const solicit = (source: string, option: boolean, more: object = {}, checksum?: number): Uint8Array => {
    const body = Uint8Array.from([0, 0, 0, 0, ...target, ...(option ? [1, 1, ...parseMac("m", HOST)] : [])]);
    return compose(
      [
        { name: "ethernet", destination: "33:33:ff:00:00:01", source: HOST },
        { name: "ipv6", source, destination: "ff02::1:ff00:1", hopLimit: 255, ...more },
        { name: "icmpv6", type: 135, checksum },
      ],
      body,
    );
  };

  it("answers solicitations, with the target's MAC", () => {
    for (const [source, option, to, mac, flags] of [
      ["fc00:1::5", true, "fc00:1::5", HOST, 0xe0],
      ["fc00:1::5", false, "fc00:1::5", HOST, 0xe0],
      ["::", false, "ff02::1", "33:33:00:00:00:01", 0xa0],
    ] as const) {
      const { bytes, answered } = bench.run("answerArp", { bytes: solicit(source, option) }, 1);
      expect(answered).toBe(true);
      const payload = Uint8Array.from([flags, 0, 0, 0, ...target, 2, 1, ...parseMac("m", GATEWAY)]);
      const expected = compose(
        [
          { name: "ethernet", destination: mac, source: GATEWAY },
          { name: "ipv6", source: "fc00:1::1", destination: to, hopLimit: 255 },
          { name: "icmpv6", type: 136 },
        ],
        payload,
      );
      expect(bytes).toEqual(expected);
    }
  });

  it("is silent about solicitations that are none", () => {
    // Its checksum would be right with the poison behind it.
    const whole = compose(
      [
        { name: "ethernet", destination: "33:33:ff:00:00:01", source: HOST },
        { name: "ipv6", source: "fc00:1::5", destination: "ff02::1:ff00:1", hopLimit: 255 },
        { name: "icmpv6", type: 135 },
      ],
      Uint8Array.from([0, 0, 0, 0, ...target, ...new Uint8Array(8).fill(0xa5)]),
    );
    expect(bench.run("answerArp", { bytes: whole }, 1).answered).toBe(true);
    const beyond = whole.subarray(0, whole.length - 8);
    for (const bytes of [
      solicit("fc00:1::5", true, { hopLimit: 254 }),
      solicit("fc00:1::5", true, {}, 5),
      solicit("fc00:1::5", true).subarray(0, 77),
      solicit("fc00:1::5", true, { payloadLength: 33 }),
      solicit("fc00:1::5", true, { payloadLength: 23 }),
      beyond,
    ])
      expect(bench.run("answerArp", { bytes }, 1).answered).toBe(false);
    expect(bench.run("answerArp", { bytes: solicit("::", false), headroom: 7 }, 1).answered).toBe(false);
    expect(bench.run("answerArp", { bytes: solicit("::", false), headroom: 8 }, 1).answered).toBe(true);
    expect(bench.run("answerArp", { bytes: solicit("fc00:1::5", true) }, 2).answered).toBe(false);
  });
});

describe("hostile frames", () => {
  it("never change a byte outside their slot, whatever they say", () => {
    const seeds = [
      frameOf({ to: "10.0.2.5" }),
      frameOf({ to: "10.0.2.5", ttl: 1, payload: 700 }),
      frameOf({ to: "fc00:2::5", ttl: 1, payload: 1300 }),
      frameOf({ to: "fc00:2::5", payload: 1300 }),
      frameOf({
        to: "fc00:2::5",
        ttl: 1,
        fields: { extensions: [{ type: 0, bytes: Uint8Array.of(58, 0, 1, 4, 0, 0, 0, 0) }] },
      }),
      echo({ to: "10.0.1.1" }),
      echo({ to: "fc00:1::1" }),
      frameOf({ to: "10.0.2.5", vid: 5, ttl: 1, fields: { options: noise(40, 2) } }),
    ];
    const change = fc.record({ at: fc.nat(80), byte: fc.nat(255) });
    fc.assert(
      fc.property(
        fc.constantFrom(...seeds),
        fc.array(change, { maxLength: 4 }),
        fc.nat(1500),
        fc.nat(200),
        fc.constantFrom(0, 1, 27, 28, 48, 128),
        fc.constantFrom("route", "answerArp"),
        fc.boolean(),
        (seed, changes, length, more, headroom, kernel, mend) => {
          const bytes = seed.slice(0, Math.max(14, length));
          for (const { at, byte } of changes) if (at < bytes.length) bytes[at] = byte;
          const tag = bytes.length >= 18 && bytes[12] === 0x81 ? 4 : 0;
          if (mend && bytes.length >= 34 + tag) {
            bytes.fill(0, 24 + tag, 26 + tag);
            const end = Math.min(bytes.length, 14 + tag + 4 * (bytes[14 + tag]! & 15));
            const sum = ~checksumFold(checksumSum(bytes, 14 + tag, end)) & 0xffff;
            bytes.set([sum >> 8, sum & 255], 24 + tag);
          }
          const input = { bytes, headroom, wireLength: bytes.length + more };
          const out = bench.run(kernel as "route" | "answerArp", input, 1, tag);
          expect(out.bytes.length).toBeGreaterThanOrEqual(14);
        },
      ),
      { seed: 99, numRuns: 5000 },
    );
  });
});
