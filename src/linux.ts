// `frameferry/linux`: ports over devices of Linux, by calls of the C library. It needs the package koffi.

export type { LinuxCarrierOptions } from "./linux/carrier-options.ts";
export { SystemError } from "./linux/libc.ts";
export type { PacketPortOptions } from "./linux/packet-options.ts";
export { openPacketPort, PacketPort } from "./linux/packet-port.ts";
export type { SystemOffload } from "./linux/tap-device.ts";
export type { TapOptions } from "./linux/tap-options.ts";
export { openTap, TapPort } from "./linux/tap-port.ts";
export { type CarrierOffload, LinuxUdpCarrier, openUdpCarrier } from "./linux/udp-carrier.ts";
export { whole } from "./linux/whole.ts";
export type { CarrierRemote, UdpCarrierOptions } from "./sockets/carrier-options.ts";
