// GRE of version 1, as PPTP has it (RFC 2637 §4.1): flags and version(16) | protocol(16) = PPP | payload length(16) |
// call(16), a sequence number(32) with S, an acknowledgement(32) with A.

export const PPTP_PAYLOAD_LENGTH = 4;
export const PPTP_CALL = 6;
export const PPTP_LENGTH = 8;
export const PPTP_VERSION = 1;
export const PPTP_FLAG_ACKNOWLEDGED = 0x0080;
