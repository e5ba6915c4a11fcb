// The kernels of offloads as the build makes them, with a memory whose unused parts are filled with a pattern: what is written where
// nothing should be shows.
import { readFileSync } from "node:fs";
import { join } from "node:path";

const PAGES = 64;
export const ROOM = 2 << 20;
const FRAME = 0x20000;
const OUT = 0x80000;
const JOB = 0x8000;
/** Kernels copy 16 bytes at a time. */
const OVERRUN = 16;
export const FILL = 0xa5;

interface Exports {
  cut(job: number): number;
  joinBegin(at: number, length: number, inTunnel: number): number;
  joinMore(from: number, length: number, step: number): number;
  joinEnd(): number;
  joinedWire(): number;
  takeFrame(record: number, length: number): number;
  giveFrame(frame: number, length: number, wire: number): number;
}

export class OffloadKernels {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly kernels: Exports;

  constructor() {
    const memory = new WebAssembly.Memory({ initial: PAGES, maximum: PAGES, shared: true });
    const code = readFileSync(join(import.meta.dirname, "../../build/offload.wasm"));
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(code), { env: { memory } });
    this.kernels = exports as unknown as Exports;
    this.bytes = new Uint8Array(memory.buffer);
    this.view = new DataView(memory.buffer);
  }

  /** Bytes of the pieces that one call makes. */
  pieces(frame: Uint8Array, { inner = 0, wire = 0, segments = 1, records = true, room = ROOM }): number {
    this.#write([FRAME, frame.length, inner, wire, segments, 0, OUT, room, records ? 1 : 0, 0], frame);
    return this.kernels.cut(JOB);
  }

  #write(job: readonly number[], frame: Uint8Array): void {
    this.bytes.set(frame, FRAME);
    for (const [index, value] of job.entries()) this.view.setUint32(JOB + 4 * index, value, true);
  }

  /** The pieces of a frame, cut `room` bytes at a time; undefined if it cannot be. */
  cut(
    frame: Uint8Array,
    { inner = 0, wire = 0, segments = 1, records = true, room = ROOM },
  ): Uint8Array[] | undefined {
    const { bytes, view } = this;
    this.#write([FRAME, frame.length, inner, wire, segments, 0, OUT, room, records ? 1 : 0, 0], frame);
    const pieces: Uint8Array[] = [];
    const field = (index: number): number => view.getUint32(JOB + 4 * index, true);
    do {
      bytes.fill(FILL, OUT, OUT + room + 64);
      const length = this.kernels.cut(JOB);
      if (length === 0) return undefined;
      for (let at = OUT + room; at < OUT + room + 64; at++)
        if (bytes[at] !== FILL) throw new Error("written behind the room");
      const end = OUT + length;
      if (length + OVERRUN > room) throw new Error("it says more than there is room for");
      for (let at = OUT; at < end; ) {
        const total = records ? view.getUint32(at, true) : Math.min(wire, end - at);
        const start = records ? at + 32 : at;
        const size = records ? view.getUint32(at + 4, true) : total;
        if (records && view.getUint32(at + 8, true) !== Math.min(wire, size))
          throw new Error("another wire length");
        pieces.push(bytes.slice(start, start + size));
        at += total;
      }
    } while (field(5) < field(9));
    return pieces;
  }

  /** Joins segments that come as `groups` of some bytes each, with `prefix` in front of each; what has become of them. */
  join(groups: readonly (readonly Uint8Array[])[], inTunnel = false): { frame: Uint8Array; wire: number }[] {
    const { bytes, kernels } = this;
    const results: { frame: Uint8Array; wire: number }[] = [];
    let length = 0;
    const end = (): void => {
      if (length === 0) return;
      const joined = kernels.joinEnd();
      const wire = joined === 0 ? length : kernels.joinedWire();
      results.push({ frame: bytes.slice(OUT, OUT + Math.max(joined, length)), wire });
      length = 0;
    };
    for (const group of groups) {
      const step = (group[0] as Uint8Array).length;
      let at = FRAME;
      for (const segment of group) {
        bytes.set(segment, at);
        at += segment.length;
      }
      for (let done = FRAME; done < at; ) {
        if (length > 0) done += kernels.joinMore(done, at - done, step);
        if (done >= at) break;
        end();
        length = Math.min(step, at - done);
        bytes.copyWithin(OUT, done, done + length);
        kernels.joinBegin(OUT, length, inTunnel ? 1 : 0);
        done += length;
      }
    }
    end();
    return results;
  }

  /** What a TAP says, and its frame; what it is, and how it lies there then. */
  take(header: ArrayLike<number>, frame: Uint8Array): { taken: number; frame: Uint8Array; wire: number } {
    const { bytes, view } = this;
    bytes.fill(FILL, OUT - 64, OUT + frame.length + 128);
    bytes.set(header, OUT + 32 - 10);
    bytes.set(frame, OUT + 32);
    const taken = this.kernels.takeFrame(OUT, frame.length);
    for (const [from, end] of [
      [OUT - 64, OUT],
      [OUT + 32 + frame.length, OUT + frame.length + 128],
    ] as const)
      for (let at = from; at < end; at++)
        if (bytes[at] !== FILL) throw new Error("written outside of the frame");
    return {
      taken,
      frame: bytes.slice(OUT + 32, OUT + 32 + frame.length),
      wire: view.getUint32(OUT + 8, true),
    };
  }

  /** What a TAP is told of a frame, and the frame; undefined if nothing can be told. */
  give(frame: Uint8Array, wire: number): { header: Uint8Array; frame: Uint8Array } | undefined {
    const { bytes } = this;
    bytes.set(frame, OUT);
    if (this.kernels.giveFrame(OUT, frame.length, wire) === 0) return undefined;
    return { header: bytes.slice(OUT - 10, OUT), frame: bytes.slice(OUT, OUT + frame.length) };
  }
}
