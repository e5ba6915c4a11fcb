import { createDataplane } from "frameferry";

export const openDataplane = () =>
  createDataplane({
    workers: 2,
    wasm: new URL("./frameferry.wasm", import.meta.url),
    spawnWorker: () => new Worker(new URL("./worker.js", import.meta.url)),
  });
