// ERSPAN (draft-foschiano-erspan), in GRE. Type I is a frame without a header, and GRE without a sequence number.
//
// Type II: version(4) = 1 | VLAN(12) | class(3) encapsulation(2) truncated(1) session(10) | reserved(12) index(20)
// Type III: version(4) = 2 | VLAN(12) | class(3) quality(2) truncated(1) session(10) | time(32) |
//   group(16) P(1) frame type(5) hardware(6) direction(1) granularity(2) O(1), and eight bytes more with O

export const ERSPAN_VLAN = 0;
export const ERSPAN_SESSION = 2;
export const ERSPAN_VERSION_SHIFT = 4; // in the first byte
export const ERSPAN_VLAN_MASK = 0x0fff;
export const ERSPAN_SESSION_MASK = 0x03ff;
export const ERSPAN_II_VERSION = 1;
export const ERSPAN_II_LENGTH = 8;
export const ERSPAN_III_VERSION = 2;
export const ERSPAN_III_LENGTH = 12;
export const ERSPAN_III_TIME = 4;
export const ERSPAN_III_GROUP = 8;
export const ERSPAN_III_FLAGS = 10;
export const ERSPAN_III_FRAME_SHIFT = 10;
export const ERSPAN_III_FRAME_MASK = 31;
export const ERSPAN_III_ETHERNET = 0;
export const ERSPAN_III_IP = 2;
export const ERSPAN_III_OPTIONAL = 0x0001;
export const ERSPAN_III_OPTIONAL_LENGTH = 8;
