// The dataplane: pipelines on workers, or on the caller's own thread, behind one interface.

import { type CaptureInput, type CaptureSink, openInput, openOutput } from "../capture/capture-io.ts";
import {
  type CaptureSummary,
  type ProcessCaptureOptions,
  processCapture,
} from "../capture/process-capture.ts";
import { knownKeys, oneOf, wholeNumber } from "../core/arguments.ts";
import type { Kernels } from "../kernel/kernels.ts";
import { loadKernels } from "../kernel/load-kernels.ts";
import type { WasmSource } from "../kernel/module.ts";
import { DOORBELL_LENGTH } from "../layout/ring.layout.ts";
import type { CaptureSource } from "../pcap/byte-source.ts";
import { compileStages, Pipeline } from "../pipeline/pipeline.ts";
import type { CompiledStages } from "../pipeline/program.ts";
import type { Stage } from "../pipeline/stages.ts";
import { hardwareThreads, memoryCanBeShared, startThread, type WorkerLike } from "../platform/threads.ts";
import type { FrameBurst } from "../ring/frame-burst.ts";
import { type Bell, LocalBell, SharedBell } from "./bell.ts";
import { CaptureDispatch, type WorkerShare } from "./capture-dispatch.ts";
import { FrameChannel } from "./frame-channel.ts";
import { InlineLane } from "./inline-lane.ts";
import type { Lane } from "./lane.ts";
import { SharedLane } from "./shared-lane.ts";
import { TransferLane } from "./transfer-lane.ts";
import type { WorkerDiedError } from "./worker-died-error.ts";
import { WorkerPool } from "./worker-pool.ts";
import { WORKER_SOURCE } from "./worker-source.generated.ts";

export interface DataplaneOptions {
  /** Threads beside the caller's: 0 works on the caller's own. Default: one less than the hardware has, 1 to 8. */
  readonly workers?: number;
  /** Bytes of memory, fixed; see `loadKernels`. Default 64 MiB and 32 MiB for each worker. */
  readonly memoryBytes?: number;
  /** The kernels' module, for pages whose content policy or bundler wants it as a file. */
  readonly wasm?: WasmSource;
  /**
   * Starts one worker with the script `frameferry/worker.js`, for pages whose content policy or bundler wants it
   * as a file. Web Workers and Node's workers both do.
   */
  readonly spawnWorker?: () => WorkerLike;
  /**
   * How workers get frames. Default `"auto"`: through shared memory where there is any, else by transferring buffers.
   */
  readonly transport?: "auto" | "shared" | "transfer";
  /** Called whenever a worker has died and is being replaced. */
  readonly onWorkerDied?: (error: WorkerDiedError) => void;
}

export interface ChannelOptions {
  /** Bytes of each ring between caller and worker: a power of two from 64 KiB to 256 MiB. Default 1 MiB. */
  readonly ringBytes?: number;
}

/** What became of a capture, and which worker did how much of it. */
export interface DataplaneCaptureSummary extends CaptureSummary {
  readonly workers: readonly WorkerShare[];
}

const WORKERS_MAXIMUM = 64;
const WORKERS_DEFAULT_MAXIMUM = 8;
const MEMORY_BASE = 64 * 1024 * 1024;
const MEMORY_FOR_WORKER = 32 * 1024 * 1024;
const RING_DEFAULT = 1 << 20;
const RING_MINIMUM = 1 << 16;
const RING_MAXIMUM = 1 << 28;

/**
 * Compiles the kernels, starts the workers, and resolves when all of them are ready.
 * @throws TypeError or RangeError for options that cannot be; WorkerDiedError if a worker does not start.
 */
