// The data centre underneath: zones of racks, and above them aggregation, core and border. Every switch is a router;
// every link between two of them a network of its own; where several ways are equally short, flows are spread over
// them by their hash, into which the outer UDP source port of a tunnel goes.

import { stationMac as macKind } from "../core/address-fields.ts";
import { formatMac, type MacAddress, parseStationMac } from "../core/addresses.ts";
import { ArgumentRangeError } from "../core/argument-error.ts";
import { checkFields, type Fields, whole } from "../core/fields.ts";
import {
  type DataCentreOptions,
  type DataCentrePlan,
  OUTSIDE,
  type PlannedHost,
  type PlannedLink,
  type PlannedRack,
  planDataCentre,
} from "./data-centre-plan.ts";
import { Failures } from "./failures.ts";
import type { Attachment, Link } from "./link.ts";
import type { Machine } from "./machine.ts";
import type { Network } from "./network.ts";
import { PathGraph } from "./paths.ts";
import { stationMac } from "./place.ts";
import type { RackPlace, RackUnderlay } from "./routed-places.ts";
import { UnderlayRouter } from "./underlay-router.ts";

/** A place for a host, in which rack it is, and whether somebody stands there. */
export interface DataCentreHost extends PlannedHost {
  readonly rack: PlannedRack;
  readonly attached: boolean;
}

/** A host's place: where to plug it in, and what it needs to know. */
export interface DataCentrePlace extends RackPlace {
  readonly name: string;
  /** Where packets to other networks go. */
  readonly gateway: string;
}

interface Slot extends PlannedHost {
  readonly rack: PlannedRack;
  mac: string;
  attachment: Attachment | undefined;
}

/** Where packets to a prefix must go in the end. */
interface Destination {
  readonly prefix: string;
  readonly router: string;
}

export interface AttachOptions {
  /** Default: made of the address, as that of a VTEP is. */
  readonly mac?: MacAddress | undefined;
}

const ATTACH_FIELDS: Fields<AttachOptions> = { mac: macKind() };

const HOSTS_LENGTH = 24;

export class DataCentre implements RackUnderlay {
  readonly network: Network;
  /** All names and addresses. */
  readonly plan: DataCentrePlan;
  /** A machine beyond the border. */
  readonly outside: Machine;
  readonly #routers = new Map<string, UnderlayRouter>();
  readonly #links = new Map<PlannedLink, Link>();
  readonly #slots = new Map<string, Slot>();
  readonly #failures: Failures;
  readonly #destinations: readonly Destination[];

