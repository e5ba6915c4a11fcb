// MPLS label stacks (RFC 3032 §2.1): label(20) | traffic class(3) | S(1) | TTL(8), from the top to the bottom, which S
// says. Behind the bottom stands an IP packet, told by its first four bits, or what a pseudowire carries: Ethernet, with a
// control word (RFC 4448 §4.6) or without.

export const MPLS_LENGTH = 4; // of each entry
export const MPLS_LABEL_SHIFT = 12;
export const MPLS_BOTTOM = 0x100;

/** A control word of data: its first four bits are zero (RFC 4385 §3); those of a channel for messages say 1 (§5). */
export const PSEUDOWIRE_CONTROL_LENGTH = 4;
export const PSEUDOWIRE_DATA = 0;
export const PSEUDOWIRE_CHANNEL = 1;

export const MPLS_IN_UDP_PORT = 6635; // RFC 7510
export const IP_PROTOCOL_MPLS = 137; // RFC 4023
