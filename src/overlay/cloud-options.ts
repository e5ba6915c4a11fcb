// What a cloud is told.

import { ip, stationMac } from "../core/address-fields.ts";
import type { IpAddress, MacAddress } from "../core/addresses.ts";
import { ArgumentRangeError } from "../core/argument-error.ts";
import { wrongType } from "../core/arguments.ts";
import { type Fields, flag, given, type Kind, object, whole } from "../core/fields.ts";
import { VNI_MAXIMUM, VXLAN_PORT } from "../layout/vxlan.layout.ts";
import type { SwitchFdbOptions } from "../switch/switch-types.ts";
import type { CarrierNetwork } from "./place.ts";
import type { RackUnderlay } from "./routed-places.ts";
import type { VniPoolOptions } from "./vni-pool.ts";
import type { Vpc } from "./vpc.ts";

export interface CloudHostOptions {
  readonly name: string;
  /** Its address in the underlay. Default: the lowest that is free; in a data centre, its place's. */
  readonly address?: IpAddress | undefined;
  readonly mac?: MacAddress | undefined;
  /** In a VPC: on which host of that the host stands. Default: drawn. */
  readonly host?: string | undefined;
}

/** How much a host has room for. */
export interface HostLimits {
  /** Most machines and tunnels. Default: a tunnel to every other host, and 256 machines. */
  readonly ports?: number | undefined;
  /** Most VPCs. Default 256. */
  readonly vpcs?: number | undefined;
  /** Most addresses, with ARP suppression. Default 1,024. */
  readonly neighbours?: number | undefined;
  readonly fdb?: SwitchFdbOptions | undefined;
}

export interface CloudOptions {
  readonly hosts: readonly CloudHostOptions[];
  /** Where the hosts stand: a flat switch, a data centre, a VPC of another cloud. Default: a `FlatUnderlay` of its own. */
  readonly underlay?: CarrierNetwork | RackUnderlay | undefined;
  readonly vnis?: VniPoolOptions | undefined;
  /** UDP port of the tunnels. Default 4789. */
  readonly port?: number | undefined;
  readonly limits?: HostLimits | undefined;
}

export interface VpcOptions {
  readonly name: string;
  /** Such as `172.20.0.0/16`. VPCs may have the same: they never meet. */
  readonly cidr: string;
  /** 0 to 16,777,215. Default: drawn among those that are free. */
  readonly vni?: number | undefined;
  /** Longest packet of its machines, in bytes: 576 up to the default, which is what the cloud's hosts can carry. */
  readonly mtu?: number | undefined;
  /** Whether hosts answer ARP requests for machines of the VPC themselves. Default false: requests are flooded. */
  readonly arpSuppression?: boolean | undefined;
}

export interface CloudMachineOptions {
  readonly vpc: Vpc;
  /** Default: the VPC's name and a number. */
  readonly name?: string | undefined;
  /** Name of a host. Default: drawn. */
  readonly host?: string | undefined;
  /** Default: the lowest that is free. */
  readonly ip?: IpAddress | undefined;
  /** Default: made of the address. */
  readonly mac?: MacAddress | undefined;
  /** Longest packet it sends, in bytes. Default: the VPC's. */
  readonly mtu?: number | undefined;
}

const NAME: Kind<string> = { expected: "a name", check: expectName };

export const CLOUD_HOST_FIELDS: Fields<CloudHostOptions, "name"> = {
  name: { ...NAME, required: true },
  // Whether there is such a place, the underlay says.
  address: given("an address in the underlay"),
  mac: given("a MAC address"),
  host: given("the name of a host"),
};

/** How many there may be, the hosts' switches say. */
const LIMIT_FIELDS: Fields<HostLimits> = {
  ports: given("a whole number"),
  vpcs: given("a whole number"),
  neighbours: given("a whole number"),
  fdb: given("options of an FDB"),
};

export const CLOUD_FIELDS: Fields<CloudOptions, "hosts" | "port" | "limits"> = {
  // Gone through one by one: the place of each is taken before the next is looked at.
  hosts: { ...given("an array"), required: true },
  underlay: given("a network underneath"),
  vnis: given("a range of VNIs"),
  port: { ...whole(1, 65535), fallback: VXLAN_PORT },
  limits: { ...object<HostLimits>(LIMIT_FIELDS), fallback: {} },
};

export const VPC_FIELDS: Fields<VpcOptions, "name" | "cidr" | "arpSuppression"> = {
  name: { ...NAME, required: true },
  cidr: { ...given("a network such as 172.20.0.0/16"), required: true },
  vni: whole(0, VNI_MAXIMUM),
  mtu: whole(576, 65535),
  arpSuppression: { ...flag(), fallback: false },
};

export const CLOUD_MACHINE_FIELDS: Fields<CloudMachineOptions, "vpc"> = {
  vpc: { ...given("a VPC of the cloud"), required: true },
  name: NAME,
  host: given("the name of a host"),
  ip: ip(),
  mac: stationMac(),
  mtu: whole(68, 65535),
};

/** Returns what can name a node. */
export function expectName(argument: string, name: unknown): string {
  if (typeof name !== "string") throw wrongType(argument, "a string", name);
  if (name === "") throw new ArgumentRangeError("out-of-range", argument, "expected a name, got none");
  return name;
}
