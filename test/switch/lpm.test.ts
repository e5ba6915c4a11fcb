// Longest-prefix match against a search through a list, over any sequence of routes that come and go.
import fc from "fast-check";
import { type Kernels, loadKernels } from "frameferry";
import type { Router } from "frameferry/switch";
import { formatIp, parseIp } from "frameferry/wire";
import { beforeAll, describe, expect, it } from "vitest";
import { allKernels } from "../../build/js/bench/all-kernels.js";
import {
  GROUP_COUNT,
  GROUP_HOPS,
  HOP_CONNECTED,
  HOP_MAC,
  ROUTER_IPV4,
  ROUTER_IPV6,
} from "../../src/layout/route.layout.ts";
import { noise } from "../support/passengers.ts";
import { RouteBench } from "./router-bench.ts";

let kernels: Kernels;
beforeAll(async () => {
  kernels = await loadKernels({ memoryBytes: 64 << 20 });
});

const GATEWAY = { 4: "192.0.2.1/24", 6: "fc00:ffff::1/64" } as const;
type Version = 4 | 6;

/** Next hop number `n`, whose MAC ends in it, so that the kernel's answer can be told. */
function hopOf(version: Version, n: number): string {
  return version === 4 ? `192.0.2.${n + 2}` : `fc00:ffff::${(n + 2).toString(16)}`;
}

class Bench {
  readonly bench = new RouteBench(kernels);
  readonly router: Router;
  readonly #version: Version;
  readonly #addresses: number;
  readonly #groups: number;

  constructor(version: Version, routes?: number) {
    this.#version = version;
    this.router = this.bench.router(routes === undefined ? {} : { routes });
    const bridgeDomain = { id: 1 };
    this.router.addInterface({ bridgeDomain, mac: "02:00:00:00:00:01", addresses: [GATEWAY[version]] });
    for (let n = 0; n < 200; n++)
      this.bench.neighbours.set(1, parseIp("ip", hopOf(version, n)), Uint8Array.of(2, 0, 0, 0, 1, n));
    this.#addresses = kernels.plan.reserve("addresses", 16 * 1024);
    this.#groups = kernels.plan.reserve("groups", 4 * 1024);
  }

