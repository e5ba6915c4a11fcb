// A switch's uplink on a real network, as that of frameferry/node, by calls of the system that take and give many datagrams:
// nothing of Node's stands between them and the frames.

import { parseIp } from "../core/addresses.ts";
import { ArgumentRangeError } from "../core/argument-error.ts";
import { Undo } from "../core/undo.ts";
import { ETHERNET_LENGTH } from "../layout/ethernet.layout.ts";
import { QueuePort } from "../port/queue-port.ts";
import type { CheckedNotes } from "../ring/burst-notes.ts";
import { type CarrierRemote, checkedRemotes } from "../sockets/carrier-options.ts";
import { CarrierWays } from "../sockets/carrier-ways.ts";
import { bindRefusal } from "../sockets/datagram-socket.ts";
import { type AddressEndpoint, endText } from "../sockets/ends.ts";
import { type OuterHeaders, OuterPlaces } from "../sockets/outer-headers.ts";
import { reasonOf, UNREACHABLE } from "../sockets/send-errors.ts";
import { type LinuxCarrierOptions, type LinuxCarrierPlan, linuxCarrierPlan } from "./carrier-options.ts";
import { Landing } from "./landing.ts";
import { loadNative, type Native, SystemError } from "./libc.ts";
import { MESSAGES, Messages, messagesLength, TTL_SHIFT } from "./messages.ts";
import { PortMemory } from "./offloads.ts";
import { type Departure, OUT_SLOT, Outgoing } from "./outgoing.ts";
import { Senders } from "./senders.ts";
import { UdpSocket } from "./udp-socket.ts";
import { type Watch, watch } from "./watcher.ts";

