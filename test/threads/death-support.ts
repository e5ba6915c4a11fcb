// Workers that die in tests: dist/worker.js with a prologue in front that ends it.
import type { WorkerLike } from "frameferry";
import { beforeAll } from "vitest";
import { RING_HEAD, RING_TAIL } from "../../src/layout/ring.layout.ts";
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

/** A prologue: in its `at`th call of a kernel that has something to do the worker runs in a circle, or waits for ever. */
export function stuckAt(at: number, how: "runs" | "waits" = "runs"): string {
  const stay = how === "runs" ? "for (;;);" : "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);";
  return `{
    const instantiate = WebAssembly.instantiate;
    let calls = 0;
    WebAssembly.instantiate = async (module, imports) => {
      const { exports } = await instantiate(module, imports);
      const words = new Uint32Array(imports.env.memory.buffer);
      const load = (address) => Atomics.load(words, address >>> 2);
      const wrapped = (name) => (cursor, ...rest) => {
        if (name === "runRings" && load(rest[0] + ${RING_TAIL}) === load(rest[0] + ${RING_HEAD})) return 0;
        if (++calls === ${at}) ${stay}
        return exports[name](cursor, ...rest);
      };
      return { exports: { ...exports, runRings: wrapped("runRings"), runCapture: wrapped("runCapture") } };
    };
  }\n`;
}
