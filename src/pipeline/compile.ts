// Stages as data become records: checked once, good for any memory and any thread. Each is compiled by itself, so that one of
// them can be replaced without the others.

import { ArgumentRangeError, under } from "../core/argument-error.ts";
import { wholeNumber, wrongType } from "../core/arguments.ts";
import { PIPELINE_COUNTERS_LENGTH } from "../layout/drop.layout.ts";
import {
  CODE_START,
  MODULE_DATA,
  MODULE_DATA_LENGTH,
  MODULE_PARAMETERS,
  STAGE_LENGTH,
  STAGE_STATE,
  STAGES_MAXIMUM,
  STATE_ALIGNMENT,
  STATE_LENGTH,
} from "../layout/stage.layout.ts";
import type { CodePart, CodeUse, CompiledStages, StageState } from "./compiled-stages.ts";
import type { StageNeeds } from "./stage-kind.ts";
import type { Stage } from "./stages.ts";
import { writeStage } from "./write-stage.ts";

/** Of a stage whose only counter is that of frames it changed. */
const NO_STATE: StageState = { length: STATE_LENGTH, counted: 8 };

/** One stage, checked: its record, in which nothing says yet where its state, its code and its data lie. */
export interface CompiledStage {
  readonly record: Uint8Array;
  readonly needs: StageNeeds;
}

let compiled = 0;

/**
 * Checks a stage and writes its record.
 * @throws ArgumentError that names the argument.
 */
export function compileStage(stage: Stage): CompiledStage {
  const record = new Uint8Array(STAGE_LENGTH);
  return { record, needs: writeStage(stage, new DataView(record.buffer)) };
}

/**
 * Checks stages, each by itself.
 * @throws ArgumentError that names the stage (from 0) and the argument.
 */
export function checkStages(stages: readonly Stage[]): CompiledStage[] {
  if (!Array.isArray(stages)) throw wrongType("stages", "an array", stages);
  if (stages.length > STAGES_MAXIMUM)
    throw new ArgumentRangeError(
      "full",
      "stages",
      `expected at most ${STAGES_MAXIMUM}, got ${stages.length}`,
    );
  // Not map: it leaves out holes.
  return Array.from({ length: stages.length }, (_, index) =>
    under(["stages", index], () => compileStage(stages[index] as Stage)),
  );
}

/**
 * The same stages with another in the place of stage `index`.
 * @throws ArgumentError that names `index`, or `stage` and the argument.
 */
export function changeStage(
  stages: readonly CompiledStage[],
  index: number,
  stage: Stage,
): readonly CompiledStage[] {
  if (stages.length === 0)
    throw new ArgumentRangeError("not-found", "index", "there are no stages that could be replaced");
  wholeNumber("index", index, 0, stages.length - 1);
  const compiled = under(["stage"], () => compileStage(stage));
  return stages.map((before, at) => (at === index ? compiled : before));
}

/**
 * Checks stages and writes their records.
 * @throws ArgumentError that names the stage (from 0) and the argument.
 */
export function compileStages(stages: readonly Stage[]): CompiledStages {
  return assembleStages(checkStages(stages));
}

/** Puts stages one behind the other. */
export function assembleStages(stages: readonly CompiledStage[]): CompiledStages {
  const records = new Uint8Array(stages.length * STAGE_LENGTH);
  const view = new DataView(records.buffer);
  const states: (StageState & { readonly offset: number })[] = [];
  let stateLength = PIPELINE_COUNTERS_LENGTH;
  stages.forEach(({ record, needs: { state = NO_STATE } }, index) => {
    records.set(record, index * STAGE_LENGTH);
    view.setUint32(index * STAGE_LENGTH + STAGE_STATE, stateLength, true);
    states.push({ ...state, offset: stateLength });
    stateLength += Math.ceil(state.length / STATE_ALIGNMENT) * STATE_ALIGNMENT;
  });
  return {
    id: ++compiled,
    records,
    parts: partsOf(stages, view),
    scripts: [...new Set(stages.flatMap(({ needs: { script } }) => script ?? []))],
    headroom: stages.reduce((sum, { needs }) => sum + (needs.headroom ?? 0), 0),
    changes: stages.map(({ needs }) => needs.changes),
    states,
    stateLength,
  };
}

/** Code and data of all stages, the same code once. */
function partsOf(stages: readonly CompiledStage[], records: DataView): CodePart[] {
  const parts: { bytes: Uint8Array; uses: CodeUse[] }[] = [];
  const data: CodePart[] = [];
  stages.forEach(({ needs }, stage) => {
    if (needs.code === undefined) return;
    const { code } = needs;
    const use = { stage, field: CODE_START, from: 0 };
    const same = parts.find(({ bytes }) => isSame(bytes, code));
    if (same === undefined) parts.push({ bytes: code, uses: [use] });
    else same.uses.push(use);
    if (needs.data === undefined) return;
    data.push({ bytes: needs.data, uses: [{ stage, field: MODULE_DATA, from: MODULE_PARAMETERS }] });
    records.setUint32(stage * STAGE_LENGTH + MODULE_DATA_LENGTH, needs.data.length, true);
  });
  return [...parts, ...data];
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one === other || (one.length === other.length && one.every((byte, index) => byte === other[index]));
}
