// pcapng (draft-ietf-opsawg-pcapng §3, §4): blocks of type(32) total length(32) body total length(32).
// Each section has a byte order of its own; every block starts and ends on a multiple of four bytes.

export const BLOCK_TYPE = 0;
export const BLOCK_TOTAL_LENGTH = 4;
export const BLOCK_BODY = 8;
/** Type and both total lengths: the shortest block there can be. */
export const BLOCK_MINIMUM = 12;

export const BLOCK_SECTION = 0x0a0d0d0a;
export const BLOCK_INTERFACE = 1;
export const BLOCK_PACKET = 2; // obsolete, still met
export const BLOCK_SIMPLE_PACKET = 3;
export const BLOCK_NAME_RESOLUTION = 4;
export const BLOCK_INTERFACE_STATISTICS = 5;
export const BLOCK_ENHANCED_PACKET = 6;

export const SECTION_MAGIC = 0x1a2b3c4d;
export const SECTION_BYTE_ORDER = 8;
export const SECTION_VERSION_MAJOR = 12;
export const SECTION_VERSION_MINOR = 14;
export const SECTION_LENGTH = 16;
export const SECTION_OPTIONS = 24;

export const INTERFACE_LINK_TYPE = 8;
export const INTERFACE_SNAP_LENGTH = 12;
export const INTERFACE_OPTIONS = 16;

export const ENHANCED_INTERFACE = 8;
export const ENHANCED_TICKS_HIGH = 12;
export const ENHANCED_TICKS_LOW = 16;
export const ENHANCED_CAPTURED = 20;
export const ENHANCED_ORIGINAL = 24;
export const ENHANCED_FRAME = 28;

export const PACKET_INTERFACE = 8; // 16 bits, then 16 bits of drop count

export const SIMPLE_ORIGINAL = 8;
export const SIMPLE_FRAME = 12;

export const OPTION_END = 0;
export const OPTION_COMMENT = 1;
export const OPTION_INTERFACE_NAME = 2;
export const OPTION_INTERFACE_TIME_RESOLUTION = 9;
export const OPTION_INTERFACE_TIME_OFFSET = 14;
