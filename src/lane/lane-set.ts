// The lanes of one pipeline or one switch: frames take one of them by their flow, and results come from each in turn.

import type { Bell } from "../ring/bell.ts";
import type { CheckedNotes } from "../ring/burst-notes.ts";
import type { FrameBurst } from "../ring/frame-burst.ts";
import { flowHash } from "../wire/flow-hash.ts";
import type { Lane } from "./lane.ts";

export class LaneSet {
  /** The longest frame that they take. */
  readonly longest: number;
  readonly #lanes: readonly Lane[];
  readonly #bell: Bell;
  #next = 0;

  constructor(lanes: readonly Lane[], bell: Bell) {
    this.#lanes = lanes;
    this.#bell = bell;
    this.longest = Math.min(...lanes.map(({ longest }) => longest));
  }

  /**
   * Sends frames `first` to `end`, none of them longer than `longest`; returns how many, from the first on, found room.
   * Frame i comes out with item i of `notes`; with `mark` where those have no marks.
   */
  send(
    frames: readonly Uint8Array[],
    first: number,
    end: number,
    notes: CheckedNotes | undefined,
    mark: number,
  ): number {
    const lanes = this.#lanes;
    let at = first;
    for (; at < end; at++) {
      const frame = frames[at] as Uint8Array;
      const index = lanes.length === 1 ? 0 : Math.floor((flowHash(frame) * lanes.length) / 2 ** 32);
      if (!(lanes[index] as Lane).add(frame, mark, notes, at)) break;
    }
    let woken = false;
    for (const lane of lanes) woken = lane.publish() || woken;
    if (woken && at === end) this.#lookOnceAfterWaking();
    return at - first;
  }

  /** Results that are there now, if any; never waits. */
  receive(): FrameBurst | undefined {
    for (let turn = 0; turn < this.#lanes.length; turn++) {
      // Each lane in turn, so that none starves.
      const lane = this.#lanes[this.#next] as Lane;
      this.#next = (this.#next + 1) % this.#lanes.length;
      const burst = lane.take();
      if (burst !== undefined) return burst;
    }
    return undefined;
  }

  /** Whether everything that was sent has come out or was dropped. */
  get empty(): boolean {
    return this.#lanes.every(({ empty }) => empty);
  }

  close(): void {
    for (const lane of this.#lanes) lane.close();
  }

  /**
   * Waking a worker takes this thread so long that results are often there by then. Not for who waits for room: it
   * would look again and again until the worker is awake.
   */
  #lookOnceAfterWaking(): void {
    this.#bell.ring();
  }
}
