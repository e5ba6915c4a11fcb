// Byte rings on one thread against a plain queue of frames, with guard bytes around the ring.
import fc from "fast-check";
import { ByteRing, DescriptorRing } from "frameferry";
import { describe, expect, test } from "vitest";
import { noise } from "../support/passengers.ts";
import { kernels, startAt } from "./support.ts";

const GUARD = 256;

describe.each([
  { manyProducers: false, headroom: 0 },
  { manyProducers: true, headroom: 0 },
  { manyProducers: false, headroom: 64 },
  { manyProducers: true, headroom: 16 },
])("$manyProducers, headroom $headroom", ({ manyProducers, headroom }) => {
  test("a ring is a queue of frames, also where the counts wrap around, and keeps to its memory", async () => {
    const all = await kernels();
    const free = all.plan.freeBytes;
    fc.assert(
      fc.property(
        fc.integer({ min: 8, max: 13 }),
        fc.constantFrom(0, 2 ** 32 - 16, 2 ** 32 - 4096, 2 ** 31 - 64),
        fc.array(
          fc.record({
            push: fc.boolean(),
            lengths: fc.array(fc.integer({ min: 0, max: 700 }), { maxLength: 8 }),
            limit: fc.integer({ min: 1, max: 4096 }),
          }),
          { maxLength: 50 },
        ),
        (power, start, turns) => {
          const before = all.plan.reserve("a guard", GUARD);
          const ring = ByteRing.create(all, { capacity: 2 ** power, headroom, manyProducers });
          const after = all.plan.reserve("a guard", GUARD);
          for (const guard of [before, after]) all.bytes.fill(0xa5, guard, guard + GUARD);
          startAt(ring, start);
          const model: { frame: Uint8Array; mark: number }[] = [];
          const kept: [Uint8Array, Uint8Array][] = [];
          let mark = 0xffff_fff0;
          for (const { push, lengths, limit } of turns) {
            if (push) {
              const frames = lengths.map((length, i) => noise(Math.min(length, ring.longest), mark + i));
              const marks = frames.map((_, i) => (mark + i) >>> 0);
              const taken = ring.push(frames, { marks });
              // An empty ring takes the first, whatever its length.
              if (model.length === 0 && frames.length > 0) expect(taken).toBeGreaterThan(0);
              for (let i = 0; i < taken; i++) model.push({ frame: frames[i]!, mark: marks[i]! });
              mark += taken;
            } else {
              const burst = ring.pop(limit);
              expect(burst === undefined).toBe(model.length === 0);
              for (let i = 0; burst !== undefined && i < burst.length; i++) {
                const wanted = model.shift()!;
                expect(burst.mark(i)).toBe(wanted.mark);
                expect(burst.wireLength(i)).toBe(wanted.frame.length);
                expect(burst.vni(i)).toBeUndefined();
                expect([...burst.frame(i)]).toEqual([...wanted.frame]);
                kept.push([burst.frame(i), wanted.frame]);
              }
            }
            expect(ring.fill).toBeLessThanOrEqual(ring.capacity);
            expect(ring.fill === 0).toBe(model.length === 0);
          }
          // What was taken stays what it was, whatever was taken after it.
          for (const [frame, wanted] of kept) expect([...frame]).toEqual([...wanted]);
          for (const guard of [before, after]) {
            expect(all.bytes.subarray(guard, guard + GUARD).every((byte) => byte === 0xa5)).toBe(true);
            all.plan.release(guard);
          }
          ring.close();
        },
      ),
      { seed: 2, numRuns: 200 },
    );
    expect(all.plan.freeBytes).toBe(free);
  });
});

test("every byte of it is usable", async () => {
  const ring = ByteRing.create(await kernels(), { capacity: 1024 });
  // 32 bytes of header and 96 of frame.
  expect(ring.push(new Array<Uint8Array>(20).fill(new Uint8Array(96)))).toBe(8);
  expect(ring.fill).toBe(1024);
  expect(ring.pop()!.length).toBe(8);
  ring.close();
});

test("a ring is opened by its address, and only as what it is", async () => {
  const all = await kernels();
  const ring = ByteRing.create(all, { capacity: 1024, headroom: 32, manyProducers: true });
  const other = ByteRing.open(all, ring.address, { producer: 3 });
  expect({ capacity: other.capacity, headroom: other.headroom }).toEqual({ capacity: 1024, headroom: 32 });
  expect(other.push([new Uint8Array(5).fill(9)])).toBe(1);
  expect(ring.push([new Uint8Array(5).fill(8)])).toBe(1);
  const burst = ring.pop()!;
  expect([...burst].map((frame) => frame[0])).toEqual([9, 8]);
  expect(() => DescriptorRing.open(all, ring.address)).toThrow(/^address: expected that of a ring of items/);
  ring.close();
  expect(() => ByteRing.open(all, ring.address)).toThrow(/^address: expected that of a ring of bytes/);
});

test("waiting for frames, and for room for one of a certain length", async () => {
  const ring = ByteRing.create(await kernels(), { capacity: 1024 });
  const waiting = ring.waitAsync();
  setTimeout(() => ring.push([new Uint8Array(400), new Uint8Array(400)]), 10);
  await waiting;
  // 864 bytes are taken: a frame of 400 bytes has no room before the end, and needs it at the start.
  const room = ring.waitForRoomAsync(400);
  let popped = 0;
  const popping = setInterval(() => {
    popped++;
    ring.pop(1);
  }, 10);
  await room;
  clearInterval(popping);
  expect(popped).toBeGreaterThan(0);
  expect(ring.push([new Uint8Array(400)])).toBe(1);
  ring.close();
});

test("what cannot be", async () => {
  const all = await kernels();
  const create = (options: object) => () => ByteRing.create(all, options);
  for (const capacity of [0, 128, 300, 1000, 2 ** 31]) expect(create({ capacity })).toThrow(/^capacity: /);
  for (const headroom of [-16, 1, 8, 24.5, 1 << 20]) expect(create({ headroom })).toThrow(/^headroom: /);
  expect(create({ capacity: 256, headroom: 128 })).toThrow(/^capacity: expected at least four times/);
  expect(create({ capacity: 2 ** 29 })).toThrow(/^memoryBytes: /);
  expect(create({ bytes: 1 })).toThrow(/^options: /);
  expect(create({ producer: 1 })).toThrow(/^producer: /);
  const ring = ByteRing.create(all, { capacity: 512 });
  expect(() => ring.push([new Uint8Array(1), new Uint8Array(ring.longest + 1)])).toThrow(
    /^frames: expected at most/,
  );
  expect(() => ring.push(["x" as never])).toThrow(TypeError);
  expect(() => ring.push([new Uint8Array(1)], { marks: [2 ** 32] })).toThrow(/^marks: /);
  expect(() => ring.push([new Uint8Array(1)], { marks: [] })).toThrow(/^marks: /);
  expect(ring.fill).toBe(0);
  expect(() => ring.pop(0)).toThrow(/^limit: /);
  await expect(ring.waitForRoomAsync(ring.longest + 1)).rejects.toThrow(/^room: /);
  ring.close();
});
