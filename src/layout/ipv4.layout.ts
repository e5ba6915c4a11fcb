// IPv4 (RFC 791 §3.1): offsets from the first byte of the packet, in bytes.

export const IPV4_VERSION_IHL = 0;
export const IPV4_TOS = 1;
export const IPV4_TOTAL_LENGTH = 2;
export const IPV4_IDENTIFICATION = 4;
export const IPV4_FRAGMENT = 6;
export const IPV4_TTL = 8;
export const IPV4_PROTOCOL = 9;
export const IPV4_CHECKSUM = 10;
export const IPV4_SOURCE = 12;
export const IPV4_DESTINATION = 16;
export const IPV4_LENGTH = 20;
export const IPV4_MAXIMUM_LENGTH = 60;

export const IPV4_VERSION = 4;
/** Version 4 with a header of five words, as nearly every packet has it. */
export const IPV4_PLAIN = 0x45;
export const IPV4_DONT_FRAGMENT = 0x4000;
export const IPV4_MORE_FRAGMENTS = 0x2000;
export const IPV4_OFFSET_MASK = 0x1fff;

export const IP_PROTOCOL_ICMP = 1;
export const IP_PROTOCOL_IPV4 = 4;
export const IP_PROTOCOL_TCP = 6;
export const IP_PROTOCOL_UDP = 17;
export const IP_PROTOCOL_IPV6 = 41;
export const IP_PROTOCOL_GRE = 47;
export const IP_PROTOCOL_ICMPV6 = 58;
export const IP_PROTOCOL_SCTP = 132;
/** For experiments and tests (RFC 3692). */
export const IP_PROTOCOL_EXPERIMENT = 253;

export const IPV4_RESERVED_FLAG = 0x8000;
/** What the length fields of IPv4, IPv6 and UDP can say at most. */
export const IP_LENGTH_MAXIMUM = 65535;
