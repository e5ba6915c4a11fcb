import { readFileSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { createDataplane } from "frameferry";

export const openDataplane = () =>
  createDataplane({
    workers: 2,
    wasm: readFileSync(new URL(import.meta.resolve("frameferry/frameferry.wasm"))),
    spawnWorker: () => new Worker(new URL(import.meta.resolve("frameferry/worker.js"))),
  });
