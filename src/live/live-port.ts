// A port of a running switch: frames in by `send`, frames out by iterating, or both as web streams.

import { ArgumentTypeError } from "../core/argument-error.ts";
import { ETHERNET_FRONT } from "../port/base-port.ts";
import { QueuePort } from "../port/queue-port.ts";
import type { CheckedNotes } from "../ring/burst-notes.ts";
import type { FrameBurst } from "../ring/frame-burst.ts";
import type { SwitchPort } from "../switch/switch-types.ts";
import type { PortHost, PortLosses } from "./port-host.ts";

export class LivePort extends QueuePort implements SwitchPort {
  readonly number: number;
  readonly kind: SwitchPort["kind"];
  readonly #host: PortHost;
  readonly #mtu: number | undefined;
  /** Whether the switch waits for whoever reads here. */
  #isBehind = false;
  /** Whether it has waited in vain, and nothing was taken since. */
  #isGivenUp = false;
  #takenAt = 0;
  #isGone = false;

  /** Made by the switch. */
  constructor({ number, name, kind }: SwitchPort, host: PortHost, mtu: number | undefined) {
    super({ name, ...host.queueLimits, offloads: host.offloads });
    this.number = number;
    this.kind = kind;
    this.#host = host;
    this.#mtu = mtu;
  }

  /** That of what leaves the switch here; what goes in may be as long as its rings take. */
  override get mtu(): number {
    return this.#mtu ?? this.longest - ETHERNET_FRONT;
  }

  override get longest(): number {
    return this.#host.longest;
  }

  /** As the switch's `removePort`. An uplink is closed with its switch. */
  override close(): Promise<void> {
    if (this.kind !== "uplink" || this.closed) return super.close();
    return Promise.reject(
      new ArgumentTypeError("not-for-this", "port", "an uplink is closed with its switch"),
    );
  }

  /** For the switch: frames have left here. */
  arrive(burst: FrameBurst): void {
    if (this.readers === 0 || this.#isGivenUp || !this.#host.isPatient) {
      this.deliver(burst);
      return;
    }
    // Whoever reads is waited for: the last burst may go over the bounds.
    this.queue.addWhole(burst);
    this.bell.ring();
    if (this.#isBehind || !this.queue.isFull) return;
    this.#isBehind = true;
    this.#takenAt = performance.now();
    this.#host.waitFor(this);
  }

  /** For the switch, which has waited until now: whether nothing was taken for that long; then it is given up. */
  giveUp(now: number, patienceMs: number): boolean {
    if (now - this.#takenAt < patienceMs) return false;
    this.#isBehind = false;
    this.#isGivenUp = true;
    return true;
  }

  /** For the switch: nothing is taken here any more. */
  stop(reason: Error): void {
    this.refuse(reason);
  }

  /** For the switch: nothing leaves here any more; with `failure`, because nothing is worked on. */
  end(failure?: Error): void {
    this.#isGone = true;
    this.finish(failure);
  }

  /** For the switch's counters: what was lost in front of it and behind it. */
  losses(): PortLosses {
    const { drops } = this;
    return {
      tooLong: drops.of("frame-too-long"),
      tooLongBytes: drops.bytesOf("frame-too-long"),
      full: drops.of("queue-full"),
      fullBytes: drops.bytesOf("queue-full"),
    };
  }

  protected override put(
    frames: readonly Uint8Array[],
    first: number,
    end: number,
    notes: CheckedNotes | undefined,
  ): number {
    return this.#host.put(this, frames, first, end, notes);
  }

  protected override take(): FrameBurst | undefined {
    const burst = super.take();
    if (burst === undefined || !(this.#isBehind || this.#isGivenUp)) return burst;
    this.#isGivenUp = false;
    this.#takenAt = performance.now();
    if (this.#isBehind && this.queue.isHalfEmpty) this.#caughtUp();
    return burst;
  }

  /** While workers are halted nothing comes; it may go on later. */
  protected override isFinished(): boolean {
    if (this.#host.halted !== undefined) throw this.#host.halted;
    return super.isFinished();
  }

  protected override async shut(): Promise<void> {
    if (!this.#isGone) await this.#host.remove(this);
  }

  protected override allowance(): number {
    return this.#host.allowance(this);
  }

  protected override unread(): void {
    if (this.#isBehind) this.#caughtUp();
  }

  #caughtUp(): void {
    this.#isBehind = false;
    this.#host.goOnWithout(this);
  }
}
