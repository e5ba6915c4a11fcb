// Opens a WebSocket to whoever serves frames there, and makes a port of it.

import { ArgumentRangeError } from "../core/argument-error.ts";
import { callback, checkFields, type Fields, text } from "../core/fields.ts";
import { type WebSocketDefaults, type WebSocketOptions, webSocketFields } from "./websocket-options.ts";
import { type WebSocketLike, WebSocketPort } from "./websocket-port.ts";

/** Makes WebSockets: the platform's, or that of the package ws. */
export type WebSocketClass = new (url: string) => WebSocketLike;

export interface WebSocketPortOptions extends WebSocketOptions {
  /** Default: `websocket-` and the address. */
  readonly name?: string | undefined;
  /** What makes the WebSocket. Default: the platform's own; Node has none before version 22. */
  readonly WebSocket?: WebSocketClass | undefined;
}

export const webSocketPortFields: Fields<WebSocketPortOptions, WebSocketDefaults> = {
  ...webSocketFields,
  name: text(),
  WebSocket: callback<never>() as never,
};

/**
 * Opens a WebSocket, and resolves when it stands. What comes before anybody reads waits in the port's queue.
 *
 *     const relay = await openWebSocketPort("wss://lab.example/sales", { token });
 *     connect(await sw.addPort({ bridgeDomain }), relay);
 *
 * @throws ArgumentError for options that cannot be: `not-found` at `url` if nobody opens one there, for whatever reason.
 */
export async function openWebSocketPort(
  url: string,
  options: WebSocketPortOptions = {},
): Promise<WebSocketPort> {
  const address = checkedUrl(url);
  const {
    name = `websocket-${address}`,
    token,
    WebSocket = platformWebSocket(),
    ...traits
  } = checkFields<WebSocketPortOptions, WebSocketDefaults>("options", webSocketPortFields, options);
  const socket = new WebSocket(address);
  return new Promise((resolve, reject) => {
    const fail = (): void =>
      reject(new ArgumentRangeError("not-found", "url", `no WebSocket opens at ${address}`));
    socket.addEventListener("error", fail);
    socket.addEventListener("close", fail);
    // Here, and not when the promise has told: messages may come at once.
    socket.addEventListener("open", () => {
      const port = new WebSocketPort(socket, { ...traits, name, target: address });
      if (token !== undefined) socket.send(token);
      resolve(port);
    });
  });
}

function checkedUrl(url: unknown): string {
  const address = text().check("url", url);
  if (/^wss?:\/\/[^/?#]/i.test(address) && !address.includes("#") && URL.canParse(address)) return address;
  const sentence = `expected an address that begins with ws:// or wss://, got ${JSON.stringify(address)}`;
  throw new ArgumentRangeError("malformed", "url", sentence);
}

function platformWebSocket(): WebSocketClass {
  const { WebSocket } = globalThis as { WebSocket?: WebSocketClass };
  if (WebSocket !== undefined) return WebSocket;
  const sentence =
    "this platform has no WebSocket; in Node before 22, give the one of the package ws, or take openWebSocketPort of " +
    "frameferry/node, which looks for it";
  throw new ArgumentRangeError("unsupported", "WebSocket", sentence);
}
