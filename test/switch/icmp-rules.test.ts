// Whom a router tells nothing (RFC 1122 section 3.2.2, RFC 4443 section 2.4, RFC 4861 section 7.1.1), and how often.
import fc from "fast-check";
import { loadKernels } from "frameferry";
import { type ComposeLayer, compose, parseIp, parseMac } from "frameferry/wire";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { RouteBench } from "./router-bench.ts";

const HOST = "02:00:00:00:00:aa";
const GATEWAY = "02:00:00:00:01:01";
const PEER = "02:00:00:00:00:bb";

let bench: RouteBench;
beforeAll(async () => {
  bench = new RouteBench(await loadKernels({ memoryBytes: 16 << 20 }), {});
  const router = bench.router();
  const interfaces = [
    { addresses: ["10.0.1.1/24", "10.9.0.1/16", "fe80::1/64", "fc00:1::1/64"] },
    { addresses: ["10.0.2.1/24", "fc00:2::1/64"], mtu: 1300 },
    {
      addresses: [
        ...["10.0.3.0/31", "10.0.3.65/26", "10.0.4.9/32"],
        ...["fc00:3::1/127", "fc00:4::1/48", "fc00:5::1/96"],
      ],
    },
    { addresses: ["10.0.5.1/24"] },
  ];
  for (const [i, more] of interfaces.entries())
    router.addInterface({ bridgeDomain: { id: i + 1 }, mac: GATEWAY, ...more });
  for (const ip of ["10.0.2.5", "fc00:2::5"]) bench.neighbours.set(2, parseIp("ip", ip), parseMac("m", PEER));
  router.addRoute({ prefix: "10.64.0.0/16", via: "10.0.2.5" });
});
afterAll(() => bench.close());
beforeEach(() => bench.nextSecond());

type Shape = { from: string; to: string; ttl?: number; inside?: ComposeLayer[]; bytes?: number };

function packet({ from, to, ttl = 1, inside, bytes = 40 }: Shape): Uint8Array {
  const ip: ComposeLayer = to.includes(":")
    ? { name: "ipv6", source: from, destination: to, hopLimit: ttl }
    : { name: "ipv4", source: from, destination: to, ttl };
  return compose(
    [
      { name: "ethernet", destination: GATEWAY, source: HOST },
      ip,
      ...(inside ?? [{ name: "udp", sourcePort: 1, destinationPort: 2 } as const]),
    ],
    new Uint8Array(bytes),
  );
}

function answers(shape: Shape, domain = 1): boolean {
  const out = bench.run("route", { bytes: packet(shape) }, domain);
  if (!out.answered) expect(out.reason).toBeDefined();
  return out.answered;
}

/** Every way an ICMP message of the router's own comes to be: errors of both kinds, and the answer to an echo. */
const ways = (from: string): Record<string, boolean> => {
  const ipv6 = from.includes(":");
  const far = ipv6 ? "fc00:2::5" : "10.0.2.5";
  const echo: ComposeLayer[] = [ipv6 ? { name: "icmpv6", type: 128 } : { name: "icmp", type: 8 }];
  return {
    expired: answers({ from, to: far }),
    tooLong: answers({ from, to: far, ttl: 9, bytes: 1400 }),
    echo: answers({ from, to: ipv6 ? "fc00:1::1" : "10.0.1.1", ttl: 9, inside: echo }),
  };
};
const SPOKEN = { expired: true, tooLong: true, echo: true };
const SILENT = { expired: false, tooLong: false, echo: false };

