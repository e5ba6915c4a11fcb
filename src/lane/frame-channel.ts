// Bursts in, bursts out: a pipeline on a dataplane, for frames as they come.

import { ArgumentTypeError } from "../core/argument-error.ts";
import { byteArray, closed, knownKeys, wholeNumber, wrongType } from "../core/arguments.ts";
import type { PipelineCounters } from "../pipeline/counters.ts";
import { sumCounters } from "../pipeline/counters.ts";
import { droppedOnly } from "../pipeline/tally.ts";
import type { Bell } from "../ring/bell.ts";
import type { FrameBurst } from "../ring/frame-burst.ts";
import { flowHash } from "../wire/flow-hash.ts";
import type { Lane } from "./lane.ts";

export interface SendAllOptions {
  /** `marks[i]`, 0 to 2^32 - 1, comes out with frame i. */
  readonly marks?: ArrayLike<number> | undefined;
  /** Ends the waiting: what was sent before is on its way. */
  readonly signal?: AbortSignal | undefined;
}

export interface FrameChannelParts {
  readonly lanes: readonly Lane[];
  readonly bell: Bell;
  /** Why nothing is worked on any more, if that is so. */
  readonly failure: () => Error | undefined;
  /** Whether results come without this thread's doing, so that it can spin for them. */
  readonly spins: boolean;
  /** Resolves when no worker touches the lanes any more. */
  readonly release: () => Promise<void>;
}

/**
 * How long results are spun for before the thread goes on with something else: a worker that sleeps needs some 60 µs
 * to wake and answer, and to be woken by it costs as much again.
 */
const SPIN_MILLISECONDS = 0.1;
const MARK_MAXIMUM = 0xffffffff;

/**
 * Frames go in by `send` and come out by iterating. Frames of one flow stay in order, because they take
 * one lane by their flow hash; frames of different flows may overtake each other with more than one worker.
 */
export class FrameChannel implements AsyncIterable<FrameBurst> {
  readonly #parts: FrameChannelParts;
  readonly #lanes: readonly Lane[];
  readonly #bell: Bell;
  #tooLong = 0;
  #next = 0;
  /** The `sendAll` calls under way, one behind the other. */
  #sending: Promise<unknown> = Promise.resolve();
  #sends = 0;
  #ended = false;
  #closing: Promise<void> | undefined;

  /** Made by `dataplane.open`. */
  constructor(parts: FrameChannelParts) {
    this.#parts = parts;
    this.#lanes = parts.lanes;
    this.#bell = parts.bell;
  }

