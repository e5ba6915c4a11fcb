// How a thread that may not block waits: until it is called, or until a doorbell in shared memory is rung.

import { ArgumentTypeError } from "../core/argument-error.ts";
import type { Kernels } from "../kernel/kernels.ts";
import { DOORBELL_LENGTH } from "../layout/ring.layout.ts";
import { ringAlways, ringCount, rungSince, sayAsleep } from "./doorbell.ts";

export interface Bell {
  /**
   * Looks at once, and again after every change, until `look` returns something. Rejects with what `look` throws,
   * and with the signal's reason when it aborts.
   */
  until<T>(look: () => T | undefined, signal?: AbortSignal): Promise<T>;
  /** Lets all who wait look again, at once and in the order in which they came. */
  ring(): void;
  /** Whoever still waits is told that `what` has been closed. */
  close(what: string): void;
  /** Gives back a doorbell of its own, when no other thread can ring it any more. */
  release(): void;
}

/** Rung by `ring()` only. */
export class LocalBell implements Bell {
  /** How each who waits looks again, and how it is told that there is nothing to wait for. */
  readonly #waiting: Map<() => void, (reason: unknown) => void> = new Map();
  #rings = 0;
  #ringing = false;
  #again = false;
  /** What has been closed with it. */
  #closed: string | undefined;

  until<T>(look: () => T | undefined, signal?: AbortSignal): Promise<T> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      for (let rings = -1; rings !== this.#rings; ) {
        rings = this.#rings;
        const found = look();
        if (found !== undefined) return resolve(found);
        // Looking itself may have changed something.
      }
      if (this.#closed !== undefined) throw closedError(this.#closed);
      const settle = (): void => {
        this.#waiting.delete(again);
        signal?.removeEventListener("abort", abort);
      };
      const fail = (reason: unknown): void => {
        settle();
        reject(reason);
      };
      const abort = (): void => fail(signal?.reason);
      const again = (): void => {
        try {
          const found = look();
          if (found === undefined) return;
          settle();
          resolve(found);
        } catch (error) {
          fail(error);
        }
      };
      this.#waiting.set(again, fail);
      signal?.addEventListener("abort", abort, { once: true });
      this.waiting();
    });
  }

  ring(): void {
    this.#rings++;
    // Looking may change something, and so ring.
    this.#again = true;
    if (this.#ringing) return;
    this.#ringing = true;
    try {
      while (this.#again) {
        this.#again = false;
        for (const look of [...this.#waiting.keys()]) if (this.#waiting.has(look)) look();
      }
    } finally {
      this.#ringing = false;
    }
  }

  close(what: string): void {
    this.#closed ??= what;
    for (const fail of [...this.#waiting.values()]) fail(closedError(what));
  }

  release(): void {}

  protected get closed(): boolean {
    return this.#closed !== undefined;
  }

  /** Whether anybody waits. */
  protected get anybody(): boolean {
    return this.#waiting.size > 0;
  }

  /** Called when somebody has begun to wait. */
  protected waiting(): void {}
}

function closedError(what: string): TypeError {
  return new ArgumentTypeError("closed", what, "it has been closed");
}

/** Rung by other threads, too, at the doorbell. */
export class SharedBell extends LocalBell {
  readonly #kernels: Kernels;
  /** Its address: other threads ring there. */
  readonly doorbell: number;
  #listening = false;

  /** One with a doorbell of its own, until `release()`. */
  static reserve(kernels: Kernels): SharedBell {
    return new SharedBell(kernels, kernels.plan.reserve("a channel's doorbell", DOORBELL_LENGTH));
  }

  constructor(kernels: Kernels, doorbell: number) {
    super();
    this.#kernels = kernels;
    this.doorbell = doorbell;
  }

  /** From here on the doorbell's memory is not touched. */
  override close(what: string): void {
    if (this.closed) return;
    super.close(what);
    if (this.#listening) sayAsleep(this.#kernels, this.doorbell, -1);
    ringAlways(this.#kernels, this.doorbell);
  }

  override release(): void {
    this.#kernels.plan.release(this.doorbell);
  }

  protected override waiting(): void {
    if (!this.#listening) void this.#listen();
  }

  /** One wait for all who wait here, for as long as there are any. */
  async #listen(): Promise<void> {
    this.#listening = true;
    sayAsleep(this.#kernels, this.doorbell, 1);
    for (;;) {
      // First the count, then a last look: see src/layout/ring.layout.ts.
      const count = ringCount(this.#kernels, this.doorbell);
      this.ring();
      if (this.closed || !this.anybody) break;
      await rungSince(this.#kernels, this.doorbell, count);
      if (this.closed) return;
    }
    this.#listening = false;
    if (!this.closed) sayAsleep(this.#kernels, this.doorbell, -1);
  }
}
