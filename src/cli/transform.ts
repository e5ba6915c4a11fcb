// Captures through stages, into others or into nothing: what the commands on captures have in common.

import { statSync } from "node:fs";
import type { CaptureOutputFormat } from "../capture/capture-run.ts";
import type { ProcessCaptureOptions } from "../capture/process-capture.ts";
import {
  CaptureError,
  type CaptureOutput,
  createDataplane,
  type DataplaneCaptureSummary,
  type Stage,
} from "../index.ts";
import { createCaptureFile } from "../node.ts";
import { containerOfName, nameInContainer } from "../pcap/container.ts";
import { compileStages } from "../pipeline/compile.ts";
import { CONSEQUENCE, openSource, type Selection, type Source } from "./capture-source.ts";
import { DamagedInput, EXIT_BAD_FILE, say } from "./failures.ts";
import { filterOf } from "./filter-option.ts";
import { jobsOf } from "./jobs.ts";
import {
  naming,
  optionsOf,
  type Parsed,
  type Rows,
  selectionOf,
  TRANSFORM_OPTIONS,
  type TransformOptions,
} from "./options.ts";
import { printSummary } from "./print.ts";
import { Progress } from "./progress.ts";
import { grouped, type Run, summaryJson, summaryText } from "./summary.ts";

/**
 * A capture's two input and two output buffers, the burst between them, tables, fragments that wait: no run on one thread
 * needs more.
 */
const MEMORY = 24 * 1024 * 1024;
/** For each worker and for this thread, beside the states: those of two places in work, each kept twice. */
const MEMORY_FOR_WORKER = 32 * 1024 * 1024;
const MEMORY_MAXIMUM = 4 * 1024 ** 3 - 65536;

/**
 * Runs `stages` over the captures `inputs`. What is wrong with the first stage is a UsageError that names the flag for the
 * field, which the rows of the stage's `own` options say. What concerns the captures as such is in `capture`.
 */
export async function transform(
  command: string,
  inputs: readonly string[],
  parsed: Parsed,
  stages: readonly Stage[],
  own: Rows,
  capture: Pick<ProcessCaptureOptions, "reassembly"> = {},
): Promise<void> {
  const options = optionsOf(TRANSFORM_OPTIONS, parsed) as unknown as TransformOptions;
  const { workers = 0, inPlace = false } = options;
  naming(own, ["stages", 0], () => compileStages(stages));
  const selection = selectionOf(parsed);
  const filters = options.filter === undefined ? [] : [(await filterOf(options.filter)).stage];
  let failure: unknown;
  for (const { inputs: read, output } of jobsOf(inputs, options.output, inPlace)) {
    const format = options.format ?? formatOfName(output);
    try {
      await work(read, [...filters, ...stages], {
        workers,
        format,
        selection,
        quiet: options.quiet === true,
        capture,
        open: () => createCaptureFile(output),
        report: async (told) => {
          const outputFormat = format === "same" ? told.format : format;
          // What is told first of changes is told of the command's own stage.
          const summary = { ...told, changed: told.changed.slice(filters.length) };
          await report({ command, inputs: read, output, outputFormat, summary }, options);
          if (command === "decap" && summary.changed[0] === 0 && summary.received > 0)
            await sayWhatWasThere(read[0] as string, summary);
        },
      });
    } catch (error) {
      // Of many captures one that is damaged does not stop the others.
      if (!(error instanceof DamagedInput) || inputs.length === read.length) throw error;
      say(`frameferry ${command}: ${error.message}`);
      failure = error;
    }
  }
  if (failure !== undefined) process.exitCode = EXIT_BAD_FILE;
}

/** How captures are worked on. */
export interface Work {
  readonly workers: number;
  readonly format: CaptureOutputFormat;
  readonly selection: Selection;
  /** Without a progress bar. */
  readonly quiet: boolean;
  /** What else is to be said of how they are worked on. Default: nothing. */
  readonly capture?: Pick<ProcessCaptureOptions, "reassembly"> | undefined;
  /** Opens what the result is written to; called when there is a source. */
  readonly open: () => Promise<CaptureOutput>;
  /** Prints what became of it. */
  readonly report: (summary: DataplaneCaptureSummary) => Promise<void>;
}

/** Works through captures, together as one; stages that can be are known to be so. */
export async function work(
  inputs: readonly string[],
  stages: readonly Stage[],
  { workers, format, selection, quiet, capture, open, report }: Work,
): Promise<void> {
  const { stateLength } = compileStages(stages);
  const memoryBytes =
    workers === 0
      ? MEMORY + stateLength
      : Math.min((workers + 1) * (MEMORY_FOR_WORKER + 4 * stateLength) + MEMORY_FOR_WORKER, MEMORY_MAXIMUM);
  const dataplane = await createDataplane({ workers, memoryBytes });
  const progress = new Progress(sizeOf(inputs), !quiet);
  try {
    const source = await openSource(inputs, selection);
    const sink = await openSink(open, source);
    const summary = await dataplane.processCapture(source.input, stages, sink, {
      ...capture,
      format,
      onProgress: ({ bytesRead }) => progress.update(bytesRead),
    });
    progress.stop();
    await report(summary);
    if (source.timeless > 0)
      say(
        `frameferry: ${grouped(source.timeless)} frames left out: they have no time to choose or order them by`,
      );
    if (source.damage !== undefined) throw source.damage;
    if (summary.damage !== undefined)
      throw new DamagedInput(inputs[0] as string, summary.damage, CONSEQUENCE);
  } catch (error) {
    if (error instanceof CaptureError) throw new DamagedInput(inputs[0] as string, error);
    throw error;
  } finally {
    progress.stop();
    await dataplane.close();
  }
}

async function openSink(open: () => Promise<CaptureOutput>, source: Source): Promise<CaptureOutput> {
  try {
    return await open();
  } catch (error) {
    await source.close();
    throw error;
  }
}

async function report(run: Run, { json, quiet }: TransformOptions): Promise<void> {
  if (quiet && !json) return;
  const text = json ? summaryJson(run) : summaryText(run);
  await printSummary(text, json ? "programs" : "people", [run.output]);
}

async function sayWhatWasThere(input: string, summary: DataplaneCaptureSummary): Promise<void> {
  const { nothingOpened } = await import("./nothing-opened.ts");
  say("frameferry decap: nothing was taken off; what was there:");
  for (const line of await nothingOpened(input, summary)) say(`  ${line}`);
}

function formatOfName(output: string): CaptureOutputFormat {
  const name = nameInContainer(output);
  if (/\.pcap$/i.test(name)) return "pcap";
  return /\.pcapng$/i.test(name) ? "pcapng" : "same";
}

/** Undefined for what has no size beforehand: pipes and devices. */
function sizeOf(inputs: readonly string[]): number | undefined {
  let size = 0;
  for (const input of inputs) {
    const status = input === "-" ? undefined : statSync(input, { throwIfNoEntry: false });
    // What is packed has another size than what is read of it.
    if (status?.isFile() !== true || containerOfName(input) !== undefined) return undefined;
    size += status.size;
  }
  return size;
}
