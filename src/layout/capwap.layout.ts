// CAPWAP data (RFC 5415 §4.3): version(4) type(4) | header length(5) in words of four bytes, radio(5) binding(5) T(1) |
// F(1) L(1) W(1) M(1) K(1) flags(3) | fragment(16) offset(13) reserved(3), and what M and W announce.

export const CAPWAP_PORT = 5247;
export const CAPWAP_PREAMBLE = 0; // version 0; type 0: what follows is readable
export const CAPWAP_WORDS = 1;
export const CAPWAP_WORDS_SHIFT = 3;
export const CAPWAP_BINDING = 2;
export const CAPWAP_FLAGS = 3;
export const CAPWAP_LENGTH = 8;
export const CAPWAP_FLAG_NATIVE = 0x01; // in the third byte: of the radio's own kind, not 802.3
export const CAPWAP_FLAG_FRAGMENT = 0x80;
export const CAPWAP_FLAG_KEEPALIVE = 0x08;
