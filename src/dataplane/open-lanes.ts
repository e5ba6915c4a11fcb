// Lanes on a dataplane, one for each worker, whatever their workers do with frames; or one on the caller's thread.

import type { Undo } from "../core/undo.ts";
import type { Kernels } from "../kernel/kernels.ts";
import { InlineLane } from "../lane/inline-lane.ts";
import type { Lane } from "../lane/lane.ts";
import type { RingLane } from "../lane/ring-lane.ts";
import { type Bell, SharedBell } from "../ring/bell.ts";
import type { WorkerPool } from "../threads/worker-pool.ts";

export interface LaneHost {
  readonly kernels: Kernels;
  /** The workers; undefined where the caller's thread does the work. */
  readonly pool: WorkerPool | undefined;
  readonly workers: number;
  readonly bell: Bell;
}

export interface OpenLanes<L extends RingLane> {
  /** As they were made. */
  readonly lanes: readonly L[];
  /** By which frames are sent. */
  readonly ways: readonly Lane[];
  /** Resolves when no worker touches them any more; then they can be closed. */
  readonly release: () => Promise<void>;
}

/**
 * Opens a lane that `make` makes on each worker. How to take back what has been done stands in `undo`: if one fails,
 * the others are closed when their workers have let go of them.
 */
export async function openLanes<L extends RingLane>(
  { pool, workers, bell }: LaneHost,
  undo: Undo,
  make: (index: number, doorbells: { readonly worker: number; readonly owner: number }) => L,
): Promise<OpenLanes<L>> {
  const lanes: L[] = [];
  if (pool === undefined) {
    const lane = undo.closes(make(0, { worker: 0, owner: 0 }));
    return { lanes: [lane], ways: [new InlineLane(lane, () => bell.ring())], release: async () => {} };
  }
  const owner = bell instanceof SharedBell ? bell.doorbell : 0;
  const closers: (() => Promise<void>)[] = [];
  const release = async (): Promise<void> => {
    await Promise.all(closers.map((close) => close()));
  };
  for (let index = 0; index < workers; index++)
    lanes.push(undo.closes(make(index, { worker: pool.doorbellOf(index), owner })));
  undo.add(release);
  for (const [index, lane] of lanes.entries()) {
    const id = pool.addLane(index, {
      addresses: lane.addresses,
      recover: () => {
        lane.recover();
        bell.ring();
      },
      abandon: () => lane.abandon(),
    });
    closers.push(() => pool.closeLane(index, id));
    await pool.openLane(index, id);
  }
  return { lanes, ways: lanes, release };
}
