// A capture from any source over workers: this thread reads it into slots, finds where records end, and hands the
// slots out.

import type { CaptureInput, CaptureOutput } from "../capture/capture-io.ts";
import type { CaptureSlot } from "../capture/capture-slot.ts";
import { untilAborted, watched } from "../core/abort.ts";
import { wholeNumber } from "../core/arguments.ts";
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
import { Turns } from "../platform/turns.ts";
import { CaptureDispatch, type DispatchOptions, type Outcome } from "./capture-dispatch.ts";

export class ReadDispatch extends CaptureDispatch {
  readonly #input: CaptureInput;
  /** What the source was last asked for. */
  #reading: Promise<number> | undefined;
  /** The beginning of a record whose end is still to be read. */
  #carried: Uint8Array = new Uint8Array(0);

  constructor(input: CaptureInput, output: CaptureOutput, options: DispatchOptions) {
    super(output, options);
    this.#input = input;
  }

  override async close(): Promise<void> {
    await this.#reading?.catch(() => {});
    await super.close();
  }

  protected async spread(): Promise<void> {
    const { memory } = this.run;
    const turns = new Turns();
    while (this.damage === undefined) {
      await turns.give();
      const slot = await this.freeSlot();
      this.#reading = watched(this.#input.read(slot.chunk));
      const space = slot.chunk.length;
      const read = await untilAborted(this.#reading, this.signal);
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
    run.memory.skip(end - start);
    this.enqueue(
      slot,
      work.catch((error: unknown) => this.lost(error, records)),
    );
    return true;
  }

  async #work(slot: CaptureSlot, position: number): Promise<Outcome> {
    const { pool, shared, stages, kernels } = this.options;
    if (shared) return await this.runSlot(slot, slot.get(CURSOR_IN), position);
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
    const damageAt = result.consumed === length ? undefined : position + result.consumed;
    return { ...result, output: result.bytes, damageAt };
  }

  /** Works on the slot's bytes here, behind all that is under way. */
  async #keep(slot: CaptureSlot): Promise<void> {
    await this.allWritten();
    const { memory } = this.run;
    const bytes = slot.input;
    memory.nextInput.set(bytes);
    this.putBack(slot);
    await this.workAlone(bytes.length);
    // What is left over may be the beginning of a record for a worker.
    this.#carried = memory.takeRest();
  }
}
