// A whole capture through a pipeline: reads ahead and writes behind while the kernels work.

import { knownKeys, oneOf } from "../core/arguments.ts";
import type { CaptureSource } from "../pcap/byte-source.ts";
import type { CaptureError } from "../pcap/capture-error.ts";
import { Pipeline } from "../pipeline/pipeline.ts";
import type { PipelineCounters } from "../pipeline/program.ts";
import {
  type CaptureInput,
  type CaptureOutput,
  type CaptureSink,
  openInput,
  openOutput,
} from "./capture-io.ts";
import { type CaptureOutputFormat, CaptureRun } from "./capture-run.ts";

export interface CaptureProgress {
  /** Bytes of the source worked on. */
  readonly bytesRead: number;
  /** Records worked on. */
  readonly records: number;
}

export interface ProcessCaptureOptions {
  /** Format of the output. Default `"same"`: that of the input, byte order, interfaces and options included. */
  readonly format?: CaptureOutputFormat;
  /** Ends the work early: the promise rejects with its reason, and the sink is aborted. */
  readonly signal?: AbortSignal;
  /** Called after each chunk of at most one mebibyte. */
  readonly onProgress?: (progress: CaptureProgress) => void;
}

/** What became of a capture: received = forwarded + dropped. */
export interface CaptureSummary extends PipelineCounters {
  readonly format: "pcap" | "pcapng";
  /** Bytes of the captures themselves. */
  readonly fileBytesIn: number;
  readonly fileBytesOut: number;
  /** Bytes of the frames in them. */
  readonly frameBytesIn: number;
  readonly frameBytesOut: number;
  /**
   * Where and why reading stopped, if the capture is cut short or damaged; everything before has been
   * delivered. Undefined for a sound capture.
   */
  readonly damage: CaptureError | undefined;
}

/**
 * Reads a pcap or pcapng from `source`, runs `pipeline` over its frames, and writes what was not dropped to `sink`.
 * Memory use is constant. Timestamps, lengths on the wire, interfaces and options are kept.
 *
 * @throws CaptureError if the source is no capture at all: the sink is aborted then. A capture that
 * is cut short or damaged further on is delivered so far, and the summary's `damage` says where it ended.
 */
export async function processCapture(
  source: CaptureSource | CaptureInput,
  pipeline: Pipeline,
  sink: CaptureSink,
  options: ProcessCaptureOptions = {},
): Promise<CaptureSummary> {
  if (!(pipeline instanceof Pipeline)) throw new TypeError("pipeline: expected a Pipeline");
  knownKeys("options", options, ["format", "signal", "onProgress"]);
  const format = oneOf("format", options.format ?? "same", ["same", "pcap", "pcapng"]);
  options.signal?.throwIfAborted();
  const input = openInput(source);
  const output = openOutput(sink);
  const before = pipeline.counters();
  const traffic: Traffic = { read: 0, written: 0, reading: Promise.resolve(0) };
  let run: CaptureRun | undefined;
  try {
    run = new CaptureRun(pipeline, format);
    await drive(run, input, output, options, traffic);
    if (run.inputFormat === undefined) throw run.damage;
    await output.close();
    return summarise(run, pipeline.counters(), before, traffic);
  } catch (error) {
    await output.abort(error).catch(() => {});
    throw error;
  } finally {
    await input.close().catch(() => {});
    // It may still use the memory that is given back now. A live source can be silent for hours: closing it
    // comes first, because that ends the read.
    await traffic.reading.catch(() => {});
    run?.close();
  }
}

interface Traffic {
  read: number;
  written: number;
  /** The read under way, or the last one. */
  reading: Promise<number>;
}

async function drive(
  run: CaptureRun,
  input: CaptureInput,
  output: CaptureOutput,
  { signal, onProgress }: ProcessCaptureOptions,
  traffic: Traffic,
): Promise<void> {
  const { memory } = run;
  traffic.reading = watched(input.read(memory.nextInput));
  let writing: Promise<void> = Promise.resolve();
  const flush = async (): Promise<void> => {
    // The region that the run goes on in is the one that this write has finished with.
    await writing;
    if (memory.pendingOutput === 0) return;
    const bytes = memory.takeOutput();
    traffic.written += bytes.length;
    writing = watched(output.write(bytes));
  };
  try {
    for (;;) {
      const length = await unlessAborted(traffic.reading, signal);
      if (length === 0) break;
      memory.nextChunk(length);
      traffic.read += length;
      traffic.reading = watched(input.read(memory.nextInput));
      let need = run.step();
      while (need === "output") {
        await flush();
        need = run.step();
      }
      // Also when little has come: whoever reads the output of a live capture waits for it.
      await flush();
      onProgress?.({ bytesRead: traffic.read, records: run.records });
      if (need === "nothing") break;
    }
    run.finish();
    await flush();
    await writing;
  } finally {
    // It may still use the memory that is about to be given back.
    await writing.catch(() => {});
  }
}

/** The promise's outcome, or the signal's reason if that comes first. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

/** A promise that is awaited later and may reject before. */
function watched<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

function summarise(
  run: CaptureRun,
  after: PipelineCounters,
  before: PipelineCounters,
  traffic: Traffic,
): CaptureSummary {
  const drops: Record<string, number> = {};
  for (const [name, count] of Object.entries(after.drops)) {
    const here = count - (before.drops[name] ?? 0);
    if (here > 0) drops[name] = here;
  }
  return {
    format: run.inputFormat ?? "pcap",
    received: after.received - before.received,
    forwarded: after.forwarded - before.forwarded,
    dropped: after.dropped - before.dropped,
    drops,
    changed: after.changed.map((count, index) => count - (before.changed[index] ?? 0)),
    fileBytesIn: traffic.read,
    fileBytesOut: traffic.written,
    frameBytesIn: run.bytesIn,
    frameBytesOut: run.bytesOut,
    damage: run.damage,
  };
}
