// All options accept undefined where they may be left out, as they do at run time: for whoever has
// exactOptionalPropertyTypes on, as this repository has. What is wrong here tsc says.
import type {
  ByteRingOptions,
  ChannelOptions,
  DataplaneOptions,
  DecapsulateStage,
  DescriptorRingOptions,
  EncapsulateStage,
  FdbOptions,
  FilterVniStage,
  FrameBatchOptions,
  LoadOptions,
  ProcessCaptureOptions,
  SendAllOptions,
  VlanPopStage,
  VlanPushStage,
  VlanRewriteStage,
} from "frameferry";
import type {
  BuildOptions,
  CloudHostOptions,
  CloudMachineOptions,
  CloudOptions,
  ClusterNodeOptions,
  ClusterOptions,
  DataCentreOptions,
  FlatUnderlayOptions,
  HostLimits,
  LinkOptions,
  MachineOptions,
  NetworkOptions,
  OfficeOptions,
  PingOptions,
  PodOptions,
  RackOptions,
  StepOptions,
  TwoTorsOptions,
  VniPoolOptions,
  VpcOptions,
  ZoneOptions,
} from "frameferry/overlay";
import type { CaptureReaderOptions, CaptureWriterOptions } from "frameferry/pcap";
import type {
  AccessPortOptions,
  BridgeDomainOptions,
  CreateSwitchOptions,
  FdbEntryOptions,
  FlushOptions,
  InterfaceOptions,
  LiveSwitchOptions,
  NeighbourOptions,
  RouteOptions,
  RouterOptions,
  SweepOptions,
  SwitchFdbOptions,
  SwitchOptions,
  SwitchWorkspaceOptions,
  TrunkPortOptions,
  TunnelOptions,
  VtepOptions,
} from "frameferry/switch";
import type { DissectOptions, GeneveOptions, GreOptions, VlanOptions, VxlanOptions } from "frameferry/wire";
import { expect, test } from "vitest";

type Optional<T> = { [K in keyof T]-?: Record<never, never> extends Pick<T, K> ? K : never }[keyof T];
/** Of each member of a union: true where undefined may stand for all that may be left out. */
type Open<T> = T extends unknown
  ? { [K in Optional<T>]: undefined } extends Pick<T, Optional<T>>
    ? true
    : false
  : never;

