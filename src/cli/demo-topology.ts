// The network of the demo: two tenants on the same two hosts, each with two plain machines and a Kubernetes of two
// nodes. Both have the same MACs, and their pods the same addresses, too.

import type { Topology, TopologyCluster, TopologyVpc } from "../overlay.ts";

export const TENANTS = ["orange", "blue"] as const;
export type Tenant = (typeof TENANTS)[number];

const HOSTS = ["host-1", "host-2"] as const;

export function demoTopology(): Topology {
  return {
    seed: 8,
    underlay: { cidr: "10.1.0.0/16", mtu: 1500 },
    hosts: [
      { name: "host-1", address: "10.1.5.7" },
      { name: "host-2", address: "10.1.5.8" },
    ],
    vpcs: [
      vpc("orange", 1234, "172.20.0.0/16", ["172.20.6.35", "172.20.6.36"]),
      vpc("blue", 5678, "172.10.0.0/16", ["172.10.5.25", "172.10.5.26"]),
    ],
    clusters: [cluster("orange"), cluster("blue")],
  };
}

function vpc(name: Tenant, vni: number, cidr: string, ips: readonly string[]): TopologyVpc {
  return {
    name,
    vni,
    cidr,
    machines: HOSTS.map((host, i) => {
      return { name: `${name}-vm-${i + 1}`, host, mac: `02:00:00:00:00:0${i + 1}`, ip: ips[i] as string };
    }),
  };
}

function cluster(tenant: Tenant): TopologyCluster {
  return {
    name: tenant,
    mode: "overlay",
    podCidr: "10.244.0.0/16",
    nodes: HOSTS.map((host, i) => ({ name: `${tenant}-node-${i + 1}`, vpc: tenant, host })),
    pods: [
      { name: `${tenant}-web`, node: `${tenant}-node-1` },
      { name: `${tenant}-db`, node: `${tenant}-node-2` },
    ],
  };
}
