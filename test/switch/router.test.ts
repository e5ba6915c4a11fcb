// Routers: what they refuse, that a refusal changes nothing, and that they know nothing of each other.
import { type Kernels, loadKernels } from "frameferry";
import type { Router } from "frameferry/switch";
import { compose, formatMac, parseIp, parseMac } from "frameferry/wire";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { RouteBench } from "./router-bench.ts";

const MAC = "02:00:00:00:01:01";
const one = { id: 1 };
const two = { id: 2 };
let kernels: Kernels;
let bench: RouteBench;
let router: Router;
let free: number;

beforeAll(async () => {
  kernels = await loadKernels({ memoryBytes: 8 << 20 });
});
beforeEach(() => {
  free = kernels.plan.freeBytes;
  bench = new RouteBench(kernels, { neighbours: 8 });
  router = bench.router();
});
afterEach(() => {
  bench.close();
  expect(kernels.plan.freeBytes).toBe(free);
});

function send(domain: number, to: string, bytes = 20): string {
  const frame = compose(
    [
      { name: "ethernet", destination: MAC, source: "02:00:00:00:00:aa" },
      to.includes(":")
        ? { name: "ipv6", source: "fc00:1::5", destination: to }
        : { name: "ipv4", source: "10.0.1.5", destination: to, ttl: 9 },
    ],
    new Uint8Array(bytes),
  );
  const out = bench.run("route", { bytes: frame }, domain);
  return out.reason ?? (out.answered ? "answered" : `${out.domain} ${formatMac(out.bytes)}`);
}

function know(domain: number, ip: string, mac: string): void {
  bench.neighbours.set(domain, parseIp("ip", ip), parseMac("mac", mac));
}

