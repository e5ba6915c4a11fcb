// A port that always has room would let nobody else have a turn of the event loop while a `sendAll` goes on. So it takes a
// share in each.

import { nextTurn } from "../platform/threads.ts";

/** Frames in one turn. */
const TURN_FRAMES = 64;

export class TurnShare {
  readonly #over: () => void;
  #taken = 0;

  /** `over` is called in the next turn, when frames have been taken in this one. */
  constructor(over: () => void) {
    this.#over = over;
  }

  /** How many more frames may be taken in this turn. */
  get left(): number {
    return TURN_FRAMES - this.#taken;
  }

  take(frames: number): void {
    if (frames === 0) return;
    if (this.#taken === 0) void nextTurn().then(() => this.#next());
    this.#taken += frames;
  }

  #next(): void {
    this.#taken = 0;
    this.#over();
  }
}
