// What the tests of clouds and clusters ask of a network.
import type { Hop, Link, Machine, Network } from "frameferry/overlay";
import { dissect, formatIp, type Layer, vnisOf } from "frameferry/wire";
import { expect } from "vitest";

/** Nothing is lost on any link: all that was sent has arrived, or was dropped for a reason. */
export function expectConserved(network: Network): void {
  for (const link of network.links()) expectLinkConserved(link);
  for (const node of network.nodes()) {
    if (node.kind !== "switch") continue;
    const { received, copies, sent, dropped } = node.core.counters();
    expect(received + copies, `${node.name}: received + copies`).toBe(sent + dropped);
  }
}

function expectLinkConserved(link: Link): void {
  for (const lane of Object.values(link.counters())) {
    const dropped = Object.values<number>(lane.drops).reduce((sum, count) => sum + count, 0);
    expect(lane.sent, link.name).toBe(lane.received + dropped + lane.waiting);
    expect(lane.waiting, link.name).toBe(0);
  }
}

/** Runs `during` and everything it sets in motion; returns all hops. */
export function hopsOf(network: Network, during: () => void): Hop[] {
  const hops: Hop[] = [];
  network.onHop = (hop) => hops.push(hop);
  during();
  network.run();
  network.onHop = undefined;
  return hops;
}

export interface Hello {
  readonly replies: number;
  readonly hops: readonly Hop[];
  /** Names of the machines at which the echo request arrived in a frame for their own MAC. */
  readonly at: readonly string[];
  /** Names of the machines to which any frame at all was sent, without the one that asked. */
  readonly touched: ReadonlySet<string>;
}

/** One echo request, to an address of which nothing need be known. What was under way before moves along. */
export function sayHello(network: Network, from: Machine, ip: string, size = 56): Hello {
  let replies = 0;
  const hops: Hop[] = [];
  network.onHop = (hop) => hops.push(hop);
  const ping = from.ping(ip, { size });
  // ARP gives up after some seconds.
  network.run();
  if (ping.replies === 0) network.advance(10_000);
  network.onHop = undefined;
  replies = ping.replies;
  const at: string[] = [];
  const touched = new Set<string>();
  for (const { to, frame } of hops) {
    if (to.node.kind !== "machine" || to.node === from) continue;
    const machine = to.node as Machine;
    touched.add(machine.name);
    if (isEchoRequest(frame, machine.mac)) at.push(machine.name);
  }
  return { replies, hops, at, touched };
}

function isEchoRequest(frame: Uint8Array, mac: string): boolean {
  const { layers } = dissect(frame);
  const [ethernet] = layers;
  if (ethernet?.name !== "ethernet" || text(ethernet.header.destination) !== mac) return false;
  return layers.some((layer) => layer.name === "icmp" && layer.header.type === 8);
}

export function text(mac: Uint8Array): string {
  return Array.from(mac, (byte) => byte.toString(16).padStart(2, "0")).join(":");
}

export function layersOf(frame: Uint8Array): readonly Layer[] {
  const { layers, stop } = dissect(frame, { checksums: true });
  expect(stop).toBeUndefined();
  for (const layer of layers) expect(layer.checksum).not.toBe("bad");
  return layers;
}

/** The VNIs of each frame that entered a link of this node's, outermost first, as text: `1234/1`. Frames without are left out. */
export function vnisSeen(hops: readonly Hop[], node: string): Set<string> {
  const seen = new Set<string>();
  for (const { from, to, frame } of hops) {
    if (from.node.name !== node && to.node.name !== node) continue;
    const vnis = vnisOf(layersOf(frame));
    if (vnis.length > 0) seen.add(vnis.join("/"));
  }
  return seen;
}

/** Source and destination of each IPv4 header, outermost first. */
export function addressesOf(frame: Uint8Array): string[] {
  return layersOf(frame).flatMap((layer) =>
    layer.name === "ipv4" ? [`${formatIp(layer.header.source)} > ${formatIp(layer.header.destination)}`] : [],
  );
}
