// The hash of a packet's bits under the masks of a tuple, as the kernel takes it (assembly/rule-tuples.ts).

import {
  HASH_CLASSES,
  HASH_FIRST,
  HASH_LANE_0,
  HASH_LANE_1,
  HASH_LANE_2,
  HASH_LANE_3,
  HASH_LANE_SHIFT,
  HASH_LAST_SHIFT,
  HASH_OTHERS_1,
  HASH_OTHERS_2,
  HASH_OTHERS_3,
  HASH_SUM,
  HASH_SUM_SHIFT,
} from "../layout/rules.layout.ts";

/** Words of a key that are hashed: what is compared, the ports, which no mask lets through, and their intervals. */
export const HASHED_WORDS = 20;

const FACTORS = [HASH_FIRST, HASH_OTHERS_1, HASH_OTHERS_2, HASH_OTHERS_3, HASH_CLASSES];
const LANES = [HASH_LANE_0, HASH_LANE_1, HASH_LANE_2, HASH_LANE_3];

export function hashOf(key: Uint32Array, masks: Uint32Array, seed: number): number {
  let total = seed;
  for (let lane = 0; lane < 4; lane++) {
    let sum = 0;
    for (let vector = 0; vector < 5; vector++) {
      const word = 4 * vector + lane;
      const masked = (key[word] as number) & (masks[word] as number);
      if (masked !== 0) sum = (sum + Math.imul(masked, FACTORS[vector] as number)) | 0;
    }
    total += Math.imul(sum ^ (sum >>> HASH_LANE_SHIFT), LANES[lane] as number);
  }
  let hash = total | 0;
  hash = Math.imul(hash ^ (hash >>> HASH_SUM_SHIFT), HASH_SUM);
  return (hash ^ (hash >>> HASH_LAST_SHIFT)) >>> 0;
}

/** Of the tuple of a number: the same bits under the masks of two tuples are two keys. */
export function seedOf(tuple: number): number {
  return Math.imul(tuple + 1, HASH_FIRST) >>> 0;
}
