// Mode underlay: pods stand on the physical network themselves, in a VLAN of it. A node is no more than a bridge with
// a tagged port.

import { ArgumentRangeError } from "../core/argument-error.ts";
import type { BridgeDomain } from "../switch/switch-types.ts";
import type { ClusterMode, NodeDatapath, NodePlan } from "./kubernetes-node.ts";
import type { Attachment } from "./link.ts";
import type { Network } from "./network.ts";
import type { SwitchNode } from "./switch-node.ts";

class UnderlayNode implements NodeDatapath {
  readonly node: SwitchNode;
  readonly eth0: Attachment;
  readonly bridge: BridgeDomain;
  readonly gateway = undefined;

  constructor(network: Network, { name, pods, vlan }: NodePlan) {
    this.node = network.addSwitch(name, { ports: pods + 1, bridgeDomains: 1 });
    this.bridge = this.node.core.addBridgeDomain({ name: `vlan-${vlan}` });
    this.eth0 = this.node.at(this.node.core.addPort({ name: "eth0", vlans: [[vlan, this.bridge]] }));
  }

  // The physical network finds the way by itself.
  meet(): void {}
  part(): void {}
  know(): void {}
  unknow(): void {}
}

export const underlayMode: ClusterMode = {
  subnets: false,
  announces: true,
  podMtu: (place) => place.mtu,
  check: (one, other) => {
    if (one.segment !== other.segment)
      throw new ArgumentRangeError(
        "unsupported",
        "mode",
        `underlay cannot join ${one.name} and ${other.name}: they stand in different layer-2 segments, and the VLAN of the pods ends with each`,
      );
  },
  build: (network, plan) => new UnderlayNode(network, plan),
};
