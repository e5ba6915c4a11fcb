// A capture over many workers: this thread reads and finds where records end, workers work on the pieces,
// and their results are written in the order of the file.
//
// Pieces that hold nothing but whole records go to workers. Headers, interfaces, other blocks and damage
// stay here, in a run that works alone; everything before them is waited for first.

import type { CaptureInput, CaptureOutput } from "../capture/capture-io.ts";
import { CaptureRun, RECORD_CANNOT_BE } from "../capture/capture-run.ts";
import { CaptureSlot } from "../capture/capture-slot.ts";
import type { ProcessCaptureOptions } from "../capture/process-capture.ts";
import { untilAborted, watched } from "../core/abort.ts";
import { wholeNumber } from "../core/arguments.ts";
import type { Kernels } from "../kernel/kernels.ts";
import {
  CURSOR_IN,
  CURSOR_IN_END,
  CURSOR_IN_FORMAT,
  CURSOR_INTERFACE_COUNT,
  CURSOR_INTERFACES,
  CURSOR_OUT_FORMAT,
  CURSOR_STATUS,
  INTERFACE_ENTRY_LENGTH,
  STATUS_NEED_INPUT,
} from "../layout/capture.layout.ts";
import { CaptureError } from "../pcap/capture-error.ts";
import { type CompiledStages, type PipelineCounters, Program } from "../pipeline/program.ts";
import { Turns } from "../platform/turns.ts";
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
interface Piece {
  readonly worker: number;
  readonly output: Uint8Array;
  readonly counters: PipelineCounters;
  readonly frameBytesIn: number;
  readonly frameBytesOut: number;
  /** Bytes of input used: less than there were only if a record in the middle cannot be. */
  readonly consumed: number;
}

/** A piece on its way. */
interface HandedOut {
  readonly records: number;
  /** Where in the file it starts, and how many bytes it has. */
  readonly position: number;
  readonly length: number;
  readonly outcome: Piece | Error;
}

export interface DispatchOptions extends ProcessCaptureOptions {
  readonly kernels: Kernels;
  readonly pool: WorkerPool;
  readonly workers: number;
  /** Whether workers see this memory. */
  readonly shared: boolean;
  readonly stages: CompiledStages;
}

export class CaptureDispatch {
  /** What was wrong with the input, once it is known. */
  damage: CaptureError | undefined;
  counters: PipelineCounters = droppedOnly("none", 0);
  bytesRead = 0;
  bytesWritten = 0;
  frameBytesIn = 0;
  frameBytesOut = 0;
  readonly run: CaptureRun;
  readonly #options: DispatchOptions;
  readonly #output: CaptureOutput;
  readonly #alone: Program;
  readonly #slots: CaptureSlot[] = [];
  readonly #free: CaptureSlot[] = [];
  readonly #shares: Map<number, { pieces: number; frames: number }> = new Map();
  /** One for each piece under way, oldest first: settles when it and all before it have been written. */
  #writes: Promise<void>[] = [];
  /** What workers have; settles when they have no more. */
  readonly #jobs: Set<Promise<unknown>> = new Set();
  /** What the source and the sink were last asked for. */
  #reading: Promise<number> | undefined;
  #writing: Promise<void> | undefined;
  /** Ends reading, because there is damage or because writing has failed, while the source is silent. */
  readonly #stop: AbortController = new AbortController();
  readonly #signal: AbortSignal;
  /** The beginning of a record whose end is still to be read, and where in the file it stands. */
  #carried: Uint8Array = new Uint8Array(0);
  #position = 0;

