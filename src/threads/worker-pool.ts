// The workers of a dataplane: started together, given lanes and jobs, replaced when they die, ended together.

import * as Comlink from "comlink";
import { untilAborted } from "../core/abort.ts";
import { closed } from "../core/arguments.ts";
import { inTime, OPEN_MILLISECONDS } from "../core/in-time.ts";
import { Undo } from "../core/undo.ts";
import { WorkerLateError } from "../core/worker-late-error.ts";
import type { Kernels } from "../kernel/kernels.ts";
import type { TransferJob, TransferResult } from "../lane/lane-job.ts";
import { DOORBELL_LENGTH } from "../layout/ring.layout.ts";
import type { PreparedStage } from "../pipeline/program.ts";
import { hardwareThreads, type WorkerLike } from "../platform/threads.ts";
import { SharedBell } from "../ring/bell.ts";
import { ringIfAsleep } from "../ring/doorbell.ts";
import type { CaptureJob, PooledLane, PooledSource } from "./pooled.ts";
import { Seat } from "./seat.ts";
import { StuckWatch } from "./stuck-watch.ts";
import { WorkerDiedError } from "./worker-died-error.ts";
import { WorkerHandle } from "./worker-handle.ts";
import type { WorkerHealth } from "./worker-health.ts";
import { WorkerScripts } from "./worker-scripts.ts";

export interface WorkerPoolOptions {
  readonly workers: number;
  readonly shared: boolean;
  /** Bytes of memory for each worker, where it is not shared. */
  readonly memoryBytes: number;
  readonly spawn: () => WorkerLike;
  readonly onWorkerDied: (error: WorkerDiedError) => void;
  /** Called when workers have been halted, so that nothing is worked on, and when they have been started again. */
  readonly onChange: () => void;
  /** A worker that has work and does not come on for so many milliseconds is stuck; 0: none is. */
  readonly stuckMs: number | undefined;
}

/** A worker without shared memory is known by its answers only: it has so many times as long to come on. With 2 it took 106 ms. */
const WITHOUT_MEMORY = 1.75;

export class WorkerPool {
  readonly #kernels: Kernels;
  readonly #options: WorkerPoolOptions;
  readonly #seats: Seat[] = [];
  readonly #doorbell: number;
  readonly #bell: SharedBell | undefined;
  readonly #undo: Undo = new Undo();
  #lanes = 0;
  readonly #scripts: WorkerScripts = new WorkerScripts((script) =>
    Promise.all(this.#seats.map((seat) => this.#loadIn(seat, script))),
  );
  readonly #sources: Map<number, PooledSource> = new Map();
  #lastSource = 0;
  #closing: Promise<void> | undefined;
  #failure: WorkerDiedError | undefined;
  #deaths = 0;
  #lastDeath: WorkerDiedError | undefined;
  /** Each ends a pause before a worker is started. */
  readonly #pauses: Set<() => void> = new Set();

