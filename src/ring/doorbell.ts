// Doorbells as JavaScript sees them: ringing one, and waiting for one, with or without blocking the thread.
// Why no ring is missed is said in src/layout/ring.layout.ts.

import type { Kernels } from "../kernel/kernels.ts";
import { DOORBELL_ASLEEP, DOORBELL_COUNT } from "../layout/ring.layout.ts";

/** Looks before sleeping: some 10 µs, about as long as waking a sleeper takes. */
export const SPIN_TURNS = 256;
/** Where threads cannot be woken without having blocked (Firefox before 145), they look this often. */
const POLL_MILLISECONDS = 1;
/** No thread blocks longer than this; it bounds what a doorbell that is never rung could cost. */
const SLEEP_MILLISECONDS = 1000;

/** Wakes whoever sleeps at `doorbell`; returns whether anybody does. The address 0 stands for nobody. */
export function ringIfAsleep(kernels: Kernels, doorbell: number): boolean {
  if (doorbell === 0 || Atomics.load(kernels.signed, (doorbell + DOORBELL_ASLEEP) >>> 2) === 0) return false;
  ringAlways(kernels, doorbell);
  return true;
}

/** Lets the doorbell go up in any case, so that somebody who is about to sleep does not. */
export function ringAlways(kernels: Kernels, doorbell: number): void {
  Atomics.add(kernels.signed, (doorbell + DOORBELL_COUNT) >>> 2, 1);
  Atomics.notify(kernels.signed, (doorbell + DOORBELL_COUNT) >>> 2);
}

/** Says that one more, or one less, sleeps at the doorbell. */
export function sayAsleep(kernels: Kernels, doorbell: number, change: 1 | -1): void {
  Atomics.add(kernels.signed, (doorbell + DOORBELL_ASLEEP) >>> 2, change);
}

export function ringCount(kernels: Kernels, doorbell: number): number {
  return Atomics.load(kernels.signed, (doorbell + DOORBELL_COUNT) >>> 2);
}

/** Whether `look` found something, at once, after spinning for a moment, or within so many milliseconds of sleep. */
export function sleepUntil(
  kernels: Kernels,
  doorbell: number,
  look: () => boolean,
  milliseconds: number,
): boolean {
  for (let turn = 0; turn < SPIN_TURNS; turn++) if (look()) return true;
  const end = performance.now() + milliseconds;
  sayAsleep(kernels, doorbell, 1);
  try {
    for (;;) {
      const count = ringCount(kernels, doorbell);
      if (look()) return true;
      const left = end - performance.now();
      if (left <= 0) return false;
      const sleep = Math.min(left, SLEEP_MILLISECONDS);
      Atomics.wait(kernels.signed, (doorbell + DOORBELL_COUNT) >>> 2, count, sleep);
    }
  } finally {
    sayAsleep(kernels, doorbell, -1);
  }
}

/** Resolves when the doorbell has left `count`; never blocks. Where it must be polled for, after a second at the latest. */
export async function rungSince(kernels: Kernels, doorbell: number, count: number): Promise<void> {
  const { signed } = kernels;
  if (typeof Atomics.waitAsync === "function") {
    // Without a timeout: V8 keeps a timer for one, which takes some 7 of the 100 µs of a wake (measured).
    const { async, value } = Atomics.waitAsync(signed, (doorbell + DOORBELL_COUNT) >>> 2, count);
    if (async) await value;
    return;
  }
  for (let time = 0; time < SLEEP_MILLISECONDS; time += POLL_MILLISECONDS) {
    if (ringCount(kernels, doorbell) !== count) return;
    await new Promise<void>((resolve) => setTimeout(resolve, POLL_MILLISECONDS));
  }
}
