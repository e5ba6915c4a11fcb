// A host of a cloud: a switch with a VTEP, on which machines of several VPCs stand side by side.
// Each VPC that is present is a bridge domain; tunnels lead to those hosts only that have a VPC in common with it.

import { parseIp, parseMac } from "../core/addresses.ts";
import { ArgumentRangeError } from "../core/argument-error.ts";
import type { BridgeDomain, SwitchPort } from "../switch/switch-types.ts";
import { nextHopMac, type Place, VXLAN_OVERHEAD } from "./place.ts";
import type { SwitchNode } from "./switch-node.ts";

/** A VPC as hosts know it. */
export interface HostedNetwork {
  readonly name: string;
  readonly vni: number;
  readonly arpSuppression: boolean;
}

/** What tunnels to a host have in common: between a thousand hosts there may be a million. */
interface FarEnd {
  readonly name: string;
  readonly address: Uint8Array;
  readonly mac: Uint8Array;
}

export class VpcHost {
  readonly name: string;
  readonly node: SwitchNode;
  readonly place: Place;
  readonly #farEnd: FarEnd;
  /** MAC of the way out of its segment. */
  readonly #gateway: Uint8Array | undefined;
  readonly #domains = new Map<HostedNetwork, BridgeDomain>();

  constructor(node: SwitchNode, place: Place) {
    this.name = node.name;
    this.node = node;
    this.place = place;
    this.#farEnd = {
      name: `to-${node.name}`,
      address: parseIp("address", place.address),
      mac: parseMac("mac", place.mac),
    };
    this.#gateway = place.gatewayMac === undefined ? undefined : parseMac("gatewayMac", place.gatewayMac);
  }

  /** The bridge domain of a VPC that is present. */
  domain(network: HostedNetwork): BridgeDomain {
    const domain = this.#domains.get(network);
    if (domain === undefined)
      throw new ArgumentRangeError("not-found", "vpc", `${network.name} is not on ${this.name}`);
    return domain;
  }

  enter(network: HostedNetwork): void {
    const { name, vni, arpSuppression } = network;
    this.#domains.set(network, this.node.core.addBridgeDomain({ name, vni, arpSuppression }));
  }

  /** When no machine of it is left, and no tunnel. */
  exit(network: HostedNetwork): void {
    const domain = this.#domains.get(network);
    if (domain === undefined) return;
    this.node.core.removeBridgeDomain(domain);
    this.#domains.delete(network);
  }

  /** Lets a VPC's frames go to another host, to which they did not go yet. */
  reach(remote: VpcHost, network: HostedNetwork): void {
    const { core } = this.node;
    const domain = this.domain(network);
    const { name, address, mac } = remote.#farEnd;
    const known = core.port(name);
    if (known?.kind === "tunnel") {
      core.joinTunnel(known, domain);
      return;
    }
    const isNear = expectWay(this.place, remote.place) === remote.place.mac;
    core.addTunnel({
      name,
      kind: "vxlan",
      remote: address,
      remoteMac: isNear ? mac : (this.#gateway as Uint8Array),
      bridgeDomains: [domain],
      mtu: this.place.mtu - VXLAN_OVERHEAD,
    });
  }

  /** Lets a VPC's frames go to another host no longer; both have it still. */
  part(remote: VpcHost, network: HostedNetwork): void {
    const { core } = this.node;
    const tunnel = core.port(remote.#farEnd.name) as SwitchPort;
    const others = [...this.#domains.keys()].filter((other) => remote.#domains.has(other));
    if (others.length > 1) core.leaveTunnel(tunnel, this.domain(network));
    else core.removePort(tunnel);
  }

  addPort(network: HostedNetwork, name: string): SwitchPort {
    return this.node.core.addPort({ name, bridgeDomain: this.domain(network) });
  }

  /** Forgets what was learned of a MAC. */
  forget(network: HostedNetwork, mac: string): void {
    this.node.core.fdb.remove(this.domain(network), mac);
  }

  know(network: HostedNetwork, ip: string, mac: string): void {
    this.node.core.addNeighbour({ bridgeDomain: this.domain(network), ip, mac });
  }

  unknow(network: HostedNetwork, ip: string): void {
    this.node.core.removeNeighbour({ bridgeDomain: this.domain(network), ip });
  }
}

/** The MAC of the next hop between two hosts; throws a RangeError if there is none. */
export function expectWay(from: Place, to: Place): string {
  const mac = nextHopMac(from, to);
  if (mac === undefined)
    throw new ArgumentRangeError(
      "unsupported",
      "underlay",
      `${from.name} and ${to.name} stand in networks that do not reach each other`,
    );
  return mac;
}
