// Workers that die in tests: dist/worker.js with a prologue in front that ends it.
import type { WorkerLike } from "frameferry";
import { beforeAll } from "vitest";
import { startScript, workerScript } from "../support/frameferry-worker.ts";

let script = "";

/** Loads the worker's script before the tests of a file. */
export function loadWorkerScript(): void {
  beforeAll(async () => {
    script = await workerScript();
  });
}

/** A spawnWorker whose nth worker begins with the nth prologue, and all later ones with none. */
export function spawner(prologues: readonly string[]): {
  spawnWorker: () => WorkerLike;
  workers: WorkerLike[];
} {
  const workers: WorkerLike[] = [];
  return {
    workers,
    spawnWorker: () => {
      const worker = startScript((prologues[workers.length] ?? "") + script);
      workers.push(worker);
      return worker;
    },
  };
}
