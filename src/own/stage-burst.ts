// The frames of a burst, as a stage in JavaScript sees them. What it is asked for is checked here: a stage that keeps to these
// methods cannot leave the bounds of its frames.

import { dropReasons } from "../core/drop-reasons.ts";
import type { ScriptHost } from "../kernel/scripts.ts";
import {
  DESCRIPTOR_FLOOR,
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
  VERDICT_FORWARD,
  VNI_NONE,
} from "../layout/descriptor.layout.ts";
import { COUNTER_LENGTH } from "../layout/drop.layout.ts";
import { STATE_CHANGED } from "../layout/stage.layout.ts";

/** Codes of reasons are bytes. */
const NO_REASON = 0;

/** One object serves all bursts of a stage in a thread: nothing is made for a frame. */
export class StageBurst {
  /** All of the memory: `bytes[burst.start(i)]` is the first byte of frame i. */
  readonly bytes: Uint8Array;
  readonly #words: Uint32Array;
  readonly #view: DataView;
  readonly #host: ScriptHost;
  readonly #reasons: ReadonlyMap<string, number>;
  #descriptors = 0;
  #length = 0;
  #state = 0;
  #counters = 0;
  /** For each frame whether it was changed, if `#changed` is more than 0. */
  #touched: Uint8Array = new Uint8Array(256);
  #changed = 0;
  /** What each counter of the stage's own is to be raised by, at the end of the burst. */
  readonly #counted: Float64Array;
  readonly #places: ReadonlyMap<string, number>;
  #hasCounted = false;

