// A capture that lies in memory which workers see themselves: they copy it and find its records, this thread hands
// out ranges of it and writes what comes of them.
//
// Pieces are cut by offset, and linked: each worker tells the next where its first record is (shared-piece.ts). When
// one finds more than records, nothing behind it is touched; this thread works past it alone, and hands out again.
// Pieces stand in the workers' rings in the order of the file, so the first that waits for a link waits for a piece
// that is in work.

import type { CaptureOutput } from "../capture/capture-io.ts";
import type { CaptureSlot } from "../capture/capture-slot.ts";
import { untilAborted, watched } from "../core/abort.ts";
import {
  CURSOR_LINK,
  CURSOR_NEXT_LINK,
  CURSOR_RANGE,
  CURSOR_RANGE_LENGTH,
  CURSOR_RANGE_OFFSET,
  CURSOR_SCANNED,
  CURSOR_SOURCE,
  LINK_FIRST,
  LINK_LENGTH,
  LINK_OPEN,
  LINK_STOP,
} from "../layout/capture.layout.ts";
import { Turns } from "../platform/turns.ts";
import { CaptureDispatch, type DispatchOptions, type Outcome } from "./capture-dispatch.ts";
import {
  clearLink,
  copyPiece,
  PIECE_LENGTH,
  readLink,
  scanPiece,
  WINDOW_LENGTH,
  writeLink,
} from "./shared-piece.ts";
import type { CaptureJob } from "./worker-pool.ts";

/** A header is worked on here: how much of a capture is looked at for it. */
const HEADER = 4096;
/** So many pieces a worker may be under way: waking this thread costs as much as working on half a piece. */
const AHEAD = 4;

/** A piece under way. */
interface Piece {
  readonly slot: CaptureSlot;
  readonly job: CaptureJob;
  readonly offset: number;
  readonly length: number;
}

export class SharedDispatch extends CaptureDispatch {
  readonly #source: Uint8Array;
  readonly #windows: readonly number[];
  readonly #links: number;
  /** By what number workers know the source. */
  #number: Promise<number> | undefined;
  /** Pieces under way, in the order of the file. */
  readonly #pieces: Piece[] = [];
  readonly #free: CaptureSlot[];
  /** Pieces handed out so far. */
  #handedOut = 0;