describe("whom the router tells nothing", () => {
  it.each([
    // Whoever says it is the router, by any of its addresses.
    ...["10.0.1.1", "10.9.0.1", "10.0.2.1", "10.0.3.0", "10.0.4.9", "fc00:1::1", "fc00:2::1", "fc00:3::1"],
    // Broadcasts of its networks, of all lengths, the old form with zeroes too.
    ...["10.0.1.255", "10.0.1.0", "10.9.255.255", "10.9.0.0", "10.0.2.255", "10.0.3.127", "10.0.3.64"],
    // The routers of a network are many.
    ...["fc00:1::", "fc00:2::", "fc00:4::", "fc00:5::"],
    // No single host anywhere.
    ...["0.0.0.0", "127.0.0.1", "224.0.0.5", "255.255.255.255", "240.0.0.1", "::", "::1", "ff02::1"],
  ])("from %s", (from) => {
    expect(ways(from)).toEqual(SILENT);
  });

  it.each([
    ...[
      "10.0.1.254",
      "10.0.1.2",
      "10.9.1.255",
      "10.9.1.0",
      "10.0.3.1",
      "10.0.3.126",
      "10.0.4.255",
      "10.0.6.255",
    ],
    ...["10.64.255.255", "11.0.0.255", "10.0.3.63"],
    ...["fc00:1::2", "fc00:1:0:1::", "fc00:3::", "fc00:4:0:1::", "fc00:4::2", "fc00:5::1:0", "fc00:5:0:1::"],
  ])("but %s, who is a host", (from) => {
    expect(ways(from)).toEqual(SPOKEN);
  });

  it.each([
    "10.0.2.255",
    "10.0.2.0",
    "10.0.1.255",
    "10.9.255.255",
    "10.0.3.127",
    "224.0.0.1",
    "255.255.255.255",
  ])("about a packet to %s", (to) => {
    expect(answers({ from: "10.0.1.5", to })).toBe(false);
  });

  it("but about packets to other hosts, and to all routers of a network", () => {
    for (const to of ["10.0.2.254", "10.9.1.255", "10.0.6.255"])
      expect(answers({ from: "10.0.1.5", to })).toBe(true);
    for (const to of ["fc00:2::", "fc00:2::77"]) expect(answers({ from: "fc00:1::5", to })).toBe(true);
  });

  it("about ICMP messages but those known to be no errors, of both versions", () => {
    const spoken = (name: "icmp" | "icmpv6", from: string, to: string): number[] =>
      Array.from({ length: 256 }, (_, type) => type).filter((type) =>
        answers({ from, to, inside: [{ name, type }] }),
      );
    expect(spoken("icmp", "10.0.1.5", "10.0.2.5")).toEqual([0, 8, 9, 10, 13, 14, 15, 16, 17, 18, 42, 43]);
    const known = Array.from({ length: 34 }, (_, i) => 128 + i).filter((type) => type !== 137);
    expect(spoken("icmpv6", "fc00:1::5", "fc00:2::5")).toEqual(known);
  });
});

describe("budgets for ICMP errors", () => {
  const expired = { from: "10.0.1.5", to: "10.0.2.5" };
  const tooLong = { from: "10.0.1.5", to: "10.0.2.5", ttl: 9, bytes: 1400 };
  const count = (shape: Shape, domain: number, tries = 1200): number => {
    let sent = 0;
    for (let i = 0; i < tries; i++) if (answers(shape, domain)) sent++;
    return sent;
  };

  it("are 1,000 a second for each bridge domain and kind, and nobody spends another's", () => {
    expect(count(expired, 1)).toBe(1000);
    expect(count(tooLong, 1)).toBe(1000);
    expect(count(expired, 4)).toBe(1000);
    expect(count(tooLong, 4)).toBe(1000);
    for (const domain of [1, 4])
      for (const shape of [expired, tooLong]) expect(answers(shape, domain)).toBe(false);
    bench.nextSecond();
    expect(count(expired, 1)).toBe(1000);
    expect(count(tooLong, 4)).toBe(1000);
  });

  it("are spent by what is sent only", () => {
    for (const from of ["224.0.0.5", "10.0.1.255", "10.0.1.1"])
      expect(count({ ...expired, from }, 1, 1500)).toBe(0);
    expect(count({ ...expired, inside: [{ name: "icmp", type: 11 }] }, 1, 1500)).toBe(0);
    expect(count(expired, 1)).toBe(1000);
  });

  it("do not hold back the answers to echoes", () => {
    expect(count(expired, 1)).toBe(1000);
    const echo: Shape = { from: "10.0.1.5", to: "10.0.1.1", ttl: 9, inside: [{ name: "icmp", type: 8 }] };
    expect(count(echo, 1, 2000)).toBe(2000);
  });
});

