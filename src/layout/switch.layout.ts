// A switch in memory: one record that all threads read, a context for each thread that works on it, and tables.
//
//   switch     addresses of everything below; changes only between bursts
//   ports      64 bytes each, by number; number 0 is the uplink, on which packets of tunnels come and go
//   domains    64 bytes each, by number from 1
//   context    of one thread: counters, scratch, room for copies, and what it was in the middle of

export const SWITCH_FDB = 0;
export const SWITCH_PORTS = 4;
export const SWITCH_PORT_COUNT = 8; // records, the uplink's included
export const SWITCH_DOMAINS = 12;
export const SWITCH_DOMAIN_COUNT = 16;
export const SWITCH_REMOTES = 20; // table: who may send to which bridge domain
export const SWITCH_NEIGHBOURS = 24; // table: IP address in a bridge domain -> record
export const SWITCH_NEIGHBOUR_RECORDS = 28;
export const SWITCH_PAUSE = 36; // not 0: no thread takes another burst from its ring
export const SWITCH_VTEP_FLAGS = 40; // the flags of a decapsulation stage, and VTEP_IPV6
export const SWITCH_FORM_COUNT = 44; // kinds of tunnels
export const SWITCH_VTEP_ADDRESS = 48; // 16 bytes; IPv4: the first four
export const SWITCH_VTEP_PRESENT = 64;
export const SWITCH_READERS = 68; // address of the threads' epochs; 0 = only one thread
export const SWITCH_FLOW_SEED = 72; // of the flow hash that chooses among next hops
export const SWITCH_FORMS = 128; // of each kind of tunnel, by number, what is known of it: tunnel.layout
export const SWITCH_LENGTH = 640; // room for TUNNEL_KINDS_MAXIMUM of them

export const VTEP_IPV6 = 0x10000;

export const PORT_KIND = 0;
export const PORT_FLAGS = 4;
export const PORT_DOMAIN = 8; // access: its bridge domain; trunk: that of the native VLAN; 0 = none
export const PORT_VLANS = 12; // trunk: address of 4,096 bridge domains, 16 bits each; 0 = not allowed
export const PORT_GROUP = 16; // split-horizon group; 0 = none
export const PORT_MTU = 20; // most bytes behind the Ethernet header and a tag
export const PORT_ENCAPSULATION = 24; // tunnel: address of its encapsulation stage
export const PORT_NATIVE_VID = 28; // trunk: 0 = none
export const PORT_TUNNEL_KIND = 32; // tunnel: the number of its kind
export const PORT_LENGTH = 64;

export const PORT_NONE = 0;
export const PORT_ACCESS = 1;
export const PORT_TRUNK = 2;
export const PORT_TUNNEL = 3;
export const PORT_UPLINK = 4;

export const PORT_LEARNS = 1;
export const PORT_PLAIN_TUNNEL = 2; // its headers are plain: 50 bytes over IPv4 and UDP
export const PORT_FLOODS = 4; // it stands in flood lists
export const PORT_PLAIN_GRE = 8; // its headers are plain: 42 bytes over IPv4, GRE with a key and no checksum, or NVGRE
export const PORT_INHERITS = 32; // outer headers and passengers take over from each other

export const UPLINK_NUMBER = 0;
export const SWITCH_PORTS_MAXIMUM = 65534;
export const MTU_NONE = 0xffffffff;

export const DOMAIN_FLAGS = 0;
export const DOMAIN_VNI = 4; // as the last four bytes of a VXLAN header lie in memory
export const DOMAIN_FLOOD = 8; // address of its flood list: destinations as in the FDB
export const DOMAIN_FLOOD_COUNT = 12;
export const DOMAIN_ROUTER = 16; // address of its router interface; 0 = none
export const DOMAIN_ROUTER_MAC = 24; // 64 bits: the MAC as in a key; 0 = none
export const DOMAIN_LENGTH = 64;

export const DOMAIN_PRESENT = 1;
export const DOMAIN_LEARNS = 2;
export const DOMAIN_LEARNS_SHIFT = 1;
export const DOMAIN_FLOODS_UNKNOWN = 4;
export const DOMAIN_ANSWERS_ARP = 8; // for every neighbour that is known
export const DOMAIN_ROUTES = 16;

// Keys of the remotes' table: outer source address or its condensation (32 bits) | VNI << 32 | what kind of key << 56 |
// the tunnel's kind << 58; its destinations: tunnel's port | bridge domain << 16. Two kinds of keys say something else:
// of REMOTE_VNI that the VNI is one of ours; with REMOTE_NVGRE and a VNI of zero that the GRE packets of an address are
// NVGRE, which cannot be seen of them. That mark lies beyond the bits of every kind: TUNNEL_KINDS_MAXIMUM.
export const REMOTE_IPV4 = 1;
export const REMOTE_IPV6 = 2;
export const REMOTE_VNI = 3;
export const REMOTE_NVGRE = 64; // together with REMOTE_IPV4 or REMOTE_IPV6
export const REMOTE_KIND_SHIFT = 56;
export const REMOTE_TUNNEL_SHIFT = 58;
export const REMOTE_DOMAIN_SHIFT = 16;

