// Listens for peers that bring frames in a stream, and makes a port of each.

import { createServer, type Server, type Socket } from "node:net";
import { checkFields } from "../core/fields.ts";
import { PortListener } from "./port-listener.ts";
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
export class StreamListener extends PortListener<StreamPort> {
  /** Where peers come in, with the port that the system has given. */
  readonly local: StreamEndpoint;
  readonly #server: Server;
  readonly #plan: StreamPlan;

  /** For `listenStreamPorts`, with a server: its type would ask users for Node's types. */
  constructor(serving: object, local: StreamEndpoint, plan: StreamPlan, most: number) {
    super(most);
    const server = serving as Server;
    const bound = server.address();
    this.local =
      typeof bound === "object" && bound !== null ? { address: bound.address, port: bound.port } : local;
    this.#server = server;
    this.#plan = plan;
    server.on("connection", (socket) => this.#arrive(socket));
    server.on("error", (error) => this.failed(error));
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

  protected override shut(): void {
    // It is not waited for: the server's own callback comes when the last of its streams has ended.
    this.#server.close();
  }

  #arrive(socket: Socket): void {
    if (!this.hasRoom()) {
      socket.destroy();
      return;
    }
    this.entered();
    socket.once("close", () => this.left());
    const { remoteAddress, remotePort } = socket;
    const remote =
      remoteAddress === undefined || remotePort === undefined
        ? this.local
        : { address: remoteAddress, port: remotePort };
    this.accepted(StreamPort.over(socket, remote, this.#plan));
  }
}
