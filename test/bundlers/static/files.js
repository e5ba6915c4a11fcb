import { createDataplane } from "frameferry";

export const openDataplane = () =>
  createDataplane({
    workers: 2,
    wasm: new URL(import.meta.resolve("frameferry/frameferry.wasm")),
    spawnWorker: () => new Worker(import.meta.resolve("frameferry/worker.js")),
  });
