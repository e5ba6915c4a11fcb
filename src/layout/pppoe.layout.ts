// PPP over Ethernet (RFC 2516 §4): version(4) | type(4) | code(8) | session(16) | length(16), and a PPP frame behind it.

export const PPPOE_VERSION_TYPE = 0;
export const PPPOE_CODE = 1;
export const PPPOE_SESSION = 2;
export const PPPOE_PAYLOAD_LENGTH = 4;
export const PPPOE_LENGTH = 6;

export const PPPOE_VERSION_1_TYPE_1 = 0x11;
export const PPPOE_CODE_SESSION = 0;
