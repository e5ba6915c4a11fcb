// The dataplane: pipelines on workers, or on the caller's own thread, behind one interface.

import {
  abortOutput,
  type CaptureInput,
  type CaptureSink,
  closeInput,
  openInput,
  openOutput,
} from "../capture/capture-io.ts";
import {
  type CaptureSummary,
  checkCaptureOptions,
  type ProcessCaptureOptions,
  processCapture,
} from "../capture/process-capture.ts";
import { untilAborted } from "../core/abort.ts";
import { ArgumentRangeError } from "../core/argument-error.ts";
import { closed, knownKeys, wholeNumber } from "../core/arguments.ts";
import { FrameChannel } from "../lane/frame-channel.ts";
import { InlineLane } from "../lane/inline-lane.ts";
import type { Lane } from "../lane/lane.ts";
import type { TransferJob, TransferResult } from "../lane/lane-job.ts";
import { PipelineLane } from "../lane/pipeline-lane.ts";
import { TransferLane } from "../lane/transfer-lane.ts";
import type { CaptureSource } from "../pcap/byte-source.ts";
import { compileStages } from "../pipeline/compile.ts";
import type { CompiledStages } from "../pipeline/compiled-stages.ts";
import { Pipeline } from "../pipeline/pipeline.ts";
import { Program } from "../pipeline/program.ts";
import type { Stage } from "../pipeline/stages.ts";
import type { Bell, SharedBell } from "../ring/bell.ts";
import type { FrameBurst } from "../ring/frame-burst.ts";
import type { WorkerDiedError } from "../threads/worker-died-error.ts";
import type { WorkerPool } from "../threads/worker-pool.ts";
import type { CaptureDispatch, DispatchOptions, WorkerShare } from "./capture-dispatch.ts";
import { captureStreams, frameStreams, type TransformPair } from "./dataplane-streams.ts";
import type { Engine } from "./engine.ts";
import { ReadDispatch } from "./read-dispatch.ts";
import { SharedDispatch } from "./shared-dispatch.ts";
import type { LiveSwitchHost } from "./switch-host.ts";

export interface ChannelOptions {
  /** Bytes of each ring between caller and worker: a power of two from 64 KiB to 256 MiB. Default 1 MiB. */
  readonly ringBytes?: number | undefined;
}

/** What became of a capture, and which worker did how much of it. */
export interface DataplaneCaptureSummary extends CaptureSummary {
  readonly workers: readonly WorkerShare[];
}

const RING_DEFAULT = 1 << 20;
const RING_MINIMUM = 1 << 16;
const RING_MAXIMUM = 1 << 28;

export class Dataplane {
  /** How frames reach the workers: through shared memory, by transferred buffers, or not at all. */
  readonly transport: "shared" | "transfer" | "inline";
  /** How many workers there are; 0 works on the caller's thread. */
  readonly workers: number;
  readonly #engine: Engine;
  readonly #captures: Set<AbortController> = new Set();

  /** Made by `createDataplane`. */
  constructor(engine: Engine) {
    this.transport = engine.transport;
    this.workers = engine.workers;
    this.#engine = engine;
  }

  /**
   * Bytes of its memory that no channel and no capture holds at this moment; see the option `memoryBytes`. A few hundred
   * of a capture that workers read themselves are held until they have read that it is over, some 40 ms later at most.
   */
  get freeBytes(): number {
    return this.#engine.kernels.plan.freeBytes;
  }

  /**
   * Opens a pipeline for frames as they come: bursts in by `send`, bursts out by iterating.
   * @throws TypeError or RangeError for stages and options that cannot be, and when `memoryBytes` does not suffice.
   */
  async open(stages: readonly Stage[], options: ChannelOptions = {}): Promise<FrameChannel> {
    this.#open();
    knownKeys("options", options, ["ringBytes"]);
    const ringBytes = wholeNumber("ringBytes", options.ringBytes ?? RING_DEFAULT, RING_MINIMUM, RING_MAXIMUM);
    if ((ringBytes & (ringBytes - 1)) !== 0)
      throw new ArgumentRangeError("out-of-range", "ringBytes", `expected a power of two, got ${ringBytes}`);
    const lanes: Lane[] = [];
    const closers: (() => Promise<void>)[] = [];
    const engine = this.#engine;
    const bell = engine.bell();
    const release = async (): Promise<void> => {
      engine.unregister(channel);
      await Promise.all(closers.map((close) => close()));
      bell.release();
    };
    const failure = (): WorkerDiedError | undefined => engine.pool?.failure;
    const channel = new FrameChannel({ lanes, bell, failure, release, spins: this.transport === "shared" });
    try {
      await this.#openLanes(compileStages(stages), ringBytes, { lanes, bell, closers });
      this.#open();
      engine.register(channel, bell);
      return channel;
    } catch (error) {
      await channel.close();
      throw error;
    }
  }

  /** For `openSwitch`: what a switch needs of it; `closed` is called when the switch has been closed. */
  hostFor(closed: () => Promise<void>): LiveSwitchHost {
    return this.#engine.hostFor(closed);
  }

  /** The same as a TransformStream: bursts of frames in, bursts out. */
  frames(
    stages: readonly Stage[],
    options: ChannelOptions = {},
  ): TransformPair<readonly Uint8Array[], FrameBurst> {
    this.#open();
    compileStages(stages);
    return frameStreams(this.open(stages, options));
  }

