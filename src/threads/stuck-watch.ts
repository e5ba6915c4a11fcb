// Who has work and does not come on with it: a thread that runs in circles, or waits for what never comes.
//
// A worker that is awake counts on, 25 times a second at least, and so do its rings. One that has not for some time is
// stuck - or has had no core: on a machine with too much to do threads wait for long. So its silence is not measured by
// the clock, but by the time that it can have used. Time in which this thread did not come to look does not count; and
// only what it has used itself where the system tells that (Linux, in Node). Where it tells what all threads have used
// (Node elsewhere), each that is watched is taken to have used an equal part of it: not only those that are awake, for
// what others need to start is none of theirs. A thread that waits uses none: its silence counts by a 64th, and it is
// found after some seconds.
// The limit rises, as TCP's for answers does: to four times the longest silence lately, and to twice itself when it
// has been reached.

import { othersMilliseconds } from "../platform/threads.ts";

/** Somebody who is watched. */
export interface Watched {
  /** A number that changes with all that it does; undefined if it has nothing to do. */
  progress(): number | undefined;
  /** How long its thread has run, in milliseconds; undefined where nobody tells. */
  readonly milliseconds: number | undefined;
  /** It has not come on for about so many milliseconds. */
  isStuck(milliseconds: number): void;
}

/** How often they are looked at. */
const TICK_MILLISECONDS = 15;
/** How long a silence may be if nothing else is said: of time that threads have used, and of time that has gone by. */
const USED_LEAST = 40;
/** With 75 a page on a busy machine has lost workers that were well (seen in Chromium, two cores, load 10). */
const GONE_LEAST = 300;
/** How long it may be at most, however long others have been. */
const STUCK_MAXIMUM = 1000;
/** How much of a tick counts if no thread seems to have used any of it. */
const LEAST = TICK_MILLISECONDS / 64;
/** The limit is so many times the longest silence that ended. */
const MARGIN = 4;
/** And at most so many times the least, where it rises because it has been reached. */
const DOUBLED_MOST = 4;
/** Ticks until the longest silence counts by half only. */
const FORGET_TICKS = 128;

interface Silence {
  progress: number | undefined;
  milliseconds: number;
  /** How long its thread had run when it was looked at last. */
  ran: number | undefined;
}

export class StuckWatch {
  readonly #all: () => Iterable<Watched>;
  readonly #least: number;
  readonly #silences: WeakMap<Watched, Silence> = new WeakMap();
  readonly #timer: ReturnType<typeof setInterval>;
  #used: number | undefined = othersMilliseconds();
  #longest = 0;
  #ticks = 0;

  /**
   * Looks at `all` until it is closed; none is stuck before `least` milliseconds. Those who are known by their answers
   * only have `times` as long where that is not said.
   */
  constructor(all: () => Iterable<Watched>, least: number | undefined, times: number) {
    this.#all = all;
    this.#least = least ?? times * (this.#used === undefined ? GONE_LEAST : USED_LEAST);
    this.#timer = setInterval(() => this.#look(), TICK_MILLISECONDS);
    // It shall not keep a process of Node's.
    (this.#timer as { unref?: () => void }).unref?.();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  get #limit(): number {
    return Math.max(this.#least, Math.min(STUCK_MAXIMUM, MARGIN * this.#longest));
  }

  #look(): void {
    if (++this.#ticks % FORGET_TICKS === 0) this.#longest /= 2;
    const awake: [Watched, number][] = [];
    let all = 0;
    for (const watched of this.#all()) {
      all++;
      const progress = watched.progress();
      if (progress === undefined) this.#silences.delete(watched);
      else awake.push([watched, progress]);
    }
    const share = this.#share(all);
    for (const [watched, progress] of awake) {
      const ran = watched.milliseconds;
      const silence = this.#silences.get(watched);
      if (silence?.progress !== progress) {
        this.#longest = Math.max(this.#longest, silence?.milliseconds ?? 0);
        this.#silences.set(watched, { progress, milliseconds: 0, ran });
        continue;
      }
      const used = ran === undefined || silence.ran === undefined ? share : ran - silence.ran;
      silence.ran = ran;
      silence.milliseconds += Math.min(TICK_MILLISECONDS, Math.max(LEAST, used));
      if (silence.milliseconds < this.#limit) continue;
      this.#silences.delete(watched);
      // Should it have been none, the next one has twice the time.
      const doubled = Math.min(2 * silence.milliseconds, DOUBLED_MOST * this.#least);
      this.#longest = Math.max(this.#longest, doubled / MARGIN);
      watched.isStuck(Math.round(silence.milliseconds));
    }
  }

  /** How many milliseconds since the last tick each of so many can have used, as far as the clock or the system tells. */
  #share(all: number): number {
    const before = this.#used;
    this.#used = othersMilliseconds();
    if (before === undefined || this.#used === undefined) return TICK_MILLISECONDS;
    return (this.#used - before) / Math.max(1, all);
  }
}
