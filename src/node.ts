// `frameferry/node`: what only Node has. Captures in files, for `processCapture`, and ports over sockets.

export type { CaptureInput, CaptureOutput } from "./capture/capture-io.ts";
export { createCaptureFile, openCaptureFile } from "./files/capture-files.ts";
export { FileError } from "./platform/file-error.ts";
export type { CarrierRemote, UdpCarrierOptions } from "./sockets/carrier-options.ts";
export type { DatagramEnd, DatagramEndpoint, DatagramPortOptions } from "./sockets/datagram-options.ts";
export { DatagramPort, openDatagramPort } from "./sockets/datagram-port.ts";
export { FramingError } from "./sockets/deframer.ts";
export { openWebSocketPort } from "./sockets/open-websocket.ts";
export { listenStreamPorts, StreamListener } from "./sockets/stream-listener.ts";
export type {
  StreamEnd,
  StreamListenerOptions,
  StreamPortOptions,
} from "./sockets/stream-options.ts";
export { openStreamPort, StreamPort } from "./sockets/stream-port.ts";
export { openUdpCarrier, UdpCarrier } from "./sockets/udp-carrier.ts";
export {
  listenWebSocketPorts,
  WebSocketListener,
  type WebSocketListenerOptions,
} from "./sockets/websocket-listener.ts";
export type { WebSocketPortOptions } from "./websocket/open-websocket.ts";
export { WebSocketPort } from "./websocket/websocket-port.ts";
