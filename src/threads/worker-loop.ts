// The life of a worker on shared memory: works through its rings and jobs, looks at its messages when
// there are any, spins for a moment when there is nothing, and then sleeps.

import { beginPiece, claimPiece, cursorAt, finishPiece, runsLow } from "../capture/piece-board.ts";
import { copyPiece, readSeam, scanPiece, waitForSeam } from "../capture/shared-piece.ts";
import type { SharedSource } from "../capture/shared-source.ts";
import type { Kernels } from "../kernel/kernels.ts";
import type { LaneAddresses } from "../lane/lane-job.ts";
import { SEAM_OPEN } from "../layout/board.layout.ts";
import { CURSOR_SEAM } from "../layout/cursor.layout.ts";
import {
  DOORBELL_BEAT,
  DOORBELL_CONTROL,
  DOORBELL_COUNT,
  RING_CONSUMER_DOORBELL,
  RING_PRODUCER_DOORBELL,
} from "../layout/ring.layout.ts";
import { putRecord } from "../pipeline/program.ts";
import { nextTurn } from "../platform/threads.ts";
import { ringIfAsleep } from "../ring/doorbell.ts";
import type { WorkerSetup } from "./protocol.ts";

/** Bursts of one lane before the others get their turn. */
const BURSTS = 16;
/**
 * So soon work must have come again the last time that this thread spins for more instead of sleeping at once. Waking a
 * sleeper takes 12 to 50 µs. But the thread that results were rung for often waits for the core of the one that rang: with
 * spinning each time, results took 50 µs longer to arrive in Chromium (measured).
 */
const SOON_MILLISECONDS = 0.1;
/** So long it spins; and where there are not enough cores, because those who send and take need one of them. */
const SPIN_MILLISECONDS = 0.1;
const SPIN_SHARED_MILLISECONDS = 0.02;
/**
 * However much there is to do, or how little, messages and timers get a turn this often. Browsers end a worker
 * only between two turns (Chromium gives one that does not come to an end two seconds), and its death is to be
 * noticed within 100 ms.
 */
const TURN_MILLISECONDS = 40;

export class WorkerLoop {
  readonly #kernels: Kernels;
  readonly #setup: WorkerSetup;
  readonly #lanes: Map<number, LaneAddresses> = new Map();
  readonly #sources: Map<number, SharedSource> = new Map();
  /** The piece that has been copied, and waits for its seam. */
  #piece: ClaimedPiece | undefined;
  /** Whether pieces are done of which nobody has been told. */
  #untold = false;

  constructor(kernels: Kernels, setup: WorkerSetup) {
    this.#kernels = kernels;
    this.#setup = setup;
  }

