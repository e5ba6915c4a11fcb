// GTP-U (3GPP TS 29.281 §5.1): version(3) type(1) spare(1) E(1) S(1) PN(1) | message(8) | length(16) behind the first
// eight bytes | TEID(32); with E, S or PN four bytes more: sequence(16) N-PDU(8) next extension header(8).

export const GTP_FLAGS = 0;
export const GTP_MESSAGE = 1;
export const GTP_PAYLOAD_LENGTH = 2;
export const GTP_TEID = 4;
export const GTP_LENGTH = 8;
export const GTP_OPTIONAL_LENGTH = 4;
export const GTP_NEXT_EXTENSION = 11;

export const GTP_VERSION_MASK = 0xf0; // and the protocol type: GTP, not GTP'
export const GTP_VERSION_1 = 0x30;
export const GTP_FLAG_EXTENSION = 0x04;
export const GTP_FLAGS_OPTIONAL = 0x07;
export const GTP_PDU = 255;
/** Extension headers (§5.2.1): length in words of four bytes(8) | contents | next(8). */
export const GTP_EXTENSION_UNIT = 4;
export const GTP_PORT = 2152;
