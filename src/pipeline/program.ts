// Compiled stages in the kernels' memory, and the state of those who run them.
//
// A program serves all threads that run it. What changes while it runs (counters, tables, where a sample stands) is in a
// state, and each thread has one of its own: a lane, a place for a piece of a capture, a pipeline on the caller's thread.
// What is asked of all of them is summed up then. A program that only one state runs can get another stage in the place of
// one: its record is a copy of bytes, made by the thread that runs it, between two bursts.

import { closed } from "../core/arguments.ts";
import { Undo } from "../core/undo.ts";
import { expectKernels, type Kernels } from "../kernel/kernels.ts";
import { COUNT_ENTRIES, COUNT_PLACE_LENGTH, COUNT_USED } from "../layout/count.layout.ts";
import { COUNTER_LENGTH, PIPELINE_COUNTERS_LENGTH } from "../layout/drop.layout.ts";
import { STAGE_LENGTH, STAGE_STATE, STATE_CHANGED } from "../layout/stage.layout.ts";
import type { CompiledStages, StageState } from "./compiled-stages.ts";
import { indexTable, tableFill } from "./count-table.ts";
import { type CodeRegion, PlacedCode } from "./placed-code.ts";
import { NO_COUNTERS, ofStage, readTally, type Tally } from "./tally.ts";

export class Program {
  readonly kernels: Kernels;
  /** Address of the first stage record, for kernels. */
  readonly address: number;
  #compiled: CompiledStages;
  /** By stage. */
  readonly #code: CodeRegion[][];
  #closed = false;
  /** Whether a stage has been replaced: its record knows the one state that there is. */
  #isOfOne = false;
  /** Whoever has a state open runs the records; and a stage that is on its way there is written to them. */
  #users = 0;

