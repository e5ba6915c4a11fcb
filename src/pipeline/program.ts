// Compiled stages in the kernels' memory, with the counters of what went through them.

import { closed } from "../core/arguments.ts";
import { expectKernels, type Kernels } from "../kernel/kernels.ts";
import { COUNTER_LENGTH, COUNTERS_LENGTH } from "../layout/drop.layout.ts";
import { STAGE_CHANGED, STAGE_LENGTH } from "../layout/stage.layout.ts";
import { type PipelineCounters, readCounters } from "./counters.ts";

/** Stages as kernels read them: checked, and good for any memory and any thread. */
export interface CompiledStages {
  /** One record behind the other. */
  readonly records: Uint8Array<ArrayBuffer>;
  /** Bytes of headroom that the stages may take from a frame, all together. */
  readonly headroom: number;
}

export class Program {
  readonly kernels: Kernels;
  /** How many stages there are. */
  readonly length: number;
  /** Bytes of headroom that its stages may take from a frame, all together. */
  readonly headroom: number;
  /** Address of the first stage record, and of the drop counters, for kernels. */
  readonly address: number;
  readonly counterAddress: number;
  /** Bytes from `address` on, with the counters. */
  readonly byteLength: number;
  #closed = false;

  constructor(kernels: Kernels, { records, headroom }: CompiledStages) {
    this.kernels = expectKernels(kernels);
    this.length = records.length / STAGE_LENGTH;
    this.headroom = headroom;
    this.byteLength = records.length + COUNTERS_LENGTH;
    this.address = kernels.plan.reserve("a pipeline", this.byteLength);
    this.counterAddress = this.address + records.length;
    kernels.bytes.set(records, this.address);
    this.resetCounters();
  }

  /** What became of all frames since the start or the last `resetCounters()`. */
  counters(): PipelineCounters {
    this.expectOpen();
    return readCounters(this.kernels, this.address, this.length);
  }

  resetCounters(): void {
    this.expectOpen();
    const { bytes } = this.kernels;
    bytes.fill(0, this.counterAddress, this.counterAddress + COUNTERS_LENGTH);
    for (let index = 0; index < this.length; index++) {
      const at = this.address + index * STAGE_LENGTH + STAGE_CHANGED;
      bytes.fill(0, at, at + COUNTER_LENGTH);
    }
  }

  /** For those who run it: throws a TypeError if it has been closed, when its memory may be someone else's. */
  expectOpen(): void {
    if (this.#closed) throw closed("pipeline");
  }

  /** Counts frames that were dropped before any kernel saw them. */
  protected countDrops(reason: number, frames: number): void {
    const at = this.counterAddress + reason * COUNTER_LENGTH;
    this.kernels.view.setBigUint64(at, this.kernels.view.getBigUint64(at, true) + BigInt(frames), true);
  }

  /** Gives the memory back. It cannot be used afterwards. */
  close(): void {
    // Only once: by now the memory may be someone else's.
    if (this.#closed) return;
    this.#closed = true;
    this.kernels.plan.release(this.address);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
