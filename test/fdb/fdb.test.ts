// The FDB against a Map, and filled to its last entry.
import fc from "fast-check";
import { Fdb, type Kernels, loadKernels, NO_DESTINATION, writeFdbKey } from "frameferry";
import { beforeAll, describe, expect, it } from "vitest";
import { expectStrayed } from "../../build/js/bench/stress/fdb-strayed.js";
import { FDB_HEADER_LENGTH } from "../../src/layout/fdb.layout.ts";
import { noise } from "../support/passengers.ts";

let kernels: Kernels;
beforeAll(async () => {
  kernels = await loadKernels({ memoryBytes: 32 << 20 });
});

/** Locally administered MACs, numbered. */
function macOf(number: number): Uint8Array {
  return Uint8Array.of(2, 0, number >>> 24, number >>> 16, number >>> 8, number);
}

function keysOf(entries: readonly (readonly [domain: number, mac: Uint8Array])[]): Uint8Array {
  const keys = new Uint8Array(8 * entries.length);
  entries.forEach(([domain, mac], i) => {
    writeFdbKey(keys, i, domain, mac);
  });
  return keys;
}

/** Keys without the checks of one call each: for large tables. */
function manyKeys(count: number, write: (i: number, key: Uint8Array) => void): Uint8Array {
  const keys = new Uint8Array(8 * count);
  for (let i = 0; i < count; i++) write(i, keys.subarray(8 * i, 8 * i + 8));
  return keys;
}

type Many = "insertMany" | "lookupMany" | "removeMany";
type Step =
  | { readonly do: "insert"; readonly key: number; readonly destination: number }
  | { readonly do: "lookup"; readonly key: number }
  | { readonly do: "remove"; readonly key: number }
  | { readonly do: "many"; readonly what: Many; readonly from: number; readonly count: number }
  | { readonly do: "clear" };

const DOMAINS = [0, 1, 2, 255, 256, 65535];

/** Keys by number: consecutive ones share MACs between bridge domains. */
function keyOf(key: number): readonly [number, Uint8Array] {
  return [DOMAINS[key % DOMAINS.length]!, macOf(Math.floor(key / DOMAINS.length))];
}

function stepOf(keys: number): fc.Arbitrary<Step> {
  const key = fc.nat(keys - 1);
  return fc.oneof(
    {
      weight: 12,
      arbitrary: fc.record({
        do: fc.constant("insert" as const),
        key,
        destination: fc.oneof(fc.constantFrom(0, NO_DESTINATION - 1), fc.nat()),
      }),
    },
    { weight: 4, arbitrary: fc.record({ do: fc.constant("lookup" as const), key }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant("remove" as const), key }) },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant("many" as const),
        what: fc.constantFrom("insertMany" as const, "lookupMany" as const, "removeMany" as const),
        from: key,
        count: fc.integer({ min: 0, max: 600 }),
      }),
    },
    { weight: 1, arbitrary: fc.constant({ do: "clear" as const }) },
  );
}

class Model {
  readonly entries = new Map<string, number>();
  readonly #capacity: number;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  insert(key: number, destination: number): boolean {
    const name = keyOf(key).join();
    if (!this.entries.has(name) && this.entries.size >= this.#capacity) return false;
    this.entries.set(name, destination);
    return true;
  }

  lookup(key: number): number | undefined {
    return this.entries.get(keyOf(key).join());
  }

  remove(key: number): boolean {
    return this.entries.delete(keyOf(key).join());
  }
}

function run(fdb: Fdb, model: Model, step: Step): void {
  if (step.do === "clear") {
    fdb.clear();
    model.entries.clear();
  } else if (step.do === "insert") {
    expect(fdb.insert(...keyOf(step.key), step.destination)).toBe(model.insert(step.key, step.destination));
  } else if (step.do === "lookup") {
    expect(fdb.lookup(...keyOf(step.key))).toBe(model.lookup(step.key));
  } else if (step.do === "remove") {
    expect(fdb.remove(...keyOf(step.key))).toBe(model.remove(step.key));
  } else runMany(fdb, model, step.what, step.from, step.count);
}

