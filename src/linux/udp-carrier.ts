// A switch's uplink on a real network, as that of frameferry/node, by calls of the system that take and give many datagrams:
// nothing of Node's stands between them and the frames.

import { parseIp } from "../core/addresses.ts";
import { ArgumentRangeError } from "../core/argument-error.ts";
import { Undo } from "../core/undo.ts";
import { ETHERNET_LENGTH } from "../layout/ethernet.layout.ts";
import { QueuePort } from "../port/queue-port.ts";
import type { FrameBurst } from "../ring/frame-burst.ts";
import {
  type CarrierPlan,
  type CarrierRemote,
  carrierPlan,
  checkedRemotes,
  type UdpCarrierOptions,
} from "../sockets/carrier-options.ts";
import { CarrierWays } from "../sockets/carrier-ways.ts";
import { bindRefusal } from "../sockets/datagram-socket.ts";
import { type AddressEndpoint, endText } from "../sockets/ends.ts";
import { OuterPlaces } from "../sockets/outer-headers.ts";
import { reasonOf, UNREACHABLE } from "../sockets/send-errors.ts";
import { Landing } from "./landing.ts";
import { loadNative, type Native, SystemError } from "./libc.ts";
import { ADDRESS_ROOM, MESSAGES, Messages } from "./messages.ts";
import { Senders } from "./senders.ts";
import { writeEnd } from "./socket-address.ts";
import { UdpSocket } from "./udp-socket.ts";
import { type Watch, watch } from "./watcher.ts";

/** Longer than any datagram. */
const SLOT_LENGTH = 65_536;
/** When the system had no room it is asked again after so many milliseconds. */
const RETRY_MILLISECONDS = 1;

/**
 * Joins a switch's uplink to a network, with the options of `openUdpCarrier` of frameferry/node, and in its stead: on Linux, with the
 * package koffi, it takes a fraction of the time. Resolves when all its addresses are bound.
 *
 *     const sw = await createSwitch({ vtep: { address: "10.1.5.8" } });
 *     const carrier = await openUdpCarrier({ local: "10.1.5.8", remotes: ["10.1.5.7"] });
 *     connect(sw.uplink, carrier);
 *
 * @throws ArgumentError for options that cannot be: `taken` at `local` if another socket has one of its ends.
 */
export async function openUdpCarrier(options: UdpCarrierOptions): Promise<LinuxUdpCarrier> {
  const plan = carrierPlan(options);
  return LinuxUdpCarrier.open(await loadNative(), plan);
}

interface CarrierSocket {
  readonly udp: UdpSocket;
  /** Undefined where nothing is expected. */
  readonly senders: Senders | undefined;
  watch: Watch | undefined;
}

/** An address of this machine, and what is open there. */
class CarrierAddress {
  readonly text: string;
  readonly listening: readonly CarrierSocket[];
  readonly spread: readonly CarrierSocket[];

  constructor(text: string, listening: readonly CarrierSocket[], spread: readonly CarrierSocket[]) {
    this.text = text;
    this.listening = listening;
    this.spread = spread;
  }

  get sockets(): readonly CarrierSocket[] {
    return [...this.listening, ...this.spread];
  }

  /** By which one a flow leaves: of those that flows are spread over, or else from the port that it goes to. */
  socketFor(sourcePort: number, destinationPort: number): UdpSocket {
    const { listening, spread } = this;
    if (spread.length > 0) return (spread[sourcePort % spread.length] as CarrierSocket).udp;
    for (const { udp } of listening) if (udp.local.port === destinationPort) return udp;
    return (listening[0] as CarrierSocket).udp;
  }
}

/** Made by `openUdpCarrier`. Until it is closed, it keeps the process alive; see `unref`. */
export class LinuxUdpCarrier extends QueuePort {
  /** Where datagrams come in, with the ports that the system has given. */
  readonly locals: readonly AddressEndpoint[];
  readonly #sockets: readonly CarrierSocket[];
  readonly #ways: CarrierWays<CarrierAddress>;
  readonly #places: OuterPlaces = new OuterPlaces();
  readonly #landing: Landing;
  readonly #come: Messages;
  readonly #out: Messages;
  /** Of the messages in `out`: how many there are, how many have been sent, by which socket they go, and how long their frames are. */
  #filled = 0;
  #sent = 0;
  #by: UdpSocket | undefined;
  readonly #lengths: Uint32Array = new Uint32Array(MESSAGES);
  /** Frames that were taken in this turn. */
  #turn = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #released: Promise<void> | undefined;