  /** Made for a stage; `reasons` and `counters` are its own. */
  constructor(host: ScriptHost, reasons: readonly string[], counters: readonly string[]) {
    const { buffer } = host.memory;
    this.#host = host;
    this.bytes = new Uint8Array(buffer);
    this.#words = new Uint32Array(buffer);
    this.#view = new DataView(buffer);
    this.#reasons = new Map([
      ...dropReasons.slice(NO_REASON + 1).map(({ name, code }) => [name, code] as const),
      ...reasons.map((name, index) => [name, host.reason + index] as const),
    ]);
    this.#counted = new Float64Array(counters.length);
    this.#places = new Map(counters.map((name, index) => [name, index]));
  }

  /** Turns to another burst. */
  begin(descriptors: number, count: number, state: number, counters: number): void {
    this.#descriptors = descriptors;
    this.#length = count;
    this.#state = state;
    this.#counters = counters;
  }

  /** Counts what was changed, and what the stage has counted. */
  end(): void {
    if (this.#hasCounted) {
      const first = this.#state + STATE_CHANGED + COUNTER_LENGTH;
      this.#counted.forEach((by, index) => {
        this.#raise(first + index * COUNTER_LENGTH, by);
      });
      this.#counted.fill(0);
      this.#hasCounted = false;
    }
    if (this.#changed === 0) return;
    this.#raise(this.#state + STATE_CHANGED, this.#changed);
    this.#touched.fill(0);
    this.#changed = 0;
  }

  /** How many frames there are, those that were dropped before included. */
  get length(): number {
    return this.#length;
  }

  /** Whether frame i goes on. What was dropped before is still there, and must be passed over. */
  goesOn(i: number): boolean {
    return this.bytes[this.#descriptor(i) + DESCRIPTOR_VERDICT] === VERDICT_FORWARD;
  }

  /** The bytes of frame i: a view that is good until `run` returns. To read a few of them, the methods below are faster. */
  frame(i: number): Uint8Array {
    const at = this.#descriptor(i);
    const start = this.#word(at, DESCRIPTOR_OFFSET);
    return this.bytes.subarray(start, start + this.#word(at, DESCRIPTOR_FRAME_LENGTH));
  }

  /** Where in `bytes` frame i begins. */
  start(i: number): number {
    return this.#word(this.#descriptor(i), DESCRIPTOR_OFFSET);
  }

  /** How many bytes of frame i there are. */
  lengthOf(i: number): number {
    return this.#word(this.#descriptor(i), DESCRIPTOR_FRAME_LENGTH);
  }

  /** The byte of frame i at `at`; -1 where there is none. */
  uint8(i: number, at: number): number {
    const start = this.#place(i, at, 1);
    return start < 0 ? -1 : (this.bytes[start] as number);
  }

  /** Two bytes from `at` on as they are read in a network, most significant first; -1 where there are none. */
  uint16(i: number, at: number): number {
    const start = this.#place(i, at, 2);
    return start < 0 ? -1 : ((this.bytes[start] as number) << 8) | (this.bytes[start + 1] as number);
  }

  /** Four bytes likewise. */
  uint32(i: number, at: number): number {
    const start = this.#place(i, at, 4);
    return start < 0 ? -1 : this.#view.getUint32(start);
  }

  /** Drops frame i: for a reason of the stage's own, or for one of the package's. */
  drop(i: number, reason: string): void {
    const at = this.#going(i);
    const code = this.#reasons.get(reason);
    if (code === undefined)
      throw new Error(`${JSON.stringify(reason)} is no drop reason: name it in \`reasons\``);
    this.#host.drop(at, code, this.#counters);
  }

  /** Takes `length` bytes of headroom in front of frame i; returns a view of them. Write every byte: they hold anything. */
  push(i: number, length: number): Uint8Array {
    const at = this.#going(i);
    const start = this.#word(at, DESCRIPTOR_OFFSET);
    const room = Math.min(this.#host.headroom, start - this.#word(at, DESCRIPTOR_FLOOR));
    this.#move(i, at, -within("length", length, room));
    return this.bytes.subarray(start - length, start);
  }

  /** Takes the first `length` bytes off frame i. */
  pull(i: number, length: number): void {
    const at = this.#going(i);
    this.#move(i, at, within("length", length, this.#word(at, DESCRIPTOR_FRAME_LENGTH)));
  }

  /** Lets frame i end after `length` bytes; on the wire it is shorter by as many. It cannot become longer at its end. */
  resize(i: number, length: number): void {
    const at = this.#going(i);
    const less = this.#word(at, DESCRIPTOR_FRAME_LENGTH);
    this.#set(at, DESCRIPTOR_FRAME_LENGTH, within("length", length, less));
    this.#set(at, DESCRIPTOR_WIRE_LENGTH, this.#word(at, DESCRIPTOR_WIRE_LENGTH) - (less - length));
    this.touch(i);
  }

  /** Keeps the first `length` bytes of frame i, as a capture with a limit does: on the wire it is as long as it was. */
  cut(i: number, length: number): void {
    const at = this.#going(i);
    const all = this.#word(at, DESCRIPTOR_FRAME_LENGTH);
    if (length >= all) return;
    this.#set(at, DESCRIPTOR_FRAME_LENGTH, within("length", length, all));
    this.touch(i);
  }

  /** Says that bytes of frame i were changed: it counts as changed, and its check sequence does not fit it any more. */
  touch(i: number): void {
    const at = this.#going(i);
    this.bytes[at + DESCRIPTOR_TRAILER] = 0;
    if (this.#touched.length < this.#length) {
      const more = new Uint8Array(2 * this.#length);
      more.set(this.#touched);
      this.#touched = more;
    }
    this.#changed += 1 - (this.#touched[i] as number);
    this.#touched[i] = 1;
  }

  /** Raises a counter of the stage's own, by a whole number from 0 on. */
  count(counter: string, by: number = 1): void {
    const place = this.#places.get(counter);
    if (place === undefined)
      throw new Error(`${JSON.stringify(counter)} is no counter: name it in \`counters\``);
    this.#counted[place] = (this.#counted[place] as number) + within("by", by, Number.MAX_SAFE_INTEGER);
    this.#hasCounted = true;
  }

  /** How long frame i was on the wire. */
  wireLength(i: number): number {
    return this.#word(this.#descriptor(i), DESCRIPTOR_WIRE_LENGTH);
  }

  /** The number that stays with frame i. */
  mark(i: number): number {
    return this.#word(this.#descriptor(i), DESCRIPTOR_MARK);
  }

  setMark(i: number, mark: number): void {
    this.#set(this.#going(i), DESCRIPTOR_MARK, within("mark", mark, 0xffffffff));
  }

  /**
   * When frame i was, in nanoseconds: what was said of it, or else of the burst; of a capture what stands there, 0 if nothing
   * does. It makes a bigint.
   */
  time(i: number): bigint {
    return BigInt.asUintN(64, this.#host.time(this.#descriptor(i)));
  }

  /** Where frame i came from: the number that was said of it; of a capture that of its interface. */
  port(i: number): number {
    return this.#host.port(this.#descriptor(i)) >>> 0;
  }

  /** VNI, VSID or GRE key of the tunnel that frame i came out of last; undefined if there is none. */
  vni(i: number): number | undefined {
    const vni = this.#word(this.#descriptor(i), DESCRIPTOR_VNI);
    return vni === VNI_NONE ? undefined : vni;
  }

  /** With what frame i begins: 0 is an Ethernet header, anything else that of another link. */
  link(i: number): number {
    return this.bytes[this.#descriptor(i) + DESCRIPTOR_LINK] as number;
  }

  /** Why frame i was dropped, as a code; 0 if it was not. */
  reasonCode(i: number): number {
    return this.bytes[this.#descriptor(i) + DESCRIPTOR_REASON] as number;
  }

  #raise(counter: number, by: number): void {
    if (by > 0) this.#view.setBigUint64(counter, this.#view.getBigUint64(counter, true) + BigInt(by), true);
  }

  #place(i: number, at: number, bytes: number): number {
    const descriptor = this.#descriptor(i);
    if (at < 0 || at + bytes > this.#word(descriptor, DESCRIPTOR_FRAME_LENGTH)) return -1;
    return this.#word(descriptor, DESCRIPTOR_OFFSET) + at;
  }

  #move(i: number, at: number, by: number): void {
    this.#set(at, DESCRIPTOR_OFFSET, this.#word(at, DESCRIPTOR_OFFSET) + by);
    this.#set(at, DESCRIPTOR_FRAME_LENGTH, this.#word(at, DESCRIPTOR_FRAME_LENGTH) - by);
    this.#set(at, DESCRIPTOR_WIRE_LENGTH, this.#word(at, DESCRIPTOR_WIRE_LENGTH) - by);
    this.touch(i);
  }

  /** The descriptor of a frame that goes on. */
  #going(i: number): number {
    const at = this.#descriptor(i);
    if (this.bytes[at + DESCRIPTOR_VERDICT] !== VERDICT_FORWARD)
      throw new Error(`frame ${i} has been dropped`);
    return at;
  }

  #descriptor(i: number): number {
    if (i >>> 0 !== i || i >= this.#length) throw new Error(`there is no frame ${i} of ${this.#length}`);
    return this.#descriptors + i * DESCRIPTOR_LENGTH;
  }

  #word(descriptor: number, field: number): number {
    return this.#words[(descriptor + field) >>> 2] as number;
  }

  #set(descriptor: number, field: number, value: number): void {
    this.#words[(descriptor + field) >>> 2] = value;
  }
}

function within(name: string, value: number, maximum: number): number {
  if (value >= 0 && value <= maximum && Number.isInteger(value)) return value;
  throw new Error(`${name}: expected a whole number from 0 to ${maximum}, got ${value}`);
}
