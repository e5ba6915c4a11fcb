// Keys and queries for the FDB tasks: MACs of 64 bridge domains, and the file that native peers read them from.

import { Random } from "./frames.ts";

export interface FdbKeys {
  readonly entries: number;
  readonly queries: number;
  readonly seed: bigint;
  /** Eight bytes a key: six of MAC, two of bridge domain, little-endian. */
  readonly keys: Uint8Array<ArrayBuffer>;
  /** Queries that all hit, and queries of which half miss. */
  readonly hits: Uint8Array<ArrayBuffer>;
  readonly halves: Uint8Array<ArrayBuffer>;
}

export const FDB_SEED = 0x5eed_0123_4567_89abn;

export function makeFdbKeys(entries: number, queries: number): FdbKeys {
  const random = new Random(entries);
  const keys = new Uint32Array(entries * 2);
  for (let i = 0; i < entries; i++) writeKey(keys, i, i);
  const hits = new Uint32Array(queries * 2);
  const halves = new Uint32Array(queries * 2);
  for (let i = 0; i < queries; i++) {
    writeKey(hits, i, random.below(entries));
    const known = (random.next() & 1) === 0;
    writeKey(halves, i, random.below(entries) + (known ? 0 : entries));
  }
  const bytes = (words: Uint32Array<ArrayBuffer>): Uint8Array<ArrayBuffer> => new Uint8Array(words.buffer);
  return { entries, queries, seed: FDB_SEED, keys: bytes(keys), hits: bytes(hits), halves: bytes(halves) };
}

/** Station `number`: MACs as vendors hand them out, one after the other behind a common prefix. */
function writeKey(words: Uint32Array, index: number, number: number): void {
  words[index * 2] = 0x00005452 | ((number & 0xffff) << 16);
  words[index * 2 + 1] = (number >>> 16) | ((1 + (number & 63)) << 16);
}

/** The file that bench/native/fdb.c and rte-hash.c load. */
export function fdbFile(keys: FdbKeys): Uint8Array[] {
  const head = new BigUint64Array([
    BigInt(keys.entries),
    BigInt(keys.queries),
    keys.seed,
    BigInt(keys.entries),
  ]);
  return [new Uint8Array(head.buffer), keys.keys, keys.hits, keys.halves];
}
