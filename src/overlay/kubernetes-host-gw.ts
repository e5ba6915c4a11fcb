// Mode host-gw: nodes route to each other's pods as they are, unwrapped. The next hop is the other node itself, and so
// all nodes must stand in one layer-2 segment.

import { ArgumentRangeError } from "../core/argument-error.ts";
import type { BridgeDomain } from "../switch/switch-types.ts";
import { RoutedBridge } from "./kubernetes-bridge.ts";
import type { ClusterMode, NodeDatapath, NodePlan } from "./kubernetes-node.ts";
import type { Attachment } from "./link.ts";
import type { Network } from "./network.ts";

class HostGatewayNode extends RoutedBridge implements NodeDatapath {
  readonly eth0: Attachment;
  readonly #outside: BridgeDomain;

  constructor(network: Network, plan: NodePlan) {
    const { name, place, pods, nodes } = plan;
    const node = network.addSwitch(name, {
      ports: pods + 1,
      bridgeDomains: 2,
      neighbours: pods + nodes + 2,
    });
    super(node, plan, place.mtu);
    this.#outside = node.core.addBridgeDomain({ name: "eth0" });
    this.eth0 = node.at(node.core.addPort({ name: "eth0", bridgeDomain: this.#outside }));
    const addresses = [`${place.address}/${place.prefixLength}`];
    const { mac, mtu } = place;
    this.router.addInterface({ bridgeDomain: this.#outside, mac, addresses, mtu });
  }

  meet({ place, subnet }: NodePlan): void {
    this.node.core.addNeighbour({ bridgeDomain: this.#outside, ip: place.address, mac: place.mac });
    this.router.addRoute({ prefix: subnet, via: place.address });
  }

  part({ place, subnet }: NodePlan): void {
    this.router.removeRoute(subnet);
    this.node.core.removeNeighbour({ bridgeDomain: this.#outside, ip: place.address });
    this.node.core.fdb.remove(this.#outside, place.mac);
  }
}

export const hostGatewayMode: ClusterMode = {
  subnets: true,
  announces: false,
  podMtu: (place) => place.mtu,
  check: (one, other) => {
    if (one.segment !== other.segment)
      throw new ArgumentRangeError(
        "unsupported",
        "mode",
        `host-gw cannot join ${one.name} and ${other.name}: they stand in different layer-2 segments, and a route needs its next hop in its own`,
      );
  },
  build: (network, plan) => new HostGatewayNode(network, plan),
};