export async function createDataplane(options: DataplaneOptions = {}): Promise<Dataplane> {
  knownKeys("options", options, [
    "workers",
    "memoryBytes",
    "wasm",
    "spawnWorker",
    "transport",
    "onWorkerDied",
  ]);
  const fallback = Math.min(WORKERS_DEFAULT_MAXIMUM, Math.max(1, hardwareThreads() - 1));
  const workers = wholeNumber("workers", options.workers ?? fallback, 0, WORKERS_MAXIMUM);
  const wanted = oneOf("transport", options.transport ?? "auto", ["auto", "shared", "transfer"]);
  if (options.spawnWorker !== undefined && typeof options.spawnWorker !== "function") {
    throw new TypeError(`spawnWorker: expected a function, got ${typeof options.spawnWorker}`);
  }
  if (wanted === "shared" && !memoryCanBeShared()) {
    throw new RangeError(
      'transport: "shared" needs a cross-origin isolated page (headers COOP: same-origin and COEP: require-corp)',
    );
  }
  const shared = wanted === "shared" || (wanted === "auto" && memoryCanBeShared());
  const memoryBytes = options.memoryBytes ?? MEMORY_BASE + workers * MEMORY_FOR_WORKER;
  const kernels = await loadKernels({
    memoryBytes,
    ...(options.wasm === undefined ? {} : { wasm: options.wasm }),
  });
  const { spawnWorker, onWorkerDied } = options;
  const pool =
    workers === 0
      ? undefined
      : await WorkerPool.start(kernels, {
          workers,
          shared,
          memoryBytes: MEMORY_FOR_WORKER,
          spawn: spawnWorker ?? (() => startThread(WORKER_SOURCE)),
          onWorkerDied: (error) => onWorkerDied?.(error),
        });
  return new Dataplane(kernels, workers, shared, pool);
}

export class Dataplane {
  /** How frames reach the workers: through shared memory, by transferred buffers, or not at all. */
  readonly transport: "shared" | "transfer" | "inline";
  /** How many workers there are; 0 works on the caller's thread. */
  readonly workers: number;
  readonly #kernels: Kernels;
  readonly #pool: WorkerPool | undefined;
  readonly #channels: Set<FrameChannel> = new Set();
  readonly #captures: Set<AbortController> = new Set();
  #closed = false;

  /** Made by `createDataplane`. */
  constructor(kernels: Kernels, workers: number, shared: boolean, pool: WorkerPool | undefined) {
    this.transport = pool === undefined ? "inline" : shared ? "shared" : "transfer";
    this.workers = workers;
    this.#kernels = kernels;
    this.#pool = pool;
  }

  /** Opens a pipeline for frames as they come: bursts in by `send`, bursts out by iterating. */
  async open(stages: readonly Stage[], options: ChannelOptions = {}): Promise<FrameChannel> {
    this.#open();
    knownKeys("options", options, ["ringBytes"]);
    const ringBytes = wholeNumber("ringBytes", options.ringBytes ?? RING_DEFAULT, RING_MINIMUM, RING_MAXIMUM);
    const closers: (() => unknown)[] = [];
    const release = async (): Promise<void> => {
      this.#channels.delete(channel);
      await Promise.all(closers.map((close) => close()));
    };
    const { lanes, bell } = await this.#lanes(compileStages(stages), ringBytes, closers);
    const channel: FrameChannel = new FrameChannel(lanes, bell, release);
    this.#channels.add(channel);
    return channel;
  }

  /** The same as a TransformStream: bursts of frames in, bursts out. */
  frames(
    stages: readonly Stage[],
    options: ChannelOptions = {},
  ): TransformPair<readonly Uint8Array[], FrameBurst> {
    const opening = this.open(stages, options);
    opening.catch(() => {});
    let results: AsyncIterator<FrameBurst> | undefined;
    return {
      writable: new WritableStream<readonly Uint8Array[]>({
        start: async () => void (await opening),
        write: async (burst) => (await opening).sendAll(burst),
        close: async () => (await opening).end(),
        abort: async () => (await opening).close(),
      }),
      readable: new ReadableStream<FrameBurst>(
        {
          pull: async (controller) => {
            results ??= (await opening)[Symbol.asyncIterator]();
            const { done, value } = await results.next();
            if (!done) controller.enqueue(value);
            else {
              controller.close();
              await (await opening).close();
            }
          },
          cancel: async () => (await opening).close(),
        },
        { highWaterMark: 0 },
      ),
    };
  }

