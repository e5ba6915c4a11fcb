// TCP (RFC 9293 §3.1): offsets from the first byte of the header, in bytes.

export const TCP_SOURCE_PORT = 0;
export const TCP_DESTINATION_PORT = 2;
export const TCP_SEQUENCE = 4;
export const TCP_ACKNOWLEDGEMENT = 8;
export const TCP_OFFSET_FLAGS = 12; // data offset(4) | flags(12), reserved bits among them
export const TCP_WINDOW = 14;
export const TCP_CHECKSUM = 16;
export const TCP_URGENT = 18;
export const TCP_LENGTH = 20;
export const TCP_OFFSET_SHIFT = 12;
export const TCP_FLAGS_MASK = 0x0fff;
export const TCP_MAXIMUM_LENGTH = 60;
