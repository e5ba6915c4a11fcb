// What a cloud is told.

import type { IpAddress, MacAddress } from "../core/addresses.ts";
import { ArgumentRangeError } from "../core/argument-error.ts";
import { wrongType } from "../core/arguments.ts";
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

/** Returns what can name a node. */
export function expectName(argument: string, name: unknown): string {
  if (typeof name !== "string") throw wrongType(argument, "a string", name);
  if (name === "") throw new ArgumentRangeError("out-of-range", argument, "expected a name, got none");
  return name;
}
