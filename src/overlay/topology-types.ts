// A whole laboratory as JSON: what schema/topology.schema.json lets through, in types.

import type { DataCentreOptions } from "./data-centre-plan.ts";
import type { ClusterModeName } from "./kubernetes-options.ts";
import type { OfficeOptions } from "./office.ts";
import type { TwoTorsOptions } from "./tors.ts";

export interface Topology {
  readonly $schema?: string;
  /** One line for people. */
  readonly title?: string | undefined;
  /** 0 to 4,294,967,295, default 1. The same file gives the same bytes. */
  readonly seed?: number | undefined;
  /** One flat layer-2 network for hosts and machines; this or `dataCentre`. */
  readonly underlay?: TopologyUnderlay | undefined;
  readonly dataCentre?: DataCentreOptions | undefined;
  /** Plain machines in the underlay. In a data centre they have the names of its hosts. */
  readonly machines?: readonly TopologyMachine[] | undefined;
  /** Hosts of the VPCs. Default: in a data centre all that are no machines and no nodes. */
  readonly hosts?: readonly TopologyHost[] | undefined;
  readonly vpcs?: readonly TopologyVpc[] | undefined;
  /** Clouds whose hosts are machines of a VPC: what they wrap is wrapped again. */
  readonly clouds?: readonly TopologyCloud[] | undefined;
  readonly clusters?: readonly TopologyCluster[] | undefined;
  readonly office?: Omit<OfficeOptions, "capture"> | undefined;
  readonly tors?: Omit<TwoTorsOptions, "capture"> | undefined;
  readonly traffic?: readonly Step[] | undefined;
}

export interface TopologyUnderlay {
  /** Default `10.1.0.0/16`. */
  readonly cidr?: string | undefined;
  /** Longest packet in bytes, default 1,500. */
  readonly mtu?: number | undefined;
}

export interface TopologyMachine {
  readonly name: string;
  readonly address?: string | undefined;
  readonly mtu?: number | undefined;
}

export interface TopologyHost {
  readonly name: string;
  readonly address?: string | undefined;
  readonly mac?: string | undefined;
  /** For hosts that stand in a VPC: on which of its hosts. */
  readonly host?: string | undefined;
}

export interface TopologyVpc {
  readonly name: string;
  readonly cidr: string;
  readonly vni?: number | undefined;
  readonly arpSuppression?: boolean | undefined;
  readonly machines?: readonly TopologyVpcMachine[] | undefined;
}

export interface TopologyVpcMachine {
  readonly name: string;
  readonly host?: string | undefined;
  readonly ip?: string | undefined;
  readonly mac?: string | undefined;
  readonly mtu?: number | undefined;
}

export interface TopologyCloud {
  readonly name: string;
  /** The VPC, defined before, that the hosts stand in. */
  readonly vpc: string;
  readonly port?: number | undefined;
  readonly hosts: readonly TopologyHost[];
  readonly vpcs: readonly TopologyVpc[];
}

export interface TopologyCluster {
  readonly name: string;
  readonly mode: ClusterModeName;
  /** Default `10.5.0.0/16`. */
  readonly podCidr?: string | undefined;
  /** Default 24. */
  readonly subnetLength?: number | undefined;
  /** The VLAN of pods in mode `underlay`. */
  readonly vlan?: number | undefined;
  readonly nodes: readonly TopologyNode[];
  readonly pods?: readonly TopologyPod[] | undefined;
}

/** A node stands in the underlay, or in a VPC. */
export interface TopologyNode {
  readonly name: string;
  readonly vpc?: string | undefined;
  readonly host?: string | undefined;
  readonly address?: string | undefined;
  readonly mac?: string | undefined;
}

export interface TopologyPod {
  readonly name: string;
  readonly node: string;
}

/** What is done, one after the other. */
export type Step =
  | PingStep
  | ArpStep
  | BroadcastStep
  | FlowStep
  | CaptureStep
  | ReachStep
  | FailStep
  | RepairStep
  | MoveStep
  | WaitStep;

/** The first says hello to the second. */
export interface PingStep {
  readonly ping: readonly [string, string];
  readonly size?: number | undefined;
  readonly ttl?: number | undefined;
  readonly df?: boolean | undefined;
  readonly count?: number | undefined;
}

/** The first asks for the second's MAC. */
export interface ArpStep {
  readonly arp: readonly [string, string];
}

/** A frame to everybody. */
export interface BroadcastStep {
  readonly broadcast: string;
}

/** UDP datagrams. */
export interface FlowStep {
  readonly flow: {
    readonly from: string;
    readonly to: string;
    readonly packets: number;
    /** Of payload, each: 1 to 65,507, default 64. */
    readonly bytes?: number | undefined;
    /** Over how many source ports they are spread, default 1. */
    readonly flows?: number | undefined;
  };
}

/** The frames of a capture as they are, those left out that are longer than its machine sends. */
export interface CaptureStep {
  readonly capture: string;
  readonly from: string;
}

/** Each of these pings each other. */
export interface ReachStep {
  readonly reach: "all" | readonly string[];
}

export interface FailStep {
  readonly fail: string;
}

export interface RepairStep {
  readonly repair: string;
}

/** A machine of a VPC goes to another host, with its addresses. */
export interface MoveStep {
  readonly move: string;
  readonly to: string;
}

/** Milliseconds of virtual time. */
export interface WaitStep {
  readonly wait: number;
}
