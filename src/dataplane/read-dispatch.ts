// A capture from any source over workers: this thread reads it into slots, finds where records end, and hands the
// slots out.

import type { CaptureSlot } from "../capture/capture-slot.ts";
import type { LentInput, LentOutput } from "../capture/lending.ts";
import { AbortableWaits, firstOf } from "../core/abort.ts";
import { wholeNumber } from "../core/arguments.ts";
import { INTERFACE_ENTRY_LENGTH } from "../layout/capture.layout.ts";
import {
  CURSOR_IN,
  CURSOR_IN_END,
  CURSOR_IN_FORMAT,
  CURSOR_INTERFACE_COUNT,
  CURSOR_INTERFACES,
  CURSOR_OUT_FORMAT,
  CURSOR_STATUS,
  STATUS_NEED_INPUT,
} from "../layout/cursor.layout.ts";
import { Turns } from "../platform/turns.ts";
import { CaptureDispatch, type DispatchOptions, type Outcome } from "./capture-dispatch.ts";

export class ReadDispatch extends CaptureDispatch {
  readonly #input: LentInput;
  readonly #free: CaptureSlot[];
  /** One for each piece under way, oldest first: settles when it and all before it have been written. */
  #writes: Promise<void>[] = [];
  /** What workers have; settles when they have no more. */
  readonly #jobs: Set<Promise<unknown>> = new Set();
  /** Ends reading, because there is damage or because writing has failed, while the source is silent. */
  readonly #ended: AbortController = new AbortController();
  readonly #signal: AbortSignal;
  readonly #reads: AbortableWaits;
  /** The beginning of a record whose end is still to be read. */
  #carried: Uint8Array = new Uint8Array(0);

  constructor(input: LentInput, output: LentOutput, options: DispatchOptions) {
    super(output, options, 2 * options.workers + 1, "own");
    this.#input = input;
    const { signal, forget } = firstOf([options.signal, this.#ended.signal]);
    this.undo.add(forget);
    this.#signal = signal;
    this.#reads = this.undo.closes(new AbortableWaits(signal));
    this.#free = [...this.slots];
  }

  override async close(): Promise<void> {
    this.stop();
    await Promise.allSettled([this.#input.inUse, ...this.#jobs, ...this.#writes]);
    await super.close();
  }

  protected async spread(): Promise<void> {
    try {
      await this.#readAll();
    } catch (error) {
      // Damage ends the reading, and is no failure.
      if (error !== this.damage) throw error;
    }
    await this.waits.until(Promise.all(this.#writes));
  }

  async #readAll(): Promise<void> {
    const { memory } = this.run;
    const turns = new Turns();
    while (this.damage === undefined) {
      await turns.give();
      const slot = await this.#reads.until(this.#freeSlot());
      const space = slot.chunk.length;
      const read = await this.#reads.until(this.#input.read(slot.chunk));
      const length = wholeNumber("source.read()", read, 0, space);
      if (length === 0) break;
      this.bytesRead += length;
      slot.start(this.#carried, length);
      this.#carried = new Uint8Array(0);
      if (!this.#handOut(slot)) await this.#keep(slot);
      this.progress();
    }
    memory.nextInput.set(this.#carried);
    memory.nextChunk(this.#carried.length);
  }

  /** Gives the slot's records to a worker; false if there is more to it than records. */
  #handOut(slot: CaptureSlot): boolean {
    const { run } = this;
    if (!run.onlyRecordsExpected) return false;
    this.useFormats(slot);
    const start = slot.get(CURSOR_IN);
    const records = this.options.kernels.functions.scanCapture(slot.cursor, slot.get(CURSOR_IN_END));
    const end = slot.get(CURSOR_IN);
    const regular = slot.get(CURSOR_STATUS) === STATUS_NEED_INPUT;
    if (regular) {
      this.#carried = slot.input.slice();
      slot.set(CURSOR_IN_END, end);
    }
    slot.set(CURSOR_IN, start);
    if (!regular) return false;
    const work = this.#work(slot, run.memory.fileOffset);
    const outcome = work.catch((error: unknown) => this.lost(error, records)).catch((error: Error) => error);
    run.memory.skip(end - start);
    this.#jobs.add(outcome);
    void outcome.then(() => this.#jobs.delete(outcome));
    const before = this.#writes.at(-1) ?? Promise.resolve();
    const written = before.then(async () => this.#write(slot, await outcome));
    written.catch((error: unknown) => this.#ended.abort(error));
    this.#writes.push(written);
    return true;
  }

  async #work(slot: CaptureSlot, position: number): Promise<Outcome> {
    const { pool, shared, stages, kernels } = this.options;
    if (shared) {
      const origin = slot.get(CURSOR_IN);
      const job = pool.beginJob(slot.cursor);
      await pool.endOfJob(job);
      return this.outcomeOf(slot, job.worker, origin, position, () => slot.input);
    }
    const { length } = slot.input;
    const table = slot.get(CURSOR_INTERFACES);
    const tableLength = slot.get(CURSOR_INTERFACE_COUNT) * INTERFACE_ENTRY_LENGTH;
    const result = await pool.transferJob({
      bytes: slot.input.slice() as Uint8Array<ArrayBuffer>,
      inFormat: slot.get(CURSOR_IN_FORMAT),
      outFormat: slot.get(CURSOR_OUT_FORMAT),
      interfaces: kernels.bytes.slice(table, table + tableLength) as Uint8Array<ArrayBuffer>,
      stages,
    });
    const { consumed } = result;
    const damage =
      consumed === length ? undefined : { at: position + consumed, bytes: slot.input.subarray(consumed) };
    return { worker: result.worker, output: result.bytes, counted: result, damage };
  }

  /** Takes a piece's outcome over, when all before it have been. */
  async #write(slot: CaptureSlot, outcome: Outcome | Error): Promise<void> {
    try {
      if (this.damage !== undefined) return;
      if (outcome instanceof Error) throw outcome;
      await this.take(outcome);
      if (this.damage !== undefined) this.#ended.abort(this.damage);
    } finally {
      slot.forgetCounts();
      this.#free.push(slot);
    }
  }

  /** Works on the slot's bytes here, behind all that is under way. */
  async #keep(slot: CaptureSlot): Promise<void> {
    await this.#reads.until(Promise.all(this.#writes));
    this.#writes = [];
    const { memory } = this.run;
    const bytes = slot.input;
    memory.nextInput.set(bytes);
    this.#free.push(slot);
    await this.workAlone(bytes.length);
    // What is left over may be the beginning of a record for a worker.
    this.#carried = memory.takeRest();
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
