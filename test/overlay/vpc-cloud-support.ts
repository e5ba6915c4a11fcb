// What the suites of VPCs share: a network for each test, a cloud of hosts on it, and their tunnels.

import { Cloud, Network, type Vpc } from "frameferry/overlay";
import { test } from "vitest";

/** A test with a network of its own. */
export const it = test.extend<{ readonly network: Network }>({
  network: async ({ onTestFinished }, use) => {
    const network = await Network.create({ seed: 7, memoryBytes: 64 << 20 });
    onTestFinished(() => network.close());
    await use(network);
  },
});

const HOSTS = ["host-1", "host-2", "host-3"];

export function cloudOf(network: Network, hosts: readonly string[] = HOSTS): Cloud {
  return new Cloud(network, {
    hosts: hosts.map((name, i) => ({ name, address: `10.1.5.${7 + i}` })),
  });
}

/** The article's two, figure 8. */
export function orangeAndBlue(cloud: Cloud): { orange: Vpc; blue: Vpc } {
  return {
    orange: cloud.createVpc({ name: "orange", cidr: "172.20.0.0/16", vni: 1234 }),
    blue: cloud.createVpc({ name: "blue", cidr: "172.10.0.0/16", vni: 5678 }),
  };
}

/** Tunnels of each host: where to, and which VPCs it has at all. */
export function tunnels(cloud: Cloud): Record<string, string> {
  return Object.fromEntries(
    cloud.hosts().map(({ name, node }) => {
      const ports = node.core.ports().filter(({ kind }) => kind === "tunnel");
      const vpcs = node.core.bridgeDomains().map((domain) => domain.name);
      return [name, `${vpcs.sort().join("+")} ${ports.map((port) => port.name).sort()}`.trim()];
    }),
  );
}
