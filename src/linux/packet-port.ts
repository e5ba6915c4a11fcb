// A port on an interface of this machine, as it stands: what arrives there is received, what is sent leaves by it, and the
// system goes on using it beside the port. Frames are read where the kernel has put them, without a call for each.

import { ETHERNET_TYPE } from "../layout/ethernet.layout.ts";
import { VLAN_HEADER_LENGTH } from "../layout/vlan.layout.ts";
import type { FramePortCounters } from "../port/port-counters.ts";
import { QueuePort } from "../port/queue-port.ts";
import type { FrameBurst } from "../ring/frame-burst.ts";
import { write16 } from "../wire/bytes.ts";
import { checksum } from "../wire/checksum.ts";
import { Landing } from "./landing.ts";
import { loadNative, type Native, SystemError } from "./libc.ts";
import { MESSAGES, Messages, messagesLength } from "./messages.ts";
import { inNamespace } from "./namespace.ts";
import { PortMemory } from "./offloads.ts";
import { type PacketPlan, type PacketPortOptions, packetPlan } from "./packet-options.ts";
import { PacketRing, RingFrame, VNET_LENGTH } from "./packet-ring.ts";
import { type Refusals, refusing } from "./refusal.ts";
import { type Watch, watch } from "./watcher.ts";

/** Longer than any frame with what stands in front of it. */
const SLOT_LENGTH = 65_600;
/** When the system had no room it is asked again after so many milliseconds. */
const RETRY_MILLISECONDS = 1;

/** Why the system has not taken a frame, where that says nothing of the next one. */
const REASONS: Readonly<Record<string, string>> = {
  ENETDOWN: "link-down",
  EMSGSIZE: "frame-too-long",
  EINVAL: "frame-too-short",
};

/** With these the interface is gone. */
const GONE: ReadonlySet<string> = new Set(["ENXIO", "ENODEV"]);

/**
 * Opens a port on an interface that is there, by a socket of AF_PACKET. It sees what arrives there, not what this machine or the port
 * itself sends; VLAN tags and checksums that the kernel keeps beside a frame are put back.
 *
 *     const card = await openPacketPort({ interface: "eth1" });
 *     connect(await sw.addPort({ vlans: { 10: sales, 20: research } }), card);
 *
 * @throws ArgumentError for options that cannot be, and with the code `unsupported` where the program may not (CAP_NET_RAW), and where
 * the package koffi is missing.
 */
export async function openPacketPort(options: PacketPortOptions): Promise<PacketPort> {
  const plan = packetPlan(options);
  return PacketPort.open(await loadNative(), plan);
}

/** Made by `openPacketPort`. Until it is closed, it keeps the process alive; see `unref`. */
export class PacketPort extends QueuePort {
  /** The interface. */
  readonly device: string;
  readonly #native: Native;
  readonly #ring: PacketRing;
  readonly #memory: PortMemory;
  readonly #landing: Landing;
  readonly #frame: RingFrame = new RingFrame();
  readonly #out: Messages;
  readonly #lengths: Uint32Array = new Uint32Array(MESSAGES);
  #filled = 0;
  #sent = 0;
  readonly #watch: Watch;
  /** Frames that were taken in this turn. */
  #turn = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Whether nothing is read, because the queue is full. */
  #isBehind = false;
  #released: Promise<void> | undefined;

  /** For `openPacketPort`: what it stands on would ask users for types that they need not have. */
  static open(given: object, plan: PacketPlan): PacketPort {
    const native = given as Native;
    const ring = inNamespace(native, plan.namespace, () =>
      refusing(refusalsOf(plan.interface), () => PacketRing.open(native, plan)),
    );
    try {
      return new PacketPort(native, ring, plan);
    } catch (error) {
      ring.close();
      throw error;
    }
  }

