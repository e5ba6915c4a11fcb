// A capture over many workers: they work on pieces of it, and their results are written in the order of the file.
//
// Pieces that hold nothing but whole records go to workers. Headers, interfaces, other blocks and damage
// stay here, in a run that works alone; everything before them is waited for first. How the capture comes to be cut
// into pieces is another matter: read-dispatch.ts and shared-dispatch.ts.

import type { CaptureOutput } from "../capture/capture-io.ts";
import { CaptureRun, RECORD_CANNOT_BE } from "../capture/capture-run.ts";
import { CaptureSlot } from "../capture/capture-slot.ts";
import type { ProcessCaptureOptions } from "../capture/process-capture.ts";
import { untilAborted, watched } from "../core/abort.ts";
import type { Kernels } from "../kernel/kernels.ts";
import {
  CURSOR_IN,
  CURSOR_IN_END,
  CURSOR_IN_FORMAT,
  CURSOR_INTERFACE_COUNT,
  CURSOR_INTERFACES,
  CURSOR_OUT_FORMAT,
} from "../layout/capture.layout.ts";
import { CaptureError } from "../pcap/capture-error.ts";
import { type CompiledStages, type PipelineCounters, Program } from "../pipeline/program.ts";
import { droppedOnly, sumCounters } from "./lane.ts";
import { WorkerDiedError } from "./worker-died-error.ts";
import type { WorkerPool } from "./worker-pool.ts";

/** What one worker did of a capture. */
export interface WorkerShare {
  readonly worker: number;
  /** Pieces of the file it worked on. */
  readonly pieces: number;
  /** Frames in them. */
  readonly frames: number;
}

/** What came of a piece. */
export interface Outcome {
  /** Undefined if no worker has anything to say of it. */
  readonly worker: number | undefined;
  readonly output: Uint8Array;
  readonly counters: PipelineCounters;
  readonly frameBytesIn: number;
  readonly frameBytesOut: number;
  /** Where in the file a record cannot be, if that was found: the output ends in front of it. */
  readonly damageAt: number | undefined;
}

/** Of a piece of which nothing comes out, and so many frames are lost with their worker. */
export function noOutput(lost: number): Outcome {
  return {
    worker: undefined,
    output: new Uint8Array(0),
    counters: droppedOnly("worker-died", lost),
    frameBytesIn: 0,
    frameBytesOut: 0,
    damageAt: undefined,
  };
}

export interface DispatchOptions extends ProcessCaptureOptions {
  readonly kernels: Kernels;
  readonly pool: WorkerPool;
  readonly workers: number;
  /** Whether workers see this memory. */
  readonly shared: boolean;
  readonly stages: CompiledStages;
}

export abstract class CaptureDispatch {
  /** What was wrong with the input, once it is known. */
  damage: CaptureError | undefined;
  counters: PipelineCounters = droppedOnly("none", 0);
  bytesRead = 0;
  bytesWritten = 0;
  frameBytesIn = 0;
  frameBytesOut = 0;
  readonly run: CaptureRun;
  protected readonly options: DispatchOptions;
  /** Aborted by the caller, because there is damage, or because writing has failed: the source may be silent then. */
  protected readonly signal: AbortSignal;
  readonly #stop: AbortController = new AbortController();
  readonly #output: CaptureOutput;
  readonly #alone: Program;
  readonly #slots: CaptureSlot[] = [];
  readonly #free: CaptureSlot[] = [];
  readonly #shares: Map<number, { pieces: number; frames: number }> = new Map();
  /** One for each piece under way, oldest first: settles when it and all before it have been written. */
  #writes: Promise<void>[] = [];
  /** What workers have; settles when they have no more. */
  readonly #jobs: Set<Promise<unknown>> = new Set();
  /** What the sink was last asked for. */
  #writing: Promise<void> | undefined;

