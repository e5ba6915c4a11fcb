/**
 * Networks of switches and machines on virtual time: offices, TORs, clouds. Every frame is bytes at every step.
 * @module
 */
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
export { type Doll, dollsOf, type JourneyHop, journeyOf } from "./overlay/journey.ts";
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
export { type Office, type OfficeOptions, office, type Seat } from "./overlay/office.ts";
export { PathGraph, type PathLink, type PathStep, type PathsFrom } from "./overlay/paths.ts";
export type { PingError, PingHandle, PingOptions } from "./overlay/ping.ts";
export { seededRandom } from "./overlay/random.ts";
export type { ReceivedDatagram, ReceivedFrame } from "./overlay/received.ts";
export type { Refusal } from "./overlay/station.ts";
export type { SwitchNode } from "./overlay/switch-node.ts";
export { type TwoTors, type TwoTorsOptions, twoTors } from "./overlay/tors.ts";
