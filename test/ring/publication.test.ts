// In which order counts become visible, and by what kind of store: two things that no result of one thread shows.
import { beforeEach, describe, expect, test } from "vitest";
import { loadKernels } from "../../build/js/src/kernel/load-kernels.js";
import { ByteRing } from "../../build/js/src/ring/byte-ring.js";
import { ByteRingConsumer, ByteRingProducer } from "../../build/js/src/ring/byte-ring-ends.js";
import { DescriptorRing } from "../../build/js/src/ring/descriptor-ring.js";
import {
  CURSOR_BURST,
  CURSOR_DESCRIPTORS,
  CURSOR_HEADROOM,
  CURSOR_JOURNAL,
  CURSOR_LENGTH,
  CURSOR_STATUS,
  STATUS_NEED_INPUT,
} from "../../src/layout/cursor.layout.ts";
import { DESCRIPTOR_LENGTH } from "../../src/layout/descriptor.layout.ts";
import {
  JOURNAL_HEAD,
  JOURNAL_LENGTH,
  JOURNAL_TAIL,
  RECORD_FRAME_LENGTH,
  RECORD_TOTAL,
  RING_HEAD,
  RING_ITEMS,
  RING_MASK,
  RING_TAIL,
} from "../../src/layout/ring.layout.ts";

type Kernels = Awaited<ReturnType<typeof loadKernels>>;

const CAPACITY = 1024;
const HEADROOM = 16;
const FRAME = 64;
/** Of the record with headroom, and of the one without. */
const TAKEN = 112;
const WRITTEN = 96;

let on: Kernels;
beforeEach(async () => {
  on = await loadKernels({ memoryBytes: 1 << 20 });
});

/**
 * Lays a transmit ring over a receive ring so that the tail of the one is the head of the other: what stands there in the
 * end was stored last. Other words that fall together: the receive ring's tail is the transmit ring's mask.
 */
function laidOver(head: number): { cursor: number; journal: number; receive: number; transmit: number } {
  const { plan, words } = on;
  const receive = plan.reserve("two rings", 512);
  const transmit = receive + RING_HEAD - RING_TAIL;
  const cursor = plan.reserve("a cursor", CURSOR_LENGTH);
  const journal = plan.reserve("a journal", JOURNAL_LENGTH);
  const items = plan.reserve("a ring's bytes", CAPACITY);
  const fields: readonly (readonly [number, number])[] = [
    [receive + RING_MASK, CAPACITY - 1],
    [receive + RING_ITEMS, items],
    [receive + RING_HEAD, head],
    [receive + RING_TAIL, CAPACITY - 1],
    [transmit + RING_ITEMS, plan.reserve("a ring's bytes", CAPACITY)],
    [transmit + RING_HEAD, head],
    [cursor + CURSOR_BURST, 1],
    [cursor + CURSOR_HEADROOM, HEADROOM],
    [cursor + CURSOR_DESCRIPTORS, plan.reserve("descriptors", DESCRIPTOR_LENGTH)],
    [cursor + CURSOR_JOURNAL, journal],
    [items + head + RECORD_TOTAL, TAKEN],
    [items + head + RECORD_FRAME_LENGTH, FRAME],
  ];
  for (const [address, value] of fields) words[address >>> 2] = value;
  return { cursor, journal, receive, transmit };
}

test("a lane's results are there before its frames are gone", () => {
  // RingLane.empty lives by it: a frame that is in neither ring would end a channel too soon.
  const head = CAPACITY - 144;
  const { cursor, journal, receive, transmit } = laidOver(head);
  expect(on.words[(transmit + RING_MASK) >>> 2]).toBe(CAPACITY - 1);
  expect(on.functions.runRings(cursor, receive, transmit, 1)).toBe(1);
  expect(on.words[(cursor + CURSOR_STATUS) >>> 2]).toBe(STATUS_NEED_INPUT);
  // Both were stored, and differ.
  expect(on.words[(journal + JOURNAL_HEAD) >>> 2]).toBe(head + TAKEN);
  expect(on.words[(journal + JOURNAL_TAIL) >>> 2]).toBe(head + WRITTEN);
  expect(on.words[(receive + RING_HEAD) >>> 2]).toBe(head + TAKEN);
});

describe("counts that other threads look at are stored by atomics alone", () => {
  /** These kernels, but that words which are written plainly are noted. */
  function watchedKernels(): { kernels: Kernels; plain: Set<number> } {
    const plain = new Set<number>();
    const words = new Proxy(on.words, {
      get: (target, name) => {
        const value = Reflect.get(target, name) as unknown;
        return typeof value === "function" ? (value.bind(target) as unknown) : value;
      },
      set: (target, name, value: number) => {
        plain.add(Number(name) * 4);
        target[Number(name)] = value;
        return true;
      },
    });
    const kernels = Object.create(on, { words: { value: words } }) as Kernels;
    return { kernels, plain };
  }

  test("of byte rings", async () => {
    const { kernels, plain } = watchedKernels();
    const ring = ByteRing.create(on, { capacity: CAPACITY });
    const producer = new ByteRingProducer(kernels, ring.address, true);
    const consumer = new ByteRingConsumer(kernels, ring.address);
    const frames = 40;
    let taken = 0;
    for (let sent = 0; sent < frames; sent++) {
      expect(producer.add(new Uint8Array(100 + sent), sent)).toBe(true);
      producer.publish();
      taken += consumer.take(4096)!.length;
      consumer.wake();
    }
    expect(taken).toBe(frames);
    // Records are written plainly, and their ring's counts, which have moved, are not.
    expect(plain.size).toBeGreaterThan(frames);
    const counts = [RING_HEAD, RING_TAIL].map((field) => ring.address + field);
    for (const count of counts) expect(on.words[count >>> 2]).toBeGreaterThan(CAPACITY);
    expect(counts.filter((count) => plain.has(count))).toEqual([]);
  });

  test("of descriptor rings", () => {
    const ring = DescriptorRing.create(on, { capacity: 16 });
    const { kernels, plain } = watchedKernels();
    const other = DescriptorRing.open(kernels, ring.address);
    for (let turn = 0; turn < 20; turn++) {
      expect(other.push(Uint32Array.of(turn, turn + 1))).toBe(2);
      expect(other.pop(2).length).toBe(2);
    }
    const counts = [RING_HEAD, RING_TAIL].map((field) => ring.address + field);
    for (const count of counts) expect(on.words[count >>> 2]).toBe(40);
    expect(counts.filter((count) => plain.has(count))).toEqual([]);
  });
});
