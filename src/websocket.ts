// `frameferry/websocket`: frames over a WebSocket, in pages and in Node. Who listens is in `frameferry/node`.

export type { WebSocketClass, WebSocketPortOptions } from "./websocket/open-websocket.ts";
export { openWebSocketPort } from "./websocket/open-websocket.ts";
export type { WebSocketOptions } from "./websocket/websocket-options.ts";
export { type WebSocketLike, WebSocketPort } from "./websocket/websocket-port.ts";
