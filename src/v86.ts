// `frameferry/v86`: machines of the emulator v86 as ports, in pages and in Node.

export { type V86Like, V86Port, type V86PortOptions, v86Port } from "./v86/v86-port.ts";
