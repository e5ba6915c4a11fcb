// The dataplane: pipelines on workers, or on the caller's own thread, behind one interface.

import { abortOutput, type CaptureInput, type CaptureSink, closeInput } from "../capture/capture-io.ts";
import { type LentInput, lendToInput, lendToOutput } from "../capture/lending.ts";
import {
  type CaptureSummary,
  checkCaptureOptions,
  type ProcessCaptureOptions,
  processCapture,
  refuseDamage,
} from "../capture/process-capture.ts";
import { firstOf, untilAborted } from "../core/abort.ts";
import { closed } from "../core/arguments.ts";
import { type DropNotices, NoticeCollector } from "../core/drop-notices.ts";
import { callback, checkFields, type Fields, powerOfTwo } from "../core/fields.ts";
import { inTime } from "../core/in-time.ts";
import { Undo } from "../core/undo.ts";
import { FrameChannel } from "../lane/frame-channel.ts";
import type { Lane } from "../lane/lane.ts";
import type { TransferJob, TransferResult } from "../lane/lane-job.ts";
import { PipelineLane } from "../lane/pipeline-lane.ts";
import type { RingLaneOptions } from "../lane/ring-lane.ts";
import { TransferLane } from "../lane/transfer-lane.ts";
import type { CaptureSource } from "../pcap/byte-source.ts";
import { compileStages } from "../pipeline/compile.ts";
import type { CompiledStages } from "../pipeline/compiled-stages.ts";
import { Pipeline } from "../pipeline/pipeline.ts";
import { PlacedCode } from "../pipeline/placed-code.ts";
import { type PreparedStage, Program } from "../pipeline/program.ts";
import type { Stage } from "../pipeline/stages.ts";
import type { Frames } from "../port/frame-port.ts";
import type { Bell } from "../ring/bell.ts";
import type { FrameBurst } from "../ring/frame-burst.ts";
import type { WorkerHealth } from "../threads/worker-health.ts";
import type { WorkerPool } from "../threads/worker-pool.ts";
import type { CaptureDispatch, DispatchOptions, WorkerShare } from "./capture-dispatch.ts";
import { ChannelStages, type ReplaceInLanes, replaceInMemory } from "./channel-stages.ts";
import { captureStreams, frameStreams, type TransformPair } from "./dataplane-streams.ts";
import type { Engine } from "./engine.ts";
import { openLanes } from "./open-lanes.ts";
import { ReadDispatch } from "./read-dispatch.ts";
import { SharedDispatch } from "./shared-dispatch.ts";
import type { LiveSwitchHost } from "./switch-host.ts";

export interface ChannelOptions {
  /** Bytes of each ring between caller and worker: a power of two from 64 KiB to 256 MiB. Default 1 MiB. */
  readonly ringBytes?: number | undefined;
  /**
   * Called with the frames that were dropped, many at a time and each of them once: which, why, and by which stage. It is
   * called as results are taken: notices come through the rings as frames do, and nothing is lost that finds no room yet.
   * Default: nobody is told, and nothing is done for it.
   */
  readonly onDrops?: ((notices: DropNotices) => void) | undefined;
}

/** What became of a capture, and which worker did how much of it. */
export interface DataplaneCaptureSummary extends CaptureSummary {
  readonly workers: readonly WorkerShare[];
}

const CHANNEL_FIELDS: Fields<ChannelOptions, "ringBytes"> = {
  ringBytes: { ...powerOfTwo(1 << 16, 1 << 28), fallback: 1 << 20 },
  onDrops: callback(),
};

