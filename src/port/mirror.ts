// What passes a port, seen by somebody else: copied to another port, or written into a capture. A mirror that is slow
// loses frames of its own, and holds nobody up.

import { type CaptureSink, openOutput } from "../capture/capture-io.ts";
import { ArgumentRangeError } from "../core/argument-error.ts";
import { wrongType } from "../core/arguments.ts";
import { checkFields, choice, type Fields, type Kind, whole } from "../core/fields.ts";
import { FRAME_BYTES_MAXIMUM } from "../layout/batch.layout.ts";
import type { FrameBurst } from "../ring/frame-burst.ts";
import { CaptureRecorder, LINK_TYPES, type RecordNotes } from "./capture-recorder.ts";
import type { FramePort } from "./frame-port.ts";
import { framePort, isFramePort } from "./port-checks.ts";
import { Drops, type FramePortCounters, sumDrops } from "./port-counters.ts";

/** What `compileFilter()` of `frameferry/filter` gives is one. */
export interface FrameMatcher {
  matches(frame: Uint8Array, wireLength?: number, linkType?: number): boolean;
}

export interface MirrorOptions {
  /** What is sent at the port, what is received there, or `"both"` (default). */
  readonly direction?: "sent" | "received" | "both" | undefined;
  /** Only frames that match it are copied. Default: all. */
  readonly filter?: FrameMatcher | undefined;
  /** How many bytes of a frame are copied, 1 to 65,535; a capture says how long it was. Default: all. */
  readonly bytes?: number | undefined;
  /** Of a capture that is written. Default `"pcapng"`, which says of each frame which way it went. */
  readonly format?: "pcapng" | "pcap" | undefined;
  /** Most bytes that wait to be written into a capture: 65,536 to 2^40, default 4 MiB. */
  readonly queueBytes?: number | undefined;
}

type Defaults = "direction" | "format" | "queueBytes";

export const MATCHER: Kind<FrameMatcher> = {
  expected: "what compileFilter() gives",
  check: (path, value) => {
    if (typeof (value as Partial<FrameMatcher> | null)?.matches !== "function")
      throw wrongType(path, "what compileFilter() gives", value);
    return value as FrameMatcher;
  },
};

export const mirrorFields: Fields<MirrorOptions, Defaults> = {
  direction: { ...choice("sent", "received", "both"), fallback: "both" },
  filter: MATCHER,
  bytes: whole(1, FRAME_BYTES_MAXIMUM),
  format: { ...choice("pcapng", "pcap"), fallback: "pcapng" },
  queueBytes: { ...whole(1 << 16, 2 ** 40), fallback: 4 << 20 },
};

/** Takes copies of frames at once; returns how many it took. */
export interface MirrorTarget {
  add(frames: readonly Uint8Array[], direction: "sent" | "received", notes?: RecordNotes): number;
  /** Frames that it took and that are not where they should be yet, or never came there. */
  readonly waiting: number;
  readonly lost: number;
  /** Everything that was taken is where it should be. */
  finish(): Promise<void>;
}

/** What mirrors send is not mirrored again: two ports that mirror each other would never come to an end. */
let isMirroring = false;

/**
 * Copies what passes `port` to another port, or writes it into a capture, until it is stopped: `createCaptureFile`'s,
 * or any sink that `processCapture` takes. A capture is complete when `stop` has resolved.
 */
export function mirror(port: FramePort, to: FramePort | CaptureSink, options: MirrorOptions = {}): Mirror {
  framePort("port", port);
  const checked = checkFields<MirrorOptions, Defaults>("options", mirrorFields, options);
  if ((to as unknown) === port) throw new ArgumentRangeError("contradiction", "to", "it is the same port");
  const target = isFramePort(to) ? portTarget(to) : new CaptureRecorder(port, openOutput(to), checked);
  return new Mirror(port, target, checked.direction, checked);
}

function portTarget(to: FramePort): MirrorTarget {
  return { add: (frames) => to.send(frames), waiting: 0, lost: 0, finish: async () => {} };
}

export class Mirror {
  readonly #target: MirrorTarget;
  readonly #filter: FrameMatcher | undefined;
  readonly #bytes: number | undefined;
  readonly #linkType: number;
  readonly #forget: () => void;
  readonly #drops: Drops = new Drops();
  #seen = 0;
  #seenBytes = 0;
  #sent = 0;
  #sentBytes = 0;
  #stopping: Promise<void> | undefined;

  /** Made by `mirror`. */
  constructor(
    port: FramePort,
    target: MirrorTarget,
    direction: "sent" | "received" | "both",
    { filter, bytes }: Pick<MirrorOptions, "filter" | "bytes"> = {},
  ) {
    this.#target = target;
    this.#filter = filter;
    this.#bytes = bytes;
    this.#linkType = LINK_TYPES[port.medium];
    this.#forget = port.watch({
      sent: (frames, first, end) => {
        if (direction !== "received") this.#see(frames.slice(first, end), "sent");
      },
      received: (burst: FrameBurst) => {
        if (direction !== "sent") this.#see(burst.frames(), "received");
      },
    });
  }

  /** What it has seen counts as received, and what it has passed on as sent. */
  counters(): FramePortCounters {
    const { waiting, lost } = this.#target;
    return {
      sent: this.#sent - waiting - lost,
      sentBytes: this.#sentBytes,
      received: this.#seen,
      receivedBytes: this.#seenBytes,
      waiting,
      dropped: this.#drops.total + lost,
      drops: sumDrops([this.#drops.byReason(), { closed: lost }]),
    };
  }

  /** Ends it, when the sink of its capture has taken all there is. Rejects if that could not be written. */
  stop(): Promise<void> {
    this.#forget();
    this.#stopping ??= this.#target.finish();
    return this.#stopping;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #see(passing: readonly Uint8Array[], direction: "sent" | "received"): void {
    if (isMirroring) return;
    const [filter, bytes] = [this.#filter, this.#bytes];
    const wanted =
      filter === undefined
        ? passing
        : passing.filter((frame) => filter.matches(frame, frame.length, this.#linkType));
    if (wanted.length === 0) return;
    const frames = bytes === undefined ? wanted : wanted.map((frame) => frame.subarray(0, bytes));
    const originalLengths = wanted.map(({ length }) => length);
    this.#seen += frames.length;
    this.#seenBytes += bytesOf(frames, frames.length);
    isMirroring = true;
    let passed = 0;
    let reason = "queue-full";
    try {
      passed = this.#target.add(frames, direction, { originalLengths });
    } catch {
      // The other port takes nothing any more. It is no business of this one's.
      reason = "closed";
      this.#forget();
    } finally {
      isMirroring = false;
    }
    this.#sent += passed;
    this.#sentBytes += bytesOf(frames, passed);
    this.#drops.add(reason, frames.length - passed);
  }
}

function bytesOf(frames: readonly Uint8Array[], count: number): number {
  let bytes = 0;
  for (let index = 0; index < count; index++) bytes += (frames[index] as Uint8Array).length;
  return bytes;
}
