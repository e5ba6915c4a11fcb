// UDP (RFC 768): offsets from the first byte of the header, in bytes.

export const UDP_SOURCE_PORT = 0;
export const UDP_DESTINATION_PORT = 2;
export const UDP_TOTAL_LENGTH = 4;
export const UDP_CHECKSUM = 6;
export const UDP_LENGTH = 8;
