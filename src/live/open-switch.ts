// A switch on a dataplane: its tables, a lane for each worker, and all of it given back if anything fails.

import { ArgumentTypeError } from "../core/argument-error.ts";
import { Undo } from "../core/undo.ts";
import { Dataplane } from "../dataplane/dataplane.ts";
import type { LiveSwitchHost } from "../dataplane/switch-host.ts";
import { FrameChannel } from "../lane/frame-channel.ts";
import { InlineLane } from "../lane/inline-lane.ts";
import type { Lane } from "../lane/lane.ts";
import { SwitchCore } from "../switch/switch-core.ts";
import { SwitchWorkspace } from "../switch/workspace.ts";
import { LivePort } from "./live-port.ts";
import { Switch } from "./live-switch.ts";
import { checkLiveSwitchOptions, type LiveSwitchOptions } from "./live-switch-options.ts";
import { SwitchLane } from "./switch-lane.ts";

/**
 * Opens a switch on a dataplane; there may be many. Where memory cannot be shared it runs on the caller's thread: all
 * workers need the same tables.
 * @throws TypeError or RangeError for options that cannot be, and when `memoryBytes` does not suffice.
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
export async function openOn(host: LiveSwitchHost, options: LiveSwitchOptions): Promise<Switch> {
  const { kernels, pool } = host;
  const checked = checkLiveSwitchOptions(options);
  const undo = new Undo();
  try {
    const workspaces: SwitchWorkspace[] = [];
    for (let i = 0; i < Math.max(1, host.workers); i++) {
      workspaces.push(undo.closes(new SwitchWorkspace(kernels, checked.workspace)));
    }
    const handleOf = (port: unknown): unknown => (port instanceof LivePort ? port.port : port);
    const shared = pool !== undefined;
    const core = undo.closes(new SwitchCore(kernels, checked.core, { workspaces, shared, handleOf }));
    const closers: (() => Promise<void>)[] = [];
    const bell = host.bell();
    const release = async (): Promise<void> => {
      await Promise.all(closers.map((close) => close()));
      bell.release();
    };
    const lanes: SwitchLane[] = [];
    const outer: Lane[] = [];
    undo.add(async () => {
      await release();
      for (const lane of lanes) lane.close();
    });
    let opened: Switch | undefined;
    for (const [index, context] of core.memory.contexts.entries()) {
      const lane = new SwitchLane(kernels, {
        ringBytes: checked.ringBytes,
        worker: pool?.doorbellOf(index) ?? 0,
        owner: "doorbell" in bell ? (bell.doorbell as number) : 0,
        context,
        headroom: (workspaces[index] as SwitchWorkspace).headroom,
        settle: (received) => core.settleDied(context, received),
        onRecover: () => core.fdb.repair(index + 1),
        drain: () => (opened === undefined ? false : opened.drain()),
      });
      lanes.push(lane);
      if (pool === undefined) {
        outer.push(new InlineLane(lane, () => bell.ring()));
        continue;
      }
      outer.push(lane);
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
    host.expectOpen();
    const channel = new FrameChannel({
      lanes: outer,
      bell,
      failure: () => pool?.failure,
      spins: pool !== undefined,
      release,
    });
    opened = new Switch({ host, core, channel, lanes, bell, workspaces, checked });
    host.register(opened, bell);
    return opened;
  } catch (error) {
    throw await undo.becauseLater(error);
  }
}
