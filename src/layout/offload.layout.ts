// What stands in front of a frame that a TAP gives or takes with IFF_VNET_HDR: struct virtio_net_hdr (Virtio 1.2 §5.1.6), in the
// byte order of the machine; and the records by which a port and the kernels of offloads speak with each other.

export const VNET_FLAGS = 0;
export const VNET_GSO_TYPE = 1;
export const VNET_HEADERS_LENGTH = 2; // of all headers; a hint, and not believed
export const VNET_SEGMENT = 4; // bytes of payload in each segment but the last
export const VNET_CHECKSUM_START = 6;
export const VNET_CHECKSUM_OFFSET = 8; // from there
export const VNET_LENGTH = 10;

export const VNET_NEEDS_CHECKSUM = 1;
export const VNET_GSO_NONE = 0;
export const VNET_GSO_TCPV4 = 1;
export const VNET_GSO_TCPV6 = 4;
export const VNET_GSO_UDP = 5; // VIRTIO_NET_HDR_GSO_UDP_L4
export const VNET_GSO_ECN = 0x80; // beside a type: the first segment has the CWR flag

/** The shortest segments that are made: 48 bytes (TCP_MIN_SND_MSS of Linux) less 40 of options. */
export const SEGMENT_MINIMUM = 8;
/** The longest super-frame: outer headers with all their options still fit what IP's lengths can say. */
export const SUPER_FRAME_MAXIMUM = 65024;

// What a TAP's frame is.
export const TAKEN_REFUSED = 0; // what its header says cannot be
export const TAKEN_WHOLE = 1;
export const TAKEN_SUPER = 2; // to be cut into segments

// A super-frame that is cut, or one that is too long and cut into shorter ones.
export const CUT_FRAME = 0; // address
export const CUT_LENGTH = 4;
export const CUT_INNER = 8; // bytes in front of the Ethernet header, which every segment gets too
export const CUT_WIRE = 12; // of the longest segment, with those
export const CUT_SEGMENTS = 16; // of one piece: 1, or more if the pieces are super-frames
export const CUT_DONE = 20; // bytes of payload in the pieces that have been made: where it goes on
export const CUT_TO = 24; // address
export const CUT_ROOM = 28; // bytes there, 16 of which stay free
export const CUT_RECORDS = 32; // 1: each piece becomes a record of ring.layout; 0: they stand one behind the other
export const CUT_PAYLOAD = 36; // written: bytes of payload in all
export const CUT_RECORD_LENGTH = 40;