  /** The longest frame it can take, in bytes; longer ones are dropped and counted. */
  get longest(): number {
    return Math.min(...this.#lanes.map(({ longest }) => longest));
  }

  /**
   * Sends a burst. Returns how many of its frames, from the first on, were taken: fewer than there are means that
   * there is no room now, or that a `sendAll` waits for some; send the rest later, or use `sendAll`. The bytes are
   * copied and may be used again at once. `marks[i]`, 0 to 2^32 - 1, comes out with frame i.
   * @throws WorkerDiedError when a worker died and could not be replaced.
   */
  send(frames: readonly Uint8Array[], marks?: ArrayLike<number>): number {
    this.#maySend(frames, marks);
    return this.#sends > 0 ? 0 : this.#send(frames, marks, 0);
  }

  /** Sends all frames, behind those of the calls before it, and waits for room when there is none. */
  async sendAll(frames: readonly Uint8Array[], options: SendAllOptions = {}): Promise<void> {
    knownKeys("options", options, ["marks", "signal"]);
    const { marks, signal } = options;
    this.#maySend(frames, marks);
    let sent = 0;
    const before = this.#sending;
    this.#sends++;
    const sending = before
      .then(() =>
        this.#bell.until(() => {
          this.#alive();
          sent += this.#send(frames, marks, sent);
          return sent === frames.length ? true : undefined;
        }, signal),
      )
      .finally(() => {
        this.#sends--;
        // Who waited for the end, too.
        this.#bell.ring();
      });
    this.#sending = sending.catch(() => {});
    await sending;
  }

  /** Says that nothing more is sent: iterating ends when everything has come out, that of `sendAll` included. */
  end(): void {
    this.#ended = true;
    this.#bell.ring();
  }

  /** Results that are there now, if any; never waits. */
  receive(): FrameBurst | undefined {
    this.#open();
    for (let turn = 0; turn < this.#lanes.length; turn++) {
      // Each lane in turn, so that none starves.
      const lane = this.#lanes[this.#next] as Lane;
      this.#next = (this.#next + 1) % this.#lanes.length;
      const burst = lane.take();
      if (burst !== undefined) return burst;
    }
    return undefined;
  }

  /**
   * The results, burst by burst, until the end was announced and everything has come out, or until the channel is
   * closed. Rejects with a WorkerDiedError, after what there is, when a worker died and could not be replaced.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<FrameBurst, void, undefined> {
    for (;;) {
      const soon = this.#spin();
      if (soon !== undefined) {
        yield soon;
        continue;
      }
      const burst = await this.#bell.until(() => {
        if (this.#closing !== undefined) return null;
        const found = this.receive();
        if (found !== undefined) return found;
        if (!this.#lanes.every(({ empty }) => empty)) return undefined;
        const failure = this.#parts.failure();
        if (failure !== undefined) throw failure;
        return this.#ended && this.#sends === 0 ? null : undefined;
      });
      if (burst === null) return;
      yield burst;
    }
  }

  /** What became of all frames so far; those under way are not counted yet. */
  counters(): PipelineCounters {
    this.#open();
    return sumCounters([
      ...this.#lanes.map((lane) => lane.tally()),
      droppedOnly("frame-too-long", this.#tooLong),
    ]);
  }

  /** Ends the channel at once: what is under way is lost. Iterating ends, `sendAll` rejects. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Looks again and again for a moment, as long as there are frames under way in other threads. */
  #spin(): FrameBurst | undefined {
    if (!this.#parts.spins || this.#closing !== undefined) return undefined;
    const end = performance.now() + SPIN_MILLISECONDS;
    do {
      const burst = this.receive();
      if (burst !== undefined) return burst;
      if (this.#lanes.every(({ empty }) => empty)) return undefined;
    } while (performance.now() < end);
    return undefined;
  }

  async #close(): Promise<void> {
    // Not before close() has said so.
    await Promise.resolve();
    this.#bell.ring();
    this.#bell.close("channel");
    await this.#parts.release();
    for (const lane of this.#lanes) lane.close();
  }

  /** Sends from frame `first` on; returns how many were taken. */
  #send(frames: readonly Uint8Array[], marks: ArrayLike<number> | undefined, first: number): number {
    const lanes = this.#lanes;
    let at = first;
    for (; at < frames.length; at++) {
      const frame = frames[at] as Uint8Array;
      const index = lanes.length === 1 ? 0 : Math.floor((flowHash(frame) * lanes.length) / 2 ** 32);
      const lane = lanes[index] as Lane;
      if (frame.length > lane.longest) this.#tooLong++;
      else if (!lane.add(frame, marks?.[at] ?? 0)) break;
    }
    let woken = false;
    for (const lane of lanes) woken = lane.publish() || woken;
    // Waking a worker takes this thread so long that results are often there by then. Not for who waits for room:
    // it would look again and again until the worker is awake.
    if (woken && at === frames.length) this.#bell.ring();
    return at - first;
  }

  /** Checks everything first, so that nothing is sent when something is wrong. */
  #maySend(frames: readonly Uint8Array[], marks: ArrayLike<number> | undefined): void {
    this.#alive();
    if (this.#ended) throw new ArgumentTypeError("closed", "channel", "its end was announced");
    if (!Array.isArray(frames)) throw wrongType("frames", "an array", frames);
    for (let i = 0; i < frames.length; i++) {
      byteArray("frames", frames[i]);
      if (marks !== undefined) wholeNumber("marks", marks[i], 0, MARK_MAXIMUM);
    }
  }

  #alive(): void {
    this.#open();
    const failure = this.#parts.failure();
    if (failure !== undefined) throw failure;
  }

  #open(): void {
    if (this.#closing !== undefined) throw closed("channel");
  }
}
