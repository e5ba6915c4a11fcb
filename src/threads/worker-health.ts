// What can be asked of the workers as a whole.

import type { WorkerDiedError } from "./worker-died-error.ts";

/** How it stands with the workers of a dataplane. */
export interface WorkerHealth {
  /**
   * `"running"`: all are at work. `"recovering"`: one has died, and another is being started; what it had waits.
   * `"halted"`: too many have died, and none is started any more: everything is refused until `restart()`.
   * `"closed"`: they have been ended.
   */
  readonly state: "running" | "recovering" | "halted" | "closed";
  /** How many have died so far, those that died before they were at work included. */
  readonly deaths: number;
  /** Why the last one did; in `"halted"` what everything is refused with. */
  readonly lastDeath: WorkerDiedError | undefined;
}