  constructor(output: CaptureOutput, options: DispatchOptions) {
    this.#options = options;
    this.#output = output;
    this.#signal =
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
      this.#release();
      throw error;
    }
  }

  get shares(): WorkerShare[] {
    return [...this.#shares]
      .map(([worker, share]) => ({ worker, ...share }))
      .sort((a, b) => a.worker - b.worker);
  }

  /** Works through the whole input. */
  async drive(input: CaptureInput): Promise<void> {
    try {
      await this.#spread(input);
    } catch (error) {
      // Damage ends the reading, and is no failure.
      if (error !== this.damage) throw error;
    }
    await untilAborted(Promise.all(this.#writes), this.#options.signal);
    this.#options.signal?.throwIfAborted();
    await this.#finish();
  }

  /** Gives the memory back when nobody uses it any more: neither workers, nor the source, nor the sink. */
  async close(): Promise<void> {
    await Promise.allSettled([this.#reading, ...this.#jobs, ...this.#writes, this.#writing]);
    this.#release();
  }

  #release(): void {
    for (const slot of this.#slots) slot.close();
    this.run?.close();
    this.#alone.close();
  }

  async #spread(input: CaptureInput): Promise<void> {
    const turns = new Turns();
    while (this.damage === undefined) {
      await turns.give();
      const slot = await untilAborted(this.#freeSlot(), this.#signal);
      this.#reading = watched(input.read(slot.chunk));
      const space = slot.chunk.length;
      const read = await untilAborted(this.#reading, this.#signal);
      const length = wholeNumber("source.read()", read, 0, space);
      if (length === 0) return;
      this.bytesRead += length;
      slot.start(this.#carried, length);
      this.#carried = new Uint8Array(0);
      if (!this.#handOut(slot)) await this.#workAlone(slot);
      const records = this.counters.received + this.run.records;
      this.#options.onProgress?.({ bytesRead: this.bytesRead, records });
    }
  }

  /** Gives the slot's records to a worker; false if there is more to it than records. */
  #handOut(slot: CaptureSlot): boolean {
    if (!this.run.onlyRecordsExpected) return false;
    for (const field of [CURSOR_IN_FORMAT, CURSOR_OUT_FORMAT, CURSOR_INTERFACES, CURSOR_INTERFACE_COUNT]) {
      slot.set(field, this.run.memory.get(field));
    }
    const start = slot.get(CURSOR_IN);
    const records = this.#options.kernels.functions.scanCapture(slot.cursor);
    const end = slot.get(CURSOR_IN);
    const regular = slot.get(CURSOR_STATUS) === STATUS_NEED_INPUT;
    if (regular) {
      this.#carried = slot.input.slice();
      slot.set(CURSOR_IN_END, end);
    }
    slot.set(CURSOR_IN, start);
    if (!regular) return false;
    const position = this.#position;
    this.#position += end - start;
    this.run.memory.skip(end - start);
    const length = end - start;
    const outcome = this.#work(slot, length).catch((error: unknown) => error as Error);
    this.#jobs.add(outcome);
    void outcome.then(() => this.#jobs.delete(outcome));
    const before = this.#writes.at(-1) ?? Promise.resolve();
    const written = before.then(async () =>
      this.#write(slot, { records, position, length, outcome: await outcome }),
    );
    written.catch((error: unknown) => this.#stop.abort(error));
    this.#writes.push(written);
    return true;
  }

  async #work(slot: CaptureSlot, length: number): Promise<Piece> {
    const { pool, shared, stages, kernels } = this.#options;
    if (shared) {
      const bytesIn = slot.frameBytesIn;
      const bytesOut = slot.frameBytesOut;
      const start = slot.get(CURSOR_IN);
      const worker = await pool.runJob(slot.cursor);
      return {
        worker,
        output: slot.output,
        counters: slot.program.counters(),
        frameBytesIn: slot.frameBytesIn - bytesIn,
        frameBytesOut: slot.frameBytesOut - bytesOut,
        consumed: slot.get(CURSOR_IN) - start,
      };
    }
    const table = slot.get(CURSOR_INTERFACES);
    const tableLength = slot.get(CURSOR_INTERFACE_COUNT) * INTERFACE_ENTRY_LENGTH;
    const result = await pool.transferJob({
      bytes: slot.input.slice(0, length) as Uint8Array<ArrayBuffer>,
      inFormat: slot.get(CURSOR_IN_FORMAT),
      outFormat: slot.get(CURSOR_OUT_FORMAT),
      interfaces: kernels.bytes.slice(table, table + tableLength) as Uint8Array<ArrayBuffer>,
      stages,
    });
    return { ...result, output: result.bytes };
  }

  /** Takes a piece's outcome over, when all before it have been. */
  async #write(slot: CaptureSlot, { records, position, length, outcome }: HandedOut): Promise<void> {
    try {
      if (this.damage !== undefined) return;
      if (outcome instanceof WorkerDiedError && this.#options.pool.failure === undefined) {
        // Its results are not complete, and what it counted is not either: all its frames are lost with it.
        this.#add(droppedOnly("worker-died", records));
        return;
      }
      if (outcome instanceof Error) throw outcome;
      const { worker, counters, consumed } = outcome;
      this.#add(counters);
      this.frameBytesIn += outcome.frameBytesIn;
      this.frameBytesOut += outcome.frameBytesOut;
      const share = this.#shares.get(worker) ?? { pieces: 0, frames: 0 };
      this.#shares.set(worker, { pieces: share.pieces + 1, frames: share.frames + counters.received });
      await this.#send(outcome.output);
      if (consumed === length) return;
      this.damage = new CaptureError(position + consumed, RECORD_CANNOT_BE);
      this.#stop.abort(this.damage);
    } finally {
      slot.program.resetCounters();
      this.#free.push(slot);
    }
  }

  /** Works on the slot's bytes here, behind all that is under way. */
  async #workAlone(slot: CaptureSlot): Promise<void> {
    await untilAborted(Promise.all(this.#writes), this.#signal);
    this.#writes = [];
    const { memory } = this.run;
    const bytes = slot.input;
    memory.nextInput.set(bytes);
    memory.nextChunk(bytes.length);
    this.#position += bytes.length;
    this.#free.push(slot);
    let need = this.run.step();
    while (need === "output") {
      await this.#send(memory.takeOutput());
      need = this.run.step();
    }
    await this.#send(memory.takeOutput());
    this.damage ??= this.run.damage;
    // What is left over may be the beginning of a record for a worker.
    this.#carried = memory.rest.slice();
    memory.advance(this.#carried.length);
    memory.skip(-this.#carried.length);
    this.#position -= this.#carried.length;
  }

  async #finish(): Promise<void> {
    if (this.damage === undefined) {
      this.run.memory.nextInput.set(this.#carried);
      this.run.memory.nextChunk(this.#carried.length);
      this.run.finish();
      this.damage = this.run.damage;
    }
    this.#add(this.#alone.counters());
    this.frameBytesIn += this.run.bytesIn;
    this.frameBytesOut += this.run.bytesOut;
  }

  async #send(bytes: Uint8Array): Promise<void> {
    if (bytes.length === 0) return;
    this.bytesWritten += bytes.length;
    this.#writing = watched(this.#output.write(bytes));
    await untilAborted(this.#writing, this.#options.signal);
  }

  #add(counters: PipelineCounters): void {
    this.counters = sumCounters([this.counters, counters]);
  }

  /** The next slot that nobody uses; at the latest when everything under way has been written, there is one. */
  async #freeSlot(): Promise<CaptureSlot> {
    this.#signal.throwIfAborted();
    let slot = this.#free.pop();
    while (slot === undefined) {
      await this.#writes.shift();
      slot = this.#free.pop();
    }
    return slot;
  }
}