// Keys of the neighbours' table: address or its condensation (32 bits) | bridge domain << 32 | what kind << 48;
// its destinations: numbers of records, from 1. A condensation ends in the bits 10, so that a key's first byte is
// neither 0xff, which marks a retired slot, nor zero, as all of a free one is.
export const NEIGHBOUR_IPV4 = 1;
export const NEIGHBOUR_IPV6 = 2;
export const NEIGHBOUR_KIND_SHIFT = 48;
export const NEIGHBOUR_ADDRESS = 0; // 16 bytes; IPv4: the first four
export const NEIGHBOUR_MAC = 16; // 64 bits, as in a key
export const NEIGHBOUR_FLAGS = 24;
export const NEIGHBOUR_NEXT = 28; // number of the next record with the same key; 0 = none
export const NEIGHBOUR_LENGTH = 32;
export const NEIGHBOUR_GATEWAY = 1; // an address of the switch itself

export const CONTEXT_SWITCH = 0;
export const CONTEXT_THREAD = 4; // number of the thread, from 1
export const CONTEXT_REASONS = 8; // address of the drop counters
export const CONTEXT_PORTS = 12; // address of the ports' counters
export const CONTEXT_DOMAINS = 16; // address of the bridge domains' counters
export const CONTEXT_SCRATCH = 20;
export const CONTEXT_COPIES = 24; // address of the descriptors for copies
export const CONTEXT_SLOTS = 28; // address of their slots
export const CONTEXT_STRIDE = 32; // bytes from slot to slot
export const CONTEXT_HEADROOM = 36;
export const CONTEXT_FRAME_BYTES = 40; // longest frame that a slot takes
export const CONTEXT_COPY_COUNT = 44; // how many slots there are
export const CONTEXT_OUT = 48; // address of the list of what leaves: addresses of descriptors
export const CONTEXT_STAMP = 52; // now, in seconds modulo 2^24
// What it was in the middle of, when there was no room for another copy.
export const CONTEXT_STATE = 64; // one of the states below
export const CONTEXT_INDEX = 68; // the frame
export const CONTEXT_FLOODED = 72; // how far in its flood list
export const CONTEXT_OUT_COUNT = 80;
export const CONTEXT_COPIES_USED = 84;
export const CONTEXT_FLOOD_DOMAIN = 88;
export const CONTEXT_FLOOD_LAST = 92; // place of the last target in the flood list: it gets the frame itself
export const CONTEXT_ANSWERED = 96; // four counters of 64 bits: ARP, echo, TTL exceeded, packet too big
export const CONTEXT_LENGTH = 128;

export const CONTEXT_BEGIN = 0;
export const CONTEXT_IN_FLOOD = 1;

export const ANSWERED_ARP = 0;
export const ANSWERED_ECHO = 8;
export const ANSWERED_TTL = 16;
export const ANSWERED_TOO_BIG = 24;

// What a call says.
export const SWITCH_DONE = 0;
export const SWITCH_INTERRUPTED = 1; // no room for another copy: what is out must be taken, and it be called again

/** Frames that one call takes. */
export const SWITCH_BURST = 256;

// Scratch: what the passes find out about the frames of a burst, in fields of 256 times eight bytes: the keys that are
// looked up, the values that are found, and where the frame came in. Offsets from the place of a frame's source.
export const SCRATCH_SOURCE = 0;
export const SCRATCH_DESTINATION = 2048;
export const SCRATCH_SOURCE_VALUE = 4096;
export const SCRATCH_DESTINATION_VALUE = 6144;
export const SCRATCH_INGRESS = 8192; // as a destination
export const SCRATCH_STATE = 8196;
export const SCRATCH_STEP = 8; // from frame to frame
export const SCRATCH_LENGTH = 10240;

export const SCRATCH_TAGGED = 1;
export const SCRATCH_DONE = 2; // dropped or answered: nothing is left to do
export const SCRATCH_GROUP = 4; // to a group address
export const SCRATCH_GROUP_SHIFT = 2;
export const SCRATCH_LEARNS = 8;
export const SCRATCH_LEARNS_SHIFT = 3;
export const SCRATCH_ROUTED = 16; // it comes from the router of its bridge domain
export const SCRATCH_LAYER3 = 32; // its bridge domain answers ARP, or routes
export const SCRATCH_ANSWER = 64; // an answer already: it leaves by the uplink, where it came in
export const SCRATCH_GROUP_NUMBER_SHIFT = 8; // above: the split-horizon group of the port it came in on

// Counters, 64 bits each. Frames and bytes stand side by side, so that one addition counts both.
export const PORT_RECEIVED = 0;
export const PORT_RECEIVED_BYTES = 8;
export const PORT_SENT = 16;
export const PORT_SENT_BYTES = 24;
export const PORT_COPIES = 32;
export const PORT_DROPPED = 40;
export const PORT_COUNTERS_LENGTH = 64;

export const DOMAIN_RECEIVED = 0;
export const DOMAIN_SENT = 8;
export const DOMAIN_COPIES = 16;
export const DOMAIN_DROPPED = 24;
export const DOMAIN_ROUTED_IN = 32;
export const DOMAIN_ROUTED_OUT = 40;
// Budgets for ICMP errors about what came in in this bridge domain: a second, and how many were sent in it.
export const DOMAIN_ERRORS_TTL = 48;
export const DOMAIN_ERRORS_TOO_BIG = 56;
export const DOMAIN_COUNTERS_LENGTH = 64;

export const ERRORS_STAMP = 0;
export const ERRORS_SENT = 4;
/**
 * Most ICMP errors of a kind that a thread of a switch sends in a second into one bridge domain (RFC 4443 §2.4 f,
 * RFC 1812 §4.3.2.8).
 */
export const ERRORS_A_SECOND = 1000;