  /** @throws TypeError or RangeError that names the option; nothing is added to the network then. */
  constructor(network: Network, options: DataCentreOptions) {
    this.network = network;
    const plan = planDataCentre(options);
    this.plan = plan;
    this.#failures = new Failures(network);
    for (const name of [...plan.switches.map((one) => one.name), OUTSIDE.machine])
      if (network.node(name) !== undefined)
        throw new ArgumentRangeError("taken", "network", `there is a node ${JSON.stringify(name)} already`);
    this.#addRouters();
    for (const link of plan.links) this.#addLink(link);
    for (const rack of plan.racks) this.#addRack(rack);
    this.outside = this.#addOutside();
    this.#destinations = [
      ...plan.racks.map(({ prefix, tor }) => ({ prefix, router: tor })),
      { prefix: OUTSIDE.prefix, router: OUTSIDE.router },
    ];
    this.#route();
  }

  /** All places for hosts, in the order of the racks. */
  hosts(): DataCentreHost[] {
    return [...this.#slots.values()].map(({ name, address, rack, attachment }) => {
      return { name, address, rack, attached: attachment !== undefined };
    });
  }

  /**
   * Gives a host its place in its rack. Its MAC is made of its address, as that of a VTEP is, unless `mac` says another.
   * @throws RangeError if there is no host of this name, if its place or its MAC is taken, or if its TOR has failed.
   */
  attachHost(name: string, options: AttachOptions = {}): DataCentrePlace {
    const checked = checkFields("options", ATTACH_FIELDS, options);
    const slot = this.#slot(name);
    const { rack, address } = slot;
    if (slot.attachment !== undefined)
      throw new ArgumentRangeError("taken", "name", `the place of ${JSON.stringify(name)} is taken`);
    if (this.#failures.has(rack.tor))
      throw new ArgumentRangeError("not-found", "name", `${rack.tor} has failed; repair it first`);
    const mac =
      checked.mac === undefined ? stationMac(address) : formatMac(parseStationMac("mac", checked.mac));
    const { prefix, gateway } = rack;
    const gatewayMac = stationMac(gateway);
    const neighbours = [...this.#slots.values()].filter((one) => one.attachment && one.rack === rack);
    if (mac === gatewayMac || neighbours.some((one) => one.mac === mac))
      throw new ArgumentRangeError("taken", "mac", `${mac} is taken in ${rack.tor}`);
    const attachment = this.#router(rack.tor).addHost(name, address, mac);
    slot.mac = mac;
    slot.attachment = attachment;
    return { name, attachment, address, prefix, mac, gateway, gatewayMac, mtu: this.plan.linkMtu };
  }

  detachHost(name: string): boolean {
    const slot = this.#slot(name);
    if (slot.attachment?.port === undefined) return false;
    this.#router(slot.rack.tor).removeHost(slot.attachment.port, slot.address);
    slot.attachment = undefined;
    return true;
  }

  /** Puts a plain machine at the place of a host: one that has no switch in it. */
  addMachine(name: string, options: { readonly mtu?: number | undefined } = {}): Machine {
    const longest = this.plan.linkMtu;
    const fields = { mtu: { ...whole(68, longest), fallback: Math.min(1500, longest) } };
    const { mtu } = checkFields<{ readonly mtu?: number | undefined }, "mtu">("options", fields, options);
    if (this.network.node(name) !== undefined)
      throw new ArgumentRangeError("taken", "name", `there is a node ${JSON.stringify(name)} already`);
    const { attachment, address, mac, gateway } = this.attachHost(name);
    const machine = this.network.addMachine(name, { mac, ip: `${address}/${HOSTS_LENGTH}`, gateway, mtu });
    this.network.connect({ node: machine }, attachment, { mtu: longest });
    return machine;
  }

  /**
   * Lets a link fail, or a node with all its links. Routes go round it at once; what is sent into it is dropped as
   * `link-down`, and what has no other way as `no-route`.
   * Returns false if it had failed before.
   * @throws RangeError if the network has nothing of this name.
   */
  fail(name: string): boolean {
    const changed = this.#failures.fail(name);
    if (changed) this.#route();
    return changed;
  }

  /** Repairs what has failed; false if it had not. A link comes up when neither it nor one of its ends has failed. */
  repair(name: string): boolean {
    const changed = this.#failures.repair(name);
    if (changed) this.#route();
    return changed;
  }

  /** The names of what has failed, in the order of failing. */
  failed(): string[] {
    return this.#failures.names();
  }

  /** The links between its switches. */
  links(): Link[] {
    return [...this.#links.values()];
  }

  /** The names of the switches that packets to `prefix` may go to next from switch `name`, all equally near. */
  nextHops(name: string, prefix: string): string[] {
    const router = this.#routers.get(name);
    if (router === undefined)
      throw new ArgumentRangeError("not-found", "name", `there is no switch ${JSON.stringify(name)}`);
    const addresses = router.routeTo(prefix);
    return this.plan.links.flatMap(({ ends: [a, b], addresses: [ofA, ofB] }) => {
      if (a === name && addresses.includes(ofB)) return [b];
      return b === name && addresses.includes(ofA) ? [a] : [];
    });
  }

  #addRouters(): void {
    const { switches, links, racks } = this.plan;
    const counts = new Map<string, number>();
    for (const { ends } of links) for (const end of ends) counts.set(end, (counts.get(end) ?? 0) + 1);
    const hosts = new Map(racks.map((rack) => [rack.tor, rack.hosts.length]));
    hosts.set(OUTSIDE.router, 1);
    for (const { name } of switches) {
      const options = { links: counts.get(name) ?? 0, hosts: hosts.get(name) ?? 0 };
      this.#routers.set(name, new UnderlayRouter(this.network, name, options));
    }
  }

  #addLink(planned: PlannedLink): void {
    const { name, ends, addresses, mtu } = planned;
    const [a, b] = ends;
    const ofA = this.#router(a).addLink(b, addresses[0], addresses[1], mtu);
    const ofB = this.#router(b).addLink(a, addresses[1], addresses[0], mtu);
    this.#links.set(planned, this.network.connect(ofA, ofB, { name, mtu }));
  }

  #addRack(rack: PlannedRack): void {
    this.#router(rack.tor).addHostNetwork(rack.gateway, HOSTS_LENGTH, this.plan.linkMtu);
    for (const { name, address } of rack.hosts)
      this.#slots.set(name, { name, address, rack, mac: stationMac(address), attachment: undefined });
  }

  #addOutside(): Machine {
    const { machine: name, router, address, gateway } = OUTSIDE;
    const mtu = Math.min(OUTSIDE.mtu, this.plan.linkMtu);
    const mac = stationMac(address);
    const internet = this.#router(router);
    internet.addHostNetwork(gateway, HOSTS_LENGTH, mtu);
    const attachment = internet.addHost(name, address, mac);
    const machine = this.network.addMachine(name, { mac, ip: `${address}/${HOSTS_LENGTH}`, gateway, mtu });
    this.network.connect({ node: machine }, attachment, { mtu });
    return machine;
  }

  /** Lets every switch know the shortest ways as they are now. */
  #route(): void {
    const up = [...this.#links].filter(([, link]) => link.up).map(([planned]) => planned);
    // The internet is no way from one border router to another.
    const graph = new PathGraph(up, [OUTSIDE.router]);
    for (const { prefix, router: target } of this.#destinations) {
      const paths = graph.pathsTo(target);
      for (const [name, router] of this.#routers) {
        if (name === target) continue;
        const steps = paths.get(name)?.steps ?? [];
        router.setRoute(
          prefix,
          steps.map(({ link }) => link.addresses[link.ends[0] === name ? 1 : 0]),
        );
      }
    }
  }

  #router(name: string): UnderlayRouter {
    return this.#routers.get(name) as UnderlayRouter;
  }

  #slot(name: string): Slot {
    const slot = this.#slots.get(name);
    if (slot === undefined)
      throw new ArgumentRangeError("not-found", "name", `there is no host ${JSON.stringify(name)}`);
    return slot;
  }
}
