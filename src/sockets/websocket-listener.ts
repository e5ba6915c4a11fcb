// Listens for WebSockets, and makes a port of each: pages and programs plug machines in. A page may open a WebSocket to any
// address that its user reaches, with no question asked, so a page is let in only if its origin is in a list; and whoever
// asks for a token hands no port on before it has come.

import { createHash, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { Duplex } from "node:stream";
import { checkFields, type Fields, list, object, text, whole } from "../core/fields.ts";
import {
  type WebSocketDefaults,
  type WebSocketOptions,
  webSocketFields,
} from "../websocket/websocket-options.ts";
import { MESSAGE_MAXIMUM, WebSocketPort } from "../websocket/websocket-port.ts";
import {
  type AddressEnd,
  type AddressEndpoint,
  endpointOf,
  endText,
  type ListenEnd,
  listenEndFields,
} from "./ends.ts";
import { PortListener } from "./port-listener.ts";
import { listening } from "./stream-socket.ts";
import { loadWs, type ServedWebSocket, type WsServer } from "./ws-package.ts";

export interface WebSocketListenerOptions extends WebSocketOptions {
  /** Where peers come in. Default: a free port of 127.0.0.1. */
  readonly local?: ListenEnd | undefined;
  /**
   * Origins of pages that may come in, as `https://lab.example`; `"*"` is every page. Default: none. Programs say no
   * origin and are not asked for it.
   */
  readonly origins?: readonly string[] | undefined;
  /** Paths that may be asked for, as `/sales`; the port's `target` says which it was. Default: all. */
  readonly paths?: readonly string[] | undefined;
  /** Most peers at once, those without their token yet included: 1 to 65,536, default 64. */
  readonly most?: number | undefined;
  /** How often a peer is asked whether it is there still; it is given up if it has not answered by the next time. 0 is never, default 30,000. */
  readonly pingMs?: number | undefined;
}

type Defaults = WebSocketDefaults | "local" | "origins" | "most" | "pingMs";

export const webSocketListenerFields: Fields<WebSocketListenerOptions, Defaults> = {
  ...webSocketFields,
  local: {
    ...object<ListenEnd, "address" | "port">(listenEndFields),
    fallback: { address: "127.0.0.1", port: 0 },
  },
  origins: { ...list(text()), fallback: [] },
  paths: list(text()),
  most: { ...whole(1, 65536), fallback: 64 },
  pingMs: { ...whole(0, 2 ** 31 - 1), fallback: 30_000 },
};

type ListenerPlan = ReturnType<typeof planOf>;

/** How long a token may take to come. */
const TOKEN_MILLISECONDS = 5000;
/** What a WebSocket says that is ended because of who its peer is (RFC 6455 §7.4.1). */
const POLICY = 1008;

/**
 * Listens for WebSockets, as v86 and `openWebSocketPort` open them, and resolves when it does. It needs the package ws.
 *
 *     const listener = await listenWebSocketPorts({
 *       local: { port: 8086 },
 *       origins: ["https://lab.example"],
 *       token,
 *     });
 *     for await (const vm of listener) connect(await sw.addPort({ bridgeDomain }), vm);
 *
 * @throws ArgumentError for options that cannot be: `unsupported` at `ws` if that is not installed.
 */
export async function listenWebSocketPorts(
  options: WebSocketListenerOptions = {},
): Promise<WebSocketListener> {
  const plan = planOf(options);
  const { WebSocketServer } = await loadWs("listenWebSocketPorts");
  const accepting = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: MESSAGE_MAXIMUM,
    // v86 and websockify ask for it; of others nothing is known.
    handleProtocols: (offered: ReadonlySet<string>) => (offered.has("binary") ? "binary" : false),
  });
  const server = createServer({ headersTimeout: 5000, requestTimeout: 5000 }, (_, response) => {
    response.writeHead(426, { connection: "close", "content-length": 0 }).end();
  });
  await listening(server, plan.local);
  return new WebSocketListener(server, accepting, plan);
}

function planOf(options: WebSocketListenerOptions) {
  const checked = checkFields<WebSocketListenerOptions, Defaults>(
    "options",
    webSocketListenerFields,
    options,
  );
  // The check has put an address in.
  return { ...checked, local: endpointOf(checked.local as AddressEnd) };
}

/** Made by `listenWebSocketPorts`. Until it is closed, it keeps the process alive; see `unref`. */
export class WebSocketListener extends PortListener<WebSocketPort> {
  /** Where peers come in, with the port that the system has given. */
  readonly local: AddressEndpoint;
  readonly #server: Server;
  readonly #accepting: WsServer;
  readonly #plan: ListenerPlan;
  readonly #token: Uint8Array | undefined;
  /** Who is there, and whether it has been heard of since it was last asked. */
  readonly #peers: Map<ServedWebSocket, boolean> = new Map();
  readonly #strangers: Set<ServedWebSocket> = new Set();
  readonly #timer: ReturnType<typeof setInterval> | undefined;

