// Opens WebSockets where the platform may have none.

import {
  openWebSocketPort as openAnywhere,
  type WebSocketClass,
  type WebSocketPortOptions,
} from "../websocket/open-websocket.ts";
import type { WebSocketPort } from "../websocket/websocket-port.ts";
import { loadWs } from "./ws-package.ts";

/**
 * As `openWebSocketPort` of `frameferry/websocket`. Node before version 22 has no WebSocket: there that of the package ws is
 * taken.
 *
 * @throws ArgumentError as that does, and `unsupported` at `ws` if it is needed and not installed.
 */
export async function openWebSocketPort(
  url: string,
  options: WebSocketPortOptions = {},
): Promise<WebSocketPort> {
  const { WebSocket } = globalThis as { WebSocket?: WebSocketClass };
  const isThere = WebSocket !== undefined || options?.WebSocket !== undefined;
  if (isThere || typeof options !== "object" || options === null) return openAnywhere(url, options);
  return openAnywhere(url, { ...options, WebSocket: (await loadWs("openWebSocketPort")).WebSocket });
}
