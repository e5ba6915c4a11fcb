// ICMP (RFC 792) and ICMPv6 (RFC 4443 §2.1): offsets from the first byte of the message, in bytes.

export const ICMP_TYPE = 0;
export const ICMP_CODE = 1;
export const ICMP_CHECKSUM = 2;
export const ICMP_LENGTH = 4;

/** Behind it: identifier and sequence number of an echo, the MTU of an error, reserved bytes of a solicitation. */
export const ICMP_REST = 4;
/** Where the packet that an error is about begins, and the data of an echo. */
export const ICMP_BODY = 8;

export const ICMP_ECHO_REPLY = 0;
export const ICMP_UNREACHABLE = 3;
export const ICMP_ECHO_REQUEST = 8;
export const ICMP_TIME_EXCEEDED = 11;
export const ICMP_FRAGMENTATION_NEEDED = 4; // code of unreachable (RFC 1191 §4)
/**
 * A bit for each type below 64 that asks or answers: echo, router discovery, timestamp, information and address mask,
 * extended echo. All others are errors, or nobody knows what they are.
 */
export const ICMP_QUERIES_LOW = 0x7e701; // types 0, 8 to 10, 13 to 18
export const ICMP_QUERIES_HIGH = 0xc00; // types 42 and 43

export const ICMPV6_PACKET_TOO_BIG = 2;
export const ICMPV6_TIME_EXCEEDED = 3;
export const ICMPV6_ECHO_REQUEST = 128; // the first type that is no error
export const ICMPV6_ECHO_REPLY = 129;
export const ICMPV6_REDIRECT = 137;
export const ICMPV6_KNOWN_LAST = 161; // extended echo reply: the last type that has been given a meaning

// Neighbour solicitation and advertisement (RFC 4861 §4.3, §4.4): the target behind the first eight bytes, then options.
export const NEIGHBOUR_SOLICITATION = 135;
export const NEIGHBOUR_ADVERTISEMENT = 136;
export const SOLICITATION_TARGET = 8;
export const SOLICITATION_LENGTH = 24;
export const SOLICITATION_HOP_LIMIT = 255;
export const ADVERTISEMENT_ROUTER = 0x80; // flags, in the byte behind the checksum
export const ADVERTISEMENT_SOLICITED = 0x40;
export const ADVERTISEMENT_OVERRIDE = 0x20;
/** With the option that says the target's MAC: type 2, length 1 (times eight bytes). */
export const ADVERTISEMENT_LENGTH = 32;
export const ADVERTISEMENT_OPTION = 24;
/** Options: type, length in units of eight bytes, both counted. */
export const OPTION_LENGTH = 1;
export const OPTION_SOURCE_MAC = 1;
export const OPTION_TARGET_MAC = 2;
