// A port whose frames are those of a TAP, and so of a whole network namespace, a container or this machine. The file is
// never waited for here: a thread tells when it has something, and it is read until it is empty, a burst at a time.

import { ETHERNET_LENGTH } from "../layout/ethernet.layout.ts";
import { QueuePort } from "../port/queue-port.ts";
import type { FrameBurst } from "../ring/frame-burst.ts";
import { Landing } from "./landing.ts";
import { loadNative, type Native, SystemError } from "./libc.ts";
import { makeTap, type TapDevice } from "./tap-device.ts";
import { type TapOptions, type TapPlan, tapPlan } from "./tap-options.ts";
import { type Watch, watch } from "./watcher.ts";

/** Frames that are written in one turn of the event loop: then others have theirs. */
const TURN_FRAMES = 64;

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
  readonly #native: Native;
  readonly #descriptor: number;
  readonly #landing: Landing;
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

  private constructor(native: Native, device: TapDevice, { queueFrames, queueBytes }: TapPlan) {
    super({ name: device.name, mtu: device.mtu, queueFrames, queueBytes });
    this.device = device.name;
    this.#native = native;
    this.#descriptor = device.descriptor;
    this.#landing = new Landing(native);
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

  protected override put(frames: readonly Uint8Array[], first: number, end: number): number {
    const { libc } = this.#native;
    let index = first;
    for (; index < end && this.#turn < TURN_FRAMES && this.#released === undefined; index++) {
      const frame = frames[index] as Uint8Array;
      const { length } = frame;
      if (this.#turn++ === 0) setImmediate(() => this.#nextTurn());
      // The system would read its header from behind its end.
      if (length < ETHERNET_LENGTH) this.drop("frame-too-short", 1, length);
      else if (libc.write(this.#descriptor, frame, length) < 0) this.#lose(length);
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
    const landing = this.#landing;
    let code: string | undefined;
    while (landing.hasRoom && code === undefined) {
      const length = libc.read(this.#descriptor, landing.address, landing.room);
      if (length >= 0) landing.land(length);
      else code = this.#native.errorCode();
    }
    const burst = landing.take();
    if (burst !== undefined) {
      // It is read only while there is room: the last burst may go over the bounds.
      this.queue.addWhole(burst);
      this.bell.ring();
    }
    if (code !== undefined && code !== "EAGAIN" && code !== "EINTR") this.#fail("read", code);
    else if (this.queue.isFull) this.#isBehind = true;
    else if (code === "EAGAIN") this.#watch.again();
    else setImmediate(() => this.#read());
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
