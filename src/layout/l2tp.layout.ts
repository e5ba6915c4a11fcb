// L2TP over UDP, version 2 (RFC 2661 §3.1): flags and version(16) | length(16) with L | tunnel(16) | session(16) |
// Ns(16) Nr(16) with S | offset size(16) and as many bytes with O, and a PPP frame.
// Version 3 (RFC 3931 §4.1): over UDP flags and version(16) | reserved(16), then, as over IP: session(32) | cookie of 0, 4
// or 8 bytes | sublayer of 0 or 4 bytes. How long those are only the ends of a session know.

export const L2TP_PORT = 1701;
export const IP_PROTOCOL_L2TP = 115;
export const L2TP_FLAG_CONTROL = 0x8000;
export const L2TP_FLAG_LENGTH = 0x4000;
export const L2TP_FLAG_SEQUENCE = 0x0800;
export const L2TP_FLAG_OFFSET = 0x0200;
export const L2TP_VERSION_MASK = 0x000f;
export const L2TP_VERSION_2 = 2;
export const L2TP_VERSION_3 = 3;
export const L2TP_FLAGS_LENGTH = 2;
export const L2TP_TOTAL_LENGTH = 2; // its place, with L
export const L2TP_IDS_LENGTH = 4;
export const L2TP_SEQUENCE_LENGTH = 4;
export const L2TP_OFFSET_LENGTH = 2;
export const L2TPV3_UDP_LENGTH = 4; // in front of the session
export const L2TPV3_SESSION_LENGTH = 4;
/** Cookie and sublayer together: a multiple of four bytes up to this. */
export const L2TPV3_COOKIE_MAXIMUM = 12;
export const L2TPV3_COOKIE_UNIT = 4;
