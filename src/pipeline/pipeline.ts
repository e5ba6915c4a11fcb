// A pipeline: checked stages, run over a batch in one call.

import { ArgumentTypeError } from "../core/argument-error.ts";
import type { DropNotices } from "../core/drop-notices.ts";
import { callback, checkFields, type Fields, uint64 } from "../core/fields.ts";
import { expectBatch, type FrameBatch } from "../frame/frame-batch.ts";
import type { Kernels } from "../kernel/kernels.ts";
import { DROP_FRAME_TOO_LONG } from "../layout/drop.layout.ts";
import { assembleStages, type CompiledStage, changeStage, checkStages } from "./compile.ts";
import { type PipelineCounters, type ReplacedStage, sumCounters, tellReplaced } from "./counters.ts";
import { PlacedCode } from "./placed-code.ts";
import { Program, type ProgramState } from "./program.ts";
import type { Stage } from "./stages.ts";
import { NO_COUNTERS, ofStage, sumTallies, type Tally, withoutStage } from "./tally.ts";

export interface RunOptions {
  /**
   * Called before `run` returns with the frames that are dropped, if there are any: which, why, and by which stage. Those that
   * had been dropped before are told of, too. Default: nobody is told, and nothing is done for it.
   */
  readonly onDrops?: ((notices: DropNotices) => void) | undefined;
  /**
   * When it is, in nanoseconds, 0 to 2^64 - 1: what stages go by for frames of which no time was said. Default: nanoseconds since
   * 1970, read once a run if a stage asks.
   */
  readonly time?: bigint | undefined;
}

const RUN_FIELDS: Fields<RunOptions> = { onDrops: callback(), time: uint64() };
const NOTHING_ASKED: RunOptions = {};

export class Pipeline extends Program {
  #stages: readonly Stage[];
  #checked: readonly CompiledStage[];
  /** Of what runs here. */
  readonly #state: ProgramState;
  /** What was counted elsewhere: captures have a state of their own. */
  #elsewhere: Tally = NO_COUNTERS;

  /**
   * Checks the stages and lays them out.
   * @throws ArgumentError that names the stage (from 0) and the argument; nothing is kept then.
   */
  constructor(kernels: Kernels, stages: readonly Stage[]) {
    const checked = checkStages(stages);
    super(kernels, assembleStages(checked));
    this.#checked = checked;
    this.#stages = structuredClone(stages) as readonly Stage[];
    try {
      this.#state = this.open();
    } catch (error) {
      super.close();
      throw error;
    }
  }

  get stages(): readonly Stage[] {
    return this.#stages;
  }

  /**
   * Lets another stage take the place of stage `index`, from 0: bursts that are run from now on go through it. What the other
   * stages remember stays, and so do all counters but those that the stage kept for itself, which are returned.
   * @throws ArgumentError if there is no such stage, if the new one cannot be, or while a capture is worked on; everything
   * stays as it was then.
   */
  replaceStage(index: number, stage: Stage): ReplacedStage {
    this.expectOpen();
    const change = changeStage(this.#checked, index, stage);
    if (this.isShared)
      throw new ArgumentTypeError("busy", "pipeline", "a capture is being worked on by its stages");
    const clone = structuredClone(stage) as Stage;
    const compiled = assembleStages(change);
    const code = new PlacedCode(this.kernels, compiled, [index]);
    try {
      const prepared = this.prepare(index, code, this.#state);
      prepared.put();
      this.#checked = change;
      this.#stages = this.#stages.map((before, at) => (at === index ? clone : before));
      const before = prepared.done();
      const elsewhere = ofStage(this.#elsewhere, index);
      this.#elsewhere = withoutStage(this.#elsewhere, index);
      return tellReplaced([before, elsewhere]);
    } finally {
      code.release();
    }
  }

  /** Address of the state of what runs here, for kernels: the drop counters first. */
  get counterAddress(): number {
    return this.#state.address;
  }

  /**
   * Runs every stage over the batch, in place; returns how many frames were not dropped.
   * @throws StageError if a stage of one's own has failed: the batch is done with then, and all of it dropped.
   */
  run(batch: FrameBatch, options?: RunOptions): number {
    this.expectOpen();
    expectBatch(batch, this.kernels, "pipeline");
    const { onDrops, time } =
      options === undefined ? NOTHING_ASKED : checkFields("options", RUN_FIELDS, options);
    const refused = batch.takeRefused();
    if (refused > 0) this.#state.countDrops(DROP_FRAME_TOO_LONG, refused);
    const forwarded = this.#runAt(time, batch, onDrops !== undefined);
    try {
      this.kernels.checkStages();
    } finally {
      const notices = onDrops && batch.drops();
      if (notices !== undefined) onDrops?.(notices);
    }
    return forwarded;
  }

  #runAt(time: bigint | undefined, batch: FrameBatch, isNoting: boolean): number {
    const { functions } = this.kernels;
    const { descriptors, length, timeList, portList } = batch;
    const run = isNoting ? functions.runPipelineNoting : functions.runPipeline;
    const hasNotes = (timeList | portList) !== 0;
    // The usual batch has neither, and pays for neither.
    if (time !== undefined) this.kernels.setTime(time);
    if (hasNotes) functions.beginNotes(descriptors, timeList, portList);
    const forwarded = run(descriptors, length, this.address, this.length, this.#state.address);
    if (hasNotes) functions.endNotes();
    if (time !== undefined) this.kernels.setTime(undefined);
    return forwarded;
  }

  /** What became of all frames since the start or the last `resetCounters()`; those of a capture count when it ends. */
  counters(): PipelineCounters {
    this.expectOpen();
    return sumCounters([this.#state.tally(), this.#elsewhere]);
  }

  resetCounters(): void {
    this.expectOpen();
    this.#state.reset();
    this.#elsewhere = NO_COUNTERS;
  }

  /** For those who ran it in a state of their own: what that counted belongs to the pipeline, too. */
  add(tally: Tally): void {
    this.#elsewhere = sumTallies([this.#elsewhere, tally]);
  }

  /** Gives the memory back. It cannot be used afterwards. */
  override close(): void {
    this.#state.close();
    super.close();
  }
}
