// What the capture kernels know of captures: a stamp for each descriptor, an interface table.

// A stamp: what a capture knows of a frame beside its bytes.
export const STAMP_TICKS = 0; // 64 bits; pcap: seconds << 32 | fraction; pcapng: units of the interface
export const STAMP_INTERFACE = 8;
export const STAMP_OPTIONS = 12; // address of the packet's options as they stand in the input; pcapng only
export const STAMP_OPTIONS_LENGTH = 16;
export const STAMP_BLOCK_TYPE = 20; // pcapng only
export const STAMP_LENGTH = 32;

// The interface table.
export const INTERFACE_ENTRY_LINK_TYPE = 0;
export const INTERFACE_ENTRY_SNAP_LENGTH = 4;
export const INTERFACE_ENTRY_UNITS = 8; // 64 bits: ticks a second; where they are more than fit:
export const INTERFACE_UNITS_FINE = 0xffffffff; // this in the upper half, and the byte of if_tsresol in the lower
export const INTERFACE_ENTRY_OFFSET = 16; // 64 bits, signed: seconds
export const INTERFACE_ENTRY_LENGTH = 32;
export const INTERFACES_MAXIMUM = 65536;
