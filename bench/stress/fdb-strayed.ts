// How many keys of a table stand in their second bucket, counted from what is in it by a hash that was written anew.

import type { Kernels } from "../../src/kernel/kernels.ts";
import {
  BUCKET_LENGTH,
  BUCKET_SLOTS,
  FDB_BUCKET_BITS,
  FDB_BUCKETS,
  FDB_SEED,
  KEY_LENGTH,
  KEY_RETIRED,
} from "../../src/layout/fdb.layout.ts";

type Memory = Pick<Kernels, "view" | "bytes">;

/** Throws unless the byte of each bucket says how many of its keys have strayed; returns how many have in all. */
export function expectStrayed({ view, bytes }: Memory, fdb: number): number {
  const table = view.getUint32(fdb + FDB_BUCKETS, true);
  const buckets = 2 ** view.getUint32(fdb + FDB_BUCKET_BITS, true);
  const seed = mixed(view.getBigUint64(fdb + FDB_SEED, true));
  const expected = new Uint32Array(buckets);
  for (let bucket = 0; bucket < buckets; bucket++) {
    for (let slot = 0; slot < BUCKET_SLOTS; slot++) {
      const at = table + bucket * BUCKET_LENGTH + slot * KEY_LENGTH;
      const key = view.getBigUint64(at, true);
      if (key === 0n || bytes[at] === KEY_RETIRED) continue;
      const home = homeOf(key, seed) & (buckets - 1);
      if (home !== bucket) expected[home]!++;
    }
  }
  const counts = bytes.subarray(table + buckets * BUCKET_LENGTH, table + buckets * (BUCKET_LENGTH + 1));
  let all = 0;
  for (let bucket = 0; bucket < buckets; bucket++) {
    if (counts[bucket] !== expected[bucket])
      throw new Error(`bucket ${bucket}: ${expected[bucket]} keys have strayed, it says ${counts[bucket]}`);
    all += expected[bucket]!;
  }
  return all;
}

const U64 = (1n << 64n) - 1n;

function mixed(seed: bigint): bigint {
  let x = (seed + 0x9e3779b97f4a7c15n) & U64;
  x = ((x ^ (x >> 30n)) * 0xbf58476d1ce4e5b9n) & U64;
  x = ((x ^ (x >> 27n)) * 0x94d049bb133111ebn) & U64;
  return x ^ (x >> 31n);
}

/** The first bucket of a key, in its low bits. */
function homeOf(key: bigint, seed: bigint): number {
  const half = (x: bigint): bigint => x & 0xffffffffn;
  const product = half(half(key) + half(seed)) * half((key >> 32n) + (seed >> 32n));
  let h = Number(half(product ^ (product >> 32n)));
  h = Math.imul(h, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 15), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 6;
}
