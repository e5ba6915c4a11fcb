// Descriptor rings on one thread against a plain queue: JavaScript and WASM at either end.
import fc from "fast-check";
import { DescriptorRing, type Kernels } from "frameferry";
import { describe, expect, test } from "vitest";
import { allKernels } from "../../build/js/bench/all-kernels.js";
import { RING_LOCK } from "../../src/layout/ring.layout.ts";
import { kernels, startAt } from "./support.ts";

interface End {
  push(items: number[]): number;
  pop(count: number): number[];
}

/** The same ring through the kernels, from and to a plain array in memory. */
function wasmEnd(on: Kernels, ring: DescriptorRing, producer: number): End {
  const { plan, words } = on;
  const functions = allKernels(on);
  const scratch = plan.reserve("a test's scratch", 4096);
  return {
    push(items) {
      words.set(items, scratch >>> 2);
      return producer === 0
        ? functions.ringPush(ring.address, scratch, items.length)
        : functions.ringPushShared(ring.address, scratch, items.length, producer);
    },
    pop(count) {
      const taken = functions.ringPop(ring.address, scratch, count);
      return [...words.subarray(scratch >>> 2, (scratch >>> 2) + taken)];
    },
  };
}

interface Step {
  readonly push: boolean;
  readonly wasm: boolean;
  readonly count: number;
}

const steps = fc.array(
  fc.record({ push: fc.boolean(), wasm: fc.boolean(), count: fc.integer({ min: 0, max: 70 }) }),
  { maxLength: 60 },
);

describe.each([false, true])("many producers: %s", (manyProducers) => {
  test("a ring is a queue of its capacity, also where the counts wrap around", async () => {
    const all = await kernels();
    const free = all.plan.freeBytes;
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 6 }),
        fc.constantFrom(0, 1, 2 ** 31 - 20, 2 ** 32 - 1, 2 ** 32 - 33, 2 ** 32 - 100),
        steps,
        (power, start, turns) => {
          const capacity = 2 ** power;
          const ring = DescriptorRing.create(all, { capacity, manyProducers });
          const wasm = wasmEnd(all, ring, manyProducers ? 9 : 0);
          startAt(ring, start);
          const model: number[] = [];
          let next = 0xffff_ff00;
          for (const { push, wasm: inWasm, count } of turns as readonly Step[]) {
            const end = inWasm ? wasm : ring;
            if (push) {
              const items = Array.from({ length: count }, (_, i) => (next + i) >>> 0);
              const taken = end.push(items);
              expect(taken).toBe(Math.min(count, capacity - model.length));
              model.push(...items.slice(0, taken));
              next += taken;
            } else expect(end.pop(count)).toEqual(model.splice(0, count));
            expect(ring.length).toBe(model.length);
          }
          ring.close();
          all.plan.release(all.words.length); // releasing what is not held does nothing
        },
      ),
      { seed: 1, numRuns: 300 },
    );
    // All but the scratch of each run has been given back.
    expect(free - all.plan.freeBytes).toBe(300 * (4096 + 64));
  });
});

test("popInto takes what fits, without an array", async () => {
  const ring = DescriptorRing.create(await kernels(), { capacity: 8 });
  expect(ring.push(Uint32Array.of(1, 2, 3, 4, 5))).toBe(5);
  const into = new Uint32Array(3);
  expect(ring.popInto(into)).toBe(3);
  expect([...into]).toEqual([1, 2, 3]);
  expect(ring.popInto(into)).toBe(2);
  expect(ring.popInto(into)).toBe(0);
  ring.close();
});

test("a ring is opened by its address", async () => {
  const all = await kernels();
  const ring = DescriptorRing.create(all, { capacity: 4 });
  const other = DescriptorRing.open(all, ring.address);
  expect(other.capacity).toBe(4);
  expect(ring.push([7, 8])).toBe(2);
  expect(other.pop(9)).toEqual([7, 8]);
  other.close();
  // Closing the end that was opened leaves the ring as it is.
  expect(DescriptorRing.open(all, ring.address).push([1])).toBe(1);
  ring.close();
  expect(() => DescriptorRing.open(all, ring.address)).toThrow(/^address: expected that of a ring of items/);
});