  /** The number of the next hop for each address: -1 for none, and for what is connected or the router's own. */
  lookup(addresses: readonly Uint8Array[]): number[] {
    const { bytes, view } = kernels;
    addresses.forEach((address, i) => {
      bytes.set(address, this.#addresses + i * address.length);
    });
    const table = this.router.address + (this.#version === 4 ? ROUTER_IPV4 : ROUTER_IPV6);
    const length = this.#version === 4 ? 4 : 16;
    const found = allKernels(kernels).lookupRoutes(
      table,
      this.#addresses,
      addresses.length,
      length,
      this.#groups,
    );
    let groups = 0;
    const numbers = addresses.map((_, i) => {
      const group = view.getUint32(this.#groups + 4 * i, true);
      if (group === 0) return -1;
      groups++;
      if (view.getUint32(group + GROUP_COUNT, true) !== 1) return -1;
      const hop = view.getUint32(group + GROUP_HOPS, true);
      return view.getUint32(hop + HOP_CONNECTED, true) === 1 ? -1 : (bytes[hop + HOP_MAC + 5] as number);
    });
    expect(found).toBe(groups);
    return numbers;
  }

  close(): void {
    this.bench.close();
    kernels.plan.release(this.#addresses);
    kernels.plan.release(this.#groups);
  }
}

function bit(bytes: Uint8Array, i: number): number {
  return ((bytes[i >> 3] as number) >> (7 - (i & 7))) & 1;
}

function matches(prefix: Uint8Array, length: number, address: Uint8Array): boolean {
  for (let i = 0; i < length; i++) if (bit(prefix, i) !== bit(address, i)) return false;
  return true;
}

function cut(bytes: Uint8Array, length: number): Uint8Array {
  return bytes.map((byte, i) => byte & (0xff00 >> Math.min(8, Math.max(0, length - 8 * i))));
}

interface Known {
  readonly bytes: Uint8Array;
  readonly length: number;
  hop: number;
}

class Model {
  readonly routes = new Map<string, Known>();

  lookup(address: Uint8Array): number {
    let best: Known | undefined;
    for (const route of this.routes.values())
      if (route.length >= (best?.length ?? 0) && matches(route.bytes, route.length, address)) best = route;
    return best?.hop ?? -1;
  }
}

/** Addresses from few bits, so that prefixes nest and overlap; the rest is far apart. */
function addressOf(version: Version): fc.Arbitrary<Uint8Array> {
  const length = version === 4 ? 4 : 16;
  const near = fc
    .array(fc.constantFrom(0x00, 0x01, 0x10, 0x80, 0xff), { minLength: length, maxLength: length })
    .map((bytes) => Uint8Array.from([10, ...bytes.slice(1)]));
  const far = fc.uint8Array({ minLength: length, maxLength: length });
  return fc.oneof({ weight: 3, arbitrary: near }, { weight: 1, arbitrary: far });
}

describe.each([4, 6] as const)("longest-prefix match, IPv%i", (version) => {
  const bits = version === 4 ? 32 : 128;
  const prefix = fc
    .tuple(addressOf(version), fc.integer({ min: 0, max: bits }))
    .map(([bytes, length]) => ({ bytes: cut(bytes, length), length }))
    // The bench's own network is routed elsewhere.
    .filter(({ bytes }) => version === 4 || bytes[0] !== 0xfc);

  it("finds what a search through all routes finds, whatever comes and goes", () => {
    const step = fc.record({
      prefix,
      hop: fc.nat(199),
      remove: fc.option(fc.nat(), { nil: undefined, freq: 2 }),
    });
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 60 }),
        fc.array(addressOf(version), { minLength: 1, maxLength: 20 }),
        (steps, others) => {
          const free = kernels.plan.freeBytes;
          const bench = new Bench(version);
          const model = new Model();
          try {
            for (const { prefix, hop, remove } of steps) {
              const name = `${formatIp(prefix.bytes)}/${prefix.length}`;
              if (remove !== undefined && model.routes.size > 0) {
                const [gone] = [...model.routes.keys()].slice(remove % model.routes.size);
                expect(bench.router.removeRoute(gone!)).toBe(true);
                expect(bench.router.removeRoute(gone!)).toBe(false);
                model.routes.delete(gone!);
              } else {
                bench.router.addRoute({ prefix: name, via: hopOf(version, hop) });
                model.routes.set(name, { ...prefix, hop });
              }
              // Every edge of every prefix that has been there, and one bit beside each.
              const asked = [...others, ...steps.map((one) => one.prefix.bytes)].flatMap((bytes) => [
                bytes,
                ...[prefix.length - 1, prefix.length]
                  .filter((i) => i >= 0 && i < bits)
                  .map((i) => {
                    const beside = bytes.slice();
                    beside[i >> 3]! ^= 0x80 >> (i & 7);
                    return beside;
                  }),
              ]);
              expect(bench.lookup(asked)).toEqual(asked.map((address) => model.lookup(address)));
            }
            expect(bench.router.routes().filter(({ kind }) => kind === "via").length).toBe(model.routes.size);
          } finally {
            bench.close();
          }
          expect(kernels.plan.freeBytes).toBe(free);
        },
      ),
      { seed: 4100 + version, numRuns: 60 },
    );
  });

  it("takes thousands of routes and gives them all back", () => {
    const free = kernels.plan.freeBytes;
    const bench = new Bench(version);
    const random = noise(16 * 5000, 900 + version);
    const model = new Model();
    for (let i = 0; i < 5000; i++) {
      const length = version === 4 ? 8 + (random[16 * i + 15]! % 25) : 16 + (random[16 * i + 15]! % 113);
      const bytes = cut(random.slice(16 * i, 16 * i + (version === 4 ? 4 : 16)), length);
      bytes[0] = version === 4 ? 11 : 0x20;
      const hop = i % 200;
      bench.router.addRoute({ prefix: `${formatIp(bytes)}/${length}`, via: hopOf(version, hop) });
      model.routes.set(`${formatIp(bytes)}/${length}`, { bytes, length, hop });
    }
    const asked = [...model.routes.values()].slice(0, 200).map(({ bytes }) => {
      const inside = bytes.slice();
      inside[inside.length - 1]! |= 1;
      return inside;
    });
    expect(bench.lookup(asked)).toEqual(asked.map((address) => model.lookup(address)));
    const names = [...model.routes.keys()];
    for (const name of names.slice(100)) {
      bench.router.removeRoute(name);
      model.routes.delete(name);
    }
    expect(bench.lookup(asked)).toEqual(asked.map((address) => model.lookup(address)));
    for (const name of names.slice(0, 100)) bench.router.removeRoute(name);
    expect(bench.lookup(asked)).toEqual(asked.map(() => -1));
    bench.close();
    expect(kernels.plan.freeBytes).toBe(free);
  });
});

describe("a router's limits", () => {
  it("is full with as many routes as it was made for, and keeps what it has", () => {
    const bench = new Bench(4, 4);
    for (const prefix of ["10.0.0.0/8", "0.0.0.0/0"]) bench.router.addRoute({ prefix, via: hopOf(4, 1) });
    const before = bench.router.routes();
    expect(() => bench.router.addRoute({ prefix: "11.0.0.0/8", via: hopOf(4, 1) })).toThrow(/^routes: /);
    expect(() => bench.router.addRoute({ prefix: "12.0.0.0/8", blackhole: true })).toThrow(/^routes: /);
    expect(bench.router.routes()).toEqual(before);
    bench.router.addRoute({ prefix: "10.0.0.0/8", via: hopOf(4, 2) });
    expect(bench.lookup([Uint8Array.of(10, 1, 1, 1), Uint8Array.of(9, 1, 1, 1)])).toEqual([2, 1]);
    bench.close();
  });

  it("changes nothing when the memory has no more", async () => {
    const small = await loadKernels({ memoryBytes: 131072 });
    const bench = new RouteBench(small, { neighbours: 16 });
    const router = bench.router();
    const mac = "02:00:00:00:00:01";
    router.addInterface({ bridgeDomain: { id: 1 }, mac, addresses: ["10.0.0.1/24"] });
    let added = 0;
    const add = () => {
      for (; added < 10000; added++)
        router.addRoute({ prefix: `11.${added >> 8}.${added & 255}.0/24`, via: "10.0.0.2" });
    };
    expect(add).toThrow(/^memoryBytes: /);
    expect(added).toBeGreaterThan(50);
    expect(router.routes().length).toBe(added + 1);
    const addresses = ["10.7.0.1/24", "10.8.0.1/24", "fc00::1/64"];
    const fill = small.plan.reserve("the rest", Math.max(0, small.plan.freeBytes - 320));
    const before = small.plan.freeBytes;
    const second = () => router.addInterface({ bridgeDomain: { id: 2 }, mac, addresses });
    expect(second).toThrow(/^memoryBytes: /);
    expect(small.plan.freeBytes).toBe(before);
    expect(router.standsIn(2)).toBe(false);
    expect(bench.neighbours.size).toBe(1);
    expect(router.routes().length).toBe(added + 1);
    small.plan.release(fill);
  });
});
