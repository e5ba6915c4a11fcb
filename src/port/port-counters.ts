// What is counted of frames, in one shape for everything that they pass.

import { dropReasons } from "../core/drop-reasons.ts";

/** Frames and bytes, seen from whoever holds the port. */
export interface FramePortCounters {
  /** Taken by `send` and `sendAll`. */
  readonly sent: number;
  readonly sentBytes: number;
  /** Handed out by `receive`, iterating and `readable`. */
  readonly received: number;
  readonly receivedBytes: number;
  /** On their way: taken or come, and neither handed out nor dropped. */
  readonly waiting: number;
  /** In either direction. */
  readonly dropped: number;
  /** The same by reason name; reasons that never came up are left out. */
  readonly drops: Readonly<Record<string, number>>;
}

/** Frames that were lost, by reason. */
export class Drops {
  readonly #frames: Map<string, number> = new Map();
  readonly #bytes: Map<string, number> = new Map();
  #total = 0;

  get total(): number {
    return this.#total;
  }

  /** Counts frames, and the bytes of all of them, under the name of a drop reason. */
  add(reason: string, frames: number, bytes = 0): void {
    if (frames <= 0) return;
    this.#total += frames;
    this.#frames.set(reason, this.of(reason) + frames);
    this.#bytes.set(reason, this.bytesOf(reason) + bytes);
  }

  bytesOf(reason: string): number {
    return this.#bytes.get(reason) ?? 0;
  }

  of(reason: string): number {
    return this.#frames.get(reason) ?? 0;
  }

  /** By reason, in the order of the table; those of stages of one's own stand behind. */
  byReason(): Record<string, number> {
    const drops: Record<string, number> = {};
    if (this.#total === 0) return drops;
    for (const { name } of dropReasons) {
      const frames = this.#frames.get(name);
      if (frames !== undefined) drops[name] = frames;
    }
    for (const [name, frames] of this.#frames) drops[name] ??= frames;
    return drops;
  }
}

/** Adds up what was dropped in several places, by reason and in the order of the table. */
export function sumDrops(all: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const drops = new Drops();
  for (const each of all) for (const [name, frames] of Object.entries(each)) drops.add(name, frames);
  return drops.byReason();
}
