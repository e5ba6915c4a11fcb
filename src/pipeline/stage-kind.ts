// What a kind of stage is: one row, from which everything that goes over all kinds is made.

import { type Checked, checkFields, type Fields } from "../core/fields.ts";
import type { StageState } from "./compiled-stages.ts";
import type { FrameChange } from "./frame-change.ts";
import type { Stage } from "./stages.ts";

/** What a stage of a pipeline comes to, beside its record. */
export interface StageNeeds {
  /** By how many bytes it makes a frame longer at most. Default 0. */
  readonly headroom?: number;
  /** How it changes frames. Default: it leaves them as they are. */
  readonly changes?: FrameChange;
  /** What changes while it runs, beside the count of frames that it changed. Default: nothing. */
  readonly state?: StageState;
  /** Code that was generated for it, which is put behind the records. */
  readonly code?: Uint8Array;
  /** The address of a script that threads have to load before they run it. */
  readonly script?: string;
  /** Data that it reads and nobody changes, which is put behind the code. */
  readonly data?: Uint8Array | undefined;
}

/** A row. */
export interface StageKind {
  readonly name: Stage["stage"];
  readonly operation: number;
  /** Its options; undefined where they depend on the kind of tunnel. */
  readonly fields: Fields<Readonly<Record<string, unknown>>> | undefined;
  /** Checks the options and writes the parameters into a record of zeroes. */
  readonly write: (stage: Stage, record: DataView) => StageNeeds;
}

type OptionsOf<N extends Stage["stage"]> = Omit<Extract<Stage, { stage: N }>, "stage">;

/** The row of a kind whose options a table describes; `write` gets them checked. */
export function stageKind<N extends Stage["stage"], D extends keyof OptionsOf<N> = never>(
  name: N,
  operation: number,
  fields: Fields<OptionsOf<N>, D>,
  write: (options: Checked<OptionsOf<N>, D>, record: DataView) => StageNeeds,
): StageKind {
  return {
    name,
    operation,
    fields: fields as unknown as Fields<Readonly<Record<string, unknown>>>,
    write: ({ stage: _, ...options }, record) => write(checkFields(name, fields, options), record),
  };
}
