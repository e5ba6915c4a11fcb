// A port of a running switch: frames in by `send`, frames out by iterating, or both as web streams.

import { byteArray } from "../core/arguments.ts";
import { LocalBell } from "../ring/bell.ts";
import type { FrameBurst } from "../ring/frame-burst.ts";
import type { SwitchPort } from "../switch/switch-types.ts";
import type { FrameChannel } from "./frame-channel.ts";

export interface LivePortParts {
  readonly port: SwitchPort;
  readonly channel: FrameChannel;
  /** Most frames that wait here to be taken. */
  readonly queueFrames: number;
  /** Called before frames are handed over: time goes on. */
  readonly tick: () => void;
}

export class LivePort implements AsyncIterable<FrameBurst> {
  readonly number: number;
  readonly name: string;
  readonly kind: SwitchPort["kind"];
  readonly #parts: LivePortParts;
  readonly #bell: LocalBell = new LocalBell();
  readonly #queue: FrameBurst[] = [];
  #queued = 0;
  #discarded = 0;
  #marks: Uint32Array = new Uint32Array(0);
  #closed = false;

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
   * means that there is no room now. The bytes are copied and may be used again at once.
   * @throws RangeError for a frame that no ring could take; nothing is sent then.
   */
  send(frames: readonly Uint8Array[]): number {
    this.#open();
    this.#check(frames);
    this.#parts.tick();
    return this.#parts.channel.send(frames, this.#mark(frames.length));
  }

  /** Hands all frames over, and waits for room when there is none. */
  async sendAll(
    frames: readonly Uint8Array[],
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<void> {
    this.#open();
    this.#check(frames);
    this.#parts.tick();
    await this.#parts.channel.sendAll(frames, { ...options, marks: this.#mark(frames.length) });
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
      const burst = await this.#bell.until(() => this.receive() ?? (this.#closed ? null : undefined));
      if (burst === null) return;
      yield burst;
    }
  }

  /** What leaves here, frame by frame. */
  get readable(): ReadableStream<Uint8Array> {
    const bursts = this[Symbol.asyncIterator]();
    return new ReadableStream<Uint8Array>({
      async pull(controller) {
        const { value, done } = await bursts.next();
        if (done === true) controller.close();
        else for (const frame of value) controller.enqueue(frame);
      },
      async cancel() {
        await bursts.return();
      },
    });
  }

  /** Takes frames one by one. */
  get writable(): WritableStream<Uint8Array> {
    return new WritableStream<Uint8Array>({ write: (frame) => this.sendAll([frame]) });
  }

  /** For the switch: frames have left here. */
  deliver(burst: FrameBurst): void {
    if (this.#queued + burst.length > this.#parts.queueFrames) {
      this.#discarded += burst.length;
      return;
    }
    this.#queue.push(burst);
    this.#queued += burst.length;
    this.#bell.ring();
  }

  /** For the switch: nothing comes here any more. */
  close(): void {
    this.#closed = true;
    this.#bell.ring();
  }

  #check(frames: readonly Uint8Array[]): void {
    const { longest } = this.#parts.channel;
    if (!Array.isArray(frames)) throw new TypeError(`frames: expected an array, got ${typeof frames}`);
    for (const frame of frames) byteArray("frames", frame);
    if (frames.some((frame) => frame.length > longest))
      throw new RangeError(`frames: expected at most ${longest} bytes each`);
  }

  /** The port's number, for each of so many frames. */
  #mark(frames: number): Uint32Array {
    if (this.#marks.length < frames) this.#marks = new Uint32Array(2 * frames).fill(this.number);
    return this.#marks;
  }

  #open(): void {
    if (this.#closed) throw new TypeError("port: it has been removed, or its switch closed");
  }
}
