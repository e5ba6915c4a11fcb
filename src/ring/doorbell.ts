// Doorbells as JavaScript sees them: ringing one, and waiting for one without blocking the thread.

import type { Kernels } from "../kernel/kernels.ts";
import { DOORBELL_ASLEEP, DOORBELL_COUNT } from "../layout/ring.layout.ts";

/** Wakes whoever sleeps at `doorbell`; nothing happens if nobody does, or if the address is 0. */
export function ringIfAsleep(kernels: Kernels, doorbell: number): void {
  if (doorbell === 0 || Atomics.load(kernels.signed, (doorbell + DOORBELL_ASLEEP) >>> 2) === 0) return;
  ringAlways(kernels, doorbell);
}

/** Lets the doorbell go up in any case, so that somebody who is about to sleep does not. */
export function ringAlways(kernels: Kernels, doorbell: number): void {
  Atomics.add(kernels.signed, (doorbell + DOORBELL_COUNT) >>> 2, 1);
  Atomics.notify(kernels.signed, (doorbell + DOORBELL_COUNT) >>> 2);
}

/** Looks at once, then again whenever the doorbell has rung, until `look` finds something. */
export class Listener {
  readonly #kernels: Kernels;
  readonly #doorbell: number;

  constructor(kernels: Kernels, doorbell: number) {
    this.#kernels = kernels;
    this.#doorbell = doorbell;
  }

  /** Resolves when the doorbell has rung since `count` was read, or after `milliseconds` at the latest. */
  async wait(count: number, milliseconds: number): Promise<void> {
    const { signed } = this.#kernels;
    const result = Atomics.waitAsync(signed, (this.#doorbell + DOORBELL_COUNT) >>> 2, count, milliseconds);
    if (result.async) await result.value;
  }

  get count(): number {
    return Atomics.load(this.#kernels.signed, (this.#doorbell + DOORBELL_COUNT) >>> 2);
  }

  set asleep(asleep: boolean) {
    Atomics.store(this.#kernels.signed, (this.#doorbell + DOORBELL_ASLEEP) >>> 2, asleep ? 1 : 0);
  }
}
