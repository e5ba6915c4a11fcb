// Bursts in, bursts out: a pipeline on a dataplane, for frames as they come.

import { byteArray, wholeNumber } from "../core/arguments.ts";
import type { PipelineCounters } from "../pipeline/program.ts";
import type { FrameBurst } from "../ring/frame-burst.ts";
import { flowHash } from "../wire/flow-hash.ts";
import type { Bell } from "./bell.ts";
import { droppedOnly, type Lane, sumCounters } from "./lane.ts";

/**
 * Frames go in by `send` and come out by iterating. Frames of one flow stay in order, because they take
 * one lane by their flow hash; frames of different flows may overtake each other with more than one worker.
 */
export class FrameChannel implements AsyncIterable<FrameBurst> {
  readonly #lanes: readonly Lane[];
  readonly #bell: Bell;
  readonly #onClose: () => Promise<void>;
  #tooLong = 0;
  #next = 0;
  #ended = false;
  #closed = false;

  constructor(lanes: readonly Lane[], bell: Bell, onClose: () => Promise<void>) {
    this.#lanes = lanes;
    this.#bell = bell;
    this.#onClose = onClose;
  }

  /** The longest frame it can take, in bytes; longer ones are dropped and counted. */
  get longest(): number {
    return Math.min(...this.#lanes.map(({ longest }) => longest));
  }

  /**
   * Sends a burst. Returns how many of its frames, from the first on, were taken: fewer than there are means that
   * there is no room now; send the rest later, or use `sendAll`. The bytes are copied and may be used again at once.
   * `marks[i]`, 0 to 2^32 - 1, comes out with frame i.
   */
  send(frames: readonly Uint8Array[], marks?: ArrayLike<number>): number {
    this.#open();
    if (this.#ended) throw new TypeError("channel: its end was announced");
    const lanes = this.#lanes;
    let taken = 0;
    for (; taken < frames.length; taken++) {
      const frame = byteArray("frames", frames[taken]);
      const mark = marks === undefined ? 0 : wholeNumber("marks", marks[taken], 0, 0xffffffff);
      const index = lanes.length === 1 ? 0 : Math.floor((flowHash(frame) * lanes.length) / 2 ** 32);
      const lane = lanes[index] as Lane;
      if (frame.length > lane.longest) this.#tooLong++;
      else if (!lane.add(frame, mark)) break;
    }
    for (const lane of lanes) lane.publish();
    return taken;
  }

  /** Sends all frames, and waits for room when there is none. */
  async sendAll(
    frames: readonly Uint8Array[],
    options: { readonly marks?: ArrayLike<number>; readonly signal?: AbortSignal } = {},
  ): Promise<void> {
    let rest = frames;
    let { marks } = options;
    await this.#bell.until(() => {
      const taken = this.send(rest, marks);
      rest = rest.slice(taken);
      if (marks !== undefined) marks = Array.from(marks).slice(taken);
      return rest.length === 0 ? true : undefined;
    }, options.signal);
  }

  /** Says that nothing more is sent: iterating ends when everything has come out. */
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

  /** The results, burst by burst, until the end was announced and everything has come out. */
  async *[Symbol.asyncIterator](): AsyncGenerator<FrameBurst, void, undefined> {
    for (;;) {
      const burst = await this.#bell.until(() => {
        if (this.#closed) return null;
        const found = this.receive();
        if (found !== undefined) return found;
        return this.#ended && this.#lanes.every(({ empty }) => empty) ? null : undefined;
      });
      if (burst === null) return;
      yield burst;
    }
  }

  /** What became of all frames so far; those under way are not counted yet. */
  counters(): PipelineCounters {
    this.#open();
    return sumCounters([
      ...this.#lanes.map((lane) => lane.counters()),
      droppedOnly("frame-too-long", this.#tooLong),
    ]);
  }

  /** Ends the channel at once: what is under way is lost. Iterating ends. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#bell.ring();
    await this.#onClose();
    for (const lane of this.#lanes) lane.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #open(): void {
    if (this.#closed) throw new TypeError("channel: it has been closed");
  }
}
