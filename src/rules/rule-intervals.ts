// Into which intervals the rules of a table divide a word of the key, and which tuples have a rule for each.

import { type Asked, rangeOf } from "./rule-match.ts";

/** Of one word: the intervals that rules make of it, and those that each rule takes. */
export interface Intervals {
  readonly word: number;
  /** Where each begins, in order; the first with 0. */
  readonly starts: Uint32Array;
  /** The first and the last of each rule; -1 if it takes any. */
  readonly firsts: Int32Array;
  readonly lasts: Int32Array;
}

/** Undefined if no rule asks for the word. */
export function intervalsOf(asked: readonly Asked[], word: number): Intervals | undefined {
  const points = new Float64Array(2 * asked.length + 1);
  let count = 1;
  for (const each of asked) {
    const range = rangeOf(each, word);
    if (range === undefined) continue;
    points[count++] = range[0];
    points[count++] = range[1] === 0xffffffff ? 0 : range[1] + 1;
  }
  if (count === 1) return undefined;
  const sorted = points.subarray(0, count).sort();
  let kept = 0;
  for (const point of sorted) if (kept === 0 || point !== sorted[kept - 1]) sorted[kept++] = point;
  const starts = Uint32Array.from(sorted.subarray(0, kept));
  const firsts = new Int32Array(asked.length).fill(-1);
  const lasts = new Int32Array(asked.length).fill(-1);
  asked.forEach((each, rule) => {
    const range = rangeOf(each, word);
    if (range === undefined) return;
    firsts[rule] = intervalAt(starts, range[0]);
    lasts[rule] = range[0] === range[1] ? (firsts[rule] as number) : intervalAt(starts, range[1]);
  });
  return { word, starts, firsts, lasts };
}

/** The last interval that begins at `value` or in front of it; the first one begins with 0. */
export function intervalAt(starts: Uint32Array, value: number): number {
  let low = 0;
  let high = starts.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((starts[middle] as number) <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Tuples as bits of two words. */
export interface Sets {
  readonly low: Uint32Array;
  readonly high: Uint32Array;
}

/** Stands in no tuple. */
export const NO_TUPLE = 255;

/** Of each interval: the tuples that have a rule which takes it. */
export function setsOf({ starts, firsts, lasts }: Intervals, tupleOf: Uint8Array): Sets {
  const low = new Uint32Array(starts.length);
  const high = new Uint32Array(starts.length);
  const counts = new Int32Array(64);
  const current = [0, 0];
  const count = (tuple: number, by: number): void => {
    if (tuple === NO_TUPLE) return;
    const now = (counts[tuple] as number) + by;
    counts[tuple] = now;
    const bit = 1 << (tuple & 31);
    const half = tuple >>> 5;
    current[half] = now === 0 ? (current[half] as number) & ~bit : (current[half] as number) | bit;
  };
  // Rules that begin and end with each interval, as lists through two arrays.
  const begin = new Int32Array(starts.length).fill(-1);
  const end = new Int32Array(starts.length).fill(-1);
  const afterBegin = new Int32Array(firsts.length);
  const afterEnd = new Int32Array(firsts.length);
  for (let rule = 0; rule < firsts.length; rule++) {
    const first = firsts[rule] as number;
    const last = lasts[rule] as number;
    if (first < 0) count(tupleOf[rule] as number, 1);
    else {
      afterBegin[rule] = begin[first] as number;
      begin[first] = rule;
      afterEnd[rule] = end[last] as number;
      end[last] = rule;
    }
  }
  for (let at = 0; at < starts.length; at++) {
    for (let rule = begin[at] as number; rule >= 0; rule = afterBegin[rule] as number)
      count(tupleOf[rule] as number, 1);
    low[at] = current[0] as number;
    high[at] = current[1] as number;
    for (let rule = end[at] as number; rule >= 0; rule = afterEnd[rule] as number)
      count(tupleOf[rule] as number, -1);
  }
  return { low, high };
}
