// A stage that copies what passes it to a port, or into a capture. It runs on the thread that its pipeline was written on, because
// what it copies to is there.

import { type CaptureSink, openOutput } from "../capture/capture-io.ts";
import { ArgumentRangeError } from "../core/argument-error.ts";
import { checkFields, choice, type Fields, whole } from "../core/fields.ts";
import { FRAME_BYTES_MAXIMUM } from "../layout/batch.layout.ts";
import { LINK_ETHERNET } from "../layout/link.layout.ts";
import { defineStage } from "../own/define-stage.ts";
import type { StageBurst } from "../own/stage-burst.ts";
import type { JavaScriptStage } from "../pipeline/stages.ts";
import { CaptureRecorder, type RecordNotes } from "../port/capture-recorder.ts";
import type { FramePort } from "../port/frame-port.ts";
import { type FrameMatcher, MATCHER } from "../port/mirror.ts";
import { isFramePort } from "../port/port-checks.ts";
import { Drops, type FramePortCounters, sumDrops } from "../port/port-counters.ts";
import { CopyQueue } from "./copy-queue.ts";

export interface MirrorStageOptions {
  /** Only frames that match it are copied. Default: all that come to the stage. */
  readonly filter?: FrameMatcher | undefined;
  /** How many bytes of a frame are copied, 1 to 65,535; a capture says how long it was. Default: all. */
  readonly bytes?: number | undefined;
  /** Of a capture that is written. Default `"pcapng"`. */
  readonly format?: "pcapng" | "pcap" | undefined;
  /** Most bytes that wait to be sent, or to be written: 65,536 to 2^40, default 4 MiB. */
  readonly queueBytes?: number | undefined;
}

type Defaults = "format" | "queueBytes";

const FIELDS: Fields<MirrorStageOptions, Defaults> = {
  filter: MATCHER,
  bytes: whole(1, FRAME_BYTES_MAXIMUM),
  format: { ...choice("pcapng", "pcap"), fallback: "pcapng" },
  queueBytes: { ...whole(1 << 16, 2 ** 40), fallback: 4 << 20 },
};

/** Where copies go: it takes some at once, and says what has become of them. */
interface Target {
  add(frames: readonly Uint8Array[], notes: RecordNotes): number;
  readonly waiting: number;
  readonly drops: Readonly<Record<string, number>>;
  finish(): Promise<void>;
}

/**
 * A stage that copies frames to another port, or into a capture, until it is stopped; whoever runs it notices nothing. It stands in
 * pipelines of this thread. A capture is complete when `stop` has resolved.
 * @throws ArgumentError that names the option.
 */
export function mirrorStage(to: FramePort | CaptureSink, options: MirrorStageOptions = {}): StageMirror {
  const checked = checkFields<MirrorStageOptions, Defaults>("options", FIELDS, options);
  return new StageMirror(
    isFramePort(to) ? portTarget(to, checked.queueBytes) : captureTarget(to, checked),
    checked,
  );
}

function portTarget(to: FramePort, queueBytes: number): Target {
  if (to.accepts !== "ethernet")
    throw new ArgumentRangeError(
      "contradiction",
      "to",
      `it takes frames of the medium ${to.accepts}, not ethernet`,
    );
  return new CopyQueue(to, queueBytes);
}

function captureTarget(to: CaptureSink, options: { format: "pcapng" | "pcap"; queueBytes: number }): Target {
  const recorder = new CaptureRecorder({ name: "mirror", medium: "ethernet" }, openOutput(to), options);
  return {
    add: (frames, notes) => recorder.add(frames, undefined, notes),
    get waiting() {
      return recorder.waiting;
    },
    get drops() {
      return recorder.lost === 0 ? {} : { closed: recorder.lost };
    },
    finish: () => recorder.finish(),
  };
}

export class StageMirror {
  /** Stands in any number of pipelines. */
  readonly stage: JavaScriptStage;
  readonly #target: Target;
  readonly #filter: FrameMatcher | undefined;
  readonly #bytes: number | undefined;
  readonly #drops: Drops = new Drops();
  #seen = 0;
  #seenBytes = 0;
  #taken = 0;
  #takenBytes = 0;
  #stopping: Promise<void> | undefined;

  /** Made by `mirrorStage()`. */
  constructor(target: Target, { filter, bytes }: Pick<MirrorStageOptions, "filter" | "bytes">) {
    this.#target = target;
    this.#filter = filter;
    this.#bytes = bytes;
    this.stage = defineStage({ name: "mirror", run: (burst) => this.#see(burst) }).stage();
  }

  /** What was to be copied counts as received, and what was passed on as sent; bytes as they were copied. */
  counters(): FramePortCounters {
    const { waiting, drops } = this.#target;
    const lost = Object.values(drops).reduce((sum, frames) => sum + frames, 0);
    return {
      sent: this.#taken - waiting - lost,
      sentBytes: this.#takenBytes,
      received: this.#seen,
      receivedBytes: this.#seenBytes,
      waiting,
      dropped: this.#drops.total + lost,
      drops: sumDrops([this.#drops.byReason(), drops]),
    };
  }

  /** Ends it, when all that was taken is where it should be. Frames pass as before. Rejects if a capture could not be written. */
  stop(): Promise<void> {
    this.#stopping ??= this.#target.finish();
    return this.#stopping;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #see(burst: StageBurst): void {
    if (this.#stopping !== undefined) return;
    const frames: Uint8Array[] = [];
    const timestamps: bigint[] = [];
    const originalLengths: number[] = [];
    for (let i = 0; i < burst.length; i++) {
      if (!burst.goesOn(i)) continue;
      // A port takes Ethernet frames, and so does the capture, whose one interface is an Ethernet.
      if (burst.link(i) !== LINK_ETHERNET) {
        this.#lose("other-link-type", [burst.frame(i)]);
        continue;
      }
      const frame = burst.frame(i);
      const wireLength = Math.max(burst.wireLength(i), frame.length);
      if (this.#filter?.matches(frame, wireLength) === false) continue;
      frames.push(this.#bytes === undefined ? frame : frame.subarray(0, this.#bytes));
      timestamps.push(burst.time(i));
      originalLengths.push(wireLength);
    }
    if (frames.length > 0) this.#pass(frames, { timestamps, originalLengths });
  }

  #pass(frames: readonly Uint8Array[], notes: RecordNotes): void {
    let taken = 0;
    let reason = "queue-full";
    try {
      taken = this.#target.add(frames, notes);
    } catch {
      // What cannot be written any more, or not at such a time, is no business of the pipeline's.
      reason = "closed";
    }
    const copied = frames.slice(0, taken);
    this.#seen += taken;
    this.#seenBytes += bytesOf(copied);
    this.#taken += taken;
    this.#takenBytes += bytesOf(copied);
    this.#lose(reason, frames.slice(taken));
  }

  #lose(reason: string, frames: readonly Uint8Array[]): void {
    this.#seen += frames.length;
    this.#seenBytes += bytesOf(frames);
    this.#drops.add(reason, frames.length);
  }
}

function bytesOf(frames: readonly Uint8Array[]): number {
  return frames.reduce((sum, { length }) => sum + length, 0);
}
