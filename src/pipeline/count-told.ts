// What is told of tables of what was counted by key. Workers do without: it takes the texts of addresses.

import { formatIp, formatMac } from "../core/addresses.ts";
import { wrappingOfNumber } from "../tunnel/wrappings.ts";
import { type CountedKey, type CountKeyValues, KEY_PARTS } from "./count-keys.ts";
import { type FrameCount, plus, sortedEntries, type TableTally } from "./count-table.ts";

/** Frames of one key. What the frames have not is not there: frames without a VNI make an entry without `vni`. */
export type CountEntry = FrameCount & Partial<CountKeyValues>;

/** What a stage has counted by key. */
export interface StageCounts extends FrameCount {
  /** Which stage of the pipeline that is, from 0. */
  readonly stage: number;
  readonly by: readonly CountedKey[];
  /** Those with the most frames first; with as many, by key. As many as the stage's `top` says at most. */
  readonly entries: readonly CountEntry[];
  /** What is in none of the entries: of keys that are not told, and of those that found no room. */
  readonly others: FrameCount;
  /** Whether each entry has all frames of its key. False once a key found no room in the table of a thread. */
  readonly complete: boolean;
}

/** What is told of a table. */
export function tellTable({ stage, by, top, entries, others }: TableTally): StageCounts {
  const sorted = sortedEntries(entries);
  const told = sorted.slice(0, top ?? sorted.length);
  const rest = sorted.slice(told.length).reduce((sum, [, count]) => plus(sum, count), others);
  const { frames, bytes } = told.reduce((sum, [, count]) => plus(sum, count), rest);
  return {
    stage,
    by,
    frames,
    bytes,
    entries: told.map(([key, count]) => ({ ...keyValues(by, key), ...count })),
    others: rest,
    complete: others.frames === 0,
  };
}

/** What the text of a key says; parts that are not there are left out. */
function keyValues(by: readonly CountedKey[], text: string): Partial<CountKeyValues> {
  const texts = text.split(",");
  return Object.fromEntries(
    by.flatMap((key, index) => {
      const part = texts[index] as string;
      return part === "" ? [] : [[key, partValue(key, part)]];
    }),
  );
}

function partValue(key: CountedKey, text: string): number | string {
  const { form } = KEY_PARTS[key];
  if (form === "kind") return wrappingOfNumber(Number.parseInt(text, 16)).name;
  if (form === "number") return Number.parseInt(text, 16);
  return form === "mac" ? formatMac(bytesOf(text)) : formatIp(bytesOf(text.slice(1)));
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}