  /** `code` is that of the stages where it lies in memory already. */
  constructor(kernels: Kernels, compiled: CompiledStages, code?: PlacedCode) {
    this.kernels = expectKernels(kernels);
    this.#compiled = compiled;
    const { plan } = kernels;
    const undo = new Undo();
    try {
      this.address = undo.with(plan.reserve("a pipeline", compiled.records.length), (at) => plan.release(at));
      kernels.bytes.set(compiled.records, this.address);
      const placed = code ?? new PlacedCode(kernels, compiled);
      this.#code = compiled.states.map((_, stage) => {
        const record = this.address + stage * STAGE_LENGTH;
        return placed.point(stage, record, record);
      });
      if (code === undefined) placed.release();
    } catch (error) {
      throw undo.because(error);
    }
  }

  get compiled(): CompiledStages {
    return this.#compiled;
  }

  /** How many stages there are. */
  get length(): number {
    return this.compiled.states.length;
  }

  /** Bytes of headroom that its stages may take from a frame, all together. */
  get headroom(): number {
    return this.compiled.headroom;
  }

  /** A state for one thread, in which everything begins, and which says what program it is of. It is to be closed. */
  open(): ProgramState {
    this.expectOpen();
    if (this.#isOfOne) {
      const program = new Program(this.kernels, this.#compiled);
      try {
        return program.open();
      } finally {
        program.close();
      }
    }
    const state = new ProgramState(this, () => this.#leave());
    this.#users++;
    return state;
  }

  /** Whether anybody but who asks has a state open. */
  get isShared(): boolean {
    return this.#users > 1;
  }

  /**
   * Readies stage `index` of `code` to take the place of the one that is there, for `state`, which must be the only one.
   * What it counts begins anew, what the others do goes on.
   */
  prepare(index: number, code: PlacedCode, state: ProgramState): PreparedStage {
    const { kernels, address } = this;
    const { plan } = kernels;
    const { compiled } = code;
    const place = address + index * STAGE_LENGTH;
    const undo = new Undo();
    const reserve = (purpose: string, length: number): number =>
      undo.with(plan.reserve(purpose, length), (at) => plan.release(at));
    let record: number;
    let stateAddress: number;
    try {
      record = reserve("a stage's record", STAGE_LENGTH);
      stateAddress = reserve("a stage's state", (compiled.states[index] as StageState).length);
    } catch (error) {
      throw undo.because(error);
    }
    const from = index * STAGE_LENGTH;
    kernels.bytes.set(compiled.records.subarray(from, from + STAGE_LENGTH), record);
    // The state may lie in front of the others: kernels add up in 32 bits.
    kernels.words[(record + STAGE_STATE) >>> 2] = stateAddress - state.address;
    const regions = code.point(index, record, place);
    this.#users++;
    const end = (unused: readonly CodeRegion[]): void => {
      plan.release(record);
      for (const region of unused) region.release();
      this.#leave();
    };
    return {
      record,
      place,
      put: () => putRecord(kernels, record, place),
      done: () => {
        const before = state.take(index, compiled, stateAddress);
        const unused = this.#code[index] as CodeRegion[];
        this.#code[index] = regions;
        this.#compiled = compiled;
        this.#isOfOne = true;
        end(unused);
        return before;
      },
      cancel: () => {
        plan.release(stateAddress);
        end(regions);
      },
    };
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

  #leave(): void {
    this.#users--;
    this.#release();
  }

  #release(): void {
    if (!this.#closed || this.#users > 0) return;
    this.kernels.plan.release(this.address);
    for (const region of this.#code.flat()) region.release();
  }
}

/** A stage that is ready to take the place of another. One of `done` and `cancel` is to be called, once. */
export interface PreparedStage {
  /** Its record, and where that is to be copied, between two bursts of the thread that runs the program. */
  readonly record: number;
  readonly place: number;
  /** Copies it: again, if need be. Only where no thread runs the program. */
  put(): void;
  /** For when it has been copied. What the one before needed is given back; returns what that had counted. */
  done(): Tally;
  /** Leaves everything as it was; it must not have been copied. */
  cancel(): void;
}

/** Copies a record to where it is run. */
export function putRecord(kernels: Kernels, record: number, place: number): void {
  kernels.bytes.copyWithin(place, record, record + STAGE_LENGTH);
}

/** What changes while one thread runs a program. */
export class ProgramState {
  readonly program: Program;
  /** Where it lies, for kernels: the drop counters first. */
  readonly address: number;
  readonly #closing: () => void;
  #closed = false;
  /** Each stage's, and where it lies, from the address on. */
  #states: CompiledStages["states"];
  /** Regions of stages that have taken the place of others, by stage. */
  readonly #replaced: Map<number, number> = new Map();
  /** What those that are there no more had changed, by stage. */
  #changed: number[] = [];

  /** Made by `program.open()`. */
  constructor(program: Program, closing: () => void) {
    this.program = program;
    this.#closing = closing;
    this.#states = program.compiled.states;
    this.address = program.kernels.plan.reserve("a pipeline's state", program.compiled.stateLength);
  }

  /** What it has counted since the start or the last `reset()`. */
  tally(): Tally {
    const tally = readTally(this.program.kernels, this.address, this.#states);
    if (this.#changed.length === 0) return tally;
    return { ...tally, changed: tally.changed.map((count, stage) => count + (this.#changed[stage] ?? 0)) };
  }

  /** For the program: stage `index` is that of `compiled` now, with its state at `address`. Returns what that before had counted. */
  take(index: number, { states }: CompiledStages, address: number): Tally {
    const { kernels } = this.program;
    if (this.#closed) {
      kernels.plan.release(address);
      return NO_COUNTERS;
    }
    const before = ofStage(readTally(kernels, this.address, this.#states), index);
    const { offset } = this.#states[index] as { readonly offset: number };
    this.#changed[index] =
      (this.#changed[index] ?? 0) + kernels.counter(this.address + offset + STATE_CHANGED);
    const taken = { ...(states[index] as StageState), offset: address - this.address };
    this.#states = this.#states.map((state, stage) => (stage === index ? taken : state));
    // What lies with all others stays until those go.
    const unused = this.#replaced.get(index);
    if (unused !== undefined) kernels.plan.release(unused);
    this.#replaced.set(index, address);
    return before;
  }

  /** Lets everything count from zero. What is no counter goes on: a sample by frame passes over as many as it would have. */
  reset(): void {
    const { words } = this.program.kernels;
    // Not bytes: those of shared memory are filled one by one.
    const zero = (from: number, length: number): unknown => words.fill(0, from >>> 2, (from + length) >>> 2);
    zero(this.address, PIPELINE_COUNTERS_LENGTH);
    this.#changed = [];
    for (const { offset, counted, table } of this.#states) {
      const state = this.address + offset;
      if (table !== undefined && words[(state + COUNT_USED) >>> 2] !== 0)
        zero(state + table.index, table.places * COUNT_PLACE_LENGTH);
      zero(state, counted);
    }
  }

  /** Writes a copy of all that it has counted to `address`, where there is room for a whole state. */
  saveCounters(address: number): void {
    const { kernels, compiled } = this.program;
    copyCounters(kernels, this.address, this.#states, address, compiled.states);
  }

  /** Lets it have counted what such a copy says. */
  restoreCounters(address: number): void {
    const { kernels, compiled } = this.program;
    const used = (at: number): number => kernels.words[(at + COUNT_USED) >>> 2] as number;
    const changed = this.#states.filter(
      ({ offset, table }, stage) =>
        table !== undefined &&
        used(this.address + offset) !== used(address + (compiled.states[stage]?.offset as number)),
    );
    copyCounters(kernels, address, compiled.states, this.address, this.#states);
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
    const { plan } = this.program.kernels;
    plan.release(this.address);
    for (const region of this.#replaced.values()) plan.release(region);
    this.#closing();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Copies what is counted from one place to another, each with its own offsets of the same stages. */
function copyCounters(
  kernels: Kernels,
  from: number,
  statesThere: CompiledStages["states"],
  to: number,
  statesHere: CompiledStages["states"],
): void {
  const { bytes } = kernels;
  bytes.copyWithin(to, from, from + PIPELINE_COUNTERS_LENGTH);
  statesThere.forEach(({ offset, counted, table }, stage) => {
    const source = from + offset;
    const target = to + (statesHere[stage]?.offset as number);
    bytes.copyWithin(target, source, source + counted);
    if (table === undefined) return;
    const entries = source + COUNT_ENTRIES;
    bytes.copyWithin(target + COUNT_ENTRIES, entries, entries + tableFill(kernels, source, table));
  });
}
