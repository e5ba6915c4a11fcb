// A cluster of Kubernetes, as far as frames are concerned: nodes, pods, and a flat network among all pods. How it comes
// about is the mode's part: wrapped (overlay), routed (host-gw), or on the physical network (underlay).

import { formatMac, parseIp } from "../core/addresses.ts";
import { ArgumentRangeError, ArgumentTypeError } from "../core/argument-error.ts";
import { wholeNumber } from "../core/arguments.ts";
import { type Checked, checkFields } from "../core/fields.ts";
import { formatPrefix, networkOf, type Prefix, parsePrefix } from "../core/prefixes.ts";
import { Undo } from "../core/undo.ts";
import { VLAN_VID_RESERVED } from "../layout/vlan.layout.ts";
import { AddressPool, overlap, parseNetwork, SubnetPool } from "./address-pool.ts";
import { hostGatewayMode } from "./kubernetes-host-gw.ts";
import { type ClusterMode, type NodeDatapath, type NodePlan, podMac } from "./kubernetes-node.ts";
import {
  CLUSTER_FIELDS,
  CLUSTER_NODE_FIELDS,
  type ClusterDefaults,
  type ClusterModeName,
  type ClusterNode,
  type ClusterNodeOptions,
  type ClusterOptions,
  POD_FIELDS,
  type PodOptions,
} from "./kubernetes-options.ts";
import { overlayMode } from "./kubernetes-overlay.ts";
import { underlayMode } from "./kubernetes-underlay.ts";
import type { Machine } from "./machine.ts";
import type { Network } from "./network.ts";
import type { CarrierNetwork, Place } from "./place.ts";
import { carrierOf, type RackUnderlay } from "./routed-places.ts";

interface Member extends ClusterNode {
  readonly plan: NodePlan;
  readonly path: NodeDatapath;
  readonly addresses: AddressPool;
  readonly pods: Machine[];
}

const MODES: Readonly<Record<ClusterModeName, ClusterMode>> = {
  overlay: overlayMode,
  "host-gw": hostGatewayMode,
  underlay: underlayMode,
};
/** What every IPv4 host takes in (RFC 791 §3.1). */
const MTU_MINIMUM = 576;

export class Cluster {
  readonly network: Network;
  readonly name: string;
  readonly mode: ClusterModeName;
  readonly podCidr: string;
  readonly #mode: ClusterMode;
  readonly #options: Checked<ClusterOptions, ClusterDefaults>;
  readonly #subnets: SubnetPool | undefined;
  /** Of all pods, in mode underlay. */
  readonly #addresses: AddressPool | undefined;
  readonly #members: Map<string, Member> = new Map();
  readonly #carriers: Map<object, CarrierNetwork> = new Map();
  readonly #limits: { readonly pods: number; readonly nodes: number };
  readonly #vlan: number;
  #named = 0;

