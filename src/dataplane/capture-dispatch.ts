// A capture over many workers: they work on pieces of it, and their results are written in the order of the file.
//
// Pieces that hold nothing but whole records go to workers. Headers, interfaces, other blocks, fragments and damage
// stay here, in a run that works alone; everything before them is waited for first. How the capture comes to be cut
// into pieces is another matter: read-dispatch.ts and shared-dispatch.ts.

import { CaptureRun } from "../capture/capture-run.ts";
import { CaptureSlot } from "../capture/capture-slot.ts";
import { scanFragments } from "../capture/fragment-table.ts";
import type { LentOutput } from "../capture/lending.ts";
import type { CaptureSummary, FrameTally, ProcessCaptureOptions } from "../capture/process-capture.ts";
import { summarise } from "../capture/process-capture.ts";
import { AbortableWaits, firstOf } from "../core/abort.ts";
import { closed } from "../core/arguments.ts";
import { Undo } from "../core/undo.ts";
import type { Kernels } from "../kernel/kernels.ts";
import {
  CURSOR_IN,
  CURSOR_IN_END,
  CURSOR_IN_FORMAT,
  CURSOR_INTERFACE_COUNT,
  CURSOR_INTERFACES,
  CURSOR_OUT_FORMAT,
} from "../layout/cursor.layout.ts";
import { DROP_WORKER_DIED } from "../layout/drop.layout.ts";
import type { CaptureError } from "../pcap/capture-error.ts";
import type { CompiledStages } from "../pipeline/compiled-stages.ts";
import { Program } from "../pipeline/program.ts";
import { droppedOnly, framesOf, NO_COUNTERS, sumTallies } from "../pipeline/tally.ts";
import { WorkerDiedError } from "../threads/worker-died-error.ts";
import type { WorkerPool } from "../threads/worker-pool.ts";

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
  /** Of the frames in it: the slot that counted them, and whose count is to stand if this is taken; or the counts. */
  readonly counted: CaptureSlot | FrameTally;
  /** A record that cannot be, if one was found: the output ends in front of it. */
  readonly damage: { readonly at: number; readonly bytes: Uint8Array } | undefined;
}

