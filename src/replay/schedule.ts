// When the frames of a capture are due, by their times and the speed at which it is played.

import { untilAborted } from "../core/abort.ts";

/** The longest that timers wait. */
const LONGEST_MILLISECONDS = 2 ** 31 - 1;
const NANOSECONDS = 1_000_000;

export class Schedule {
  readonly #speed: number | undefined;
  /** The time of the first frame, and when it came. */
  #first: bigint | undefined;
  #since = 0;

  /** Without a speed everything is due at once. */
  constructor(speed: number | undefined) {
    this.#speed = speed;
  }

  /** The next frame is the first. */
  begin(): void {
    this.#first = undefined;
  }

  /** Whether a frame of this time may come; one without a time, or of one that went back, may. */
  isDue(time: bigint | undefined): boolean {
    return this.#left(time) <= 0;
  }

  /** Resolves when it may; rejects when `signal` aborts. */
  async until(time: bigint | undefined, signal: AbortSignal): Promise<void> {
    for (let left = this.#left(time); left > 0; left = this.#left(time)) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const milliseconds = Math.min(Math.ceil(left), LONGEST_MILLISECONDS);
      const over = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, milliseconds);
      });
      try {
        await untilAborted(over, signal);
      } finally {
        clearTimeout(timer);
      }
    }
  }

  /** Milliseconds until then. */
  #left(time: bigint | undefined): number {
    if (this.#speed === undefined || time === undefined) return 0;
    if (this.#first === undefined) {
      this.#first = time;
      this.#since = performance.now();
      return 0;
    }
    const distance = Number(time - this.#first) / NANOSECONDS / this.#speed;
    return this.#since + distance - performance.now();
  }
}
