// Work without shared memory: the bytes of a job come by transfer, are copied into the worker's own memory,
// and the results go back the same way.

import { CaptureSlot, SLOT_CHUNK } from "../capture/capture-slot.ts";
import type { Kernels } from "../kernel/kernels.ts";
import type { TransferJob, TransferResult } from "../lane/lane-job.ts";
import { INTERFACE_ENTRY_LENGTH } from "../layout/capture.layout.ts";
import {
  CURSOR_IN_FORMAT,
  CURSOR_INTERFACE_COUNT,
  CURSOR_INTERFACES,
  CURSOR_NOTES,
  CURSOR_NOTICES,
  CURSOR_OUT_FORMAT,
} from "../layout/cursor.layout.ts";
import { PlacedCode } from "../pipeline/placed-code.ts";
import { Program } from "../pipeline/program.ts";

/** Slots that are kept; each takes a few mebibytes. */
const SLOTS_MAXIMUM = 4;

export class TransferWorker {
  readonly #kernels: Kernels;
  /** A slot for each of the compiled stages that were last asked for, by their ids, the latest at the end. */
  readonly #slots: Map<number, CaptureSlot> = new Map();

  constructor(kernels: Kernels) {
    this.#kernels = kernels;
  }

  work(job: TransferJob): TransferResult {
    const slot = this.#slot(job);
    const { plan, bytes, functions } = this.#kernels;
    const interfaces = plan.reserve("an interface table", job.interfaces.length);
    try {
      bytes.set(job.interfaces, interfaces);
      slot.resetCounts();
      const carried = Math.max(0, job.bytes.length - SLOT_CHUNK);
      slot.chunk.set(job.bytes.subarray(carried));
      slot.start(job.bytes.subarray(0, carried), job.bytes.length - carried);
      slot.set(CURSOR_IN_FORMAT, job.inFormat);
      slot.set(CURSOR_OUT_FORMAT, job.outFormat);
      slot.set(CURSOR_NOTICES, job.notices ? 1 : 0);
      slot.set(CURSOR_NOTES, 1);
      slot.set(CURSOR_INTERFACES, interfaces);
      slot.set(CURSOR_INTERFACE_COUNT, job.interfaces.length / INTERFACE_ENTRY_LENGTH);
      functions.runCapture(slot.cursor);
      this.#kernels.checkStages();
      slot.keepCounts();
      return {
        bytes: slot.output.slice() as Uint8Array<ArrayBuffer>,
        consumed: job.bytes.length - slot.input.length,
        tally: slot.tally,
        frameBytesIn: slot.frameBytesIn,
        frameBytesOut: slot.frameBytesOut,
        trailersLeftOut: slot.trailersLeftOut,
      };
    } finally {
      plan.release(interfaces);
    }
  }

  #slot(job: TransferJob): CaptureSlot {
    const key = job.stages.id;
    const slot = this.#slots.get(key) ?? this.#changedSlot(job) ?? this.#newSlot(job);
    this.#slots.delete(key);
    this.#slots.set(key, slot);
    return slot;
  }

  /** The slot of stages that are the same but for some, which are replaced: what the others remember stays. */
  #changedSlot({ stages }: TransferJob): CaptureSlot | undefined {
    const { instead } = stages;
    if (instead === undefined) return undefined;
    const slot = this.#slots.get(instead.of);
    if (slot === undefined) return undefined;
    this.#slots.delete(instead.of);
    const code = new PlacedCode(this.#kernels, stages, instead.stages);
    try {
      slot.replaceStages(instead.stages, code);
    } finally {
      code.release();
    }
    return slot;
  }

  #newSlot(job: TransferJob): CaptureSlot {
    for (const [key, slot] of this.#slots) {
      if (this.#slots.size < SLOTS_MAXIMUM) break;
      this.#slots.delete(key);
      slot.close();
    }
    const program = new Program(this.#kernels, job.stages);
    try {
      return new CaptureSlot(program, "own");
    } finally {
      // The slot keeps it.
      program.close();
    }
  }
}
