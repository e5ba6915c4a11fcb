// A capture through stages, into another or into nothing: what the commands on captures have in common.

import { statSync } from "node:fs";
import type { CaptureOutputFormat } from "../capture/capture-run.ts";
import {
  CaptureError,
  type CaptureInput,
  type CaptureOutput,
  createDataplane,
  type DataplaneCaptureSummary,
  type Stage,
} from "../index.ts";
import { createCaptureFile, openCaptureFile } from "../node.ts";
import { compileStages } from "../pipeline/compile.ts";
import { DamagedInput } from "./failures.ts";
import { filterOf } from "./filter-option.ts";
import {
  naming,
  optionsOf,
  type Parsed,
  type Rows,
  TRANSFORM_OPTIONS,
  type TransformOptions,
} from "./options.ts";
import { printSummary } from "./print.ts";
import { Progress } from "./progress.ts";
import { type Run, summaryJson, summaryText } from "./summary.ts";

/** A capture's two input and two output buffers, the burst between them, tables: no run on one thread needs more. */
const MEMORY = 16 * 1024 * 1024;
/** For each worker and for this thread, beside the states: those of two places in work, each kept twice. */
const MEMORY_FOR_WORKER = 32 * 1024 * 1024;
const MEMORY_MAXIMUM = 4 * 1024 ** 3 - 65536;

/**
 * Runs `stages` over the capture `input`. What is wrong with the first of them is a UsageError that names the flag for the
 * field, which the rows of the stage's `own` options say.
 */
export async function transform(
  command: string,
  input: string,
  parsed: Parsed,
  stages: readonly Stage[],
  own: Rows,
): Promise<void> {
  const options = optionsOf(TRANSFORM_OPTIONS, parsed) as unknown as TransformOptions;
  const { output, workers = 0 } = options;
  naming(own, ["stages", 0], () => compileStages(stages));
  const format = options.format ?? formatOfName(output);
  const filters = options.filter === undefined ? [] : [(await filterOf(options.filter)).stage];
  await work(input, [...filters, ...stages], {
    workers,
    format,
    open: (source) => openSink(output, source),
    report: (told) => {
      const outputFormat = format === "same" ? told.format : format;
      // What is told first of changes is told of the command's own stage.
      const summary = { ...told, changed: told.changed.slice(filters.length) };
      return report({ command, input, output, outputFormat, summary }, options);
    },
  });
}

/** How a capture is worked on. */
export interface Work {
  readonly workers: number;
  readonly format: CaptureOutputFormat;
  /** Opens what the result is written to; called when there is a source. */
  readonly open: (source: CaptureInput) => Promise<CaptureOutput>;
  /** Prints what became of it. */
  readonly report: (summary: DataplaneCaptureSummary) => Promise<void>;
}

/** Works through the capture `input`; stages that can be are known to be so. */
export async function work(
  input: string,
  stages: readonly Stage[],
  { workers, format, open, report }: Work,
): Promise<void> {
  const { stateLength } = compileStages(stages);
  const memoryBytes =
    workers === 0
      ? MEMORY + stateLength
      : Math.min((workers + 1) * (MEMORY_FOR_WORKER + 4 * stateLength) + MEMORY_FOR_WORKER, MEMORY_MAXIMUM);
  const dataplane = await createDataplane({ workers, memoryBytes });
  const progress = new Progress(sizeOf(input));
  try {
    const source = await openCaptureFile(input);
    const sink = await open(source);
    const summary = await dataplane.processCapture(source, stages, sink, {
      format,
      onProgress: ({ bytesRead }) => progress.update(bytesRead),
    });
    progress.stop();
    await report(summary);
    if (summary.damage !== undefined) {
      throw new DamagedInput(input, summary.damage, "; everything before has been worked on and written");
    }
  } catch (error) {
    if (error instanceof CaptureError) throw new DamagedInput(input, error);
    throw error;
  } finally {
    progress.stop();
    await dataplane.close();
  }
}

async function openSink(output: string, source: CaptureInput): Promise<CaptureOutput> {
  try {
    return await createCaptureFile(output);
  } catch (error) {
    await source.close();
    throw error;
  }
}

async function report(run: Run, { json }: TransformOptions): Promise<void> {
  const text = json ? summaryJson(run) : summaryText(run);
  await printSummary(text, json ? "programs" : "people", [run.output]);
}

function formatOfName(output: string): CaptureOutputFormat {
  if (/\.pcap$/i.test(output)) return "pcap";
  return /\.pcapng$/i.test(output) ? "pcapng" : "same";
}

/** Undefined for what has no size beforehand: pipes and devices. */
function sizeOf(input: string): number | undefined {
  const status = input === "-" ? undefined : statSync(input, { throwIfNoEntry: false });
  return status?.isFile() ? status.size : undefined;
}
