// What came of the steps of a laboratory.

import type { FrameCounts } from "./lab-watch.ts";
import type { PingError } from "./ping.ts";
import type {
  ArpStep,
  BroadcastStep,
  CaptureStep,
  FailStep,
  FlowStep,
  MoveStep,
  PingStep,
  ReachStep,
  RepairStep,
  Step,
  WaitStep,
} from "./topology-types.ts";

interface AnyOutcome {
  readonly step: Step;
  /** Virtual time at which it began, in milliseconds. */
  readonly timeMs: number;
  /** Frames that came to an end at a machine, ARP left out unless the step is about it. */
  readonly arrived: FrameCounts;
  /** Frames that a machine saw though they were for another. */
  readonly overheard: FrameCounts;
}

export interface PingOutcome extends AnyOutcome {
  readonly step: PingStep;
  readonly sent: number;
  readonly replies: number;
  readonly rttMs: readonly number[];
  readonly errors: readonly PingError[];
  /** Whether it was the machine asked that answered, and not one of the same address. */
  readonly reached: boolean;
}

export interface ArpOutcome extends AnyOutcome {
  readonly step: ArpStep;
  /** What the one who asked was told; undefined if nobody answered. */
  readonly mac: string | undefined;
}

/** `sent` are frames, of a flow datagrams. */
export interface SentOutcome extends AnyOutcome {
  readonly step: BroadcastStep | FlowStep | CaptureStep;
  readonly sent: number;
}

export interface ReachOutcome extends AnyOutcome {
  readonly step: ReachStep;
  readonly machines: readonly string[];
}

/** `changed` is false if it was so before. */
export interface ChangeOutcome extends AnyOutcome {
  readonly step: FailStep | RepairStep | MoveStep | WaitStep;
  readonly changed: boolean;
}

export type Outcome = PingOutcome | ArpOutcome | SentOutcome | ReachOutcome | ChangeOutcome;

/** Who reached whom, as far as it was tried: the last try counts. */
export class ReachTable {
  readonly #rows = new Map<string, Map<string, boolean>>();

  set(from: string, to: string, reached: boolean): void {
    const row = this.#rows.get(from) ?? new Map<string, boolean>();
    row.set(to, reached);
    this.#rows.set(from, row);
  }

  /** Undefined if it was not tried. */
  get(from: string, to: string): boolean | undefined {
    return this.#rows.get(from)?.get(to);
  }

  /** All names that stand in it, in the order in which they came. */
  names(): string[] {
    const names = new Set(this.#rows.keys());
    for (const row of this.#rows.values()) for (const name of row.keys()) names.add(name);
    return [...names];
  }

  toJSON(): Record<string, Record<string, boolean>> {
    return Object.fromEntries([...this.#rows].map(([from, row]) => [from, Object.fromEntries(row)]));
  }
}
