// The module of offloads, of ports of Linux alone: cutting super-frames, joining segments, and what TAPs say in front of frames.
// Each port has a memory of its own for it, which the system reads and writes. It has no static data.

export { cut } from "./segment-cut";
export { joinBegin, joinEnd, joinedWire, joinMore, tunnelLength } from "./segment-join";
export { giveFrame, takeFrame } from "./segment-vnet";
