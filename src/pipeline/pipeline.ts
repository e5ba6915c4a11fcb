// A pipeline: checked stages in the kernels' memory, run over a batch in one call.

import { dropReasons } from "../core/drop-reasons.ts";
import { FrameBatch } from "../frame/frame-batch.ts";
import { expectKernels, type Kernels } from "../kernel/kernels.ts";
import { COUNTER_LENGTH, COUNTERS_LENGTH, DROP_FRAME_TOO_LONG } from "../layout/drop.layout.ts";
import { STAGE_CHANGED, STAGE_LENGTH, STAGES_MAXIMUM } from "../layout/stage.layout.ts";
import type { Stage } from "./stages.ts";
import { writeStage } from "./write-stage.ts";

/** What became of the frames: received = forwarded + dropped. */
export interface PipelineCounters {
  readonly received: number;
  readonly forwarded: number;
  readonly dropped: number;
  /** Drops by reason name; reasons that never came up are left out. */
  readonly drops: Readonly<Record<string, number>>;
  /** For each stage, in order: how many frames it changed. */
  readonly changed: readonly number[];
}

export class Pipeline {
  readonly kernels: Kernels;
  readonly stages: readonly Stage[];
  /** Bytes of headroom that its stages may take from a frame, all together. */
  readonly headroom: number;
  /** Address of the first stage record, and of the drop counters, for kernels. */
  readonly address: number;
  readonly counterAddress: number;
  #closed = false;

  /**
   * Checks the stages and lays them out.
   * @throws TypeError or RangeError that names the stage (from 0) and the argument; nothing is kept then.
   */
  constructor(kernels: Kernels, stages: readonly Stage[]) {
    if (!Array.isArray(stages)) throw new TypeError(`stages: expected an array, got ${typeof stages}`);
    if (stages.length > STAGES_MAXIMUM) {
      throw new RangeError(`stages: expected at most ${STAGES_MAXIMUM}, got ${stages.length}`);
    }
    this.kernels = expectKernels(kernels);
    const records = new Uint8Array(stages.length * STAGE_LENGTH);
    let headroom = 0;
    // Not forEach: it leaves out holes.
    for (let index = 0; index < stages.length; index++) {
      const record = new DataView(records.buffer, index * STAGE_LENGTH, STAGE_LENGTH);
      try {
        headroom += writeStage(stages[index] as Stage, record);
      } catch (error) {
        if (error instanceof TypeError || error instanceof RangeError)
          error.message = `stages[${index}].${error.message}`;
        throw error;
      }
    }
    this.headroom = headroom;
    this.stages = structuredClone(stages) as readonly Stage[];
    this.address = kernels.plan.reserve("a pipeline", records.length + COUNTERS_LENGTH);
    this.counterAddress = this.address + records.length;
    kernels.bytes.set(records, this.address);
  }

  /** Runs every stage over the batch, in place; returns how many frames were not dropped. */
  run(batch: FrameBatch): number {
    this.#open();
    if (!(batch instanceof FrameBatch)) throw new TypeError("batch: expected a FrameBatch");
    if (batch.kernels !== this.kernels)
      throw new RangeError("batch: it belongs to other kernels than the pipeline");
    const refused = batch.takeRefused();
    if (refused > 0) this.#count(DROP_FRAME_TOO_LONG, refused);
    return this.kernels.functions.runPipeline(
      batch.descriptors,
      batch.length,
      this.address,
      this.stages.length,
      this.counterAddress,
    );
  }

  /** What became of all frames since the start or the last `resetCounters()`. */
  counters(): PipelineCounters {
    this.#open();
    const { kernels } = this;
    const drops: Record<string, number> = {};
    let dropped = 0;
    for (const { code, name } of dropReasons.slice(1)) {
      const count = kernels.counter(this.counterAddress + code * COUNTER_LENGTH);
      if (count > 0) drops[name] = count;
      dropped += count;
    }
    const forwarded = kernels.counter(this.counterAddress);
    const changed = this.stages.map((_, index) =>
      kernels.counter(this.address + index * STAGE_LENGTH + STAGE_CHANGED),
    );
    return { received: forwarded + dropped, forwarded, dropped, drops, changed };
  }

  resetCounters(): void {
    this.#open();
    const { bytes } = this.kernels;
    bytes.fill(0, this.counterAddress, this.counterAddress + COUNTERS_LENGTH);
    for (let index = 0; index < this.stages.length; index++) {
      const at = this.address + index * STAGE_LENGTH + STAGE_CHANGED;
      bytes.fill(0, at, at + COUNTER_LENGTH);
    }
  }

  /** Gives the memory back. The pipeline cannot be used afterwards. */
  close(): void {
    // Only once: by now the memory may be someone else's.
    if (this.#closed) return;
    this.#closed = true;
    this.kernels.plan.release(this.address);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #open(): void {
    if (this.#closed) throw new TypeError("pipeline: it has been closed");
  }

  #count(reason: number, frames: number): void {
    const at = this.counterAddress + reason * COUNTER_LENGTH;
    this.kernels.view.setBigUint64(at, this.kernels.view.getBigUint64(at, true) + BigInt(frames), true);
  }
}
