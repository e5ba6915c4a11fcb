// A VPC: one layer-2 network for its tenant, wherever on the cloud's hosts the machines stand. What stands in it may
// be a plain machine, or a switch: the host of another cloud, a node of Kubernetes. A VPC is a carrier network, too.

import { ArgumentRangeError, ArgumentTypeError } from "../core/argument-error.ts";
import { formatPrefix } from "../core/prefixes.ts";
import type { SwitchPort } from "../switch/switch-types.ts";
import { AddressPool } from "./address-pool.ts";
import type { Attachment, Link } from "./link.ts";
import type { Machine } from "./machine.ts";
import { announcement, type CarrierNetwork, type Place, type PlaceRequest } from "./place.ts";
import type { HostedNetwork, VpcHost } from "./vpc-host.ts";

/** What a VPC leaves to its cloud. */
export interface VpcOwner {
  settle(vpc: Vpc, request: PlaceRequest): VpcMachine;
  plug(machine: VpcMachine, attachment: Attachment): void;
  evict(machine: VpcMachine): void;
}

/** Where a machine stands at the moment; only its cloud changes it. */
export interface Mooring {
  host: VpcHost;
  port: SwitchPort;
  attachment: Attachment | undefined;
  link: Link | undefined;
}

/** Made by `Cloud.createVpc`. */
export class Vpc implements CarrierNetwork, HostedNetwork {
  readonly name: string;
  readonly vni: number;
  /** Longest packet of its machines, in bytes: what its hosts can send, less what the tunnel takes. */
  readonly mtu: number;
  readonly arpSuppression: boolean;
  /** For its cloud. */
  readonly addresses: AddressPool;
  /** For its cloud: how many machines there are on each host that has any. */
  readonly hosts: Map<VpcHost, number> = new Map();
  readonly #owner: VpcOwner;
  readonly #machines: Map<string, VpcMachine> = new Map();
  /** MACs that addresses had before. */
  readonly #former: Map<string, string> = new Map();

  constructor(owner: VpcOwner, network: HostedNetwork, cidr: string, mtu: number) {
    this.#owner = owner;
    this.name = network.name;
    this.vni = network.vni;
    this.arpSuppression = network.arpSuppression;
    this.mtu = mtu;
    this.addresses = new AddressPool("cidr", cidr);
  }

  get cidr(): string {
    return formatPrefix(this.addresses.prefix);
  }

  machines(): VpcMachine[] {
    return [...this.#machines.values()];
  }

  /** Its machine with this MAC. */
  machine(mac: string): VpcMachine | undefined {
    return this.#machines.get(mac);
  }

  /** Room for something that is no plain machine: the host of another cloud, or a node of a cluster. */
  place(request: PlaceRequest): Place {
    if ((request.vlans ?? []).length > 0)
      throw new ArgumentRangeError(
        "not-for-this",
        "vlans",
        `VPC ${this.name} carries no VLANs: its hosts drop tagged frames, and so do its tunnels (RFC 7348 §6.1)`,
      );
    return this.#owner.settle(this, request);
  }

  /** For its cloud. */
  keep(machine: VpcMachine): void {
    this.#machines.set(machine.mac, machine);
  }

  /** For its cloud: whether machines may still take this one's address for another's. */
  isNews({ address, mac }: VpcMachine): boolean {
    return (this.#former.get(address) ?? mac) !== mac;
  }

  /** For its cloud. */
  drop(machine: VpcMachine): void {
    this.#former.set(machine.address, machine.mac);
    this.#machines.delete(machine.mac);
  }
}

/** A member of a VPC, and where it stands. Made by `Cloud.addMachine`, or by `Vpc.place` for switches. */
export class VpcMachine implements Place {
  readonly vpc: Vpc;
  readonly name: string;
  readonly address: string;
  readonly prefixLength: number;
  readonly mac: string;
  readonly mtu: number;
  readonly segment: object;
  readonly routed: object;
  readonly gatewayMac = undefined;
  readonly #owner: VpcOwner;
  readonly #mooring: Mooring;

  constructor(
    owner: VpcOwner,
    vpc: Vpc,
    identity: { name: string; address: string; mac: string },
    mooring: Mooring,
  ) {
    this.#owner = owner;
    this.vpc = vpc;
    this.name = identity.name;
    this.address = identity.address;
    this.prefixLength = vpc.addresses.prefix.length;
    this.mac = identity.mac;
    this.mtu = vpc.mtu;
    this.segment = vpc;
    this.routed = vpc;
    this.#mooring = mooring;
  }

  /** Name of the host on which it stands. */
  get host(): string {
    return this.#mooring.host.name;
  }

  /** The link between it and its host. */
  get link(): Link | undefined {
    return this.#mooring.link;
  }

  /** The machine itself, to ping from and so on. Throws a TypeError if what stands here is a switch. */
  get machine(): Machine {
    const node = this.#mooring.attachment?.node;
    if (node?.kind !== "machine")
      throw new ArgumentTypeError("not-for-this", "machine", `${this.name} is no plain machine`);
    return node as Machine;
  }

  plug(attachment: Attachment): void {
    this.#owner.plug(this, attachment);
  }

  announce(): void {
    this.#mooring.link?.ab.send(announcement(this.mac, this.address));
  }

  vacate(): void {
    this.#owner.evict(this);
  }
}
