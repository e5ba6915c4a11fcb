// What is known of a frame's layers once it has been walked through: filters with positions read it (src/filter/).
//
// A layer is an Ethernet header with its tags, or nothing; the IP header behind it; and the transport header behind that.
// What a tunnel carries is the next layer. A filter has this room for the frame in work:
//
//    0 passed  how many frames of the burst had been dropped before
//    4 type    of a frame that begins with another link header than Ethernet's: the EtherType of what that carries
//    8 ports   of tunnels: each as it lies in a packet, and above it the kind; a zero ends them
//   64 layers  the outermost first, 32 bytes each

export const WALK_PASSED = 0;
export const WALK_TYPE = 4;
export const WALK_PORTS = 8;
export const WALK_PORT_LENGTH = 4;
export const WALK_PORT_KIND = 16; // bits to the left
export const WALK_PORTS_MOST = 13;
export const WALK_LAYERS = 64;
export const WALK_LENGTH = 192;

export const LAYERS_MOST = 4;
export const LAYER_LENGTH = 32;
// Places, from the frame's first byte on; LAYER_ABSENT if there is no such thing, or not all of it was captured.
export const LAYER_ETHERNET = 0;
export const LAYER_NETWORK = 4; // behind the tags
export const LAYER_NEXT = 8; // the byte that names the transport protocol: the IPv4 header's, or the last one's in front of it
export const LAYER_TRANSPORT = 12;
/** As it lies in the packet: a VNI and the byte behind it, or a GRE key. */
export const LAYER_NUMBER = 16;
/** The EtherType behind all tags, as it lies in the packet. */
export const LAYER_TYPE = 20;
/** Of the tunnel it came in: a number of tunnel.layout, or LAYER_OUTERMOST. */
export const LAYER_KIND = 22;
export const LAYER_FLAGS = 23;

export const LAYER_ABSENT = 0x7fff0000;
export const LAYER_OUTERMOST = 0xff;
export const LAYER_HAS_ETHERNET = 1;
export const LAYER_HAS_VNI = 2; // or VSID
export const LAYER_HAS_KEY = 4;
export const LAYER_IS_LATER_FRAGMENT = 8;
export const LAYER_IS_PLAIN_GRE = 16; // a key, Ethernet, and nothing else: NVGRE has such headers
