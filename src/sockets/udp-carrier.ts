// A switch's uplink on a real network, by Node's `dgram` alone. What leaves the uplink are whole packets; a socket takes
// what UDP carries, and writes the headers itself. So headers are taken off here and put in front again, in place of
// those that the system does not hand out. There is one call of Node for each datagram, and nothing that grows with
// who sends: a stranger costs a look into a table.

import type { RemoteInfo, Socket } from "node:dgram";
import { ETHERNET_LENGTH } from "../layout/ethernet.layout.ts";
import { QueuePort } from "../port/queue-port.ts";
import {
  type CarrierPlan,
  type CarrierRemote,
  carrierPlan,
  checkedRemotes,
  type UdpCarrierOptions,
} from "./carrier-options.ts";
import { type CarrierAddress, type CarrierSocket, openAddresses } from "./carrier-sockets.ts";
import { CarrierWays } from "./carrier-ways.ts";
import { type AddressEndpoint, endText } from "./ends.ts";
import { OuterPlaces } from "./outer-headers.ts";
import { codeOf, reasonOf, UNREACHABLE } from "./send-errors.ts";
import { SendTurn } from "./send-turn.ts";

/** What comes in one turn is put together here, until it goes into the queue in one burst. */
const COME_BYTES: number = 1 << 18;

/**
 * Joins a switch's uplink to a network: what leaves the uplink goes out as UDP datagrams, VXLAN, VXLAN-GPE or Geneve,
 * and what comes goes in. Resolves when all its addresses are bound.
 *
 *     const sw = await createSwitch({ vtep: { address: "10.1.5.8" } });
 *     const carrier = await openUdpCarrier({ local: "10.1.5.8", remotes: ["10.1.5.7"] });
 *     connect(sw.uplink, carrier);
 *
 * @throws ArgumentError for options that cannot be: `taken` at `local` if another socket has one of its ends.
 */
export async function openUdpCarrier(options: UdpCarrierOptions): Promise<UdpCarrier> {
  return UdpCarrier.open(carrierPlan(options));
}

/** Made by `openUdpCarrier`. Until it is closed, it keeps the process alive; see `unref`. */
export class UdpCarrier extends QueuePort {
  /** Where datagrams come in, with the ports that the system has given. */
  readonly locals: readonly AddressEndpoint[];
  readonly #sockets: readonly Socket[];
  readonly #ways: CarrierWays<CarrierAddress>;
  /** Resolves when all sockets are closed. */
  readonly #gone: Promise<unknown>;
  readonly #turn: SendTurn = new SendTurn(() => this.bell.ring());
  readonly #places: OuterPlaces = new OuterPlaces();
  /** Packets that have come in this turn, and the bytes that they are made of. */
  #come: Uint8Array[] = [];
  readonly #room: Uint8Array = new Uint8Array(COME_BYTES);
  #roomTaken = 0;
  #isReleased = false;

  /** For `openUdpCarrier`. */
  static async open(plan: CarrierPlan): Promise<UdpCarrier> {
    return new UdpCarrier(await openAddresses(plan), plan);
  }

