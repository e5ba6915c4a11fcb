import fc from "fast-check";
import { type ComposeLayer, compose, flowHash, sourcePort } from "frameferry/wire";
import { describe, expect, test } from "vitest";
import { fixture, fixtures, fromHex } from "./support.ts";

/** The definition once more, on big integers and a list of bytes: nothing is shared with the code under test. */
function byDefinition(frame: Uint8Array, seed: number): number {
  const M = 1n << 32n;
  const le = (at: number, bytes: number) => {
    let value = 0n;
    for (let i = 0; i < bytes; i++) value += BigInt(frame[at + i]!) << BigInt(8 * i);
    return value;
  };
  const S = [1n, 0x9e3779b1n, 0x85ebca77n, 0xc2b2ae3dn];
  const fold = (at: number) => S.reduce((sum, factor, i) => sum + le(at + 4 * i, 4) * factor, 0n) % M;
  let [a, b, c, d] = [0n, 0n, 0n, 0n];
  if (frame.length >= 14) {
    let at = 12;
    const typeAt = (at: number) => (at + 2 <= frame.length ? frame[at]! * 256 + frame[at + 1]! : 0);
    for (let tags = 0; tags < 2 && [0x8100, 0x88a8, 0x9100].includes(typeAt(at)); tags++) at += 4;
    const type = typeAt(at);
    const L = at + 2;
    const left = frame.length - L;
    const nibble = (frame[L] ?? 0) >> 4;
    const ihl = 4 * ((frame[L] ?? 0) & 15);
    if (type === 0x0800 && left >= 20 && nibble === 4 && ihl >= 20) {
      [a, b, d] = [le(L + 12, 4), le(L + 16, 4), le(L + 9, 1)];
      const fragment = (frame[L + 6]! & 0x3f) * 256 + frame[L + 7]! !== 0;
      if ([6n, 17n, 132n].includes(d) && !fragment && left >= ihl + 4) c = le(L + ihl, 4);
    } else if (type === 0x86dd && left >= 40 && nibble === 6) {
      [a, b, d] = [fold(L + 8), fold(L + 24), le(L + 6, 1)];
      if ([6n, 17n, 132n].includes(d) && left >= 44) c = le(L + 40, 4);
    } else {
      [a, b, c, d] = [le(0, 4), le(6, 4), le(4, 2) + (le(10, 2) << 16n), BigInt(type)];
    }
  }
  let h = (BigInt(seed) + a * 0x9e3779b1n + b * 0x85ebca77n + c * 0xc2b2ae3dn + d * 0x27d4eb2fn) % M;
  h ^= h >> 15n;
  h = (h * 0x2c1b3c6dn) % M;
  h ^= h >> 12n;
  return Number(h);
}

const seeds = fc.oneof(fc.constant(0), fc.nat(0xffffffff));

describe("flowHash", () => {
  test.each(fixtures)("of $name at every length", ({ frame }) => {
    for (let length = 0; length <= frame.length; length++) {
      const cut = frame.subarray(0, length);
      expect(flowHash(cut, length)).toBe(byDefinition(cut, length));
    }
  });

  test("of damaged frames", () => {
    const damage = fc.array(fc.tuple(fc.nat(80), fc.nat(255)), { maxLength: 6 });
    fc.assert(
      fc.property(fc.constantFrom(...fixtures), damage, seeds, ({ frame }, damage, seed) => {
        const copy = frame.slice();
        for (const [at, value] of damage) if (at < copy.length) copy[at] = value;
        expect(flowHash(copy, seed)).toBe(byDefinition(copy, seed));
      }),
      { seed: 14, numRuns: 2000 },
    );
  });

  test("passes over two tags, not three", () => {
    const frame = fixture("vlan");
    for (const tags of ["8100000a", "88a8001481000064", "9100000188a8000281000003"].map(fromHex)) {
      const tagged = Uint8Array.of(...frame.subarray(0, 12), ...tags, ...frame.subarray(16));
      expect(flowHash(tagged)).toBe(byDefinition(tagged, 0));
      expect(flowHash(tagged) === flowHash(frame)).toBe(tags.length <= 8);
    }
  });

  test("stays the same: kernels and other implementations are measured by these", () => {
    expect(flowHash(new Uint8Array(0))).toBe(0);
    expect(flowHash(new Uint8Array(13), 1)).toBe(byDefinition(new Uint8Array(0), 1));
    expect(["vlan", "ipv6-odd-udp", "arp"].map((name) => flowHash(fixture(name)))).toEqual([
      741104515, 3872351812, 3984425267,
    ]);
  });

  test("gives ports from 49152 to 65535, spread over flows", () => {
    expect(sourcePort(0)).toBe(49152);
    expect(sourcePort(0xffffffff)).toBe(65535);
    const macs = { destination: "02:00:00:00:00:01", source: "02:00:00:00:00:02" };
    const ports = new Set<number>();
    for (let port = 0; port < 1000; port++) {
      const layers: ComposeLayer[] = [
        { name: "ethernet", ...macs },
        { name: "ipv4", source: "10.0.0.1", destination: "10.0.0.2" },
        { name: "udp", sourcePort: 1024 + port, destinationPort: 53 },
      ];
      ports.add(sourcePort(flowHash(compose(layers))));
    }
    // 1,000 flows into 16,384 ports: about 970 differ if the hash is good.
    expect(ports.size).toBeGreaterThan(940);
  });

  test("bad arguments throw", () => {
    expect(() => flowHash([] as never)).toThrow(/^frame: /);
    expect(() => flowHash(new Uint8Array(0), -1)).toThrow(/^seed: /);
    expect(() => sourcePort(2 ** 32)).toThrow(/^hash: /);
  });
});
