// Captures through a switch: frames in the order of their times, whose clock the switch goes by.

import { statSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import { type ErrorPath, pathText, sentenceAt } from "../core/argument-error.ts";
import type { FrameBatch } from "../index.ts";
import { frameOf, LINK_TYPE_ETHERNET } from "../pcap.ts";
import { identityOf, identityOfOpen } from "../platform/file-identity.ts";
import { closeTogether, isStandardOutput } from "../platform/node-output.ts";
import type { SwitchCore } from "../switch.ts";
import { CaptureMerge, type MergedCapture, openMerged } from "./capture-merge.ts";
import { type CaptureOutput, createCaptureOutput } from "./capture-output.ts";
import { BadConfiguration } from "./failures.ts";
import { Progress } from "./progress.ts";
import type { BuiltSwitch } from "./switch-build.ts";
import type { CaptureNames, SwitchConfig } from "./switch-config.ts";

/** The captures of one port, as they are named and found. */
export interface PortCaptures {
  readonly name: string;
  readonly inputs: readonly string[];
  readonly output: string | undefined;
}

/** What was dropped in front of a port, because it is no whole Ethernet frame. */
export interface Refused {
  readonly frames: number;
  readonly bytes: number;
  readonly drops: Readonly<Record<string, number>>;
}

export interface SwitchRun {
  readonly sw: SwitchCore;
  readonly captures: ReadonlyMap<string, PortCaptures>;
  /** By port number. */
  readonly refused: ReadonlyMap<number, Refused>;
  /** Entries of the FDB that have aged. */
  readonly aged: number;
  /** Where the switch's clock stands at the end, in nanoseconds; undefined if no frame came. */
  readonly clock: bigint | undefined;
}

const MILLISECOND = 1_000_000n;
const SECOND = 1_000_000_000n;
const STDIN = 0;
const STDOUT = 1;
/** As many files as most systems let a process open, less some for itself. */
const CAPTURES_MAXIMUM = 4000;

/**
 * The captures of all ports, their names relative to the configuration's folder.
 * @throws BadConfiguration if two outputs are one, if one is what is read, the configuration included, if standard input
 * or output is wanted twice, or if there are too many to be open at a time. No file has been touched then.
 */
export function portCaptures(file: string, config: SwitchConfig): Map<string, PortCaptures> {
  const folder = file === "-" ? "." : dirname(file);
  const found = (name: string): string => (name === "-" || isAbsolute(name) ? name : join(folder, name));
  const takenBy = new Map<string, string>();
  const take = (identity: string | undefined, path: ErrorPath, what: string): void => {
    if (identity === undefined) return;
    const other = takenBy.get(identity);
    const place = pathText(path);
    if (other !== undefined) throw new BadConfiguration(file, sentenceAt(path, `${what} ${other} already`));
    takenBy.set(identity, place);
  };
  /** What is read, by identity, and what is to be written. */
  const readBy = new Map<string, string>();
  const written: [ErrorPath, string][] = [];
  const own = file === "-" ? identityOfOpen(STDIN) : identityOf(file);
  const captures = new Map<string, PortCaptures>();
  const add = (name: string, { in: inputs = [], out }: CaptureNames, path: ErrorPath): void => {
    const several = typeof inputs !== "string";
    const names = several ? inputs : [inputs];
    names.forEach((input, index) => {
      const place = [...path, "in", ...(several ? [index] : [])];
      if (input !== "-") return;
      if (file === "-")
        throw new BadConfiguration(file, sentenceAt(place, "it is the configuration already"));
      take("standard input", place, "standard input is read by");
    });
    names.forEach((input, index) => {
      const place = pathText([...path, "in", ...(several ? [index] : [])]);
      const identity = input === "-" ? identityOfOpen(STDIN) : identityOf(found(input));
      if (identity !== undefined) readBy.set(identity, `what ${place} reads`);
    });
    if (out !== undefined) {
      const place = [...path, "out"];
      const identity = isStandardOutput(found(out)) ? "standard output" : identityOf(found(out));
      take(identity, place, "the same file as that of");
      written.push([place, found(out)]);
    }
    const output = out === undefined ? undefined : found(out);
    captures.set(name, { name, inputs: names.map(found), output });
  };
  config.ports.forEach((port, index) => {
    add(port.name, port, ["ports", index]);
  });
  if (config.uplink !== undefined) add("uplink", config.uplink, ["uplink"]);
  if (own !== undefined) readBy.set(own, "the configuration");
  for (const [place, output] of written) {
    const read = readBy.get(fileBehind(output) ?? "");
    if (read !== undefined) throw new BadConfiguration(file, sentenceAt(place, `the same file as ${read}`));
  }
  let count = 0;
  for (const { inputs, output } of captures.values()) count += inputs.length + (output === undefined ? 0 : 1);
  if (count > CAPTURES_MAXIMUM)
    throw new BadConfiguration(
      file,
      `ports: all captures are open at a time, at most ${CAPTURES_MAXIMUM} of them, and it names ${count}`,
    );
  return captures;
}

/** What an output would be known by, if it is a file: standard output may be one. */
function fileBehind(path: string): string | undefined {
  return isStandardOutput(path) ? identityOfOpen(STDOUT) : identityOf(path);
}

/** Runs all captures through the switch. Files to write get their names when all is done, all or none. */
export async function runSwitch(
  { sw, batch }: BuiltSwitch,
  captures: ReadonlyMap<string, PortCaptures>,
): Promise<SwitchRun> {
  const inputs: MergedCapture[] = [];
  const outputs: (CaptureOutput | undefined)[] = [];
  const progress = new Progress(sizeOf(captures));
  let read = 0;
  const onRead = (bytes: number): void => {
    read += bytes;
    progress.update(read);
  };
  try {
    for (const { name, inputs: paths } of captures.values()) {
      const port = sw.port(name)?.number ?? 0;
      for (const path of paths) inputs.push(await openMerged(path, port, inputs.length, onRead));
    }
    for (const { name, output } of captures.values()) {
      if (output !== undefined) outputs[sw.port(name)?.number ?? 0] = await createCaptureOutput(output, name);
    }
    const running = new RunningSwitch(sw, batch, outputs);
    await running.run(inputs);
    await closeTogether(written(outputs).map(({ output }) => output));
    return { sw, captures, refused: running.refused, aged: running.aged, clock: running.clock };
  } catch (error) {
    for (const { output } of written(outputs)) await output.abort(error);
    throw error;
  } finally {
    progress.stop();
    for (const input of inputs) await input.close();
  }
}

/** A switch while captures run through it: its clock, and where its frames go. */
class RunningSwitch {
  readonly refused: Map<number, { frames: number; bytes: number; drops: Record<string, number> }> = new Map();
  aged = 0;
  clock: bigint | undefined;
  readonly #sw: SwitchCore;
  readonly #batch: FrameBatch;
  readonly #outputs: readonly (CaptureOutput | undefined)[];
  readonly #full: Set<CaptureOutput> = new Set();
  /** The clock in milliseconds, and the second in which the FDB was swept last. */
  #milliseconds = 0;
  #second = -1n;
  /** Of the frames in the batch. */
  #timestamp: bigint | undefined;

  constructor(sw: SwitchCore, batch: FrameBatch, outputs: readonly (CaptureOutput | undefined)[]) {
    this.#sw = sw;
    this.#batch = batch;
    this.#outputs = outputs;
  }

  async run(inputs: readonly MergedCapture[]): Promise<void> {
    const merge = new CaptureMerge();
    for (const input of inputs) if (await input.read()) merge.add(input);
    for (let input = merge.first; input !== undefined; input = merge.first) {
      this.#take(input);
      if (input.advance()) {
        merge.settle();
        if (this.#full.size > 0) await this.#flush(this.#full);
        continue;
      }
      // It may take a while until more comes: what can be done is done before.
      this.#forward();
      await this.#flush(written(this.#outputs).filter(({ live, isFull }) => live || isFull));
      if (await input.read()) merge.settle();
      else merge.remove();
    }
    this.#forward();
    await this.#flush(written(this.#outputs));
  }

  /** Puts the next frame of a capture into the batch, behind others of the same time only. */
  #take({ record, port, time }: MergedCapture): void {
    const { timestamp, interface: seenOn } = record;
    // Ports check and take off the frame check sequence, where captures have it.
    const { data, originalLength } = frameOf(record);
    if (this.#batch.length > 0 && timestamp !== this.#timestamp) this.#forward();
    if (this.clock === undefined || time > this.clock) this.#setClock(time);
    if (seenOn.linkType !== LINK_TYPE_ETHERNET || data.length < originalLength) {
      const reason = seenOn.linkType === LINK_TYPE_ETHERNET ? "cut-by-capture" : "not-ethernet";
      this.#refuse(port, data.length, reason);
      return;
    }
    this.#timestamp = timestamp;
    this.#batch.add(data, { mark: port });
    if (this.#batch.length === this.#batch.capacity) this.#forward();
  }

  #forward(): void {
    if (this.#batch.length === 0) return;
    this.#sw.forward(this.#batch, this.#milliseconds, this.#deliver);
    this.#batch.clear();
  }

  readonly #deliver = (frame: Uint8Array, port: number): void => {
    const output = this.#outputs[port];
    if (output === undefined) return;
    output.add(frame, this.#timestamp);
    if (output.isFull) this.#full.add(output);
  };

  /** It never goes back, though captures may. */
  #setClock(time: bigint): void {
    this.#forward();
    this.clock = time;
    this.#milliseconds = Number(time / MILLISECOND);
    const second = time / SECOND;
    if (second === this.#second) return;
    this.#second = second;
    this.aged += this.#sw.fdb.sweep(this.#milliseconds);
  }

  #refuse(port: number, bytes: number, reason: string): void {
    let refused = this.refused.get(port);
    if (refused === undefined) this.refused.set(port, (refused = { frames: 0, bytes: 0, drops: {} }));
    refused.frames++;
    refused.bytes += bytes;
    refused.drops[reason] = (refused.drops[reason] ?? 0) + 1;
  }

  async #flush(outputs: Iterable<CaptureOutput>): Promise<void> {
    for (const output of outputs) await output.flush();
    this.#full.clear();
  }
}

function written(outputs: readonly (CaptureOutput | undefined)[]): CaptureOutput[] {
  return outputs.filter((output) => output !== undefined);
}

/** Bytes of all captures that are read; undefined if there are pipes among them. */
function sizeOf(captures: ReadonlyMap<string, PortCaptures>): number | undefined {
  let size = 0;
  for (const path of [...captures.values()].flatMap(({ inputs }) => inputs)) {
    const status = path === "-" ? undefined : statSync(path, { throwIfNoEntry: false });
    if (status === undefined || !status.isFile()) return undefined;
    size += status.size;
  }
  return size;
}
