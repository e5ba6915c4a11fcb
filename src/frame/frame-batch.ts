// A batch: frames in slots of the kernels' memory, with headroom in front, and a descriptor for each.
//
// Slots lie an odd number of cache lines apart. At a power-of-two distance the headers of
// a burst fall into the same few cache sets: the kernels took half as long again (measured).

import { ArgumentRangeError } from "../core/argument-error.ts";
import { byteArray, closed, wholeNumber, wrongType } from "../core/arguments.ts";
import { type DropNotices, NoticeCollector } from "../core/drop-notices.ts";
import { type DropReason, dropReason } from "../core/drop-reasons.ts";
import { checkFields, type Fields, fieldOf, onlyFields, uint64, whole } from "../core/fields.ts";
import { expectKernels, expectSameKernels, type Kernels } from "../kernel/kernels.ts";
import {
  BATCH_FRAMES_DEFAULT,
  BATCH_FRAMES_MAXIMUM,
  FRAME_BYTES_DEFAULT,
  FRAME_BYTES_MAXIMUM,
  HEADROOM_DEFAULT,
  HEADROOM_MAXIMUM,
} from "../layout/batch.layout.ts";
import {
  DESCRIPTOR_FLOOR,
  DESCRIPTOR_FLOW_HASH,
  DESCRIPTOR_FRAME_LENGTH,
  DESCRIPTOR_LENGTH,
  DESCRIPTOR_LINK,
  DESCRIPTOR_MARK,
  DESCRIPTOR_OFFSET,
  DESCRIPTOR_REASON,
  DESCRIPTOR_TRAILER,
  DESCRIPTOR_VERDICT,
  DESCRIPTOR_VNI,
  DESCRIPTOR_WIRE_LENGTH,
  LINK_NOTED,
  NO_STAGE,
  VERDICT_DROP,
  VERDICT_FORWARD,
  VNI_NONE,
} from "../layout/descriptor.layout.ts";
import { DROP_FRAME_TOO_LONG } from "../layout/drop.layout.ts";
import { CACHE_LINE } from "../layout/memory.layout.ts";

export interface FrameBatchOptions {
  /** How many frames it holds: 1 to 65,536, default 256. */
  readonly frames?: number | undefined;
  /** Longest frame in bytes: 64 to 65,535, default 1,984. */
  readonly frameBytes?: number | undefined;
  /** Free bytes in front of each frame: 0 to 4,096, default 128, enough for two VXLAN wrappings over IPv4. */
  readonly headroom?: number | undefined;
}

/** What may be said of a frame beside its bytes. */
export interface FrameNotes {
  /** Bytes it had on the wire, if a capture cut it: at least its length. */
  readonly wireLength?: number | undefined;
  /** A number of the caller's, 0 to 2^32 - 1, that stays with the frame. Stages and filters see it, and may set it. */
  readonly mark?: number | undefined;
  /** A time in nanoseconds, 0 to 2^64 - 1, that stages may ask for. */
  readonly time?: bigint | undefined;
  /** A number, 0 to 2^32 - 1, that stages may ask for: a port as the caller counts them, or anything else. */
  readonly port?: number | undefined;
}

const BATCH_FIELDS: Fields<FrameBatchOptions, "frames" | "frameBytes" | "headroom"> = {
  frames: { ...whole(1, BATCH_FRAMES_MAXIMUM), fallback: BATCH_FRAMES_DEFAULT },
  frameBytes: { ...whole(64, FRAME_BYTES_MAXIMUM), fallback: FRAME_BYTES_DEFAULT },
  headroom: { ...whole(0, HEADROOM_MAXIMUM), fallback: HEADROOM_DEFAULT },
};

/** Checked one by one, because notes may come with every frame. */
const NOTES_FIELDS = {
  // From the frame's length on, that is.
  wireLength: whole(0, 0xffffffff),
  mark: { ...whole(0, 0xffffffff), fallback: 0 },
  time: { ...uint64(), fallback: 0n },
  port: { ...whole(0, 0xffffffff), fallback: 0 },
} satisfies Fields<FrameNotes, "mark" | "time" | "port">;

const VERDICTS = ["forward", "drop"] as const;
export type Verdict = (typeof VERDICTS)[number];

export class FrameBatch {
  readonly kernels: Kernels;
  /** How many frames it can hold. */
  readonly capacity: number;
  readonly frameBytes: number;
  readonly headroom: number;
  /** Address of the first descriptor. */
  readonly descriptors: number;
  readonly #slots: number;
  readonly #stride: number;
  /** There is room for them once a frame had some. */
  #times: BigUint64Array | undefined;
  #ports: Uint32Array | undefined;
  #length = 0;
  #refused = 0;
  #closed = false;

