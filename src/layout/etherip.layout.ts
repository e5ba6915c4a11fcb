// Ethernet within IP (RFC 3378 §3): version(4) = 3 | reserved(12), and a frame.

export const IP_PROTOCOL_ETHERIP = 97;
export const ETHERIP_VERSION = 3;
export const ETHERIP_VERSION_SHIFT = 4; // in the first byte
export const ETHERIP_LENGTH = 2;