describe("which solicitations are answered", () => {
  const target = parseIp("ip", "fc00:1::1");
  const GROUP = "ff02::1:ff00:1";
  const ask = (source: string, destination: string, options: ArrayLike<number>): boolean => {
    const bytes = compose(
      [
        { name: "ethernet", destination: "33:33:ff:00:00:01", source: HOST },
        { name: "ipv6", source, destination, hopLimit: 255 },
        { name: "icmpv6", type: 135 },
      ],
      Uint8Array.from([0, 0, 0, 0, ...target, ...Array.from(options)]),
    );
    return bench.run("answerArp", { bytes }, 1).answered;
  };
  const sourceMac = [1, 1, ...parseMac("m", HOST)];
  const nonce = [14, 1, 1, 2, 3, 4, 5, 6];

  it("not with options of length 0, or that go beyond the message", () => {
    const long = [253, 2, ...new Uint8Array(14)];
    for (const options of [[], sourceMac, nonce, [...sourceMac, ...nonce], [...long, ...sourceMac]])
      expect(ask("fc00:1::5", GROUP, options)).toBe(true);
    const none = new Uint8Array(8);
    for (const options of [
      none,
      [...sourceMac, ...none],
      [1, 0, ...parseMac("m", HOST)],
      [...nonce, 1, 2, 0, 0, 0, 0, 0, 0],
    ])
      expect(ask("fc00:1::5", GROUP, options)).toBe(false);
    for (let length = 1; length < 8; length++) {
      expect(ask("fc00:1::5", GROUP, sourceMac.slice(0, length))).toBe(false);
      expect(ask("fc00:1::5", GROUP, [...sourceMac, ...nonce.slice(0, length)])).toBe(false);
    }
  });

  it("not from a group or loopback", () => {
    for (const source of ["ff02::1", "ff0e::5", "::1"]) expect(ask(source, GROUP, [])).toBe(false);
    for (const source of ["fc00:1::5", "fe80::5"]) expect(ask(source, "fc00:1::1", [])).toBe(true);
  });

  it("from nobody only to a solicited node's group, and without a MAC", () => {
    expect(ask("::", GROUP, [])).toBe(true);
    expect(ask("::", GROUP, nonce)).toBe(true);
    expect(ask("::", GROUP, sourceMac)).toBe(false);
    expect(ask("::", GROUP, [...nonce, ...sourceMac])).toBe(false);
    for (const destination of [
      "fc00:1::1",
      "ff02::1",
      "ff02::2:ff00:1",
      "ff05::1:ff00:1",
      "ff02::1:fe00:1",
      "ff02:1::1:ff00:1",
    ])
      expect(ask("::", destination, [])).toBe(false);
  });

  it("exactly if their options can be walked to the end", () => {
    const walkable = (options: Uint8Array): boolean => {
      let at = 0;
      while (at < options.length) {
        const length = 8 * (options[at + 1] ?? 0);
        if (length === 0) return false;
        at += length;
      }
      return at === options.length;
    };
    const option = fc
      .record({ type: fc.nat(255), units: fc.nat(3), left: fc.integer({ min: -9, max: 9 }) })
      .map(({ type, units, left }) => {
        const bytes = new Uint8Array(Math.max(0, 8 * units + (Math.abs(left) === 9 ? left : 0)));
        bytes.set([type, units].slice(0, bytes.length));
        return [...bytes];
      });
    fc.assert(
      fc.property(
        fc.array(option, { maxLength: 5 }),
        fc.array(fc.nat(255), { maxLength: 2 }),
        (list, tail) => {
          const options = Uint8Array.from([...list.flat(), ...tail]);
          expect(ask("fc00:1::5", GROUP, options)).toBe(walkable(options));
        },
      ),
      { seed: 4861, numRuns: 2000 },
    );
  });
});
