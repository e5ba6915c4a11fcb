// The workers of a dataplane: started together, given lanes and jobs, replaced when they die, ended together.

import * as Comlink from "comlink";
import { untilAborted } from "../core/abort.ts";
import type { Kernels } from "../kernel/kernels.ts";
import type { TransferJob, TransferResult } from "../lane/lane-job.ts";
import { DOORBELL_ASLEEP, DOORBELL_CONTROL, DOORBELL_LENGTH, ITEM_LENGTH } from "../layout/ring.layout.ts";
import { hardwareThreads, type WorkerLike } from "../platform/threads.ts";
import { SharedBell } from "../ring/bell.ts";
import { DescriptorRing } from "../ring/descriptor-ring.ts";
import { ringIfAsleep } from "../ring/doorbell.ts";
import type { CaptureJob, PooledLane, PooledSource } from "./pooled.ts";
import { WorkerDiedError } from "./worker-died-error.ts";
import { WorkerHandle } from "./worker-handle.ts";

export interface WorkerPoolOptions {
  readonly workers: number;
  readonly shared: boolean;
  /** Bytes of memory for each worker, where it is not shared. */
  readonly memoryBytes: number;
  readonly spawn: () => WorkerLike;
  readonly onWorkerDied: (error: WorkerDiedError) => void;
  /** Called when a worker could not be replaced: from then on nothing is worked on. */
  readonly onFailure: () => void;
}

interface Seat {
  readonly index: number;
  handle: WorkerHandle;
  /** Resolves when the worker here is at work, or when there will never be one again. */
  ready: Promise<void>;
  readonly doorbell: number;
  readonly scratch: number;
  readonly jobs: DescriptorRing | undefined;
  readonly jobsDone: DescriptorRing | undefined;
  readonly lanes: Map<number, PooledLane>;
  /** Jobs that wait for room in the ring. */
  readonly waiting: number[];
  /** The jobs that wait, are in the ring or in work, by cursor address. */
  readonly held: Map<number, CaptureJob>;
  /** Jobs under way, in shared memory or by transfer. */
  load: number;
}

/** Jobs that one worker may have in its ring. */
const JOBS = 64;
/** A worker that dies this often before it was ready will not do better the next time. */
const FAILURES_MAXIMUM = 3;

