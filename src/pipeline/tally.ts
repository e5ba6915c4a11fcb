// What was counted of the frames that went through stages: read from memory, and added up over threads.

import type { Kernels } from "../kernel/kernels.ts";
import { COUNTER_LENGTH, DROP_NONE, OWN_REASONS_END, STAGE_DROPS } from "../layout/drop.layout.ts";
import { STATE_CHANGED } from "../layout/stage.layout.ts";
import type { CompiledStages } from "./compiled-stages.ts";
import { readTable, sumTables, type TableTally } from "./count-table.ts";

/** What one thread, or several, counted, before it is told. It can be added up, and posted to other threads. */
export interface Tally {
  readonly forwarded: number;
  /** By codes of reasons: names are for who is told, so that workers need none. */
  readonly drops: Readonly<Record<number, number>>;
  readonly changed: readonly number[];
  /** By stage. What no stage dropped stands in none. */
  readonly stageDrops: readonly number[];
  readonly tables: readonly TableTally[];
  /** Counters of stages of the user's own, behind that of frames changed. */
  readonly modules: readonly ModuleCounts[];
}

/** What a `module` stage has counted, or a stage in JavaScript that has counters. */
export interface ModuleCounts {
  /** Which stage of the pipeline that is, from 0. */
  readonly stage: number;
  /** Its `countedBytes` behind the first eight, as numbers of 64 bits: exact up to 2^53. */
  readonly values: readonly number[];
  /** What each is called, of a stage in JavaScript. */
  readonly names?: readonly string[];
}

/** Of frames that there were not. */
export const NO_COUNTERS: Tally = {
  forwarded: 0,
  drops: {},
  changed: [],
  stageDrops: [],
  tables: [],
  modules: [],
};

/** What is counted in the state at `address`, or in a copy of it, of a thread whose stages have these. */
export function readTally(kernels: Kernels, address: number, states: CompiledStages["states"]): Tally {
  const drops: Record<number, number> = {};
  for (let code = DROP_NONE + 1; code < OWN_REASONS_END; code++) {
    const count = kernels.counter(address + code * COUNTER_LENGTH);
    if (count > 0) drops[code] = count;
  }
  return {
    forwarded: kernels.counter(address),
    drops,
    changed: states.map(({ offset }) => kernels.counter(address + offset + STATE_CHANGED)),
    stageDrops: states.map((_, stage) => kernels.counter(address + STAGE_DROPS + stage * COUNTER_LENGTH)),
    tables: states.flatMap(({ offset, table }, stage) =>
      table === undefined ? [] : [readTable(kernels, stage, address + offset, table)],
    ),
    modules: states.flatMap(({ offset, counted, told, names }, stage) =>
      told === true
        ? [{ stage, values: readCounters(kernels, address + offset, counted), ...(names && { names }) }]
        : [],
    ),
  };
}

function readCounters(kernels: Kernels, state: number, counted: number): number[] {
  return Array.from({ length: (counted >>> 3) - 1 }, (_, index) => kernels.counter(state + 8 * (index + 1)));
}

/** What threads with these stages have counted before the first frame. */
export function emptyTally({ states }: CompiledStages): Tally {
  const none = { frames: 0, bytes: 0 };
  return {
    ...NO_COUNTERS,
    changed: states.map(() => 0),
    stageDrops: states.map(() => 0),
    tables: states.flatMap(({ table }, stage) => {
      if (table === undefined) return [];
      const { by, top, capacity } = table;
      return [{ stage, by, top, capacity, entries: new Map(), others: none }];
    }),
    modules: states.flatMap(({ told, counted, names }, stage) =>
      told === true
        ? [{ stage, values: new Array<number>((counted >>> 3) - 1).fill(0), ...(names && { names }) }]
        : [],
    ),
  };
}

/** Only what a stage has counted by itself, in tables and counters of its own. */
export function ofStage({ tables, modules }: Tally, index: number): Tally {
  const isOfIt = ({ stage }: { readonly stage: number }): boolean => stage === index;
  return { ...NO_COUNTERS, tables: tables.filter(isOfIt), modules: modules.filter(isOfIt) };
}

/** All but that. */
export function withoutStage(tally: Tally, index: number): Tally {
  const isOther = ({ stage }: { readonly stage: number }): boolean => stage !== index;
  return { ...tally, tables: tally.tables.filter(isOther), modules: tally.modules.filter(isOther) };
}

/** Adds up; stage by stage where there are stages. */
export function sumTallies(all: readonly Tally[]): Tally {
  const drops: Record<number, number> = {};
  const changed: number[] = [];
  const stageDrops: number[] = [];
  const tables = new Map<number, [TableTally, ...TableTally[]]>();
  const modules = new Map<number, ModuleCounts>();
  let forwarded = 0;
  for (const tally of all) {
    forwarded += tally.forwarded;
    for (const code in tally.drops) drops[code] = (drops[code] ?? 0) + (tally.drops[code] ?? 0);
    addByStage(changed, tally.changed);
    addByStage(stageDrops, tally.stageDrops);
    for (const table of tally.tables) {
      const before = tables.get(table.stage);
      if (before === undefined) tables.set(table.stage, [table]);
      else before.push(table);
    }
    for (const counts of tally.modules) {
      const before = modules.get(counts.stage)?.values;
      const values = before?.map((sum, i) => sum + (counts.values[i] ?? 0)) ?? [...counts.values];
      modules.set(counts.stage, { ...counts, values });
    }
  }
  return {
    forwarded,
    drops,
    changed,
    stageDrops,
    tables: [...tables.values()].map(sumTables),
    modules: [...modules.values()],
  };
}

function addByStage(sums: number[], counts: readonly number[]): void {
  counts.forEach((count, index) => {
    sums[index] = (sums[index] ?? 0) + count;
  });
}

/** How many frames were dropped, for whatever reason. */
export function droppedOf({ drops }: Tally): number {
  return Object.values(drops).reduce((sum, count) => sum + count, 0);
}

/** How many frames there were. */
export function framesOf(tally: Tally): number {
  return tally.forwarded + droppedOf(tally);
}

/** Says only that `count` frames were dropped for the reason with this code. */
export function droppedOnly(code: number, count: number): Tally {
  return count === 0 ? NO_COUNTERS : { ...NO_COUNTERS, drops: { [code]: count } };
}