function runMany(fdb: Fdb, model: Model, what: Many, from: number, count: number): void {
  // Every third key stands twice: later ones of a call see what earlier ones did.
  const numbers = Array.from({ length: count }, (_, i) => from + i - (i % 3 === 2 ? 2 : 0));
  const keys = keysOf(numbers.map(keyOf));
  if (what === "removeMany") {
    expect(fdb.removeMany(keys)).toBe(numbers.filter((key) => model.remove(key)).length);
    return;
  }
  if (what === "insertMany") {
    const destinations = Uint32Array.from(numbers, (key, i) => key + i);
    let fitting = 0;
    while (fitting < count && model.insert(numbers[fitting]!, destinations[fitting]!)) fitting++;
    expect(fdb.insertMany(keys, destinations)).toBe(fitting);
    return;
  }
  const found = new Uint32Array(count);
  const expected = numbers.map((key) => model.lookup(key));
  expect(fdb.lookupMany(keys, found)).toBe(expected.filter((one) => one !== undefined).length);
  expect([...found]).toEqual(expected.map((one) => one ?? NO_DESTINATION));
}

describe("the FDB does what a Map does", () => {
  it.each([
    [1, 12],
    [2, 12],
    [3, 12],
    [7, 40],
    [64, 100],
    [1000, 2000],
  ])("with a capacity of %i and %i keys", (capacity, keys) => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
        fc.array(stepOf(keys), { maxLength: 120 }),
        (seed, steps) => {
          using fdb = new Fdb(kernels, { capacity, seed });
          const model = new Model(capacity);
          for (const step of steps) {
            run(fdb, model, step);
            expect(fdb.size).toBe(model.entries.size);
          }
          for (let key = 0; key < Math.min(keys, 100); key++)
            expect(fdb.lookup(...keyOf(key))).toBe(model.lookup(key));
          expectStrayed(kernels, fdb.address);
        },
      ),
      { seed: 1200 + capacity, numRuns: 60 },
    );
  });
});

describe("every insert up to the capacity succeeds", () => {
  const random = noise(6 * 65536, 77);
  const ways: Record<string, (i: number, key: Uint8Array) => void> = {
    "random MACs": (i, key) => key.set(random.subarray(6 * i, 6 * i + 6)),
    "counting MACs": (i, key) => key.set([2, 0, 0, i >>> 16, i >>> 8, i]),
    "MACs that count in their first bytes": (i, key) => key.set([i, i >>> 8, i >>> 16, 0, 0, 2]),
    "MACs that count in their middle": (i, key) => key.set([2, 0, i, i >>> 8, i >>> 16, 1]),
    "MACs that differ in high bits only": (i, key) =>
      key.set([2 | (i << 4), (i << 1) & 0xf0, (i >>> 3) & 0xf0, (i >>> 7) & 0xf0, i >>> 8, i & 0xf0]),
    "MACs in steps of 256": (i, key) => key.set([2, 0, i >>> 16, i >>> 8, i, 0]),
    "MACs made of IP addresses": (i, key) => key.set([2, 0, 10, i >>> 12, (i >>> 6) & 63, i & 63]),
    "sixteen MACs in 4,096 bridge domains": (i, key) =>
      key.set([0, 0x1b, 0x21, 0, 0, 1 + ((i >>> 12) & 15), i, (i >>> 8) & 15]),
    "one MAC in many bridge domains": (i, key) => key.set([2, 0, 0, 0, 0, 1 + (i >>> 16), i, i >>> 8]),
    "few MACs in many bridge domains": (i, key) => key.set([2, 0, 0, 0, 0, i & 15, i >>> 4, i >>> 12]),
  };

  it.each(Object.keys(ways))("%s", (name) => {
    const keys = manyKeys(65536, ways[name]!);
    const found = new Uint32Array(65536);
    for (const [capacity, seeds] of [
      [1, 8],
      [2, 8],
      [3, 8],
      [16, 40],
      [1000, 20],
      [1024, 20],
      [65536, 3],
    ] as const)
      for (let i = 0; i < seeds; i++) {
        const seed = BigInt(i) * 0x9e3779b97f4a7c15n;
        using fdb = new Fdb(kernels, { capacity, seed });
        const destinations = Uint32Array.from({ length: capacity }, (_, n) => n);
        const mine = keys.subarray(0, 8 * capacity);
        expect(fdb.insertMany(mine, destinations), `capacity ${capacity}, seed ${seed}`).toBe(capacity);
        expect(fdb.size).toBe(capacity);
        expect(fdb.lookupMany(mine, found.subarray(0, capacity))).toBe(capacity);
        for (let n = 0; n < capacity; n++) if (found[n] !== n) expect(found[n]).toBe(n);
      }
  });

  it("in a table larger than the caches, where half of the lookups miss", () => {
    const capacity = 262144;
    using fdb = new Fdb(kernels, { capacity, seed: 9n });
    const keys = manyKeys(2 * capacity, (i, key) => key.set([2, 0, 0, i >>> 16, i >>> 8, i]));
    const mine = keys.subarray(0, 8 * capacity);
    expect(
      fdb.insertMany(
        mine,
        Uint32Array.from({ length: capacity }, (_, n) => n),
      ),
    ).toBe(capacity);
    // An odd number of keys, known and unknown in turn, in an order that jumps through the table.
    const order = Uint32Array.from({ length: 100001 }, (_, i) => (i * 48271) % (2 * capacity));
    const wanted = manyKeys(order.length, (i, key) =>
      key.set(keys.subarray(8 * order[i]!, 8 * order[i]! + 8)),
    );
    const found = new Uint32Array(order.length);
    expect(fdb.lookupMany(wanted, found)).toBe(order.filter((n) => n < capacity).length);
    expect(
      found.findIndex(
        (destination, i) => destination !== (order[i]! < capacity ? order[i]! : NO_DESTINATION),
      ),
    ).toBe(-1);
  });

  it("and keeps doing so while entries come and go", () => {
    const capacity = 4096;
    using fdb = new Fdb(kernels, { capacity, seed: 5n });
    const key = (i: number) => keysOf([[i & 3, macOf(i)]]);
    const one = new Uint32Array(1);
    for (let i = 0; i < 40000; i++) {
      if (i >= capacity) expect(fdb.removeMany(key(i - capacity))).toBe(1);
      one[0] = i;
      if (fdb.insertMany(key(i), one) !== 1) expect(`insert ${i}`).toBe("accepted");
    }
    expect(fdb.size).toBe(capacity);
    expect(expectStrayed(kernels, fdb.address)).toBeGreaterThan(50);
    for (let i = 40000 - capacity; i < 40000; i++) fdb.removeMany(key(i));
    expect(expectStrayed(kernels, fdb.address)).toBe(0);
  });
});

