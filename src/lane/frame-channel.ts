// Bursts in, bursts out: a pipeline on a dataplane, for frames as they come.

import { ArgumentTypeError } from "../core/argument-error.ts";
import type { DropNotices, NoticeCollector } from "../core/drop-notices.ts";
import { inTime } from "../core/in-time.ts";
import { NO_STAGE } from "../layout/descriptor.layout.ts";
import { DROP_FRAME_TOO_LONG } from "../layout/drop.layout.ts";
import { type PipelineCounters, type ReplacedStage, sumCounters } from "../pipeline/counters.ts";
import type { Stage } from "../pipeline/stages.ts";
import { BasePort, ETHERNET_FRONT } from "../port/base-port.ts";
import type { Frames, Medium, SendAllOptions, SendOptions } from "../port/frame-port.ts";
import { type FramePortCounters, sumDrops } from "../port/port-counters.ts";
import type { Sending } from "../port/sending.ts";
import type { Bell } from "../ring/bell.ts";
import type { CheckedNotes } from "../ring/burst-notes.ts";
import type { FrameBurst } from "../ring/frame-burst.ts";
import type { Lane } from "./lane.ts";
import { LaneSet } from "./lane-set.ts";

/** Notices of frames that are dropped: where lanes put them, and who is told. */
export interface ChannelNotices {
  readonly collector: NoticeCollector;
  readonly onDrops: (notices: DropNotices) => void;
}

/**
 * What became of the frames. When nothing is under way: sent = forwarded + what was dropped on its way through the
 * stages, and forwarded = received.
 */
export interface ChannelCounters extends FramePortCounters, Omit<PipelineCounters, "received"> {}

export interface FrameChannelParts {
  readonly lanes: readonly Lane[];
  readonly bell: Bell;
  /** What frames are that go in, and that come out. */
  readonly media: { readonly in: Medium; readonly out: Medium };
  /** Why nothing is worked on any more, if that is so. */
  readonly failure: () => Error | undefined;
  /** Whether results come without this thread's doing, so that it can spin for them. */
  readonly spins: boolean;
  /** If anybody wants to be told of drops frame by frame; the lanes put them there. */
  readonly notices?: ChannelNotices | undefined;
  /**
   * Lets another stage take the place of stage `index`; `expectOpen` throws if the channel has been closed. Nothing is begun if
   * it does.
   */
  readonly replaceStage: (index: number, stage: Stage, expectOpen: () => void) => Promise<ReplacedStage>;
  /** Resolves when no worker touches the lanes any more. */
  readonly release: () => Promise<void>;
}

/**
 * How long results are spun for before the thread goes on with something else: a worker that sleeps needs some 60 µs
 * to wake and answer, and to be woken by it costs as much again.
 */
const SPIN_MILLISECONDS = 0.1;

/**
 * Frames go in by `send` and come out by iterating. Frames of one flow stay in order, because they take
 * one lane by their flow hash; frames of different flows may overtake each other with more than one worker.
 */
export class FrameChannel extends BasePort {
  readonly #parts: FrameChannelParts;
  readonly #lanes: LaneSet;
  #announced = false;
  #isTelling = false;

  /** Made by `dataplane.open`. */
  constructor(parts: FrameChannelParts) {
    const lanes = new LaneSet(parts.lanes, parts.bell);
    const mtu = lanes.longest - (parts.media.in === "ethernet" ? ETHERNET_FRONT : 0);
    const { media, bell } = parts;
    super({ name: "channel", medium: media.out, accepts: media.in, mtu, bell, carriesNotes: true });
    this.#parts = parts;
    this.#lanes = lanes;
  }

  /** The longest frame it can take, in bytes; longer ones are dropped and counted. */
  override get longest(): number {
    return this.#lanes.longest;
  }

  /**
   * Sends a burst. Returns how many of its frames, from the first on, were taken: fewer than there are means that
   * there is no room now, or that a `sendAll` waits for some; send the rest later, or use `sendAll`. The bytes are
   * copied and may be used again at once. Marks, times and ports in `options` come out with the frames.
   * @throws WorkerDiedError while workers are halted.
   */
  override send(frames: Frames, options?: SendOptions): number {
    return super.send(frames, options);
  }

  /** Sends all frames, behind those of the calls before it, and waits for room when there is none. */
  override sendAll(frames: Frames, options?: SendAllOptions): Promise<void> {
    return super.sendAll(frames, options);
  }

  /** Says that nothing more is sent: iterating ends when everything has come out, that of `sendAll` included. */
  end(): void {
    this.#announced = true;
    this.bell.ring();
  }

