// `frameferry/capture-port`: captures that are played out of a port, and written by one, in pages and in Node.

export { CapturePort, capturePort } from "./replay/capture-port.ts";
export type { CapturePortOptions, PlayedCapture } from "./replay/capture-port-options.ts";
