// Stages as data become records: checked once, good for any memory and any thread.

import { ArgumentRangeError, under } from "../core/argument-error.ts";
import { wrongType } from "../core/arguments.ts";
import { PIPELINE_COUNTERS_LENGTH } from "../layout/drop.layout.ts";
import {
  CODE_START,
  MODULE_DATA,
  MODULE_DATA_ALIGNMENT,
  MODULE_DATA_LENGTH,
  MODULE_PARAMETERS,
  STAGE_LENGTH,
  STAGE_STATE,
  STAGES_MAXIMUM,
  STATE_ALIGNMENT,
  STATE_LENGTH,
} from "../layout/stage.layout.ts";
import type { CompiledStages, StageState } from "./compiled-stages.ts";
import type { FrameChange } from "./frame-change.ts";
import type { Stage } from "./stages.ts";
import { writeStage } from "./write-stage.ts";

/** Of a stage whose only counter is that of frames it changed. */
const NO_STATE: StageState = { length: STATE_LENGTH, counted: 8 };

/** Code and its data, and which stage needs them. */
interface StageCode {
  readonly code: Uint8Array;
  readonly data: Uint8Array | undefined;
  readonly index: number;
}

let compiled = 0;

/**
 * Checks stages and writes their records.
 * @throws ArgumentError that names the stage (from 0) and the argument.
 */
export function compileStages(stages: readonly Stage[]): CompiledStages {
  if (!Array.isArray(stages)) throw wrongType("stages", "an array", stages);
  if (stages.length > STAGES_MAXIMUM)
    throw new ArgumentRangeError(
      "full",
      "stages",
      `expected at most ${STAGES_MAXIMUM}, got ${stages.length}`,
    );
  const records = new Uint8Array(stages.length * STAGE_LENGTH);
  const changes: (FrameChange | undefined)[] = [];
  const states: (StageState & { readonly offset: number })[] = [];
  const codes: StageCode[] = [];
  const scripts = new Set<string>();
  let headroom = 0;
  let stateLength = PIPELINE_COUNTERS_LENGTH;
  // Not forEach: it leaves out holes.
  for (let index = 0; index < stages.length; index++) {
    const record = new DataView(records.buffer, index * STAGE_LENGTH, STAGE_LENGTH);
    const needs = under(["stages", index], () => writeStage(stages[index] as Stage, record));
    const state = needs.state ?? NO_STATE;
    changes.push(needs.changes);
    record.setUint32(STAGE_STATE, stateLength, true);
    states.push({ ...state, offset: stateLength });
    stateLength += Math.ceil(state.length / STATE_ALIGNMENT) * STATE_ALIGNMENT;
    headroom += needs.headroom ?? 0;
    if (needs.script !== undefined) scripts.add(needs.script);
    if (needs.code !== undefined) codes.push({ code: needs.code, data: needs.data, index });
  }
  return {
    id: ++compiled,
    records: withCode(records, codes),
    scripts: [...scripts],
    headroom,
    changes,
    states,
    stateLength,
  };
}

/**
 * The records with code and data behind them, the same code once; each record that needs some is told how far away it is.
 */
function withCode(records: Uint8Array<ArrayBuffer>, codes: readonly StageCode[]): Uint8Array<ArrayBuffer> {
  const starts: number[] = [];
  let length = records.length;
  codes.forEach(({ code }, index) => {
    const before = codes.slice(0, index).findIndex((other) => isSame(other.code, code));
    starts.push(before < 0 ? length : (starts[before] as number));
    if (before < 0) length += code.length;
  });
  const dataStarts = codes.map(({ data }) => {
    const start = Math.ceil(length / MODULE_DATA_ALIGNMENT) * MODULE_DATA_ALIGNMENT;
    if (data !== undefined) length = start + data.length;
    return start;
  });
  const all = new Uint8Array(length);
  all.set(records);
  const view = new DataView(all.buffer);
  codes.forEach(({ code, data, index }, at) => {
    const stage = index * STAGE_LENGTH;
    const start = starts[at] as number;
    all.set(code, start);
    view.setUint32(stage + CODE_START, start - stage, true);
    if (data === undefined) return;
    const dataStart = dataStarts[at] as number;
    all.set(data, dataStart);
    view.setUint32(stage + MODULE_DATA, dataStart - stage - MODULE_PARAMETERS, true);
    view.setUint32(stage + MODULE_DATA_LENGTH, data.length, true);
  });
  return all;
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one === other || (one.length === other.length && one.every((byte, index) => byte === other[index]));
}
