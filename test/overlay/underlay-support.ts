// What the suites of the underlay share: data centres, what goes over their links, and what is dropped.

import {
  DataCentre,
  type DataCentreOptions,
  type Hop,
  type Machine,
  Network,
  type NetworkOptions,
} from "frameferry/overlay";
import { formatIp, parseEthernet, parseIpv4 } from "frameferry/wire";
import { onTestFinished } from "vitest";

export const THREE_ZONES: DataCentreOptions = {
  zones: [
    { name: "a", racks: [{ hosts: 2 }, { hosts: 2 }] },
    { name: "b", racks: [{ hosts: 2 }] },
    { name: "c", racks: [{ hosts: 1 }, { hosts: 1 }] },
  ],
};

/** A network that is closed with the test. */
export async function testNetwork(options: NetworkOptions = {}): Promise<Network> {
  const network = await Network.create(options);
  onTestFinished(() => network.close());
  return network;
}

/** A data centre with a plain machine at every host's place. */
export async function build(
  options: DataCentreOptions,
): Promise<{ network: Network; dc: DataCentre; machines: Machine[]; machine: (name: string) => Machine }> {
  const network = await testNetwork({ seed: 5 });
  const dc = new DataCentre(network, options);
  const machines = dc.hosts().map(({ name }) => dc.addMachine(name));
  const machine = (name: string): Machine => {
    const found = machines.find((one) => one.name === name);
    if (found === undefined) throw new Error(`no machine ${name}`);
    return found;
  };
  return { network, dc, machines, machine };
}

/** The names of the switches that a frame of `from` to `to` came through, link by link. */
export function recordHops(network: Network): Hop[] {
  const hops: Hop[] = [];
  network.onHop = (hop) => hops.push(hop);
  return hops;
}

/** Of hops, those of packets with this source and destination. */
export function between(hops: readonly Hop[], from: string | undefined, to: string | undefined): Hop[] {
  return hops.filter(({ frame }) => {
    const ethernet = parseEthernet(frame);
    if (!ethernet.ok || ethernet.header.etherType !== 0x0800) return false;
    const ip = parseIpv4(frame, 14);
    return ip.ok && formatIp(ip.header.source) === from && formatIp(ip.header.destination) === to;
  });
}

export function nodesOf(hops: readonly Hop[]): string[] {
  return hops.map(({ to }) => to.node.name);
}

/** Packets dropped by all switches of the network, by reason. */
export function drops(network: Network): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const node of network.nodes()) {
    if (node.kind !== "switch") continue;
    for (const [reason, count] of Object.entries(node.core.counters().drops))
      sums[reason] = (sums[reason] ?? 0) + count;
  }
  return sums;
}
