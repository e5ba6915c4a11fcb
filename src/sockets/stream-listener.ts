// Listens for peers that bring frames in a stream, and makes a port of each.

import { createServer, type Server, type Socket } from "node:net";
import { checkFields } from "../core/fields.ts";
import { LocalBell } from "../ring/bell.ts";
import {
  expectLengths,
  type StreamEndpoint,
  type StreamListenerOptions,
  type StreamPlan,
  streamEndpointOf,
  streamListenerFields,
} from "./stream-options.ts";
import { StreamPort } from "./stream-port.ts";
import { listening } from "./stream-socket.ts";

/**
 * Listens at an address of TCP or at a unix socket's path, as a switch does that machines plug themselves into (QEMU's
 * `-netdev stream,server=off`), and resolves when it does. Whoever reaches the address gets in: give one that only
 * those can reach who shall.
 *
 *     const listener = await listenStreamPorts({ local: { path: "/run/sw.sock" } });
 *     for await (const vm of listener) connect(await sw.addPort({ bridgeDomain }), vm);
 *
 * @throws ArgumentError for options that cannot be: `taken` at `local` if something is there already.
 */
export async function listenStreamPorts(options: StreamListenerOptions): Promise<StreamListener> {
  const checked = checkFields<
    StreamListenerOptions,
    "local" | "most" | "mtu" | "lengthBytes" | "queueFrames" | "queueBytes"
  >("options", streamListenerFields, options);
  expectLengths(checked);
  const { most, local: wanted, ...plan } = checked;
  const local = streamEndpointOf(wanted);
  const server = createServer();
  await listening(server, local);
  return new StreamListener(server, local, plan, most);
}

/** Made by `listenStreamPorts`. Until it is closed, it keeps the process alive; see `unref`. */
export class StreamListener implements AsyncIterable<StreamPort> {
  /** Where peers come in, with the port that the system has given. */
  readonly local: StreamEndpoint;
  readonly #server: Server;
  readonly #plan: StreamPlan;
  readonly #most: number;
  readonly #bell: LocalBell = new LocalBell();
  /** Those that nobody has taken yet. */
  #come: StreamPort[] = [];
  #open = 0;
  #accepted = 0;
  #refused = 0;
  #failure: Error | undefined;
  #closing: Promise<void> | undefined;

  /** For `listenStreamPorts`, with a server: its type would ask users for Node's types. */
  constructor(serving: object, local: StreamEndpoint, plan: StreamPlan, most: number) {
    const server = serving as Server;
    const bound = server.address();
    this.local =
      typeof bound === "object" && bound !== null ? { address: bound.address, port: bound.port } : local;
    this.#server = server;
    this.#plan = plan;
    this.#most = most;
    server.on("connection", (socket) => this.#arrive(socket));
    server.on("error", (error) => {
      this.#failure = error;
      this.#bell.ring();
    });
  }

  /** Peers that came in, ports that are open now, and peers that were turned away because there were `most`. */
  counters(): { readonly accepted: number; readonly open: number; readonly refused: number } {
    return { accepted: this.#accepted, open: this.#open, refused: this.#refused };
  }

  /** Each peer that comes in, as a port; it ends when the listener is closed. */
  async *[Symbol.asyncIterator](): AsyncGenerator<StreamPort, void, undefined> {
    for (;;) {
      const port = await this.#bell.until(() => this.#next());
      if (port === null) return;
      yield port;
    }
  }

  /** Lets the process end although it listens. */
  unref(): this {
    this.#server.unref();
    return this;
  }

  /** Takes `unref` back. */
  ref(): this {
    this.#server.ref();
    return this;
  }

  /** Nobody comes in any more. Ports that nobody has taken are closed; those that were taken stay. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #next(): StreamPort | null | undefined {
    const port = this.#come.shift();
    if (port !== undefined) return port;
    if (this.#failure !== undefined) throw this.#failure;
    return this.#closing === undefined ? undefined : null;
  }

  #arrive(socket: Socket): void {
    if (this.#closing !== undefined || this.#open >= this.#most) {
      this.#refused++;
      socket.destroy();
      return;
    }
    this.#accepted++;
    this.#open++;
    socket.once("close", () => this.#open--);
    const { remoteAddress, remotePort } = socket;
    const remote =
      remoteAddress === undefined || remotePort === undefined
        ? this.local
        : { address: remoteAddress, port: remotePort };
    this.#come.push(StreamPort.over(socket, remote, this.#plan));
    this.#bell.ring();
  }

  async #close(): Promise<void> {
    const left = this.#come.splice(0);
    // It is not waited for: the server's own callback comes when the last of its streams has ended.
    this.#server.close();
    this.#bell.ring();
    await Promise.all(left.map((port) => port.close()));
  }
}
