// A whole laboratory as JSON: what schema/topology.schema.json lets through, in types.

import type { DataCentreOptions } from "./data-centre-plan.ts";
import type { ClusterModeName } from "./kubernetes-options.ts";
import type { OfficeOptions } from "./office.ts";
import type { TwoTorsOptions } from "./tors.ts";

export interface Topology {
  readonly $schema?: string;
  /** One line for people. */
  readonly title?: string;
  /** 0 to 4,294,967,295, default 1. The same file gives the same bytes. */
  readonly seed?: number;
  /** One flat layer-2 network for hosts and machines; this or `dataCentre`. */
  readonly underlay?: TopologyUnderlay;
  readonly dataCentre?: DataCentreOptions;
  /** Plain machines in the underlay. In a data centre they have the names of its hosts. */
  readonly machines?: readonly TopologyMachine[];
  /** Hosts of the VPCs. Default: in a data centre all that are no machines and no nodes. */
  readonly hosts?: readonly TopologyHost[];
  readonly vpcs?: readonly TopologyVpc[];
  /** Clouds whose hosts are machines of a VPC: what they wrap is wrapped again. */
  readonly clouds?: readonly TopologyCloud[];
  readonly clusters?: readonly TopologyCluster[];
  readonly office?: Omit<OfficeOptions, "capture">;
  readonly tors?: Omit<TwoTorsOptions, "capture">;
  readonly traffic?: readonly Step[];
}

export interface TopologyUnderlay {
  /** Default `10.1.0.0/16`. */
  readonly cidr?: string;
  /** Longest packet in bytes, default 1,500. */
  readonly mtu?: number;
}

export interface TopologyMachine {
  readonly name: string;
  readonly address?: string;
  readonly mtu?: number;
}

export interface TopologyHost {
  readonly name: string;
  readonly address?: string;
  readonly mac?: string;
  /** For hosts that stand in a VPC: on which of its hosts. */
  readonly host?: string;
}

export interface TopologyVpc {
  readonly name: string;
  readonly cidr: string;
  readonly vni?: number;
  readonly arpSuppression?: boolean;
  readonly machines?: readonly TopologyVpcMachine[];
}

export interface TopologyVpcMachine {
  readonly name: string;
  readonly host?: string;
  readonly ip?: string;
  readonly mac?: string;
  readonly mtu?: number;
}

export interface TopologyCloud {
  readonly name: string;
  /** The VPC, defined before, that the hosts stand in. */
  readonly vpc: string;
  readonly port?: number;
  readonly hosts: readonly TopologyHost[];
  readonly vpcs: readonly TopologyVpc[];
}

export interface TopologyCluster {
  readonly name: string;
  readonly mode: ClusterModeName;
  /** Default `10.5.0.0/16`. */
  readonly podCidr?: string;
  /** Default 24. */
  readonly subnetLength?: number;
  /** The VLAN of pods in mode `underlay`. */
  readonly vlan?: number;
  readonly nodes: readonly TopologyNode[];
  readonly pods?: readonly TopologyPod[];
}

/** A node stands in the underlay, or in a VPC. */
export interface TopologyNode {
  readonly name: string;
  readonly vpc?: string;
  readonly host?: string;
  readonly address?: string;
  readonly mac?: string;
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
  readonly size?: number;
  readonly ttl?: number;
  readonly df?: boolean;
  readonly count?: number;
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
    readonly bytes?: number;
    /** Over how many source ports they are spread, default 1. */
    readonly flows?: number;
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
