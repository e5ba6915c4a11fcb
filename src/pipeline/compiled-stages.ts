// What stages are once they have been checked: data for kernels, and how a thread's state for them is laid out.

import type { CountTable } from "./count-table.ts";
import type { FrameChange } from "./frame-change.ts";

/** The state of a stage in each thread that runs it. */
export interface StageState {
  /** Bytes, with those of the count of frames that it changed in front. */
  readonly length: number;
  /** How many of them, from the first on, are counters: what starts from zero and is taken back where a result is lost. */
  readonly counted: number;
  /** Whether the counters are numbers of 64 bits of which users are told each. */
  readonly told?: boolean;
  /** What those are called, where they have names. */
  readonly names?: readonly string[];
  /** The table behind them, if there is one. */
  readonly table?: CountTable;
  /** Where labels of frames lie (label.layout), if it makes such: from the state on. */
  readonly labels?: number;
}

/** Where a record says where a part of code lies: so many bytes from `from` on, counted from the record's start. */
export interface CodeUse {
  readonly stage: number;
  readonly field: number;
  readonly from: number;
}

/** Code that was generated for stages, or data that it reads. */
export interface CodePart {
  readonly bytes: Uint8Array;
  readonly uses: readonly CodeUse[];
}

/** Stages as kernels read them: checked, and good for any memory and any thread. They can be posted to others. */
export interface CompiledStages {
  /** No other stages that this thread compiled have the same. */
  readonly id: number;
  /** One record behind the other. */
  readonly records: Uint8Array<ArrayBuffer>;
  /** Code and data that records point at, once they lie in a memory. */
  readonly parts: readonly CodePart[];
  /** Where these stages are those of other ones but for some: the `id` of those, and which are others. */
  readonly instead?: { readonly of: number; readonly stages: readonly number[] };
  /** Addresses of scripts that a thread has to have loaded. */
  readonly scripts: readonly string[];
  /** Bytes of headroom that the stages may take from a frame, all together. */
  readonly headroom: number;
  /** For each stage how it changes frames; undefined for one that does not. */
  readonly changes: readonly (FrameChange | undefined)[];
  /** For each stage: its state, and where it lies in that of a thread. */
  readonly states: readonly (StageState & { readonly offset: number })[];
  /** Bytes of a thread's state, the drop counters and all. */
  readonly stateLength: number;
}
