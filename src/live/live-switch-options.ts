// What a running switch is told when it is opened.

import { knownKeys, wholeNumber } from "../core/arguments.ts";
import type { SwitchOptions } from "../switch/switch-types.ts";
import type { SwitchWorkspaceOptions } from "../switch/workspace.ts";

export interface LiveSwitchOptions extends Omit<SwitchOptions, "workspace"> {
  /** Room for the copies that flooding makes, for each worker. Frames that come in get as much headroom, 128 bytes at least. */
  readonly copies?: SwitchWorkspaceOptions;
  /** Bytes of each ring to and from a worker: a power of two from 64 KiB to 256 MiB. Default 1 MiB. */
  readonly ringBytes?: number;
  /** Most frames that wait at a port to be taken; what comes then is discarded, and counted there. Default 16,384. */
  readonly queueFrames?: number;
  /** Milliseconds, for learning and ageing. Default `Date.now`. */
  readonly clock?: () => number;
  /** How often the FDB is swept, in seconds: 0 (only by `fdb.sweep`) to 3,600. Default 10. */
  readonly sweepSeconds?: number;
}

export interface CheckedOptions {
  readonly ringBytes: number;
  readonly queueFrames: number;
  readonly clock: () => number;
  /** Seconds between two sweeps. */
  readonly every: number;
  readonly workspace: SwitchWorkspaceOptions;
  readonly core: SwitchOptions;
}

const RING_DEFAULT = 1 << 20;
const QUEUE_DEFAULT = 16384;

/** @throws TypeError or RangeError that names the option. */
export function checkLiveSwitchOptions(options: LiveSwitchOptions): CheckedOptions {
  knownKeys("options", options, [
    "ports",
    "bridgeDomains",
    "neighbours",
    "flowSeed",
    "fdb",
    "vtep",
    "copies",
    "ringBytes",
    "queueFrames",
    "clock",
    "sweepSeconds",
  ]);
  const { copies, ringBytes: bytes, queueFrames: frames, clock, sweepSeconds, ...core } = options;
  const ringBytes = wholeNumber("ringBytes", bytes ?? RING_DEFAULT, 1 << 16, 1 << 28);
  if ((ringBytes & (ringBytes - 1)) !== 0)
    throw new RangeError(`ringBytes: expected a power of two, got ${ringBytes}`);
  const queueFrames = wholeNumber("queueFrames", frames ?? QUEUE_DEFAULT, 1, 2 ** 31);
  const every = wholeNumber("sweepSeconds", sweepSeconds ?? 10, 0, 3600);
  if (clock !== undefined && typeof clock !== "function")
    throw new TypeError(`clock: expected a function, got ${typeof clock}`);
  const workspace = copies ?? {};
  knownKeys("copies", workspace, ["copies", "frameBytes", "headroom"]);
  return { ringBytes, queueFrames, clock: clock ?? Date.now, every, workspace, core };
}
