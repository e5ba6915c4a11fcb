// Copies on their way to a port. They are sent when the kernels are done with what they are doing: the port may be a channel that
// works on this thread, and kernels are not to be called while they call a stage.

import type { FramePort } from "../port/frame-port.ts";
import { Drops } from "../port/port-counters.ts";
import { FrameBurst } from "../ring/frame-burst.ts";

export class CopyQueue {
  readonly #to: FramePort;
  readonly #queueBytes: number;
  readonly #bursts: FrameBurst[] = [];
  readonly #drops: Drops = new Drops();
  #bytes = 0;
  #sending: Promise<void> | undefined;

  constructor(to: FramePort, queueBytes: number) {
    this.#to = to;
    this.#queueBytes = queueBytes;
  }

  get waiting(): number {
    return this.#bursts.reduce((sum, { length }) => sum + length, 0);
  }

  /** Frames that were taken, and that the port did not take. */
  get drops(): Readonly<Record<string, number>> {
    return this.#drops.byReason();
  }

  /** Copies frames, as many as there is room for; returns how many. */
  add(frames: readonly Uint8Array[]): number {
    let room = this.#queueBytes - this.#bytes;
    let taken = 0;
    while (taken < frames.length && room > 0) room -= (frames[taken++] as Uint8Array).length;
    if (taken === 0) return 0;
    const burst = FrameBurst.of(frames, 0, taken);
    this.#bursts.push(burst);
    this.#bytes += burst.byteLength;
    this.#sending ??= Promise.resolve().then(() => this.#send());
    return taken;
  }

  async finish(): Promise<void> {
    await this.#sending;
  }

  #send(): void {
    this.#sending = undefined;
    for (const burst of this.#bursts.splice(0)) {
      this.#bytes -= burst.byteLength;
      let sent = 0;
      let reason = "queue-full";
      try {
        sent = this.#to.send(burst);
      } catch {
        // It takes nothing any more, which is no business of the pipeline's.
        reason = "closed";
      }
      this.#drops.add(reason, burst.length - sent);
    }
  }
}
