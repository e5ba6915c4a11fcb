// What the suites of the kernel `route` share: a router, packets for it, and what is expected of what it does.
import { loadKernels } from "frameferry";
import type { Router } from "frameferry/switch";
import {
  type ComposeLayer,
  checksumFold,
  checksumSum,
  compose,
  dissect,
  formatIp,
  formatMac,
  type LayerOf,
  parseIp,
  parseMac,
  pseudoHeaderSum,
} from "frameferry/wire";
import { afterAll, beforeAll, expect } from "vitest";
import { noise } from "../support/passengers.ts";
import { RouteBench, type Routed } from "./router-bench.ts";

export const HOST = "02:00:00:00:00:aa";
export const GATEWAY = "02:00:00:00:01:01";
export const GATEWAY_2 = "02:00:00:00:01:02";
export const PEER = "02:00:00:00:00:bb";
export const SEED = 0x1234567;

export let bench: RouteBench;
export let router: Router;

/** One router with three interfaces for all tests of a file; called once, at its beginning. */
export function withRouter(): void {
  beforeAll(prepare);
  afterAll(() => {
    const { size } = bench.neighbours;
    bench.close();
    expect(size).toBe(75);
  });
}

async function prepare(): Promise<void> {
  const kernels = await loadKernels({ memoryBytes: 16 << 20 });
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
}

export interface Shape {
  readonly from?: string;
  readonly to: string;
  readonly ttl?: number;
  readonly payload?: number;
  readonly vid?: number;
  readonly fields?: object;
  readonly inside?: readonly ComposeLayer[];
}

export function frameOf({ from, to, ttl = 64, payload = 20, vid, fields = {}, inside }: Shape): Uint8Array {
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

export function echo(shape: Shape, type?: number): Uint8Array {
  const ipv6 = shape.to.includes(":");
  const name = ipv6 ? "icmpv6" : "icmp";
  return frameOf({ ...shape, inside: [{ name, type: type ?? (ipv6 ? 128 : 8) }] });
}

export function route(
  bytes: Uint8Array,
  more: { tag?: 4; headroom?: number; wireLength?: number } = {},
): Routed {
  const { tag = 0, ...input } = more;
  return bench.run("route", { bytes, ...input }, 1, tag);
}

export function ttlOf(frame: Uint8Array, by: -1, at: number): Uint8Array {
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

export function expectPassed(
  frame: Uint8Array,
  out: Routed,
  domain: number,
  mac: string,
  from: string,
): void {
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

export function edit(frame: Uint8Array, at: number, byte: number): Uint8Array {
  frame[at] = byte;
  return frame;
}

/** The layer of that name; everything about the frame holds together. */
export function layerOf<N extends "ipv4" | "ipv6" | "icmp" | "icmpv6" | "ethernet">(
  frame: Uint8Array,
  name: N,
): LayerOf<N> {
  const { layers, stop } = dissect(frame, { checksums: true });
  expect(stop).toBeUndefined();
  for (const layer of layers) if ("checksum" in layer) expect(layer.checksum).not.toBe("bad");
  return layers.find((layer) => layer.name === name) as LayerOf<N>;
}

/** Checks an ICMP message that came back, and gives what stands behind its checksum. */
export function expectIcmp(out: Routed, to: string, from: string, type: number, code: number): Uint8Array {
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
