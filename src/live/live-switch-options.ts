// What a running switch is told when it is opened.

import { callback, checkFields, type Fields, flag, object, powerOfTwo, whole } from "../core/fields.ts";
import { QUEUE_FIELDS } from "../port/port-pair.ts";
import { SWITCH_FIELDS, WORKSPACE_FIELDS } from "../switch/switch-options.ts";
import type { SwitchOptions, SwitchWorkspaceOptions } from "../switch/switch-types.ts";

export interface LiveSwitchOptions extends Omit<SwitchOptions, "workspace"> {
  /** Room for the copies that flooding makes, for each worker. Frames that come in get as much headroom, 128 bytes at least. */
  readonly copies?: SwitchWorkspaceOptions | undefined;
  /** Bytes of each ring to and from a worker: a power of two from 64 KiB to 256 MiB. Default 1 MiB. */
  readonly ringBytes?: number | undefined;
  /** Most frames that wait at a port to be taken: 1 to 2^31, default 16,384. What finds no room is dropped as `queue-full`. */
  readonly queueFrames?: number | undefined;
  /** Most bytes of memory that they keep: 65,536 to 2^40, default 16 MiB. */
  readonly queueBytes?: number | undefined;
  /**
   * For how many milliseconds the switch waits for a reader that iterates at a port, or reads its stream, and takes
   * nothing though its queue is full: 0 (never) to 60,000, default 1,000. Senders wait meanwhile; afterwards what finds
   * no room there is dropped, until the reader goes on.
   */
  readonly patienceMs?: number | undefined;
  /**
   * Whether its ports take and give super-frames: TCP that is cut into segments when it leaves, and looked up once before.
   * Ports without offloads are refused by `connect` then; `whole` of frameferry/linux stands between. Default false.
   */
  readonly superFrames?: boolean | undefined;
  /** Milliseconds, for learning and ageing. Default `Date.now`. */
  readonly clock?: (() => number) | undefined;
  /** How often the FDB is swept, in seconds: 0 (only by `fdb.sweep`) to 3,600. Default 10. */
  readonly sweepSeconds?: number | undefined;
}

type Own =
  | "copies"
  | "ringBytes"
  | "queueFrames"
  | "queueBytes"
  | "patienceMs"
  | "superFrames"
  | "clock"
  | "sweepSeconds";

export interface CheckedOptions
  extends Readonly<Required<{ [K in Own]: NonNullable<LiveSwitchOptions[K]> }>> {
  readonly core: SwitchOptions;
}

const { workspace: _none, ...CORE_FIELDS } = SWITCH_FIELDS;

type Defaults = "ports" | "bridgeDomains" | "neighbours" | "flowSeed" | "fdb" | Own;

export const LIVE_SWITCH_FIELDS: Fields<LiveSwitchOptions, Defaults> = {
  ...CORE_FIELDS,
  copies: { ...object<SwitchWorkspaceOptions>(WORKSPACE_FIELDS), fallback: {} },
  ringBytes: { ...powerOfTwo(1 << 16, 1 << 28), fallback: 1 << 20 },
  ...QUEUE_FIELDS,
  patienceMs: { ...whole(0, 60_000), fallback: 1000 },
  superFrames: { ...flag(), fallback: false },
  clock: { ...callback<() => number>(), fallback: () => Date.now() },
  sweepSeconds: { ...whole(0, 3600), fallback: 10 },
};

/** @throws ArgumentError that names the option. */
export function checkLiveSwitchOptions(options: LiveSwitchOptions): CheckedOptions {
  const checked = checkFields<LiveSwitchOptions, Defaults>("options", LIVE_SWITCH_FIELDS, options);
  const {
    copies,
    ringBytes,
    queueFrames,
    queueBytes,
    patienceMs,
    superFrames,
    clock,
    sweepSeconds,
    ...core
  } = checked;
  return { copies, ringBytes, queueFrames, queueBytes, patienceMs, superFrames, clock, sweepSeconds, core };
}
