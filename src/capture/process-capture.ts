// A whole capture through a pipeline: reads ahead and writes behind while the kernels work.
//
// It shares CaptureRun, the programs and the summary with the captures over workers (src/dataplane/), but not their way of
// cutting: those look for the ends of records before anybody works on them, and keep counters twice to take them back.
// Their dispatch with an executor on this thread made `frameferry decap` of 500 MB take 1.14 s of CPU instead of 0.95 s, and
// 0.92 s instead of 0.80 s at best (twelve pairs, in turn). So one thread has an engine of its own.

import { untilAborted, watched } from "../core/abort.ts";
import { ArgumentTypeError } from "../core/argument-error.ts";
import { wholeNumber } from "../core/arguments.ts";
import { type Checked, callback, checkFields, choice, type Fields, flag, signal } from "../core/fields.ts";
import { inTime } from "../core/in-time.ts";
import type { CaptureSource } from "../pcap/byte-source.ts";
import type { CaptureError } from "../pcap/capture-error.ts";
import { type PipelineCounters, sumCounters } from "../pipeline/counters.ts";
import { Pipeline } from "../pipeline/pipeline.ts";
import type { Tally } from "../pipeline/tally.ts";
import { Turns } from "../platform/turns.ts";
import { abortOutput, type CaptureInput, type CaptureSink, closeInput } from "./capture-io.ts";
import { type CaptureOutputFormat, CaptureRun } from "./capture-run.ts";
import type { FragmentCounts } from "./fragment-table.ts";
import { type LentInput, type LentOutput, lendToInput, lendToOutput } from "./lending.ts";

export interface CaptureProgress {
  /** Bytes of the source worked on. */
  readonly bytesRead: number;
  /** Records worked on. */
  readonly records: number;
}

export interface ProcessCaptureOptions {
  /** Format of the output. Default `"same"`: that of the input, byte order, interfaces and options included. */
  readonly format?: CaptureOutputFormat | undefined;
  /**
   * Ends the work early: the promise rejects with its reason at once, the sink is aborted, the source let go, and the
   * memory given back; see `settles` of sources and sinks. Without it a source and a sink have as long as they like.
   */
  readonly signal?: AbortSignal | undefined;
  /**
   * What becomes of a capture that is cut short or damaged further on. Default `"deliver"`: what lies before the damage is
   * written, and the summary says where it ended. `"reject"`: the promise rejects with the CaptureError, and the sink is
   * aborted, as where the output is to take the place of the input.
   */
  readonly onDamage?: "deliver" | "reject" | undefined;
  /**
   * Whether fragments of carrier packets are put together before tunnels are opened. Default `true`: where the stages
   * decapsulate. What that means is told in docs/wrappings.md; without it fragments are `outer-ip-fragment`.
   */
  readonly reassembly?: boolean | undefined;
  /** Called after each chunk of at most one mebibyte. */
  readonly onProgress?: ((progress: CaptureProgress) => void) | undefined;
}

type Defaulted = "format" | "reassembly" | "onDamage";

const CAPTURE_FIELDS: Fields<ProcessCaptureOptions, Defaulted> = {
  format: { ...choice("same", "pcap", "pcapng"), fallback: "same" },
  onDamage: { ...choice("deliver", "reject"), fallback: "deliver" },
  reassembly: { ...flag(), fallback: true },
  signal: signal(),
  onProgress: callback(),
};

