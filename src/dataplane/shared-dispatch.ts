// A capture that lies in memory which workers see themselves: they copy it and find its records, this thread hands
// out ranges of it and writes what comes of them.
//
// Pieces are cut by offset, and linked: each worker tells the next where its first record is (shared-piece.ts). When
// one finds more than records, nothing behind it is touched; this thread works past it alone, and hands out again.
// Workers take pieces in the order of the file, so the first that waits for a seam waits for a piece that is in work.

import type { CaptureSlot } from "../capture/capture-slot.ts";
import type { LentOutput } from "../capture/lending.ts";
import { boardLength, doneBy, leftBy, putUp, takeDown } from "../capture/piece-board.ts";
import {
  clearSeam,
  copyPiece,
  PIECE_LENGTH,
  readSeam,
  scanPiece,
  WINDOW_LENGTH,
  writeSeam,
} from "../capture/shared-piece.ts";
import type { SharedSource } from "../capture/shared-source.ts";
import {
  BOARD_CLAIMED,
  BOARD_HANDED_OUT,
  BOARD_LOW,
  BOARD_PEG_COUNT,
  SEAM_FIRST,
  SEAM_LENGTH,
  SEAM_OPEN,
  SEAM_STOP,
} from "../layout/board.layout.ts";
import {
  CURSOR_NEXT_SEAM,
  CURSOR_RANGE,
  CURSOR_RANGE_LENGTH,
  CURSOR_RANGE_OFFSET,
  CURSOR_SCANNED,
  CURSOR_SEAM,
} from "../layout/cursor.layout.ts";
import { Turns } from "../platform/turns.ts";
import type { PooledSource } from "../threads/pooled.ts";
import type { WorkerDiedError } from "../threads/worker-died-error.ts";
import { CaptureDispatch, type DispatchOptions, type Outcome } from "./capture-dispatch.ts";

/** A header is worked on here: how much of a capture is looked at for it. */
const HEADER = 4096;
/** Pieces put up for each worker: one to work on, and one to go on with. */
const AHEAD = 2;
/** Pieces beyond those, which keep workers busy while this thread wakes up: that takes as long as a tenth of a piece. */
const BATCH = 2;

/** A piece under way. */
interface Piece {
  readonly number: number;
  readonly slot: CaptureSlot;
  readonly offset: number;
  readonly length: number;
  /** Set if its worker has died over it. */
  died: WorkerDiedError | undefined;
}

export class SharedDispatch extends CaptureDispatch implements PooledSource {
  readonly #source: Uint8Array;
  readonly #windows: readonly number[];
  readonly #seams: number;
  readonly #board: number;
  /** The number by which the pool knows the source, once it does. */
  #opened: number | undefined;
  /** Pieces under way, in the order of the file. */
  readonly #pieces: Piece[] = [];
  readonly #free: CaptureSlot[];
  /** Pieces handed out so far. */
  #handedOut = 0;
  readonly #abort = (): void => this.options.pool.lookAgain();

