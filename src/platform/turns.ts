// Long work on a thread that others use, too: it lets them have a turn now and then.

import { nextTurn } from "./threads.ts";

/** A page misses a picture after 16 ms; half of that leaves it time to draw. */
const MILLISECONDS = 8;

/**
 * Counts how long work has gone on. Awaiting promises that are settled already, as those of a source in memory
 * are, gives no turn to anybody: a page would stand still for as long as there is input.
 */
export class Turns {
  #since = performance.now();

  /** Whether the last turn of the others is a while ago. */
  get due(): boolean {
    return performance.now() - this.#since >= MILLISECONDS;
  }

  /** Gives messages, timers and drawing a turn if the last one is a while ago. */
  async give(): Promise<void> {
    if (!this.due) return;
    await nextTurn();
    this.#since = performance.now();
  }
}