  private constructor(addresses: readonly CarrierAddress[], plan: CarrierPlan) {
    const locals = addresses.flatMap(({ listening }) => listening.map(({ local }) => local));
    const { name = `carrier-${endText(locals[0] as AddressEndpoint)}`, mtu, queueFrames, queueBytes } = plan;
    super({ name, mtu, queueFrames, queueBytes });
    this.locals = locals;
    this.#ways = new CarrierWays(addresses, plan.remotes);
    this.#sockets = addresses.flatMap(({ sockets }) => sockets.map(({ socket }) => socket));
    this.#gone = Promise.all(
      this.#sockets.map((socket) => new Promise<void>((resolve) => socket.once("close", () => resolve()))),
    );
    for (const socket of this.#sockets) socket.on("error", (error) => this.#complain(error));
    for (const { listening, spread } of addresses) {
      for (const each of listening)
        each.socket.on("message", (bytes, from) => this.#arrive(each, bytes, from));
      for (const { socket } of spread)
        socket.on("message", (bytes) => this.drop("not-tunnel", 1, bytes.length));
    }
  }

  /** Of whole packets behind their Ethernet header: they carry no tag. */
  override get longest(): number {
    return this.mtu + ETHERNET_LENGTH;
  }

  /** From now on it speaks with these, as the option `remotes` says; what is under way already stays so. */
  setRemotes(remotes: readonly CarrierRemote[] | undefined): void {
    this.#ways.remotes = checkedRemotes(remotes);
  }

  /** Lets the process end although the carrier is open. */
  unref(): this {
    for (const socket of this.#sockets) socket.unref();
    return this;
  }

  /** Takes `unref` back. */
  ref(): this {
    for (const socket of this.#sockets) socket.ref();
    return this;
  }

  protected override put(frames: readonly Uint8Array[], first: number, end: number): number {
    let index = first;
    for (; index < end; index++) if (!this.#leave(frames[index] as Uint8Array)) break;
    return index - first;
  }

  /** Datagrams that libuv has still are given up: nobody says when there would be room for them. */
  protected override async shut(): Promise<void> {
    this.#release();
    await this.#gone;
    this.#handOver();
    await this.bell.until(() => (this.#turn.underWay === 0 ? true : undefined));
  }

  protected override get waiting(): number {
    return super.waiting + this.#come.length + this.#turn.underWay;
  }

  /** Sends what a packet carries, or drops it; false if there is no room for it now. */
  #leave(frame: Uint8Array): boolean {
    const places = this.#places;
    const reason = places.read(frame);
    if (reason !== undefined) {
      this.drop(reason, 1, frame.length);
      return true;
    }
    const { sourcePort, destinationPort } = places;
    const way = this.#ways.find(frame, places.addresses, places.addressLength);
    // Node takes no port 0.
    if (
      way === undefined ||
      destinationPort === 0 ||
      !(way.ports === "all" || way.ports.has(destinationPort))
    ) {
      this.drop("other-address", 1, frame.length);
      return true;
    }
    const copy = this.#turn.take(frame.subarray(places.payload, places.end));
    if (copy === undefined) return false;
    const { length } = frame;
    way.from
      .socketFor(sourcePort, destinationPort)
      .send(copy, destinationPort, way.to, (error) => this.#sent(length, error));
    return true;
  }

  #sent(length: number, error: Error | null): void {
    if (error !== null && error !== undefined) this.drop(reasonOf(codeOf(error)), 1, length);
    this.#turn.done();
  }

  #arrive(at: CarrierSocket, bytes: Uint8Array, { address, port }: RemoteInfo): void {
    const zone = address.indexOf("%");
    const sender = zone < 0 ? address : address.slice(0, zone);
    if (!this.#ways.takes(sender, port)) {
      this.drop("unknown-remote", 1, bytes.length);
      return;
    }
    const headers = at.headersFrom(sender);
    const length = headers.length + bytes.length;
    if (this.#roomTaken + length > COME_BYTES) this.#handOver();
    const first = this.#roomTaken;
    this.#roomTaken += length;
    headers.write(this.#room, first, port, bytes.length);
    this.#room.set(bytes, first + headers.length);
    this.#come.push(this.#room.subarray(first, this.#roomTaken));
    if (this.#come.length === 1) setImmediate(() => this.#handOver());
  }

  /** The queue keeps copies. */
  #handOver(): void {
    const frames = this.#come;
    if (frames.length === 0) return;
    this.#come = [];
    this.#roomTaken = 0;
    this.deliver(frames);
  }

  /** A socket has heard of something that passes, or is of no use any more. */
  #complain(error: Error): void {
    if (UNREACHABLE.has(codeOf(error))) {
      this.drop("unreachable", 1, 0);
      return;
    }
    this.#handOver();
    this.refuse(error);
    this.finish(error);
    this.#release();
  }

  #release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    for (const socket of this.#sockets) socket.close();
  }
}
