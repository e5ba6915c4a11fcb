// What the capture kernels know of captures: a stamp for each descriptor, an interface table.

// A stamp: what a capture knows of a frame beside its bytes.
export const STAMP_TICKS = 0; // 64 bits; pcap: seconds << 32 | fraction; pcapng: units of the interface
export const STAMP_INTERFACE = 8;
export const STAMP_OPTIONS = 12; // address of the packet's options as they stand in the input; pcapng only
export const STAMP_OPTIONS_LENGTH = 16;
export const STAMP_BLOCK_TYPE = 20; // pcapng only
export const STAMP_LINK = 24; // link and trailer as they were read: the two bytes of a descriptor
export const STAMP_TRAILER = 26; // bytes of the trailer that the capture holds; a crop may have taken it
export const STAMP_LENGTH = 32;

// The interface table: what the interfaces of the input are, and by which of the output's their records leave.
export const INTERFACE_ENTRY_LINK = 0; // 8 bits: with what frames begin (link.layout)
export const INTERFACE_ENTRY_TRAILER = 1; // 8 bits: bytes of a declared check sequence
export const INTERFACE_ENTRY_SNAP_LENGTH = 4;
export const INTERFACE_ENTRY_UNITS = 8; // 64 bits: ticks a second; where they are more than fit:
export const INTERFACE_UNITS_FINE = 0xffffffff; // this in the upper half, and the byte of if_tsresol in the lower
export const INTERFACE_ENTRY_OFFSET = 16; // 64 bits, signed: seconds
export const INTERFACE_ENTRY_UNCHANGED = 24; // the output's number for frames that are as they were
export const INTERFACE_ENTRY_ETHERNET = 28; // for what has become an Ethernet frame
export const INTERFACE_ENTRY_RAW = 32; // for what has become a raw IP packet
export const INTERFACE_ENTRY_SNAP_LENGTH_OUT = 36; // what the output says in place of the snap length
export const INTERFACE_ENTRY_LENGTH = 40;
/** In place of a number: the output has no interface for such frames. */
export const INTERFACE_NONE = 0xffffffff;
export const INTERFACES_MAXIMUM = 65536;
