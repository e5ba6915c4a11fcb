// The kernels of offloads, and the memory of a port that they and the system read and write alike: frames come in and leave without
// being copied by JavaScript on the way.

import { bytesOfHex } from "../core/hex.ts";
import {
  CUT_DONE,
  CUT_FRAME,
  CUT_INNER,
  CUT_LENGTH,
  CUT_PAYLOAD,
  CUT_RECORD_LENGTH,
  CUT_RECORDS,
  CUT_ROOM,
  CUT_SEGMENTS,
  CUT_TO,
  CUT_WIRE,
} from "../layout/offload.layout.ts";
import type { Native } from "./libc.ts";
import { OFFLOADS } from "./offloads.generated.ts";

/** What assembly/offload-index.ts exports; all places are addresses in the port's memory. */
interface Kernels {
  cut(job: number): number;
  joinBegin(at: number, length: number, inTunnel: number): number;
  joinMore(from: number, length: number, step: number): number;
  joinEnd(): number;
  joinedWire(): number;
  tunnelLength(header: number): number;
  takeFrame(record: number, length: number): number;
  giveFrame(frame: number, length: number, wire: number): number;
}

const PAGE = 65_536;
/** Below it nothing is given out: the module's own memory begins there, as that of all modules does. */
const FIRST = 4096;
const ALIGNMENT = 64;

let compiled: WebAssembly.Module | undefined;

/** Memory that nobody else has. It stays where it is. */
export class PortMemory {
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;
  readonly kernels: Kernels;
  /** Where it begins, for the system. */
  readonly base: number;
  readonly #job: number;
  #end = FIRST;

  /** With room for so many bytes. */
  constructor(native: Native, length: number) {
    const pages = Math.ceil((FIRST + CUT_RECORD_LENGTH + length) / PAGE) + 1;
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    compiled ??= new WebAssembly.Module(bytesOfHex(OFFLOADS) as BufferSource);
    const { exports } = new WebAssembly.Instance(compiled, { env: { memory } });
    this.kernels = exports as unknown as Kernels;
    this.bytes = new Uint8Array(memory.buffer);
    this.words = new Uint32Array(memory.buffer);
    this.base = native.addressOf(this.bytes);
    this.#job = this.reserve(CUT_RECORD_LENGTH);
  }

  /** An address with so many bytes that nobody else is given. */
  reserve(length: number): number {
    const address = this.#end;
    this.#end = (address + length + ALIGNMENT - 1) & -ALIGNMENT;
    if (this.#end > this.bytes.length) throw new Error(`a port's memory has no room for ${length} bytes`);
    return address;
  }

  /** The next call of `cut` begins a new frame, of `length` bytes at `frame`, whose segments have `wire`, `inner` before Ethernet. */
  beginCut(frame: number, length: number, inner: number, wire: number, segments: number): void {
    this.#set(CUT_FRAME, frame);
    this.#set(CUT_LENGTH, length);
    this.#set(CUT_INNER, inner);
    this.#set(CUT_WIRE, wire);
    this.#set(CUT_SEGMENTS, segments);
    this.#set(CUT_DONE, 0);
  }

  /** Makes pieces at `to`, as records or one behind the other, as far as there is room; how many bytes they take. */
  cut(to: number, room: number, asRecords: boolean): number {
    this.#set(CUT_TO, to);
    this.#set(CUT_ROOM, room);
    this.#set(CUT_RECORDS, asRecords ? 1 : 0);
    return this.kernels.cut(this.#job);
  }

  /** Whether all of it has been made pieces of, or nothing can be. */
  get isCut(): boolean {
    return this.#get(CUT_DONE) >= this.#get(CUT_PAYLOAD);
  }

  #set(field: number, value: number): void {
    this.words[(this.#job + field) >>> 2] = value;
  }

  #get(field: number): number {
    return this.words[(this.#job + field) >>> 2] as number;
  }
}
