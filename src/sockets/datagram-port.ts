// A port whose frames travel in UDP datagrams, one in each, as QEMU's `-netdev dgram` and socat send them. It sends a
// bounded share each turn of the event loop, and hands over in one burst what has come in one.

import type { RemoteInfo, Socket } from "node:dgram";
import { QueuePort } from "../port/queue-port.ts";
import {
  type DatagramEndpoint,
  type DatagramPlan,
  type DatagramPortOptions,
  datagramPlan,
} from "./datagram-options.ts";
import { connectedSocket } from "./datagram-socket.ts";
import { endText } from "./ends.ts";
import { codeOf, reasonOf, UNREACHABLE } from "./send-errors.ts";
import { SendTurn } from "./send-turn.ts";

/**
 * Opens a port whose frames are UDP datagrams between two addresses: resolves when it is bound and connected. The peer
 * need not be there yet. What others send to the address never arrives.
 *
 *     const vm = await openDatagramPort({
 *       local: { address: "127.0.0.1", port: 47101 },
 *       remote: { address: "127.0.0.1", port: 47102 },
 *     });
 *     connect(await sw.addPort({ bridgeDomain }), vm);
 *
 * @throws ArgumentError for options that cannot be: `taken` at `local` if another socket has that address.
 */
export async function openDatagramPort(options: DatagramPortOptions): Promise<DatagramPort> {
  return DatagramPort.open(datagramPlan(options));
}

/** Made by `openDatagramPort`. Until it is closed, it keeps the process alive; see `unref`. */
export class DatagramPort extends QueuePort {
  /** Where frames come in, with the port that the system has given. */
  readonly local: DatagramEndpoint;
  /** Where they go, and come from. */
  readonly remote: DatagramEndpoint;
  readonly #socket: Socket;
  /** Resolves when the socket is closed. */
  readonly #gone: Promise<void>;
  /** What has come in this turn. */
  #come: Uint8Array[] = [];
  readonly #turn: SendTurn = new SendTurn(() => this.bell.ring());
  /** Bytes of the last frame that the kernel took. */
  #lastLength = 0;
  #isReleased = false;

  /** For `openDatagramPort`. */
  static async open(plan: DatagramPlan): Promise<DatagramPort> {
    return new DatagramPort(await connectedSocket(plan), plan);
  }

  private constructor(socket: Socket, { name, mtu, queueFrames, queueBytes }: DatagramPlan) {
    const [local, remote] = [socket.address(), socket.remoteAddress()].map(({ address, port }) => ({
      address,
      port,
    })) as [DatagramEndpoint, DatagramEndpoint];
    super({ name: name ?? `udp-${endText(local)}-${endText(remote)}`, mtu, queueFrames, queueBytes });
    this.local = local;
    this.remote = remote;
    this.#socket = socket;
    this.#gone = new Promise((resolve) => socket.once("close", resolve));
    socket.on("message", (frame, from) => this.#arrive(frame, from));
    socket.on("error", (error) => this.#complain(error));
  }

  /** Lets the process end although the port is open. */
  unref(): this {
    this.#socket.unref();
    return this;
  }

  /** Takes `unref` back. */
  ref(): this {
    this.#socket.ref();
    return this;
  }

  protected override put(frames: readonly Uint8Array[], first: number, end: number): number {
    let index = first;
    for (; index < end; index++) {
      const copy = this.#turn.take(frames[index] as Uint8Array);
      if (copy === undefined) break;
      const { length } = copy;
      this.#socket.send(copy, (error) => this.#sent(length, error));
    }
    return index - first;
  }

  /** Frames that libuv has still are given up: nobody says when there would be room for them. */
  protected override async shut(): Promise<void> {
    this.#release();
    await this.#gone;
    // That is said at once, before the turn is over.
    this.#handOver();
    await this.bell.until(() => (this.#turn.underWay === 0 ? true : undefined));
  }

  protected override get waiting(): number {
    return super.waiting + this.#come.length + this.#turn.underWay;
  }

  /** The kernel or an error has a frame. */
  #sent(length: number, error: Error | null): void {
    if (error === null || error === undefined) this.#lastLength = length;
    else this.#lose(length, codeOf(error));
    this.#turn.done();
  }

  #lose(length: number, code: string): void {
    // It tells of a frame that the kernel took before, and has kept this one from being sent.
    if (code === "ECONNREFUSED") this.drop("unreachable", 1, this.#lastLength);
    this.drop(reasonOf(code), 1, length);
  }

  #arrive(frame: Uint8Array, { address, port }: RemoteInfo): void {
    // From before the socket was connected.
    if (port !== this.remote.port || address !== this.remote.address) return;
    this.#come.push(frame);
    if (this.#come.length === 1) setImmediate(() => this.#handOver());
  }

  #handOver(): void {
    const frames = this.#come;
    if (frames.length === 0) return;
    this.#come = [];
    this.deliver(frames);
  }

  /** The socket has heard that a frame did not arrive, or is of no use any more. */
  #complain(error: Error): void {
    if (UNREACHABLE.has(codeOf(error))) {
      this.drop("unreachable", 1, this.#lastLength);
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
    this.#socket.close();
  }
}
