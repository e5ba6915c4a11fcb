// Compiled stages in the kernels' memory, and the state of those who run them.
//
// A program is written once and serves all threads. What changes while it runs (counters, tables, where a sample stands)
// is in a state, and each thread has one of its own: a lane, a place for a piece of a capture, a pipeline on the caller's
// thread. What is asked of all of them is summed up then.

import { closed } from "../core/arguments.ts";
import { expectKernels, type Kernels } from "../kernel/kernels.ts";
import { COUNT_ENTRIES, COUNT_PLACE_LENGTH, COUNT_USED } from "../layout/count.layout.ts";
import { COUNTER_LENGTH, PIPELINE_COUNTERS_LENGTH } from "../layout/drop.layout.ts";
import type { CompiledStages } from "./compiled-stages.ts";
import { indexTable, tableFill } from "./count-table.ts";
import { readTally, type Tally } from "./tally.ts";

export class Program {
  readonly kernels: Kernels;
  readonly compiled: CompiledStages;
  /** Address of the first stage record, for kernels. */
  readonly address: number;
  #closed = false;
  /** Whoever has a state open runs the records. */
  #states = 0;

  constructor(kernels: Kernels, compiled: CompiledStages) {
    this.kernels = expectKernels(kernels);
    this.compiled = compiled;
    this.address = kernels.plan.reserve("a pipeline", compiled.records.length);
    kernels.bytes.set(compiled.records, this.address);
  }

  /** How many stages there are. */
  get length(): number {
    return this.compiled.states.length;
  }

  /** Bytes of headroom that its stages may take from a frame, all together. */
  get headroom(): number {
    return this.compiled.headroom;
  }

  /** A state for one thread, in which everything begins. It is to be closed. */
  open(): ProgramState {
    this.expectOpen();
    const state = new ProgramState(this, () => {
      this.#states--;
      this.#release();
    });
    this.#states++;
    return state;
  }

  /** For those who run it: throws a TypeError if it has been closed. */
  expectOpen(): void {
    if (this.#closed) throw closed("pipeline");
  }

  /** Lets no more states be opened, and gives the memory back as soon as none is open. */
  close(): void {
    // Only once: by then the memory may be someone else's.
    if (this.#closed) return;
    this.#closed = true;
    this.#release();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #release(): void {
    if (this.#closed && this.#states === 0) this.kernels.plan.release(this.address);
  }
}

/** What changes while one thread runs a program. */
export class ProgramState {
  readonly program: Program;
  /** Where it lies, for kernels: the drop counters first. */
  readonly address: number;
  readonly #closing: () => void;
  #closed = false;

  /** Made by `program.open()`. */
  constructor(program: Program, closing: () => void) {
    this.program = program;
    this.#closing = closing;
    this.address = program.kernels.plan.reserve("a pipeline's state", program.compiled.stateLength);
  }

  /** What it has counted since the start or the last `reset()`. */
  tally(): Tally {
    return readTally(this.program.kernels, this.address, this.program.compiled);
  }

  /** Lets everything count from zero. What is no counter goes on: a sample by frame passes over as many as it would have. */
  reset(): void {
    const { kernels, compiled } = this.program;
    const { words } = kernels;
    // Not bytes: those of shared memory are filled one by one.
    const zero = (from: number, length: number): unknown => words.fill(0, from >>> 2, (from + length) >>> 2);
    zero(this.address, PIPELINE_COUNTERS_LENGTH);
    for (const { offset, counted, table } of compiled.states) {
      const state = this.address + offset;
      if (table !== undefined && words[(state + COUNT_USED) >>> 2] !== 0)
        zero(state + table.index, table.places * COUNT_PLACE_LENGTH);
      zero(state, counted);
    }
  }

  /** Writes a copy of all that it has counted to `address`, where there is room for a whole state. */
  saveCounters(address: number): void {
    copyCounters(this.program, this.address, address);
  }

  /** Lets it have counted what such a copy says. */
  restoreCounters(address: number): void {
    const { kernels, compiled } = this.program;
    const used = (at: number): number => kernels.words[(at + COUNT_USED) >>> 2] as number;
    const changed = compiled.states.filter(
      ({ offset, table }) => table !== undefined && used(this.address + offset) !== used(address + offset),
    );
    copyCounters(this.program, address, this.address);
    for (const { offset, table } of changed)
      if (table !== undefined) indexTable(kernels, this.address + offset, table);
  }

  /** Counts frames that were dropped before any kernel saw them. */
  countDrops(reason: number, frames: number): void {
    const { view } = this.program.kernels;
    const at = this.address + reason * COUNTER_LENGTH;
    view.setBigUint64(at, view.getBigUint64(at, true) + BigInt(frames), true);
  }

  /** Gives the memory back. It cannot be used afterwards. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.program.kernels.plan.release(this.address);
    this.#closing();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function copyCounters({ kernels, compiled }: Program, from: number, to: number): void {
  const { bytes } = kernels;
  bytes.copyWithin(to, from, from + PIPELINE_COUNTERS_LENGTH);
  for (const { offset, counted, table } of compiled.states) {
    bytes.copyWithin(to + offset, from + offset, from + offset + counted);
    if (table === undefined) continue;
    const entries = from + offset + COUNT_ENTRIES;
    bytes.copyWithin(
      to + offset + COUNT_ENTRIES,
      entries,
      entries + tableFill(kernels, from + offset, table),
    );
  }
}
