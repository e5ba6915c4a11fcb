// What the ports of a running switch have in common: the lanes that their frames take, and who waits for whom.
//
// A sender waits for room in the rings. A reader that iterates at a port is waited for when its queue is full: nothing
// is taken out of the rings then, they fill up, and so senders wait for it. Not for ever: one that takes nothing for
// `patienceMs` loses what finds no room, counted. Where nobody iterates nobody is waited for.

import type { LaneSet } from "../lane/lane-set.ts";
import { nextTurn } from "../platform/threads.ts";
import type { Offloads } from "../port/frame-port.ts";
import type { Bell } from "../ring/bell.ts";
import type { CheckedNotes } from "../ring/burst-notes.ts";
import type { FrameBurst } from "../ring/frame-burst.ts";
import type { CheckedOptions } from "./live-switch-options.ts";

/** Frames that were lost at ports, with their bytes: too long to go in, or for a full queue when they left. */
export interface PortLosses {
  readonly tooLong: number;
  readonly tooLongBytes: number;
  readonly full: number;
  readonly fullBytes: number;
}

/** A port, as its host sees it. */
export interface HostedPort {
  readonly number: number;
  readonly bell: Bell;
  /** Frames have left here. */
  arrive(burst: FrameBurst): void;
  /** Nothing is taken any more, and nothing leaves any more. */
  stop(reason: Error): void;
  end(failure?: Error): void;
  /** Whether nothing was taken for that long: then it is not waited for until it goes on. */
  giveUp(now: number, patienceMs: number): boolean;
  losses(): PortLosses;
}

/** Frames that go in by `sendAll` before those who receive get a turn. */
const PIECE = 1024;

/** What the switch does for its ports. */
export interface PortSwitch {
  /** Why nothing is worked on any more, if that is so. */
  failure(): Error | undefined;
  /** Called before frames are handed over: time goes on. */
  tick(): void;
  removePort(port: HostedPort): Promise<void>;
}

export class PortHost {
  readonly queueLimits: { readonly queueFrames: number; readonly queueBytes: number };
  readonly offloads: Offloads;
  readonly #bell: Bell;
  readonly #patienceMs: number;
  readonly #piece: number;
  readonly #ports: Map<number, HostedPort> = new Map();
  /** Ports where somebody has found no room. */
  readonly #hungry: Set<HostedPort> = new Set();
  /** Ports whose readers are waited for. */
  readonly #behind: Set<HostedPort> = new Set();
  #lanes: LaneSet | undefined;
  #switch: PortSwitch | undefined;
  /** Frames that have gone in since those who receive had a turn. */
  #sinceTurn = 0;
  #isTurning = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;
  #halted: Error | undefined;
  readonly #gone = { tooLong: 0, tooLongBytes: 0, full: 0, fullBytes: 0 };

  constructor(bell: Bell, { queueFrames, queueBytes, patienceMs, superFrames }: CheckedOptions) {
    this.queueLimits = { queueFrames, queueBytes };
    this.offloads = { checksum: false, segmentation: superFrames };
    this.#bell = bell;
    this.#patienceMs = patienceMs;
    this.#piece = Math.min(PIECE, queueFrames);
  }

  /** For the switch, which makes ports before it has lanes. */
  start(lanes: LaneSet, owner: PortSwitch): void {
    this.#lanes = lanes;
    this.#switch = owner;
  }

  get longest(): number {
    return this.lanes.longest;
  }

  get isPatient(): boolean {
    return this.#patienceMs > 0;
  }

  get lanes(): LaneSet {
    return this.#lanes as LaneSet;
  }

  get ports(): ReadonlyMap<number, HostedPort> {
    return this.#ports;
  }

  /** What ports have lost that are no longer there. */
  get gone(): PortLosses {
    return this.#gone;
  }

  add(port: HostedPort): void {
    this.#ports.set(port.number, port);
  }

