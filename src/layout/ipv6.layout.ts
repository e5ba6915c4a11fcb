// IPv6 (RFC 8200 §3): offsets from the first byte of the packet, in bytes.

export const IPV6_FLOW = 0; // version(4) | traffic class(8) | flow label(20)
export const IPV6_PAYLOAD_LENGTH = 4;
export const IPV6_NEXT_HEADER = 6;
export const IPV6_HOP_LIMIT = 7;
export const IPV6_SOURCE = 8;
export const IPV6_DESTINATION = 24;
export const IPV6_LENGTH = 40;

export const IPV6_VERSION = 6;
export const IPV6_HOP_BY_HOP = 0;
export const IPV6_ROUTING = 43;
export const IPV6_FRAGMENT_HEADER = 44;
export const IPV6_NO_NEXT_HEADER = 59;
export const IPV6_DESTINATION_OPTIONS = 60;
export const IPV6_MOBILITY = 135;
export const IPV6_HIP = 139;
export const IPV6_SHIM6 = 140;

// Extension headers (§4): next header(8) | length(8), in units of eight bytes without the first.
export const IPV6_EXTENSION_NEXT_HEADER = 0;
export const IPV6_EXTENSION_UNITS = 1;
export const IPV6_EXTENSION_UNIT = 8;
// Fragment header (§4.5), always eight bytes: next header(8) reserved(8) | offset(13) reserved(2) M(1) | identification(32).
export const IPV6_FRAGMENT_OFFSET = 2;
export const IPV6_FRAGMENT_IDENTIFICATION = 4;
export const IPV6_FRAGMENT_OFFSET_MASK = 0xfff8; // in place: the offset in bytes
export const IPV6_FRAGMENT_MORE = 0x0001;
