// A lane without shared memory: records are packed into a buffer, the buffer goes to the worker by transfer,
// and the results come back the same way. One buffer after the other, so the order stays.

import { alignedHeadroom } from "../capture/capture-cursor.ts";
import { SLOT_CHUNK } from "../capture/capture-slot.ts";
import { NOTICE_WORDS, type NoticeCollector } from "../core/drop-notices.ts";
import { FORMAT_RECORDS } from "../layout/cursor.layout.ts";
import { VNI_NONE } from "../layout/descriptor.layout.ts";
import { DROP_WORKER_DIED } from "../layout/drop.layout.ts";
import {
  NOTICE,
  RECORD_ALIGNMENT,
  RECORD_FRAME_LENGTH,
  RECORD_HEADER_LENGTH,
  RECORD_MARK,
  RECORD_TOTAL,
  RECORD_VNI,
  RECORD_WIRE_LENGTH,
} from "../layout/ring.layout.ts";
import type { CompiledStages } from "../pipeline/compiled-stages.ts";
import { droppedOnly, emptyTally, ofStage, sumTallies, type Tally, withoutStage } from "../pipeline/tally.ts";
import type { CheckedNotes } from "../ring/burst-notes.ts";
import { FrameBurst, writeNotes } from "../ring/frame-burst.ts";
import type { Lane } from "./lane.ts";
import type { TransferJob, TransferResult } from "./lane-job.ts";

/** Most bytes that are packed before they are sent off without being asked. */
const BUFFER_MAXIMUM = SLOT_CHUNK >>> 2;

export interface TransferLaneOptions {
  /** Bytes that may be under way, or come back and not yet taken: a power of two from 64 KiB on. */
  readonly ringBytes: number;
  /** Hands a job to the worker. */
  readonly work: (job: TransferJob) => Promise<TransferResult>;
  /** Called when there are results, or room. */
  readonly onChange: () => void;
  /** Where notices of frames that are dropped go. Without it there are none. */
  readonly notices?: NoticeCollector | undefined;
}

/** Stages, and what became of the frames that went to them: others may have taken their place when results come. */
interface Version {
  readonly stages: CompiledStages;
  tally: Tally;
  /** Jobs under way. */
  jobs: number;
  /** Called when none is. */
  ended: (() => void) | undefined;
}

export class TransferLane implements Lane {
  readonly longest: number;
  #version: Version;
  /** The stages before, as long as jobs of theirs are under way, and which stage of them was replaced. */
  #before: { readonly version: Version; readonly index: number } | undefined;
  /** Whose job was the last one, and which stages have been replaced since. */
  #told: number | undefined;
  readonly #changed: Set<number> = new Set();
  readonly #headroom: number;
  readonly #options: TransferLaneOptions;
  readonly #bufferBytes: number;
  /** Buffers that may be under way, or come back and not yet taken; then the lane has no room. */
  readonly #buffers: number;
  #bytes: Uint8Array<ArrayBuffer>;
  #words: Uint32Array;
  #fill = 0;
  #frames = 0;
  #underWay = 0;
  readonly #results: FrameBurst[] = [];

  constructor(stages: CompiledStages, options: TransferLaneOptions) {
    this.#version = { stages, tally: emptyTally(stages), jobs: 0, ended: undefined };
    this.#options = options;
    this.#headroom = alignedHeadroom(stages.headroom);
    this.#bufferBytes = Math.min(BUFFER_MAXIMUM, options.ringBytes >>> 1);
    this.#buffers = options.ringBytes / this.#bufferBytes;
    this.#bytes = new Uint8Array(this.#bufferBytes);
    this.#words = new Uint32Array(this.#bytes.buffer);
    this.longest = this.#bufferBytes - RECORD_HEADER_LENGTH - this.#headroom - RECORD_ALIGNMENT;
  }

