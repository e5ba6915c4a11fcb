// The checksum kernels against the codecs'.
import fc from "fast-check";
import { type Kernels, loadKernels } from "frameferry";
import { checksum, checksumUpdate } from "frameferry/wire";
import { beforeAll, describe, expect, it } from "vitest";
import { allKernels } from "../../build/js/bench/all-kernels.js";
import { noise } from "../support/passengers.ts";

let kernels: Kernels;
let place: number;
beforeAll(async () => {
  kernels = await loadKernels({ memoryBytes: 1 << 20 });
  place = kernels.plan.reserve("bytes", 1 << 18);
});

describe("checksum", () => {
  it("agrees for every length up to 4,096 at every alignment", () => {
    const bytes = noise(4200, 1);
    kernels.bytes.set(bytes, place);
    for (let length = 0; length <= 4096; length++) {
      // All alignments where the loops differ, one in turn where they do not.
      const shifts = length < 160 ? Array.from({ length: 16 }, (_, i) => i) : [length % 17];
      for (const shift of shifts) {
        const found = allKernels(kernels).checksum(place + shift, length);
        const expected = checksum(bytes, shift, shift + length);
        if (found !== expected) expect(`${length} bytes at ${shift}: ${found}`).toBe(String(expected));
      }
    }
  });

  it("agrees for long ranges of the largest words", () => {
    const ones = new Uint8Array(65536 + 64).fill(0xff);
    kernels.bytes.set(ones, place);
    for (const length of [4097, 8191, 32767, 65534, 65535, 65536])
      expect(allKernels(kernels).checksum(place + 1, length)).toBe(checksum(ones, 1, 1 + length));
    const mixed = noise(65536, 9);
    kernels.bytes.set(mixed, place);
    for (const length of [9000, 65515, 65534, 65535])
      expect(allKernels(kernels).checksum(place, length)).toBe(checksum(mixed, 0, length));
  });

  it("agrees up to a mebibyte", async () => {
    const roomy = await loadKernels({ memoryBytes: 3 << 20 });
    const at = roomy.plan.reserve("bytes", (1 << 20) + 64);
    const ones = new Uint8Array(1 << 20).fill(0xff);
    roomy.bytes.set(ones, at);
    expect(allKernels(roomy).checksum(at, ones.length)).toBe(checksum(ones));
    ones[ones.length - 1] = 0;
    roomy.bytes.set(ones, at);
    expect(allKernels(roomy).checksum(at, ones.length)).toBe(checksum(ones));
  });

  it("does not read behind its range", () => {
    const bytes = noise(200, 4);
    for (let length = 0; length <= 130; length++) {
      kernels.bytes.fill(0, place, place + 256);
      kernels.bytes.set(bytes.subarray(0, length), place);
      const quiet = allKernels(kernels).checksum(place, length);
      kernels.bytes.fill(0xa5, place + length, place + 256);
      expect(allKernels(kernels).checksum(place, length)).toBe(quiet);
    }
  });
});

describe("checksumUpdate", () => {
  const word = fc.oneof(
    fc.constantFrom(0, 1, 0x7fff, 0x8000, 0xfffe, 0xffff),
    fc.integer({ min: 0, max: 0xffff }),
  );

  it("is the codecs'", () => {
    fc.assert(
      fc.property(word, word, word, (old, before, after) => {
        expect(allKernels(kernels).checksumUpdate(old, before, after)).toBe(
          checksumUpdate(old, before, after),
        );
      }),
      { seed: 1101, numRuns: 2000 },
    );
  });

  it("gives what computing all over again gives", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 4, maxLength: 60 }), fc.nat(29), word, (bytes, index, after) => {
        const at = 2 * (index % (bytes.length >> 1));
        kernels.bytes.set(bytes, place);
        // All zeroes sum to 0 and not to 0xffff: the one case where the two ways of writing zero differ (RFC 1624 §3).
        fc.pre(bytes.some((byte, i) => byte !== 0 && i !== at && i !== at + 1));
        const old = allKernels(kernels).checksum(place, bytes.length);
        const before = (bytes[at]! << 8) | bytes[at + 1]!;
        kernels.bytes.set([after >>> 8, after & 0xff], place + at);
        expect(allKernels(kernels).checksumUpdate(old, before, after)).toBe(
          allKernels(kernels).checksum(place, bytes.length),
        );
      }),
      { seed: 1102, numRuns: 1000 },
    );
  });
});
