// `frameferry/node`: what only Node has. Captures in files, for `processCapture`, and ports over sockets.

import type { CaptureInput, CaptureOutput } from "./capture/capture-io.ts";
import { packedOutput, unpackedInput } from "./capture/packed-io.ts";
import { ArgumentRangeError } from "./core/argument-error.ts";
import { wrongType } from "./core/arguments.ts";
import { containerOfName, transformFor } from "./pcap/container.ts";
import { openInputFile } from "./platform/node-input.ts";
import { createOutputFile } from "./platform/node-output.ts";

export type { CaptureInput, CaptureOutput } from "./capture/capture-io.ts";
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

/**
 * Opens a capture for reading; `"-"` is standard input. One that is packed with gzip, or with zstd where Node has it (22.15,
 * 23.8), is unpacked, whatever its name.
 *
 *     await processCapture(await openCaptureFile("in.pcap"), pipeline, await createCaptureFile("out.pcap"));
 *
 * @throws FileError if the file cannot be opened; reading rejects with one as well.
 */
export async function openCaptureFile(path: string): Promise<CaptureInput> {
  return unpackedInput(await openInputFile(checkedPath(path)));
}

/**
 * Makes a capture file; `"-"` is standard output. A name that ends in `.gz` or `.zst` packs it.
 *
 * The file appears under its name when it is closed, complete, in place of one that was there, whose permissions it
 * takes over; the bytes are with the system then, which may take its time to bring them to the disk. Until then
 * they stand in a hidden file in the same folder, which is deleted on abort and when the process ends, by a signal
 * too unless the program listens to it itself. A symbolic link stays, and the file behind it is replaced. A device or
 * a named pipe is written to directly.
 *
 * @throws FileError if it cannot be made; writing and closing reject with one as well.
 */
export async function createCaptureFile(path: string): Promise<CaptureOutput> {
  const container = containerOfName(checkedPath(path));
  // What the platform cannot do is said before a file is touched.
  if (container !== undefined) transformFor(container, "pack");
  const output = await createOutputFile(path);
  return container === undefined ? output : packedOutput(output, container);
}

function checkedPath(path: string): string {
  if (typeof path !== "string") throw wrongType("path", "a string", path);
  if (path === "" || path.includes("\0")) {
    throw new ArgumentRangeError(
      "malformed",
      "path",
      `expected the name of a file, got ${JSON.stringify(path)}`,
    );
  }
  return path;
}
