// The stage that runs JavaScript over the burst: to kernels it is a module whose code is the name of a script, which the thread
// has loaded (src/kernel/scripts.ts), and the options with which it is made.

import { ArgumentTypeError } from "../core/argument-error.ts";
import { given, list, object, text, whole } from "../core/fields.ts";
import { COUNTER_LENGTH } from "../layout/drop.layout.ts";
import { MODULE_SCRIPT, OPERATION_MODULE, STATE_LENGTH } from "../layout/stage.layout.ts";
import type { FrameChange } from "./frame-change.ts";
import {
  CHANGE_FIELDS,
  COUNTED,
  HEADROOM_MAXIMUM,
  nameKind,
  REASONS_MAXIMUM,
  writeModule,
} from "./module-stage.ts";
import { type StageKind, stageKind } from "./stage-kind.ts";

const COUNTERS_MAXIMUM = 32;

export const JAVASCRIPT_STAGE: StageKind = stageKind<
  "javascript",
  "name" | "script" | "headroom" | "reasons" | "counters"
>(
  "javascript",
  OPERATION_MODULE,
  {
    name: { ...nameKind(), required: true },
    script: { ...text(), required: true },
    options: given("data as JSON has it"),
    headroom: { ...whole(0, HEADROOM_MAXIMUM), fallback: 0 },
    changes: object<FrameChange, "of" | "to" | "keeps" | "keepsOthers">(CHANGE_FIELDS),
    reasons: { ...list(nameKind(), REASONS_MAXIMUM), fallback: [] },
    counters: { ...list(nameKind(), COUNTERS_MAXIMUM), fallback: [] },
  },
  ({ script, options, counters, ...parts }, record) => {
    const code = new TextEncoder().encode(jsonText({ script, options }));
    const counted = COUNTED + COUNTER_LENGTH * counters.length;
    const stateBytes = Math.max(STATE_LENGTH, counted);
    return {
      ...writeModule({ ...parts, code, stateBytes, counted, names: counters }, MODULE_SCRIPT, record),
      script,
    };
  },
);

function jsonText(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch (cause) {
    throw new ArgumentTypeError("wrong-type", "options", "expected data as JSON has it", { cause });
  }
}
