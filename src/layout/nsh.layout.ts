// Network service header (RFC 8300 §2): version(2) O(1) unassigned(1) TTL(6) length(6) in words of four bytes |
// unassigned(4) metadata type(4) | next protocol(8) | service path(24) service index(8), and metadata.

export const NSH_WORDS = 1;
export const NSH_WORDS_MASK = 0x3f;
export const NSH_NEXT_PROTOCOL = 3;
export const NSH_PATH = 4;
export const NSH_LENGTH = 8;
export const NSH_VERSION_MASK = 0xc0;
export const NSH_FLAG_OAM = 0x20;

export const NSH_NEXT_IPV4 = 1;
export const NSH_NEXT_IPV6 = 2;
export const NSH_NEXT_ETHERNET = 3;
export const NSH_NEXT_NSH = 4;
export const NSH_NEXT_MPLS = 5;