/** What became of a capture: received = forwarded + dropped + joined. */
export interface CaptureSummary extends PipelineCounters, FragmentCounts {
  readonly format: "pcap" | "pcapng";
  /** Bytes of the captures themselves; of one that is cut short or damaged those in front of the damage. */
  readonly fileBytesIn: number;
  readonly fileBytesOut: number;
  /** Bytes of the frames in them. */
  readonly frameBytesIn: number;
  readonly frameBytesOut: number;
  /** Link types of its interfaces (LINKTYPE_ numbers), in the order in which they are first met. */
  readonly linkTypes: readonly number[];
  /**
   * Frames that were written without the check sequence with which they came: a pcap declares one for all its frames or
   * for none. In a pcapng each frame that is as it was keeps its own.
   */
  readonly checkSequencesLeftOut: number;
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
 * is cut short or damaged further on is delivered so far, and the summary's `damage` says where it ended, unless `onDamage`
 * says otherwise.
 */
export async function processCapture(
  source: CaptureSource | CaptureInput,
  pipeline: Pipeline,
  sink: CaptureSink,
  options: ProcessCaptureOptions = {},
): Promise<CaptureSummary> {
  if (!(pipeline instanceof Pipeline))
    throw new ArgumentTypeError("wrong-type", "pipeline", "expected a Pipeline");
  const checked = checkCaptureOptions(options);
  const { format, reassembly, signal, onDamage } = checked;
  pipeline.expectOpen();
  signal?.throwIfAborted();
  // The sink first: one that cannot be leaves the source as it was.
  const output = lendToOutput(sink);
  let input: LentInput | undefined;
  let run: CaptureRun | undefined;
  try {
    input = lendToInput(source);
    run = new CaptureRun(pipeline, format, reassembly);
    const traffic = await drive(run, input, output, checked);
    // What ends the source early tells more than where that leaves the capture.
    const damage = input.damage ?? run.damage;
    refuseDamage(damage, run.inputFormat, onDamage);
    await untilAborted(output.close(), signal);
    const { inputFormat, linkTypes, fragments } = run;
    return summarise({ inputFormat, linkTypes, fragments, damage }, [run], traffic);
  } catch (error) {
    const aborted = abortOutput(output, error);
    if (!signal?.aborted) await inTime(aborted);
    throw error;
  } finally {
    if (run !== undefined) pipeline.add(run.tally);
    const released = release(run, input, output);
    if (!signal?.aborted) await inTime(released);
  }
}

/** @throws ArgumentError that names the option. */
export function checkCaptureOptions(
  options: ProcessCaptureOptions,
): Checked<ProcessCaptureOptions, Defaulted> {
  return checkFields<ProcessCaptureOptions, Defaulted>("options", CAPTURE_FIELDS, options);
}

/** @throws CaptureError if the work must not end with a capture of this damage: if it is none, or none was to be taken. */
export function refuseDamage(
  damage: CaptureError | undefined,
  inputFormat: CaptureRun["inputFormat"],
  onDamage: ProcessCaptureOptions["onDamage"],
): void {
  if (inputFormat === undefined || (damage !== undefined && onDamage === "reject")) throw damage;
}

/** Closing the source ends a read that waits, where the source can do that. */
async function release(
  run: CaptureRun | undefined,
  input: LentInput | undefined,
  output: LentOutput,
): Promise<void> {
  const closing = closeInput(input);
  if (input?.inUse !== undefined || output.inUse !== undefined)
    await Promise.allSettled([input?.inUse, output.inUse]);
  run?.close();
  await closing;
}

/** Bytes of the capture itself, so far. */
export interface Traffic {
  read: number;
  written: number;
}

async function drive(
  run: CaptureRun,
  input: LentInput,
  output: LentOutput,
  { signal, onProgress }: ProcessCaptureOptions,
): Promise<Traffic> {
  const { memory } = run;
  const traffic: Traffic = { read: 0, written: 0 };
  const readAhead = (): Promise<number> => watched(input.read(memory.nextInput));
  let reading = readAhead();
  let writing: Promise<void> | undefined;
  const flush = async (): Promise<void> => {
    // The region that the run goes on in is the one that this write has finished with.
    await untilAborted(writing, signal);
    if (memory.pendingOutput === 0) return;
    const bytes = memory.takeOutput();
    traffic.written += bytes.length;
    writing = watched(output.write(bytes));
  };
  const turns = new Turns();
  for (;;) {
    await turns.give();
    const space = memory.nextInput.length;
    // A write that fails ends the wait for a source that is silent.
    const failing = writing?.then(() => reading) ?? reading;
    const read = await untilAborted(Promise.race([reading, failing]), signal);
    const length = wholeNumber("source.read()", read, 0, space);
    if (length === 0) break;
    memory.nextChunk(length);
    traffic.read += length;
    reading = readAhead();
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
  while (run.finish() === "output") await flush();
  await flush();
  await untilAborted(writing, signal);
  return traffic;
}

/** What was counted of a capture's frames, and their bytes. */
export interface FrameTally {
  readonly tally: Tally;
  readonly frameBytesIn: number;
  readonly frameBytesOut: number;
  readonly trailersLeftOut: number;
}

/** What is told of a capture whose header could be read, whoever worked on it. */
export function summarise(
  told: Pick<CaptureRun, "inputFormat" | "linkTypes" | "fragments" | "damage">,
  counted: readonly FrameTally[],
  { read, written }: Traffic,
): CaptureSummary {
  const { inputFormat, linkTypes, fragments, damage } = told;
  const counters = sumCounters(counted.map(({ tally }) => tally));
  return {
    format: inputFormat ?? "pcap",
    ...counters,
    received: counters.received + fragments.joined,
    ...fragments,
    fileBytesIn: damage?.offset ?? read,
    fileBytesOut: written,
    frameBytesIn: counted.reduce((sum, { frameBytesIn }) => sum + frameBytesIn, 0),
    frameBytesOut: counted.reduce((sum, { frameBytesOut }) => sum + frameBytesOut, 0),
    linkTypes,
    checkSequencesLeftOut: counted.reduce((sum, { trailersLeftOut }) => sum + trailersLeftOut, 0),
    damage,
  };
}
