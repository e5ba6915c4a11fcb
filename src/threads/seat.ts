// The place of one worker: what it sleeps at, its rings of jobs, its lanes, and who sits there at the moment.

import { Undo } from "../core/undo.ts";
import type { Kernels } from "../kernel/kernels.ts";
import { CURSOR_RECORDS } from "../layout/cursor.layout.ts";
import {
  DOORBELL_ASLEEP,
  DOORBELL_BEAT,
  DOORBELL_CONTROL,
  DOORBELL_LENGTH,
  ITEM_LENGTH,
  RING_HEAD,
  RING_TAIL,
} from "../layout/ring.layout.ts";
import type { PreparedStage } from "../pipeline/program.ts";
import { DescriptorRing } from "../ring/descriptor-ring.ts";
import { ringFill } from "../ring/ring-memory.ts";
import { Deaths } from "./deaths.ts";
import type { CaptureJob, PooledLane } from "./pooled.ts";
import type { Watched } from "./stuck-watch.ts";
import { WorkerDiedError } from "./worker-died-error.ts";
import type { WorkerHandle } from "./worker-handle.ts";

export interface SeatOptions {
  readonly index: number;
  /** Whether workers see this memory. */
  readonly shared: boolean;
  /** Where who waits for jobs is told. */
  readonly owner: number;
  /** Starts the worker that sits here first. */
  readonly spawn: (doorbell: number) => WorkerHandle;
}

/** Jobs that one worker may have in its ring. */
const JOBS = 64;

export class Seat implements Watched {
  readonly index: number;
  /** Addresses of where the worker sleeps, and of a few bytes for itself; 0 where memory is not shared. */
  readonly doorbell: number;
  readonly scratch: number;
  readonly jobs: DescriptorRing | undefined;
  readonly jobsDone: DescriptorRing | undefined;
  readonly lanes: Map<number, PooledLane> = new Map();
  readonly deaths: Deaths = new Deaths();
  handle: WorkerHandle;
  /** Whether the worker here is at work: it has been told all that there is. */
  isAtWork = false;
  /** Resolves when the worker here is at work, or when there will be none. */
  ready: Promise<void> = Promise.resolve();
  /** Set when no other worker is started here. */
  isLeft = false;
  /** Jobs under way, in shared memory or by transfer. */
  load = 0;
  readonly #kernels: Kernels;
  readonly #undo: Undo = new Undo();
  /** Jobs that wait for room in the ring. */
  readonly #waiting: number[] = [];
  /** The jobs that wait, are in the ring or in work, by cursor address. */
  readonly #held: Map<number, CaptureJob> = new Map();

  constructor(kernels: Kernels, { index, shared, owner, spawn }: SeatOptions) {
    this.index = index;
    this.#kernels = kernels;
    const { plan } = kernels;
    const reserve = (purpose: string, length: number): number =>
      shared ? this.#undo.with(plan.reserve(purpose, length), (address) => plan.release(address)) : 0;
    const ring = (consumer: number): DescriptorRing | undefined =>
      shared
        ? this.#undo.closes(DescriptorRing.create(kernels, { capacity: JOBS }, { consumer, producer: 0 }))
        : undefined;
    try {
      this.doorbell = reserve("a worker's doorbell", DOORBELL_LENGTH);
      this.scratch = reserve("a worker's scratch", ITEM_LENGTH);
      this.jobs = ring(this.doorbell);
      this.jobsDone = ring(owner);
      // Last: what cannot be reserved must leave no thread behind.
      this.handle = spawn(this.doorbell);
    } catch (error) {
      throw this.#undo.because(error);
    }
  }

  /** Gives the worker a job. */
  begin(cursor: number): CaptureJob {
    const job: CaptureJob = { cursor, worker: this.index, outcome: undefined };
    this.#held.set(cursor, job);
    this.#waiting.push(cursor);
    this.load++;
    this.#feed();
    return job;
  }

  /** Takes note of the jobs that are done. */
  collect(): void {
    const done = this.jobsDone?.pop(JOBS) ?? [];
    for (const cursor of done) {
      const job = this.#held.get(cursor);
      if (job !== undefined) this.#end(job, "done");
    }
    if (done.length > 0) this.#feed();
  }

  /** Puts everything in order for the next worker, when the thread of the last one has ended. */
  recover(error: WorkerDiedError): void {
    if (this.jobs !== undefined) {
      this.collect();
      // What is still in the ring was not begun: the next worker does it. This thread is the consumer meanwhile.
      const queued = [...this.jobs.pop(JOBS), ...this.#waiting];
      this.#waiting.splice(0, Infinity, ...queued);
      for (const job of [...this.#held.values()]) if (!queued.includes(job.cursor)) this.#end(job, error);
      for (const field of [DOORBELL_ASLEEP, DOORBELL_CONTROL])
        Atomics.store(this.#kernels.signed, (this.doorbell + field) >>> 2, 0);
      this.#feed();
    }
    for (const lane of this.lanes.values()) lane.recover();
  }

  /** Nobody does the jobs that are held here. */
  giveUp(error: WorkerDiedError): void {
    for (const job of [...this.#held.values()]) this.#end(job, error);
    this.#waiting.length = 0;
    this.jobs?.pop(JOBS);
  }

  /** Resolves when there is a worker here that is at work, or when there will never be one again. */
  async settled(): Promise<void> {
    for (let ready: Promise<void> | undefined; ready !== this.ready; ) {
      ready = this.ready;
      await ready;
    }
  }

  /** Has the worker put a stage in the place of another, between two bursts; resolves when it is there. */
  async replaceStage(stage: PreparedStage): Promise<void> {
    await this.settled();
    const { handle } = this;
    try {
      await handle.call("replaceStage", stage.record, stage.place);
    } catch (error) {
      if (!(error instanceof WorkerDiedError)) throw error;
      await handle.ended;
      // Nobody runs the program now: another worker is told of its lanes in a later turn at the earliest.
      stage.put();
    }
  }

  /** For the watch. In shared memory all that the worker writes counts, else its answers. */
  progress(): number | undefined {
    const { handle } = this;
    if (!this.isAtWork || handle.isLoading) return undefined;
    if (this.jobs === undefined) return handle.waits === 0 ? undefined : handle.answers;
    const load = (address: number): number => Atomics.load(this.#kernels.words, address >>> 2);
    let progress = load(this.doorbell + DOORBELL_BEAT);
    let hasWork = handle.waits > 0 || this.#held.size > 0;
    for (const { addresses } of this.lanes.values()) {
      progress += load(addresses.receive + RING_HEAD) + load(addresses.transmit + RING_TAIL);
      hasWork ||= ringFill(this.#kernels, addresses.receive) > 0;
    }
    for (const cursor of this.#held.keys()) progress += load(cursor + CURSOR_RECORDS);
    return hasWork || load(this.doorbell + DOORBELL_ASLEEP) === 0 ? progress : undefined;
  }

  get milliseconds(): number | undefined {
    return this.handle.milliseconds;
  }

  isStuck(milliseconds: number): void {
    this.handle.die(`it has been stuck for ${milliseconds} ms`, true);
  }

  close(): void {
    this.#undo.all();
  }

  #feed(): void {
    const { jobs } = this;
    while (this.#waiting.length > 0 && jobs?.push([this.#waiting[0] as number]) === 1) this.#waiting.shift();
  }

  #end(job: CaptureJob, outcome: "done" | WorkerDiedError): void {
    job.outcome = outcome;
    this.#held.delete(job.cursor);
    this.load--;
  }
}
