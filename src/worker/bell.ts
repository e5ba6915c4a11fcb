// How the one who sends and takes waits for its lanes: at a doorbell in shared memory, or to be called.

import type { Kernels } from "../kernel/kernels.ts";
import { Listener } from "../ring/doorbell.ts";

export interface Bell {
  /** Looks at once, and again after every change, until `look` returns something; rejects when the signal aborts. */
  until<T>(look: () => T | undefined, signal?: AbortSignal): Promise<T>;
  /** Lets all who wait look again. */
  ring(): void;
}

/** Nothing waits longer than this; it bounds what a lost wake-up could cost. */
const WAIT_MILLISECONDS = 1000;

/** Called by `ring()` only. */
export class LocalBell implements Bell {
  #waiting: (() => void)[] = [];

  async until<T>(look: () => T | undefined, signal?: AbortSignal): Promise<T> {
    for (;;) {
      signal?.throwIfAborted();
      const found = look();
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
        signal?.addEventListener("abort", () => resolve(), { once: true });
      });
    }
  }

  ring(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

/** Rung by workers too. */
export class SharedBell implements Bell {
  readonly #listener: Listener;
  readonly #local: LocalBell = new LocalBell();
  #waiting = 0;

  constructor(kernels: Kernels, doorbell: number) {
    this.#listener = new Listener(kernels, doorbell);
  }

  async until<T>(look: () => T | undefined, signal?: AbortSignal): Promise<T> {
    for (;;) {
      signal?.throwIfAborted();
      let found = look();
      if (found !== undefined) return found;
      // First the count, then "asleep", then a last look: see src/layout/ring.layout.ts.
      const { count } = this.#listener;
      this.#listener.asleep = true;
      this.#waiting++;
      try {
        found = look();
        if (found !== undefined) return found;
        const rung = this.#local.until(once(), signal);
        rung.catch(() => {});
        await Promise.race([this.#listener.wait(count, WAIT_MILLISECONDS), rung]);
      } finally {
        if (--this.#waiting === 0) this.#listener.asleep = false;
      }
    }
  }

  ring(): void {
    this.#local.ring();
  }
}

/** Finds something at the second look. */
function once(): () => true | undefined {
  let looks = 0;
  return () => (++looks > 1 ? true : undefined);
}
