// What the three modes of a cluster have in common: what a node is told, and what it does for its pods.

import { formatMac, parseIp } from "../core/addresses.ts";
import type { BridgeDomain } from "../switch/switch-types.ts";
import type { Attachment } from "./link.ts";
import type { Network } from "./network.ts";
import type { Place } from "./place.ts";
import type { SwitchNode } from "./switch-node.ts";

/** A node, before there is anything of it in the network. */
export interface NodePlan {
  readonly name: string;
  readonly place: Place;
  /** Of its pods: such as `10.5.1.0/24`. In mode underlay it is the cluster's, for all nodes. */
  readonly subnet: string;
  readonly podCidr: string;
  /** MAC of its end of the overlay. */
  readonly vtepMac: string;
  /** The VLAN of the pods, in mode underlay. */
  readonly vlan: number;
  /** Most pods, and most other nodes. */
  readonly pods: number;
  readonly nodes: number;
}

/** What a mode makes of a node. */
export interface NodeDatapath {
  readonly node: SwitchNode;
  /** The end that goes to the node's place. */
  readonly eth0: Attachment;
  /** The bridge that pods are plugged into. */
  readonly bridge: BridgeDomain;
  /** Where pods send what is not for their own network; undefined if there is nothing. */
  readonly gateway: string | undefined;
  /** Enters the way to another node's pods. */
  meet(remote: NodePlan): void;
  /** Takes it out. */
  part(remote: NodePlan): void;
  /** A pod comes, or goes. */
  know(ip: string, mac: string): void;
  unknow(ip: string): void;
}

export interface ClusterMode {
  /** Whether each node has a network of its own for its pods; otherwise all share one. */
  readonly subnets: boolean;
  /** Whether a pod must announce itself to the network around it. */
  readonly announces: boolean;
  /** Longest packet of pods on a node that stands there, in bytes. */
  podMtu(place: Place): number;
  /** Throws a RangeError that says why if the mode cannot join nodes that stand so. */
  check(one: Place, other: Place): void;
  build(network: Network, plan: NodePlan): NodeDatapath;
}

/** 0a:58 and the address, as the bridge plugin of CNI has it. */
export function podMac(ip: string): string {
  return formatMac(Uint8Array.from([0x0a, 0x58, ...parseIp("ip", ip)]));
}

/** The first address of a node's network, with its length: where pods find their node. */
export function bridgeAddress(subnet: string): string {
  const [network = "", length] = subnet.split("/");
  const bytes = parseIp("subnet", network);
  bytes[3] = (bytes[3] as number) + 1;
  return `${bytes.join(".")}/${length}`;
}

/** An address without the length of its network. */
export function withoutLength(address: string): string {
  return address.slice(0, address.indexOf("/"));
}