describe("arguments", () => {
  const good = { bridgeDomain: one, mac: MAC, addresses: ["10.0.1.1/24"] };
  it.each([
    [{ ...good, mtuu: 1 }, TypeError, /^options: unknown option "mtuu"/],
    [{ ...good, bridgeDomain: undefined }, TypeError, /^bridgeDomain: /],
    [{ ...good, bridgeDomain: { id: 99 } }, RangeError, /^bridgeDomain: /],
    [{ ...good, mac: "x" }, RangeError, /^mac: /],
    [{ ...good, mac: 5 }, TypeError, /^mac: /],
    [{ ...good, mac: "03:00:00:00:00:01" }, RangeError, /^mac: /],
    [{ ...good, mac: "00:00:00:00:00:00" }, RangeError, /^mac: /],
    [{ ...good, addresses: "10.0.1.1/24" }, TypeError, /^addresses: /],
    [{ ...good, addresses: [] }, RangeError, /^addresses: /],
    [{ ...good, addresses: [5] }, TypeError, /^addresses\[0\]: /],
    [{ ...good, addresses: ["10.0.1.1"] }, RangeError, /^addresses\[0\]: /],
    [{ ...good, addresses: ["10.0.1.1/33"] }, RangeError, /^addresses\[0\]: /],
    [{ ...good, addresses: ["10.0.1.1/024"] }, RangeError, /^addresses\[0\]: /],
    [{ ...good, addresses: ["10.1/16"] }, RangeError, /^addresses\[0\]: /],
    [{ ...good, addresses: ["10.0.1.0/24"] }, RangeError, /^addresses\[0\]: .*no host/],
    [{ ...good, addresses: ["10.0.1.255/24"] }, RangeError, /^addresses\[0\]: .*no host/],
    [{ ...good, addresses: ["224.0.0.1/24"] }, RangeError, /^addresses\[0\]: /],
    [{ ...good, addresses: ["127.0.0.1/8"] }, RangeError, /^addresses\[0\]: /],
    [{ ...good, addresses: ["10.0.0.1/0"] }, RangeError, /^addresses\[0\]: /],
    [{ ...good, addresses: ["ff02::1/64"] }, RangeError, /^addresses\[0\]: /],
    [{ ...good, addresses: ["::1/128"] }, RangeError, /^addresses\[0\]: /],
    [{ ...good, addresses: ["10.0.1.1/24", "10.0.1.1/25"] }, RangeError, /^addresses: /],
    [{ ...good, mtu: 67 }, RangeError, /^mtu: /],
    [{ ...good, mtu: 1279, addresses: ["fc00::1/64"] }, RangeError, /^mtu: /],
    [{ ...good, addresses: ["10.0.7.1/24"] }, RangeError, /^addresses\[0\]: .*neighbour/],
    [{ ...good, addresses: ["10.2.0.9/24"] }, RangeError, /^addresses\[0\]: .*10\.2\.0\.0\/24/],
    [
      { ...good, addresses: ["10.9.0.1/16", "10.8.0.1/24"] },
      RangeError,
      /^addresses\[1\]: .*10\.8\.0\.0\/24/,
    ],
    [
      { ...good, addresses: Array.from({ length: 9 }, (_, i) => `10.${i + 20}.0.1/24`) },
      RangeError,
      /^neighbours: /,
    ],
  ])("addInterface(%j)", (options, kind, message) => {
    router.addInterface({ bridgeDomain: two, mac: MAC, addresses: ["10.2.0.1/24"] });
    router.addRoute({ prefix: "10.8.0.0/24", via: "10.2.0.7" });
    know(1, "10.0.7.1", MAC);
    const before = [bench.neighbours.size, router.routes(), router.standsIn(1)];
    const call = () => router.addInterface(options as typeof good);
    expect(call).toThrow(kind as new () => Error);
    expect(call).toThrow(message as RegExp);
    expect([bench.neighbours.size, router.routes(), router.standsIn(1)]).toEqual(before);
    expect(send(1, "10.2.0.7")).toBe("for-router");
    router.addInterface(good);
  });

  it.each([
    [{ prefix: "10.5.0.0/16" }, TypeError, /^via: /],
    [{ prefix: 5, via: "10.0.1.5" }, TypeError, /^prefix: /],
    [{ prefix: "10.5.0.0", via: "10.0.1.5" }, RangeError, /^prefix: /],
    [{ prefix: "10.5.0.1/16", via: "10.0.1.5" }, RangeError, /^prefix: expected 10\.5\.0\.0\/16/],
    [{ prefix: "fc00::1/64", via: "fc00:1::1" }, RangeError, /^prefix: expected fc00::\/64/],
    [{ prefix: "10.5.0.0/16", via: "fc00:1::1" }, RangeError, /^via: /],
    [{ prefix: "10.5.0.0/16", via: "10.0.1.1" }, RangeError, /^via: .*own/],
    [{ prefix: "10.5.0.0/16", via: ["10.0.1.5", "11.0.0.1"] }, RangeError, /^via\[1\]: .*no connected/],
    [{ prefix: "10.5.0.0/16", via: ["10.0.1.5", "10.0.1.5"] }, RangeError, /^via: .*twice/],
    [{ prefix: "10.5.0.0/16", via: [] }, RangeError, /^via.length: /],
    [
      { prefix: "10.5.0.0/16", via: Array.from({ length: 65 }, (_, i) => `10.0.1.${i + 2}`) },
      RangeError,
      /^via/,
    ],
    [{ prefix: "10.5.0.0/16", blackhole: false }, TypeError, /^blackhole: /],
    [{ prefix: "10.5.0.0/16", blackhole: true, via: "10.0.1.5" }, TypeError, /^via: /],
    [{ prefix: "10.0.1.0/24", via: "10.0.1.5" }, RangeError, /^prefix: .*connected/],
    [{ prefix: "10.0.1.1/32", via: "10.0.1.5" }, RangeError, /^prefix: .*own/],
    [{ prefix: "10.5.0.0/16", nexthop: "10.0.1.5" }, TypeError, /^options: /],
  ])("addRoute(%j)", (options, kind, message) => {
    router.addInterface(good);
    const before = [kernels.plan.freeBytes, router.routes()];
    const call = () => router.addRoute(options as unknown as { prefix: string; via: string });
    expect(call).toThrow(kind as new () => Error);
    expect(call).toThrow(message as RegExp);
    expect([kernels.plan.freeBytes, router.routes()]).toEqual(before);
  });

  it("that come too late, or twice", () => {
    router.addInterface(good);
    expect(() => bench.router().addInterface({ ...good, addresses: ["10.0.2.1/24"] })).toThrow(
      /^bridgeDomain: /,
    );
    expect(() => know(1, "10.0.1.1", MAC)).toThrow(/^ip: /);
    expect(() => router.removeRoute("10.0.1.0/24")).toThrow(/^prefix: .*connected/);
    expect(router.removeRoute("10.0.1.1/32")).toBe(false);
    expect(router.removeInterface(two)).toBe(false);
    router.close();
    expect(() => router.addRoute({ prefix: "10.0.0.0/8", blackhole: true })).toThrow(/^router: /);
    expect(() => bench.router({ routes: 0 })).toThrow(/^routes: /);
  });
});