  /** A port has been removed: what it lost stays in the totals. */
  forget(port: HostedPort): void {
    port.end();
    this.#ports.delete(port.number);
    const losses = port.losses();
    for (const key of Object.keys(losses) as (keyof PortLosses)[]) this.#gone[key] += losses[key];
    this.goOnWithout(port);
  }

  remove(port: HostedPort): Promise<void> {
    return (this.#switch as PortSwitch).removePort(port);
  }

  /** Nothing is taken any more, and nothing leaves. */
  end(reason: Error, failure?: Error): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    for (const port of this.#ports.values()) {
      port.stop(reason);
      port.end(failure);
    }
  }

  /** Why nothing leaves at the moment, once all that had left has been handed over. */
  get halted(): Error | undefined {
    return this.#halted;
  }

  /** Lets all who wait at ports know that nothing is worked on, or with undefined that it goes on. */
  halt(failure: Error | undefined): void {
    if (failure === this.#halted) return;
    this.#halted = failure;
    for (const port of this.#ports.values()) port.bell.ring();
  }

  put(
    port: HostedPort,
    frames: readonly Uint8Array[],
    first: number,
    end: number,
    notes: CheckedNotes | undefined,
  ): number {
    const owner = this.#switch as PortSwitch;
    const failure = owner.failure();
    if (failure !== undefined) throw failure;
    owner.tick();
    // Before: there may be room again when this returns.
    this.#hungry.add(port);
    const taken = this.lanes.send(frames, first, end, notes, port.number);
    if (taken === end - first) this.#hungry.delete(port);
    this.#sinceTurn += taken;
    return taken;
  }

  /** How many frames of a `sendAll` may go in before those who receive get a turn, over all calls and ports. */
  allowance(port: HostedPort): number {
    if (this.#sinceTurn < this.#piece) return this.#piece - this.#sinceTurn;
    this.#hungry.add(port);
    if (!this.#isTurning) void this.#letOthers();
    return 0;
  }

  /** Something has changed: whoever has found no room looks again. */
  progress(): void {
    if (this.#hungry.size === 0) return;
    const hungry = [...this.#hungry];
    this.#hungry.clear();
    for (const port of hungry) port.bell.ring();
  }

  /**
   * Hands over what has left, as long as no reader is to be waited for; with `force` in any case. Returns whether there
   * is nothing left to hand over.
   */
  drain(force = false): boolean {
    while (force || this.#behind.size === 0) {
      const burst = this.lanes.receive();
      if (burst === undefined) return true;
      this.#hand(burst);
    }
    return this.lanes.empty;
  }

  /** A port's queue is full, and somebody reads there. */
  waitFor(port: HostedPort): void {
    this.#behind.add(port);
    if (this.#timer === undefined && !this.#isClosed) this.#watchReaders();
  }

  goOnWithout(port: HostedPort): void {
    if (!this.#behind.delete(port) || this.#behind.size > 0) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#bell.ring();
  }

  #watchReaders(): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      const now = performance.now();
      for (const port of this.#behind) if (port.giveUp(now, this.#patienceMs)) this.goOnWithout(port);
      if (this.#behind.size > 0) this.#watchReaders();
    }, this.#patienceMs);
  }

  async #letOthers(): Promise<void> {
    this.#isTurning = true;
    await nextTurn();
    this.#isTurning = false;
    this.#sinceTurn = 0;
    this.progress();
  }

  #hand(burst: FrameBurst): void {
    const first = burst.mark(0);
    let same = 1;
    while (same < burst.length && burst.mark(same) === first) same++;
    if (same === burst.length) {
      this.#ports.get(first)?.arrive(burst);
      return;
    }
    const byPort = new Map<number, number[]>();
    for (let index = 0; index < burst.length; index++) {
      const number = burst.mark(index);
      const indices = byPort.get(number);
      if (indices === undefined) byPort.set(number, [index]);
      else indices.push(index);
    }
    for (const [number, indices] of byPort) this.#ports.get(number)?.arrive(burst.pick(indices));
  }
}
