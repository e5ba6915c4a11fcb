// pcapng (draft-ietf-opsawg-pcapng §3, §4): blocks of type(32) total length(32) body total length(32).
// Each section has a byte order of its own; every block starts and ends on a multiple of four bytes.

export const BLOCK_TYPE = 0;
export const BLOCK_TOTAL_LENGTH = 4;
export const BLOCK_BODY = 8;
/** Type and both total lengths: the shortest block there can be. */
export const BLOCK_MINIMUM = 12;
export const BLOCK_ALIGNMENT = 4;
/** A block that claims to be longer is damage: nothing is ever allocated for it. */
export const BLOCK_MAXIMUM = 16777216;
/** The same for a packet with its options, and for section and interface descriptions. */
export const RECORD_BLOCK_MAXIMUM = 524288;

export const BLOCK_SECTION = 0x0a0d0d0a;
export const BLOCK_INTERFACE = 1;
export const BLOCK_PACKET = 2; // obsolete, still met
export const BLOCK_SIMPLE_PACKET = 3;
export const BLOCK_NAME_RESOLUTION = 4;
export const BLOCK_INTERFACE_STATISTICS = 5;
export const BLOCK_ENHANCED_PACKET = 6;
export const BLOCK_SECRETS = 10;
export const BLOCK_CUSTOM = 0xbad;
export const BLOCK_CUSTOM_PRIVATE = 0x40000bad; // not to be copied by programs that do not know it

export const SECTION_MAGIC = 0x1a2b3c4d;
export const SECTION_BYTE_ORDER = 8;
export const SECTION_VERSION_MAJOR = 12;
export const SECTION_VERSION_MINOR = 14;
export const SECTION_LENGTH = 16;
export const SECTION_OPTIONS = 24;
export const SECTION_MINIMUM = 28;
export const SECTION_MAJOR = 1;
export const SECTION_MINOR = 0;
export const SECTION_MINOR_ALIKE = 2; // to be read as 0

export const INTERFACE_LINK_TYPE = 8;
export const INTERFACE_SNAP_LENGTH = 12;
export const INTERFACE_OPTIONS = 16;
export const INTERFACE_MINIMUM = 20;
/** More interfaces than this in one section are damage. */
export const INTERFACE_COUNT_MAXIMUM = 65536;

export const ENHANCED_INTERFACE = 8;
export const ENHANCED_TICKS_HIGH = 12;
export const ENHANCED_TICKS_LOW = 16;
export const ENHANCED_CAPTURED = 20;
export const ENHANCED_ORIGINAL = 24;
export const ENHANCED_FRAME = 28;
export const ENHANCED_MINIMUM = 32;

// From the ticks on, the obsolete Packet Block is laid out as the enhanced one.
export const PACKET_INTERFACE = 8; // 16 bits
export const PACKET_DROPS = 10; // 16 bits; 0xffff means unknown
export const PACKET_DROPS_UNKNOWN = 0xffff;

export const SIMPLE_ORIGINAL = 8;
export const SIMPLE_FRAME = 12;
export const SIMPLE_MINIMUM = 16;

// Names (§4.5): records of type(16) length(16) value, padded; the last has type 0. An address is followed by its names,
// each ended by a zero byte.
export const NAME_LENGTH = 2;
export const NAME_VALUE = 4;
export const NAME_END = 0;
export const NAME_IPV4 = 1;
export const NAME_IPV6 = 2;
/** Statistics (§4.6): interface(32) time(64), then options. */
export const STATISTICS_INTERFACE = 8;
export const STATISTICS_OPTIONS = 20;
/** Secrets (§4.7): type(32) length(32), as many bytes, padded, then options. */
export const SECRETS_LENGTH = 12;
export const SECRETS_DATA = 16;
/** A custom block starts with a 32-bit enterprise number. */
export const CUSTOM_MINIMUM = 16;

// Options: code(16) length(16) value, padded to a multiple of four.
export const OPTION_CODE = 0;
export const OPTION_LENGTH = 2;
export const OPTION_VALUE = 4;

export const OPTION_END = 0;
export const OPTION_COMMENT = 1;
export const OPTION_CUSTOM_TEXT = 2988; // a custom option starts with a 32-bit enterprise number
export const OPTION_CUSTOM_BYTES = 2989;
export const OPTION_CUSTOM_TEXT_PRIVATE = 19372; // not to be copied by programs that do not know it
export const OPTION_CUSTOM_BYTES_PRIVATE = 19373;

export const OPTION_SECTION_HARDWARE = 2;
export const OPTION_SECTION_SYSTEM = 3;
export const OPTION_SECTION_APPLICATION = 4;

export const OPTION_INTERFACE_NAME = 2;
export const OPTION_INTERFACE_DESCRIPTION = 3;
export const OPTION_INTERFACE_SPEED = 8;
export const OPTION_INTERFACE_TIME_RESOLUTION = 9; // top bit: power of two, else of ten
export const OPTION_INTERFACE_TIME_ZONE = 10;
export const OPTION_INTERFACE_FILTER = 11; // a byte that says what it is, then the filter
export const OPTION_INTERFACE_SYSTEM = 12;
export const OPTION_INTERFACE_FCS_LENGTH = 13;
export const OPTION_INTERFACE_TIME_OFFSET = 14;
export const OPTION_INTERFACE_HARDWARE = 15;
export const OPTION_INTERFACE_SEND_SPEED = 16;
export const OPTION_INTERFACE_RECEIVE_SPEED = 17;

export const OPTION_ENHANCED_FLAGS = 2;
/** Bits 5 to 8 of the flags: bytes of check sequence behind the frame; 0 says nothing. */
export const ENHANCED_FLAGS_FCS_SHIFT = 5;
export const ENHANCED_FLAGS_FCS_MASK = 0x1e0;
export const OPTION_ENHANCED_DROPS = 4;
export const OPTION_ENHANCED_PACKET_ID = 5;
export const OPTION_ENHANCED_QUEUE = 6;
export const OPTION_ENHANCED_VERDICT = 7; // a byte that says whose it is, then the verdict

export const OPTION_STATISTICS_FIRST = 2; // times and counters of 64 bits, all up to the last
export const OPTION_STATISTICS_LAST = 8;

/** Ticks a second where an interface says nothing: 10^6. */
export const TIME_EXPONENT_DEFAULT = 6;
export const TIME_POWER_OF_TWO = 0x80;
