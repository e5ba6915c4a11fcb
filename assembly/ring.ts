// Descriptor rings: bursts of 32-bit items from thread to thread. The order of memory is said in ring.layout.ts.

import {
  RING_HEAD,
  RING_HEAD_COPY,
  RING_ITEMS,
  RING_LOCK,
  RING_MASK,
  RING_TAIL,
  RING_TAIL_COPY,
} from "../src/layout/ring.layout";

/** Turns a producer waits for another that is in the middle of its push, before it says "no room". */
const LOCK_SPINS = 1000;

/** Puts up to `count` items in, for the only producer; returns how many there was room for. */
export function ringPush(ring: usize, items: usize, count: u32): u32 {
  const mask = load<u32>(ring, RING_MASK);
  const tail = load<u32>(ring, RING_TAIL);
  let room: u32 = mask + 1 - (tail - load<u32>(ring, RING_HEAD_COPY));
  if (room < count) {
    const head = atomic.load<u32>(ring, RING_HEAD);
    store<u32>(ring, head, RING_HEAD_COPY);
    room = mask + 1 - (tail - head);
    if (room < count) count = room;
  }
  transfer<Inward>(load<u32>(ring, RING_ITEMS), mask, tail, items, count);
  atomic.store<u32>(ring, tail + count, RING_TAIL);
  return count;
}

/**
 * The same for any number of producers, each with a number of its own from 1: one at a time writes.
 * If the one that writes does not come to an end, because its thread is not running, nothing is taken.
 */
export function ringPushShared(ring: usize, items: usize, count: u32, producer: u32): u32 {
  let spins = 0;
  while (atomic.cmpxchg<u32>(ring, 0, producer, RING_LOCK) !== 0) {
    if (++spins > LOCK_SPINS) return 0;
  }
  const pushed = ringPush(ring, items, count);
  atomic.store<u32>(ring, 0, RING_LOCK);
  return pushed;
}

/** Takes up to `count` items out, for the only consumer; returns how many there were. */
export function ringPop(ring: usize, items: usize, count: u32): u32 {
  const mask = load<u32>(ring, RING_MASK);
  const head = load<u32>(ring, RING_HEAD);
  let filled: u32 = load<u32>(ring, RING_TAIL_COPY) - head;
  if (filled < count) {
    const tail = atomic.load<u32>(ring, RING_TAIL);
    store<u32>(ring, tail, RING_TAIL_COPY);
    filled = tail - head;
    if (filled < count) count = filled;
  }
  transfer<Outward>(load<u32>(ring, RING_ITEMS), mask, head, items, count);
  atomic.store<u32>(ring, head + count, RING_HEAD);
  return count;
}

// The two directions are types, so that each has a `transfer` of its own, which becomes a part of its only caller:
// a burst of 32 in and out takes 16 ns instead of 22, calls from JavaScript (5 ns) included.
type Inward = i32;
type Outward = u32;

/** Copies `count` items between the ring, from count `at` on, and a plain array, in one piece or two. */
function transfer<Direction>(ring: usize, mask: u32, at: u32, items: usize, count: u32): void {
  const inward = isSigned<Direction>();
  let inRing: usize = ring + ((at & mask) << 2);
  let piece: u32 = min(count, mask + 1 - (at & mask));
  for (;;) {
    let from: usize = inward ? items : inRing;
    let to: usize = inward ? inRing : items;
    let end: usize = from + ((piece & ~15) << 2);
    for (; from < end; from += 64, to += 64) {
      v128.store(to, v128.load(from));
      v128.store(to, v128.load(from, 16), 16);
      v128.store(to, v128.load(from, 32), 32);
      v128.store(to, v128.load(from, 48), 48);
    }
    end += (piece & 12) << 2;
    for (; from < end; from += 16, to += 16) v128.store(to, v128.load(from));
    end += (piece & 3) << 2;
    for (; from < end; from += 4, to += 4) store<u32>(to, load<u32>(from));
    if (piece === count) return;
    inRing = ring;
    items += piece << 2;
    count -= piece;
    piece = count;
  }
}
