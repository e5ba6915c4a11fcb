// Tables of what was counted by key: read from memory, and added up over threads.

import type { Kernels } from "../kernel/kernels.ts";
import {
  COUNT_ENTRIES,
  COUNT_OTHER_BYTES,
  COUNT_OTHER_FRAMES,
  COUNT_PLACE_LENGTH,
  COUNT_USED,
  ENTRY_BYTES,
  ENTRY_FRAMES,
  ENTRY_HASH,
  ENTRY_KEY,
} from "../layout/count.layout.ts";
import { type CountedKey, keyText } from "./count-keys.ts";

/** How a table is laid out, and what is to be told of it. */
export interface CountTable {
  readonly by: readonly CountedKey[];
  readonly top: number | undefined;
  /** Entries that there is room for. */
  readonly capacity: number;
  readonly entryLength: number;
  /** Where the index lies, from the stage's state on, and how many places it has: a power of two. */
  readonly index: number;
  readonly places: number;
}

/** Frames, and their bytes as they were on the wire. */
export interface FrameCount {
  readonly frames: number;
  readonly bytes: number;
}

/** What was counted before it is told: whole tables, so that they can be added up. It can be posted to other threads. */
export interface TableTally {
  readonly stage: number;
  readonly by: readonly CountedKey[];
  readonly top: number | undefined;
  readonly capacity: number;
  readonly entries: ReadonlyMap<string, FrameCount>;
  readonly others: FrameCount;
}

/** What the table of stage `stage`, whose state is at `state`, has counted. */
export function readTable(kernels: Kernels, stage: number, state: number, table: CountTable): TableTally {
  const { by, top, capacity } = table;
  const used = kernels.words[(state + COUNT_USED) >>> 2] as number;
  const entries = new Map<string, FrameCount>();
  for (let index = 0; index < used; index++) {
    const at = state + COUNT_ENTRIES + index * table.entryLength;
    const count = {
      frames: kernels.counter(at + ENTRY_FRAMES),
      bytes: kernels.counter(at + ENTRY_BYTES),
    };
    if (count.frames > 0) add(entries, keyText(by, kernels.view, at + ENTRY_KEY), count);
  }
  const others = {
    frames: kernels.counter(state + COUNT_OTHER_FRAMES),
    bytes: kernels.counter(state + COUNT_OTHER_BYTES),
  };
  return { stage, by, top, capacity, entries, others };
}

/** Bytes of a table that are in use, from the first entry on. */
export function tableFill(kernels: Kernels, state: number, table: CountTable): number {
  return (kernels.words[(state + COUNT_USED) >>> 2] as number) * table.entryLength;
}

/** Makes the index of the table at `state` that of its entries, after these have been changed from outside. */
export function indexTable({ words }: Kernels, state: number, table: CountTable): void {
  const index = state + table.index;
  words.fill(0, index >>> 2, (index + table.places * COUNT_PLACE_LENGTH) >>> 2);
  const used = words[(state + COUNT_USED) >>> 2] as number;
  for (let number = 1; number <= used; number++) {
    const entry = state + COUNT_ENTRIES + (number - 1) * table.entryLength;
    let place = (words[(entry + ENTRY_HASH) >>> 2] as number) % table.places;
    while (words[(index + place * COUNT_PLACE_LENGTH) >>> 2] !== 0) place = (place + 1) % table.places;
    words[(index + place * COUNT_PLACE_LENGTH) >>> 2] = number;
  }
}

/**
 * Adds tables of one stage up. As many keys stay as one table has room for, those with the most frames; the others are
 * counted together, so that no sum grows without end.
 */
export function sumTables(all: readonly [TableTally, ...TableTally[]]): TableTally {
  const [first] = all;
  if (all.length === 1) return first;
  const entries = new Map<string, FrameCount>();
  let others: FrameCount = { frames: 0, bytes: 0 };
  for (const table of all) {
    for (const [key, count] of table.entries) add(entries, key, count);
    others = plus(others, table.others);
  }
  if (entries.size <= first.capacity) return { ...first, entries, others };
  const sorted = sortedEntries(entries);
  for (const [, count] of sorted.slice(first.capacity)) others = plus(others, count);
  return { ...first, entries: new Map(sorted.slice(0, first.capacity)), others };
}

/** Those with the most frames first; with as many, by key. */
export function sortedEntries(entries: ReadonlyMap<string, FrameCount>): [string, FrameCount][] {
  return [...entries].sort(
    ([one, { frames: a }], [other, { frames: b }]) => b - a || (one < other ? -1 : one > other ? 1 : 0),
  );
}

function add(entries: Map<string, FrameCount>, key: string, count: FrameCount): void {
  const before = entries.get(key);
  entries.set(key, before === undefined ? count : plus(before, count));
}

export function plus(a: FrameCount, b: FrameCount): FrameCount {
  return { frames: a.frames + b.frames, bytes: a.bytes + b.bytes };
}
