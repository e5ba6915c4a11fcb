// A port whose frames are whole, in front of one that gives super-frames: for those who take none.

import { ArgumentTypeError } from "../core/argument-error.ts";
import { RECORD_FRAME_LENGTH, RECORD_HEADER_LENGTH, RECORD_TOTAL } from "../layout/ring.layout.ts";
import {
  type FramePort,
  type Frames,
  type Medium,
  NO_OFFLOADS,
  type Offloads,
  type PortBell,
  type PortWatcher,
  type SendAllOptions,
  type SendOptions,
} from "../port/frame-port.ts";
import { framePort } from "../port/port-checks.ts";
import type { FramePortCounters } from "../port/port-counters.ts";
import { readableOf } from "../port/port-streams.ts";
import { FrameBurst } from "../ring/frame-burst.ts";
import { LONGEST } from "./landing.ts";
import { loadNative, type Native } from "./libc.ts";
import { PortMemory } from "./offloads.ts";

/** Of segments that are made at a time. */
const ROOM = 1 << 18;

/**
 * The same port, whose super-frames are cut into their segments: for ports that take none, as those of virtual machines, where a
 * switch has `superFrames`. Closing it closes `port`; its counters are those of `port`, and watchers see what that gives.
 *
 *     connect(whole(await sw.addPort({ bridgeDomain })), vm);
 *
 * @throws ArgumentError if it is no port of Ethernet frames, or with the code `unsupported` without koffi.
 */
export async function whole(port: FramePort): Promise<FramePort> {
  framePort("port", port);
  if (port.medium !== "ethernet")
    throw new ArgumentTypeError("contradiction", "port", "it gives no Ethernet frames");
  return port.offloads.segmentation ? new WholePort(await loadNative(), port) : port;
}

class WholePort implements FramePort {
  readonly offloads: Offloads = NO_OFFLOADS;
  readonly #port: FramePort;
  readonly #memory: PortMemory;
  readonly #desk: number;
  readonly #pieces: number;
  #readable: ReadableStream<FrameBurst> | undefined;

  constructor(native: Native, port: FramePort) {
    this.#port = port;
    this.#memory = new PortMemory(native, LONGEST + ROOM);
    this.#desk = this.#memory.reserve(LONGEST);
    this.#pieces = this.#memory.reserve(ROOM);
  }

  get name(): string {
    return this.#port.name;
  }

  get medium(): Medium {
    return this.#port.medium;
  }

  get accepts(): Medium {
    return this.#port.accepts;
  }

  get mtu(): number {
    return this.#port.mtu;
  }

  get carriesNotes(): boolean {
    return this.#port.carriesNotes;
  }

  get closed(): boolean {
    return this.#port.closed;
  }

  get bell(): PortBell {
    return this.#port.bell;
  }

  get readable(): ReadableStream<FrameBurst> {
    this.#readable ??= readableOf(this);
    return this.#readable;
  }

  get writable(): WritableStream<Frames | Uint8Array> {
    return this.#port.writable;
  }

  send(frames: Frames, options?: SendOptions): number {
    return this.#port.send(frames, options);
  }

  sendAll(frames: Frames, options?: SendAllOptions): Promise<void> {
    return this.#port.sendAll(frames, options);
  }

  receive(): FrameBurst | undefined {
    const burst = this.#port.receive();
    return burst && this.#cut(burst);
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<FrameBurst, undefined> {
    const bursts = this.#port[Symbol.asyncIterator]();
    const iterator: AsyncIterableIterator<FrameBurst, undefined> = {
      next: async () => {
        const next = await bursts.next();
        return next.done === true ? next : { done: false, value: this.#cut(next.value) };
      },
      return: async () => (await bursts.return?.()) ?? { done: true, value: undefined },
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  counters(): FramePortCounters {
    return this.#port.counters();
  }

  watch(watcher: PortWatcher): () => void {
    return this.#port.watch(watcher);
  }

  close(): Promise<void> {
    return this.#port.close();
  }

  /** The burst with segments in place of super-frames; the same one if it has none. */
  #cut(burst: FrameBurst): FrameBurst {
    const wires = burst.superWires();
    if (wires === undefined) return burst;
    const frames: Uint8Array[] = [];
    for (const [index, frame] of burst.frames().entries()) {
      const wire = wires[index] as number;
      if (wire >= frame.length || frame.length > LONGEST) frames.push(frame);
      else this.#cutFrame(frame, wire, frames);
    }
    return FrameBurst.of(frames);
  }

  #cutFrame(frame: Uint8Array, wire: number, into: Uint8Array[]): void {
    const memory = this.#memory;
    const { bytes, words } = memory;
    bytes.set(frame, this.#desk);
    memory.beginCut(this.#desk, frame.length, 0, wire, 1);
    do {
      const end = this.#pieces + memory.cut(this.#pieces, ROOM, true);
      for (let at = this.#pieces; at < end; ) {
        const start = at + RECORD_HEADER_LENGTH;
        into.push(bytes.slice(start, start + (words[(at + RECORD_FRAME_LENGTH) >>> 2] as number)));
        at += words[(at + RECORD_TOTAL) >>> 2] as number;
      }
    } while (!memory.isCut);
  }
}
