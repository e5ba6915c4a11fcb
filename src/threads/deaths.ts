// How often a worker may die: at a seat that is left again and again, others are started more slowly, and then none.

/** Deaths are counted for so long. */
const WINDOW_MILLISECONDS = 30_000;
/** So many are replaced at once. */
const AT_ONCE = 6;
/** The pause before the one after those; each further one waits twice as long, up to the longest. */
const FIRST_PAUSE_MILLISECONDS = 50;
const LONGEST_PAUSE_MILLISECONDS = 400;
/** With so many in that time no other is started. */
const DEATHS_MAXIMUM = 16;

export class Deaths {
  /** When they were, the latest last. */
  #times: readonly number[] = [];

  /** Notes a death; returns how many milliseconds to wait before another worker is started, undefined if none is to be. */
  note(now: number): number | undefined {
    this.#times = [...this.#times.filter((time) => now - time < WINDOW_MILLISECONDS), now];
    const { length } = this.#times;
    if (length >= DEATHS_MAXIMUM) return undefined;
    if (length <= AT_ONCE) return 0;
    return Math.min(LONGEST_PAUSE_MILLISECONDS, FIRST_PAUSE_MILLISECONDS * 2 ** (length - AT_ONCE - 1));
  }

  /** How many there were lately, as a sentence. */
  get told(): string {
    return `${this.#times.length} workers have died here within ${WINDOW_MILLISECONDS / 1000} s`;
  }

  forget(): void {
    this.#times = [];
  }
}
