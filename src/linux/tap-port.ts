// A port whose frames are those of a TAP, and so of a whole network namespace, a container or this machine. The file is
// never waited for here: a thread tells when it has something, and it is read until it is empty, a burst at a time.

import { ETHERNET_LENGTH } from "../layout/ethernet.layout.ts";
import { SUPER_FRAME_MAXIMUM, TAKEN_REFUSED, TAKEN_SUPER, VNET_LENGTH } from "../layout/offload.layout.ts";
import { RECORD_FRAME_LENGTH, RECORD_WIRE_LENGTH } from "../layout/ring.layout.ts";
import { QueuePort } from "../port/queue-port.ts";
import type { CheckedNotes } from "../ring/burst-notes.ts";
import type { FrameBurst } from "../ring/frame-burst.ts";
import { Landing, LONGEST } from "./landing.ts";
import { loadNative, type Native, SystemError } from "./libc.ts";
import { PortMemory } from "./offloads.ts";
import { makeTap, type SystemOffload, type TapDevice } from "./tap-device.ts";
import { type TapOptions, type TapPlan, tapPlan } from "./tap-options.ts";
import { type Watch, watch } from "./watcher.ts";

/** Frames that are written in one turn of the event loop: then others have theirs. */
const TURN_FRAMES = 64;

/** In front of the frame that is written: what is said of it, and aligned. */
const DESK_FRONT = 64;

/** Why the system has not taken a frame, where that says nothing of the next one. */
const REASONS: Readonly<Record<string, string>> = {
  // The interface is down.
  EIO: "link-down",
  EINVAL: "frame-too-short",
  EMSGSIZE: "frame-too-long",
};

/** With these the device is gone: its interface was deleted, or its namespace. */
const GONE: ReadonlySet<string> = new Set(["EBADFD", "EBADF", "ENODEV"]);

/**
 * Makes a TAP, an interface of the system, and opens it as a port: what is sent at the port the interface receives, and what
 * the system sends over the interface is received here. It goes when the port is closed.
 *
 *     const tap = await openTap({ name: "ff0" });
 *     connect(await sw.addPort({ bridgeDomain }), tap);
 *
 * @throws ArgumentError for options that cannot be, and with the code `unsupported` where there are no TAPs, where the program
 * may not make one (CAP_NET_ADMIN), and where the package koffi is missing.
 */
export async function openTap(options: TapOptions): Promise<TapPort> {
  const plan = tapPlan(options);
  return TapPort.open(await loadNative(), plan);
}

/** Made by `openTap`. Until it is closed, it keeps the process alive; see `unref`. */
export class TapPort extends QueuePort {
  /** The name of the interface, as the system has given it. */
  readonly device: string;
  /** What the system leaves to this port, and takes undone from it; nothing without the option `offloads`. */
  readonly systemOffloads: readonly SystemOffload[];
  readonly #native: Native;
  readonly #descriptor: number;
  readonly #memory: PortMemory;
  readonly #landing: Landing;
  /** Where a frame lies that is written, or cut; in front of it is room for what is said of it. */
  readonly #desk: number;
  /** Bytes of what is said in front of each frame. */
  readonly #header: number;
  readonly #watch: Watch;
  /** Frames that were written in this turn. */
  #turn = 0;
  /** Whether nothing is read, because the queue is full. */
  #isBehind = false;
  #released: Promise<void> | undefined;

  /** For `openTap`: what it stands on would ask users for types that they need not have. */
  static open(native: object, plan: TapPlan): TapPort {
    const device = makeTap(native as Native, plan);
    try {
      return new TapPort(native as Native, device, plan);
    } catch (error) {
      (native as Native).libc.close(device.descriptor);
      throw error;
    }
  }

  private constructor(native: Native, device: TapDevice, plan: TapPlan) {
    const { queueFrames, queueBytes, superFrames } = plan;
    const offloads = {
      checksum: false,
      segmentation: superFrames && device.offloads.includes("tcp-segmentation"),
    };
    super({ name: device.name, mtu: device.mtu, queueFrames, queueBytes, offloads });
    this.device = device.name;
    this.systemOffloads = device.offloads;
    this.#header = device.hasHeader ? VNET_LENGTH : 0;
    this.#memory = new PortMemory(native, Landing.BYTES + 2 * LONGEST);
    this.#desk = this.#memory.reserve(DESK_FRONT + LONGEST) + DESK_FRONT;
    this.#native = native;
    this.#descriptor = device.descriptor;
    this.#landing = new Landing(this.#memory);
    this.#watch = watch(native, device.descriptor, () => this.#read());
  }

  /** Lets the process end although the port is open. */
  unref(): this {
    this.#watch.hold(false);
    return this;
  }

  /** Takes `unref` back. */
  ref(): this {
    this.#watch.hold(true);
    return this;
  }

