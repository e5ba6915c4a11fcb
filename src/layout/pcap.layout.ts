// pcap (draft-ietf-opsawg-pcap §4, §5): a file header, then records; all in the writer's byte order.

export const PCAP_MAGIC_MICROSECONDS = 0xa1b2c3d4;
export const PCAP_MAGIC_NANOSECONDS = 0xa1b23c4d;
export const PCAP_MAGIC_MODIFIED = 0xa1b2cd34; // longer record headers (Kuznetsov's patch); not read here
export const PCAP_VERSION_MAJOR = 2;
export const PCAP_VERSION_MINOR = 4;
/** Before this version the original length of a record stood first; in it, in some programs' files. */
export const PCAP_VERSION_MINOR_DOUBTFUL = 3;

export const PCAP_FILE_MAGIC = 0;
export const PCAP_FILE_VERSION_MAJOR = 4;
export const PCAP_FILE_VERSION_MINOR = 6;
export const PCAP_FILE_ZONE = 8;
export const PCAP_FILE_ACCURACY = 12;
export const PCAP_FILE_SNAP_LENGTH = 16;
export const PCAP_FILE_LINK_TYPE = 20; // low 16 bits; FCS length in the top bits
export const PCAP_FILE_LENGTH = 24;

// The link type field: FCS length in units of two bytes (4 bits), R, P (FCS length is valid), reserved, link type (16).
export const PCAP_LINK_TYPE_MASK = 0xffff;
export const PCAP_FCS_PRESENT = 0x04000000;
export const PCAP_FCS_SHIFT = 28;
export const PCAP_RESERVED_MASK = 0x0bff0000;

export const PCAP_RECORD_SECONDS = 0;
export const PCAP_RECORD_FRACTION = 4; // micro- or nanoseconds, by the magic number
export const PCAP_RECORD_CAPTURED = 8;
export const PCAP_RECORD_ORIGINAL = 12;
export const PCAP_RECORD_LENGTH = 16;

/** A record that claims more captured bytes than this is damage, not a frame. */
export const CAPTURED_MAXIMUM = 262144;

export const LINK_TYPE_ETHERNET = 1;
export const LINK_TYPE_RAW = 101; // an IPv4 or IPv6 packet, told apart by its version
