import fc from "fast-check";
import {
  checksum,
  checksumFold,
  checksumSum,
  checksumUpdate,
  compose,
  udpChecksum,
  udpChecksumStatus,
} from "frameferry/wire";
import { describe, expect, test } from "vitest";
import { fromHex } from "./support.ts";

/** The definition (RFC 1071 §1), end-around carry and all. */
function byDefinition(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) {
    sum += bytes[i]! * 256 + (bytes[i + 1] ?? 0);
    if (sum > 0xffff) sum -= 0xffff;
  }
  return 0xffff - sum;
}

describe("checksum", () => {
  test("of the RFC's example (§3)", () => {
    expect(checksum(fromHex("0001f203f4f5f6f7"))).toBe(0x220d);
  });

  test("agrees with the definition, whole and in ranges", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), fc.nat(1000), (bytes, half) => {
        expect(checksum(bytes)).toBe(byDefinition(bytes));
        const middle = Math.min(2 * half, bytes.length - (bytes.length % 2));
        expect(checksum(bytes, middle, bytes.length, checksumSum(bytes, 0, middle))).toBe(checksum(bytes));
      }),
      { seed: 1071, numRuns: 300 },
    );
  });

  test("of a megabyte of ones does not overflow", () => {
    expect(checksum(new Uint8Array(1 << 20).fill(0xff))).toBe(0);
    expect(checksumFold(2 ** 53 - 1)).toBe(31 + 0);
  });

  test("update equals computing anew (RFC 1624)", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 20, maxLength: 60 }),
        fc.nat(9),
        fc.nat(0xffff),
        (bytes, word, after) => {
          bytes[0] = 0x45; // never all zero: then both zeros of one's complement would be right
          const at = 2 + 2 * Math.min(word, 8);
          const old = checksum(bytes);
          const before = bytes[at]! * 256 + bytes[at + 1]!;
          bytes[at] = after >> 8;
          bytes[at + 1] = after & 0xff;
          expect(checksumUpdate(old, before, after)).toBe(checksum(bytes));
        },
      ),
      { seed: 1624, numRuns: 1000 },
    );
  });

  test("update of RFC 1624's example, where equation 2 fails", () => {
    expect(checksumUpdate(0xdd2f, 0x5555, 0x3285)).toBe(0x0000);
  });

  test("bad arguments throw", () => {
    expect(() => checksum(new Uint8Array(4), 0, 5)).toThrow(/^end: /);
    expect(() => checksum(new Uint8Array(4), 3, 2)).toThrow(/^offset: /);
    expect(() => checksumUpdate(0x10000, 0, 0)).toThrow(/^old: /);
  });
});

describe("the UDP checksum", () => {
  const cases = [
    ["ipv4", "10.0.0.1", "10.0.0.2", 34],
    ["ipv6", "fd00::1", "fd00::2", 54],
  ] as const;
  const macs = { destination: "02:00:00:00:00:01", source: "02:00:00:00:00:02" };

  test.each(cases)(
    "over %s: a computed 0 is sent as 0xffff, and verifies",
    (name, source, destination, udp) => {
      const build = (word: number) =>
        compose(
          [
            { name: "ethernet", ...macs },
            { name, source, destination },
            { name: "udp", sourcePort: 1, destinationPort: 2 },
          ],
          Uint8Array.of(word >> 8, word & 0xff),
        );
      const sumOf = (frame: Uint8Array) => frame[udp + 6]! * 256 + frame[udp + 7]!;
      // With the word that the checksum was with a word of 0, the sum of all becomes 0xffff.
      const zero = build(sumOf(build(0)));
      expect(sumOf(zero)).toBe(0xffff);
      const ip = zero.subarray(udp - (name === "ipv4" ? 8 : 32), udp);
      const addresses = [ip.subarray(0, ip.length / 2), ip.subarray(ip.length / 2)] as const;
      expect(udpChecksum(zero, udp, zero.length, ...addresses)).toBe(0xffff);
      expect(udpChecksumStatus(zero, udp, zero.length, ...addresses)).toBe("good");
      zero[udp + 9]! ^= 1;
      expect(udpChecksumStatus(zero, udp, zero.length, ...addresses)).toBe("bad");
      expect(udpChecksumStatus(zero, udp, zero.length + 1, ...addresses)).toBe("unknown");
      zero.fill(0, udp + 6, udp + 8);
      expect(udpChecksumStatus(zero, udp, zero.length, ...addresses)).toBe("absent");
    },
  );
});
