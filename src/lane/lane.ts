// A lane: the way of frames through one worker, in order.

import type { Tally } from "../pipeline/tally.ts";
import type { CheckedNotes } from "../ring/burst-notes.ts";
import type { FrameBurst } from "../ring/frame-burst.ts";

export interface Lane {
  /** The longest frame that it can take. */
  readonly longest: number;
  /** Copies a frame in, with item `index` of `notes`, or else with `mark`; false if there is no room for it now. */
  add(frame: Uint8Array, mark: number, notes?: CheckedNotes, index?: number): boolean;
  /** Lets the worker see what was added; returns whether that took waking it. */
  publish(): boolean;
  /** Results, if there are any. */
  take(): FrameBurst | undefined;
  /** Whether everything that was added has come out or was dropped. */
  readonly empty: boolean;
  /** What became of all that came out or was dropped. */
  tally(): Tally;
  close(): void;
}
