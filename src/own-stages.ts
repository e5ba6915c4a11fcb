// `frameferry/own-stages`: stages in JavaScript, and the numbers that a WebAssembly module needs to be one.

export {
  DESCRIPTOR_FLOOR,
  DESCRIPTOR_FLOW_HASH,
  DESCRIPTOR_FRAME_LENGTH,
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_LINK,
  DESCRIPTOR_MARK,
  DESCRIPTOR_OFFSET,
  DESCRIPTOR_REASON,
  DESCRIPTOR_TRAILER,
  DESCRIPTOR_VERDICT,
  DESCRIPTOR_VNI,
  DESCRIPTOR_WIRE_LENGTH,
  VERDICT_DROP,
  VERDICT_FORWARD,
  VNI_NONE,
} from "./layout/descriptor.layout.ts";
export { MODULE_VERSION } from "./layout/stage.layout.ts";
export { defineStage, loadStage, OwnStage, type StageDefinition } from "./own/define-stage.ts";
export { StageBurst } from "./own/stage-burst.ts";
export type { FrameChange, MadeFrame } from "./pipeline/frame-change.ts";
export type { JavaScriptStage, ModuleStage } from "./pipeline/stages.ts";