  /** Results that are there now, if any; never waits. */
  override receive(): FrameBurst | undefined {
    this.#expectLanes();
    return super.receive();
  }

  /**
   * Lets another stage take the place of stage `index`, from 0: another table of rules, say. Each burst goes through the old
   * stage or the new one, and never through a part of each. Resolves when all workers have the new one: what is sent from then
   * on goes through it, and what was sent before may go through either. What the other stages remember stays, and so do all
   * counters but those that the stage kept for itself: they begin anew, and what the old one has counted is returned. A
   * worker that dies comes back with the newest stages. One call after the other is carried out, in their order.
   * @throws ArgumentError if there is no such stage, if the new one cannot be (`full` if frames would get longer than the
   * channel was opened for), if the memory does not suffice, or if the channel is closed: everything stays as it was then.
   * WorkerLateError if a worker has not answered for ten seconds: it gets the new stage when it does.
   */
  async replaceStage(index: number, stage: Stage): Promise<ReplacedStage> {
    const expectOpen = (): void => this.#expectLanes();
    expectOpen();
    return await this.#parts.replaceStage(index, stage, expectOpen);
  }

  /** What became of all frames so far. */
  override counters(): ChannelCounters {
    this.#expectLanes();
    const port = super.counters();
    const { received: _received, ...stages } = sumCounters(this.#parts.lanes.map((lane) => lane.tally()));
    const waiting = Math.max(0, port.sent - stages.dropped - port.received);
    const drops = sumDrops([port.drops, stages.drops]);
    return { ...stages, ...port, waiting, dropped: port.dropped + stages.dropped, drops };
  }

  protected override put(
    frames: readonly Uint8Array[],
    first: number,
    end: number,
    notes: CheckedNotes | undefined,
  ): number {
    this.#expectWorkers();
    return this.#lanes.send(frames, first, end, notes, 0);
  }

  protected override take(): FrameBurst | undefined {
    const burst = this.#lanes.receive();
    this.#tell();
    return burst;
  }

  protected override refuseLong(sending: Sending, index: number): void {
    super.refuseLong(sending, index);
    const { marks, times, ports } = sending.notes ?? {};
    this.#parts.notices?.collector.addFrame({
      mark: marks?.[index] ?? 0,
      port: ports?.[index] ?? 0,
      timeLow: times?.[2 * index] ?? 0,
      timeHigh: times?.[2 * index + 1] ?? 0,
      wireLength: (sending.frames[index] as Uint8Array).length,
      reason: DROP_FRAME_TOO_LONG,
      stage: NO_STAGE,
    });
    this.#tell();
  }

  /** Tells of drops, all that come together until whoever sends or receives is done with that. */
  #tell(): void {
    const { notices } = this.#parts;
    if (notices === undefined || notices.collector.isEmpty || this.#isTelling) return;
    this.#isTelling = true;
    queueMicrotask(() => {
      this.#isTelling = false;
      const told = notices.collector.take();
      if (told !== undefined) notices.onDrops(told);
    });
  }

  /**
   * At once: what is under way is lost. Iterating ends, `sendAll` rejects. Memory that a worker still has in its hands after
   * a second is given back when it has let go of it, or has ended.
   */
  protected override async shut(): Promise<void> {
    this.#tell();
    this.bell.close("channel");
    await inTime(this.#giveBack());
  }

  async #giveBack(): Promise<void> {
    await this.#parts.release();
    this.#lanes.close();
  }

  protected override get what(): string {
    return "channel";
  }

  protected override expectOpen(): void {
    super.expectOpen();
    this.#expectWorkers();
    if (this.#announced) throw new ArgumentTypeError("closed", "channel", "its end was announced");
  }

  protected override next(): FrameBurst | null | undefined {
    return this.closed ? null : super.next();
  }

  /** Looks again and again for a moment, as long as there are frames under way in other threads. */
  protected override receiveSoon(): FrameBurst | undefined {
    if (!this.#parts.spins || this.closed) return undefined;
    const end = performance.now() + SPIN_MILLISECONDS;
    do {
      const burst = this.receive();
      if (burst !== undefined) return burst;
      if (this.#lanes.empty) return undefined;
    } while (performance.now() < end);
    return undefined;
  }

  protected override isFinished(): boolean {
    if (!this.#lanes.empty) return false;
    this.#expectWorkers();
    return this.#announced && !this.isSending;
  }

  #expectWorkers(): void {
    const failure = this.#parts.failure();
    if (failure !== undefined) throw failure;
  }

  /** They are given back when it is closed. */
  #expectLanes(): void {
    if (this.closed) super.expectOpen();
  }
}