describe("a full table", () => {
  it("refuses what is new, and changes nothing by it", () => {
    using fdb = new Fdb(kernels, { capacity: 100, seed: 3n });
    for (let i = 0; i < 100; i++) expect(fdb.insert(1, macOf(i + 1), i)).toBe(true);
    const address = fdb.address;
    const header = kernels.bytes.slice(address, address + FDB_HEADER_LENGTH);
    for (let i = 200; i < 400; i++) expect(fdb.insert(1, macOf(i), i)).toBe(false);
    expect(kernels.bytes.slice(address, address + FDB_HEADER_LENGTH)).toEqual(header);
    for (let i = 0; i < 100; i++) expect(fdb.lookup(1, macOf(i + 1))).toBe(i);
    for (let i = 200; i < 400; i++) expect(fdb.lookup(1, macOf(i))).toBeUndefined();
  });

  it("still changes what it holds, and has room again when an entry leaves", () => {
    using fdb = new Fdb(kernels, { capacity: 2, seed: 3n });
    fdb.insert(1, macOf(1), 1);
    fdb.insert(1, macOf(2), 2);
    expect(fdb.insert(1, macOf(1), 7)).toBe(true);
    expect(fdb.lookup(1, macOf(1))).toBe(7);
    expect(fdb.insert(1, macOf(3), 3)).toBe(false);
    expect(fdb.remove(1, macOf(2))).toBe(true);
    expect(fdb.insert(1, macOf(3), 3)).toBe(true);
  });
});

describe("keys and destinations that cannot be", () => {
  it("are refused before anything goes in", () => {
    using fdb = new Fdb(kernels, { capacity: 10, seed: 1n });
    const keys = keysOf([
      [1, macOf(1)],
      [1, macOf(2)],
    ]);
    const nobody = keys.slice();
    nobody.fill(0, 8, 14);
    expect(() => fdb.insertMany(nobody, new Uint32Array(2))).toThrow(/^keys: .*entry 1/);
    expect(() => fdb.insertMany(keys, Uint32Array.of(1, NO_DESTINATION))).toThrow(/^destinations: .*entry 1/);
    expect(fdb.size).toBe(0);
    expect(fdb.lookupMany(new Uint8Array(16), new Uint32Array(2))).toBe(0);
    expect(fdb.removeMany(new Uint8Array(16))).toBe(0);
  });
});
