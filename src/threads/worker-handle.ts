// One worker as the pool sees it: started, asked, noticed when it dies, ended.

import * as Comlink from "comlink";
import { OPEN_MILLISECONDS } from "../core/in-time.ts";
import type { Kernels } from "../kernel/kernels.ts";
import { DOORBELL_CONTROL } from "../layout/ring.layout.ts";
import { lockFree, type Thread, threadMilliseconds, threadOf, type WorkerLike } from "../platform/threads.ts";
import { ringAlways } from "../ring/doorbell.ts";
import type { WorkerControl, WorkerSetup } from "./protocol.ts";
import { WorkerDiedError } from "./worker-died-error.ts";

type Calls = { [K in keyof WorkerControl]: WorkerControl[K] };

/** Far longer than any worker needs; a script that is no worker of this package would be waited for for ever. */
const START_MILLISECONDS = 30_000;

let locks = 0;

export class WorkerHandle {
  readonly index: number;
  readonly #kernels: Kernels;
  readonly #doorbell: number;
  readonly #thread: Thread;
  readonly #control: Comlink.Remote<WorkerControl>;
  /** Name of the lock that the worker holds while it lives; other pages of the same origin have locks, too. */
  readonly #lock: string = `frameferry-${Date.now()}-${Math.random()}-${++locks}`;
  /** What is waited for: rejected when the worker dies, where Comlink alone would wait for ever. */
  readonly #open: Set<(error: Error) => void> = new Set();
  #answers = 0;
  /** When it was asked to load scripts, each time that it has not done so yet. */
  readonly #loads: Set<{ readonly asked: number }> = new Set();
  #threadNumber: number | undefined;
  #death: WorkerDiedError | undefined;
  #ended: Promise<void> = Promise.resolve();
  #onDeath: ((error: WorkerDiedError) => void) | undefined;

  constructor(index: number, worker: WorkerLike, kernels: Kernels, doorbell: number) {
    this.index = index;
    this.#kernels = kernels;
    this.#doorbell = doorbell;
    this.#thread = threadOf(worker);
    this.#control = Comlink.wrap<WorkerControl>(this.#thread.endpoint as unknown as Comlink.Endpoint);
    this.#thread.onEnd((reason) => this.die(reason));
  }

  /** Called once if the worker dies before it was ended; at once if it is dead already. */
  set onDeath(listener: (error: WorkerDiedError) => void) {
    this.#onDeath = listener;
    if (this.#death !== undefined) listener(this.#death);
  }

  async start(setup: Omit<WorkerSetup, "lock">): Promise<void> {
    const seconds = START_MILLISECONDS / 1000;
    const late = setTimeout(
      () => this.die(`it did not answer within ${seconds} s: is its script frameferry/worker.js?`),
      START_MILLISECONDS,
    );
    try {
      this.#threadNumber = await this.call("start", { ...setup, lock: this.#lock });
    } finally {
      clearTimeout(late);
    }
    void lockFree(this.#lock).then((free) => {
      if (free) this.die("it closed itself");
    });
  }

  /** Asks the worker; rejects with a WorkerDiedError if it dies before it has answered. */
  call<K extends keyof Calls>(
    name: K,
    ...values: Parameters<Calls[K]>
  ): Promise<Awaited<ReturnType<Calls[K]>>> {
    const answer = this.callLater(name, ...values);
    // The message may be there only after a worker that is awake has looked for it: it looks until it is there.
    // That of a dead one may have been given back.
    if (this.#doorbell !== 0 && this.#death === undefined) ringAlways(this.#kernels, this.#doorbell);
    return answer;
  }

  /** The same, but does not wake a worker that sleeps: it answers within TURN_MILLISECONDS of the worker's loop. */
  callLater<K extends keyof Calls>(
    name: K,
    ...values: Parameters<Calls[K]>
  ): Promise<Awaited<ReturnType<Calls[K]>>> {
    if (this.#death !== undefined) return Promise.reject(this.#death);
    return new Promise((resolve, reject) => {
      this.#open.add(reject);
      const load = { asked: performance.now() };
      if (name === "load") this.#loads.add(load);
      this.#announce();
      const ask = this.#control[name] as unknown as (
        ...values: unknown[]
      ) => Promise<Awaited<ReturnType<Calls[K]>>>;
      ask(...values)
        .then(resolve, reject)
        .finally(() => {
          this.#open.delete(reject);
          this.#loads.delete(load);
          this.#answers++;
        });
    });
  }

  /** How many calls it has answered, and how many wait for that. */
  get answers(): number {
    return this.#answers;
  }

  get waits(): number {
    return this.#open.size;
  }

  /**
   * Whether it loads scripts: they may come from far away, and compute while they are evaluated, so that its silence says
   * nothing. Who waits for them does so for as long.
   */
  get isLoading(): boolean {
    const now = performance.now();
    for (const { asked } of this.#loads) if (now - asked < OPEN_MILLISECONDS) return true;
    return false;
  }

  /** How many milliseconds its thread has run so far; undefined where nobody tells. */
  get milliseconds(): number | undefined {
    return this.#threadNumber === undefined ? undefined : threadMilliseconds(this.#threadNumber);
  }

  /** Ends the worker; resolves when its thread has certainly ended. */
  async end(): Promise<void> {
    this.#onDeath = undefined;
    this.die("the dataplane was closed");
    await this.#ended;
  }

  /** Resolves when the thread of a dead worker has certainly ended, and nothing of it touches the memory any more. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  /** Takes the worker for dead, and sees to it that it is. */
  die(reason: string, stuck = false): void {
    if (this.#death !== undefined) return;
    this.#death = new WorkerDiedError(this.index, reason, stuck);
    for (const reject of this.#open) reject(this.#death);
    this.#open.clear();
    this.#control[Comlink.releaseProxy]();
    // It may only have failed, and still run.
    this.#ended = Promise.all([this.#thread.terminate().catch(() => {}), lockFree(this.#lock)]).then(
      () => {},
    );
    this.#onDeath?.(this.#death);
  }

  /**
   * A worker that sleeps or is busy with rings looks at its messages only when it is told that there are any. It counts
   * them off itself: if that waited for this thread to read the answer, it would look again and again meanwhile.
   */
  #announce(): void {
    if (this.#doorbell === 0) return;
    Atomics.add(this.#kernels.signed, (this.#doorbell + DOORBELL_CONTROL) >>> 2, 1);
  }
}
