// What became of the frames that went through stages: read from memory, and added up.

import { dropReasons, dropsInOrder } from "../core/drop-reasons.ts";
import type { Kernels } from "../kernel/kernels.ts";
import { COUNTER_LENGTH } from "../layout/drop.layout.ts";
import { STAGE_CHANGED, STAGE_LENGTH } from "../layout/stage.layout.ts";

/** What became of the frames: received = forwarded + dropped. */
export interface PipelineCounters {
  readonly received: number;
  readonly forwarded: number;
  readonly dropped: number;
  /** Drops by reason name; reasons that never came up are left out. */
  readonly drops: Readonly<Record<string, number>>;
  /** For each stage, in order: how many frames it changed; a filter changes none, whatever it drops. */
  readonly changed: readonly number[];
}

/** What is counted in the program at `address`, or in a copy of all its bytes. */
export function readCounters(kernels: Kernels, address: number, stages: number): PipelineCounters {
  const counters = address + stages * STAGE_LENGTH;
  const drops: Record<string, number> = {};
  let dropped = 0;
  for (const { code, name } of dropReasons.slice(1)) {
    const count = kernels.counter(counters + code * COUNTER_LENGTH);
    if (count > 0) drops[name] = count;
    dropped += count;
  }
  const forwarded = kernels.counter(counters);
  const changed = Array.from({ length: stages }, (_, index) =>
    kernels.counter(address + index * STAGE_LENGTH + STAGE_CHANGED),
  );
  return { received: forwarded + dropped, forwarded, dropped, drops, changed };
}

/** Adds counters up; stage by stage where they have stages. */
export function sumCounters(all: readonly PipelineCounters[]): PipelineCounters {
  const sums: Record<string, number> = {};
  const changed: number[] = [];
  let forwarded = 0;
  let dropped = 0;
  for (const counters of all) {
    forwarded += counters.forwarded;
    dropped += counters.dropped;
    for (const [name, count] of Object.entries(counters.drops)) sums[name] = (sums[name] ?? 0) + count;
    counters.changed.forEach((count, index) => {
      changed[index] = (changed[index] ?? 0) + count;
    });
  }
  return { received: forwarded + dropped, forwarded, dropped, drops: dropsInOrder(sums), changed };
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

/** What has been counted where nothing is. */
export const NO_COUNTERS: PipelineCounters = {
  received: 0,
  forwarded: 0,
  dropped: 0,
  drops: {},
  changed: [],
};
