// ICMP (RFC 792) and ICMPv6 (RFC 4443 §2.1): offsets from the first byte of the message, in bytes.

export const ICMP_TYPE = 0;
export const ICMP_CODE = 1;
export const ICMP_CHECKSUM = 2;
export const ICMP_LENGTH = 4;