/** Of a piece of which nothing comes out, and so many frames are lost with their worker. */
function noOutput(lost: number): Outcome {
  const counted = {
    tally: droppedOnly(DROP_WORKER_DIED, lost),
    frameBytesIn: 0,
    frameBytesOut: 0,
    trailersLeftOut: 0,
  };
  return { worker: undefined, output: new Uint8Array(0), counted, damage: undefined };
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
  bytesRead = 0;
  bytesWritten = 0;
  readonly run: CaptureRun;
  /** Records that workers have worked through, or lost. */
  #records = 0;
  protected readonly options: DispatchOptions;
  protected readonly waits: AbortableWaits;
  /** Ends all that waits for the source and the sink. */
  readonly #stop: AbortController = new AbortController();
  readonly #output: LentOutput;
  /** What all slots and the run here work by, each in a state of its own. */
  readonly #program: Program;
  /** What counted no slot and not the run. */
  #elsewhere: FrameTally = {
    tally: NO_COUNTERS,
    frameBytesIn: 0,
    frameBytesOut: 0,
    trailersLeftOut: 0,
  };
  protected readonly slots: CaptureSlot[] = [];
  /** How everything is given back. */
  protected readonly undo: Undo = new Undo();
  readonly #shares: Map<number, { pieces: number; frames: number }> = new Map();

  /** With so many slots, which have memory for input of their own or have not. */
  constructor(output: LentOutput, options: DispatchOptions, slots: number, input: "own" | "none") {
    this.options = options;
    this.#output = output;
    const { kernels, stages } = options;
    const { undo } = this;
    this.#program = undo.closes(new Program(kernels, stages));
    const { signal, forget } = firstOf([options.signal, this.#stop.signal]);
    undo.add(forget);
    this.waits = undo.closes(new AbortableWaits(signal));
    try {
      this.run = undo.closes(
        new CaptureRun(this.#program, options.format ?? "same", options.reassembly ?? true),
      );
      while (this.slots.length < slots) this.slots.push(undo.closes(new CaptureSlot(this.#program, input)));
    } catch (error) {
      throw undo.because(error);
    }
  }

  get shares(): WorkerShare[] {
    return [...this.#shares]
      .map(([worker, share]) => ({ worker, ...share }))
      .sort((a, b) => a.worker - b.worker);
  }

  /** Works through the whole input. */
  async drive(): Promise<void> {
    await this.spread();
    this.options.signal?.throwIfAborted();
    let need = this.run.finish();
    for (; need === "output"; need = this.run.finish()) await this.#send(this.run.memory.takeOutput());
    this.damage ??= this.run.damage;
    await this.#send(this.run.memory.takeOutput());
  }

  /** What became of the capture, when all of it has been worked on. */
  get summary(): CaptureSummary {
    const { run, damage, bytesRead, bytesWritten } = this;
    const { inputFormat, linkTypes, fragments } = run;
    return summarise({ inputFormat, linkTypes, fragments, damage }, [run, ...this.slots, this.#elsewhere], {
      read: bytesRead,
      written: bytesWritten,
    });
  }

  /** Ends what waits for the source and the sink: the work is over, or has failed. */
  protected stop(): void {
    this.#stop.abort(closed("capture"));
  }

  /** Gives the memory back when nobody uses it any more: neither workers, nor the source, nor the sink. */
  async close(): Promise<void> {
    this.stop();
    await this.#output.inUse?.catch(() => {});
    this.undo.all();
  }

  /** Memory that is given back with everything else. */
  protected reserve(purpose: string, length: number): number {
    const { plan } = this.options.kernels;
    return this.undo.with(plan.reserve(purpose, length, "any"), (address) => plan.release(address));
  }

  /** Spreads the input and writes what comes of it; what is left over in the run is the beginning of what never ended. */
  protected abstract spread(): Promise<void>;

  protected progress(): void {
    const records = this.#records + this.run.records;
    this.options.onProgress?.({ bytesRead: this.bytesRead, records });
  }

  /** Lets the slot be read and written as the run would do it now. */
  protected useFormats(slot: CaptureSlot): void {
    for (const field of [CURSOR_IN_FORMAT, CURSOR_OUT_FORMAT, CURSOR_INTERFACES, CURSOR_INTERFACE_COUNT])
      slot.set(field, this.run.memory.get(field));
    scanFragments(slot, this.run.takesFragments);
  }

  /**
   * What worker `worker` made of the slot. The byte at address `origin` is the one at `position` of the file, and
   * `bytesFrom` gives the file's bytes from where the worker has stopped.
   */
  protected outcomeOf(
    slot: CaptureSlot,
    worker: number,
    origin: number,
    position: number,
    bytesFrom: (at: number) => Uint8Array,
  ): Outcome {
    const end = slot.get(CURSOR_IN);
    const at = position + end - origin;
    const damage = end === slot.get(CURSOR_IN_END) ? undefined : { at, bytes: bytesFrom(at) };
    return { worker, output: slot.output, counted: slot, damage };
  }

  /** What comes of a piece whose job rejected: its worker's results are not complete, and its counters are not either. */
  protected lost(error: unknown, frames: number): Outcome {
    if (error instanceof WorkerDiedError && this.options.pool.failure === undefined) return noOutput(frames);
    throw error;
  }

  /** Takes the outcome of the next piece over; resolves when the sink has what comes of it. */
  protected take(outcome: Outcome): Promise<void> {
    const { worker, counted, damage } = outcome;
    let frames: number;
    if (counted instanceof CaptureSlot) frames = counted.keepCounts();
    else {
      frames = framesOf(counted.tally);
      this.#add(counted);
    }
    this.#records += frames;
    if (worker !== undefined) {
      const share = this.#shares.get(worker) ?? { pieces: 0, frames: 0 };
      share.pieces++;
      share.frames += frames;
      this.#shares.set(worker, share);
    }
    if (damage !== undefined) this.damage = this.run.problemAt(damage.bytes, damage.at);
    return this.#send(outcome.output);
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

  #send(bytes: Uint8Array): Promise<void> {
    if (bytes.length === 0) return Promise.resolve();
    this.bytesWritten += bytes.length;
    return this.waits.until(this.#output.write(bytes));
  }

  #add({ tally, frameBytesIn, frameBytesOut, trailersLeftOut }: FrameTally): void {
    const before = this.#elsewhere;
    this.#elsewhere = {
      tally: sumTallies([before.tally, tally]),
      frameBytesIn: before.frameBytesIn + frameBytesIn,
      frameBytesOut: before.frameBytesOut + frameBytesOut,
      trailersLeftOut: before.trailersLeftOut + trailersLeftOut,
    };
  }
}
