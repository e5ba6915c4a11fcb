// A hash table of buckets in the kernels' memory: what all tables that are built like the FDB have in common.

import { wrongType } from "../core/arguments.ts";
import type { Kernels } from "../kernel/kernels.ts";
import {
  BUCKET_LENGTH,
  BUCKET_SLOTS,
  FDB_BUCKET_BITS,
  FDB_BUCKETS,
  FDB_CAPACITY,
  FDB_HEADER_LENGTH,
  FDB_SEED,
  STRAYED_LENGTH,
} from "../layout/fdb.layout.ts";

export interface TableMemory {
  /** Address of the header; what was asked for beside it follows. */
  readonly address: number;
  /** Address of the buckets, how many bytes they are with what is kept of each, and how many there are. */
  readonly table: number;
  readonly tableLength: number;
  readonly buckets: number;
}

/** Reserves a header, `beside` bytes behind it, and buckets for `capacity` entries. */
export function reserveTable(
  { plan, view }: Kernels,
  options: { capacity: number; seed: bigint | undefined; beside: number },
): TableMemory {
  const { capacity, beside } = options;
  const seed = options.seed ?? (crypto.getRandomValues(new BigUint64Array(1))[0] as bigint);
  if (typeof seed !== "bigint") throw wrongType("seed", "a bigint", seed);
  // At most half of the slots are taken: every burst of inserts finds room, and 19 of 20 entries stand in
  // their first bucket (Poisson with mean 2 in buckets of 4).
  const bits = Math.max(1, Math.ceil(Math.log2((2 * capacity) / BUCKET_SLOTS)));
  const buckets = 2 ** bits;
  const tableLength = buckets * (BUCKET_LENGTH + STRAYED_LENGTH);
  const address = plan.reserve("an FDB's header", FDB_HEADER_LENGTH + beside);
  let table: number;
  try {
    table = plan.reserve(`an FDB of ${capacity} entries`, tableLength);
  } catch (error) {
    plan.release(address);
    throw error;
  }
  view.setUint32(address + FDB_BUCKETS, table, true);
  view.setUint32(address + FDB_BUCKET_BITS, bits, true);
  view.setBigUint64(address + FDB_SEED, BigInt.asUintN(64, seed), true);
  view.setUint32(address + FDB_CAPACITY, capacity, true);
  return { address, table, tableLength, buckets };
}
