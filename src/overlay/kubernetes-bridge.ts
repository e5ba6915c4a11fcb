// A node that routes: the bridge of its pods, and a router between it and the other nodes.
// Routers ask nobody for MACs, so the node enters its pods among its neighbours as they come.

import type { Router } from "../switch/router.ts";
import type { BridgeDomain } from "../switch/switch-types.ts";
import { bridgeAddress, type NodePlan, podMac, withoutLength } from "./kubernetes-node.ts";
import type { SwitchNode } from "./switch-node.ts";

export class RoutedBridge {
  readonly node: SwitchNode;
  readonly bridge: BridgeDomain;
  readonly router: Router;
  readonly gateway: string;

  constructor(node: SwitchNode, plan: NodePlan, mtu: number) {
    const address = bridgeAddress(plan.subnet);
    this.node = node;
    this.gateway = withoutLength(address);
    this.bridge = node.core.addBridgeDomain({ name: "cni0" });
    this.router = node.core.addRouter();
    const mac = podMac(this.gateway);
    this.router.addInterface({ bridgeDomain: this.bridge, mac, addresses: [address], mtu });
  }

  know(ip: string, mac: string): void {
    this.node.core.addNeighbour({ bridgeDomain: this.bridge, ip, mac });
  }

  unknow(ip: string): void {
    this.node.core.removeNeighbour({ bridgeDomain: this.bridge, ip });
  }
}
