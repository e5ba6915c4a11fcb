// The package's FDB in two forms: `lookupMany`, which takes keys from JavaScript and gives destinations back to
// it, and the kernel alone on keys that lie in its memory, as it is called from a datapath.

import { Fdb, type Kernels } from "../../src/index.ts";
import { KEY_LENGTH, VALUE_LENGTH } from "../../src/layout/fdb.layout.ts";

const BURST = 256;

export interface FrameferryFdb {
  readonly fdb: Fdb;
  fill(): void;
  /** The kernel on the burst that starts at query `first`. */
  lookupKernel(half: boolean, first: number): void;
  lookupMany(half: boolean, first: number): void;
  /** What the kernel finds for all queries of which half miss. */
  answers(): BigUint64Array;
  close(): void;
}

export function frameferryFdb(
  kernels: Kernels,
  keys: Uint8Array,
  hits: Uint8Array,
  halves: Uint8Array,
  seed: bigint,
): FrameferryFdb {
  const entries = keys.length / KEY_LENGTH;
  const fdb = new Fdb(kernels, { capacity: entries, seed });
  const { plan, bytes, functions } = kernels;
  const hitsAt = plan.reserve("queries", hits.length);
  const halvesAt = plan.reserve("queries of which half miss", halves.length);
  const valuesAt = plan.reserve("values", BURST * VALUE_LENGTH);
  bytes.set(hits, hitsAt);
  bytes.set(halves, halvesAt);
  const destinations = Uint32Array.from({ length: entries }, (_, i) => i + 1);
  const found = new Uint32Array(BURST);
  const bursts = [hits, halves].map((queries) =>
    Array.from({ length: queries.length / KEY_LENGTH / BURST }, (_, i) =>
      queries.subarray(i * BURST * KEY_LENGTH, (i + 1) * BURST * KEY_LENGTH),
    ),
  );
  const lookupKernel = (half: boolean, first: number): void => {
    const start = half ? halvesAt : hitsAt;
    functions.fdbLookup(fdb.address, start + first * KEY_LENGTH, BURST, valuesAt);
  };
  return {
    fdb,
    fill: () => {
      if (fdb.insertMany(keys, destinations) !== entries) throw new RangeError("keys: the table is full");
    },
    lookupKernel,
    lookupMany: (half, first) => void fdb.lookupMany(bursts[half ? 1 : 0]![first / BURST]!, found),
    answers: () => {
      const all = new BigUint64Array(halves.length / KEY_LENGTH);
      for (let first = 0; first < all.length; first += BURST) {
        lookupKernel(true, first);
        all.set(new BigUint64Array(bytes.slice(valuesAt, valuesAt + BURST * VALUE_LENGTH).buffer), first);
      }
      return all;
    },
    close: () => {
      fdb.close();
      for (const address of [hitsAt, halvesAt, valuesAt]) plan.release(address);
    },
  };
}
