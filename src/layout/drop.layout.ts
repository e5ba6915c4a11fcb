// Drop reasons: the codes. Names and sentences stand in src/core/drop-reasons.ts, in this order.

export const DROP_NONE = 0;
export const DROP_FRAME_TOO_SHORT = 1;
export const DROP_FRAME_TOO_LONG = 2;
export const DROP_NOT_ETHERNET = 3;
export const DROP_NO_HEADROOM = 4;
export const DROP_NOT_TUNNEL = 5;
export const DROP_OUTER_IP_TRUNCATED = 6;
export const DROP_OUTER_IP_HEADER = 7;
export const DROP_OUTER_IP_CHECKSUM = 8;
export const DROP_OUTER_IP_FRAGMENT = 9;
export const DROP_UDP_TRUNCATED = 10;
export const DROP_UDP_LENGTH = 11;
export const DROP_UDP_CHECKSUM = 12;
export const DROP_VXLAN_TRUNCATED = 13;
export const DROP_VXLAN_NO_VNI = 14;
export const DROP_VXLAN_RESERVED = 15;
export const DROP_OTHER_VNI = 16;
export const DROP_INNER_TRUNCATED = 17;
export const DROP_INNER_TAGGED = 18;
export const DROP_CUT_BY_CAPTURE = 19;
export const DROP_WORKER_DIED = 20;
export const DROP_REASONS = 21;

/** Counters lie behind one another, eight bytes a reason; the place of DROP_NONE counts what was forwarded. */
export const COUNTER_LENGTH = 8;
export const COUNTERS_LENGTH = 256;
