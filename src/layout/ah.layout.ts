// Authentication header (RFC 4302 §2): next header(8) | length(8), in words of four bytes less two.

export const IP_PROTOCOL_AH = 51;
export const AH_UNITS = 1;
export const AH_UNIT = 4;
export const AH_UNITS_MORE = 2;
/** With a check value of no bytes. */
export const AH_LENGTH = 12;
