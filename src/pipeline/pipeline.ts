// A pipeline: checked stages, run over a batch in one call.

import { ArgumentRangeError, under } from "../core/argument-error.ts";
import { wrongType } from "../core/arguments.ts";
import { expectBatch, type FrameBatch } from "../frame/frame-batch.ts";
import type { Kernels } from "../kernel/kernels.ts";
import { DROP_FRAME_TOO_LONG } from "../layout/drop.layout.ts";
import { STAGE_LENGTH, STAGES_MAXIMUM } from "../layout/stage.layout.ts";
import { type CompiledStages, Program } from "./program.ts";
import type { Stage } from "./stages.ts";
import { writeStage } from "./write-stage.ts";

/**
 * Checks stages and writes their records.
 * @throws TypeError or RangeError that names the stage (from 0) and the argument.
 */
export function compileStages(stages: readonly Stage[]): CompiledStages {
  if (!Array.isArray(stages)) throw wrongType("stages", "an array", stages);
  if (stages.length > STAGES_MAXIMUM) {
    throw new ArgumentRangeError(
      "out-of-range",
      "stages",
      `expected at most ${STAGES_MAXIMUM}, got ${stages.length}`,
    );
  }
  const records = new Uint8Array(stages.length * STAGE_LENGTH);
  let headroom = 0;
  // Not forEach: it leaves out holes.
  for (let index = 0; index < stages.length; index++) {
    const record = new DataView(records.buffer, index * STAGE_LENGTH, STAGE_LENGTH);
    headroom += under(["stages", index], () => writeStage(stages[index] as Stage, record));
  }
  return { records, headroom };
}

export class Pipeline extends Program {
  readonly stages: readonly Stage[];

  /**
   * Checks the stages and lays them out.
   * @throws TypeError or RangeError that names the stage (from 0) and the argument; nothing is kept then.
   */
  constructor(kernels: Kernels, stages: readonly Stage[]) {
    super(kernels, compileStages(stages));
    this.stages = structuredClone(stages) as readonly Stage[];
  }

  /** Runs every stage over the batch, in place; returns how many frames were not dropped. */
  run(batch: FrameBatch): number {
    this.expectOpen();
    expectBatch(batch, this.kernels, "pipeline");
    const refused = batch.takeRefused();
    if (refused > 0) this.countDrops(DROP_FRAME_TOO_LONG, refused);
    return this.kernels.functions.runPipeline(
      batch.descriptors,
      batch.length,
      this.address,
      this.length,
      this.counterAddress,
    );
  }
}