  constructor(source: Uint8Array, output: CaptureOutput, options: DispatchOptions) {
    super(output, options, AHEAD * options.workers + 1, "none");
    // Whatever becomes of the array, if its buffer can grow.
    this.#source = source.subarray(0, source.length);
    this.#free = [...this.slots];
    // The link behind the newest piece must not be one that the oldest still reads.
    this.#links = this.reserve("links between pieces", (this.slots.length + 1) * LINK_LENGTH);
    this.#windows = Array.from({ length: options.workers }, () =>
      this.reserve("a window on a capture", WINDOW_LENGTH),
    );
  }

  override async close(): Promise<void> {
    // In their order: those behind wait for those in front.
    for (const piece of this.#pieces) await this.#outcome(piece).catch(() => {});
    const number = await this.#number?.catch(() => undefined);
    if (number !== undefined) this.options.pool.closeSource(number);
    await super.close();
  }

  protected async spread(): Promise<void> {
    const { run } = this;
    const { length } = this.#source;
    const turns = new Turns();
    let step = PIECE_LENGTH;
    if (length > step) {
      // What fits one piece is not worth a word to the workers.
      this.#number = watched(this.options.pool.openSource(this.#source, this.#windows));
      step = HEADER;
    }
    for (let at = 0; at < length && this.damage === undefined; step = PIECE_LENGTH) {
      await turns.give();
      const begin = run.memory.fileOffset;
      const part = this.#source.subarray(at, at + step);
      run.memory.nextInput.set(part);
      await this.workAlone(part.length);
      at += part.length;
      this.#seen(at);
      // At the end what is left over is damage; a block that is longer than the step needs more of the same.
      if (at === length || !run.onlyRecordsExpected || run.memory.fileOffset === begin) continue;
      run.memory.takeRest();
      at = await this.#handOut(run.memory.fileOffset, turns);
      run.memory.skip(at - run.memory.fileOffset);
    }
  }

  /** Hands pieces out from `from` on, where a record begins; resolves with where this thread is to go on. */
  async #handOut(from: number, turns: Turns): Promise<number> {
    const { kernels, signal } = this.options;
    const { length } = this.#source;
    const number = await untilAborted(this.#number, signal);
    const first = this.#link(this.#handedOut);
    clearLink(kernels, first);
    writeLink(kernels, first, LINK_FIRST);
    let irregular: number | undefined;
    for (let at = from; ; ) {
      for (; irregular === undefined && at < length && this.#free.length > 0; at += PIECE_LENGTH)
        this.#begin(number as number, at, Math.min(PIECE_LENGTH, length - at));
      const [piece] = this.#pieces;
      if (piece === undefined) return irregular ?? length;
      const outcome = await this.#outcome(piece, signal);
      if (typeof outcome === "object") {
        await this.take(outcome);
        this.#seen(piece.offset + piece.length);
      } else irregular ??= outcome;
      piece.slot.resetCounters();
      this.#pieces.shift();
      this.#free.push(piece.slot);
      if (this.damage !== undefined) return length;
      await turns.give();
    }
  }

  #begin(source: number, offset: number, length: number): void {
    const { kernels, pool } = this.options;
    const slot = this.#free.at(-1) as CaptureSlot;
    const link = this.#link(this.#handedOut);
    const next = this.#link(this.#handedOut + 1);
    this.useFormats(slot);
    slot.emptyOutput();
    slot.set(CURSOR_SOURCE, source);
    kernels.view.setBigUint64(slot.cursor + CURSOR_RANGE_OFFSET, BigInt(offset), true);
    slot.set(CURSOR_RANGE_LENGTH, length);
    slot.set(CURSOR_LINK, link);
    slot.set(CURSOR_NEXT_LINK, next);
    clearLink(kernels, next);
    const job = pool.beginJob(slot.cursor, link);
    this.#pieces.push({ slot, job, offset, length });
    this.#free.pop();
    this.#handedOut++;
  }

  /**
   * What came of the piece; or, if it was not to be touched, where there is more than records. Of all such pieces
   * behind each other the first one knows.
   */
  async #outcome({ slot, job, offset }: Piece, signal?: AbortSignal): Promise<Outcome | number> {
    const { kernels, pool } = this.options;
    const next = slot.get(CURSOR_NEXT_LINK);
    const untouched = (): number | undefined =>
      readLink(kernels, next) === LINK_STOP
        ? offset + readLink(kernels, slot.get(CURSOR_LINK)) - LINK_FIRST
        : undefined;
    try {
      await pool.endOfJob(job, signal);
    } catch (error) {
      if (job.outcome === undefined) throw error;
      // The pieces behind wait for it.
      if (readLink(kernels, next) === LINK_OPEN) this.#linkOn(slot);
      const lost = this.lost(error, slot.get(CURSOR_SCANNED));
      return untouched() ?? lost;
    }
    return untouched() ?? this.outcomeOf(slot, job.worker, slot.get(CURSOR_RANGE), offset);
  }

  /** Does what a worker did not come to do: finds the records of its piece, which are lost, for those behind. */
  #linkOn(slot: CaptureSlot): void {
    const { kernels } = this.options;
    if (readLink(kernels, slot.get(CURSOR_LINK)) === LINK_OPEN) {
      // Not even begun, and nobody will: there are no workers any more.
      writeLink(kernels, slot.get(CURSOR_NEXT_LINK), LINK_STOP);
      return;
    }
    // Nobody uses the run's memory as long as pieces are under way.
    copyPiece(kernels, this.#source, slot.cursor, this.run.memory.nextInput.byteOffset);
    scanPiece(kernels, this.#source, slot.cursor);
  }

  #link(piece: number): number {
    return this.#links + (piece % (this.slots.length + 1)) * LINK_LENGTH;
  }

  #seen(to: number): void {
    if (to <= this.bytesRead) return;
    this.bytesRead = to;
    this.progress();
  }
}
