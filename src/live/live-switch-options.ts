// What a running switch is told when it is opened.

import { callback, checkFields, type Fields, object, powerOfTwo, whole } from "../core/fields.ts";
import { SWITCH_FIELDS, WORKSPACE_FIELDS } from "../switch/switch-options.ts";
import type { SwitchOptions, SwitchWorkspaceOptions } from "../switch/switch-types.ts";

export interface LiveSwitchOptions extends Omit<SwitchOptions, "workspace"> {
  /** Room for the copies that flooding makes, for each worker. Frames that come in get as much headroom, 128 bytes at least. */
  readonly copies?: SwitchWorkspaceOptions | undefined;
  /** Bytes of each ring to and from a worker: a power of two from 64 KiB to 256 MiB. Default 1 MiB. */
  readonly ringBytes?: number | undefined;
  /** Most frames that wait at a port to be taken; what comes then is discarded, and counted there. Default 16,384. */
  readonly queueFrames?: number | undefined;
  /** Milliseconds, for learning and ageing. Default `Date.now`. */
  readonly clock?: (() => number) | undefined;
  /** How often the FDB is swept, in seconds: 0 (only by `fdb.sweep`) to 3,600. Default 10. */
  readonly sweepSeconds?: number | undefined;
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

const { workspace: _none, ...CORE_FIELDS } = SWITCH_FIELDS;

type Defaults = "ports" | "bridgeDomains" | "neighbours" | "flowSeed" | "fdb" | "copies" | "ringBytes";

export const LIVE_SWITCH_FIELDS: Fields<
  LiveSwitchOptions,
  Defaults | "queueFrames" | "clock" | "sweepSeconds"
> = {
  ...CORE_FIELDS,
  copies: { ...object<SwitchWorkspaceOptions>(WORKSPACE_FIELDS), fallback: {} },
  ringBytes: { ...powerOfTwo(1 << 16, 1 << 28), fallback: 1 << 20 },
  queueFrames: { ...whole(1, 2 ** 31), fallback: 16384 },
  clock: { ...callback<() => number>(), fallback: () => Date.now() },
  sweepSeconds: { ...whole(0, 3600), fallback: 10 },
};

/** @throws TypeError or RangeError that names the option. */
export function checkLiveSwitchOptions(options: LiveSwitchOptions): CheckedOptions {
  const { copies, ringBytes, queueFrames, clock, sweepSeconds, ...core } = checkFields(
    "options",
    LIVE_SWITCH_FIELDS,
    options,
  );
  return { ringBytes, queueFrames, clock, every: sweepSeconds, workspace: copies, core };
}
