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
