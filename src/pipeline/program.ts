// Compiled stages in the kernels' memory, with the counters of what went through them.

import { dropReasons } from "../core/drop-reasons.ts";
import { expectKernels, type Kernels } from "../kernel/kernels.ts";
import { COUNTER_LENGTH, COUNTERS_LENGTH } from "../layout/drop.layout.ts";
import { STAGE_CHANGED, STAGE_LENGTH } from "../layout/stage.layout.ts";

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

/** Stages as kernels read them: checked, and good for any memory and any thread. */
export interface CompiledStages {
  /** One record behind the other. */
  readonly records: Uint8Array<ArrayBuffer>;
  /** Bytes of headroom that the stages may take from a frame, all together. */
  readonly headroom: number;
}

/** What is counted in the program at `address`, or in a copy of all its bytes. */
export function readCounters(kernels: Kernels, address: number, stages: number): PipelineCounters {
  const counters = address + stages * STAGE_LENGTH;
  const drops: Record<string, number> = {};
  let dropped = 0;
  for (const { code, name } of dropReasons.slice(1)) {
    const count = kernels.counter(counters + code * COUNTER_LENGTH);
    if (count > 0) drops[name] = count;
    dropped += count;
  }
  const forwarded = kernels.counter(counters);
  const changed = Array.from({ length: stages }, (_, index) =>
    kernels.counter(address + index * STAGE_LENGTH + STAGE_CHANGED),
  );
  return { received: forwarded + dropped, forwarded, dropped, drops, changed };
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
    if (this.#closed) throw new TypeError("pipeline: it has been closed");
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