  /**
   * Runs a whole capture through a pipeline; the order of the file is kept exactly. As `processCapture`, with the
   * pieces of the file spread over the workers.
   */
  async processCapture(
    source: CaptureSource | CaptureInput,
    stages: readonly Stage[],
    sink: CaptureSink,
    options: ProcessCaptureOptions = {},
  ): Promise<DataplaneCaptureSummary> {
    this.#open();
    knownKeys("options", options, ["format", "signal", "onProgress"]);
    oneOf("format", options.format ?? "same", ["same", "pcap", "pcapng"]);
    options.signal?.throwIfAborted();
    const stop = new AbortController();
    this.#captures.add(stop);
    const signal =
      options.signal === undefined ? stop.signal : AbortSignal.any([options.signal, stop.signal]);
    try {
      if (this.#pool === undefined) {
        const pipeline = new Pipeline(this.#kernels, stages);
        try {
          return { ...(await processCapture(source, pipeline, sink, { ...options, signal })), workers: [] };
        } finally {
          pipeline.close();
        }
      }
      return await this.#dispatch(this.#pool, source, stages, sink, { ...options, signal });
    } finally {
      this.#captures.delete(stop);
    }
  }

  /** The same as a TransformStream: the bytes of a capture in, the bytes of a capture out. */
  captures(
    stages: readonly Stage[],
    options: ProcessCaptureOptions = {},
  ): TransformPair<Uint8Array, Uint8Array> {
    const input = new TransformStream<Uint8Array, Uint8Array>();
    const output = new TransformStream<Uint8Array, Uint8Array>();
    // What fails here fails the streams, too: whoever reads or writes them hears of it.
    this.processCapture(input.readable, stages, output.writable, options).catch(async (error: unknown) => {
      await Promise.allSettled([input.readable.cancel(error), output.writable.abort(error)]);
    });
    return { writable: input.writable, readable: output.readable };
  }

  /** Ends all workers, channels and captures. What is under way is lost. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const capture of this.#captures) capture.abort(new TypeError("dataplane: it has been closed"));
    await Promise.all([...this.#channels].map((channel) => channel.close()));
    await this.#pool?.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #lanes(
    stages: CompiledStages,
    ringBytes: number,
    closers: (() => unknown)[],
  ): Promise<{ lanes: Lane[]; bell: Bell }> {
    const kernels = this.#kernels;
    const pool = this.#pool;
    if (pool === undefined) {
      const bell = new LocalBell();
      return { lanes: [new InlineLane(kernels, stages, ringBytes, () => bell.ring())], bell };
    }
    if (this.transport === "transfer") {
      const bell = new LocalBell();
      const lanes = Array.from(
        { length: this.workers },
        (_, index) =>
          new TransferLane(stages, {
            work: (job) => pool.transferJob(job, index),
            onChange: () => bell.ring(),
          }),
      );
      return { lanes, bell };
    }
    const doorbell = kernels.plan.reserve("a channel's doorbell", DOORBELL_LENGTH);
    const bell = new SharedBell(kernels, doorbell);
    closers.push(() => kernels.plan.release(doorbell));
    const lanes: SharedLane[] = [];
    for (let index = 0; index < this.workers; index++) {
      const lane = new SharedLane(kernels, stages, {
        ringBytes,
        worker: pool.doorbellOf(index),
        owner: doorbell,
      });
      lanes.push(lane);
      const recover = (): void => {
        lane.recover();
        bell.ring();
      };
      const id = await pool.openLane(index, { addresses: lane.addresses, recover });
      closers.push(() => pool.closeLane(index, id));
    }
    return { lanes, bell };
  }

  async #dispatch(
    pool: WorkerPool,
    source: CaptureSource | CaptureInput,
    stages: readonly Stage[],
    sink: CaptureSink,
    options: ProcessCaptureOptions,
  ): Promise<DataplaneCaptureSummary> {
    const input = openInput(source);
    const output = openOutput(sink);
    const shared = this.transport === "shared";
    let dispatch: CaptureDispatch | undefined;
    try {
      dispatch = new CaptureDispatch(output, {
        ...options,
        kernels: this.#kernels,
        pool,
        workers: this.workers,
        shared,
        stages: compileStages(stages),
      });
      await dispatch.drive(input);
      const { run, damage } = dispatch;
      if (run.inputFormat === undefined) throw damage;
      await output.close();
      return {
        ...dispatch.counters,
        format: run.inputFormat,
        fileBytesIn: dispatch.bytesRead,
        fileBytesOut: dispatch.bytesWritten,
        frameBytesIn: dispatch.frameBytesIn,
        frameBytesOut: dispatch.frameBytesOut,
        damage,
        workers: dispatch.shares,
      };
    } catch (error) {
      await output.abort(error).catch(() => {});
      throw error;
    } finally {
      dispatch?.close();
      await input.close().catch(() => {});
    }
  }

  #open(): void {
    if (this.#closed) throw new TypeError("dataplane: it has been closed");
  }
}

/** Both ends of a stream: what `pipeThrough` takes. */
export interface TransformPair<I, O> {
  readonly writable: WritableStream<I>;
  readonly readable: ReadableStream<O>;
}
