// The stage that counts frames and bytes by key, and where its table lies.

import { ArgumentRangeError, ArgumentTypeError } from "../core/argument-error.ts";
import { choice, type Kind, list, whole } from "../core/fields.ts";
import {
  COUNT_CAPACITY,
  COUNT_ENTRIES,
  COUNT_ENTRY_LENGTH,
  COUNT_INDEX,
  COUNT_INDEX_MASK,
  COUNT_KEY,
  COUNT_KEY_LENGTH,
  COUNT_PLACE_LENGTH,
  ENTRY_KEY,
} from "../layout/count.layout.ts";
import { OPERATION_COUNT, STAGE_FLAGS } from "../layout/stage.layout.ts";
import type { StageState } from "./compiled-stages.ts";
import { COUNTED_KEYS, type CountedKey, type CountKey, FORM_LENGTHS, KEY_PARTS } from "./count-keys.ts";
import { type StageKind, stageKind } from "./stage-kind.ts";

/** Keys that a thread's table holds, if nobody says another number. */
const CAPACITY_DEFAULT = 1024;
const CAPACITY_MAXIMUM = 65536;

/** What a stage of its own counts by. */
const COUNT_KEYS: readonly CountKey[] = COUNTED_KEYS.filter(
  (key): key is CountKey => key !== "kind" && key !== "key",
);

/** One part of a key, or several in a list. */
const BY: Kind<CountKey | readonly CountKey[]> = {
  expected: `${choice(...COUNT_KEYS).expected}, or an array of such`,
  check: (path, value) => {
    const keys = Array.isArray(value)
      ? list(choice(...COUNT_KEYS)).check(path, value)
      : [choice(...COUNT_KEYS).check(path, value)];
    if (keys.length === 0) throw new ArgumentRangeError("out-of-range", path, "expected one key at least");
    const twice = keys.find((key, index) => keys.indexOf(key) !== index);
    if (twice !== undefined)
      throw new ArgumentTypeError("contradiction", path, `${twice} stands there twice`);
    return keys;
  },
  parse: (path, text) => text.split(",").map((name) => keyOfFlag(path, name)),
};

export const COUNT_STAGE: StageKind = stageKind<"count", "by" | "capacity">(
  "count",
  OPERATION_COUNT,
  {
    by: {
      ...BY,
      required: true,
      flag: "--by <KEYS>",
      help: `what to count by, several with commas between: ${COUNT_KEYS.map(flagOfKey).join(", ")}`,
    },
    top: {
      ...whole(1, CAPACITY_MAXIMUM),
      flag: "--top <N>",
      help: "tell only the N keys with the most frames; all others are told together",
    },
    capacity: {
      ...whole(1, CAPACITY_MAXIMUM),
      fallback: CAPACITY_DEFAULT,
      flag: "--capacity <N>",
      help: "keys to have room for; the frames of further ones are told together",
    },
  },
  ({ by, top, capacity }, record) => {
    const keys = by as readonly CountKey[];
    record.setUint32(
      STAGE_FLAGS,
      keys.reduce((bits, key) => bits | KEY_PARTS[key].bit, 0),
      true,
    );
    return { state: writeTable(record, keys, capacity, top) };
  },
);

/** Writes how a table is laid out into the record of a stage that has one; returns the state that the stage needs for it. */
export function writeTable(
  record: DataView,
  by: readonly CountedKey[],
  capacity: number = CAPACITY_DEFAULT,
  top?: number | undefined,
): StageState {
  const keyLength = roundUp(4 + by.reduce((sum, key) => sum + FORM_LENGTHS[KEY_PARTS[key].form], 0), 8);
  const entryLength = ENTRY_KEY + keyLength;
  const places = 2 ** Math.ceil(Math.log2(2 * capacity));
  const index = COUNT_ENTRIES + capacity * entryLength;
  record.setUint32(COUNT_KEY_LENGTH, keyLength, true);
  record.setUint32(COUNT_ENTRY_LENGTH, entryLength, true);
  record.setUint32(COUNT_CAPACITY, capacity, true);
  record.setUint32(COUNT_INDEX, index, true);
  record.setUint32(COUNT_INDEX_MASK, places - 1, true);
  return {
    length: index + places * COUNT_PLACE_LENGTH,
    counted: COUNT_KEY,
    table: { by, top, capacity, entryLength, index, places },
  };
}

/** `source-port` for `sourcePort`. */
export function flagOfKey(key: CountedKey): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function keyOfFlag(path: string, text: string): CountKey {
  const key = COUNT_KEYS.find((candidate) => flagOfKey(candidate) === text);
  if (key !== undefined) return key;
  choice(...COUNT_KEYS.map(flagOfKey)).check(path, text);
  throw new Error("unreachable");
}

function roundUp(value: number, to: number): number {
  return Math.ceil(value / to) * to;
}
