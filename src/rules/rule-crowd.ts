// Rules that hashing does not tell apart: of each word bits say which of them take it (Lakshman, Stiliadis, High-Speed
// Policy-based Packet Forwarding Using Efficient Multi-dimensional Range Matching, 1998).

import { CROWD_BLOCK, CROWD_RULES_MAXIMUM, DIRECT_LAST } from "../layout/rules.layout.ts";
import type { Intervals } from "./rule-intervals.ts";
import { type Asked, rangeOf } from "./rule-match.ts";

/** Bits of crowded rules, the first in front, and by number which of them belong to what. */
export interface CrowdBits {
  readonly numbers: Uint16Array;
  readonly bits: readonly Uint32Array[];
}

/** The first of the rules that stand in cells with too many others: bits of more would fill the caches. */
export function crowdOf(cells: Iterable<{ readonly rules: readonly number[] }>, most: number): number[] {
  const crowd = new Set<number>();
  for (const { rules } of cells) if (rules.length > most) for (const rule of rules) crowd.add(rule);
  return [...crowd].sort((a, b) => a - b).slice(0, CROWD_RULES_MAXIMUM);
}

/** Words of bits, in whole vectors. */
function wordsOf(crowd: readonly number[]): number {
  return Math.ceil(crowd.length / CROWD_BLOCK) * (CROWD_BLOCK / 32);
}

/** Of each interval. */
export function bitsOfIntervals({ starts, firsts, lasts }: Intervals, crowd: readonly number[]): CrowdBits {
  const now = new Uint32Array(wordsOf(crowd));
  const changes: number[][] = [];
  const flip = (at: number, index: number): void => {
    const list = changes[at] ?? [];
    changes[at] = list;
    list.push(index);
  };
  crowd.forEach((rule, index) => {
    flip(Math.max(0, firsts[rule] as number), index);
    if ((firsts[rule] as number) >= 0) flip((lasts[rule] as number) + 1, index);
  });
  const numbers = new Uint16Array(starts.length);
  const bits: Uint32Array[] = [now.slice()];
  for (let at = 0; at < starts.length; at++) {
    for (const index of changes[at] ?? [])
      now[index >>> 5] = (now[index >>> 5] as number) ^ (1 << (index & 31));
    if (changes[at] !== undefined) bits.push(now.slice());
    numbers[at] = bits.length - 1;
  }
  return { numbers, bits };
}

/** Of each value of a word that is small. */
export function bitsOfValues(asked: readonly Asked[], word: number, crowd: readonly number[]): CrowdBits {
  const numbers = new Uint16Array(DIRECT_LAST + 1);
  const known = new Map<string, number>();
  const bits: Uint32Array[] = [];
  for (let value = 0; value <= DIRECT_LAST; value++) {
    const now = new Uint32Array(wordsOf(crowd));
    crowd.forEach((rule, index) => {
      const [first, last] = rangeOf(asked[rule] as Asked, word) ?? [0, DIRECT_LAST];
      if (first <= value && value <= last)
        now[index >>> 5] = (now[index >>> 5] as number) | (1 << (index & 31));
    });
    const name = now.join();
    const number = known.get(name) ?? bits.length;
    if (number === bits.length) {
      known.set(name, number);
      bits.push(now);
    }
    numbers[value] = number;
  }
  return { numbers, bits };
}