  private constructor(native: Native, ring: PacketRing, plan: PacketPlan) {
    const { interface: device, name = device, mtu = ring.mtu, queueFrames, queueBytes } = plan;
    super({ name, mtu, queueFrames, queueBytes });
    this.device = device;
    this.#native = native;
    this.#ring = ring;
    this.#memory = new PortMemory(native, Landing.BYTES + messagesLength(SLOT_LENGTH));
    this.#landing = new Landing(this.#memory);
    this.#out = new Messages(this.#memory, SLOT_LENGTH);
    this.#watch = watch(native, ring.descriptor, () => this.#ready());
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

  /** What the kernel had no room for, because nobody took what had come, is `queue-full`. */
  override counters(): FramePortCounters {
    if (this.#released === undefined) this.drop("queue-full", this.#ring.lost(), 0);
    return super.counters();
  }

  protected override put(frames: readonly Uint8Array[], first: number, end: number): number {
    let index = first;
    for (; index < end && this.#turn < MESSAGES && this.#filled < MESSAGES; index++) {
      if (this.#released !== undefined) break;
      const frame = frames[index] as Uint8Array;
      if (this.#turn++ === 0) setImmediate(() => this.#nextTurn());
      const slot = this.#filled++;
      // What stands in front of it stays zero: nothing is left undone.
      this.#out.bytes.set(frame, this.#out.slot(slot) + VNET_LENGTH);
      this.#out.set(slot, VNET_LENGTH + frame.length, 0);
      this.#lengths[slot] = frame.length;
    }
    this.#flush();
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

  protected override get waiting(): number {
    return super.waiting + this.#filled - this.#sent;
  }

  #flush(): void {
    const { libc } = this.#native;
    const out = this.#out;
    while (this.#sent < this.#filled) {
      const count = libc.sendmmsg(this.#ring.descriptor, out.from(this.#sent), this.#filled - this.#sent, 0);
      if (count >= 0) {
        this.#sent += count;
        continue;
      }
      const code = this.#native.errorCode();
      if (code === "EINTR") continue;
      if (code === "EAGAIN") {
        this.#timer ??= setTimeout(() => this.#retry(), RETRY_MILLISECONDS);
        return;
      }
      const isGone = GONE.has(code);
      this.drop(
        isGone ? "link-down" : (REASONS[code] ?? "not-sent"),
        1,
        this.#lengths[this.#sent++] as number,
      );
      if (isGone) {
        this.#fail("sendmmsg", code);
        return;
      }
    }
    this.#filled = 0;
    this.#sent = 0;
  }

  #retry(): void {
    this.#timer = undefined;
    if (this.#released !== undefined) return;
    this.#flush();
    this.bell.ring();
  }

  #nextTurn(): void {
    this.#turn = 0;
    this.bell.ring();
  }

  /** Something has come, or something is wrong: the interface is down, or is gone. */
  #ready(): void {
    if (this.#released !== undefined) return;
    if (this.#ring.trouble().isGone) this.#fail("recv", "ENODEV");
    else this.#read();
  }

  /** Reads a burst, or what there is of one. */
  #read(): void {
    if (this.#released !== undefined) return;
    const ring = this.#ring;
    const landing = this.#landing;
    let isMore = true;
    while (landing.hasRoom) {
      isMore = ring.read(this.#frame);
      if (!isMore) break;
      this.#land(this.#frame);
      ring.release();
    }
    const burst = landing.take();
    if (burst !== undefined) {
      // It is read only while there is room: the last burst may go over the bounds.
      this.queue.addWhole(burst);
      this.bell.ring();
    }
    if (this.queue.isFull) this.#isBehind = true;
    else if (isMore) setImmediate(() => this.#read());
    else this.#watch.again();
  }

  /** Copies a frame out of the ring, with its tag and its checksum. */
  #land({ at, length, isCut, isSegmented, tci, tpid, checksumFrom, checksumAt }: RingFrame): void {
    if (isCut || isSegmented) {
      // Nobody has cut it into frames: see the offloads of whoever sends it.
      this.drop("frame-too-long", 1, length);
      return;
    }
    const { bytes } = this.#ring;
    const landing = this.#landing;
    const to = landing.frame;
    const into = this.#memory.bytes;
    const tag = tci < 0 ? 0 : VLAN_HEADER_LENGTH;
    if (tag === 0) into.set(bytes.subarray(at, at + length), to);
    else {
      into.set(bytes.subarray(at, at + ETHERNET_TYPE), to);
      write16(into, to + ETHERNET_TYPE, tpid);
      write16(into, to + ETHERNET_TYPE + 2, tci);
      into.set(bytes.subarray(at + ETHERNET_TYPE, at + length), to + ETHERNET_TYPE + tag);
    }
    if (checksumFrom >= 0 && checksumAt + 2 <= length) {
      // The sum of the pseudo header stands there already.
      const sum = checksum(into, to + tag + checksumFrom, to + tag + length);
      write16(into, to + tag + checksumAt, sum === 0 ? 0xffff : sum);
    }
    landing.land(tag + length);
  }

  /** Nobody can do anything with it any more. */
  #fail(syscall: string, code: string): void {
    const failure = new SystemError(code, syscall, `the interface ${this.device} is gone`);
    this.refuse(failure);
    this.finish(failure);
    void this.#release();
  }

  #release(): Promise<void> {
    this.#released ??= this.#close();
    return this.#released;
  }

  async #close(): Promise<void> {
    clearTimeout(this.#timer);
    this.drop("queue-full", this.#ring.lost(), 0);
    for (; this.#sent < this.#filled; this.#sent++)
      this.drop("closed", 1, this.#lengths[this.#sent] as number);
    await this.#watch.end();
    this.#ring.close();
  }
}

function refusalsOf(name: string): Refusals {
  const noRight = {
    code: "unsupported",
    path: "interface",
    sentence: "the system does not let this program open one: it needs CAP_NET_RAW",
  } as const;
  return {
    ENODEV: { code: "not-found", path: "interface", sentence: `there is no interface ${name}` },
    ENETDOWN: { code: "unsupported", path: "interface", sentence: `${name} is down` },
    EPERM: noRight,
    EACCES: noRight,
  };
}
