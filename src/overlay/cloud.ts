// A cloud: hosts that VPCs share. Machines come, move and go; the hosts' bridge domains, tunnels and tables follow.
//
// Hosts learn where machines are from the frames that pass, as switches do. What the cloud knows better it sees to
// itself: when a machine moves or goes, all hosts of its VPC forget its MAC at once, so that no frame ever follows a
// stale entry; a machine that has moved announces itself from its new host (a gratuitous ARP request, as hypervisors
// send it after a live migration), so that the frames to it need not be flooded for long.

import { formatMac, parseStationMac } from "../core/addresses.ts";
import { ArgumentRangeError } from "../core/argument-error.ts";
import { wholeNumber, wrongType } from "../core/arguments.ts";
import { type Checked, checkFields } from "../core/fields.ts";
import { Undo } from "../core/undo.ts";
import {
  CLOUD_FIELDS,
  CLOUD_HOST_FIELDS,
  CLOUD_MACHINE_FIELDS,
  type CloudHostOptions,
  type CloudMachineOptions,
  type CloudOptions,
  expectName,
  VPC_FIELDS,
  type VpcOptions,
} from "./cloud-options.ts";
import { FlatUnderlay } from "./flat-underlay.ts";
import type { Attachment } from "./link.ts";
import { Machine } from "./machine.ts";
import type { Network } from "./network.ts";
import { type CarrierNetwork, type PlaceRequest, stationMac, VXLAN_OVERHEAD } from "./place.ts";
import { carrierOf, type RackUnderlay } from "./routed-places.ts";
import { VniPool } from "./vni-pool.ts";
import { type Mooring, Vpc, VpcMachine, type VpcOwner } from "./vpc.ts";
import { VpcHost } from "./vpc-host.ts";
import { enter, forget, leave, unknow } from "./vpc-presence.ts";

type CheckedCloud = Checked<CloudOptions, "hosts" | "port" | "limits">;

export class Cloud {
  readonly network: Network;
  /** Longest packet of machines, in bytes. */
  readonly mtu: number;
  readonly #vnis: VniPool;
  readonly #hosts: Map<string, VpcHost> = new Map();
  /** In the order in which they came. */
  readonly #allHosts: VpcHost[] = [];
  readonly #vpcs: Map<string, Vpc> = new Map();
  readonly #moorings: Map<VpcMachine, Mooring> = new Map();
  #named = 0;