  /** For `openUdpCarrier`: what it stands on would ask users for types that they need not have. */
  static open(given: object, plan: CarrierPlan): LinuxUdpCarrier {
    const native = given as Native;
    const undo = new Undo();
    try {
      const addresses = openAddresses(native, plan, undo);
      return new LinuxUdpCarrier(native, addresses, plan, undo);
    } catch (error) {
      throw undo.because(error);
    }
  }

  private constructor(native: Native, addresses: readonly CarrierAddress[], plan: CarrierPlan, undo: Undo) {
    const locals = addresses.flatMap(({ listening }) => listening.map(({ udp }) => udp.local));
    const { name = `carrier-${endText(locals[0] as AddressEndpoint)}`, mtu, queueFrames, queueBytes } = plan;
    super({ name, mtu, queueFrames, queueBytes });
    this.locals = locals;
    this.#ways = new CarrierWays(addresses, plan.remotes);
    this.#landing = new Landing(native);
    this.#come = new Messages(native, SLOT_LENGTH);
    this.#out = new Messages(native, SLOT_LENGTH);
    this.#sockets = addresses.flatMap(({ text, listening, spread }) => {
      const own = parseIp("local", text);
      const takes = (address: string, port: number): boolean => this.#ways.takes(address, port);
      return [
        ...listening.map(({ udp }) => ({
          udp,
          senders: new Senders(own, udp.local.port, takes),
          watch: undefined,
        })),
        ...spread,
      ];
    });
    for (const socket of this.#sockets) {
      const watching = watch(native, socket.udp.descriptor, () => this.#read(socket));
      undo.add(() => void watching.end());
      (socket as { watch: Watch }).watch = watching;
    }
  }

  /** Of whole packets behind their Ethernet header: they carry no tag. */
  override get longest(): number {
    return this.mtu + ETHERNET_LENGTH;
  }

  /** From now on it speaks with these, as the option `remotes` says; what is under way already stays so. */
  setRemotes(remotes: readonly CarrierRemote[] | undefined): void {
    this.#ways.remotes = checkedRemotes(remotes);
    for (const { senders } of this.#sockets) senders?.forget();
  }

  /** Lets the process end although the carrier is open. */
  unref(): this {
    for (const { watch } of this.#sockets) watch?.hold(false);
    return this;
  }

  /** Takes `unref` back. */
  ref(): this {
    for (const { watch } of this.#sockets) watch?.hold(true);
    return this;
  }

  protected override put(frames: readonly Uint8Array[], first: number, end: number): number {
    let index = first;
    for (; index < end && this.#turn < MESSAGES && this.#released === undefined; index++) {
      if (this.#turn++ === 0) setImmediate(() => this.#nextTurn());
      if (!this.#fill(frames[index] as Uint8Array)) break;
    }
    this.#flush();
    return index - first;
  }

  protected override async shut(): Promise<void> {
    await this.#release();
  }

  protected override get waiting(): number {
    return super.waiting + this.#filled - this.#sent;
  }

  /** Makes a message of a packet, or drops it; false if there is no room for it now. */
  #fill(frame: Uint8Array): boolean {
    const places = this.#places;
    const reason = places.read(frame);
    if (reason !== undefined) {
      this.drop(reason, 1, frame.length);
      return true;
    }
    const { addresses, addressLength, destinationPort, payload, end } = places;
    const way = this.#ways.find(frame, addresses, addressLength);
    // There is no port 0.
    if (
      way === undefined ||
      destinationPort === 0 ||
      !(way.ports === "all" || way.ports.has(destinationPort))
    ) {
      this.drop("other-address", 1, frame.length);
      return true;
    }
    const by = way.from.socketFor(places.sourcePort, destinationPort);
    if (by !== this.#by) this.#flush();
    // What goes by the other socket, or what there was before, still waits.
    if (this.#filled === MESSAGES || (this.#filled > 0 && by !== this.#by)) return false;
    this.#by = by;
    const out = this.#out;
    const slot = this.#filled++;
    out.bytes.set(frame.subarray(payload, end), slot * SLOT_LENGTH);
    const to = frame.subarray(addresses + addressLength, addresses + 2 * addressLength);
    out.set(slot, end - payload, writeEnd(out.addresses, slot * ADDRESS_ROOM, to, destinationPort));
    this.#lengths[slot] = frame.length;
    return true;
  }

  /** Sends what there is, as far as the system takes it; what it refuses is counted. */
  #flush(): void {
    const by = this.#by;
    while (by !== undefined && this.#sent < this.#filled) {
      const result = by.send(this.#out, this.#sent, this.#filled);
      if (typeof result === "number") this.#sent += result;
      else if (result === "EAGAIN") {
        this.#timer ??= setTimeout(() => this.#retry(), RETRY_MILLISECONDS);
        return;
      } else if (result !== "EINTR") this.drop(reasonOf(result), 1, this.#lengths[this.#sent++] as number);
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

  /** Takes what has come at a socket, once; others have their turn before there is more. */
  #read(socket: CarrierSocket): void {
    if (this.#released !== undefined) return;
    const come = this.#come;
    const result = socket.udp.receive(come);
    if (typeof result === "string") {
      if (result === "EAGAIN") socket.watch?.again();
      else if (result === "EINTR" || UNREACHABLE.has(result)) {
        if (result !== "EINTR") this.drop("unreachable", 1, 0);
        setImmediate(() => this.#read(socket));
      } else this.#fail(result);
      return;
    }
    for (let i = 0; i < result; i++) this.#arrive(socket, i);
    this.#handOver(this.#landing.take());
    // Fewer than there is room for: that was all.
    if (result < MESSAGES) socket.watch?.again();
    else setImmediate(() => this.#read(socket));
  }

  #arrive({ senders }: CarrierSocket, index: number): void {
    const come = this.#come;
    const landing = this.#landing;
    const length = come.lengthOf(index);
    if (senders === undefined) {
      this.drop("not-tunnel", 1, length);
      return;
    }
    const { headers, port } = senders.find(come.addresses, index * ADDRESS_ROOM);
    if (headers === undefined) {
      this.drop("unknown-remote", 1, length);
      return;
    }
    if (!landing.hasRoom) this.#handOver(landing.take());
    const at = landing.offset;
    headers.write(landing.bytes, at, port, length);
    const slot = index * SLOT_LENGTH;
    landing.bytes.set(come.bytes.subarray(slot, slot + length), at + headers.length);
    landing.land(headers.length + length);
  }

  #handOver(burst: FrameBurst | undefined): void {
    if (burst !== undefined) this.deliver(burst);
  }

  /** A socket is of no use any more. */
  #fail(code: string): void {
    const failure = new SystemError(code, "recvmmsg");
    this.refuse(failure);
    this.finish(failure);
    void this.#release();
  }

  #release(): Promise<void> {
    this.#released ??= this.#closeAll();
    return this.#released;
  }

  async #closeAll(): Promise<void> {
    clearTimeout(this.#timer);
    for (; this.#sent < this.#filled; this.#sent++)
      this.drop("closed", 1, this.#lengths[this.#sent] as number);
    await Promise.all(this.#sockets.map(({ watch }) => watch?.end()));
    for (const { udp } of this.#sockets) udp.close();
  }
}

/** @throws ArgumentError that names the option which the system refuses. */
function openAddresses(
  native: Native,
  { local, ports, sourcePorts }: CarrierPlan,
  undo: Undo,
): CarrierAddress[] {
  if (local.length === 0 || ports.length === 0) {
    const path = local.length === 0 ? "local" : "ports";
    throw new ArgumentRangeError("out-of-range", path, "expected one at least, got none");
  }
  const open = (address: string, port: number, end: string, ofPort: string): CarrierSocket => {
    const at = { address, port };
    try {
      const udp = undo.closes(UdpSocket.bound(native, at));
      return { udp, senders: undefined, watch: undefined };
    } catch (error) {
      throw bindRefusal(error, at, { end, address: end, port: ofPort });
    }
  };
  return local.map(({ address, path }) => {
    const listening = ports.map((each) => open(address, each.port, path, each.path));
    const spread = Array.from({ length: sourcePorts }, () => open(address, 0, path, "sourcePorts"));
    return new CarrierAddress(address, listening, spread);
  });
}
