// What a cluster is told, and what it tells.

import type { IpAddress, MacAddress } from "../core/addresses.ts";
import type { Machine } from "./machine.ts";
import type { CarrierNetwork, Place } from "./place.ts";
import type { RackUnderlay } from "./routed-places.ts";
import type { SwitchNode } from "./switch-node.ts";

export type ClusterModeName = "overlay" | "host-gw" | "underlay";

export interface ClusterNodeOptions {
  readonly name: string;
  /** Default: the cluster's. */
  readonly underlay?: CarrierNetwork | RackUnderlay | undefined;
  /** Its address there. Default: the lowest that is free; in a data centre, its place's. */
  readonly address?: IpAddress | undefined;
  readonly mac?: MacAddress | undefined;
  /** In a VPC: on which of its hosts the node stands. Default: drawn. */
  readonly host?: string | undefined;
}

export interface ClusterOptions {
  readonly name: string;
  readonly mode: ClusterModeName;
  /** What nodes stand in: a flat switch, a data centre, a VPC. */
  readonly underlay: CarrierNetwork | RackUnderlay;
  readonly nodes?: readonly ClusterNodeOptions[] | undefined;
  /** The network of all pods. Default `10.5.0.0/16`. */
  readonly podCidr?: string | undefined;
  /** Length of each node's part of it, in bits; in mode underlay there are no parts. Default 24. */
  readonly subnetLength?: number | undefined;
  /** Mode underlay, and only there: the VLAN of the pods, 2 to 4,094. */
  readonly vlan?: number | undefined;
  /** Most pods on a node: 1 to 65,533, default 110. */
  readonly podsPerNode?: number | undefined;
  /** Most nodes: 1 to 65,000, default 256. */
  readonly maximumNodes?: number | undefined;
}

export interface PodOptions {
  /** Name of its node. */
  readonly node: string;
  /** Default: the cluster's name and a number. */
  readonly name?: string | undefined;
  /** Longest packet it sends, in bytes. Default: what fits its node's network. */
  readonly mtu?: number | undefined;
}

/** A node of a cluster. */
export interface ClusterNode {
  readonly name: string;
  /** Where it stands; in a VPC, this is what `Cloud.moveMachine` moves. */
  readonly place: Place;
  readonly node: SwitchNode;
  /** The network of its pods. */
  readonly subnet: string;
  /** Longest packet of its pods, in bytes. */
  readonly mtu: number;
  readonly pods: readonly Machine[];
}
