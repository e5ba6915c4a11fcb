// What `frameferry stats` has found, before it is told to people or programs.

import type { StageCounts } from "../index.ts";
import type { Conversations } from "./conversations.ts";
import type { RecordStats } from "./record-stats.ts";
import type { Told } from "./summary.ts";

/** Conversations by addresses, and by ports as well. */
export interface Ends {
  readonly pairs: Conversations;
  readonly flows: Conversations;
}

/** All that is told. */
export interface StatsTold {
  readonly told: Told;
  readonly records: RecordStats;
  readonly outer: Ends;
  readonly inner: Ends;
  /** By kind, VNI and key. */
  readonly tunnels: StageCounts;
}