  constructor(kernels: Kernels, options: FrameBatchOptions = {}) {
    const { frames, frameBytes, headroom } = checkFields<
      FrameBatchOptions,
      "frames" | "frameBytes" | "headroom"
    >("options", BATCH_FIELDS, options);
    this.kernels = expectKernels(kernels);
    this.capacity = frames;
    this.frameBytes = frameBytes;
    this.headroom = headroom;
    const lines = Math.ceil((this.headroom + this.frameBytes) / CACHE_LINE);
    this.#stride = (lines % 2 === 0 ? lines + 1 : lines) * CACHE_LINE;
    this.descriptors = kernels.plan.reserve("a batch's descriptors", this.capacity * DESCRIPTOR_LENGTH);
    try {
      this.#slots = kernels.plan.reserve("a batch's slots", this.capacity * this.#stride);
    } catch (error) {
      kernels.plan.release(this.descriptors);
      throw error;
    }
  }

  /** How many frames are in it, dropped ones included. */
  get length(): number {
    return this.#length;
  }

  /** Address of the frames' times, a 64-bit number each, for kernels; 0 if none of them ever had one. */
  get timeList(): number {
    return this.#times?.byteOffset ?? 0;
  }

  /** Likewise of the frames' ports, a word each. */
  get portList(): number {
    return this.#ports?.byteOffset ?? 0;
  }

  /** Forgets all frames. */
  clear(): void {
    this.#open();
    this.#length = 0;
    this.#refused = 0;
  }

