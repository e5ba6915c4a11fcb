// What became of the frames that went through stages, as it is told.

import { dropsByName } from "../core/drop-reasons.ts";
import { type StageCounts, tellTable } from "./count-told.ts";
import { droppedOf, type ModuleCounts, sumTallies, type Tally } from "./tally.ts";

/** What became of the frames: received = forwarded + dropped. */
export interface PipelineCounters {
  readonly received: number;
  readonly forwarded: number;
  readonly dropped: number;
  /** Drops by reason name; reasons that never came up are left out. */
  readonly drops: Readonly<Record<string, number>>;
  /** For each stage, in order: how many frames it changed; one that only drops or counts changes none. */
  readonly changed: readonly number[];
  /**
   * For each stage, in order: how many frames it dropped. What was dropped by none of them, as too long, or because its worker
   * died, stands in `drops` only.
   */
  readonly stageDrops: readonly number[];
  /** What each `count` stage has counted, in order. */
  readonly counts: readonly StageCounts[];
  /** What each stage of one's own has counted that counts more than frames changed, in order. */
  readonly modules: readonly ModuleCounts[];
}

/** What a stage had counted until another took its place. */
export interface ReplacedStage {
  /** Of a `count` stage. */
  readonly counts: StageCounts | undefined;
  /** Of a stage of one's own, a table of rules among them: `ruleCounts` reads it. */
  readonly module: ModuleCounts | undefined;
}

/** The same of one stage, by what its threads have counted. */
export function tellReplaced(all: readonly Tally[]): ReplacedStage {
  const { tables, modules } = sumTallies(all);
  const [table] = tables;
  return { counts: table && tellTable(table), module: modules[0] };
}

/** Adds up, and tells. */
export function sumCounters(all: readonly Tally[]): PipelineCounters {
  const sum = sumTallies(all);
  const { forwarded, drops, changed, stageDrops, tables, modules } = sum;
  const dropped = droppedOf(sum);
  return {
    received: forwarded + dropped,
    forwarded,
    dropped,
    drops: dropsByName(drops),
    changed,
    stageDrops,
    counts: tables.map(tellTable),
    modules,
  };
}
