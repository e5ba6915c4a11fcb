// One worker as the pool sees it: started, asked, noticed when it dies, ended.

import * as Comlink from "comlink";
import type { Kernels } from "../kernel/kernels.ts";
import { DOORBELL_CONTROL } from "../layout/ring.layout.ts";
import { onLockFree, type Thread, threadOf, type WorkerLike } from "../platform/threads.ts";
import { ringAlways } from "../ring/doorbell.ts";
import type { WorkerControl, WorkerSetup } from "./protocol.ts";
import { WorkerDiedError } from "./worker-died-error.ts";

type Calls = { [K in keyof WorkerControl]: WorkerControl[K] };

let locks = 0;

export class WorkerHandle {
  readonly index: number;
  readonly #kernels: Kernels;
  readonly #doorbell: number;
  readonly #thread: Thread;
  readonly #control: Comlink.Remote<WorkerControl>;
  readonly #watch: AbortController = new AbortController();
  /** What is waited for: rejected when the worker dies, where Comlink alone would wait for ever. */
  readonly #open: Set<(error: Error) => void> = new Set();
  #death: WorkerDiedError | undefined;
  #onDeath: ((error: WorkerDiedError) => void) | undefined;

  constructor(index: number, worker: WorkerLike, kernels: Kernels, doorbell: number) {
    this.index = index;
    this.#kernels = kernels;
    this.#doorbell = doorbell;
    this.#thread = threadOf(worker);
    this.#control = Comlink.wrap<WorkerControl>(this.#thread.endpoint as unknown as Comlink.Endpoint);
    this.#thread.onEnd((reason) => this.#die(reason));
  }

  /** Called once if the worker dies before it was ended. */
  set onDeath(listener: (error: WorkerDiedError) => void) {
    this.#onDeath = listener;
  }

  async start(setup: Omit<WorkerSetup, "lock">): Promise<void> {
    const lock = `frameferry-${Date.now()}-${++locks}`;
    await this.call("start", { ...setup, lock });
    onLockFree(lock, () => this.#die("it closed itself"), this.#watch.signal);
  }

  /** Asks the worker; rejects with a WorkerDiedError if it dies before it has answered. */
  call<K extends keyof Calls>(
    name: K,
    ...values: Parameters<Calls[K]>
  ): Promise<Awaited<ReturnType<Calls[K]>>> {
    if (this.#death !== undefined) return Promise.reject(this.#death);
    return new Promise((resolve, reject) => {
      this.#open.add(reject);
      this.#announce(1);
      const ask = this.#control[name] as unknown as (
        ...values: unknown[]
      ) => Promise<Awaited<ReturnType<Calls[K]>>>;
      ask(...values)
        .then(resolve, reject)
        .finally(() => {
          this.#open.delete(reject);
          if (this.#death === undefined) this.#announce(-1);
        });
    });
  }

  /** Ends the worker, politely if it answers soon. */
  async end(): Promise<void> {
    this.#onDeath = undefined;
    this.#watch.abort();
    if (this.#death === undefined) {
      const soon = new Promise<void>((resolve) => setTimeout(resolve, STOP_MILLISECONDS));
      await Promise.race([this.call("stop").catch(() => {}), soon]);
      this.#die("the dataplane was closed");
    }
    this.#control[Comlink.releaseProxy]();
    this.#thread.terminate();
  }

  #die(reason: string): void {
    if (this.#death !== undefined) return;
    this.#death = new WorkerDiedError(this.index, reason);
    this.#watch.abort();
    for (const reject of this.#open) reject(this.#death);
    this.#open.clear();
    // It may only have failed, and still run: nothing of it may touch the memory from here on.
    this.#thread.terminate();
    this.#onDeath?.(this.#death);
  }

  /** A worker that sleeps or is busy with rings looks at its messages only when it is told that there are any. */
  #announce(change: 1 | -1): void {
    if (this.#doorbell === 0) return;
    Atomics.add(this.#kernels.signed, (this.#doorbell + DOORBELL_CONTROL) >>> 2, change);
    if (change === 1) ringAlways(this.#kernels, this.#doorbell);
  }
}

const STOP_MILLISECONDS = 250;
