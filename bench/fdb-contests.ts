// FDB tasks: lookups in bursts of 256 that all hit, or of which half miss, and filling a table.

import type { Kernels } from "../src/index.ts";
import { loadKernels } from "../src/index.ts";
import { BUCKET_LENGTH } from "../src/layout/fdb.layout.ts";
import { C, type Contest, FRAMEFERRY, TYPED_ARRAY } from "./contests.ts";
import { type FdbKeys, makeFdbKeys } from "./fdb-keys.ts";
import type { NativePeers } from "./native-peers.ts";
import { frameferryFdb } from "./peers/frameferry-fdb.ts";
import { MapFdb } from "./peers/map-fdb.ts";
import { TypedArrayFdb } from "./peers/typed-array-fdb.ts";
import { type Contender, contender } from "./rounds.ts";

const BURST = 256;
/** Lookups of a pass; the next pass goes on from there, so that a large table is not looked at in a small part only. */
const PASS = 16384;
export const LOOKUP_MANY = "frameferry lookupMany()";
export const RTE_HASH = "rte_hash bulk (64)";
export const RTE_HASH_VALUES = "rte_hash bulk (64) with data";
export const FDB_SIZES: readonly number[] = [1000, 65536, 1048576];

export async function* fdbContests(
  entries: number,
  native: NativePeers | undefined,
  wanted: (group: string) => boolean,
): AsyncGenerator<Contest> {
  const keys = makeFdbKeys(entries, Math.max(65536, entries));
  const queryBytes = keys.queries * 16;
  const kernels = await loadKernels({ memoryBytes: 4 * entries * BUCKET_LENGTH + queryBytes + (1 << 20) });
  const tables = makeTables(kernels, keys);
  await native?.loadKeys(keys);
  await assertSameAnswers(tables, native);

  const fill = (group: string, contenders: Contender[]): Contest => ({
    group,
    bytes: 0,
    entries,
    contenders,
  });
  for (const half of [false, true]) {
    const group = half ? "fdb lookup, half hit" : "fdb lookup, all hit";
    if (!wanted(group)) continue;
    const task = half ? "lookup-half" : "lookup";
    const contenders = [
      contender(
        FRAMEFERRY,
        PASS,
        inTurn(keys, (first) => tables.wasm.lookupKernel(half, first)),
      ),
      contender(
        LOOKUP_MANY,
        PASS,
        inTurn(keys, (first) => tables.wasm.lookupMany(half, first)),
      ),
      contender(
        TYPED_ARRAY,
        PASS,
        inTurn(keys, (first) => tables.lookupTyped(half, first)),
      ),
      contender(
        "Map for each domain",
        PASS,
        inTurn(keys, (first) => tables.lookupMap(half, first)),
      ),
    ];
    if (native?.fdb) contenders.push(native.fdb.contender(C, PASS, task));
    if (native?.fdbHugePages) contenders.push(native.fdbHugePages.contender("C, huge pages", PASS, task));
    if (native?.rteHash) {
      contenders.push(native.rteHash.contender(RTE_HASH, PASS, task));
      contenders.push(native.rteHash.contender(RTE_HASH_VALUES, PASS, `${task}-values`));
      contenders.push(native.rteHash.contender("rte_hash one by one", PASS, `${task}-singly`));
    }
    yield fill(group, contenders);
  }
  if (!wanted("fdb insert")) return;
  const contenders = [
    contender(FRAMEFERRY, entries, tables.wasm.fill, () => tables.wasm.fdb.clear()),
    contender(TYPED_ARRAY, entries, tables.fillTyped, tables.clearTyped),
    contender("Map for each domain", entries, tables.fillMap, tables.clearMap),
  ];
  if (native?.fdb) contenders.push(native.fdb.contender(C, entries, "insert"));
  if (native?.rteHash) contenders.push(native.rteHash.contender("rte_hash one by one", entries, "insert"));
  yield fill("fdb insert", contenders);
}