  /** For `listenWebSocketPorts`, with a server of Node and one of ws: their types would ask users for Node's types. */
  constructor(serving: object, accepting: object, plan: object) {
    const checked = plan as ListenerPlan;
    super(checked.most);
    const server = serving as Server;
    const { address, port } = server.address() as AddressEndpoint;
    this.local = { address, port };
    this.#server = server;
    this.#accepting = accepting as WsServer;
    this.#plan = checked;
    this.#token = checked.token === undefined ? undefined : digestOf(checked.token);
    server.on("upgrade", (request, socket, head) => this.#arrive(request, socket, head));
    server.on("error", (error) => this.failed(error));
    if (checked.pingMs === 0) return;
    this.#timer = setInterval(() => this.#ask(), checked.pingMs);
    this.#timer.unref();
  }

  /** The address to open, with the path `/`. */
  get url(): string {
    return `ws://${endText(this.local)}/`;
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
    this.#server.close();
    this.#server.closeAllConnections();
    for (const socket of this.#strangers) socket.terminate();
    if (this.#peers.size === 0) clearInterval(this.#timer);
  }

  #arrive(request: IncomingMessage, socket: Duplex, head: Uint8Array): void {
    socket.on("error", () => {});
    const status = this.#refusal(request);
    if (status !== undefined) {
      socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
      return;
    }
    this.entered();
    let isServed = false;
    // ws answers by itself where the request is none of its kind.
    socket.once("close", () => this.left());
    this.#accepting.handleUpgrade(request, socket, head, (served) => {
      isServed = true;
      this.#meet(served, request.url ?? "/");
    });
    if (!isServed) this.refused();
  }

  /** The status with which somebody is turned away, which is counted; undefined for those who may come in. */
  #refusal({ headers, url = "/" }: IncomingMessage): string | undefined {
    const { origins, paths } = this.#plan;
    const { origin } = headers;
    const isForeign = origin !== undefined && !origins.includes("*") && !origins.includes(origin);
    const isElsewhere = paths !== undefined && !paths.includes(url.split("?", 1)[0] as string);
    if (isForeign || isElsewhere) {
      this.refused();
      return isForeign ? "403 Forbidden" : "404 Not Found";
    }
    return this.hasRoom() ? undefined : "503 Service Unavailable";
  }

  #meet(socket: ServedWebSocket, target: string): void {
    this.#peers.set(socket, true);
    const alive = (): void => void (this.#peers.has(socket) && this.#peers.set(socket, true));
    socket.on("pong", alive);
    socket.on("message", alive);
    socket.on("error", () => {});
    socket.on("close", () => {
      this.#peers.delete(socket);
      this.#strangers.delete(socket);
      if (this.isClosing && this.#peers.size === 0) clearInterval(this.#timer);
    });
    if (this.#token === undefined) this.#take(socket, target);
    else this.#askForToken(socket, target, this.#token);
  }

  #askForToken(socket: ServedWebSocket, target: string, token: Uint8Array): void {
    this.#strangers.add(socket);
    const refuse = (why: string): void => {
      this.refused();
      this.#strangers.delete(socket);
      socket.off("message", look);
      socket.close(POLICY, why);
    };
    const timer = setTimeout(() => refuse("no token has come"), TOKEN_MILLISECONDS);
    const look = (data: Uint8Array, isBinary: boolean): void => {
      clearTimeout(timer);
      if (isBinary || !timingSafeEqual(digestOf(data), token)) {
        refuse("another token");
        return;
      }
      socket.off("message", look);
      this.#strangers.delete(socket);
      this.#take(socket, target);
    };
    socket.on("message", look);
    socket.on("close", () => clearTimeout(timer));
  }

  #take(socket: ServedWebSocket, target: string): void {
    const { mtu, bufferBytes, queueFrames, queueBytes } = this.#plan;
    const name = `websocket-${target}`;
    this.accepted(new WebSocketPort(socket, { name, target, mtu, bufferBytes, queueFrames, queueBytes }));
  }

  /** Whoever has not been heard of since the last time is given up. */
  #ask(): void {
    for (const [socket, isAlive] of this.#peers) {
      if (!isAlive) {
        socket.terminate();
        continue;
      }
      this.#peers.set(socket, false);
      socket.ping();
    }
  }
}

/** Of one length, so that comparing takes the same time whatever has come. */
function digestOf(token: string | Uint8Array): Uint8Array {
  return createHash("sha256").update(token).digest();
}