describe("routes", () => {
  it("follow their interfaces, and hold them", () => {
    router.addInterface({
      bridgeDomain: one,
      mac: MAC,
      addresses: ["10.0.1.1/24", "10.0.1.2/24", "fe80::1/64"],
    });
    router.addInterface({ bridgeDomain: two, mac: MAC, addresses: ["10.0.0.1/16", "fe80::1/64"] });
    know(2, "10.0.9.9", "02:00:00:00:00:99");
    router.addRoute({ prefix: "0.0.0.0/0", via: "10.0.9.9" });
    expect(router.routes()).toEqual(
      expect.arrayContaining([
        { prefix: "10.0.1.0/24", kind: "connected", via: [], bridgeDomain: 1 },
        { prefix: "10.0.0.0/16", kind: "connected", via: [], bridgeDomain: 2 },
        { prefix: "0.0.0.0/0", kind: "via", via: ["10.0.9.9"] },
      ]),
    );
    expect(router.routes().length).toBe(3);
    expect(send(1, "8.8.8.8")).toBe("2 02:00:00:00:00:99");
    expect(() => router.removeInterface(two)).toThrow(/^bridgeDomain: /);
    expect(router.removeInterface(one)).toBe(true);
    expect(send(1, "8.8.8.8")).toBe("for-router");
    // It is the other interface's network that the address belongs to now.
    expect(send(2, "10.0.1.1")).toBe("no-neighbour");
    expect(router.removeRoute("0.0.0.0/0")).toBe(true);
    expect(router.removeInterface(two)).toBe(true);
    expect(router.routes()).toEqual([]);
    expect(bench.neighbours.size).toBe(1);
  });

  it("use what neighbours say at the time", () => {
    router.addInterface({ bridgeDomain: one, mac: MAC, addresses: ["10.0.1.1/24", "fc00:1::1/64"] });
    router.addRoute({ prefix: "10.9.0.0/16", via: "10.0.1.7" });
    router.addRoute({ prefix: "fc00:9::/64", via: "fc00:1::7" });
    for (const [to, via] of [
      ["10.9.1.1", "10.0.1.7"],
      ["fc00:9::1", "fc00:1::7"],
    ] as const) {
      expect(send(1, to)).toBe("no-neighbour");
      know(2, via, "02:00:00:00:00:22");
      expect(send(1, to)).toBe("no-neighbour");
      know(1, via, "02:00:00:00:00:07");
      expect(send(1, to)).toBe("1 02:00:00:00:00:07");
      know(1, via, "02:00:00:00:00:08");
      expect(send(1, to)).toBe("1 02:00:00:00:00:08");
      expect(bench.neighbours.delete(1, parseIp("ip", via))).toBe(true);
      expect(bench.neighbours.delete(1, parseIp("ip", via))).toBe(false);
      expect(send(1, to)).toBe("no-neighbour");
    }
  });

  it("are replaced in one go", () => {
    router.addInterface({ bridgeDomain: one, mac: MAC, addresses: ["10.0.1.1/24"] });
    know(1, "10.0.1.7", "02:00:00:00:00:07");
    router.addRoute({ prefix: "10.9.0.0/16", blackhole: true });
    expect(send(1, "10.9.1.1")).toBe("blackhole");
    router.addRoute({ prefix: "10.9.0.0/16", via: "10.0.1.7" });
    expect(send(1, "10.9.1.1")).toBe("1 02:00:00:00:00:07");
    expect(router.routes().filter(({ prefix }) => prefix === "10.9.0.0/16").length).toBe(1);
    const changes = bench.changes;
    router.addRoute({ prefix: "10.9.0.0/16", blackhole: true });
    expect(send(1, "10.9.1.1")).toBe("blackhole");
    expect(bench.changes).toBe(changes + 1);
  });

  it("of one router are not another's, though all their addresses are the same", () => {
    const other = bench.router();
    router.addInterface({ bridgeDomain: one, mac: MAC, addresses: ["10.0.1.1/24"] });
    other.addInterface({ bridgeDomain: two, mac: MAC, addresses: ["10.0.1.1/24"] });
    know(1, "10.0.1.7", "02:00:00:00:00:17");
    know(2, "10.0.1.7", "02:00:00:00:00:27");
    router.addRoute({ prefix: "10.9.0.0/16", via: "10.0.1.7" });
    for (const [domain, to, expected] of [
      [1, "10.0.1.7", "1 02:00:00:00:00:17"],
      [2, "10.0.1.7", "2 02:00:00:00:00:27"],
      [1, "10.9.0.1", "1 02:00:00:00:00:17"],
      [2, "10.9.0.1", "no-route"],
    ] as const)
      expect(send(domain, to)).toBe(expected);
    other.addRoute({ prefix: "10.9.0.0/16", via: "10.0.1.7" });
    expect(send(2, "10.9.0.1")).toBe("2 02:00:00:00:00:27");
    router.close();
    expect(send(1, "10.0.1.7")).toBe("for-router");
    expect(send(2, "10.9.0.1")).toBe("2 02:00:00:00:00:27");
  });
});

