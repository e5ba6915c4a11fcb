// Runs the built command line as people do: as a program of its own.
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CaptureRecord, readCapture } from "frameferry/pcap";
import { onTestFinished } from "vitest";
import { CAPTURES_FOLDER, realCaptures } from "../support/real-captures.ts";

const root = join(import.meta.dirname, "../..");
export const CLI = join(root, "dist/cli.js");
export const VXLAN = join(root, "test/fixtures/vxlan.pcap");
export const QINQ = join(root, "test/fixtures/QinQ_802.1_AD.pcapng");

/** Of real captures, where they are at hand. */
export const captures: readonly string[] = realCaptures.map((path) => join(CAPTURES_FOLDER, path));

export const hasTshark: boolean = spawnSync("tshark", ["--version"]).status === 0;

export interface Outcome {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** Runs to the end, `input` on standard input. */
export async function frameferry(args: readonly string[], input?: Uint8Array): Promise<Outcome> {
  const started = start(args);
  started.child.stdin.end(input);
  return await started.ended;
}

export interface Started {
  readonly child: ChildProcessWithoutNullStreams;
  readonly ended: Promise<Outcome>;
  /** Settles when at least `length` bytes of standard output have come. */
  output(length: number): Promise<Buffer>;
}

export function start(args: readonly string[], nodeOptions: readonly string[] = []): Started {
  const child = spawn(process.execPath, [...nodeOptions, CLI, ...args]);
  const stdout: Buffer[] = [];
  let length = 0;
  let stderr = "";
  let wake = (): void => {};
  child.stdout.on("data", (chunk: Buffer) => {
    stdout.push(chunk);
    length += chunk.length;
    wake();
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  child.stdin.on("error", () => {}); // it may end before it has read everything
  const ended = new Promise<Outcome>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status, signal) => {
      wake();
      resolve({ status, signal, stdout: Buffer.concat(stdout), stderr });
    });
  });
  const output = async (wanted: number): Promise<Buffer> => {
    while (length < wanted && child.exitCode === null) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    return Buffer.concat(stdout);
  };
  return { child, ended, output };
}

/** A folder that goes away with the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "frameferry-cli-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export async function recordsOf(capture: string | Uint8Array): Promise<CaptureRecord[]> {
  const records: CaptureRecord[] = [];
  const bytes = typeof capture === "string" ? readFileSync(capture) : capture;
  for await (const record of readCapture(bytes)) records.push(record);
  return records;
}

/** What must not change on the way through a tunnel, in a form that compares well. */
export function frameAndTime({ data, timestamp, originalLength }: CaptureRecord): string {
  return `${timestamp} ${originalLength} ${Buffer.from(data).toString("hex")}`;
}
