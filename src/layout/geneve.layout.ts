// Geneve (RFC 8926 §3.4): version(2) option length(6) | O C reserved(6) | protocol(16) | VNI(24) reserved(8).

export const GENEVE_VERSION_LENGTH = 0;
export const GENEVE_FLAGS = 1;
export const GENEVE_PROTOCOL = 2;
export const GENEVE_VNI = 4;
export const GENEVE_RESERVED = 7;
export const GENEVE_LENGTH = 8;
export const GENEVE_MAXIMUM_LENGTH = 260;

export const GENEVE_PORT = 6081;
export const GENEVE_VERSION = 0;
export const GENEVE_VERSION_SHIFT = 6;
export const GENEVE_OPTION_WORDS_MASK = 0x3f; // option length, in words of four bytes
export const GENEVE_OPTIONS_MAXIMUM = 252;
export const GENEVE_FLAG_OAM = 0x80;
export const GENEVE_FLAG_CRITICAL = 0x40;

// Options (§3.5): class(16) type(8) reserved(3) length(5).
export const GENEVE_OPTION_CLASS = 0;
export const GENEVE_OPTION_TYPE = 2;
export const GENEVE_OPTION_DATA_WORDS = 3;
export const GENEVE_OPTION_LENGTH = 4;
export const GENEVE_OPTION_CRITICAL = 0x80; // in the type
export const GENEVE_OPTION_DATA_WORDS_MASK = 0x1f;
export const GENEVE_OPTION_DATA_MAXIMUM = 124;
