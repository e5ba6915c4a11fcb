// Builds the sections of a topology, one after the other, in a network that has nothing yet.

import { ArgumentRangeError, ArgumentTypeError, type ErrorPath, placed } from "../core/argument-error.ts";
import { Cloud } from "./cloud.ts";
import { DataCentre } from "./data-centre.ts";
import { FlatUnderlay } from "./flat-underlay.ts";
import { Cluster } from "./kubernetes.ts";
import type { LabParts, Movable } from "./lab.ts";
import type { Network } from "./network.ts";
import { office } from "./office.ts";
import type { CarrierNetwork, Place } from "./place.ts";
import { RoutedPlaces } from "./routed-places.ts";
import type {
  Topology,
  TopologyCluster,
  TopologyHost,
  TopologyMachine,
  TopologyNode,
  TopologyVpc,
} from "./topology-types.ts";
import { twoTors } from "./tors.ts";
import { type Vpc, VpcMachine } from "./vpc.ts";

interface VpcOfCloud {
  readonly vpc: Vpc;
  readonly cloud: Cloud;
  /** Names of the cloud's hosts. */
  readonly hosts: readonly string[];
}

export class TopologyBuilder implements LabParts {
  readonly network: Network;
  dataCentre: DataCentre | undefined;
  readonly clouds: Cloud[] = [];
  readonly clusters: Cluster[] = [];
  readonly movable: Map<string, Movable> = new Map();
  readonly #topology: Topology;
  readonly #vpcs = new Map<string, VpcOfCloud>();
  #carrier: CarrierNetwork | undefined;

  constructor(network: Network, topology: Topology) {
    this.network = network;
    this.#topology = topology;
  }