  protected override put(
    frames: readonly Uint8Array[],
    first: number,
    end: number,
    notes: CheckedNotes | undefined,
  ): number {
    let index = first;
    for (; index < end && this.#turn < TURN_FRAMES && this.#released === undefined; index++) {
      const frame = frames[index] as Uint8Array;
      const { length } = frame;
      if (this.#turn++ === 0) setImmediate(() => this.#nextTurn());
      // The system would read its header from behind its end.
      if (length < ETHERNET_LENGTH) this.drop("frame-too-short", 1, length);
      else this.#write(frame, notes?.wires?.[index] ?? length);
    }
    return index - first;
  }

  protected override take(): FrameBurst | undefined {
    const burst = super.take();
    if (this.#isBehind && this.queue.isHalfEmpty) {
      this.#isBehind = false;
      setImmediate(() => this.#read());
    }
    return burst;
  }

  protected override async shut(): Promise<void> {
    await this.#release();
  }

  #write(frame: Uint8Array, wire: number): void {
    const { length } = frame;
    const { libc } = this.#native;
    if (this.#header === 0) {
      if (libc.write(this.#descriptor, frame, length) < 0) this.#lose(length);
      return;
    }
    const { bytes, kernels, base } = this.#memory;
    const desk = this.#desk;
    if (length > LONGEST) this.drop("frame-too-long", 1, length);
    else {
      bytes.set(frame, desk);
      if (kernels.giveFrame(desk, length, wire) === 0) this.drop("not-sent", 1, length);
      else if (libc.write(this.#descriptor, base + desk - VNET_LENGTH, VNET_LENGTH + length) < 0)
        this.#lose(length);
    }
  }

  /** The system has not taken a frame. */
  #lose(length: number): void {
    const code = this.#native.errorCode();
    this.drop(GONE.has(code) ? "link-down" : (REASONS[code] ?? "not-sent"), 1, length);
    if (GONE.has(code)) this.#fail("write", code);
  }

  #nextTurn(): void {
    this.#turn = 0;
    this.bell.ring();
  }

  /** Reads a burst, or what there is of one. */
  #read(): void {
    if (this.#released !== undefined) return;
    const { libc } = this.#native;
    const { base } = this.#memory;
    const landing = this.#landing;
    const header = this.#header;
    let code: string | undefined;
    while (landing.hasRoom && code === undefined) {
      const length = libc.read(this.#descriptor, base + landing.frame - header, LONGEST);
      if (length < 0) code = this.#native.errorCode();
      else if (header === 0) landing.land(length);
      else if (length >= header) this.#land(length - header);
    }
    this.#handOver();
    if (code !== undefined && code !== "EAGAIN" && code !== "EINTR") this.#fail("read", code);
    else if (this.queue.isFull) this.#isBehind = true;
    else if (code === "EAGAIN") this.#watch.again();
    else setImmediate(() => this.#read());
  }

  /** Takes a frame that was read behind what is said of it. */
  #land(length: number): void {
    const landing = this.#landing;
    const { record } = landing;
    const { kernels, words } = this.#memory;
    const taken = kernels.takeFrame(record, length);
    if (taken === TAKEN_REFUSED) this.drop("not-sent", 1, length);
    else if (taken !== TAKEN_SUPER || (this.offloads.segmentation && length <= SUPER_FRAME_MAXIMUM))
      landing.landRecord();
    else
      this.#cut(
        words[(record + RECORD_FRAME_LENGTH) >>> 2] as number,
        words[(record + RECORD_WIRE_LENGTH) >>> 2] as number,
      );
  }

  /** Cuts the super-frame that was read into its segments, or if it is too long into shorter ones. */
  #cut(length: number, wire: number): void {
    const landing = this.#landing;
    const memory = this.#memory;
    memory.bytes.copyWithin(this.#desk, landing.frame, landing.frame + length);
    const segments = this.offloads.segmentation ? Math.max(1, Math.floor(SUPER_FRAME_MAXIMUM / wire)) : 1;
    memory.beginCut(this.#desk, length, 0, wire, segments);
    for (;;) {
      landing.landRecords(memory.cut(landing.record, landing.room, true));
      if (memory.isCut) return;
      this.#handOver();
    }
  }

  /** Gives what has landed to whoever reads. */
  #handOver(): void {
    const burst = this.#landing.take();
    if (burst === undefined) return;
    // It is read only while there is room: the last bursts may go over the bounds.
    this.queue.addWhole(burst);
    this.bell.ring();
  }

  /** Nobody can do anything with it any more. */
  #fail(syscall: string, code: string): void {
    const failure = new SystemError(code, syscall, `the interface ${this.device} is gone`);
    this.refuse(failure);
    this.finish(failure);
    void this.#release();
  }

  #release(): Promise<void> {
    this.#released ??= this.#watch.end().then(() => void this.#native.libc.close(this.#descriptor));
    return this.#released;
  }
}
