// What is said of frames beside their bytes, and comes out with them: checked once for a burst, then numbers only.

import { ArgumentRangeError } from "../core/argument-error.ts";
import { wholeNumber, wrongType } from "../core/arguments.ts";
import { type Fields, given, onlyFields, uint64 } from "../core/fields.ts";

/** What goes along with the frames of a burst; each list has an item for each frame. What is not given is 0. */
export interface BurstNotes {
  /** Numbers from 0 to 2^32 - 1 that stages and filters see, and may set. */
  readonly marks?: ArrayLike<number> | undefined;
  /** Times in nanoseconds, from 0 to 2^64 - 1, that stages may ask for. A BigUint64Array is read without making bigints. */
  readonly times?: BigUint64Array | readonly bigint[] | undefined;
  /** Numbers from 0 to 2^32 - 1 that stages may ask for: ports as the sender counts them, or anything else. */
  readonly ports?: ArrayLike<number> | undefined;
}

export const burstNotesFields: Fields<BurstNotes> = {
  marks: given("an array of numbers"),
  times: given("an array of bigints"),
  ports: given("an array of numbers"),
};

/** The same, checked. */
export interface CheckedNotes {
  readonly marks: ArrayLike<number> | undefined;
  /** Two words each, the low one first. */
  readonly times: Uint32Array | undefined;
  readonly ports: ArrayLike<number> | undefined;
  /** Of super-frames the bytes of their longest segment, and of all others their length; undefined: there are none. */
  readonly wires?: ArrayLike<number> | undefined;
}

const NUMBER_MAXIMUM = 0xffffffff;
const TIME = uint64();

/**
 * Checks what goes along with `count` frames; undefined if that is nothing.
 * @throws ArgumentError that names the list.
 */
export function checkNotes(notes: BurstNotes, count: number): CheckedNotes | undefined {
  const { marks, times, ports } = notes;
  if (marks === undefined && times === undefined && ports === undefined) return undefined;
  return {
    marks: numbers("marks", marks, count),
    times: times === undefined ? undefined : timeWords(times, count),
    ports: numbers("ports", ports, count),
  };
}

/** The same for those who take nothing else. */
export function checkOnlyNotes(notes: unknown, count: number): CheckedNotes | undefined {
  onlyFields("options", burstNotesFields, notes);
  return checkNotes(notes as BurstNotes, count);
}

function numbers(
  path: string,
  list: ArrayLike<number> | undefined,
  count: number,
): ArrayLike<number> | undefined {
  if (list === undefined) return undefined;
  if (typeof list !== "object" || list === null) throw wrongType(path, "an array of numbers", list);
  for (let index = 0; index < count; index++) wholeNumber(path, list[index], 0, NUMBER_MAXIMUM);
  return list;
}

function timeWords(times: BigUint64Array | readonly bigint[], count: number): Uint32Array {
  if (times instanceof BigUint64Array) {
    if (times.length < count)
      throw new ArgumentRangeError("out-of-range", "times", `expected ${count}, got ${times.length}`);
    return new Uint32Array(times.buffer, times.byteOffset, 2 * count);
  }
  if (!Array.isArray(times)) throw wrongType("times", "a BigUint64Array or an array of bigints", times);
  const own = new BigUint64Array(count);
  for (let index = 0; index < count; index++) own[index] = TIME.check("times", times[index]);
  return new Uint32Array(own.buffer);
}
