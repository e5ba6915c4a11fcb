// The workers of a dataplane: started together, given lanes and jobs, replaced when they die, ended together.

import * as Comlink from "comlink";
import type { Kernels } from "../kernel/kernels.ts";
import {
  DOORBELL_LENGTH,
  ITEM_LENGTH,
  RING_HEAD,
  RING_HEAD_COPY,
  RING_TAIL,
  RING_TAIL_COPY,
} from "../layout/ring.layout.ts";
import type { WorkerLike } from "../platform/threads.ts";
import { DescriptorRing } from "../ring/descriptor-ring.ts";
import { Listener, ringAlways } from "../ring/doorbell.ts";
import type { LaneAddresses, TransferJob, TransferResult } from "./protocol.ts";
import { WorkerDiedError } from "./worker-died-error.ts";
import { WorkerHandle } from "./worker-handle.ts";

export interface WorkerPoolOptions {
  readonly workers: number;
  readonly shared: boolean;
  /** Bytes of memory for each worker, where it is not shared. */
  readonly memoryBytes: number;
  readonly spawn: () => WorkerLike;
  readonly onWorkerDied: (error: WorkerDiedError) => void;
}

/** A lane as the pool knows it. */
export interface PooledLane {
  readonly addresses: LaneAddresses;
  /** Called after the worker that had it died, before another gets it. */
  recover(): void;
}

interface Place {
  handle: WorkerHandle;
  readonly doorbell: number;
  readonly scratch: number;
  readonly jobs: DescriptorRing | undefined;
  readonly jobsDone: DescriptorRing | undefined;
  readonly lanes: Map<number, PooledLane>;
  /** Jobs that it holds, by cursor address. */
  readonly held: Map<number, { done: () => void; died: (error: WorkerDiedError) => void }>;
  /** Jobs under way, in shared memory or by transfer. */
  load: number;
  /** How often in a row a worker died here before it was ready. */
  failures: number;
}

/** Jobs that one worker may have under way. */
const JOBS = 64;
/** A worker that dies this often before it was ever ready will not do better the next time. */
const FAILURES_MAXIMUM = 3;
const LISTEN_MILLISECONDS = 1000;

export class WorkerPool {
  readonly #kernels: Kernels;
  readonly #options: WorkerPoolOptions;
  readonly #places: Place[] = [];
  readonly #doorbell: number;
  readonly #regions: number[] = [];
  #lanes = 0;
  #listening = false;
  #closed = false;
  /** Set once no worker can be had any more. */
  failure: WorkerDiedError | undefined;

