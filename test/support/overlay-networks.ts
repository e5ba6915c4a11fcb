// Networks to test on, and what must always hold in them.
import type { Link, Machine, Network, SwitchNode } from "frameferry/overlay";
import { expect } from "vitest";

/** Machines 1 to `count` at one switch: 10.0.0.n and fc00::n, links named like them. */
export function lan(
  network: Network,
  count: number,
  options: { mtu?: number; linkMtu?: number; capture?: boolean; name?: string } = {},
): { node: SwitchNode; machines: Machine[] } {
  const name = options.name ?? "lan";
  const node = network.addSwitch(name, { ports: count + 4 });
  const bridgeDomain = node.core.addBridgeDomain({ name: "lan" });
  const machines: Machine[] = [];
  for (let n = 1; n <= count; n++) {
    const machine = network.addMachine(`${name}-${n}`, {
      mac: Uint8Array.of(2, 0, 0, 0, 0, n),
      ip: `10.0.0.${n}/24`,
      mtu: options.mtu ?? 1500,
      // IPv6 needs 1,280 at least.
      ...((options.mtu ?? 1500) < 1280 ? {} : { ipv6: `fc00::${n.toString(16)}/64` }),
    });
    const port = node.core.addPort({ name: machine.name, bridgeDomain });
    const { linkMtu, capture = false } = options;
    const limit = linkMtu === undefined ? {} : { mtu: linkMtu };
    network.connect(machine.nic, node.at(port), { name: machine.name, capture, ...limit });
    machines.push(machine);
  }
  return { node, machines };
}

/** Nothing is lost without a reason, and nothing comes from nowhere: on each link, and between links and nodes. */
export function expectConserved(network: Network, links: Iterable<Link> = network.links()): void {
  for (const link of links) {
    const counters = link.counters();
    for (const [lane, { sent, received, waiting, dropped, drops }] of Object.entries(counters)) {
      const lost = Object.values(drops as Record<string, number>).reduce((sum, count) => sum + count, 0);
      expect(dropped).toBe(lost);
      expect(sent, `${link.name} ${lane}`).toBe(received + waiting + lost);
      expect(waiting).toBeGreaterThanOrEqual(0);
    }
  }
}

/** What nodes say of themselves is what their links say: for links that were there from the beginning. */
export function expectAgreed(network: Network): void {
  for (const link of network.links()) {
    const { ab, ba } = link.counters();
    for (const [end, out, back] of [
      [link.ends[0], ab, ba],
      [link.ends[1], ba, ab],
    ] as const) {
      const node = network.node(end.node.name) as Machine | SwitchNode;
      if (node.kind === "machine") {
        expect(node.counters().sent).toBe(out.sent);
        expect(node.counters().received).toBe(back.received);
        continue;
      }
      const ports = node.core.counters().ports;
      const port = ports.find(({ number }) => number === end.port?.number);
      expect(port?.sent, `${link.name} ${node.name}`).toBe(out.sent);
      expect(port?.sentBytes).toBe(out.sentBytes);
      expect(port?.received).toBe(back.received);
    }
  }
}

/** Joins chunks to hex, to compare many bytes at once. */
export function digest(files: readonly Uint8Array[]): Promise<string> {
  const all = new Uint8Array(files.reduce((sum, file) => sum + file.length, 0));
  let at = 0;
  for (const file of files) {
    all.set(file, at);
    at += file.length;
  }
  return crypto.subtle
    .digest("SHA-256", all)
    .then((sum) => [...new Uint8Array(sum)].map((byte) => byte.toString(16).padStart(2, "0")).join(""));
}
