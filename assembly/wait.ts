// Doorbells: how a thread that has nothing to do sleeps and is woken (ring.layout.ts says why no ring is missed).

import { DOORBELL_ASLEEP, DOORBELL_COUNT } from "../src/layout/ring.layout";

/** 1: this thread is about to sleep; after saying so it must look at everything once more. -1: it is awake again. */
export function sayAsleep(doorbell: usize, change: u32): void {
  atomic.add<u32>(doorbell, change, DOORBELL_ASLEEP);
}

/** Sleeps until the doorbell has left `count`, or for so many milliseconds. Not where a thread may not block. */
export function sleep(doorbell: usize, count: u32, milliseconds: u32): void {
  atomic.wait<i32>(doorbell + DOORBELL_COUNT, <i32>count, <i64>milliseconds * 1000000);
}