  add(frame: Uint8Array, mark: number, notes?: CheckedNotes, index: number = 0): boolean {
    const total =
      (RECORD_HEADER_LENGTH + this.#headroom + frame.length + RECORD_ALIGNMENT - 1) & -RECORD_ALIGNMENT;
    if (this.#fill + total > this.#bufferBytes) this.publish();
    // What was packed is still here: the worker has enough to do, or nobody takes the results.
    if (this.#fill + total > this.#bufferBytes) return false;
    const word = this.#fill >>> 2;
    this.#words[word + (RECORD_TOTAL >>> 2)] = total;
    this.#words[word + (RECORD_FRAME_LENGTH >>> 2)] = frame.length;
    this.#words[word + (RECORD_WIRE_LENGTH >>> 2)] = frame.length;
    this.#words[word + (RECORD_MARK >>> 2)] = mark;
    this.#words[word + (RECORD_VNI >>> 2)] = VNI_NONE;
    // The buffer is new: what nobody writes is zero.
    if (notes !== undefined) writeNotes(this.#words, word, notes, index);
    this.#bytes.set(frame, this.#fill + RECORD_HEADER_LENGTH + this.#headroom);
    this.#fill += total;
    this.#frames++;
    return true;
  }

  publish(): boolean {
    if (this.#fill === 0 || this.#underWay + this.#results.length >= this.#buffers) return false;
    const frames = this.#frames;
    const { work, notices } = this.#options;
    const version = this.#version;
    // The buffer goes away: what is to be said of its frames if their worker dies is kept here.
    const headers = notices === undefined ? undefined : headersOf(this.#words, this.#fill);
    const job: TransferJob = {
      bytes: this.#bytes.subarray(0, this.#fill),
      inFormat: FORMAT_RECORDS,
      outFormat: FORMAT_RECORDS,
      interfaces: new Uint8Array(0),
      stages: this.#nextStages(),
      ...(notices !== undefined && { notices: true }),
    };
    this.#bytes = new Uint8Array(this.#bufferBytes);
    this.#words = new Uint32Array(this.#bytes.buffer);
    this.#fill = 0;
    this.#frames = 0;
    this.#underWay++;
    version.jobs++;
    work(job)
      .then(
        ({ bytes, tally }) => {
          version.tally = sumTallies([version.tally, tally]);
          this.#keep(bytes);
        },
        () => {
          version.tally = sumTallies([version.tally, droppedOnly(DROP_WORKER_DIED, frames)]);
          if (headers === undefined) return;
          for (let at = 0; at < headers.length; at += NOTICE_WORDS)
            notices?.add(headers, at, DROP_WORKER_DIED);
        },
      )
      .finally(() => {
        this.#underWay--;
        if (--version.jobs === 0) version.ended?.();
        this.publish();
        this.#options.onChange();
      });
    return false;
  }

  /** Takes a result apart: frames are to be taken, notices are told of. */
  #keep(bytes: Uint8Array<ArrayBuffer>): void {
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >>> 2);
    const offsets: number[] = [];
    for (let at = 0; at < bytes.length; at += words[(at + RECORD_TOTAL) >>> 2] as number) {
      if (words[(at + RECORD_FRAME_LENGTH) >>> 2] === NOTICE) this.#options.notices?.add(words, at >>> 2);
      else offsets.push(at);
    }
    if (offsets.length > 0) this.#results.push(new FrameBurst(bytes, offsets, 0, words));
  }

  take(): FrameBurst | undefined {
    const burst = this.#results.shift();
    if (burst !== undefined) {
      this.publish();
      this.#options.onChange();
    }
    return burst;
  }

  get empty(): boolean {
    return this.#fill === 0 && this.#underWay === 0 && this.#results.length === 0;
  }

  tally(): Tally {
    const { tally } = this.#version;
    if (this.#before === undefined) return tally;
    const { version, index } = this.#before;
    return sumTallies([version.tally, withoutStage(tally, index)]);
  }

  /**
   * Lets stages in which stage `index` is another take the place of those that there are: what is not on its way yet goes to
   * them. Resolves, with what the stage before had counted, when nothing is on its way to that any more. One at a time.
   */
  replaceStage(index: number, stages: CompiledStages): Promise<Tally> {
    const before = this.#version;
    const next: Version = { stages, tally: emptyTally(stages), jobs: 0, ended: undefined };
    this.#version = next;
    this.#before = { version: before, index };
    this.#changed.add(index);
    return new Promise((resolve) => {
      before.ended = () => {
        this.#before = undefined;
        next.tally = sumTallies([withoutStage(before.tally, index), next.tally]);
        resolve(ofStage(before.tally, index));
      };
      if (before.jobs === 0) before.ended();
    });
  }

  /** As the worker is told of them: if they are new to it, with what they are in place of. */
  #nextStages(): CompiledStages {
    const { stages } = this.#version;
    const of = this.#told;
    this.#told = stages.id;
    if (of === undefined || of === stages.id) return stages;
    const changed = [...this.#changed];
    this.#changed.clear();
    return { ...stages, instead: { of, stages: changed } };
  }

  close(): void {
    this.#results.length = 0;
    this.#fill = 0;
  }
}

/** The headers of all records in the first `length` bytes, one behind the other. */
function headersOf(words: Uint32Array, length: number): Uint32Array {
  const headers: number[] = [];
  for (let at = 0; at < length; at += words[(at + RECORD_TOTAL) >>> 2] as number)
    for (let word = 0; word < NOTICE_WORDS; word++) headers.push(words[(at >>> 2) + word] as number);
  return Uint32Array.from(headers);
}