  constructor(output: CaptureOutput, options: DispatchOptions) {
    this.options = options;
    this.#output = output;
    this.signal =
      options.signal === undefined ? this.#stop.signal : AbortSignal.any([options.signal, this.#stop.signal]);
    this.#alone = new Program(options.kernels, options.stages);
    try {
      this.run = new CaptureRun(this.#alone, options.format ?? "same");
      for (let i = 0; i < 2 * options.workers + 1; i++) {
        const slot = new CaptureSlot(new Program(options.kernels, options.stages));
        this.#slots.push(slot);
        this.#free.push(slot);
      }
    } catch (error) {
      this.release();
      throw error;
    }
  }

  get shares(): WorkerShare[] {
    return [...this.#shares]
      .map(([worker, share]) => ({ worker, ...share }))
      .sort((a, b) => a.worker - b.worker);
  }

  /** Works through the whole input. */
  async drive(): Promise<void> {
    try {
      await this.spread();
    } catch (error) {
      // Damage ends the reading, and is no failure.
      if (error !== this.damage) throw error;
    }
    await untilAborted(Promise.all(this.#writes), this.options.signal);
    this.options.signal?.throwIfAborted();
    if (this.damage === undefined) {
      this.run.finish();
      this.damage = this.run.damage;
    }
    this.#add(this.#alone.counters());
    this.frameBytesIn += this.run.bytesIn;
    this.frameBytesOut += this.run.bytesOut;
  }

  /** Gives the memory back when nobody uses it any more: neither workers, nor the source, nor the sink. */
  async close(): Promise<void> {
    await Promise.allSettled([...this.#jobs, ...this.#writes, this.#writing]);
    this.release();
  }

  /** Spreads the input; what is left over of it is in the run, which finishes it. */
  protected abstract spread(): Promise<void>;

  protected get slotCount(): number {
    return this.#slots.length;
  }

  protected release(): void {
    for (const slot of this.#slots) slot.close();
    this.run?.close();
    this.#alone.close();
  }

  protected progress(): void {
    const records = this.counters.received + this.run.records;
    this.options.onProgress?.({ bytesRead: this.bytesRead, records });
  }

  /** The next slot that nobody uses; at the latest when everything under way has been written, there is one. */
  protected async freeSlot(): Promise<CaptureSlot> {
    this.signal.throwIfAborted();
    let slot = this.#free.pop();
    while (slot === undefined) {
      await untilAborted(this.#writes.shift(), this.signal);
      slot = this.#free.pop();
    }
    return slot;
  }

  protected putBack(slot: CaptureSlot): void {
    this.#free.push(slot);
  }

  /** Lets the slot be read and written as the run would do it now. */
  protected useFormats(slot: CaptureSlot): void {
    for (const field of [CURSOR_IN_FORMAT, CURSOR_OUT_FORMAT, CURSOR_INTERFACES, CURSOR_INTERFACE_COUNT])
      slot.set(field, this.run.memory.get(field));
  }

  /** Has a worker run the slot, which both see. The byte at address `origin` is the one at `position` of the file. */
  protected async runSlot(slot: CaptureSlot, origin: number, position: number, link = 0): Promise<Outcome> {
    const bytesIn = slot.frameBytesIn;
    const bytesOut = slot.frameBytesOut;
    const worker = await this.options.pool.runJob(slot.cursor, link);
    const end = slot.get(CURSOR_IN);
    return {
      worker,
      output: slot.output,
      counters: slot.program.counters(),
      frameBytesIn: slot.frameBytesIn - bytesIn,
      frameBytesOut: slot.frameBytesOut - bytesOut,
      damageAt: end === slot.get(CURSOR_IN_END) ? undefined : position + end - origin,
    };
  }

  /** What comes of a piece whose job rejected: its worker's results are not complete, and its counters are not either. */
  protected lost(error: unknown, frames: number): Outcome {
    if (error instanceof WorkerDiedError && this.options.pool.failure === undefined) return noOutput(frames);
    throw error;
  }

  /**
   * Writes what comes of the slot when all before it has been written, and calls `written` then; the slot is free
   * again after that.
   */
  protected enqueue(slot: CaptureSlot, work: Promise<Outcome>, written?: () => void): void {
    const outcome = work.catch((error: unknown) => error as Error);
    this.#jobs.add(outcome);
    void outcome.then(() => this.#jobs.delete(outcome));
    const before = this.#writes.at(-1) ?? Promise.resolve();
    const writing = before.then(async () => {
      try {
        await this.#write(await outcome, written);
      } finally {
        slot.program.resetCounters();
        this.#free.push(slot);
      }
    });
    writing.catch((error: unknown) => this.#stop.abort(error));
    this.#writes.push(writing);
  }

  /** Resolves when nothing is under way any more. */
  protected async allWritten(): Promise<void> {
    await untilAborted(Promise.all(this.#writes), this.signal);
    this.#writes = [];
  }

  /** Works here on `length` bytes that stand in the run's `nextInput`, when nothing else is under way. */
  protected async workAlone(length: number): Promise<void> {
    const { memory } = this.run;
    memory.nextChunk(length);
    let need = this.run.step();
    while (need === "output") {
      await this.#send(memory.takeOutput());
      need = this.run.step();
    }
    await this.#send(memory.takeOutput());
    this.damage ??= this.run.damage;
  }

  /** Takes a piece's outcome over. */
  async #write(outcome: Outcome | Error, written: (() => void) | undefined): Promise<void> {
    if (this.damage !== undefined) return;
    if (outcome instanceof Error) throw outcome;
    const { worker, counters, damageAt } = outcome;
    this.#add(counters);
    this.frameBytesIn += outcome.frameBytesIn;
    this.frameBytesOut += outcome.frameBytesOut;
    if (worker !== undefined) {
      const share = this.#shares.get(worker) ?? { pieces: 0, frames: 0 };
      this.#shares.set(worker, { pieces: share.pieces + 1, frames: share.frames + counters.received });
    }
    await this.#send(outcome.output);
    if (damageAt !== undefined) {
      this.damage = new CaptureError(damageAt, RECORD_CANNOT_BE);
      this.#stop.abort(this.damage);
    }
    written?.();
  }

  async #send(bytes: Uint8Array): Promise<void> {
    if (bytes.length === 0) return;
    this.bytesWritten += bytes.length;
    this.#writing = watched(this.#output.write(bytes));
    await untilAborted(this.#writing, this.options.signal);
  }

  #add(counters: PipelineCounters): void {
    this.counters = sumCounters([this.counters, counters]);
  }
}
