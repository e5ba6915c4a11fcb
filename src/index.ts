// `frameferry`: frames in batches, pipelines over them, the FDB, whole captures.

export type { CaptureInput, CaptureOutput, CaptureSink } from "./capture/capture-io.ts";
export type { CaptureOutputFormat } from "./capture/capture-run.ts";
export type { FragmentCounts } from "./capture/fragment-table.ts";
export {
  type CaptureProgress,
  type CaptureSummary,
  type ProcessCaptureOptions,
  processCapture,
} from "./capture/process-capture.ts";
export {
  type CapturePart,
  type CaptureSplit,
  type SplitCaptureOptions,
  splitCapture,
} from "./capture/split-capture.ts";
export type { IpAddress, MacAddress } from "./core/addresses.ts";
export { type ArgumentError, type ErrorPath, isArgumentError } from "./core/argument-error.ts";
export type { DropNotice, DropNotices } from "./core/drop-notices.ts";
export { type DropReason, dropReason, dropReasons } from "./core/drop-reasons.ts";
export { type ErrorCode, errorCodes } from "./core/error-codes.ts";
export { StageError } from "./core/stage-error.ts";
export { WorkerLateError } from "./core/worker-late-error.ts";
export type { WorkerShare } from "./dataplane/capture-dispatch.ts";
export { createDataplane, type DataplaneOptions } from "./dataplane/create-dataplane.ts";
export { type ChannelOptions, Dataplane, type DataplaneCaptureSummary } from "./dataplane/dataplane.ts";
export type { TransformPair } from "./dataplane/dataplane-streams.ts";
export { Fdb, type FdbOptions, NO_DESTINATION, writeFdbKey } from "./fdb/fdb.ts";
export { FrameBatch, type FrameBatchOptions, type FrameNotes, type Verdict } from "./frame/frame-batch.ts";
export type { KernelFunctions } from "./kernel/kernel-functions.ts";
export { attachKernels, Kernels } from "./kernel/kernels.ts";
export { type LoadOptions, loadKernels } from "./kernel/load-kernels.ts";
export { MemoryPlan } from "./kernel/memory-plan.ts";
export type { WasmSource } from "./kernel/module.ts";
export { type ChannelCounters, FrameChannel } from "./lane/frame-channel.ts";
export type { CaptureSource } from "./pcap/byte-source.ts";
export { CaptureError } from "./pcap/capture-error.ts";
export type { CompiledStages } from "./pipeline/compiled-stages.ts";
export type { CountKey, CountKeyValues } from "./pipeline/count-keys.ts";
export type { FrameCount } from "./pipeline/count-table.ts";
export type { CountEntry, StageCounts } from "./pipeline/count-told.ts";
export type { PipelineCounters, ReplacedStage } from "./pipeline/counters.ts";
export type { FrameChange, MadeFrame } from "./pipeline/frame-change.ts";
export { Pipeline, type RunOptions } from "./pipeline/pipeline.ts";
export { Program, ProgramState } from "./pipeline/program.ts";
export type {
  CompiledFilter,
  CountStage,
  DecapsulateStage,
  FilterStage,
  FilterVniStage,
  JavaScriptStage,
  ModuleStage,
  SampleStage,
  Stage,
  VlanPopStage,
  VlanPushStage,
  VlanRewriteStage,
} from "./pipeline/stages.ts";
export type { ModuleCounts, Tally } from "./pipeline/tally.ts";
export type { WorkerLike } from "./platform/threads.ts";
export { BasePort, type PortTraits } from "./port/base-port.ts";
export { type Connection, type ConnectOptions, connect } from "./port/connect.ts";
export type {
  FramePort,
  Frames,
  Medium,
  Offloads,
  PortBell,
  PortWatcher,
  SendAllOptions,
  SendOptions,
} from "./port/frame-port.ts";
export { type FrameMatcher, type Mirror, type MirrorOptions, mirror } from "./port/mirror.ts";
export type { FramePortCounters } from "./port/port-counters.ts";
export { type PairPort, type PortPairOptions, portPair } from "./port/port-pair.ts";
export { eachFrame } from "./port/port-streams.ts";
export { QueuePort, type QueueTraits } from "./port/queue-port.ts";
export type { Bell } from "./ring/bell.ts";
export type { BurstNotes, CheckedNotes } from "./ring/burst-notes.ts";
export { ByteRing, type ByteRingOptions } from "./ring/byte-ring.ts";
export { DescriptorRing, type DescriptorRingOptions } from "./ring/descriptor-ring.ts";
export { FrameBurst } from "./ring/frame-burst.ts";
export { WorkerDiedError } from "./threads/worker-died-error.ts";
export type { WorkerHealth } from "./threads/worker-health.ts";
export type { DecapsulateAny, FrameLabel, WrappingPorts } from "./tunnel/any.ts";
export {
  type EncapsulateKind,
  type EncapsulateStage,
  type EncapsulateStageOf,
  encapsulateKinds,
} from "./tunnel/encapsulations.ts";
export {
  type DecapsulateStageOf,
  type DecapsulateTunnelStage,
  type TunnelKind,
  type TunnelKindInfo,
  tunnelKinds,
  type UdpTunnelKind,
} from "./tunnel/kinds.ts";
export {
  type OtherWrapping,
  type WrappingKind,
  type WrappingKindInfo,
  wrappingKinds,
} from "./tunnel/wrappings.ts";