test("a producer whose thread ended in the middle of a push is passed over when that is said", async () => {
  const all = await kernels();
  const ring = DescriptorRing.create(all, { capacity: 4, manyProducers: true, producer: 2 });
  const dead = DescriptorRing.open(all, ring.address, { producer: 5 });
  expect(dead.push([1])).toBe(1);
  all.words[(ring.address + RING_LOCK) >>> 2] = 5;
  expect(ring.push([2])).toBe(0);
  expect(allKernels(all).ringPushShared(ring.address, 4096, 1, 3)).toBe(0);
  ring.producerDied(4); // not the one that holds it
  expect(ring.push([2])).toBe(0);
  ring.producerDied(5);
  expect(ring.push([2])).toBe(1);
  expect(ring.pop(9)).toEqual([1, 2]);
  ring.close();
});

test("waiting, without blocking", async () => {
  const ring = DescriptorRing.create(await kernels(), { capacity: 2 });
  const waiting = ring.waitAsync();
  setTimeout(() => ring.push([1, 2]), 10);
  await waiting;
  const room = ring.waitForRoomAsync(2);
  setTimeout(() => ring.pop(1), 10);
  setTimeout(() => ring.pop(1), 20);
  await room;
  expect(ring.length).toBe(0);
  await ring.waitForRoomAsync();

  const reason = new Error("enough");
  const abort = new AbortController();
  const aborted = ring.waitAsync(abort.signal);
  setTimeout(() => abort.abort(reason), 5);
  await expect(aborted).rejects.toBe(reason);
  await expect(ring.waitAsync(AbortSignal.abort(reason))).rejects.toBe(reason);

  const closed = expect(ring.waitAsync()).rejects.toThrow(/^ring: it has been closed/);
  ring.close();
  await closed;
});

test("waiting where threads cannot be woken without having blocked", async () => {
  const { waitAsync } = Atomics;
  Reflect.deleteProperty(Atomics, "waitAsync");
  try {
    const ring = DescriptorRing.create(await kernels(), { capacity: 2 });
    const waiting = ring.waitAsync();
    setTimeout(() => ring.push([1]), 20);
    await waiting;
    ring.close();
  } finally {
    Object.assign(Atomics, { waitAsync });
  }
});

test("what cannot be", async () => {
  const all = await kernels();
  const create = (options: object) => () => DescriptorRing.create(all, options);
  for (const capacity of [0, -1, 1.5, 3, 1000, 2 ** 29, Number.NaN])
    expect(create({ capacity })).toThrow(/^capacity: /);
  expect(create({ capacity: "8" })).toThrow(TypeError);
  expect(create({ capacity: 2 ** 26 })).toThrow(/^memoryBytes: .*raise memoryBytes/);
  expect(create({ size: 8 })).toThrow(/^options: unknown option "size"/);
  expect(create({ manyProducers: 1 })).toThrow(/^manyProducers: /);
  expect(create({ manyProducers: true, producer: 0 })).toThrow(/^producer: /);
  expect(create({ producer: 1 })).toThrow(/^producer: the ring has only one/);
  expect(() => DescriptorRing.create({} as never)).toThrow(/^kernels: /);
  for (const address of [-4, 2 ** 33, 1.5])
    expect(() => DescriptorRing.open(all, address)).toThrow(/^address: /);
  expect(() => DescriptorRing.open(all, 4096 + 64 * 5000)).toThrow(
    /^address: expected that of a ring of items/,
  );
  const ring = DescriptorRing.create(all, { capacity: 4 });
  expect(() => ring.push([1, -1])).toThrow(/^items: /);
  expect(() => ring.push([2 ** 32])).toThrow(RangeError);
  expect(() => ring.push("12" as never)).toThrow(/^items: expected a Uint32Array or an array/);
  expect(ring.length).toBe(0);
  expect(() => ring.pop(-1)).toThrow(/^count: /);
  expect(() => ring.popInto([] as never)).toThrow(/^into: /);
  await expect(ring.waitForRoomAsync(5)).rejects.toThrow(/^room: /);
  expect(() => ring.wait(-1)).toThrow(/^milliseconds: /);
  expect(() => ring.producerDied(0)).toThrow(/^producer: /);
  ring.close();
});