  /** @throws TypeError or RangeError that names what is wrong, or says what the mode cannot do; nothing is left then. */
  constructor(network: Network, options: ClusterOptions) {
    const checked = checkFields<ClusterOptions, ClusterDefaults>("options", CLUSTER_FIELDS, options);
    this.network = network;
    this.name = checked.name;
    this.mode = checked.mode;
    this.#mode = MODES[this.mode];
    this.#options = checked;
    this.podCidr = formatPrefix(parseNetwork("podCidr", checked.podCidr));
    if (this.#mode.subnets) {
      if (checked.vlan !== undefined)
        throw new ArgumentRangeError("not-for-this", "vlan", `mode ${this.mode} needs none`);
      const length = checked.subnetLength ?? 24;
      this.#subnets = new SubnetPool("podCidr", this.podCidr, "subnetLength", length);
      this.#vlan = 0;
    } else {
      if (checked.subnetLength !== undefined)
        throw new ArgumentRangeError(
          "not-for-this",
          "subnetLength",
          "in mode underlay all pods share one network",
        );
      this.#addresses = new AddressPool("podCidr", this.podCidr);
      this.#vlan = wholeNumber("vlan", checked.vlan, 2, VLAN_VID_RESERVED - 1);
    }
    this.#limits = { pods: checked.podsPerNode, nodes: checked.maximumNodes };
    try {
      for (const node of checked.nodes) this.addNode(node);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  nodes(): ClusterNode[] {
    return [...this.#members.values()];
  }

  /** Throws a RangeError if there is none of this name. */
  node(name: string): ClusterNode {
    return this.#member(name);
  }

  /** @throws RangeError that says why if the mode cannot join it to the others; nothing has changed then. */
  addNode(options: ClusterNodeOptions): ClusterNode {
    const checked = checkFields<ClusterNodeOptions, "name">("node", CLUSTER_NODE_FIELDS, options, "node.");
    const { name, address, mac, host } = checked;
    if (this.network.node(name) !== undefined)
      throw new ArgumentRangeError("taken", "node.name", `there is a node ${JSON.stringify(name)} already`);
    if (this.#members.size >= this.#limits.nodes)
      throw new ArgumentRangeError(
        "full",
        "maximumNodes",
        `the cluster has ${this.#limits.nodes} nodes already`,
      );
    const vlans = this.#vlan === 0 ? undefined : [this.#vlan];
    const place = this.#carrier(checked.underlay).place({ name, address, mac, host, vlans });
    const undo = new Undo();
    undo.add(() => place.vacate());
    try {
      this.#check(place);
      const subnet = this.#subnets?.take() ?? this.podCidr;
      undo.add(() => this.#subnets?.release(subnet));
      const plan: NodePlan = {
        name,
        place,
        subnet,
        podCidr: this.podCidr,
        vtepMac: this.#drawMac(),
        vlan: this.#vlan,
        ...this.#limits,
      };
      undo.add(() => this.#removeSwitch(name));
      const path = this.#mode.build(this.network, plan);
      place.plug(path.eth0);
      const member = this.#memberOf(plan, path);
      undo.add(() => this.#part(member));
      for (const other of this.#members.values()) {
        path.meet(other.plan);
        other.path.meet(plan);
      }
      this.#members.set(name, member);
      place.announce();
      return member;
    } catch (error) {
      throw undo.because(error);
    }
  }

  /** Removes a node with its pods. */
  removeNode(name: string): void {
    const member = this.#member(name);
    for (const pod of [...member.pods]) this.removePod(pod);
    this.#members.delete(name);
    this.#part(member);
    member.place.vacate();
    this.network.remove(member.node);
    this.#subnets?.release(member.subnet);
  }

  pods(): Machine[] {
    return [...this.#members.values()].flatMap(({ pods }) => pods);
  }

  addPod(options: PodOptions): Machine {
    const checked = checkFields<PodOptions, "node">("pod", POD_FIELDS, options);
    const { path, addresses, mtu, pods } = this.#member(checked.node);
    const name = checked.name ?? this.#freshName();
    const ip = addresses.take("ip");
    const undo = new Undo();
    undo.add(() => addresses.release(ip));
    try {
      const mac = podMac(ip);
      const length = addresses.prefix.length;
      const { gateway, node, bridge } = path;
      const machine = this.network.addMachine(name, {
        mac,
        ip: `${ip}/${length}`,
        mtu: checked.mtu ?? mtu,
        ...(gateway === undefined ? {} : { gateway }),
      });
      undo.add(() => this.network.remove(machine));
      const port = node.core.addPort({ name, bridgeDomain: bridge });
      undo.add(() => node.core.removePort(port));
      path.know(ip, mac);
      this.network.connect(machine.nic, node.at(port));
      if (this.#mode.announces) machine.announce();
      pods.push(machine);
      return machine;
    } catch (error) {
      throw undo.because(error);
    }
  }

  removePod(pod: Machine): void {
    const member = [...this.#members.values()].find(({ pods }) => pods.includes(pod));
    if (member === undefined)
      throw new ArgumentRangeError("not-found", "pod", "expected a pod of this cluster");
    const { path, addresses, pods } = member;
    pods.splice(pods.indexOf(pod), 1);
    const ip = pod.ip as string;
    this.network.remove(pod);
    const { core } = path.node;
    core.removePort(core.port(pod.name) as NonNullable<ReturnType<typeof core.port>>);
    path.unknow(ip);
    // In mode underlay other nodes have learned it, too.
    for (const other of this.#members.values()) other.node.core.fdb.remove(other.path.bridge, pod.mac);
    addresses.release(ip);
  }

  /** Removes all nodes and pods. */
  close(): void {
    for (const name of [...this.#members.keys()]) this.removeNode(name);
  }

  #check(place: Place): void {
    const mtu = this.#mode.podMtu(place);
    if (mtu < MTU_MINIMUM)
      throw new ArgumentRangeError(
        "out-of-range",
        "mode",
        `${this.mode} leaves pods ${mtu} bytes a packet, less than ${MTU_MINIMUM}`,
      );
    const around = parseNetworkOf(place);
    if (this.#mode.subnets && overlap(parsePrefix("podCidr", this.podCidr), around))
      throw new ArgumentRangeError(
        "contradiction",
        "podCidr",
        `${this.podCidr} and the nodes' network ${formatPrefix(around)} have addresses in common`,
      );
    for (const other of this.#members.values()) this.#mode.check(other.place, place);
  }

  #memberOf(plan: NodePlan, path: NodeDatapath): Member {
    const { name, place, subnet } = plan;
    const addresses = this.#addresses ?? new AddressPool("subnet", subnet);
    if (path.gateway !== undefined) addresses.take("gateway", path.gateway);
    const { node } = path;
    return { name, place, node, subnet, mtu: this.#mode.podMtu(place), pods: [], plan, path, addresses };
  }

  #part(member: Member): void {
    for (const other of this.#members.values()) {
      if (other === member) continue;
      member.path.part(other.plan);
      other.path.part(member.plan);
    }
  }

  #carrier(underlay: CarrierNetwork | RackUnderlay = this.#options.underlay): CarrierNetwork {
    if (typeof underlay !== "object" || underlay === null)
      throw new ArgumentTypeError("wrong-type", "underlay", "expected a network to stand in");
    let carrier = this.#carriers.get(underlay);
    if (carrier === undefined) {
      carrier = carrierOf(this.network, underlay);
      this.#carriers.set(underlay, carrier);
    }
    return carrier;
  }

  #removeSwitch(name: string): void {
    const node = this.network.node(name);
    if (node !== undefined) this.network.remove(node);
  }

  #member(name: string): Member {
    const member = this.#members.get(name);
    if (member === undefined)
      throw new ArgumentRangeError("not-found", "node", `there is no ${JSON.stringify(name)}`);
    return member;
  }

  /** Locally administered, and no other node's. */
  #drawMac(): string {
    const taken = new Set([...this.#members.values()].map(({ plan }) => plan.vtepMac));
    for (;;) {
      const bytes = Uint8Array.from({ length: 6 }, () => Math.floor(this.network.random() * 256));
      bytes[0] = ((bytes[0] as number) & 0xfc) | 2;
      const mac = formatMac(bytes);
      if (!taken.has(mac)) return mac;
    }
  }

  #freshName(): string {
    let name: string;
    do name = `${this.name}-pod-${++this.#named}`;
    while (this.network.node(name) !== undefined);
    return name;
  }
}

function parseNetworkOf({ address, prefixLength }: Place): Prefix {
  return networkOf({ bytes: parseIp("address", address), length: prefixLength });
}