/** Passes of 16,384 queries, one behind the other round and round. */
function inTurn(keys: FdbKeys, lookUp: (first: number) => void): () => void {
  let next = 0;
  return () => {
    for (let done = 0; done < PASS; done += BURST) {
      if (next + BURST > keys.queries) next = 0;
      lookUp(next);
      next += BURST;
    }
  };
}

function makeTables(kernels: Kernels, keys: FdbKeys) {
  const words = {
    keys: new Int32Array(keys.keys.buffer),
    hits: new Int32Array(keys.hits.buffer),
    halves: new Int32Array(keys.halves.buffer),
  };
  const wasm = frameferryFdb(kernels, keys.keys, keys.hits, keys.halves, keys.seed);
  const typed = new TypedArrayFdb(keys.entries, Number(keys.seed & 0xffffffffn));
  const found = new Int32Array(BURST * 2);
  // What a Map needs: domains and MACs as numbers, taken apart beforehand.
  const map = new MapFdb();
  const numbers = (pairs: Int32Array): { domains: Uint16Array; macs: Float64Array } => ({
    domains: Uint16Array.from({ length: pairs.length / 2 }, (_, i) => pairs[i * 2 + 1]! >>> 16),
    macs: Float64Array.from(
      { length: pairs.length / 2 },
      (_, i) => (pairs[i * 2]! >>> 0) + (pairs[i * 2 + 1]! & 0xffff) * 2 ** 32,
    ),
  });
  const parts = { keys: numbers(words.keys), hits: numbers(words.hits), halves: numbers(words.halves) };
  const tables = {
    wasm,
    lookupTyped: (half: boolean, first: number): void =>
      void typed.lookup(half ? words.halves : words.hits, first, BURST, found, 0),
    lookupMap: (half: boolean, first: number): void => {
      const { domains, macs } = half ? parts.halves : parts.hits;
      for (let i = 0; i < BURST; i++) found[i] = map.lookup(domains[first + i]!, macs[first + i]!) ?? 0;
    },
    fillTyped: (): void => {
      for (let i = 0; i < keys.entries; i++)
        typed.insert(words.keys[i * 2]!, words.keys[i * 2 + 1]!, i + 1, 1);
    },
    clearTyped: (): void => typed.clear(),
    fillMap: (): void => {
      for (let i = 0; i < keys.entries; i++) map.insert(parts.keys.domains[i]!, parts.keys.macs[i]!, i + 1);
    },
    clearMap: (): void => map.clear(),
    found,
    queries: keys.queries,
  };
  wasm.fill();
  tables.fillTyped();
  tables.fillMap();
  return tables;
}

async function assertSameAnswers(
  tables: ReturnType<typeof makeTables>,
  native: NativePeers | undefined,
): Promise<void> {
  const expected = tables.wasm.answers();
  const destinations = new Uint32Array(expected.buffer);
  for (let first = 0; first < tables.queries; first += BURST) {
    tables.lookupTyped(true, first);
    compare(TYPED_ARRAY, first, (i) => tables.found[i * 2]!);
    tables.lookupMap(true, first);
    compare("Map", first, (i) => tables.found[i]!);
  }
  for (const [name, table] of [
    ["C", native?.fdb],
    ["C, huge pages", native?.fdbHugePages],
    ["rte_hash", native?.rteHash],
  ] as const) {
    if (table === undefined) continue;
    const answers = await native!.answers(table);
    const at = expected.findIndex((value, i) => value !== answers[i]);
    if (at >= 0)
      throw new Error(
        `fdb lookup: ${name} disagrees with frameferry: query ${at} gives ${answers[at]}, not ${expected[at]}`,
      );
  }
  function compare(peer: string, first: number, value: (i: number) => number): void {
    for (let i = 0; i < BURST; i++) {
      const wanted = destinations[(first + i) * 2]!;
      if (value(i) !== wanted)
        throw new Error(
          `fdb lookup: ${peer} disagrees with frameferry: query ${first + i} gives ${value(i)}, not ${wanted}`,
        );
    }
  }
}
