// Lanes on a dataplane, one for each worker, whatever their workers do with frames; or one on the caller's thread.

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

/** Opens a lane that \`make\` makes on each worker; if one fails, all of them are closed again. */
export async function openLanes<L extends RingLane>(
  { pool, workers, bell }: LaneHost,
  make: (index: number, doorbells: { readonly worker: number; readonly owner: number }) => L,
): Promise<OpenLanes<L>> {
  const lanes: L[] = [];
  if (pool === undefined) {
    const lane = make(0, { worker: 0, owner: 0 });
    return { lanes: [lane], ways: [new InlineLane(lane, () => bell.ring())], release: async () => {} };
  }
  const owner = bell instanceof SharedBell ? bell.doorbell : 0;
  const closers: (() => Promise<void>)[] = [];
  const release = async (): Promise<void> => {
    await Promise.all(closers.map((close) => close()));
  };
  try {
    for (let index = 0; index < workers; index++) {
      const lane = make(index, { worker: pool.doorbellOf(index), owner });
      lanes.push(lane);
      const id = await pool.openLane(index, {
        addresses: lane.addresses,
        recover: () => {
          lane.recover();
          bell.ring();
        },
        abandon: () => lane.abandon(),
      });
      closers.push(() => pool.closeLane(index, id));
    }
    return { lanes, ways: lanes, release };
  } catch (error) {
    await release();
    for (const lane of lanes) lane.close();
    throw error;
  }
}