describe("neighbours", () => {
  it("whose addresses share a key are told apart", () => {
    router.addInterface({ bridgeDomain: one, mac: MAC, addresses: ["fc00:1::1/64"] });
    // Solved for: the part of these that the table's keys hold is the same.
    const same = ["100:0:8f38:91eb", "200:0:384e:e993", "300:0:aeff:3a50", "400:0:7da2:1218"];
    const ips = same.map((rest) => `fc00:1::${rest}`);
    const macs = ips.map((_, i) => `02:00:00:00:00:0${i + 1}`);
    for (const order of [
      [0, 1, 2, 3],
      [3, 2, 1, 0],
      [1, 3, 0, 2],
      [2, 0, 3, 1],
    ]) {
      const known = new Set<number>();
      const check = () => {
        for (const [i, ip] of ips.entries())
          expect(send(1, ip)).toBe(known.has(i) ? `1 ${macs[i]}` : "no-neighbour");
      };
      for (const [i, ip] of ips.entries()) {
        know(1, ip, macs[i]!);
        known.add(i);
        check();
      }
      for (const i of order) {
        bench.neighbours.delete(1, parseIp("ip", ips[i]!));
        known.delete(i);
        check();
      }
    }
  });

  it("are as many as there is room for, and again after some went", () => {
    for (let i = 0; i < 8; i++) know(3, `10.0.0.${i}`, `02:00:00:00:00:0${i}`);
    expect(() => know(3, "10.0.0.8", MAC)).toThrow(/^neighbours: /);
    know(3, "10.0.0.7", MAC);
    expect(bench.neighbours.get(3, parseIp("ip", "10.0.0.7"))).toMatchObject({ domain: 3, gateway: false });
    bench.neighbours.deleteDomain(3);
    expect([...bench.neighbours.entries()]).toEqual([]);
    for (let i = 0; i < 8; i++) know(3, `fc00::${i + 1}`, MAC);
    expect(bench.neighbours.size).toBe(8);
  });
});
