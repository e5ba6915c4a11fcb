// All of a port but what makes its kind: checks, order, waiting, iterating, streams and counting, written once. Who adds
// a kind says how frames are put in (`put`), how they are taken out (`take`), and how it is closed (`shut`).

import { untilAborted } from "../core/abort.ts";
import { ArgumentTypeError } from "../core/argument-error.ts";
import { checkFields, type Fields, given, onlyFields, signal } from "../core/fields.ts";
import { ETHERNET_LENGTH } from "../layout/ethernet.layout.ts";
import { VLAN_HEADER_LENGTH } from "../layout/vlan.layout.ts";
import { type Bell, LocalBell } from "../ring/bell.ts";
import { burstNotesFields, type CheckedNotes } from "../ring/burst-notes.ts";
import type { FrameBurst } from "../ring/frame-burst.ts";
import {
  type FramePort,
  type Frames,
  type Medium,
  NO_OFFLOADS,
  type Offloads,
  type PortWatcher,
  type SendAllOptions,
  type SendOptions,
} from "./frame-port.ts";
import { Drops, type FramePortCounters } from "./port-counters.ts";
import { readableOf, writableOf } from "./port-streams.ts";
import { Sending } from "./sending.ts";

/** What a port says of itself. */
export interface PortTraits {
  readonly name: string;
  /** Default `"ethernet"`. */
  readonly medium?: Medium | undefined;
  /** Default: the medium. */
  readonly accepts?: Medium | undefined;
  /** Default 65,535. */
  readonly mtu?: number | undefined;
  readonly offloads?: Offloads | undefined;
  /** Whether `put` hands on what is said of frames. Default false: then nobody can say anything. */
  readonly carriesNotes?: boolean | undefined;
  /** Where is waited for it. Default: a bell of its own. */
  readonly bell?: Bell | undefined;
}

const MTU_DEFAULT = 65535;
/** Bytes in front of what an MTU counts, with the one tag that it does not count. */
export const ETHERNET_FRONT: number = ETHERNET_LENGTH + VLAN_HEADER_LENGTH;
const NO_OPTIONS: SendAllOptions = {};

const waitFields: Fields<Pick<SendAllOptions, "signal" | "progress">> = {
  signal: signal(),
  progress: given("an object"),
};

/** Options of `sendAll`: all there are, where notes are carried. */
export const sendAllFields: Fields<SendAllOptions> = { ...burstNotesFields, ...waitFields };

export abstract class BasePort implements FramePort {
  readonly name: string;
  readonly medium: Medium;
  readonly accepts: Medium;
  readonly offloads: Offloads;
  readonly carriesNotes: boolean;
  readonly bell: Bell;
  protected readonly drops: Drops = new Drops();
  readonly #mtu: number;
  readonly #watchers: Set<PortWatcher> = new Set();
  #sent = 0;
  #sentBytes = 0;
  #received = 0;
  #receivedBytes = 0;
  /** The `sendAll` calls that wait, one behind the other. */
  #sending: Promise<unknown> = Promise.resolve();
  #sends = 0;
  #readers = 0;
  /** Why nothing is taken any more. */
  #refusal: Error | undefined;
  #ended = false;
  #failure: Error | undefined;
  #closing: Promise<void> | undefined;
  #readable: ReadableStream<FrameBurst> | undefined;
  #writable: WritableStream<Frames | Uint8Array> | undefined;

  constructor(traits: PortTraits) {
    this.name = traits.name;
    this.medium = traits.medium ?? "ethernet";
    this.accepts = traits.accepts ?? this.medium;
    this.offloads = traits.offloads ?? NO_OFFLOADS;
    this.carriesNotes = traits.carriesNotes ?? false;
    this.bell = traits.bell ?? new LocalBell();
    this.#mtu = traits.mtu ?? MTU_DEFAULT;
  }

  get mtu(): number {
    return this.#mtu;
  }

  /** The longest frame that is taken, in bytes; longer ones are dropped and counted. */
  get longest(): number {
    return this.accepts === "ethernet" ? this.mtu + ETHERNET_FRONT : this.mtu;
  }

  get closed(): boolean {
    return this.#refusal !== undefined;
  }