  constructor(source: Uint8Array, output: LentOutput, options: DispatchOptions) {
    super(output, options, AHEAD * options.workers + BATCH, "none");
    const { words } = options.kernels;
    // Whatever becomes of the array, if its buffer can grow.
    this.#source = source.subarray(0, source.length);
    this.#free = [...this.slots];
    // One more than there are slots: the seam behind the newest piece must not be one that the oldest still reads.
    const pegs = this.slots.length + 1;
    try {
      this.#seams = this.reserve("seams between pieces", pegs * SEAM_LENGTH);
      // The last one is this thread's.
      this.#windows = Array.from({ length: options.workers + 1 }, () =>
        this.reserve("a window on a capture", WINDOW_LENGTH),
      );
      // Last: it is not given back with everything else, see close().
      this.#board = options.kernels.plan.reserve("a board of pieces", boardLength(pegs), "any");
    } catch (error) {
      throw this.undo.because(error);
    }
    for (const field of [BOARD_HANDED_OUT, BOARD_CLAIMED]) words[(this.#board + field) >>> 2] = 0;
    // One worker may find none open until this thread has woken up. Told a piece sooner, it would be woken for fewer at a
    // time, on a core that a worker could use.
    words[(this.#board + BOARD_LOW) >>> 2] = Math.max(1, options.workers - 1);
    words[(this.#board + BOARD_PEG_COUNT) >>> 2] = pegs;
    options.signal?.addEventListener("abort", this.#abort, { once: true });
  }

  override async close(): Promise<void> {
    const { kernels, pool, signal } = this.options;
    signal?.removeEventListener("abort", this.#abort);
    for (const piece of this.#pieces) {
      const { slot, number } = piece;
      const ended = (): true | undefined =>
        takeDown(kernels, this.#board, number) ||
        piece.died !== undefined ||
        doneBy(kernels, this.#board, number) > 0
          ? true
          : undefined;
      await pool.until(ended).catch(() => {});
      // Whoever has the one behind is to let go of it.
      const next = slot.get(CURSOR_NEXT_SEAM);
      if (readSeam(kernels, next) === SEAM_OPEN) writeSeam(kernels, next, SEAM_STOP);
    }
    const release = (): void => kernels.plan.release(this.#board);
    // Workers that have nothing to do still look at the board. Nobody waits until they have read that it is closed.
    if (this.#opened === undefined) release();
    else void pool.closeSource(this.#opened).then(release);
    await super.close();
  }

  /** For the pool: what is told to a worker. */
  of(index: number): SharedSource {
    const window = this.#windows[index] as number;
    return { bytes: this.#source, window, board: this.#board, worker: index + 1 };
  }

  /** For the pool: a worker has ended. */
  recover(index: number, error: WorkerDiedError): void {
    const { kernels, pool } = this.options;
    for (const piece of this.#pieces)
      if (leftBy(kernels, this.#board, piece.number, index + 1)) piece.died = error;
    pool.wake();
  }

  protected async spread(): Promise<void> {
    const { run } = this;
    const { length } = this.#source;
    const turns = new Turns();
    let step = PIECE_LENGTH;
    // What fits one piece is not worth a word to the workers.
    if (length > step) {
      this.#opened = this.options.pool.openSource(this);
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
    const { kernels, pool } = this.options;
    const { length } = this.#source;
    const first = this.#seam(this.#handedOut);
    clearSeam(kernels, first);
    writeSeam(kernels, first, SEAM_FIRST);
    let irregular: number | undefined;
    for (let at = from; ; ) {
      let wanted = false;
      for (; irregular === undefined && at < length && this.#free.length > 0; at += PIECE_LENGTH)
        wanted = this.#begin(at, Math.min(PIECE_LENGTH, length - at)) || wanted;
      if (wanted) pool.wake();
      const [piece] = this.#pieces;
      if (piece === undefined) return irregular ?? length;
      const outcome = this.#outcome(
        piece,
        this.#ended(piece) ?? (await pool.until(() => this.#ended(piece))),
      );
      if (typeof outcome === "object") {
        await this.take(outcome);
        this.#seen(piece.offset + piece.length);
      } else irregular ??= outcome;
      piece.slot.forgetCounts();
      this.#pieces.shift();
      this.#free.push(piece.slot);
      if (this.damage !== undefined) return length;
      if (turns.due) await turns.give();
    }
  }

  /** True if workers may wait for it. */
  #begin(offset: number, length: number): boolean {
    const { kernels } = this.options;
    const slot = this.#free.pop() as CaptureSlot;
    const number = this.#handedOut++;
    const next = this.#seam(this.#handedOut);
    this.useFormats(slot);
    slot.emptyOutput();
    kernels.view.setBigUint64(slot.cursor + CURSOR_RANGE_OFFSET, BigInt(offset), true);
    slot.set(CURSOR_RANGE_LENGTH, length);
    slot.set(CURSOR_SEAM, this.#seam(number));
    slot.set(CURSOR_NEXT_SEAM, next);
    clearSeam(kernels, next);
    this.#pieces.push({ number, slot, offset, length, died: undefined });
    return putUp(kernels, this.#board, number, slot.cursor);
  }

  /** The worker that is done with the piece, counted from 1, or why none will be; undefined as long as it is open. */
  #ended(piece: Piece): number | WorkerDiedError | undefined {
    const { kernels, pool, signal } = this.options;
    signal?.throwIfAborted();
    return doneBy(kernels, this.#board, piece.number) || (piece.died ?? pool.failure);
  }

  /**
   * What came of the piece; or, if it was not to be touched, where there is more than records. Of all such pieces
   * behind each other the first one knows.
   */
  #outcome(piece: Piece, by: number | WorkerDiedError): Outcome | number {
    const { kernels, pool } = this.options;
    const { slot, offset } = piece;
    const next = slot.get(CURSOR_NEXT_SEAM);
    if (typeof by === "object") {
      if (pool.failure !== undefined) throw pool.failure;
      // The pieces behind wait for it.
      if (readSeam(kernels, next) === SEAM_OPEN) this.#linkOn(slot);
    }
    if (readSeam(kernels, next) === SEAM_STOP)
      return offset + readSeam(kernels, slot.get(CURSOR_SEAM)) - SEAM_FIRST;
    if (typeof by === "object") return this.lost(by, slot.get(CURSOR_SCANNED));
    return this.outcomeOf(slot, by - 1, slot.get(CURSOR_RANGE), offset, (at) => this.#source.subarray(at));
  }

  /** Does what a worker did not come to do: finds the records of its piece, which are lost, for those behind. */
  #linkOn(slot: CaptureSlot): void {
    const { kernels } = this.options;
    copyPiece(kernels, this.#source, slot.cursor, this.#windows.at(-1) as number);
    scanPiece(kernels, this.#source, slot.cursor);
  }

  #seam(piece: number): number {
    return this.#seams + (piece % (this.slots.length + 1)) * SEAM_LENGTH;
  }

  #seen(to: number): void {
    if (to <= this.bytesRead) return;
    this.bytesRead = to;
    this.progress();
  }
}
