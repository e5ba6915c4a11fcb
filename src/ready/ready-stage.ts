// What all ready stages are: one WebAssembly module, told by its parameters which of them it is.

import { bytesOfHex } from "../core/hex.ts";
import { READY_KIND } from "../layout/ready.layout.ts";
import { MODULE_PARAMETERS_LENGTH } from "../layout/stage.layout.ts";
import type { FrameChange } from "../pipeline/frame-change.ts";
import type { ModuleStage } from "../pipeline/stages.ts";
import { READY_STAGES } from "./ready.generated.ts";

/** Frames begin as they did; but an Ethernet frame that was changed has no check sequence behind it any more. */
const CHANGES: FrameChange = { of: "ethernet", to: ["ethernet"], keeps: true, keepsOthers: true };

let code: Uint8Array<ArrayBuffer> | undefined;

/** The stage `name`, whose parameters `write` writes behind the word that says which it is. */
export function readyStage(
  name: string,
  kind: number,
  write: (parameters: DataView) => void,
  needs: Pick<ModuleStage, "data" | "stateBytes" | "countedBytes"> = {},
): ModuleStage {
  // Not where the module is loaded: who imports one function of it does no work for that.
  code ??= bytesOfHex(READY_STAGES);
  const parameters = new Uint8Array(MODULE_PARAMETERS_LENGTH);
  const view = new DataView(parameters.buffer);
  view.setUint32(READY_KIND, kind, true);
  write(view);
  return { stage: "module", name, code, parameters, changes: CHANGES, ...needs };
}