/** What the system does for many datagrams at once. */
export type CarrierOffload = "segmentation" | "receive";

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
export async function openUdpCarrier(options: LinuxCarrierOptions): Promise<LinuxUdpCarrier> {
  const plan = linuxCarrierPlan(options);
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
  readonly #memory: PortMemory;
  readonly #landing: Landing;
  readonly #come: Messages;
  readonly #outgoing: Outgoing;
  readonly #departure: Departure = {
    ...{ frame: new Uint8Array(0), payload: 0, end: 0, wire: 0 },
    ...{ address: 0, addressLength: 0, port: 0, fields: 0 },
  };
  /** What stands in front of the super-frame that is being joined, and the port that its segments come from. */
  #joining: OuterHeaders | undefined;
  #joiningPort = 0;
  #joiningFields = 0;
  /** Frames that were taken in this turn. */
  #turn = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #released: Promise<void> | undefined;

  /** For `openUdpCarrier`: what it stands on would ask users for types that they need not have. */
  static open(given: object, plan: LinuxCarrierPlan): LinuxUdpCarrier {
    const native = given as Native;
    const undo = new Undo();
    try {
      const addresses = openAddresses(native, plan, undo);
      return new LinuxUdpCarrier(native, addresses, plan, undo);
    } catch (error) {
      throw undo.because(error);
    }
  }

  private constructor(
    native: Native,
    addresses: readonly CarrierAddress[],
    plan: LinuxCarrierPlan,
    undo: Undo,
  ) {
    const locals = addresses.flatMap(({ listening }) => listening.map(({ udp }) => udp.local));
    const { name = `carrier-${endText(locals[0] as AddressEndpoint)}`, mtu, queueFrames, queueBytes } = plan;
    super({
      name,
      mtu,
      queueFrames,
      queueBytes,
      offloads: { checksum: false, segmentation: plan.superFrames },
    });
    this.locals = locals;
    this.#ways = new CarrierWays(addresses, plan.remotes);
    const messages = messagesLength(SLOT_LENGTH) + messagesLength(OUT_SLOT) + messagesLength(0);
    this.#memory = new PortMemory(native, Landing.BYTES + messages + OUT_SLOT);
    this.#landing = new Landing(this.#memory);
    this.#come = new Messages(this.#memory, SLOT_LENGTH, true);
    this.#outgoing = new Outgoing(
      this.#memory,
      (reason, frames, bytes) => this.drop(reason, frames, bytes),
      reasonOf,
    );
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

  /**
   * What the system does: cut what leaves into datagrams (UDP_SEGMENT), and join what comes (UDP_GRO). Nothing without the
   * option `offloads`.
   */
  get systemOffloads(): readonly CarrierOffload[] {
    const sockets = this.#sockets.map(({ udp }) => udp);
    return [
      ...(sockets.every(({ cuts }) => cuts) ? (["segmentation"] as const) : []),
      ...(sockets.every(({ joins }) => joins) ? (["receive"] as const) : []),
    ];
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

  protected override put(
    frames: readonly Uint8Array[],
    first: number,
    end: number,
    notes: CheckedNotes | undefined,
  ): number {
    let index = first;
    for (; index < end && this.#turn < MESSAGES && this.#released === undefined; index++) {
      if (this.#turn++ === 0) setImmediate(() => this.#nextTurn());
      const frame = frames[index] as Uint8Array;
      if (!this.#fill(frame, notes?.wires?.[index] ?? frame.length)) break;
    }
    this.#flush();
    return index - first;
  }

  protected override async shut(): Promise<void> {
    await this.#release();
  }

  protected override get waiting(): number {
    return super.waiting + this.#outgoing.waiting;
  }

  /** Makes a message of a packet, or drops it; false if there is no room for it now. */
  #fill(frame: Uint8Array, wire: number): boolean {
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
    const departure = this.#departure;
    departure.frame = frame;
    departure.payload = payload;
    departure.end = end;
    departure.address = addresses + addressLength;
    departure.addressLength = addressLength;
    departure.port = destinationPort;
    departure.fields = places.trafficClass | (places.ttl << TTL_SHIFT);
    departure.wire = wire < frame.length ? wire - payload : end - payload;
    return this.#outgoing.add(way.from.socketFor(places.sourcePort, destinationPort), departure);
  }

  /** Sends what there is, as far as the system takes it; what it refuses is counted. */
  #flush(): void {
    if (!this.#outgoing.flush()) this.#timer ??= setTimeout(() => this.#retry(), RETRY_MILLISECONDS);
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
    this.#handOver();
    // Fewer than there is room for: that was all.
    if (result < MESSAGES) socket.watch?.again();
    else setImmediate(() => this.#read(socket));
  }

  #arrive({ senders }: CarrierSocket, index: number): void {
    const come = this.#come;
    const length = come.lengthOf(index);
    if (senders === undefined) {
      this.drop("not-tunnel", 1, length);
      return;
    }
    const { headers, port } = senders.find(come.bytes, come.addressAt(index));
    come.readControls(index);
    const { segment: step, fields } = come;
    if (headers === undefined) {
      this.drop("unknown-remote", step === 0 ? 1 : Math.ceil(length / step), length);
      return;
    }
    const slot = come.slot(index);
    const { kernels } = this.#memory;
    let done = 0;
    do {
      if (this.#joining === headers && this.#joiningPort === port && this.#joiningFields === fields) {
        done += kernels.joinMore(slot + done, length - done, step);
        if (done > 0 && done === length) return;
      }
      const bytes = Math.min(step, length - done);
      this.#land(headers, port, fields, slot + done, bytes);
      done += bytes;
    } while (done < length);
  }

  /** A datagram becomes a packet, to which others may be joined. */
  #land(headers: OuterHeaders, port: number, fields: number, from: number, length: number): void {
    this.#endJoining();
    const landing = this.#landing;
    if (!landing.hasRoom) this.#handOver();
    const { bytes, kernels } = this.#memory;
    const { frame } = landing;
    headers.write(bytes, frame, port, length, fields & 0xff, fields >>> TTL_SHIFT);
    const to = frame + headers.length;
    bytes.copyWithin(to, from, from + length);
    landing.land(headers.length + length);
    if (!this.offloads.segmentation || kernels.joinBegin(to, length, 1) === 0) return;
    this.#joining = headers;
    this.#joiningPort = port;
    this.#joiningFields = fields;
  }

  /** What has been joined becomes one packet. */
  #endJoining(): void {
    const headers = this.#joining;
    if (headers === undefined) return;
    this.#joining = undefined;
    const { bytes, kernels } = this.#memory;
    const length = kernels.joinEnd();
    if (length === 0) return;
    const landing = this.#landing;
    const fields = this.#joiningFields;
    headers.write(bytes, landing.lastFrame, this.#joiningPort, length, fields & 0xff, fields >>> TTL_SHIFT);
    landing.lengthen(headers.length + length, headers.length + kernels.joinedWire());
  }

  #handOver(): void {
    this.#endJoining();
    const burst = this.#landing.take();
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
    this.#outgoing.close();
    await Promise.all(this.#sockets.map(({ watch }) => watch?.end()));
    for (const { udp } of this.#sockets) udp.close();
  }
}

/** @throws ArgumentError that names the option which the system refuses. */
function openAddresses(
  native: Native,
  { local, ports, sourcePorts, offloads }: LinuxCarrierPlan,
  undo: Undo,
): CarrierAddress[] {
  if (local.length === 0 || ports.length === 0) {
    const path = local.length === 0 ? "local" : "ports";
    throw new ArgumentRangeError("out-of-range", path, "expected one at least, got none");
  }
  const open = (address: string, port: number, end: string, ofPort: string): CarrierSocket => {
    const at = { address, port };
    try {
      const udp = undo.closes(UdpSocket.bound(native, at, offloads));
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
