// What a running switch asks of the dataplane it runs on.

import type { Kernels } from "../kernel/kernels.ts";
import type { Bell } from "../ring/bell.ts";
import type { WorkerHealth } from "../threads/worker-health.ts";
import type { WorkerPool } from "../threads/worker-pool.ts";

export type { WorkerHealth } from "../threads/worker-health.ts";

/** What a dataplane closes with itself. */
export interface Closable {
  close(): Promise<void>;
}

/** What a running switch asks of the dataplane it runs on. */
export interface LiveSwitchHost {
  readonly kernels: Kernels;
  readonly workers: number;
  /** The workers; undefined where the switch runs on the caller's thread. */
  readonly pool: WorkerPool | undefined;
  /** How it stands with the workers. */
  health(): WorkerHealth;
  /** Starts workers wherever there are none. */
  restart(): Promise<void>;
  /** A bell for those who wait for results; it is to be released. */
  bell(): Bell;
  /** Throws if the dataplane has been closed. */
  expectOpen(): void;
  /** Tells of switches, so that they are closed with the dataplane. */
  register(opened: Closable, bell: Bell): void;
  unregister(opened: Closable): void;
  /** Called when the switch is closed: it ends what was started for that switch alone. */
  closed(): Promise<void>;
}
