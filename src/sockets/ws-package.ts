// The package ws, which is asked for when it is used and not before: who needs no WebSockets need not install it. What is
// used of it is written down here, so that nobody needs its types either.

import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { ArgumentRangeError } from "../core/argument-error.ts";
import type { WebSocketClass } from "../websocket/open-websocket.ts";
import type { WebSocketLike } from "../websocket/websocket-port.ts";

/** A WebSocket of a server. */
export interface ServedWebSocket extends WebSocketLike {
  ping(): void;
  terminate(): void;
  on(event: "pong" | "close" | "error", listener: () => void): void;
  on(event: "message", listener: (data: Uint8Array, isBinary: boolean) => void): void;
  off(event: "message", listener: (data: Uint8Array, isBinary: boolean) => void): void;
}

export interface WsServer {
  handleUpgrade(
    request: IncomingMessage,
    socket: Duplex,
    head: Uint8Array,
    done: (socket: ServedWebSocket) => void,
  ): void;
}

interface WsPackage {
  readonly WebSocket: WebSocketClass;
  readonly WebSocketServer: new (options: object) => WsServer;
}

/** @throws ArgumentRangeError `unsupported` that names the package if it is not installed. */
export async function loadWs(who: string): Promise<WsPackage> {
  try {
    return (await import("ws" as string)) as WsPackage;
  } catch (cause) {
    const sentence = `${who} needs the package ws, which cannot be loaded: npm install ws`;
    throw new ArgumentRangeError("unsupported", "ws", sentence, { cause });
  }
}