  /** @throws TypeError or RangeError that names what is wrong; nothing is left in the network then. */
  constructor(network: Network, options: CloudOptions) {
    const checked = checkFields<CloudOptions, "hosts" | "port" | "limits">("options", CLOUD_FIELDS, options);
    const { hosts, underlay, vnis } = checked;
    if (!Array.isArray(hosts)) throw wrongType("hosts", "an array", hosts);
    if (hosts.length === 0)
      throw new ArgumentRangeError("out-of-range", "hosts", "expected at least one, got none");
    this.network = network;
    this.#vnis = new VniPool(network.random, vnis);
    const flat = underlay === undefined ? new FlatUnderlay(network, { ports: hosts.length }) : undefined;
    const carrier = flat ?? carrierOf(network, underlay as CarrierNetwork | RackUnderlay);
    try {
      for (const [i, host] of checked.hosts.entries()) this.#addHost(`hosts[${i}]`, host, carrier, checked);
    } catch (error) {
      this.close();
      if (flat !== undefined) network.remove(flat.node);
      throw error;
    }
    const narrowest = Math.min(...this.#allHosts.map(({ place }) => place.mtu));
    this.mtu = narrowest - VXLAN_OVERHEAD;
  }

  hosts(): VpcHost[] {
    return [...this.#allHosts];
  }

  /** Throws a RangeError if there is none of this name. */
  host(name: string): VpcHost {
    const host = this.#hosts.get(name);
    if (host === undefined)
      throw new ArgumentRangeError("not-found", "host", `there is no ${JSON.stringify(name)}`);
    return host;
  }

  vpcs(): Vpc[] {
    return [...this.#vpcs.values()];
  }

  createVpc(options: VpcOptions): Vpc {
    const checked = checkFields<VpcOptions, "name" | "cidr" | "arpSuppression">(
      "options",
      VPC_FIELDS,
      options,
    );
    const { name, cidr, arpSuppression } = checked;
    if (this.#vpcs.has(name))
      throw new ArgumentRangeError("taken", "name", `there is a VPC ${JSON.stringify(name)} already`);
    const mtu = wholeNumber("mtu", checked.mtu ?? this.mtu, 576, this.mtu);
    const vni = this.#vnis.take(checked.vni);
    try {
      const vpc = new Vpc(this.#owner, { name, vni, arpSuppression }, cidr, mtu);
      this.#vpcs.set(name, vpc);
      return vpc;
    } catch (error) {
      this.#vnis.release(vni);
      throw error;
    }
  }

  /** @throws RangeError while machines are in it. */
  removeVpc(vpc: Vpc): void {
    this.#expectVpc(vpc);
    const { length } = vpc.machines();
    if (length > 0)
      throw new ArgumentRangeError("in-use", "vpc", `${length} machines are in ${vpc.name} still`);
    this.#vpcs.delete(vpc.name);
    this.#vnis.release(vpc.vni);
  }

  /** Adds a plain machine. */
  addMachine(options: CloudMachineOptions): VpcMachine {
    const checked = checkFields<CloudMachineOptions, "vpc">("options", CLOUD_MACHINE_FIELDS, options);
    const { vpc, host, ip: address, mac } = checked;
    this.#expectVpc(vpc);
    const { mtu = vpc.mtu } = checked;
    const settled = this.#settle(
      vpc,
      { name: checked.name ?? this.#freshName(vpc), host, address, mac },
      "ip",
    );
    try {
      const ip = `${settled.address}/${settled.prefixLength}`;
      const machine = this.network.addMachine(settled.name, { mac: settled.mac, ip, mtu });
      this.#plug(settled, machine.nic);
      if (vpc.isNews(settled)) settled.announce();
      return settled;
    } catch (error) {
      this.#evict(settled);
      throw error;
    }
  }

  /** Moves a machine, or what else stands in a VPC, to another host while it runs: it keeps its MAC and its address. */
  moveMachine(machine: VpcMachine, host: string): void {
    const mooring = this.#seatOf(machine);
    const { vpc } = machine;
    const { host: from, port } = mooring;
    const to = this.host(host);
    if (to === from) return;
    enter(vpc, to);
    try {
      mooring.port = to.addPort(vpc, machine.name);
    } catch (error) {
      leave(vpc, to);
      throw error;
    }
    this.#disconnect(mooring);
    from.node.core.removePort(port);
    mooring.host = to;
    forget(machine);
    leave(vpc, from);
    if (mooring.attachment === undefined) return;
    this.#connect(mooring, mooring.attachment);
    machine.announce();
  }

  /** Takes a machine out of its VPC, and a plain one out of the network. */
  removeMachine(machine: VpcMachine): void {
    this.#seatOf(machine);
    this.#evict(machine);
  }

  /** Removes all machines, VPCs and hosts. */
  close(): void {
    for (const machine of [...this.#moorings.keys()]) this.#evict(machine);
    for (const vpc of this.vpcs()) this.removeVpc(vpc);
    for (const { node, place } of this.#allHosts) {
      place.vacate();
      this.network.remove(node);
    }
    this.#hosts.clear();
    this.#allHosts.length = 0;
  }

  #addHost(
    argument: string,
    options: CloudHostOptions,
    carrier: CarrierNetwork,
    { hosts, port, limits }: CheckedCloud,
  ): void {
    const request = checkFields<CloudHostOptions, "name">(
      argument,
      CLOUD_HOST_FIELDS,
      options,
      `${argument}.`,
    );
    const { name } = request;
    const { network } = this;
    if (network.node(name) !== undefined)
      throw new ArgumentRangeError(
        "taken",
        `${argument}.name`,
        `there is a node ${JSON.stringify(name)} already`,
      );
    const place = carrier.place(request);
    try {
      const node = network.addSwitch(name, {
        ports: limits.ports ?? Math.min(65534, hosts.length + 256),
        bridgeDomains: limits.vpcs ?? 256,
        neighbours: limits.neighbours ?? 1024,
        vtep: { address: place.address, mac: place.mac, ports: { vxlan: port } },
        ...(limits.fdb === undefined ? {} : { fdb: limits.fdb }),
      });
      const host = new VpcHost(node, place);
      this.#hosts.set(name, host);
      this.#allHosts.push(host);
      place.plug(node.at());
      place.announce();
    } catch (error) {
      if (!this.#hosts.has(name)) place.vacate();
      throw error;
    }
  }

  readonly #owner: VpcOwner = {
    settle: (vpc, request) => this.#settle(vpc, request, "address"),
    plug: (machine, attachment) => this.#plug(machine, attachment),
    evict: (machine) => this.#evict(machine),
  };

  /** Finds room on a host: everything but what stands there. `argument` is what the caller calls the address. */
  #settle(vpc: Vpc, request: PlaceRequest, argument: string): VpcMachine {
    this.#expectVpc(vpc);
    const name = expectName("name", request.name);
    const chosen = request.mac === undefined ? undefined : formatMac(parseStationMac("mac", request.mac));
    const host = request.host === undefined ? this.#drawHost() : this.host(request.host);
    const address = vpc.addresses.take(argument, request.address);
    const undo = new Undo();
    undo.add(() => vpc.addresses.release(address));
    try {
      const mac = chosen ?? stationMac(address);
      if (vpc.machine(mac) !== undefined) throw new ArgumentRangeError("taken", "mac", `${mac} is taken`);
      enter(vpc, host);
      undo.add(() => leave(vpc, host));
      const mooring: Mooring = {
        host,
        port: host.addPort(vpc, name),
        attachment: undefined,
        link: undefined,
      };
      undo.add(() => host.node.core.removePort(mooring.port));
      const machine = new VpcMachine(this.#owner, vpc, { name, address, mac }, mooring);
      if (vpc.arpSuppression) {
        undo.add(() => unknow(machine));
        for (const one of vpc.hosts.keys()) one.know(vpc, address, mac);
      }
      vpc.keep(machine);
      this.#moorings.set(machine, mooring);
      return machine;
    } catch (error) {
      throw undo.because(error);
    }
  }

  #evict(machine: VpcMachine): void {
    const mooring = this.#moorings.get(machine);
    if (mooring === undefined) return;
    const { vpc } = machine;
    this.#moorings.delete(machine);
    vpc.drop(machine);
    this.#disconnect(mooring);
    mooring.host.node.core.removePort(mooring.port);
    forget(machine);
    if (vpc.arpSuppression) unknow(machine);
    leave(vpc, mooring.host);
    vpc.addresses.release(machine.address);
    if (mooring.attachment?.node instanceof Machine) this.network.remove(mooring.attachment.node);
  }

  #plug(machine: VpcMachine, attachment: Attachment): void {
    const mooring = this.#seatOf(machine);
    if (mooring.attachment !== undefined)
      throw new ArgumentRangeError(
        "taken",
        "attachment",
        `something stands at ${machine.name}'s place already`,
      );
    this.#connect(mooring, attachment);
    mooring.attachment = attachment;
  }

  #connect(mooring: Mooring, attachment: Attachment): void {
    mooring.link = this.network.connect(attachment, mooring.host.node.at(mooring.port));
  }

  #disconnect(mooring: Mooring): void {
    if (mooring.link !== undefined) this.network.disconnect(mooring.link);
    mooring.link = undefined;
  }

  #drawHost(): VpcHost {
    const hosts = this.#allHosts;
    return hosts[Math.floor(this.network.random() * hosts.length)] as VpcHost;
  }

  #freshName(vpc: Vpc): string {
    let name: string;
    do name = `${vpc.name}-${++this.#named}`;
    while (this.network.node(name) !== undefined);
    return name;
  }

  #expectVpc(vpc: Vpc): void {
    if (!(vpc instanceof Vpc)) throw wrongType("vpc", "a VPC", vpc);
    if (this.#vpcs.get(vpc.name) !== vpc)
      throw new ArgumentRangeError("not-found", "vpc", "expected a VPC of this cloud");
  }

  #seatOf(machine: VpcMachine): Mooring {
    const mooring = this.#moorings.get(machine);
    if (mooring === undefined)
      throw new ArgumentRangeError("not-found", "machine", "expected a machine of this cloud");
    return mooring;
  }
}