  /**
   * Runs a whole capture through a pipeline; the order of the file is kept exactly. As `processCapture`, with the
   * pieces of the file spread over the workers. A capture on a SharedArrayBuffer is read by the workers themselves,
   * where memory is shared: its bytes must stay as they are meanwhile.
   */
  async processCapture(
    source: CaptureSource | CaptureInput,
    stages: readonly Stage[],
    sink: CaptureSink,
    options: ProcessCaptureOptions = {},
  ): Promise<DataplaneCaptureSummary> {
    this.#open();
    checkCaptureOptions(options);
    options.signal?.throwIfAborted();
    const stop = new AbortController();
    this.#captures.add(stop);
    const signal =
      options.signal === undefined ? stop.signal : AbortSignal.any([options.signal, stop.signal]);
    try {
      const { pool, kernels } = this.#engine;
      if (pool === undefined) {
        const pipeline = new Pipeline(kernels, stages);
        try {
          return { ...(await processCapture(source, pipeline, sink, { ...options, signal })), workers: [] };
        } finally {
          pipeline.close();
        }
      }
      return await this.#dispatch(pool, source, stages, sink, { ...options, signal });
    } finally {
      this.#captures.delete(stop);
    }
  }

  /** The same as a TransformStream: the bytes of a capture in, the bytes of a capture out. */
  captures(
    stages: readonly Stage[],
    options: ProcessCaptureOptions = {},
  ): TransformPair<Uint8Array, Uint8Array> {
    this.#open();
    checkCaptureOptions(options);
    compileStages(stages);
    return captureStreams((source, sink, stop) => {
      const signal = options.signal === undefined ? stop : AbortSignal.any([options.signal, stop]);
      return this.processCapture(source, stages, sink, { ...options, signal });
    });
  }

  /** Ends all workers, channels and captures; resolves when the threads have ended. What is under way is lost. */
  close(): Promise<void> {
    return this.#engine.close(() => {
      for (const capture of this.#captures) capture.abort(closed("dataplane"));
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #openLanes(stages: CompiledStages, ringBytes: number, into: OpenedLanes): Promise<void> {
    const { lanes, bell } = into;
    const { pool, kernels } = this.#engine;
    if (this.transport === "transfer" && pool !== undefined) {
      for (let index = 0; index < this.workers; index++) {
        const work = (job: TransferJob): Promise<TransferResult> => pool.transferJob(job, index);
        lanes.push(new TransferLane(stages, { ringBytes, work, onChange: () => bell.ring() }));
      }
      return;
    }
    const program = new Program(kernels, stages);
    try {
      await this.#openRings(program, pool, ringBytes, into);
    } finally {
      // Each lane keeps it for as long as it is open.
      program.close();
    }
  }

  async #openRings(
    program: Program,
    pool: WorkerPool | undefined,
    ringBytes: number,
    { lanes, bell, closers }: OpenedLanes,
  ): Promise<void> {
    if (pool === undefined) {
      const lane = new PipelineLane(program, { ringBytes, worker: 0, owner: 0 });
      lanes.push(new InlineLane(lane, () => bell.ring()));
      return;
    }
    for (let index = 0; index < this.workers; index++) {
      const owner = (bell as SharedBell).doorbell;
      const lane = new PipelineLane(program, { ringBytes, worker: pool.doorbellOf(index), owner });
      lanes.push(lane);
      const id = await pool.openLane(index, {
        addresses: lane.addresses,
        recover: () => {
          lane.recover();
          bell.ring();
        },
        abandon: () => lane.abandon(),
      });
      closers.push(() => pool.closeLane(index, id));
    }
  }

  async #dispatch(
    pool: WorkerPool,
    source: CaptureSource | CaptureInput,
    stages: readonly Stage[],
    sink: CaptureSink,
    options: ProcessCaptureOptions & { readonly signal: AbortSignal },
  ): Promise<DataplaneCaptureSummary> {
    const { signal } = options;
    const compiled = compileStages(stages);
    // The sink first: one that cannot be leaves the source as it was.
    const output = openOutput(sink);
    let input: CaptureInput | undefined;
    let dispatch: CaptureDispatch | undefined;
    try {
      const how: DispatchOptions = {
        ...options,
        kernels: this.#engine.kernels,
        pool,
        workers: this.workers,
        shared: this.transport === "shared",
        stages: compiled,
      };
      if (how.shared && source instanceof Uint8Array && source.buffer instanceof SharedArrayBuffer) {
        dispatch = new SharedDispatch(source, output, how);
      } else {
        input = openInput(source);
        dispatch = new ReadDispatch(input, output, how);
      }
      await dispatch.drive();
      if (dispatch.run.inputFormat === undefined) throw dispatch.damage;
      await untilAborted(output.close(), signal);
      return { ...dispatch.summary, workers: dispatch.shares };
    } catch (error) {
      const aborted = abortOutput(output, error);
      if (!signal.aborted) await aborted;
      throw error;
    } finally {
      // Closing the source ends a read that waits, where the source can do that.
      const released = Promise.allSettled([closeInput(input), dispatch?.close()]);
      if (!signal.aborted) await released;
    }
  }

  #open(): void {
    this.#engine.expectOpen();
  }
}

/** Where `#openLanes` puts what it has opened. */
interface OpenedLanes {
  readonly lanes: Lane[];
  readonly bell: Bell;
  readonly closers: (() => Promise<void>)[];
}