  /**
   * Copies one frame in behind the others; false if the batch is full.
   * A frame longer than `frameBytes` is taken without its bytes, as dropped: too long.
   * @throws RangeError if the memory has no room for the times, or the ports, of a batch that had none before.
   */
  add(frame: Uint8Array, notes?: FrameNotes): boolean {
    this.#open();
    byteArray("frame", frame);
    if (notes !== undefined) onlyFields("notes", NOTES_FIELDS, notes);
    if (this.#length === this.capacity) return false;
    const { bytes, words } = this.kernels;
    const index = this.#length;
    const floor = this.#slots + index * this.#stride;
    const fits = frame.length <= this.frameBytes;
    const length = fits ? frame.length : 0;
    const wireLength =
      notes?.wireLength === undefined
        ? frame.length
        : wholeNumber("wireLength", notes.wireLength, frame.length, 0xffffffff);
    const mark = notes === undefined ? 0 : fieldOf(NOTES_FIELDS, notes, "mark");
    if (notes !== undefined || this.#times !== undefined || this.#ports !== undefined)
      this.#keepNotes(index, notes);
    if (fits) bytes.set(frame, floor + this.headroom);
    else this.#refused++;
    const word = (this.descriptors + index * DESCRIPTOR_LENGTH) >>> 2;
    words[word + (DESCRIPTOR_OFFSET >> 2)] = floor + this.headroom;
    words[word + (DESCRIPTOR_FRAME_LENGTH >> 2)] = length;
    words[word + (DESCRIPTOR_WIRE_LENGTH >> 2)] = wireLength;
    words[word + (DESCRIPTOR_FLOOR >> 2)] = floor;
    words[word + (DESCRIPTOR_VERDICT >> 2)] = fits
      ? VERDICT_FORWARD
      : VERDICT_DROP | (DROP_FRAME_TOO_LONG << 8);
    words[word + (DESCRIPTOR_VNI >> 2)] = VNI_NONE;
    words[word + (DESCRIPTOR_FLOW_HASH >> 2)] = 0;
    words[word + (DESCRIPTOR_MARK >> 2)] = mark;
    this.#length = index + 1;
    return true;
  }

  /** Empties the batch and copies frames in until they end or it is full; returns how many it took. */
  fill(frames: Iterable<Uint8Array>): number {
    this.clear();
    for (const frame of frames) if (!this.add(frame)) break;
    return this.#length;
  }

  /** A view of frame `index`'s bytes: good until the batch is filled again. Copy with `.slice()` to keep it. */
  frame(index: number): Uint8Array {
    const at = this.#descriptor(index);
    const offset = this.#word(at, DESCRIPTOR_OFFSET);
    return this.kernels.bytes.subarray(offset, offset + this.#word(at, DESCRIPTOR_FRAME_LENGTH));
  }

  /** Views of the frames that were not dropped, in order; as short-lived as `frame()`. */
  *[Symbol.iterator](): Generator<Uint8Array, void, undefined> {
    for (let index = 0; index < this.#length; index++) {
      if (this.verdict(index) !== "drop") yield this.frame(index);
    }
  }

  verdict(index: number): Verdict {
    const code = this.kernels.bytes[this.#descriptor(index) + DESCRIPTOR_VERDICT] as number;
    return VERDICTS[code] as Verdict;
  }

  /** Why frame `index` was dropped; undefined if it was not. */
  dropReason(index: number): DropReason | undefined {
    const code = this.kernels.bytes[this.#descriptor(index) + DESCRIPTOR_REASON] as number;
    return code === 0 ? undefined : dropReason(code);
  }

  /** VNI, VSID or GRE key of the tunnel the frame came out of last; undefined if it came out of none, or of one without. */
  vni(index: number): number | undefined {
    const vni = this.#word(this.#descriptor(index), DESCRIPTOR_VNI);
    return vni === VNI_NONE ? undefined : vni;
  }

  /** Bytes the frame has on the wire: more than its length only if a capture cut it. */
  wireLength(index: number): number {
    return this.#word(this.#descriptor(index), DESCRIPTOR_WIRE_LENGTH);
  }

  /** The flow hash that the last encapsulation computed. */
  flowHash(index: number): number {
    return this.#word(this.#descriptor(index), DESCRIPTOR_FLOW_HASH);
  }

  mark(index: number): number {
    return this.#word(this.#descriptor(index), DESCRIPTOR_MARK);
  }

  /** The time that was given with the frame; 0 if there was none. */
  time(index: number): bigint {
    this.#descriptor(index);
    return this.#times?.[index] ?? 0n;
  }

  /** The number that was given as the frame's port; 0 if there was none. */
  port(index: number): number {
    this.#descriptor(index);
    return this.#ports?.[index] ?? 0;
  }

  /** Of the frames that are dropped: which they are, and why; by which stage, if a `run` was asked for that. */
  drops(): DropNotices | undefined {
    this.#open();
    const notices = new NoticeCollector();
    const { bytes } = this.kernels;
    for (let index = 0; index < this.#length; index++) {
      const at = this.descriptors + index * DESCRIPTOR_LENGTH;
      if (bytes[at + DESCRIPTOR_VERDICT] !== VERDICT_DROP) continue;
      const time = this.#times?.[index] ?? 0n;
      notices.addFrame({
        mark: this.#word(at, DESCRIPTOR_MARK),
        port: this.#ports?.[index] ?? 0,
        timeLow: Number(time & 0xffffffffn),
        timeHigh: Number(time >> 32n),
        wireLength: this.#word(at, DESCRIPTOR_WIRE_LENGTH),
        reason: bytes[at + DESCRIPTOR_REASON] as number,
        stage:
          bytes[at + DESCRIPTOR_LINK] === LINK_NOTED ? (bytes[at + DESCRIPTOR_TRAILER] as number) : NO_STAGE,
      });
    }
    return notices.take();
  }

  /** Takes `length` bytes of headroom and returns a view of them: write every byte, they hold anything. */
  push(index: number, length: number): Uint8Array {
    const at = this.#descriptor(index);
    const offset = this.#word(at, DESCRIPTOR_OFFSET);
    wholeNumber("length", length, 0, offset - this.#word(at, DESCRIPTOR_FLOOR));
    this.#move(at, -length);
    return this.kernels.bytes.subarray(offset - length, offset);
  }

  /** Gives the frame's first `length` bytes back to the headroom. */
  pull(index: number, length: number): void {
    const at = this.#descriptor(index);
    wholeNumber("length", length, 0, this.#word(at, DESCRIPTOR_FRAME_LENGTH));
    this.#move(at, length);
  }

  /** How many frames were too long since this was last asked: they have not been counted yet. */
  takeRefused(): number {
    this.#open();
    const refused = this.#refused;
    this.#refused = 0;
    return refused;
  }

  /** Gives the memory back. The batch cannot be used afterwards. */
  close(): void {
    // Only once: by now the memory may be someone else's.
    if (this.#closed) return;
    this.#closed = true;
    this.#length = 0;
    this.kernels.plan.release(this.descriptors);
    this.kernels.plan.release(this.#slots);
    this.kernels.plan.release(this.timeList);
    this.kernels.plan.release(this.portList);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #keepNotes(index: number, notes: FrameNotes = {}): void {
    const time = fieldOf(NOTES_FIELDS, notes, "time");
    const port = fieldOf(NOTES_FIELDS, notes, "port");
    const { memory, plan } = this.kernels;
    const room = (purpose: string, each: number): number => plan.reserve(purpose, this.capacity * each);
    if (time !== 0n)
      this.#times ??= new BigUint64Array(memory.buffer, room("a batch's times", 8), this.capacity);
    if (port !== 0) this.#ports ??= new Uint32Array(memory.buffer, room("a batch's ports", 4), this.capacity);
    if (this.#times !== undefined) this.#times[index] = time;
    if (this.#ports !== undefined) this.#ports[index] = port;
  }

  #move(descriptor: number, by: number): void {
    const { words } = this.kernels;
    const word = descriptor >>> 2;
    words[word + (DESCRIPTOR_OFFSET >> 2)]! += by;
    words[word + (DESCRIPTOR_FRAME_LENGTH >> 2)]! -= by;
    words[word + (DESCRIPTOR_WIRE_LENGTH >> 2)]! -= by;
  }

  #word(descriptor: number, field: number): number {
    return this.kernels.words[(descriptor + field) >>> 2] as number;
  }

  #descriptor(index: number): number {
    this.#open();
    if (this.#length === 0)
      throw new ArgumentRangeError("out-of-range", "index", `the batch is empty, got ${index}`);
    wholeNumber("index", index, 0, this.#length - 1);
    return this.descriptors + index * DESCRIPTOR_LENGTH;
  }

  #open(): void {
    if (this.#closed) throw closed("batch");
  }
}

/** Returns `batch` if it is one, on the `kernels` of `owner`. */
export function expectBatch(batch: unknown, kernels: Kernels, owner: string): FrameBatch {
  if (!(batch instanceof FrameBatch)) throw wrongType("batch", "a FrameBatch", batch);
  expectSameKernels("batch", batch, kernels, owner);
  return batch;
}
