// How a dataplane comes to be, and what runs a switch: options, defaults for workers, and the start.

import { untilAborted } from "../core/abort.ts";
import { ArgumentRangeError } from "../core/argument-error.ts";
import { callback, checkFields, choice, type Fields, signal as signalKind, whole } from "../core/fields.ts";
import { KERNEL_FIELDS, loadKernels } from "../kernel/load-kernels.ts";
import type { WasmSource } from "../kernel/module.ts";
import { hardwareThreads, memoryCanBeShared, startThread, type WorkerLike } from "../platform/threads.ts";
import type { WorkerDiedError } from "../threads/worker-died-error.ts";
import { WorkerPool } from "../threads/worker-pool.ts";
import { WORKER_SOURCE } from "../threads/worker-source.generated.ts";
import { Dataplane } from "./dataplane.ts";
import { Engine } from "./engine.ts";

export interface DataplaneOptions {
  /** Threads beside the caller's: 0 works on the caller's own. Default: one less than the hardware has, 1 to 8. */
  readonly workers?: number | undefined;
  /** Bytes of memory, fixed; see `loadKernels`. Default 64 MiB and 32 MiB for each worker. */
  readonly memoryBytes?: number | undefined;
  /** The kernels' module, for pages whose content policy or bundler wants it as a file. */
  readonly wasm?: WasmSource | undefined;
  /**
   * Starts one worker with the script `frameferry/worker.js`, for pages whose content policy or bundler wants it
   * as a file. Web Workers and Node's workers both do.
   */
  readonly spawnWorker?: (() => WorkerLike) | undefined;
  /**
   * How workers get frames. Default `"auto"`: through shared memory where there is any, else by transferring buffers.
   */
  readonly transport?: "auto" | "shared" | "transfer" | undefined;
  /**
   * Called whenever a worker has died and is being replaced, and once more if it is not to be, because too many have:
   * until `restart()` everything rejects with the same error then. See `health`.
   */
  readonly onWorkerDied?: ((error: WorkerDiedError) => void) | undefined;
  /**
   * For how many milliseconds a worker may have work and not come on with it before it counts as stuck, is ended and
   * replaced: 0 (never) to 60,000. Default: in Node 40 of time that its threads have used, in browsers 300; without shared
   * memory twice as long. Where threads have been seen to wait longer for a core it becomes more by itself, up to 1,000.
   * Debuggers that stop a worker want 0.
   */
  readonly stuckMs?: number | undefined;
  /** Ends the start: the promise rejects with its reason when the workers started so far have ended. */
  readonly signal?: AbortSignal | undefined;
}

const WORKERS_DEFAULT_MAXIMUM = 8;
const MEMORY_BASE = 64 * 1024 * 1024;
const MEMORY_FOR_WORKER = 32 * 1024 * 1024;

/** How many workers, and how much memory, there are by default follows from the machine. */
const DATAPLANE_FIELDS: Fields<DataplaneOptions, "transport"> = {
  workers: whole(0, 64),
  ...KERNEL_FIELDS,
  spawnWorker: callback(),
  transport: { ...choice("auto", "shared", "transfer"), fallback: "auto" },
  onWorkerDied: callback(),
  stuckMs: whole(0, 60_000),
  signal: signalKind(),
};

/**
 * Compiles the kernels, starts the workers, and resolves when all of them are ready. Workers keep a Node process alive, and
 * a page's memory taken, until `close()`: `await using` sees to it.
 * @throws TypeError or RangeError for options that cannot be; WorkerDiedError if a worker does not start.
 */
export async function createDataplane(options: DataplaneOptions = {}): Promise<Dataplane> {
  return new Dataplane(await startEngine(options, ["shared", "transfer"], loadKernels));
}

/**
 * Starts what dataplanes and switches stand on. Workers are started only where frames reach them by one of the ways
 * that can be `used`; else all runs on the caller's thread.
 */
export async function startEngine(
  options: DataplaneOptions,
  used: readonly ("shared" | "transfer")[],
  load: typeof loadKernels,
): Promise<Engine> {
  const checked = checkFields<DataplaneOptions, "transport">("options", DATAPLANE_FIELDS, options);
  const { transport: wanted, spawnWorker, onWorkerDied, stuckMs, signal, wasm } = checked;
  const workers = checked.workers ?? Math.min(WORKERS_DEFAULT_MAXIMUM, Math.max(1, hardwareThreads() - 1));
  if (wanted !== "auto" && workers === 0)
    throw new ArgumentRangeError(
      "contradiction",
      "workers",
      `transport ${JSON.stringify(wanted)} needs at least 1, got 0`,
    );
  if (wanted === "shared" && !memoryCanBeShared()) {
    throw new ArgumentRangeError(
      "unsupported",
      "transport",
      '"shared" needs a cross-origin isolated page (headers COOP: same-origin and COEP: require-corp) in an engine that shares memory',
    );
  }
  signal?.throwIfAborted();
  const shared = wanted === "shared" || (wanted === "auto" && memoryCanBeShared());
  const started = used.includes(shared ? "shared" : "transfer") ? workers : 0;
  const memoryBytes = checked.memoryBytes ?? MEMORY_BASE + started * MEMORY_FOR_WORKER;
  const loading = load({ memoryBytes, wasm });
  const kernels = await untilAborted(loading, signal);
  let engine: Engine | undefined;
  const pool =
    started === 0
      ? undefined
      : await WorkerPool.start(
          kernels,
          {
            workers: started,
            shared,
            memoryBytes: MEMORY_FOR_WORKER,
            spawn: spawnWorker ?? (() => startThread(WORKER_SOURCE)),
            onWorkerDied: (error) => onWorkerDied?.(error),
            onChange: () => engine?.lookAgain(),
            stuckMs,
          },
          signal,
        );
  engine = new Engine(kernels, started, shared, pool);
  return engine;
}
