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
export const DROP_SOURCE_GROUP = 21;
export const DROP_SOURCE_ZERO = 22;
export const DROP_VLAN_NOT_ALLOWED = 23;
export const DROP_RESERVED_GROUP = 24;
export const DROP_SOURCE_OWN = 25;
export const DROP_SOURCE_STATIC = 26;
export const DROP_BLACKHOLE = 27;
export const DROP_SAME_PORT = 28;
export const DROP_SPLIT_HORIZON = 29;
export const DROP_UNKNOWN_UNICAST = 30;
export const DROP_NO_EGRESS = 31;
export const DROP_EXCEEDS_MTU = 32;
export const DROP_UNKNOWN_REMOTE = 33;
export const DROP_NO_PORT = 34;
export const DROP_IP_HEADER = 35;
export const DROP_IP_CHECKSUM = 36;
export const DROP_NO_ROUTE = 37;
export const DROP_NO_NEIGHBOUR = 38;
export const DROP_TTL_EXCEEDED = 39;
export const DROP_FOR_ROUTER = 40;
export const DROP_GENEVE_TRUNCATED = 41;
export const DROP_GENEVE_VERSION = 42;
export const DROP_GENEVE_OAM = 43;
export const DROP_GENEVE_PROTOCOL = 44;
export const DROP_GENEVE_OPTIONS = 45;
export const DROP_GENEVE_CRITICAL_OPTION = 46;
export const DROP_GRE_TRUNCATED = 47;
export const DROP_GRE_VERSION = 48;
export const DROP_GRE_PROTOCOL = 49;
export const DROP_GRE_RESERVED = 50;
export const DROP_GRE_CHECKSUM = 51;
export const DROP_OTHER_KEY = 52;
export const DROP_NVGRE_FIELDS = 53;
export const DROP_GPE_VERSION = 54;
export const DROP_GPE_OAM = 55;
export const DROP_GPE_PROTOCOL = 56;
export const DROP_QUEUE_FULL = 57;
export const DROP_CLOSED = 58;
export const DROP_LINK_DOWN = 59;
export const DROP_NOT_SAMPLED = 60;
export const DROP_LINK_TYPE = 61;
export const DROP_LINK_ENCRYPTED = 62;
export const DROP_OTHER_LINK_TYPE = 63;
export const DROP_NO_TIME = 64;
export const DROP_TUNNEL_TRUNCATED = 65;
export const DROP_TUNNEL_VERSION = 66;
export const DROP_TUNNEL_CONTROL = 67;
export const DROP_TUNNEL_FRAGMENT = 68;
export const DROP_INNER_UNKNOWN = 69;
export const DROP_OTHER_ADDRESS = 70;
export const DROP_FILTERED = 71;
export const DROP_NOT_IP = 72;
export const DROP_UNREACHABLE = 73;
export const DROP_NOT_SENT = 74;
export const DROP_FRAGMENT_INCOMPLETE = 75;
export const DROP_FRAGMENT_OVERLAP = 76;
export const DROP_FRAGMENT_INVALID = 77;
export const DROP_FRAGMENT_CROPPED = 78;
export const DROP_FRAGMENT_TABLE_FULL = 79;
export const DROP_RULE = 80;
export const DROP_STAGE_FAILED = 81;
export const DROP_DUPLICATE = 82;
export const DROP_RATE = 83;
export const DROP_ECN_NOT_CAPABLE = 84;
export const DROP_REASONS = 85;

/** Codes from here on stand for reasons of the user's own, whose names are given while the program runs. */
export const OWN_REASONS = 128;
export const OWN_REASONS_END = 256;

/**
 * Counters lie behind one another, eight bytes a reason; the place of DROP_NONE counts what was forwarded. The build fails
 * where the reasons need more than there is (assembly/descriptor.ts).
 */
export const COUNTER_LENGTH = 8;
export const COUNTERS_LENGTH = 2048;

/** Of a pipeline stand behind them, eight bytes a stage: how many frames each of its stages dropped. */
export const STAGE_DROPS = 2048;
export const PIPELINE_COUNTERS_LENGTH = 2560;