type LaneOptions = Pick<RingLaneOptions, "ringBytes" | "notices">;

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

  /** How it stands with the workers: whether all are at work, and how many have died. */
  get health(): WorkerHealth {
    return this.#engine.health;
  }

  /**
   * Starts a worker wherever there is none, at once, and forgets how many have died lately; resolves when all are at work.
   * What is open goes on. Rejects with a WorkerDiedError if they are halted again.
   */
  restart(): Promise<void> {
    return this.#engine.restart();
  }

  /**
   * Opens a pipeline for frames as they come: bursts in by `send`, bursts out by iterating. A worker that is being
   * started is waited for ten seconds.
   * @throws TypeError or RangeError for stages and options that cannot be, and when `memoryBytes` does not suffice;
   * WorkerDiedError while workers are halted; WorkerLateError if one has not answered by then.
   */
  async open(stages: readonly Stage[], options: ChannelOptions = {}): Promise<FrameChannel> {
    this.#open();
    const { ringBytes, onDrops } = checkFields<ChannelOptions, "ringBytes">(
      "options",
      CHANNEL_FIELDS,
      options,
    );
    const notices = onDrops && { collector: new NoticeCollector(), onDrops };
    const engine = this.#engine;
    const its = new ChannelStages(stages, async (scripts) => await engine.pool?.load(scripts));
    const undo = new Undo();
    try {
      const bell = undo.with(engine.bell(), (made) => made.release());
      const how: LaneOptions = { ringBytes, notices: notices?.collector };
      const { ways, release, replace } = await this.#openLanes(its.compiled, how, bell, undo);
      this.#open();
      const channel: FrameChannel = new FrameChannel({
        lanes: ways,
        bell,
        media: its.media,
        failure: () => engine.pool?.failure,
        spins: this.transport === "shared",
        notices,
        replaceStage: (index, stage, expectOpen) => its.replace(index, stage, replace, expectOpen),
        release: async () => {
          engine.unregister(channel);
          await release();
          bell.release();
        },
      });
      engine.register(channel, bell);
      return channel;
    } catch (error) {
      await inTime(undo.becauseLater(error));
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
  ): TransformPair<Frames | Uint8Array, FrameBurst> {
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
    const { signal, forget } = firstOf([options.signal, stop.signal]);
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
      forget();
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
      const { signal, forget } = firstOf([options.signal, stop]);
      return this.processCapture(source, stages, sink, { ...options, signal }).finally(forget);
    });
  }

  /**
   * Ends all workers, channels and captures; what is under way is lost. Resolves when the threads have ended, and within
   * two seconds in any case: one that an engine does not end at once is left to end by itself, and has nothing to touch
   * but its own memory.
   */
  close(): Promise<void> {
    return this.#engine.close(() => {
      for (const capture of this.#captures) capture.abort(closed("dataplane"));
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #openLanes(
    stages: CompiledStages,
    options: LaneOptions,
    bell: Bell,
    undo: Undo,
  ): Promise<{
    readonly ways: readonly Lane[];
    readonly release: () => Promise<void>;
    readonly replace: ReplaceInLanes;
  }> {
    const { workers } = this;
    const { kernels, pool } = this.#engine;
    if (stages.scripts.length > 0) await pool?.load(stages.scripts);
    if (pool !== undefined && this.transport === "transfer") {
      const onChange = (): void => bell.ring();
      const lanes = Array.from({ length: workers }, (_, index) => {
        const work = (job: TransferJob): Promise<TransferResult> => pool.transferJob(job, index);
        return new TransferLane(stages, { ...options, work, onChange });
      });
      const replace: ReplaceInLanes = (index, changed) =>
        lanes.map((lane) => lane.replaceStage(index, changed));
      return { ways: lanes, release: async () => {}, replace };
    }
    const code = new PlacedCode(kernels, stages);
    try {
      const opened = await openLanes({ kernels, pool, workers, bell }, undo, (_, doorbells) => {
        const program = new Program(kernels, stages, code);
        try {
          return new PipelineLane(program, { ...options, ...doorbells });
        } finally {
          // The lane keeps it for as long as it is open.
          program.close();
        }
      });
      const put = (lane: number, stage: PreparedStage): Promise<void> | void =>
        pool === undefined ? stage.put() : pool.replaceStage(lane, stage);
      return { ...opened, replace: replaceInMemory(kernels, opened.lanes, put) };
    } finally {
      // Their programs keep it.
      code.release();
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
    const output = lendToOutput(sink);
    let input: LentInput | undefined;
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
        input = lendToInput(source);
        dispatch = new ReadDispatch(input, output, how);
      }
      // Both are lent by now: whoever cancels them meanwhile is heard.
      if (compiled.scripts.length > 0) await untilAborted(pool.load(compiled.scripts), signal);
      await dispatch.drive();
      // What ends the source early tells more than where that leaves the capture.
      dispatch.damage = input?.damage ?? dispatch.damage;
      refuseDamage(dispatch.damage, dispatch.run.inputFormat, options.onDamage);
      await untilAborted(output.close(), signal);
      return { ...dispatch.summary, workers: dispatch.shares };
    } catch (error) {
      const aborted = abortOutput(output, error);
      if (!signal.aborted) await inTime(aborted);
      throw error;
    } finally {
      // Closing the source ends a read that waits, where the source can do that.
      const released = Promise.allSettled([closeInput(input), dispatch?.close()]);
      if (!signal.aborted) await inTime(released);
    }
  }

  #open(): void {
    this.#engine.expectOpen();
  }
}
