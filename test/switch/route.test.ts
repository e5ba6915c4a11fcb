// The kernel `route`: every way a packet can go on or be dropped, byte for byte.
import fc from "fast-check";
import { type ComposeLayer, checksumFold, checksumSum, compose, flowHash, parseMac } from "frameferry/wire";
import { describe, expect, it } from "vitest";
import { noise } from "../support/passengers.ts";
import {
  bench,
  echo,
  edit,
  expectPassed,
  frameOf,
  GATEWAY,
  GATEWAY_2,
  HOST,
  PEER,
  route,
  SEED,
  ttlOf,
  withRouter,
} from "./route-support.ts";

withRouter();

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
