// One capture into another through one stage: what decap, encap and vlan have in common.

import { statSync } from "node:fs";
import type { CaptureOutputFormat } from "../capture/capture-run.ts";
import {
  CaptureError,
  type CaptureInput,
  type CaptureOutput,
  createDataplane,
  type Stage,
} from "../index.ts";
import { createCaptureFile, openCaptureFile } from "../node.ts";
import { compileStages } from "../pipeline/compile.ts";
import { isStandardOutput } from "../platform/node-output.ts";
import { DamagedInput, UsageError } from "./failures.ts";
import type { TransformOptions } from "./options.ts";
import { print } from "./print.ts";
import { Progress } from "./progress.ts";
import { type Run, summaryJson, summaryText } from "./summary.ts";

/** A capture's two input and two output buffers, the burst between them, tables: no run on one thread needs more. */
const MEMORY = 16 * 1024 * 1024;

/**
 * Runs `stage` over the capture `input`. A UsageError names the flag for a field of the stage, which is the field's
 * name unless `flags` says otherwise.
 */
export async function transform(
  command: string,
  input: string,
  options: TransformOptions,
  stage: Stage,
  flags: Readonly<Record<string, string>> = {},
): Promise<void> {
  const { output, workers } = options;
  checkStage(stage, flags);
  const dataplane = await createDataplane({ workers, ...(workers === 0 && { memoryBytes: MEMORY }) });
  const progress = new Progress(sizeOf(input));
  const format = options.format ?? formatOfName(output);
  try {
    const source = await openCaptureFile(input);
    const sink = await openSink(output, source);
    const summary = await dataplane.processCapture(source, [stage], sink, {
      format,
      onProgress: ({ bytesRead }) => progress.update(bytesRead),
    });
    progress.stop();
    await report(
      { command, input, output, outputFormat: format === "same" ? summary.format : format, summary },
      options,
    );
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

function checkStage(stage: Stage, flags: Readonly<Record<string, string>>): void {
  try {
    compileStages([stage]);
  } catch (error) {
    const [, field, rest] = /^stages\[0\]\.(\w+)(: .*)$/.exec((error as Error).message) ?? [];
    if (field === undefined) throw error;
    const flag = flags[field] ?? field.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    throw new UsageError(`--${flag}${rest}`);
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

/** The summary keeps out of the way of a capture on standard output. */
async function report(run: Run, { json }: TransformOptions): Promise<void> {
  const text = json ? summaryJson(run) : summaryText(run);
  if (isStandardOutput(run.output)) process.stderr.write(text);
  else await print(text);
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