  /** Counts off so many of the messages that were announced. */
  messagesRead(count: number): void {
    Atomics.sub(this.#kernels.signed, (this.#setup.doorbell + DOORBELL_CONTROL) >>> 2, count);
  }

  openLane(id: number, lane: LaneAddresses): void {
    this.#lanes.set(id, lane);
  }

  closeLane(id: number): void {
    this.#lanes.delete(id);
  }

  /** Messages are read between two bursts. */
  replaceStage(record: number, place: number): void {
    putRecord(this.#kernels, record, place);
  }

  openSource(id: number, source: SharedSource): void {
    this.#sources.set(id, source);
  }

  closeSource(id: number): void {
    this.#sources.delete(id);
  }

  /** Ends only with its thread. */
  async run(): Promise<never> {
    const { functions, signed } = this.#kernels;
    const { doorbell, ownCore } = this.#setup;
    const longest = ownCore ? SPIN_MILLISECONDS : SPIN_SHARED_MILLISECONDS;
    const control = (doorbell + DOORBELL_CONTROL) >>> 2;
    const rung = (doorbell + DOORBELL_COUNT) >>> 2;
    const beat = (doorbell + DOORBELL_BEAT) >>> 2;
    let beats = 0;
    let busy = false;
    let spin = longest;
    let now = performance.now();
    let turn = now;
    let idle = now;
    for (;;) {
      // A thread that is stuck is known by that it stops to count.
      Atomics.store(signed, beat, ++beats | 0);
      // Work before messages: who wakes this thread for a frame waits for it.
      if (this.#workOnce()) {
        if (!busy) spin = now - idle < SOON_MILLISECONDS ? longest : 0;
        busy = true;
      } else if (busy) {
        busy = false;
        idle = now;
      }
      now = performance.now();
      if (Atomics.load(signed, control) > 0 || now - turn >= TURN_MILLISECONDS) {
        await nextTurn();
        turn = now = performance.now();
      }
      // Who waits for a seam will soon go on.
      if (!busy && this.#piece === undefined) this.#tell();
      if (busy || now - idle < spin) continue;
      this.#tell();
      // How to fall asleep and miss nothing (ring.layout.ts says why the order holds):
      //   1. read how often the doorbell has been rung
      //   2. say that this thread sleeps: from now on whoever has something for it rings
      //   3. look at everything once; a lane that finds no room for its results says so in its cursor
      //   4. look again: room that was made before 3 had said so would wake nobody
      //   5. sleep, unless the doorbell has been rung since 1
      const count = Atomics.load(signed, rung);
      functions.sayAsleep(doorbell, 1);
      let looks = 0;
      for (; looks < 2 && !this.#workOnce(); looks++) functions.sayAsleep(doorbell, 0);
      if (looks < 2) busy = true;
      else if (Atomics.load(signed, control) === 0) functions.sleep(doorbell, count, TURN_MILLISECONDS);
      functions.sayAsleep(doorbell, -1);
      now = performance.now();
    }
  }

  /**
   * One turn over all lanes and jobs; false if there was nothing to do.
   * @throws StageError if a stage of the user's own has failed, when all is told that was done: this thread ends of it.
   */
  #workOnce(): boolean {
    const worked = this.#workThrough();
    this.#kernels.checkStages();
    return worked;
  }

  #workThrough(): boolean {
    const { functions, words } = this.#kernels;
    let worked = false;
    for (const { cursor, receive, transmit } of this.#lanes.values()) {
      if (functions.runRings(cursor, receive, transmit, BURSTS) === 0) continue;
      worked = true;
      // Who takes the results and who waits for room may be one.
      const taking = words[(transmit + RING_CONSUMER_DOORBELL) >>> 2] as number;
      const sending = words[(receive + RING_PRODUCER_DOORBELL) >>> 2] as number;
      ringIfAsleep(this.#kernels, taking);
      if (sending !== taking) ringIfAsleep(this.#kernels, sending);
    }
    const { jobs, jobsDone, scratch } = this.#setup;
    while (functions.ringPop(jobs, scratch, 1) === 1) {
      worked = true;
      functions.runCapture(words[scratch >>> 2] as number);
      // As many places as jobs can be under way: there is always one.
      functions.ringPush(jobsDone, scratch, 1);
      ringIfAsleep(this.#kernels, words[(jobsDone + RING_CONSUMER_DOORBELL) >>> 2] as number);
    }
    // One at a time: lanes and messages wait meanwhile.
    return this.#runPiece() || worked;
  }

  /** Works on the next piece of a capture; false if there is none, or if it cannot begin yet. */
  #runPiece(): boolean {
    const kernels = this.#kernels;
    this.#piece ??= this.#claim();
    if (this.#piece === undefined) return false;
    const { source, place, cursor } = this.#piece;
    if (readSeam(kernels, kernels.words[(cursor + CURSOR_SEAM) >>> 2] as number) === SEAM_OPEN) return false;
    this.#piece = undefined;
    beginPiece(kernels, place, source.worker);
    if (scanPiece(kernels, source.bytes, cursor)) kernels.functions.runCapture(cursor);
    finishPiece(kernels, place, source.worker);
    this.#untold = true;
    // As long as there is more to do nobody is told piece by piece: that wakes a thread which may have no core.
    if (runsLow(kernels, source.board)) this.#tell();
    return true;
  }

  /** Takes the next piece of any source, and copies it while its seam may still be open. */
  #claim(): ClaimedPiece | undefined {
    for (const source of this.#sources.values()) {
      const place = claimPiece(this.#kernels, source.board, source.worker);
      if (place === 0) continue;
      const cursor = cursorAt(this.#kernels, place);
      waitForSeam(
        this.#kernels,
        this.#kernels.words[(cursor + CURSOR_SEAM) >>> 2] as number,
        this.#setup.doorbell,
      );
      copyPiece(this.#kernels, source.bytes, cursor, source.window);
      return { source, place, cursor };
    }
    return undefined;
  }

  /** Wakes who waits for pieces that are done. */
  #tell(): void {
    if (!this.#untold) return;
    this.#untold = false;
    const { jobsDone } = this.#setup;
    ringIfAsleep(this.#kernels, this.#kernels.words[(jobsDone + RING_CONSUMER_DOORBELL) >>> 2] as number);
  }
}

interface ClaimedPiece {
  readonly source: SharedSource;
  /** Addresses: of its place on the board, and of its cursor. */
  readonly place: number;
  readonly cursor: number;
}
