// A switch on a dataplane: its tables, a lane for each worker, and all of it given back if anything fails.

import { ArgumentTypeError } from "../core/argument-error.ts";
import { inTime } from "../core/in-time.ts";
import { Undo } from "../core/undo.ts";
import { Dataplane } from "../dataplane/dataplane.ts";
import { openLanes } from "../dataplane/open-lanes.ts";
import type { LiveSwitchHost } from "../dataplane/switch-host.ts";
import { LaneSet } from "../lane/lane-set.ts";
import { BurstPool } from "../ring/burst-pool.ts";
import type { HandleMaker } from "../switch/ports.ts";
import { SwitchCore } from "../switch/switch-core.ts";
import type { SwitchContext } from "../switch/switch-memory.ts";
import { SwitchWorkspace } from "../switch/workspace.ts";
import { LivePort } from "./live-port.ts";
import { Switch } from "./live-switch.ts";
import { checkLiveSwitchOptions, type LiveSwitchOptions } from "./live-switch-options.ts";
import { PortHost } from "./port-host.ts";
import { SwitchLane } from "./switch-lane.ts";

/**
 * Opens a switch on a dataplane; there may be many. Where memory cannot be shared it runs on the caller's thread: all
 * workers need the same tables.
 * @throws TypeError or RangeError for options that cannot be, and when `memoryBytes` does not suffice;
 * WorkerDiedError while workers are halted; WorkerLateError if one has not answered after ten seconds.
 */
export async function openSwitch(dataplane: Dataplane, options: LiveSwitchOptions = {}): Promise<Switch> {
  if (!(dataplane instanceof Dataplane))
    throw new ArgumentTypeError("wrong-type", "dataplane", "expected what createDataplane() gives");
  return openOn(
    dataplane.hostFor(async () => {}),
    options,
  );
}

/** For `createSwitch`. */
export async function openOn(dataplane: LiveSwitchHost, options: LiveSwitchOptions): Promise<Switch> {
  const { kernels, pool } = dataplane;
  const checked = checkLiveSwitchOptions(options);
  const undo = new Undo();
  try {
    const workspaces: SwitchWorkspace[] = [];
    for (let i = 0; i < Math.max(1, dataplane.workers); i++)
      workspaces.push(undo.with(new SwitchWorkspace(kernels, checked.copies), (made) => made.close()));
    const bell = undo.with(dataplane.bell(), (made) => made.release());
    const ports = new PortHost(bell, checked);
    const makeHandle: HandleMaker = (plain, mtu) =>
      plain.kind === "tunnel" ? plain : new LivePort(plain, ports, mtu);
    const shared = pool !== undefined;
    const core = undo.with(
      new SwitchCore(kernels, checked.core, { workspaces, shared, makeHandle }),
      (made) => made.close(),
    );
    let opened: Switch | undefined;
    const { contexts } = core.memory;
    const { lanes, ways, release } = await openLanes(
      { kernels, pool, workers: contexts.length, bell },
      undo,
      (index, doorbells) => {
        const context = contexts[index] as SwitchContext;
        return new SwitchLane(kernels, {
          ...doorbells,
          ringBytes: checked.ringBytes,
          pool: checked.superFrames ? new BurstPool() : undefined,
          context,
          headroom: (workspaces[index] as SwitchWorkspace).headroom,
          settle: (received) => core.settleDied(context, received),
          onRecover: () => core.fdb.repair(index + 1),
          drain: () => (opened === undefined ? false : opened.drain()),
        });
      },
    );
    dataplane.expectOpen();
    const releaseAll = async (): Promise<void> => {
      await release();
      bell.release();
    };
    const parts = { dataplane, core, lanes, bell, ports, workspaces, checked, release: releaseAll };
    opened = new Switch(parts, new LaneSet(ways, bell));
    dataplane.register(opened, bell);
    return opened;
  } catch (error) {
    await inTime(undo.becauseLater(error));
    throw error;
  }
}
