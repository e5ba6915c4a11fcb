// Mode overlay: what flannel's VXLAN backend programs. Each node has a device in VNI 1 with a MAC of its own, whose
// address is the first of the node's network. For every other node there are three entries and no more: a route to
// its pods by that address, the MAC of that address, and the tunnel to that MAC. Nothing is learned or flooded.

import { ArgumentRangeError } from "../core/argument-error.ts";
import { VXLAN_PORT_LINUX } from "../layout/vxlan.layout.ts";
import type { BridgeDomain, SwitchPort } from "../switch/switch-types.ts";
import { RoutedBridge } from "./kubernetes-bridge.ts";
import { type ClusterMode, type NodeDatapath, type NodePlan, withoutLength } from "./kubernetes-node.ts";
import type { Attachment } from "./link.ts";
import type { Network } from "./network.ts";
import { nextHopMac, type Place, VXLAN_OVERHEAD } from "./place.ts";

export const FLANNEL_VNI = 1;

class OverlayNode extends RoutedBridge implements NodeDatapath {
  readonly #place: Place;
  readonly #device: BridgeDomain;
  readonly #tunnels: Map<string, SwitchPort> = new Map();

  constructor(network: Network, plan: NodePlan) {
    const { name, place, pods, nodes, podCidr, subnet } = plan;
    const node = network.addSwitch(name, {
      ports: pods + nodes,
      bridgeDomains: 2,
      neighbours: pods + nodes + 2,
      vtep: { address: place.address, mac: place.mac, ports: { vxlan: VXLAN_PORT_LINUX } },
    });
    const mtu = place.mtu - VXLAN_OVERHEAD;
    super(node, plan, mtu);
    this.#place = place;
    this.#device = node.core.addBridgeDomain({
      name: "flannel.1",
      vni: FLANNEL_VNI,
      learning: false,
      unknownUnicast: "drop",
    });
    // The whole pod network is on-link here, so that the first address of each node's is a next hop.
    const length = podCidr.slice(podCidr.indexOf("/"));
    const addresses = [withoutLength(subnet) + length];
    this.router.addInterface({ bridgeDomain: this.#device, mac: plan.vtepMac, addresses, mtu });
  }

  get eth0(): Attachment {
    return this.node.at();
  }

  meet({ name, place, subnet, vtepMac }: NodePlan): void {
    const { core } = this.node;
    const port = core.addTunnel({
      name: `to-${name}`,
      kind: "vxlan",
      remote: place.address,
      remoteMac: nextHopMac(this.#place, place) as string,
      bridgeDomains: [this.#device],
      learning: false,
      flood: false,
    });
    this.#tunnels.set(name, port);
    const via = withoutLength(subnet);
    core.addNeighbour({ bridgeDomain: this.#device, ip: via, mac: vtepMac });
    core.fdb.set({ bridgeDomain: this.#device, mac: vtepMac, port });
    this.router.addRoute({ prefix: subnet, via });
  }

  part({ name, subnet, vtepMac }: NodePlan): void {
    const { core } = this.node;
    this.router.removeRoute(subnet);
    core.fdb.remove(this.#device, vtepMac);
    core.removeNeighbour({ bridgeDomain: this.#device, ip: withoutLength(subnet) });
    const port = this.#tunnels.get(name);
    if (port !== undefined) core.removePort(port);
    this.#tunnels.delete(name);
  }
}

export const overlayMode: ClusterMode = {
  subnets: true,
  announces: false,
  podMtu: (place) => place.mtu - VXLAN_OVERHEAD,
  check: (one, other) => {
    if (nextHopMac(one, other) === undefined || nextHopMac(other, one) === undefined)
      throw new ArgumentRangeError(
        "unsupported",
        "mode",
        `overlay cannot join ${one.name} and ${other.name}: they stand in networks that do not reach each other`,
      );
  },
  build: (network, plan) => new OverlayNode(network, plan),
};
