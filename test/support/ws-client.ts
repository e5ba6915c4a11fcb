// The WebSocket of the package ws, as a client that is no port. What tests use of it is written down here: it brings no types.
import type { EventEmitter } from "node:events";

export interface WebSocket extends EventEmitter {
  readonly readyState: number;
  readonly protocol: string;
  send(data: string | Uint8Array): void;
  close(): void;
  terminate(): void;
}

interface WebSocketClass {
  new (url: string, protocols: readonly string[], options: object): WebSocket;
  readonly OPEN: number;
}

const ws = (await import("ws" as string)) as { readonly WebSocket: WebSocketClass };

export const WebSocket: WebSocketClass = ws.WebSocket;
