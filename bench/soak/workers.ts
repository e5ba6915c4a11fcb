// Workers that can be ended from outside, as a system does it that is out of memory: in the middle of anything.

import { Worker } from "node:worker_threads";
import type { WorkerLike } from "../../src/platform/threads.ts";
import { WORKER_SOURCE } from "../../src/threads/worker-source.generated.ts";

export class MortalWorkers {
  /** Those that run. */
  readonly #alive: Set<Worker> = new Set();
  deaths = 0;

  readonly spawn = (): WorkerLike => {
    const worker = new Worker(WORKER_SOURCE, { eval: true, execArgv: [] });
    this.#alive.add(worker);
    worker.once("exit", () => this.#alive.delete(worker));
    return worker as unknown as WorkerLike;
  };

  /** Ends one of them, if there is any. */
  kill(next: (below: number) => number): void {
    const all = [...this.#alive];
    const worker = all[next(Math.max(1, all.length))];
    if (worker === undefined) return;
    this.#alive.delete(worker);
    this.deaths++;
    void worker.terminate();
  }
}