  send(frames: Frames, options: SendOptions = NO_OPTIONS): number {
    if (options !== NO_OPTIONS) onlyFields("options", this.carriesNotes ? burstNotesFields : {}, options);
    this.expectOpen();
    const sending = this.#sendingOf(frames, options);
    if (this.#sends > 0) return 0;
    this.#put(sending, sending.frames.length);
    return sending.sent;
  }

  async sendAll(frames: Frames, options: SendAllOptions = NO_OPTIONS): Promise<void> {
    if (options !== NO_OPTIONS)
      checkFields("options", this.carriesNotes ? sendAllFields : waitFields, options);
    this.expectOpen();
    await this.#sendInTurn(this.#sendingOf(frames, options), options);
  }

  receive(): FrameBurst | undefined {
    const burst = this.take();
    if (burst === undefined) return undefined;
    this.#received += burst.length;
    this.#receivedBytes += burst.byteLength;
    for (const watcher of this.#watchers) {
      burst.release(true);
      watcher.received?.(burst);
    }
    return burst;
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<FrameBurst, undefined> {
    let state: "new" | "reading" | "over" = "new";
    const leave = (): void => {
      const wasReading = state === "reading";
      state = "over";
      if (wasReading && --this.#readers === 0) this.unread();
    };
    const look = (): FrameBurst | null | undefined => {
      if (state === "over") return null;
      return this.next();
    };
    const over: IteratorReturnResult<undefined> = { done: true, value: undefined };
    const iterator: AsyncIterableIterator<FrameBurst, undefined> = {
      next: async () => {
        if (state === "new") {
          state = "reading";
          this.#readers++;
        }
        try {
          const value = state === "over" ? null : (this.receiveSoon() ?? (await this.bell.until(look)));
          if (value !== null) return { done: false, value };
        } catch (error) {
          leave();
          throw error;
        }
        leave();
        return over;
      },
      return: async () => {
        leave();
        // Who waits for the next is told.
        this.bell.ring();
        return over;
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  get readable(): ReadableStream<FrameBurst> {
    this.#readable ??= readableOf(this);
    return this.#readable;
  }

  get writable(): WritableStream<Frames | Uint8Array> {
    this.#writable ??= writableOf(this);
    return this.#writable;
  }

  counters(): FramePortCounters {
    return {
      sent: this.#sent,
      sentBytes: this.#sentBytes,
      received: this.#received,
      receivedBytes: this.#receivedBytes,
      waiting: this.waiting,
      dropped: this.drops.total,
      drops: this.drops.byReason(),
    };
  }

  watch(watcher: PortWatcher): () => void {
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }

  /** Nothing is taken any more, at once; what has come can still be received. */
  close(): Promise<void> {
    if (this.#closing !== undefined) return this.#closing;
    // First of all: who is told may close it, too.
    this.#closing = Promise.resolve().then(() => this.#close());
    this.refuse(new ArgumentTypeError("closed", this.what, "it has been closed"));
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /**
   * Takes `frames[first]` to `frames[end - 1]`, or as many of them, from the first on, as there is room for now; returns
   * how many. Their bytes are the caller's again when it returns. None is longer than `longest`, and there is one at
   * least. Item i of `notes` is said of frame i: there are some only where `carriesNotes`, and lengths of segments only where `offloads.segmentation`. Whoever makes room later calls
   * `bell.ring()`.
   */
  protected abstract put(
    frames: readonly Uint8Array[],
    first: number,
    end: number,
    notes: CheckedNotes | undefined,
  ): number;

  /** The next burst of what has come, if there is any. Whoever has more later calls `bell.ring()`. */
  protected abstract take(): FrameBurst | undefined;

  /** Lets go of what the port stands on; called once. */
  protected abstract shut(): Promise<void> | void;

  /** What errors call it. */
  protected get what(): string {
    return "port";
  }

  /** Frames that are on their way. */
  protected get waiting(): number {
    return 0;
  }

  /** How many frames a `sendAll` may put in before the thread goes on with something else; with 0 the bell is rung then. */
  protected allowance(): number {
    return Number.POSITIVE_INFINITY;
  }

  /** How many iterate, or read by stream, at this moment. */
  protected get readers(): number {
    return this.#readers;
  }

  /** Called when nobody iterates or reads by stream any more. */
  protected unread(): void {}

  /** The next burst, or null if nothing more comes; undefined as long as nobody knows. */
  protected next(): FrameBurst | null | undefined {
    return this.receive() ?? (this.isFinished() ? null : undefined);
  }

  /** What comes at once or nearly so, before it is waited for. */
  protected receiveSoon(): FrameBurst | undefined {
    return this.receive();
  }

  /** Whether nothing more comes; throws if that is because of a failure. Asked only when there is nothing. */
  protected isFinished(): boolean {
    if (this.#failure !== undefined) throw this.#failure;
    return this.#ended;
  }

  /** Nothing is taken any more, for this reason: calls that wait are told. */
  protected refuse(reason: Error): void {
    this.#refusal ??= reason;
    this.bell.ring();
  }

  /** Nothing comes any more: who iterates is done with what there is. With `failure` they are told of that. */
  protected finish(failure?: Error): void {
    this.#failure ??= failure;
    this.#ended = true;
    this.bell.ring();
  }

  /** Counts frames that are lost, and the bytes of all of them, under the name of a drop reason. */
  protected drop(reason: string, frames: number, bytes: number): void {
    this.drops.add(reason, frames, bytes);
  }

  /** Throws if nothing is taken any more. */
  protected expectOpen(): void {
    if (this.#refusal !== undefined) throw this.#refusal;
  }

  /** Whether calls of `sendAll` wait. */
  protected get isSending(): boolean {
    return this.#sends > 0;
  }

  /** Leaves frame `index` out: it is longer than `longest`. */
  protected refuseLong(sending: Sending, index: number): void {
    this.drop("frame-too-long", 1, (sending.frames[index] as Uint8Array).length);
  }

  #sendingOf(frames: Frames, options: SendOptions): Sending {
    return new Sending(frames, this.carriesNotes ? options : undefined, this.offloads.segmentation);
  }

  async #sendInTurn(sending: Sending, { signal, progress }: SendAllOptions): Promise<void> {
    signal?.throwIfAborted();
    const look = (): true | undefined => {
      const done = this.#advance(sending);
      if (progress !== undefined) progress.sent = sending.sent;
      return done ? true : undefined;
    };
    const before = this.#sending;
    const isFirst = this.#sends++ === 0;
    const sent = isFirst
      ? this.bell.until(look, signal)
      : untilAborted(before, signal).then(() => this.bell.until(look, signal));
    if (isFirst && sending.done) {
      this.#sends--;
      return;
    }
    // A call that is ended by its signal does not let the next one past those before it.
    // Without the results: they would keep those of all calls before.
    this.#sending = Promise.allSettled([before, sent]).then(() => {});
    try {
      await sent;
    } finally {
      this.#sends--;
      // Who waits for the end of sending, too.
      this.bell.ring();
    }
  }

  /** Puts in what there is room for; true when nothing is left. */
  #advance(sending: Sending): boolean {
    if (this.#refusal !== undefined) throw this.#refusal;
    while (!sending.done) {
      const end = Math.min(sending.frames.length, sending.sent + this.allowance());
      if (end === sending.sent) return false;
      this.#put(sending, end);
      if (sending.sent < end) return false;
    }
    return true;
  }

  /** Puts frames in up to `end`, and leaves out those that are too long. */
  #put(sending: Sending, end: number): void {
    const most = this.longest;
    if (sending.longest <= most) {
      this.#putRun(sending, end);
      return;
    }
    while (sending.sent < end) {
      let stop = sending.sent;
      while (stop < end && sending.wireOf(stop) <= most) stop++;
      this.#putRun(sending, stop);
      if (sending.sent < stop) return;
      if (stop === end) return;
      this.refuseLong(sending, stop);
      sending.sent++;
    }
  }

  #putRun(sending: Sending, end: number): void {
    const first = sending.sent;
    if (first === end) return;
    const taken = this.put(sending.frames, first, end, sending.notes);
    if (taken === 0) return;
    sending.sent += taken;
    this.#sent += taken;
    this.#sentBytes += sending.bytesOf(first, sending.sent);
    for (const watcher of this.#watchers) watcher.sent?.(sending.frames, first, sending.sent);
  }

  async #close(): Promise<void> {
    await this.shut();
    this.finish();
  }
}
