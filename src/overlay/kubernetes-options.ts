// What a cluster is told, and what it tells.

import type { IpAddress, MacAddress } from "../core/addresses.ts";
import { choice, type Fields, given, type Kind, whole } from "../core/fields.ts";
import { VLAN_VID_RESERVED } from "../layout/vlan.layout.ts";
import { expectName } from "./cloud-options.ts";
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

const NAME: Kind<string> = { expected: "a name", check: expectName };
const UNDERLAY: Kind<CarrierNetwork | RackUnderlay> = given("a network underneath");

export const CLUSTER_NODE_FIELDS: Fields<ClusterNodeOptions, "name"> = {
  name: { ...NAME, required: true },
  underlay: UNDERLAY,
  // Whether there is such a place, the underlay says.
  address: given("an address in the underlay"),
  mac: given("a MAC address"),
  host: given("the name of a host"),
};

export type ClusterDefaults =
  | "name"
  | "mode"
  | "underlay"
  | "nodes"
  | "podCidr"
  | "podsPerNode"
  | "maximumNodes";

/** Which of them a mode needs or has no use for, the cluster says. */
export const CLUSTER_FIELDS: Fields<ClusterOptions, ClusterDefaults> = {
  name: { ...NAME, required: true },
  mode: { ...choice("overlay", "host-gw", "underlay"), required: true },
  underlay: { ...UNDERLAY, required: true },
  // Gone through one by one: each has joined before the next is looked at.
  nodes: { ...given("an array"), fallback: [] },
  podCidr: { ...given("a network such as 10.5.0.0/16"), fallback: "10.5.0.0/16" },
  subnetLength: given("a length in bits"),
  vlan: whole(2, VLAN_VID_RESERVED - 1),
  podsPerNode: { ...whole(1, 65533), fallback: 110 },
  maximumNodes: { ...whole(1, 65000), fallback: 256 },
};

export const POD_FIELDS: Fields<PodOptions, "node"> = {
  node: { ...given("the name of a node"), required: true },
  name: NAME,
  mtu: given("a whole number"),
};

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
