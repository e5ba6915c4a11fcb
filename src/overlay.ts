/**
 * Networks of switches and machines on virtual time: offices, TORs, clouds. Every frame is bytes at every step.
 * @module
 */

export { Cloud } from "./overlay/cloud.ts";
export type {
  CloudHostOptions,
  CloudMachineOptions,
  CloudOptions,
  HostLimits,
  VpcOptions,
} from "./overlay/cloud-options.ts";
export { FlatUnderlay, type FlatUnderlayOptions } from "./overlay/flat-underlay.ts";
export { type Doll, dollsOf, type JourneyHop, journeyOf } from "./overlay/journey.ts";
export { Cluster } from "./overlay/kubernetes.ts";
export type {
  ClusterModeName,
  ClusterNode,
  ClusterNodeOptions,
  ClusterOptions,
  PodOptions,
} from "./overlay/kubernetes-options.ts";
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
export type { PingError, PingHandle, PingOptions } from "./overlay/ping.ts";
export { type CarrierNetwork, type Place, type PlaceRequest, VXLAN_OVERHEAD } from "./overlay/place.ts";
export { seededRandom } from "./overlay/random.ts";
export type { ReceivedDatagram, ReceivedFrame } from "./overlay/received.ts";
export type { RackPlace, RackUnderlay } from "./overlay/routed-places.ts";
export type { Refusal } from "./overlay/station.ts";
export type { SwitchNode } from "./overlay/switch-node.ts";
export type { VniPoolOptions } from "./overlay/vni-pool.ts";
export type { Vpc, VpcMachine } from "./overlay/vpc.ts";
export type { VpcHost } from "./overlay/vpc-host.ts";
