// Doorbells: how a thread that has nothing to do sleeps and is woken (ring.layout.ts says why no ring is missed).

import { DOORBELL_ASLEEP, DOORBELL_COUNT } from "../src/layout/ring.layout";

/** Looks `turns` times whether the doorbell has left `count`, or somebody wrote another number to `watched`. */
export function spin(doorbell: usize, count: u32, watched: usize, seen: u32, turns: u32): bool {
  for (let turn: u32 = 0; turn < turns; turn++) {
    if (atomic.load<u32>(watched) !== seen || atomic.load<u32>(doorbell, DOORBELL_COUNT) !== count)
      return true;
  }
  return false;
}

/** 1: this thread is about to sleep; after saying so it must look at everything once more. -1: it is awake again. */
export function sayAsleep(doorbell: usize, change: u32): void {
  atomic.add<u32>(doorbell, change, DOORBELL_ASLEEP);
}

/** Sleeps until the doorbell has left `count`, or for so many milliseconds. Not where a thread may not block. */
export function sleep(doorbell: usize, count: u32, milliseconds: u32): void {
  atomic.wait<i32>(doorbell, <i32>count, <i64>milliseconds * 1000000);
}
