// `frameferry/switch`: switches with VTEPs, routers, and what runs them on workers.

export { type ArgumentError, type ErrorPath, isArgumentError } from "./core/argument-error.ts";
export { type ErrorCode, errorCodes } from "./core/error-codes.ts";
export { type CreateSwitchOptions, createSwitch } from "./live/create-switch.ts";
export { LivePort } from "./live/live-port.ts";
export { LiveRouter } from "./live/live-router.ts";
export { Switch } from "./live/live-switch.ts";
export type { LiveSwitchOptions } from "./live/live-switch-options.ts";
export { openSwitch } from "./live/open-switch.ts";
export type { Deliver } from "./switch/deliver.ts";
export { type Neighbour, type NeighbourListener, Neighbours } from "./switch/neighbours.ts";
export type { Route } from "./switch/route-set.ts";
export { Router, type RouterHost } from "./switch/router.ts";
export type { DomainHandle, InterfaceOptions, RouteOptions, RouterOptions } from "./switch/router-options.ts";
export { SwitchCore } from "./switch/switch-core.ts";
export type { BridgeDomainCounters, PortCounters, SwitchCounters } from "./switch/switch-counters.ts";
export type { FdbEntry, SwitchFdb } from "./switch/switch-fdb.ts";
export type { FdbEvent } from "./switch/switch-fdb-events.ts";
export type {
  AccessPortOptions,
  BridgeDomain,
  BridgeDomainOptions,
  FdbEntryOptions,
  FlushOptions,
  NeighbourOptions,
  SweepOptions,
  SwitchFdbOptions,
  SwitchOptions,
  SwitchPort,
  SwitchWorkspaceOptions,
  TrunkPortOptions,
  TunnelOptions,
  TunnelOptionsOf,
  VtepOptions,
} from "./switch/switch-types.ts";
export { SwitchWorkspace } from "./switch/workspace.ts";
