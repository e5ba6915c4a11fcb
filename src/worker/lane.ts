// A lane: the way of frames through one worker, in order. There are two kinds, for shared memory and without.

import type { PipelineCounters } from "../pipeline/program.ts";
import type { FrameBurst } from "../ring/frame-burst.ts";

export interface Lane {
  /** The longest frame that it can take. */
  readonly longest: number;
  /** Copies a frame in; false if there is no room for it now. */
  add(frame: Uint8Array, mark: number): boolean;
  /** Lets the worker see what was added; returns whether that took waking it. */
  publish(): boolean;
  /** Results, if there are any. */
  take(): FrameBurst | undefined;
  /** Whether everything that was added has come out or was dropped. */
  readonly empty: boolean;
  counters(): PipelineCounters;
  close(): void;
}

/** Adds counters up; stage by stage where they have stages. */
export function sumCounters(all: readonly PipelineCounters[]): PipelineCounters {
  const drops: Record<string, number> = {};
  const changed: number[] = [];
  let forwarded = 0;
  let dropped = 0;
  for (const counters of all) {
    forwarded += counters.forwarded;
    dropped += counters.dropped;
    for (const [name, count] of Object.entries(counters.drops)) drops[name] = (drops[name] ?? 0) + count;
    counters.changed.forEach((count, index) => {
      changed[index] = (changed[index] ?? 0) + count;
    });
  }
  return { received: forwarded + dropped, forwarded, dropped, drops, changed };
}

/** Counters that say only that `count` frames were dropped for the reason `name`. */
export function droppedOnly(name: string, count: number): PipelineCounters {
  return {
    received: count,
    forwarded: 0,
    dropped: count,
    drops: count === 0 ? {} : { [name]: count },
    changed: [],
  };
}