const all: Readonly<{
  ByteRingOptions: Open<ByteRingOptions>;
  ChannelOptions: Open<ChannelOptions>;
  DataplaneOptions: Open<DataplaneOptions>;
  DecapsulateStage: Open<DecapsulateStage>;
  DescriptorRingOptions: Open<DescriptorRingOptions>;
  EncapsulateStage: Open<EncapsulateStage>;
  FdbOptions: Open<FdbOptions>;
  FilterVniStage: Open<FilterVniStage>;
  FrameBatchOptions: Open<FrameBatchOptions>;
  LoadOptions: Open<LoadOptions>;
  ProcessCaptureOptions: Open<ProcessCaptureOptions>;
  SendAllOptions: Open<SendAllOptions>;
  VlanPopStage: Open<VlanPopStage>;
  VlanPushStage: Open<VlanPushStage>;
  VlanRewriteStage: Open<VlanRewriteStage>;
  AccessPortOptions: Open<AccessPortOptions>;
  BridgeDomainOptions: Open<BridgeDomainOptions>;
  CreateSwitchOptions: Open<CreateSwitchOptions>;
  FdbEntryOptions: Open<FdbEntryOptions>;
  FlushOptions: Open<FlushOptions>;
  InterfaceOptions: Open<InterfaceOptions>;
  LiveSwitchOptions: Open<LiveSwitchOptions>;
  NeighbourOptions: Open<NeighbourOptions>;
  RouteOptions: Open<RouteOptions>;
  RouterOptions: Open<RouterOptions>;
  SweepOptions: Open<SweepOptions>;
  SwitchFdbOptions: Open<SwitchFdbOptions>;
  SwitchOptions: Open<SwitchOptions>;
  SwitchWorkspaceOptions: Open<SwitchWorkspaceOptions>;
  TrunkPortOptions: Open<TrunkPortOptions>;
  TunnelOptions: Open<TunnelOptions>;
  VtepOptions: Open<VtepOptions>;
  DissectOptions: Open<DissectOptions>;
  GeneveOptions: Open<GeneveOptions>;
  GreOptions: Open<GreOptions>;
  VlanOptions: Open<VlanOptions>;
  VxlanOptions: Open<VxlanOptions>;
  CaptureReaderOptions: Open<CaptureReaderOptions>;
  CaptureWriterOptions: Open<CaptureWriterOptions>;
  BuildOptions: Open<BuildOptions>;
  CloudHostOptions: Open<CloudHostOptions>;
  CloudMachineOptions: Open<CloudMachineOptions>;
  CloudOptions: Open<CloudOptions>;
  ClusterNodeOptions: Open<ClusterNodeOptions>;
  ClusterOptions: Open<ClusterOptions>;
  DataCentreOptions: Open<DataCentreOptions>;
  FlatUnderlayOptions: Open<FlatUnderlayOptions>;
  HostLimits: Open<HostLimits>;
  LinkOptions: Open<LinkOptions>;
  MachineOptions: Open<MachineOptions>;
  NetworkOptions: Open<NetworkOptions>;
  OfficeOptions: Open<OfficeOptions>;
  PingOptions: Open<PingOptions>;
  PodOptions: Open<PodOptions>;
  RackOptions: Open<RackOptions>;
  StepOptions: Open<StepOptions>;
  TwoTorsOptions: Open<TwoTorsOptions>;
  VniPoolOptions: Open<VniPoolOptions>;
  VpcOptions: Open<VpcOptions>;
  ZoneOptions: Open<ZoneOptions>;
}> = {
  ByteRingOptions: true,
  ChannelOptions: true,
  DataplaneOptions: true,
  DecapsulateStage: true,
  DescriptorRingOptions: true,
  EncapsulateStage: true,
  FdbOptions: true,
  FilterVniStage: true,
  FrameBatchOptions: true,
  LoadOptions: true,
  ProcessCaptureOptions: true,
  SendAllOptions: true,
  VlanPopStage: true,
  VlanPushStage: true,
  VlanRewriteStage: true,
  AccessPortOptions: true,
  BridgeDomainOptions: true,
  CreateSwitchOptions: true,
  FdbEntryOptions: true,
  FlushOptions: true,
  InterfaceOptions: true,
  LiveSwitchOptions: true,
  NeighbourOptions: true,
  RouteOptions: true,
  RouterOptions: true,
  SweepOptions: true,
  SwitchFdbOptions: true,
  SwitchOptions: true,
  SwitchWorkspaceOptions: true,
  TrunkPortOptions: true,
  TunnelOptions: true,
  VtepOptions: true,
  DissectOptions: true,
  GeneveOptions: true,
  GreOptions: true,
  VlanOptions: true,
  VxlanOptions: true,
  CaptureReaderOptions: true,
  CaptureWriterOptions: true,
  BuildOptions: true,
  CloudHostOptions: true,
  CloudMachineOptions: true,
  CloudOptions: true,
  ClusterNodeOptions: true,
  ClusterOptions: true,
  DataCentreOptions: true,
  FlatUnderlayOptions: true,
  HostLimits: true,
  LinkOptions: true,
  MachineOptions: true,
  NetworkOptions: true,
  OfficeOptions: true,
  PingOptions: true,
  PodOptions: true,
  RackOptions: true,
  StepOptions: true,
  TwoTorsOptions: true,
  VniPoolOptions: true,
  VpcOptions: true,
  ZoneOptions: true,
};

interface Closed {
  readonly one?: number;
}

test("options accept undefined where they may be left out", () => {
  expect(Object.values(all).every((open) => open)).toBe(true);
  // And it would be seen if one did not.
  const closed: Open<Closed> = false;
  expect(closed).toBe(false);
});
