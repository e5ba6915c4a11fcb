/**
 * Networks of switches and machines on virtual time: offices, TORs, clouds. Every frame is bytes at every step.
 * @module
 */

export { type ArgumentError, type ErrorPath, isArgumentError } from "./core/argument-error.ts";
export { type ErrorCode, errorCodes } from "./core/error-codes.ts";
export { Cloud } from "./overlay/cloud.ts";
export type {
  CloudHostOptions,
  CloudMachineOptions,
  CloudOptions,
  HostLimits,
  VpcOptions,
} from "./overlay/cloud-options.ts";
export { DataCentre, type DataCentreHost, type DataCentrePlace } from "./overlay/data-centre.ts";
export type {
  DataCentreOptions,
  DataCentrePlan,
  PlannedHost,
  PlannedLink,
  PlannedRack,
  PlannedSwitch,
  RackOptions,
  UnderlayRole,
  ZoneOptions,
} from "./overlay/data-centre-plan.ts";
export { FlatUnderlay, type FlatUnderlayOptions } from "./overlay/flat-underlay.ts";

export { type FramePart, type JourneyHop, journeyOf, partsOf } from "./overlay/journey.ts";
export { Cluster } from "./overlay/kubernetes.ts";
export type {
  ClusterModeName,
  ClusterNode,
  ClusterNodeOptions,
  ClusterOptions,
  PodOptions,
} from "./overlay/kubernetes-options.ts";
export { Lab, type LabParts, type Movable, type StepOptions } from "./overlay/lab.ts";
export {
  type ArpOutcome,
  type ChangeOutcome,
  type Outcome,
  type PingOutcome,
  type ReachOutcome,
  ReachTable,
  type SentOutcome,
} from "./overlay/lab-outcomes.ts";
export type { FrameCounts } from "./overlay/lab-watch.ts";
export type {
  Attachment,
  Hop,
  LaneCounters,
  Link,
  LinkCounters,
  LinkDropReason,
  LinkOptions,
  NetworkNode,
} from "./overlay/link.ts";
export type { Machine, MachineCounters, MachineOptions } from "./overlay/machine.ts";
export { Network, type NetworkOptions } from "./overlay/network.ts";
export type { NetworkPort } from "./overlay/network-port.ts";
export { type Desk, type Office, type OfficeOptions, office } from "./overlay/office.ts";
export { PathGraph, type PathLink, type PathStep, type PathsFrom } from "./overlay/paths.ts";
export type { PingError, PingHandle, PingOptions } from "./overlay/ping.ts";
export { type CarrierNetwork, type Place, type PlaceRequest, VXLAN_OVERHEAD } from "./overlay/place.ts";
export { seededRandom } from "./overlay/random.ts";
export type { ReceivedDatagram, ReceivedFrame } from "./overlay/received.ts";
export type { RackPlace, RackUnderlay } from "./overlay/routed-places.ts";
export type { Refusal } from "./overlay/station.ts";
export type { SwitchNode } from "./overlay/switch-node.ts";
export { type BuildOptions, buildTopology } from "./overlay/topology.ts";
export { TopologyError } from "./overlay/topology-error.ts";
export type {
  ArpStep,
  BroadcastStep,
  CaptureStep,
  FailStep,
  FlowStep,
  MoveStep,
  PingStep,
  ReachStep,
  RepairStep,
  Step,
  Topology,
  TopologyCloud,
  TopologyCluster,
  TopologyHost,
  TopologyMachine,
  TopologyNode,
  TopologyPod,
  TopologyUnderlay,
  TopologyVpc,
  TopologyVpcMachine,
  WaitStep,
} from "./overlay/topology-types.ts";
export { type TwoTors, type TwoTorsOptions, twoTors } from "./overlay/tors.ts";
export type { VniPoolOptions } from "./overlay/vni-pool.ts";
export type { Vpc, VpcMachine } from "./overlay/vpc.ts";
export type { VpcHost } from "./overlay/vpc-host.ts";
