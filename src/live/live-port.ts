// A port of a running switch: frames in by `send`, frames out by iterating, or both as web streams.

import { ArgumentRangeError } from "../core/argument-error.ts";
import { byteArray, knownKeys, wrongType } from "../core/arguments.ts";
import type { FrameChannel } from "../lane/frame-channel.ts";
import { nextTurn } from "../platform/threads.ts";
import { LocalBell } from "../ring/bell.ts";
import type { FrameBurst } from "../ring/frame-burst.ts";
import type { SwitchPort } from "../switch/switch-types.ts";

export interface LivePortParts {
  readonly port: SwitchPort;
  readonly channel: FrameChannel;
  /** Most frames that wait here to be taken. */
  readonly queueFrames: number;
  /** Called before frames are handed over: time goes on. */
  readonly tick: () => void;
}

/** Frames that `sendAll` hands over before those who receive get a turn. */
const PIECE = 1024;

export class LivePort implements AsyncIterable<FrameBurst> {
  readonly number: number;
  readonly name: string;
  readonly kind: SwitchPort["kind"];
  readonly #parts: LivePortParts;
  readonly #bell: LocalBell = new LocalBell();
  readonly #queue: FrameBurst[] = [];
  /** Ends what waits for room. */
  readonly #stop: AbortController = new AbortController();
  #queued = 0;
  #discarded = 0;
  #marks: Uint32Array = new Uint32Array(0);
  /** The `sendAll` calls under way, one behind the other. */
  #sending: Promise<unknown> = Promise.resolve();
  #sends = 0;
  #readable: ReadableStream<Uint8Array> | undefined;
  #writable: WritableStream<Uint8Array> | undefined;
  #ended = false;
  #failure: Error | undefined;

  /** Made by the switch. */
  constructor(parts: LivePortParts) {
    const { number, name, kind } = parts.port;
    this.number = number;
    this.name = name;
    this.kind = kind;
    this.#parts = parts;
  }

  /** What the switch's tables call it. */
  get port(): SwitchPort {
    return this.#parts.port;
  }

  /** Frames that left here and were lost because nobody took them: they had left the switch, and count as sent. */
  get discarded(): number {
    return this.#discarded;
  }

  /**
   * Hands a burst to the switch. Returns how many of its frames, from the first on, were taken: fewer than there are
   * means that there is no room now, or that a `sendAll` waits for some. The bytes are copied and may be used again at
   * once.
   * @throws RangeError for a frame that no ring could take; nothing is sent then.
   */
  send(frames: readonly Uint8Array[]): number {
    this.#check(frames);
    if (this.#sends > 0) return 0;
    this.#parts.tick();
    return this.#parts.channel.send(frames, this.#mark(frames.length));
  }

  /**
   * Hands all frames over, behind those of the calls before it, and waits for room when there is none. Rejects when the
   * port is removed meanwhile: what was handed over before is on its way.
   */
  async sendAll(
    frames: readonly Uint8Array[],
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<void> {
    knownKeys("options", options, ["signal"]);
    const { signal } = options;
    if (signal !== undefined && !(signal instanceof AbortSignal))
      throw wrongType("signal", "an AbortSignal", signal);
    this.#check(frames);
    const stop = this.#stop.signal;
    const either = signal === undefined ? stop : AbortSignal.any([signal, stop]);
    this.#sends++;
    const sending = this.#sending
      .then(() => this.#sendPieces(frames, either))
      .finally(() => {
        this.#sends--;
      });
    this.#sending = sending.catch(() => {});
    await sending;
  }

  /** What has left here, if there is anything; never waits. */
  receive(): FrameBurst | undefined {
    const burst = this.#queue.shift();
    if (burst !== undefined) this.#queued -= burst.length;
    return burst;
  }

  /** What leaves here, burst by burst, until the port is removed or the switch is closed. */
  async *[Symbol.asyncIterator](): AsyncGenerator<FrameBurst, void, undefined> {
    for (;;) {
      const burst = await this.#next();
      if (burst === null) return;
      yield burst;
    }
  }

  /** What leaves here, frame by frame. */
  get readable(): ReadableStream<Uint8Array> {
    if (this.#readable !== undefined) return this.#readable;
    const cancelled = new AbortController();
    this.#readable = new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          const burst = await this.#next(cancelled.signal);
          if (burst === null) controller.close();
          else for (const frame of burst) controller.enqueue(frame);
        },
        cancel: (reason) => cancelled.abort(reason),
      },
      // Nothing is taken out before somebody reads.
      { highWaterMark: 0 },
    );
    return this.#readable;
  }

  /** Takes frames one by one. */
  get writable(): WritableStream<Uint8Array> {
    this.#writable ??= new WritableStream<Uint8Array>({
      write: (frame, { signal }) => this.sendAll([frame], { signal }),
    });
    return this.#writable;
  }

  /** For the switch: frames have left here. */
  deliver(burst: FrameBurst): void {
    const room = Math.min(burst.length, this.#parts.queueFrames - this.#queued);
    this.#discarded += burst.length - room;
    if (room === 0) return;
    this.#queue.push(room === burst.length ? burst : burst.pick(Array.from({ length: room }, (_, i) => i)));
    this.#queued += room;
    this.#bell.ring();
  }

  /** For the switch: nothing is taken here any more. */
  stop(reason: Error): void {
    this.#stop.abort(reason);
  }

  /** For the switch: nothing leaves here any more; with `failure`, because nothing is worked on. */
  end(failure?: Error): void {
    this.#failure ??= failure;
    this.#ended = true;
    this.#bell.ring();
  }

  /** The next burst, or null at the end. */
  #next(signal?: AbortSignal): Promise<FrameBurst | null> {
    return this.#bell.until(() => {
      const burst = this.receive();
      if (burst !== undefined) return burst;
      if (this.#failure !== undefined) throw this.#failure;
      return this.#ended ? null : undefined;
    }, signal);
  }

  async #sendPieces(frames: readonly Uint8Array[], signal: AbortSignal): Promise<void> {
    const { channel, queueFrames, tick } = this.#parts;
    const most = Math.min(PIECE, queueFrames);
    for (let at = 0; at < frames.length; at += most) {
      // Whoever takes what leaves must get a turn, or its queue runs over however fast it is.
      if (at > 0) await nextTurn();
      signal.throwIfAborted();
      tick();
      const piece = frames.length <= most ? frames : frames.slice(at, at + most);
      await channel.sendAll(piece, { marks: this.#mark(piece.length), signal });
    }
  }

  #check(frames: readonly Uint8Array[]): void {
    this.#stop.signal.throwIfAborted();
    const { longest } = this.#parts.channel;
    if (!Array.isArray(frames)) throw wrongType("frames", "an array", frames);
    for (const frame of frames) {
      if (byteArray("frames", frame).length > longest)
        throw new ArgumentRangeError(
          "out-of-range",
          "frames",
          `expected at most ${longest} bytes each, got ${frame.length}`,
        );
    }
  }

  /** The port's number, for each of so many frames. */
  #mark(frames: number): Uint32Array {
    if (this.#marks.length < frames) this.#marks = new Uint32Array(2 * frames).fill(this.number);
    return this.#marks;
  }
}
