// What both kinds of ring have in common for the thread at one of their ends: waiting, and a producer's number.

import { ArgumentRangeError, ArgumentTypeError } from "../core/argument-error.ts";
import { closed, wholeNumber } from "../core/arguments.ts";
import { type Fields, whole } from "../core/fields.ts";
import type { Kernels } from "../kernel/kernels.ts";
import { RING_CONSUMER_DOORBELL, RING_PRODUCER_DOORBELL } from "../layout/ring.layout.ts";
import { SharedBell } from "./bell.ts";
import { SPIN_TURNS, sleepUntil } from "./doorbell.ts";
import { PRODUCER_MAXIMUM, producerNumber, releaseRing, ringFill, unlockRing } from "./ring-memory.ts";

/** What whoever opens a ring is told. That there is a number only where there are many producers, the ring says. */
export const PRODUCER_FIELDS: Fields<{ readonly producer?: number | undefined }> = {
  producer: whole(1, PRODUCER_MAXIMUM),
};

export abstract class RingEnd {
  readonly kernels: Kernels;
  /** Where the ring lies: another thread on the same memory opens it by this. */
  readonly address: number;
  /** The number of this producer; 0 where there is only one. */
  protected readonly producer: number;
  readonly #owned: boolean;
  #closed = false;
  #items: SharedBell | undefined;
  #room: SharedBell | undefined;

  /** `owned` says that this thread has reserved the ring. */
  constructor(kernels: Kernels, address: number, producer: number | undefined, owned: boolean) {
    this.kernels = kernels;
    this.address = address;
    this.#owned = owned;
    this.producer = producerNumber(kernels, address, producer);
  }

  /**
   * The consumer waits, blocking its thread, until there is something to take; false if there was nothing for so many
   * milliseconds. A page's main thread may not block: it throws a TypeError there.
   */
  wait(milliseconds: number): boolean {
    this.expectOpen();
    return this.#sleep(RING_CONSUMER_DOORBELL, milliseconds, () => this.#filled > 0);
  }

  /** The same without blocking. */
  async waitAsync(signal?: AbortSignal): Promise<void> {
    this.expectOpen();
    this.#items ??= this.#bell(RING_CONSUMER_DOORBELL);
    await spinThenWait(this.#items, () => this.#filled > 0, signal);
  }

  /**
   * A producer waits, blocking its thread, until there is room for `room` items, or for a frame of `room` bytes,
   * default 1; false if there was none for so many milliseconds.
   */
  waitForRoom(milliseconds: number, room = 1): boolean {
    this.expectOpen();
    this.checkRoom(room);
    return this.#sleep(RING_PRODUCER_DOORBELL, milliseconds, () => this.hasRoom(room));
  }

  /** The same without blocking. */
  async waitForRoomAsync(room = 1, signal?: AbortSignal): Promise<void> {
    this.expectOpen();
    this.checkRoom(room);
    this.#room ??= this.#bell(RING_PRODUCER_DOORBELL);
    await spinThenWait(this.#room, () => this.hasRoom(room), signal);
  }

  /**
   * Lets the others go on after the thread of producer number `producer` has ended, wherever it was: a push that it
   * did not finish has put nothing in. Only when it has certainly ended.
   */
  producerDied(producer: number): void {
    this.expectOpen();
    unlockRing(this.kernels, this.address, wholeNumber("producer", producer, 1, PRODUCER_MAXIMUM));
  }

  /** Ends waiting here. In the thread that reserved the ring it also gives the memory back: nobody may use it then. */
  close(): void {
    // Only once: by now the memory may be someone else's.
    if (this.#closed) return;
    this.#closed = true;
    this.#items?.close("ring");
    this.#room?.close("ring");
    if (this.#owned) releaseRing(this.kernels, this.address);
  }

  /** Its memory may be someone else's when it has been closed. */
  protected expectOpen(): void {
    if (this.#closed) throw closed("ring");
  }

  get #filled(): number {
    return ringFill(this.kernels, this.address);
  }

  /** Throws a RangeError for what can never have room. */
  protected abstract checkRoom(room: number): void;

  protected abstract hasRoom(room: number): boolean;

  #doorbell(field: number): number {
    const doorbell = this.kernels.words[(this.address + field) >>> 2] as number;
    if (doorbell === 0)
      throw new ArgumentTypeError("unsupported", "ring", "nobody can wait at this end, it has no doorbell");
    return doorbell;
  }

  #bell(field: number): SharedBell {
    return new SharedBell(this.kernels, this.#doorbell(field));
  }

  #sleep(field: number, milliseconds: number, look: () => boolean): boolean {
    if (typeof milliseconds !== "number" || !(milliseconds >= 0))
      throw new ArgumentRangeError(
        "out-of-range",
        "milliseconds",
        `expected a number from 0 on, got ${milliseconds}`,
      );
    return sleepUntil(this.kernels, this.#doorbell(field), look, milliseconds);
  }
}

async function spinThenWait(
  bell: SharedBell,
  look: () => boolean,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (let turn = 0; turn < SPIN_TURNS; turn++) if (look()) return;
  await bell.until(() => (look() ? true : undefined), signal);
}