  /** Starts all workers and waits until they are ready. */
  static async start(
    kernels: Kernels,
    options: WorkerPoolOptions,
    signal?: AbortSignal,
  ): Promise<WorkerPool> {
    const pool = new WorkerPool(kernels, options);
    try {
      for (let index = 0; index < options.workers; index++) pool.#seats.push(pool.#createSeat(index));
      await untilAborted(Promise.all(pool.#seats.map((seat) => pool.#start(seat))), signal);
      pool.#watch();
      return pool;
    } catch (error) {
      await pool.close();
      throw error;
    }
  }

  private constructor(kernels: Kernels, options: WorkerPoolOptions) {
    this.#kernels = kernels;
    this.#options = options;
    const { plan } = kernels;
    const reserve = (): number => plan.reserve("a pool's doorbell", DOORBELL_LENGTH);
    this.#doorbell = options.shared ? this.#undo.with(reserve(), (address) => plan.release(address)) : 0;
    this.#bell = options.shared ? new SharedBell(kernels, this.#doorbell) : undefined;
  }

  /** Set while none is started any more, until `restart`. */
  get failure(): WorkerDiedError | undefined {
    return this.#failure;
  }

  get health(): WorkerHealth {
    return { state: this.#state, deaths: this.#deaths, lastDeath: this.#failure ?? this.#lastDeath };
  }

  /** Starts a worker at once wherever there is none; resolves when all are at work. */
  async restart(): Promise<void> {
    if (this.#closing !== undefined) throw closed("dataplane");
    for (const seat of this.#seats) {
      seat.deaths.forget();
      if (!seat.isLeft) continue;
      seat.isLeft = false;
      seat.ready = this.#replace(seat, this.#lastDeath as WorkerDiedError, 0);
    }
    if (this.#failure !== undefined) {
      this.#failure = undefined;
      this.#options.onChange();
    }
    for (const end of this.#pauses) end();
    await Promise.all(this.#seats.map((seat) => seat.settled()));
    if (this.#closing !== undefined) throw closed("dataplane");
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Resolves when all workers have loaded these scripts of stages; those that are started later load them first. */
  async load(scripts: readonly string[]): Promise<void> {
    if (!(await inTime(this.#scripts.load(scripts), OPEN_MILLISECONDS)))
      throw new WorkerLateError(0, OPEN_MILLISECONDS);
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Where worker `index` sleeps. */
  doorbellOf(index: number): number {
    return this.#seat(index).doorbell;
  }

  /** The number of a new lane; it is to be closed, whether it comes to be open or not. */
  addLane(index: number, lane: PooledLane): number {
    const id = this.#lanes++;
    this.#seat(index).lanes.set(id, lane);
    return id;
  }

  /** Resolves when the worker knows the lane. */
  async openLane(index: number, id: number): Promise<void> {
    const seat = this.#seat(index);
    if (!(await inTime(this.#tellOfLane(seat, id), OPEN_MILLISECONDS)))
      throw new WorkerLateError(index, OPEN_MILLISECONDS);
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Resolves when no worker touches the lane any more. */
  async closeLane(index: number, id: number): Promise<void> {
    const seat = this.#seat(index);
    const { handle } = seat;
    seat.lanes.delete(id);
    await handle.call("closeLane", id).catch(() => handle.ended);
  }

  /** Has worker `index` put a stage in the place of another, between two bursts; resolves when it is there. */
  replaceStage(index: number, stage: PreparedStage): Promise<void> {
    return this.#seat(index).replaceStage(stage);
  }

  /**
   * Makes a capture known to all workers, and returns the number to close it by. What workers are to find when they come
   * to know it must be there.
   */
  openSource(source: PooledSource): number {
    const id = ++this.#lastSource;
    this.#sources.set(id, source);
    for (const seat of this.#seats) void this.#openSource(seat, id, source);
    return id;
  }

  /**
   * Lets workers forget the source, for which there must be nothing to do any more; resolves when none looks for it.
   * None is woken for that.
   */
  async closeSource(id: number): Promise<void> {
    this.#sources.delete(id);
    const closed = this.#seats.map(({ handle }) =>
      handle.callLater("closeSource", id).catch(() => handle.ended),
    );
    await Promise.all(closed);
  }

  /** Wakes workers that sleep: there is something to do. */
  wake(): void {
    for (const { doorbell } of this.#seats) ringIfAsleep(this.#kernels, doorbell);
  }

  /** Looks again, until `look` finds something, whenever a worker may have done something or has died. */
  async until<T>(look: () => T | undefined): Promise<T> {
    return look() ?? (await (this.#bell as SharedBell).until(look));
  }

  /** Lets all who wait in `until` look again. */
  lookAgain(): void {
    this.#bell?.ring();
  }

  /** Gives the worker with the least to do a job. */
  beginJob(cursor: number): CaptureJob {
    if (this.#failure !== undefined) throw this.#failure;
    return this.#leastLoaded().begin(cursor);
  }

  /** Resolves when the job has been done; rejects with a WorkerDiedError if it will not be. */
  async endOfJob(job: CaptureJob): Promise<void> {
    const outcome = await this.until(() => {
      if (job.outcome === undefined) this.#collect();
      return job.outcome;
    });
    if (outcome instanceof WorkerDiedError) throw outcome;
  }

  /** Has bytes worked on where memory is not shared; by worker `index`, or by the one with the least to do. */
  async transferJob(job: TransferJob, index?: number): Promise<TransferResult & { worker: number }> {
    const seat = index === undefined ? this.#leastLoaded() : this.#seat(index);
    seat.load++;
    try {
      await seat.settled();
      if (this.#failure !== undefined) throw this.#failure;
      const { handle } = seat;
      try {
        const result = await handle.call("work", Comlink.transfer(job, [job.bytes.buffer]));
        return { ...result, worker: seat.index };
      } catch (error) {
        if (error instanceof WorkerDiedError) throw error;
        // Who knows what state it is in.
        const reason = error instanceof Error ? error.message : String(error);
        handle.die(reason);
        throw new WorkerDiedError(seat.index, reason);
      }
    } finally {
      seat.load--;
    }
  }

  /** Resolves when all workers have ended, or at the latest when that has had its time: they touch nothing but this memory. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const ended = this.#seats.map(({ handle }) => handle.end());
    for (const end of this.#pauses) end();
    await inTime(Promise.all([...ended, ...this.#seats.map(({ ready }) => ready)]));
    for (const seat of this.#seats) {
      const error = new WorkerDiedError(seat.index, "the dataplane was closed");
      seat.giveUp(error);
      for (const source of this.#sources.values()) source.recover(seat.index, error);
    }
    this.#bell?.ring();
    this.#bell?.close("dataplane");
    for (const seat of this.#seats) seat.close();
    this.#undo.all();
  }

  get #state(): WorkerHealth["state"] {
    if (this.#closing !== undefined) return "closed";
    if (this.#failure !== undefined) return "halted";
    return this.#seats.every(({ isAtWork }) => isAtWork) ? "running" : "recovering";
  }

  #watch(): void {
    const { stuckMs, shared } = this.#options;
    if (stuckMs === 0) return;
    this.#undo.closes(new StuckWatch(() => this.#seats, stuckMs, shared ? 1 : WITHOUT_MEMORY));
  }

  #createSeat(index: number): Seat {
    const { shared } = this.#options;
    const spawn = (doorbell: number): WorkerHandle => this.#spawn(index, doorbell);
    return new Seat(this.#kernels, { index, shared, owner: this.#doorbell, spawn });
  }

  #spawn(index: number, doorbell: number): WorkerHandle {
    return new WorkerHandle(index, this.#options.spawn(), this.#kernels, doorbell);
  }

  /** Brings the worker at a seat to work. */
  async #start(seat: Seat): Promise<void> {
    const { handle } = seat;
    const { shared, memoryBytes } = this.#options;
    await handle.start({
      module: this.#kernels.module,
      memory: shared ? this.#kernels.memory : undefined,
      memoryBytes,
      doorbell: seat.doorbell,
      ownCore: hardwareThreads() > this.#options.workers,
      jobs: seat.jobs?.address ?? 0,
      jobsDone: seat.jobsDone?.address ?? 0,
      scratch: seat.scratch,
    });
    seat.isAtWork = true;
    if (this.#scripts.all.length > 0) await handle.call("load", this.#scripts.all);
    // Not of copies: what is closed meanwhile must not be opened after that.
    for (const [id, { addresses }] of seat.lanes) await handle.call("openLane", id, addresses);
    for (const [id, source] of this.#sources) await handle.call("openSource", id, source.of(seat.index));
    handle.onDeath = (error) => {
      seat.ready = this.#replace(seat, error, this.#noteDeath(seat, error));
      // It is the caller's own: what it throws must not stay in here.
      queueMicrotask(() => this.#options.onWorkerDied(error));
    };
  }

  /** Counts what the dead worker held, and puts another into its seat after so many milliseconds, if it is to have any. */
  async #replace(seat: Seat, error: WorkerDiedError, pause: number | undefined): Promise<void> {
    let wait = pause;
    let last = seat.deaths.told;
    for (;;) {
      // Until its thread has ended it may still write.
      await seat.handle.ended;
      if (this.#closing !== undefined) return;
      seat.recover(error);
      for (const source of this.#sources.values()) source.recover(seat.index, error);
      this.#bell?.ring();
      if (wait === undefined) break;
      if (wait > 0) await this.#pause(wait);
      if (this.#closing !== undefined) return;
      try {
        seat.handle = this.#spawn(seat.index, seat.doorbell);
        await this.#start(seat);
        return;
      } catch (cause) {
        const reason = cause instanceof Error ? cause.message : String(cause);
        last = `no other could be started: ${reason}`;
        seat.handle.die(reason);
        wait = this.#noteDeath(seat, cause instanceof WorkerDiedError ? cause : error);
      }
    }
    this.#halt(seat, new WorkerDiedError(seat.index, `${error.reason}; and ${last}`, error.stuck));
  }

  /** How many milliseconds to wait before another is started; undefined if none is to be. */
  #noteDeath(seat: Seat, error: WorkerDiedError): number | undefined {
    seat.isAtWork = false;
    this.#deaths++;
    this.#lastDeath = error;
    return seat.deaths.note(performance.now());
  }

  /** Resolves after so many milliseconds, or sooner if that is asked for. */
  #pause(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        this.#pauses.delete(end);
        resolve();
      };
      const timer = setTimeout(end, milliseconds);
      this.#pauses.add(end);
    });
  }

  /** Until `restart` no worker sits here. */
  #halt(seat: Seat, error: WorkerDiedError): void {
    seat.isLeft = true;
    this.#failure ??= error;
    // The others finish what they have.
    seat.giveUp(error);
    for (const lane of seat.lanes.values()) lane.abandon();
    this.#bell?.ring();
    this.#options.onChange();
    queueMicrotask(() => this.#options.onWorkerDied(error));
  }

  async #loadIn(seat: Seat, script: string): Promise<void> {
    await seat.settled();
    await seat.handle.call("load", [script]).catch((error: unknown) => {
      if (!(error instanceof WorkerDiedError)) throw error;
      // Another one in its seat loads it before anything else.
      return seat.settled();
    });
  }

  /** A worker that is being started gets all lanes there are; one that dies meanwhile is replaced. */
  async #tellOfLane(seat: Seat, id: number): Promise<void> {
    await seat.settled();
    const lane = seat.lanes.get(id);
    if (lane === undefined) return;
    await seat.handle.call("openLane", id, lane.addresses).catch(() => seat.settled());
  }

  async #openSource(seat: Seat, id: number, source: PooledSource): Promise<void> {
    // A worker that is being started gets all sources there are, and so does one in a dead one's seat.
    await seat.settled();
    if (this.#sources.has(id))
      await seat.handle.call("openSource", id, source.of(seat.index)).catch(() => {});
  }

  #collect(): void {
    for (const seat of this.#seats) seat.collect();
  }

  #leastLoaded(): Seat {
    return this.#seats.reduce((best, seat) => (seat.load < best.load ? seat : best));
  }

  #seat(index: number): Seat {
    return this.#seats[index] as Seat;
  }
}
