// Everything that is under way. All links take the same microsecond, so what is under way arrives all at once, and a
// list in the order of sending is the whole schedule.

import type { Clock } from "./clock.ts";

/** Where a frame comes out: one direction of a link. */
export interface Landing {
  /** Takes the frame off the link; the node at its end keeps it until `Network` lets it work. */
  land(frame: Uint8Array): void;
}

export class Traffic {
  readonly clock: Clock;
  #frames: Uint8Array[] = [];
  #landings: Landing[] = [];
  #spareFrames: Uint8Array[] = [];
  #spareLandings: Landing[] = [];

  constructor(clock: Clock) {
    this.clock = clock;
  }

  get underWay(): number {
    return this.#frames.length;
  }

  depart(frame: Uint8Array, landing: Landing): void {
    this.#frames.push(frame);
    this.#landings.push(landing);
  }

  /** Lets a microsecond go by and lands all that was under way; returns how many frames that were. */
  arrive(): number {
    const frames = this.#frames;
    const landings = this.#landings;
    this.#frames = this.#spareFrames;
    this.#landings = this.#spareLandings;
    this.clock.nowUs += 1;
    const count = frames.length;
    let landed = 0;
    try {
      while (landed < count) {
        const at = landed++;
        (landings[at] as Landing).land(frames[at] as Uint8Array);
      }
    } finally {
      // Somebody's callback may have thrown: the others arrive with the next.
      if (landed < count) {
        this.#frames = frames.slice(landed).concat(this.#frames);
        this.#landings = landings.slice(landed).concat(this.#landings);
      }
      frames.length = 0;
      landings.length = 0;
      this.#spareFrames = frames;
      this.#spareLandings = landings;
    }
    return count;
  }
}
