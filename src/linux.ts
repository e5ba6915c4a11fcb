// `frameferry/linux`: ports over devices of Linux, by calls of the C library. It needs the package koffi.

export { SystemError } from "./linux/libc.ts";
export type { TapOptions } from "./linux/tap-options.ts";
export { openTap, TapPort } from "./linux/tap-port.ts";
