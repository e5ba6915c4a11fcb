// Captures as a port: what one holds comes out, in its own time or as fast as it is taken, and what is sent in is written
// into another. So whatever works on live frames can be tried on recorded ones, and the other way round.

import { openOutput } from "../capture/capture-io.ts";
import { inTime } from "../core/in-time.ts";
import { LINK_TYPE_ETHERNET } from "../layout/pcap.layout.ts";
import { type CaptureReader, readCapture } from "../pcap/capture-reader.ts";
import type { CaptureRecord } from "../pcap/capture-types.ts";
import { frameOf } from "../pcap/check-sequence.ts";
import { Turns } from "../platform/turns.ts";
import { CaptureRecorder } from "../port/capture-recorder.ts";
import { QueuePort } from "../port/queue-port.ts";
import { TurnShare } from "../port/turn-share.ts";
import { FrameBurst, recordLength } from "../ring/frame-burst.ts";
import {
  type CapturePortOptions,
  type CapturePortPlan,
  capturePortPlan,
  type Opening,
} from "./capture-port-options.ts";
import { Schedule } from "./schedule.ts";

/** Frames in one burst, of those that are due together. */
const BURST_FRAMES = 256;

/**
 * A port of which one capture comes out, and into which another is written.
 *
 *     const played = capturePort({ in: await openCaptureFile("monday.pcapng"), speed: 1 });
 *     connect(await sw.addPort({ bridgeDomain }), played);
 *     const recorded = capturePort({ out: await createCaptureFile("seen.pcapng") });
 *
 * @throws ArgumentError that names the option.
 */
export function capturePort(options: CapturePortOptions): CapturePort {
  return new CapturePort(capturePortPlan(options));
}

interface Played {
  readonly frame: Uint8Array;
  readonly time: bigint | undefined;
}

/** Made by `capturePort`. What it records is complete when `close` has resolved. */
export class CapturePort extends QueuePort {
  /** Resolves when all of `in` has come out or waits here, and rejects if it is damaged. */
  readonly played: Promise<void>;
  readonly #recorder: CaptureRecorder | undefined;
  readonly #stop: AbortController = new AbortController();
  readonly #turns: Turns = new Turns();
  readonly #schedule: Schedule;
  #reader: CaptureReader | undefined;
  readonly #share: TurnShare = new TurnShare(() => this.bell.ring());
  /** Frames whose loss by the recorder has been counted. */
  #lost = 0;

  /** For `capturePort`, with options that have been checked. */
  constructor(plan: CapturePortPlan) {
    const { open, out, format, repeat, mtu, name, queueFrames, queueBytes } = plan;
    super({ name, mtu, queueFrames, queueBytes });
    this.#schedule = new Schedule(plan.speed);
    if (out !== undefined) {
      this.#recorder = new CaptureRecorder(this, openOutput(out), { format, queueBytes });
      this.#recorder.onChange = () => this.#recorded();
    }
    this.played = open === undefined ? Promise.resolve() : this.#play(open, repeat, out === undefined);
    // Who does not ask hears of it by receiving.
    this.played.catch(() => {});
  }

  protected override put(frames: readonly Uint8Array[], first: number, end: number): number {
    const recorder = this.#recorder;
    if (recorder === undefined) {
      for (let index = first; index < end; index++)
        this.drop("no-egress", 1, (frames[index] as Uint8Array).length);
      return end - first;
    }
    const stop = Math.min(end, first + this.#share.left);
    const taken = stop > first ? recorder.add(frames.slice(first, stop), "sent") : 0;
    this.#share.take(taken);
    return taken;
  }

  protected override take(): FrameBurst | undefined {
    const burst = super.take();
    // There is room for more.
    if (burst !== undefined) this.bell.ring();
    return burst;
  }

  protected override async shut(): Promise<void> {
    this.#stop.abort();
    // Its source may say nothing for ever.
    await this.#reader?.close();
    await inTime(this.played.catch(() => {}));
    await this.#recorder?.finish();
  }

  protected override get waiting(): number {
    return super.waiting + (this.#recorder?.waiting ?? 0);
  }

  /** Something has been written, or is lost. */
  #recorded(): void {
    const lost = this.#recorder?.lost ?? 0;
    this.drop("closed", lost - this.#lost, 0);
    this.#lost = lost;
    this.bell.ring();
  }

  /** Plays everything, and ends what comes out of the port if nothing else is to be done with it. */
  async #play(open: Opening, repeat: number, isAll: boolean): Promise<void> {
    try {
      for (let turn = 0; (repeat === 0 || turn < repeat) && !this.#stop.signal.aborted; turn++)
        await this.#playOnce(open);
      if (isAll) this.finish();
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      this.finish(error as Error);
      throw error;
    }
  }

  async #playOnce(open: Opening): Promise<void> {
    const reader = readCapture(await open());
    this.#reader = reader;
    this.#schedule.begin();
    try {
      for await (const records of reader.batches()) {
        for (let next = 0; next < records.length; ) next = await this.#playDue(records, next);
        if (this.#stop.signal.aborted) return;
      }
    } finally {
      await reader.close();
    }
    // A capture of nothing that is played for ever holds nobody up.
    await this.#turns.give();
  }

  /** Lets records come from `first` on, as many as are due when the first of them is; returns the one behind them. */
  async #playDue(records: readonly CaptureRecord[], first: number): Promise<number> {
    const schedule = this.#schedule;
    await schedule.until((records[first] as CaptureRecord).timestamp, this.#stop.signal);
    const due: Played[] = [];
    let next = first;
    for (; next < records.length && due.length < BURST_FRAMES; next++) {
      const record = records[next] as CaptureRecord;
      if (next > first && !schedule.isDue(record.timestamp)) break;
      const frame = this.#frameOf(record);
      if (frame !== undefined) due.push({ frame, time: record.timestamp });
    }
    await this.#hand(due);
    return next;
  }

  /** The frame of a record; none if it cannot be taken for one that comes in. */
  #frameOf(record: CaptureRecord): Uint8Array | undefined {
    const { data, originalLength } = frameOf(record);
    if (record.interface.linkType === LINK_TYPE_ETHERNET && data.length === originalLength) return data;
    this.drop(data.length < originalLength ? "cut-by-capture" : "not-ethernet", 1, originalLength);
    return undefined;
  }

  /** Puts frames in when there is room: whoever takes them is waited for. */
  async #hand(due: readonly Played[]): Promise<void> {
    const { signal } = this.#stop;
    for (let first = 0; first < due.length; ) {
      const lengthOf = (index: number): number => recordLength((due[first + index] as Played).frame.length);
      const look = (): number | undefined => this.queue.roomFor(due.length - first, lengthOf) || undefined;
      const room = await this.bell.until(look, signal);
      this.deliver(burstOf(due.slice(first, first + room)));
      first += room;
    }
    await this.#turns.give();
  }
}

/** With their times; 0 says that there is none. */
function burstOf(played: readonly Played[]): FrameBurst {
  const times = BigUint64Array.from(played, ({ time }) => BigInt.asUintN(64, time ?? 0n));
  const frames = played.map(({ frame }) => frame);
  const notes = { marks: undefined, times: new Uint32Array(times.buffer), ports: undefined };
  return FrameBurst.of(frames, 0, frames.length, notes);
}
