// Two ports joined: what comes out of the one goes into the other, burst by burst. This is the only pump there is.

import { onAbort } from "../core/abort.ts";
import { ArgumentRangeError, isArgumentError } from "../core/argument-error.ts";
import { checkFields, choice, type Fields, signal } from "../core/fields.ts";
import { inTime } from "../core/in-time.ts";
import { nextTurn } from "../platform/threads.ts";
import type { FrameBurst } from "../ring/frame-burst.ts";
import type { FramePort } from "./frame-port.ts";
import { expectSameMedium, framePort } from "./port-checks.ts";
import { Drops, type FramePortCounters } from "./port-counters.ts";

export interface ConnectOptions {
  /** Which ways: from `a` to `b`, from `b` to `a`, or `"both"` (default). */
  readonly direction?: "both" | "ab" | "ba" | undefined;
  /**
   * What is done while a port has no room: `"wait"` (default), so that whoever sends to the other port waits as well and
   * nothing is lost; or `"drop"`, so that nobody waits, and what finds no room is counted as `queue-full`.
   */
  readonly whenFull?: "wait" | "drop" | undefined;
  /** Stops it, as `stop()` does. */
  readonly signal?: AbortSignal | undefined;
}

type Defaults = "direction" | "whenFull";

export const connectFields: Fields<ConnectOptions, Defaults> = {
  direction: { ...choice("both", "ab", "ba"), fallback: "both" },
  whenFull: { ...choice("wait", "drop"), fallback: "wait" },
  signal: signal(),
};

/** Bursts that are moved before others get a turn: frames that run in a circle would keep the thread for ever. */
const TURN_BURSTS = 64;

/**
 * Joins two ports until one of them is closed, `signal` aborts or the connection is stopped. Nothing is lost as long as
 * both are open: while the one has no room nothing is taken out of the other.
 * @throws ArgumentError if these cannot be joined.
 */
export function connect(a: FramePort, b: FramePort, options: ConnectOptions = {}): Connection {
  framePort("a", a);
  framePort("b", b);
  if (a === b) throw new ArgumentRangeError("contradiction", "b", "it is the same port as a");
  const checked = checkFields<ConnectOptions, Defaults>("options", connectFields, options);
  const { direction, whenFull } = checked;
  if (direction !== "ba") expectSameMedium("b", a, b);
  if (direction !== "ab") expectSameMedium("a", b, a);
  const ways = { ab: new Pump(a, b, whenFull === "drop"), ba: new Pump(b, a, whenFull === "drop") };
  return new Connection(ways, direction === "both" ? ["ab", "ba"] : [direction], checked.signal);
}

/** Two ports that are joined. */
export class Connection {
  /** Resolves when it has ended, and rejects if a port has failed. */
  readonly ended: Promise<void>;
  readonly #ways: { readonly ab: Pump; readonly ba: Pump };
  readonly #stop: AbortController = new AbortController();

  /** Made by `connect`. */
  constructor(
    ways: { readonly ab: Pump; readonly ba: Pump },
    directions: readonly ("ab" | "ba")[],
    signal: AbortSignal | undefined,
  ) {
    this.#ways = ways;
    const stop = this.#stop;
    const forget = onAbort(signal, () => stop.abort());
    const running = directions.map(async (direction) => {
      try {
        await ways[direction].run(stop.signal);
      } finally {
        // Both ways end together.
        stop.abort();
      }
    });
    this.ended = Promise.allSettled(running).then((results) => {
      forget();
      for (const result of results) if (result.status === "rejected") throw result.reason;
    });
    // Who does not wait for the end hears of a failure by `stop`.
    this.ended.catch(() => {});
  }

  /**
   * Ends it: what has been taken out of one port still goes into the other if there is room at once. A port of somebody
   * else's that does not let go is waited for a second at most.
   */
  async stop(): Promise<void> {
    this.#stop.abort();
    await inTime(this.ended);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** What went each way: received from the one port, sent to the other, and what was lost between them. */
  counters(): { readonly ab: FramePortCounters; readonly ba: FramePortCounters } {
    return { ab: this.#ways.ab.counters(), ba: this.#ways.ba.counters() };
  }
}

/** One way. */
export class Pump {
  readonly #from: FramePort;
  readonly #to: FramePort;
  readonly #drops: boolean;
  readonly #lost: Drops = new Drops();
  #received = 0;
  #receivedBytes = 0;
  #sent = 0;
  #sentBytes = 0;

  constructor(from: FramePort, to: FramePort, drops: boolean) {
    this.#from = from;
    this.#to = to;
    this.#drops = drops;
  }

  /** Runs until one of the two ports is closed, or `signal` aborts; rejects if a port fails. */
  async run(signal: AbortSignal): Promise<void> {
    const bursts = this.#from[Symbol.asyncIterator]();
    const forget = onAbort(signal, () => void bursts.return?.());
    try {
      for (let turn = 1; ; turn++) {
        const { done, value } = await bursts.next();
        if (done) return;
        this.#received += value.length;
        this.#receivedBytes += value.byteLength;
        if (!(await this.#pass(value, signal))) return;
        if (turn % TURN_BURSTS === 0) await nextTurn();
      }
    } finally {
      forget();
      await bursts.return?.();
    }
  }

  counters(): FramePortCounters {
    const waiting = this.#received - this.#sent - this.#lost.total;
    return {
      sent: this.#sent,
      sentBytes: this.#sentBytes,
      received: this.#received,
      receivedBytes: this.#receivedBytes,
      waiting,
      dropped: this.#lost.total,
      drops: this.#lost.byReason(),
    };
  }

  /** Passes a burst on; false if nothing more can be. */
  async #pass(burst: FrameBurst, signal: AbortSignal): Promise<boolean> {
    const progress = { sent: 0 };
    let isDone = false;
    try {
      if (this.#drops) {
        progress.sent = this.#to.send(burst);
        this.#lost.add("queue-full", burst.length - progress.sent);
      } else await this.#to.sendAll(burst, { signal, progress });
      isDone = true;
      return true;
    } catch (error) {
      if (signal.aborted) progress.sent += this.#sendWhatFits(burst, progress.sent);
      this.#lost.add("closed", burst.length - progress.sent);
      if (signal.aborted || (isArgumentError(error) && error.code === "closed")) return false;
      throw error;
    } finally {
      this.#sent += progress.sent;
      this.#sentBytes += progress.sent === burst.length ? burst.byteLength : bytesOf(burst, progress.sent);
      // Taken, every port has copied it.
      if (isDone) burst.release();
    }
  }

  #sendWhatFits(burst: FrameBurst, first: number): number {
    try {
      return this.#to.send(
        burst.pick(Array.from({ length: burst.length - first }, (_, index) => first + index)),
      );
    } catch {
      return 0;
    }
  }
}

function bytesOf(burst: FrameBurst, frames: number): number {
  let bytes = 0;
  for (let index = 0; index < frames; index++) bytes += burst.frame(index).length;
  return bytes;
}
