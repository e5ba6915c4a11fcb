// Captures through stages, into others or into nothing: what the commands on captures have in common.

import { statSync } from "node:fs";
import type { CaptureOutputFormat } from "../capture/capture-run.ts";
import { chunksOf } from "../capture/chunks.ts";
import type { ProcessCaptureOptions } from "../capture/process-capture.ts";
import { createCaptureFile } from "../files/capture-files.ts";
import type { CaptureOutput, DataplaneCaptureSummary, Stage } from "../index.ts";
import { containerOfName, nameInContainer } from "../pcap/container.ts";
import type { CaptureRecord } from "../pcap.ts";
import { compileStages } from "../pipeline/compile.ts";
import { CONSEQUENCE, openSource, type Selection, type Source } from "./capture-source.ts";
import { openCaptureWork } from "./capture-work.ts";
import { DamagedInput, EXIT_BAD_FILE, readingError, say, UsageError } from "./failures.ts";
import { filterOf, matcherOf } from "./filter-option.ts";
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
import { PLACE, type Split, SplitOutput } from "./split-output.ts";
import { grouped, type Run, summaryJson, summaryText, type Told } from "./summary.ts";

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
 * field, which the rows of the stage's `own` options say. With `split` several captures come out; what concerns the captures
 * as such is in `capture`.
 */
export async function transform(
  command: string,
  inputs: readonly string[],
  parsed: Parsed,
  stages: readonly Stage[],
  own: Rows,
  { split, capture }: Pick<Work, "capture"> & { readonly split?: Split | undefined } = {},
): Promise<void> {
  const options = optionsOf(TRANSFORM_OPTIONS, parsed) as unknown as TransformOptions;
  const { workers = 0, inPlace = false, quiet = false } = options;
  naming(own, ["stages", 0], () => compileStages(stages));
  const selection = selectionOf(parsed);
  const filter = options.filter === undefined ? undefined : await filterOf(options.filter);
  const filters = filter === undefined ? [] : [filter.stage];
  let failure: unknown;
  if (split !== undefined) refuseWithSplit(options);
  const jobs =
    split === undefined
      ? jobsOf(inputs, options.output, inPlace)
      : [{ inputs, output: options.output, replaces: false }];
  for (const { inputs: read, output, replaces } of jobs) {
    const parts = split && new SplitOutput(output, read, split);
    const format = parts === undefined ? (options.format ?? formatOfName(output)) : "pcapng";
    try {
      await work(read, [...filters, ...stages], {
        workers,
        format,
        selection,
        quiet,
        capture,
        open: async () => parts?.sink ?? (await createCaptureFile(output)),
        // What is not whole does not take the place of what was.
        onDamage: replaces ? "reject" : "deliver",
        report: async (told) => {
          const outputFormat = format === "same" ? told.summary.format : format;
          // What is told first of changes is told of the command's own stage.
          const summary = { ...told.summary, changed: told.summary.changed.slice(filters.length) };
          await report({ ...told, command, output, outputFormat, summary, files: parts?.files }, options);
          const { filtered = 0 } = summary.drops;
          const arrived = summary.received - filtered;
          if (command === "decap" && !quiet && !replaces && summary.changed[0] === 0 && arrived > 0) {
            const matcher = filter && matcherOf(filter);
            const { Choice } = await import("./chosen-source.ts");
            const choice = new Choice(selection);
            await sayWhatWasThere(
              read[0] as string,
              summary,
              (record) => choice.takes(record) && (matcher?.matches(record) ?? true),
            );
          }
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

/** What cannot be asked of captures that are split. */
function refuseWithSplit({ format, inPlace, output }: TransformOptions): void {
  if (inPlace) throw new UsageError("--in-place: cannot be combined with --split-by");
  if (format !== undefined && format !== "pcapng")
    throw new UsageError("--format: what --split-by writes is pcapng, whose interfaces may differ");
  if (output.includes(PLACE) && formatOfName(output) === "pcap")
    throw new UsageError(`--output: what --split-by writes is pcapng, and ${output} is a pcap's name`);
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
  /** Sees all bytes that are read, chunk by chunk, before the stages do: they stay as they are. */
  readonly watch?: ((chunk: Uint8Array) => void) | undefined;
  /** Opens what the result is written to; called when there is a source. */
  readonly open: () => Promise<CaptureOutput>;
  /** Whether what lies before damage is written, or nothing of such a capture. */
  readonly onDamage: "deliver" | "reject";
  /** Prints what became of it. */
  readonly report: (told: Told) => Promise<void>;
}

/** Works through captures, together as one; stages that can be are known to be so. */
export async function work(
  inputs: readonly string[],
  stages: readonly Stage[],
  { workers, format, selection, quiet, capture, watch, open, onDamage, report }: Work,
): Promise<void> {
  const { stateLength } = compileStages(stages);
  const memoryBytes =
    workers === 0
      ? MEMORY + stateLength
      : Math.min((workers + 1) * (MEMORY_FOR_WORKER + 4 * stateLength) + MEMORY_FOR_WORKER, MEMORY_MAXIMUM);
  const dataplane = await openCaptureWork({ workers, memoryBytes });
  const progress = new Progress(sizeOf(inputs), !quiet);
  const [first] = inputs as readonly [string];
  try {
    const source = await openSource(inputs, selection);
    const sink = await openSink(open, source);
    const summary = await dataplane.processCapture(
      watch === undefined ? source.input : watched(source.input, watch),
      stages,
      sink,
      {
        ...capture,
        format,
        onDamage,
        onProgress: ({ bytesRead }) => progress.update(bytesRead),
      },
    );
    progress.stop();
    const { joined, timeless } = source;
    const damage = joined?.damage ?? (summary.damage && new DamagedInput(first, summary.damage, CONSEQUENCE));
    await report({ inputs, formats: joined?.formats ?? [summary.format], damage, summary });
    if (timeless > 0)
      say(`frameferry: ${grouped(timeless)} frames left out: they have no time to choose or order them by`);
    if (damage !== undefined) throw damage;
  } catch (error) {
    throw readingError(first, error, onDamage === "reject" ? AS_IT_WAS : "");
  } finally {
    progress.stop();
    await dataplane.close();
  }
}

/** The chunks of a capture, each of which `watch` sees first. */
async function* watched(
  input: Source["input"],
  watch: (chunk: Uint8Array) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for await (const chunk of "read" in input ? chunksOf(input) : input) {
      watch(chunk);
      yield chunk;
    }
  } finally {
    if ("read" in input) await input.close();
  }
}

const AS_IT_WAS = "; it has been left as it was";

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

async function sayWhatWasThere(
  input: string,
  summary: DataplaneCaptureSummary,
  wanted: (record: CaptureRecord) => boolean,
): Promise<void> {
  const { nothingOpened } = await import("./nothing-opened.ts");
  say("frameferry decap: nothing was taken off; what was there:");
  for (const line of await nothingOpened(input, summary, wanted)) say(`  ${line}`);
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