  /** Starts all workers and waits until they are ready. */
  static async start(kernels: Kernels, options: WorkerPoolOptions): Promise<WorkerPool> {
    const pool = new WorkerPool(kernels, options);
    try {
      for (let index = 0; index < options.workers; index++) pool.#places.push(pool.#createPlace(index));
      await Promise.all(pool.#places.map((place) => pool.#ready(place)));
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
  }

  /** Where worker `index` sleeps. */
  doorbellOf(index: number): number {
    return this.#place(index).doorbell;
  }

  async openLane(index: number, lane: PooledLane): Promise<number> {
    const id = this.#lanes++;
    const place = this.#place(index);
    place.lanes.set(id, lane);
    try {
      await place.handle.call("openLane", id, lane.addresses);
    } catch (error) {
      // A worker that died meanwhile is replaced, and the replacement gets all lanes.
      if (!(error instanceof WorkerDiedError) || this.failure !== undefined) throw error;
    }
    return id;
  }

  async closeLane(index: number, id: number): Promise<void> {
    const place = this.#place(index);
    place.lanes.delete(id);
    if (!this.#closed) await place.handle.call("closeLane", id).catch(() => {});
  }

  /** Runs the capture kernel on a cursor in shared memory; resolves with the number of the worker that did. */
  async runJob(cursor: number): Promise<number> {
    const index = this.#leastLoaded();
    const place = this.#place(index);
    if (this.failure !== undefined) throw this.failure;
    const outcome = new Promise<void>((done, died) => place.held.set(cursor, { done, died }));
    if (place.jobs?.push([cursor]) !== 1) throw new RangeError(`jobs: worker ${index} has ${JOBS} already`);
    place.load++;
    this.#listen();
    try {
      await outcome;
      return index;
    } finally {
      place.load--;
    }
  }

  /** Has bytes worked on where memory is not shared; by worker `index`, or by the one with the least to do. */
  async transferJob(
    job: TransferJob,
    index: number = this.#leastLoaded(),
  ): Promise<TransferResult & { worker: number }> {
    const place = this.#place(index);
    place.load++;
    try {
      const result = await place.handle.call("work", Comlink.transfer(job, [job.bytes.buffer]));
      return { ...result, worker: index };
    } finally {
      place.load--;
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#doorbell !== 0) ringAlways(this.#kernels, this.#doorbell);
    await Promise.all(this.#places.map(({ handle }) => handle.end()));
    for (const { held, handle, jobs, jobsDone } of this.#places) {
      for (const { died } of held.values())
        died(new WorkerDiedError(handle.index, "the dataplane was closed"));
      held.clear();
      jobs?.close();
      jobsDone?.close();
    }
    for (const region of this.#regions) this.#kernels.plan.release(region);
  }

  #createPlace(index: number): Place {
    const { shared } = this.#options;
    const doorbell = shared ? this.#reserve("a worker's doorbell", DOORBELL_LENGTH) : 0;
    const place: Place = {
      handle: this.#spawn(index, doorbell),
      doorbell,
      scratch: shared ? this.#reserve("a worker's scratch", ITEM_LENGTH) : 0,
      jobs: shared ? DescriptorRing.create(this.#kernels, { capacity: JOBS, consumer: doorbell }) : undefined,
      jobsDone: shared
        ? DescriptorRing.create(this.#kernels, { capacity: JOBS, consumer: this.#doorbell })
        : undefined,
      lanes: new Map(),
      held: new Map(),
      load: 0,
      failures: 0,
    };
    return place;
  }

  #spawn(index: number, doorbell: number): WorkerHandle {
    return new WorkerHandle(index, this.#options.spawn(), this.#kernels, doorbell);
  }

  async #ready(place: Place): Promise<void> {
    const { handle } = place;
    let started = false;
    handle.onDeath = (error) => {
      if (started) this.#replace(place, error);
    };
    const { shared, memoryBytes } = this.#options;
    await handle.start({
      module: this.#kernels.module,
      memory: shared ? this.#kernels.memory : undefined,
      memoryBytes,
      doorbell: place.doorbell,
      jobs: place.jobs?.address ?? 0,
      jobsDone: place.jobsDone?.address ?? 0,
      scratch: place.scratch,
    });
    started = true;
  }

  /** Counts what the dead worker held, and puts another into its place. */
  #replace(place: Place, error: WorkerDiedError): void {
    if (this.#closed) return;
    this.#collect();
    for (const { died } of place.held.values()) died(error);
    place.held.clear();
    const { words } = this.#kernels;
    for (const ring of [place.jobs, place.jobsDone]) {
      if (ring === undefined) continue;
      for (const field of [RING_TAIL, RING_HEAD_COPY, RING_HEAD, RING_TAIL_COPY])
        words[(ring.address + field) >>> 2] = 0;
    }
    if (place.doorbell !== 0) words.fill(0, place.doorbell >>> 2, (place.doorbell + DOORBELL_LENGTH) >>> 2);
    for (const lane of place.lanes.values()) lane.recover();
    this.#options.onWorkerDied(error);
    void this.#refill(place, error);
  }

  async #refill(place: Place, error: WorkerDiedError): Promise<void> {
    while (!this.#closed) {
      place.handle = this.#spawn(error.worker, place.doorbell);
      try {
        await this.#ready(place);
        place.failures = 0;
        await Promise.all(
          [...place.lanes].map(([id, { addresses }]) => place.handle.call("openLane", id, addresses)),
        );
        return;
      } catch {
        if (++place.failures >= FAILURES_MAXIMUM) {
          this.failure = error;
          this.#options.onWorkerDied(error);
          return;
        }
      }
    }
  }

  /** Watches the rings of finished jobs for as long as there are any under way. */
  #listen(): void {
    if (this.#listening) return;
    this.#listening = true;
    void this.#watch().finally(() => {
      this.#listening = false;
    });
  }

  async #watch(): Promise<void> {
    const listener = new Listener(this.#kernels, this.#doorbell);
    while (this.#places.some(({ held }) => held.size > 0) && !this.#closed) {
      const { count } = listener;
      listener.asleep = true;
      if (!this.#collect()) await listener.wait(count, LISTEN_MILLISECONDS);
      listener.asleep = false;
    }
  }

  #collect(): boolean {
    let found = false;
    for (const { jobsDone, held } of this.#places) {
      for (const cursor of jobsDone?.pop(JOBS) ?? []) {
        found = true;
        held.get(cursor)?.done();
        held.delete(cursor);
      }
    }
    return found;
  }

  #leastLoaded(): number {
    let best = 0;
    this.#places.forEach(({ load }, index) => {
      if (load < (this.#places[best] as Place).load) best = index;
    });
    return best;
  }

  #place(index: number): Place {
    return this.#places[index] as Place;
  }

  #reserve(purpose: string, length: number): number {
    const address = this.#kernels.plan.reserve(purpose, length);
    this.#regions.push(address);
    return address;
  }
}
