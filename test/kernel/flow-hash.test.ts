// The kernels' flow hash is the codecs', and a flow keeps its hash.
import fc from "fast-check";
import { type Kernels, loadKernels } from "frameferry";
import { flowHash } from "frameferry/wire";
import { beforeAll, describe, expect, it } from "vitest";
import { allKernels } from "../../build/js/bench/all-kernels.js";
import { cook, noise, passengerRecipe } from "../support/passengers.ts";

let kernels: Kernels;
let place: number;
beforeAll(async () => {
  kernels = await loadKernels({ memoryBytes: 1 << 20 });
  place = kernels.plan.reserve("a frame", 1 << 17);
});

/** By the kernel, the frame at `shift` and poison behind it. */
function hashOf(frame: Uint8Array, seed = 0, shift = 0): number {
  const at = place + 64 + shift;
  kernels.bytes.fill(0xa5, at, at + frame.length + 64);
  kernels.bytes.set(frame, at);
  return allKernels(kernels).flowHash(at, frame.length, seed) >>> 0;
}

const seed = fc.integer({ min: 0, max: 0xffffffff });

describe("the flow hash", () => {
  it("is the same in kernels and codecs, for every frame", () => {
    fc.assert(
      fc.property(passengerRecipe, seed, fc.integer({ min: 0, max: 63 }), (recipe, one, shift) => {
        const frame = cook(recipe);
        expect(hashOf(frame, one, shift)).toBe(flowHash(frame, one));
      }),
      { seed: 1001, numRuns: 2000 },
    );
  });

  it("also of a frame cut at every byte, and with every bit turned over", () => {
    for (const kind of ["ipv4", "ipv4-options", "ipv6", "arp"] as const)
      for (const tags of [[], [0x8100], [0x88a8, 0x9100], [0x8100, 0x8100, 0x8100]]) {
        const frame = cook({ kind, tags, protocol: 17, seed: 12, length: 100 });
        for (let length = 0; length <= frame.length; length++) {
          const cut = frame.slice(0, length);
          if (hashOf(cut, 5) !== flowHash(cut, 5)) expect(`${kind}, ${length} bytes`).toBe("the same hash");
        }
        for (let bit = 0; bit < 8 * frame.length; bit++) {
          const turned = frame.slice();
          turned[bit >> 3]! ^= 1 << (bit & 7);
          if (hashOf(turned, 5) !== flowHash(turned, 5)) expect(`${kind}, bit ${bit}`).toBe("the same hash");
        }
      }
  });

  const recipes = fc.record({
    kind: fc.constantFrom("ipv4" as const, "ipv6" as const),
    protocol: fc.constantFrom(6, 17, 132, 1),
    seed: fc.integer({ min: 1, max: 0xffff }),
    length: fc.integer({ min: 80, max: 200 }),
  });

  it("stays when payload, TTL, checksum, traffic class or MACs change", () => {
    fc.assert(
      fc.property(recipes, fc.integer({ min: 1, max: 255 }), (recipe, change) => {
        const frame = cook({ ...recipe, tags: [] });
        const before = hashOf(frame);
        const free =
          recipe.kind === "ipv4"
            ? [0, 5, 6, 11, 15, 16, 17, 18, 19, 22, 24, 25, 38, 39, 79]
            : [0, 5, 6, 11, 15, 16, 17, 18, 19, 21, 58, 59, 79];
        for (const at of free) {
          const other = frame.slice();
          other[at]! ^= change;
          expect(hashOf(other), `byte ${at}`).toBe(before);
        }
      }),
      { seed: 1002, numRuns: 100 },
    );
  });

  it("stays when VLAN tags come and go, up to two", () => {
    fc.assert(
      fc.property(recipes, (recipe) => {
        const plain = hashOf(cook({ ...recipe, tags: [] }));
        for (const tags of [[0x8100], [0x88a8, 0x8100], [0x9100, 0x9100]])
          expect(hashOf(cook({ ...recipe, tags, length: recipe.length + 4 * tags.length }))).toBe(plain);
      }),
      { seed: 1003, numRuns: 100 },
    );
  });

  it("differs between flows: addresses, ports and protocol count, each in its place", () => {
    const frame = cook({ kind: "ipv4", tags: [], protocol: 17, seed: 3, length: 80 });
    const six = cook({ kind: "ipv6", tags: [], protocol: 17, seed: 3, length: 80 });
    const bytesOf = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
    for (const [one, places] of [
      [frame, [23, ...bytesOf(26, 38)]],
      [six, [20, ...bytesOf(22, 58)]],
    ] as const)
      for (const at of places) {
        const other = one.slice();
        other[at]! ^= 1;
        expect(hashOf(other), `byte ${at}`).not.toBe(hashOf(one));
      }
  });

  it("spreads similar flows over the source ports", () => {
    const frame = cook({ kind: "ipv4", tags: [], protocol: 17, seed: 3, length: 80 });
    const buckets = new Array<number>(64).fill(0);
    for (let i = 0; i < 6400; i++) {
      frame[33] = i & 63;
      frame[34] = i >> 6;
      buckets[hashOf(frame) >>> 26]!++;
    }
    // 100 each on average: a hash that is no better than chance leaves this range once in a million runs.
    expect(Math.min(...buckets)).toBeGreaterThan(50);
    expect(Math.max(...buckets)).toBeLessThan(160);
  });

  it("depends on the seed", () => {
    const frame = noise(60, 1);
    const hashes = new Set(Array.from({ length: 100 }, (_, one) => hashOf(frame, one)));
    expect(hashes.size).toBe(100);
  });
});