export class WorkerPool {
  readonly #kernels: Kernels;
  readonly #options: WorkerPoolOptions;
  readonly #seats: Seat[] = [];
  readonly #doorbell: number;
  readonly #bell: SharedBell | undefined;
  readonly #regions: number[] = [];
  #lanes = 0;
  readonly #sources: Map<number, PooledSource> = new Map();
  #lastSource = 0;
  #closing: Promise<void> | undefined;
  #failure: WorkerDiedError | undefined;

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
      return pool;
    } catch (error) {
      await pool.close();
      throw error;
    }
  }

  private constructor(kernels: Kernels, options: WorkerPoolOptions) {
    this.#kernels = kernels;
    this.#options = options;
    this.#doorbell = options.shared ? this.#reserve("a pool's doorbell", DOORBELL_LENGTH) : 0;
    this.#bell = options.shared ? new SharedBell(kernels, this.#doorbell) : undefined;
  }

  /** Set once no worker can be had any more. */
  get failure(): WorkerDiedError | undefined {
    return this.#failure;
  }

  /** Where worker `index` sleeps. */
  doorbellOf(index: number): number {
    return this.#seat(index).doorbell;
  }

  async openLane(index: number, lane: PooledLane): Promise<number> {
    const id = this.#lanes++;
    const seat = this.#seat(index);
    seat.lanes.set(id, lane);
    // A worker that is being started gets all lanes there are; one that dies meanwhile is replaced.
    await this.#settled(seat);
    await seat.handle.call("openLane", id, lane.addresses).catch(() => this.#settled(seat));
    if (this.#failure === undefined) return id;
    await this.closeLane(index, id);
    throw this.#failure;
  }

  /** Resolves when no worker touches the lane any more. */
  async closeLane(index: number, id: number): Promise<void> {
    const seat = this.#seat(index);
    const { handle } = seat;
    seat.lanes.delete(id);
    await handle.call("closeLane", id).catch(() => handle.ended);
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
    const seat = this.#leastLoaded();
    const job: CaptureJob = { cursor, worker: seat.index, outcome: undefined };
    seat.held.set(cursor, job);
    seat.waiting.push(cursor);
    seat.load++;
    this.#feed(seat);
    return job;
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
      await this.#settled(seat);
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

  /** Resolves when all workers have ended. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.all(this.#seats.map(({ handle }) => handle.end()));
    await Promise.all(this.#seats.map(({ ready }) => ready));
    for (const seat of this.#seats) {
      const error = new WorkerDiedError(seat.index, "the dataplane was closed");
      this.#giveUp(seat, error);
      for (const source of this.#sources.values()) source.recover(seat.index, error);
    }
    this.#bell?.ring();
    this.#bell?.close("dataplane");
    for (const { jobs, jobsDone } of this.#seats) {
      jobs?.close();
      jobsDone?.close();
    }
    for (const region of this.#regions) this.#kernels.plan.release(region);
  }

  #createSeat(index: number): Seat {
    const { shared } = this.#options;
    const kernels = this.#kernels;
    const doorbell = shared ? this.#reserve("a worker's doorbell", DOORBELL_LENGTH) : 0;
    const scratch = shared ? this.#reserve("a worker's scratch", ITEM_LENGTH) : 0;
    const ring = (consumer: number): DescriptorRing | undefined =>
      shared ? DescriptorRing.create(kernels, { capacity: JOBS }, { consumer, producer: 0 }) : undefined;
    const jobs = ring(doorbell);
    const jobsDone = ring(this.#doorbell);
    return {
      index,
      // Last: what cannot be reserved must leave no thread behind.
      handle: this.#spawn(index, doorbell),
      ready: Promise.resolve(),
      doorbell,
      scratch,
      jobs,
      jobsDone,
      lanes: new Map(),
      waiting: [],
      held: new Map(),
      load: 0,
    };
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
    // Not of copies: what is closed meanwhile must not be opened after that.
    for (const [id, { addresses }] of seat.lanes) await handle.call("openLane", id, addresses);
    for (const [id, source] of this.#sources) await handle.call("openSource", id, source.of(seat.index));
    handle.onDeath = (error) => {
      seat.ready = this.#replace(seat, error);
      // It is the caller's own: what it throws must not stay in here.
      queueMicrotask(() => this.#options.onWorkerDied(error));
    };
  }

  /** Counts what the dead worker held, and puts another into its seat. */
  async #replace(seat: Seat, error: WorkerDiedError): Promise<void> {
    let last = "";
    for (let failures = 0; ; failures++) {
      // Until its thread has ended it may still write.
      await seat.handle.ended;
      if (this.#closing !== undefined) return;
      this.#recover(seat, error);
      if (failures === FAILURES_MAXIMUM) break;
      try {
        seat.handle = this.#spawn(seat.index, seat.doorbell);
        await this.#start(seat);
        return;
      } catch (cause) {
        last = cause instanceof Error ? cause.message : String(cause);
        seat.handle.die(last);
      }
    }
    this.#fail(
      seat,
      new WorkerDiedError(seat.index, `${error.reason}; and no other could be started: ${last}`),
    );
  }

  #recover(seat: Seat, error: WorkerDiedError): void {
    const { jobs, doorbell } = seat;
    if (jobs !== undefined) {
      this.#collect();
      // What is still in the ring was not begun: the next worker does it. This thread is the consumer meanwhile.
      const queued = [...jobs.pop(JOBS), ...seat.waiting];
      seat.waiting.splice(0, Infinity, ...queued);
      for (const job of [...seat.held.values()])
        if (!queued.includes(job.cursor)) this.#end(seat, job, error);
      const { signed } = this.#kernels;
      for (const field of [DOORBELL_ASLEEP, DOORBELL_CONTROL])
        Atomics.store(signed, (doorbell + field) >>> 2, 0);
      this.#feed(seat);
    }
    for (const lane of seat.lanes.values()) lane.recover();
    for (const source of this.#sources.values()) source.recover(seat.index, error);
    this.#bell?.ring();
  }

  #fail(seat: Seat, error: WorkerDiedError): void {
    this.#failure ??= error;
    // The others finish what they have.
    this.#giveUp(seat, error);
    for (const lane of seat.lanes.values()) lane.abandon();
    this.#bell?.ring();
    this.#options.onFailure();
    queueMicrotask(() => this.#options.onWorkerDied(error));
  }

  #giveUp(seat: Seat, error: WorkerDiedError): void {
    for (const job of [...seat.held.values()]) this.#end(seat, job, error);
  }

  async #openSource(seat: Seat, id: number, source: PooledSource): Promise<void> {
    // A worker that is being started gets all sources there are, and so does one in a dead one's seat.
    await this.#settled(seat);
    if (this.#sources.has(id))
      await seat.handle.call("openSource", id, source.of(seat.index)).catch(() => {});
  }

  /** Resolves when the seat has a worker that is at work, or when there will never be one again. */
  async #settled(seat: Seat): Promise<void> {
    for (let ready: Promise<void> | undefined; ready !== seat.ready; ) {
      ready = seat.ready;
      await ready;
    }
  }

  #feed({ jobs, waiting }: Seat): void {
    while (waiting.length > 0 && jobs?.push([waiting[0] as number]) === 1) waiting.shift();
  }

  /** Takes note of the jobs that are done. */
  #collect(): void {
    for (const seat of this.#seats) {
      const done = seat.jobsDone?.pop(JOBS) ?? [];
      for (const cursor of done) {
        const job = seat.held.get(cursor);
        if (job !== undefined) this.#end(seat, job, "done");
      }
      if (done.length > 0) this.#feed(seat);
    }
  }

  #end(seat: Seat, job: CaptureJob, outcome: "done" | WorkerDiedError): void {
    job.outcome = outcome;
    seat.held.delete(job.cursor);
    seat.load--;
  }

  #leastLoaded(): Seat {
    return this.#seats.reduce((best, seat) => (seat.load < best.load ? seat : best));
  }

  #seat(index: number): Seat {
    return this.#seats[index] as Seat;
  }

  #reserve(purpose: string, length: number): number {
    const address = this.#kernels.plan.reserve(purpose, length);
    this.#regions.push(address);
    return address;
  }
}
