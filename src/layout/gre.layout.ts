// GRE (RFC 2784 §2, RFC 2890 §2): flags and version(16) | protocol(16), then for each flag four bytes in this order:
// C: checksum(16) reserved(16); K: key(32); S: sequence number(32).

export const GRE_FLAGS = 0;
export const GRE_PROTOCOL = 2;
export const GRE_LENGTH = 4;
export const GRE_MAXIMUM_LENGTH = 16;
export const GRE_FIELD_LENGTH = 4; // of each optional field

export const GRE_FLAG_CHECKSUM = 0x8000;
export const GRE_FLAG_ROUTING = 0x4000; // RFC 1701 only
export const GRE_FLAG_KEY = 0x2000;
export const GRE_FLAG_SEQUENCE = 0x1000;
/** Bits 1, 4 and 5: a receiver must discard a packet that has one set (RFC 2784 §2.3). */
export const GRE_FLAGS_FORBIDDEN = 0x4c00;
export const GRE_VERSION_MASK = 0x0007;
export const GRE_VERSION = 0;

export const GRE_IN_UDP_PORT = 4754; // RFC 8086

// NVGRE (RFC 7637 §3.2): the key is VSID(24) | FlowID(8).
export const NVGRE_VSID_SHIFT = 8;
export const NVGRE_FLOW_MASK = 0xff;
export const NVGRE_VSID_MINIMUM = 0x1000; // those below and the last are reserved
export const NVGRE_VSID_MAXIMUM = 0xfffffe;