  build(): void {
    const { network } = this;
    const { machines = [], vpcs = [], clouds = [], clusters = [], office: rooms, tors } = this.#topology;
    this.#addUnderlay();
    machines.forEach((machine, i) => {
      placed(["machines", i], machine, () => this.#addMachine(machine));
    });
    const hosts = this.#topology.hosts ?? this.#defaultHosts();
    if (hosts.length > 0) this.#addCloud([], { hosts, vpcs }, this.#underneath());
    else if (vpcs.length > 0)
      throw new ArgumentTypeError("missing", ["hosts"], "the VPCs have none to stand on");
    clouds.forEach((cloud, i) => {
      this.#addCloud(["clouds", i], cloud, this.#vpc(cloud.vpc, ["clouds", i, "vpc"]).vpc);
    });
    clusters.forEach((cluster, i) => {
      this.#addCluster(["clusters", i], cluster);
    });
    if (rooms !== undefined) placed(["office"], rooms, () => office(network, rooms));
    if (tors !== undefined) placed(["tors"], tors, () => twoTors(network, tors));
    if (network.nodes().length === 0) throw new ArgumentTypeError("missing", [], "there is nothing in it");
  }

  #addUnderlay(): void {
    const { network } = this;
    const { underlay, dataCentre } = this.#topology;
    if (dataCentre === undefined) {
      if (underlay !== undefined)
        this.#carrier = placed(
          ["underlay"],
          underlay,
          () => new FlatUnderlay(network, { ...underlay, ports: PORTS }),
        );
      return;
    }
    if (underlay !== undefined)
      throw new ArgumentTypeError(
        "contradiction",
        ["underlay"],
        "there is a dataCentre; hosts stand in one or the other",
      );
    const built = placed(["dataCentre"], dataCentre, () => new DataCentre(network, dataCentre));
    this.dataCentre = built;
    this.#carrier = new RoutedPlaces(network, built);
  }

  /** What hosts, nodes and machines stand in; a flat network unless another was described. */
  #underneath(): CarrierNetwork {
    this.#carrier ??= new FlatUnderlay(this.network, { ports: PORTS });
    return this.#carrier;
  }

  #addMachine({ name, address, mtu }: TopologyMachine): void {
    if (this.dataCentre !== undefined) {
      const place = this.dataCentre.plan.racks
        .flatMap(({ hosts }) => hosts)
        .find((host) => host.name === name);
      if (address !== undefined && place !== undefined && place.address !== address)
        throw new ArgumentRangeError("contradiction", "address", `the place of ${name} has ${place.address}`);
      this.dataCentre.addMachine(name, mtu === undefined ? {} : { mtu });
      return;
    }
    if (this.network.node(name) !== undefined)
      throw new ArgumentRangeError("taken", "name", `there is a node ${JSON.stringify(name)} already`);
    const place = this.#underneath().place({ name, address });
    const ip = `${place.address}/${place.prefixLength}`;
    const machine = this.network.addMachine(name, { mac: place.mac, ip, mtu: mtu ?? place.mtu });
    place.plug(machine.nic);
  }

  /** In a data centre, every place that nobody else has asked for. */
  #defaultHosts(): TopologyHost[] {
    const { dataCentre, vpcs = [], clusters = [] } = this.#topology;
    if (dataCentre === undefined || vpcs.length === 0) return [];
    const nodes = new Set(clusters.flatMap((cluster) => cluster.nodes.map(({ name }) => name)));
    const places = this.dataCentre?.hosts() ?? [];
    return places.filter(({ name, attached }) => !attached && !nodes.has(name)).map(({ name }) => ({ name }));
  }

  #addCloud(
    path: ErrorPath,
    description: {
      readonly hosts: readonly TopologyHost[];
      readonly vpcs: readonly TopologyVpc[];
      readonly port?: number | undefined;
    },
    underlay: CarrierNetwork,
  ): void {
    const { hosts, vpcs, port } = description;
    const cloud = placed(path, description, () => {
      return new Cloud(this.network, { hosts, underlay, ...(port !== undefined && { port }) });
    });
    this.clouds.push(cloud);
    for (const host of cloud.hosts()) this.#noteMovable(host.place);
    const hostNames = cloud.hosts().map(({ name }) => name);
    vpcs.forEach((vpc, i) => {
      this.#addVpc([...path, "vpcs", i], cloud, hostNames, vpc);
    });
  }

  #addVpc(path: ErrorPath, cloud: Cloud, hosts: readonly string[], description: TopologyVpc): void {
    const { machines = [], ...options } = description;
    if (this.#vpcs.has(options.name))
      throw new ArgumentRangeError(
        "taken",
        [...path, "name"],
        `there is a VPC ${JSON.stringify(options.name)} already`,
      );
    const vpc = placed(path, description, () => cloud.createVpc(options));
    this.#vpcs.set(vpc.name, { vpc, cloud, hosts });
    machines.forEach((machine, i) => {
      this.#noteMovable(
        placed([...path, "machines", i], machine, () => cloud.addMachine({ ...machine, vpc })),
      );
    });
  }

  #addCluster(path: ErrorPath, description: TopologyCluster): void {
    const { nodes, pods = [], ...options } = description;
    const underlays = nodes.map(({ vpc }, i) => {
      return vpc === undefined ? this.#underneath() : this.#vpc(vpc, [...path, "nodes", i, "vpc"]).vpc;
    });
    const underlay = underlays[0] ?? this.#underneath();
    const cluster = placed(path, description, () => new Cluster(this.network, { ...options, underlay }));
    this.clusters.push(cluster);
    nodes.forEach((node: TopologyNode, i) => {
      const { vpc: _vpc, ...rest } = node;
      const added = placed([...path, "nodes", i], node, () => {
        return cluster.addNode({ ...rest, underlay: underlays[i] as CarrierNetwork });
      });
      this.#noteMovable(added.place);
    });
    pods.forEach((pod, i) => {
      placed([...path, "pods", i], pod, () => cluster.addPod(pod));
    });
  }

  #noteMovable(place: Place): void {
    if (!(place instanceof VpcMachine)) return;
    const { cloud, hosts } = this.#vpc(place.vpc.name, []);
    this.movable.set(place.name, { hosts, move: (host) => cloud.moveMachine(place, host) });
  }

  #vpc(name: string, path: ErrorPath): VpcOfCloud {
    const found = this.#vpcs.get(name);
    if (found === undefined)
      throw new ArgumentRangeError("not-found", path, `there is no VPC ${JSON.stringify(name)} before it`);
    return found;
  }
}

/** Of the switch that is the flat network. */
const PORTS = 4096;
