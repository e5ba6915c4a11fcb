// A capture that lies in memory which workers see themselves: they copy it and find its records, this thread hands
// out ranges of it and writes what comes of them.
//
// Pieces are cut by offset, and linked: each worker tells the next where its first record is (shared-piece.ts). When
// one finds more than records, nothing behind it is touched; this thread works past it alone, and hands out again.
// Pieces stand in the workers' rings in the order of the file, so the first that waits for a link waits for a piece
// that is in work.

import type { CaptureOutput } from "../capture/capture-io.ts";
import { type CaptureSlot, SLOT_CHUNK } from "../capture/capture-slot.ts";
import { untilAborted, watched } from "../core/abort.ts";
import {
  CURSOR_LINK,
  CURSOR_NEXT_LINK,
  CURSOR_RANGE,
  CURSOR_SCANNED,
  LINK_FIRST,
  LINK_LENGTH,
  LINK_OPEN,
  LINK_STOP,
} from "../layout/capture.layout.ts";
import { Turns } from "../platform/turns.ts";
import { CaptureDispatch, type DispatchOptions, noOutput, type Outcome } from "./capture-dispatch.ts";
import { clearLink, copyPiece, readLink, scanPiece, writeLink } from "./shared-piece.ts";

/** A header is worked on here: how much of a capture is looked at for it. */
const HEADER = 4096;

export class SharedDispatch extends CaptureDispatch {
  readonly #source: Uint8Array;
  /** By what number workers know the source; undefined until they do. */
  #number: Promise<number> | undefined;
  readonly #links: number;
  /** Pieces handed out so far. */
  #pieces = 0;
  /** Where the piece begins that is to be worked on here; undefined as long as all are regular. */
  #irregular: number | undefined;

  constructor(source: Uint8Array, output: CaptureOutput, options: DispatchOptions) {
    super(output, options);
    // Whatever becomes of the array, if its buffer can grow.
    this.#source = source.subarray(0, source.length);
    // The link behind the newest piece must not be one that the oldest still reads.
    this.#links = options.kernels.plan.reserve("links between pieces", (this.slotCount + 1) * LINK_LENGTH);
  }

  override async close(): Promise<void> {
    await super.close();
    const { pool, kernels } = this.options;
    kernels.plan.release(this.#links);
    const number = await this.#number?.catch(() => undefined);
    if (number !== undefined) pool.closeSource(number);
  }

  protected async spread(): Promise<void> {
    const { run } = this;
    const { length } = this.#source;
    const turns = new Turns();
    let from = 0;
    // What fits one piece is not worth a word to the workers.
    let step = SLOT_CHUNK;
    if (length > step) {
      void this.#openSource();
      step = HEADER;
    }
    for (; from < length && this.damage === undefined; step = SLOT_CHUNK) {
      await turns.give();
      const begun = run.memory.fileOffset;
      const part = this.#source.subarray(from, from + step);
      run.memory.nextInput.set(part);
      await this.workAlone(part.length);
      from += part.length;
      this.#looked(from);
      // At the end what is left over is damage; a block that is longer than the step needs more of the same.
      if (from === length || !run.onlyRecordsExpected || run.memory.fileOffset === begun) continue;
      run.memory.takeRest();
      from = await this.#handOut(run.memory.fileOffset);
      run.memory.skip(from - run.memory.fileOffset);
    }
  }

  /** Hands pieces out from `from` on, where a record begins; resolves with where it is to be gone on from here. */
  async #handOut(from: number): Promise<number> {
    const { kernels } = this.options;
    const { length } = this.#source;
    const number = await untilAborted(this.#openSource(), this.signal);
    const turns = new Turns();
    this.#irregular = undefined;
    clearLink(kernels, this.#link(this.#pieces));
    writeLink(kernels, this.#link(this.#pieces), LINK_FIRST);
    for (let at = from; at < length && this.#irregular === undefined; at += SLOT_CHUNK) {
      await turns.give();
      const slot = await this.freeSlot();
      const range = Math.min(SLOT_CHUNK, length - at);
      this.useFormats(slot);
      slot.startRange(number, at, range, this.#source.byteOffset);
      slot.set(CURSOR_LINK, this.#link(this.#pieces));
      this.#pieces++;
      slot.set(CURSOR_NEXT_LINK, this.#link(this.#pieces));
      clearLink(kernels, this.#link(this.#pieces));
      this.enqueue(slot, this.#work(slot, at), () => this.#looked(at + range));
    }
    await this.allWritten();
    return this.#irregular ?? length;
  }

  async #work(slot: CaptureSlot, at: number): Promise<Outcome> {
    const { kernels } = this.options;
    const link = slot.get(CURSOR_LINK);
    const next = slot.get(CURSOR_NEXT_LINK);
    let outcome: Outcome | undefined;
    let died: unknown;
    try {
      outcome = await this.runSlot(slot, slot.get(CURSOR_RANGE), at, link);
    } catch (error) {
      died = error;
      // The pieces behind wait for it.
      if (readLink(kernels, next) === LINK_OPEN) this.#linkOn(slot);
    }
    if (readLink(kernels, next) !== LINK_STOP) return outcome ?? this.lost(died, slot.get(CURSOR_SCANNED));
    // Behind an irregular piece nothing is known of where records begin.
    const first = readLink(kernels, link);
    if (first >= LINK_FIRST) this.#irregular = at + first - LINK_FIRST;
    return died === undefined ? noOutput(0) : this.lost(died, 0);
  }

  /** Does what a worker did not come to do: finds the records of its piece, which are lost, for those behind. */
  #linkOn(slot: CaptureSlot): void {
    const { kernels } = this.options;
    if (readLink(kernels, slot.get(CURSOR_LINK)) === LINK_OPEN) {
      // Not even begun, and nobody will: there are no workers any more.
      writeLink(kernels, slot.get(CURSOR_NEXT_LINK), LINK_STOP);
      return;
    }
    copyPiece(kernels, this.#source, slot.cursor);
    scanPiece(kernels, this.#source, slot.cursor);
  }

  #openSource(): Promise<number> {
    this.#number ??= watched(this.options.pool.openSource(this.#source));
    return this.#number;
  }

  #link(piece: number): number {
    return this.#links + (piece % (this.slotCount + 1)) * LINK_LENGTH;
  }

  #looked(to: number): void {
    if (to <= this.bytesRead) return;
    this.bytesRead = to;
    this.progress();
  }
}
