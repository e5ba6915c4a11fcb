// Routing in memory: a router, its interfaces (one in each bridge domain it stands in), its routes, and where they lead.
// Every record is a region of its own on a cache line, so addresses name records, and their low six bits are free.
//
//   router      two tables of routes, one for IPv4 and one for IPv6
//   interface   what a bridge domain points to: the router, its MAC, addresses and MTU there
//   group       what a route leads to: 1 to 64 next hops, or the router itself, or nowhere
//   next hop    an interface, and the MAC of the neighbour behind it unless that depends on the packet
//
// Routes are a trie with strides of four bits. A node holds the routes whose last bit falls into its four bits, each
// in all the slots it covers, so that a lookup reads one slot a node. Chains of nodes without routes and with one
// child only are left out: a node says which bits must be equal for it to be the right one. So a table has at most
// two nodes a route whatever its routes look like, and a lookup takes as many steps as routes differ in, IPv6 or not.

export const ROUTER_IPV4 = 0; // a table of routes
export const ROUTER_IPV6 = 8;
export const ROUTER_LENGTH = 16;

export const ROUTES_ROOT = 0; // reference to a node; 0 = none
export const ROUTES_DEFAULT = 4; // the route of length 0; 0 = none
export const ROUTES_LENGTH = 8;

// A node: the bits in front of its own as two 64-bit numbers (most significant first; an IPv4 address is the upper
// half of the first), which of them count, and 16 slots. A reference is a node's address | which four bits it
// looks at: nodes lie 32 bytes apart or a multiple, and an IPv6 address has 32 times four bits.
export const NODE_HIGH = 0;
export const NODE_LOW = 8;
export const NODE_HIGH_MASK = 16;
export const NODE_LOW_MASK = 24;
export const NODE_SLOTS = 32;
export const NODE_LENGTH = 160;
export const NODE_STRIDE = 4; // bits
export const NODE_POSITION_MASK = 31;
/** Nodes are reserved in chunks: the first takes this many, each further one twice as many as the one before. */
export const NODE_CHUNK_FIRST = 16;
export const NODE_CHUNK_MAXIMUM = 16384;

export const SLOT_CHILD = 0; // reference; 0 = none
export const SLOT_ROUTE = 4; // 0 = none
export const SLOT_LENGTH = 8;
export const NODE_SLOT_COUNT = 16;

/** A route in a slot: its group's address | how many of the node's four bits its prefix has, less one. */
export const ROUTE_BITS_MASK = 3;

export const INTERFACE_ROUTER = 0; // address
export const INTERFACE_DOMAIN = 4;
export const INTERFACE_MTU = 8; // longest packet in bytes
export const INTERFACE_IPV4 = 12; // its first address, the source of what it says; 0 = none
export const INTERFACE_MAC = 16; // 64 bits, as in a key
export const INTERFACE_IPV6 = 32; // 16 bytes; zeroes = none
export const INTERFACE_LENGTH = 64;

export const GROUP_KIND = 0;
export const GROUP_COUNT = 4;
export const GROUP_HOPS = 8; // addresses of the next hops
export const HOP_REFERENCE_LENGTH = 4;

export const GROUP_FORWARD = 0;
export const GROUP_LOCAL = 1; // one of the router's own addresses
export const GROUP_BLACKHOLE = 2;

export const HOP_INTERFACE = 0; // address
export const HOP_NETWORK_BITS = 4; // length of a connected network, whose neighbour is the packet's destination; 0 = by a neighbour
export const HOP_MAC = 8; // 64 bits, as in a key; 0 = not known
export const HOP_LENGTH = 16;

export const GROUP_HOPS_MAXIMUM = 64;
export const ROUTES_DEFAULT_LIMIT = 65536;
export const ROUTES_MAXIMUM = 4194304;
export const ROUTER_MTU_DEFAULT = 1500;
/** The least that IPv4 (RFC 791 §3.2) and IPv6 (RFC 8200 §5) need. */
export const ROUTER_MTU_MINIMUM = 68;
export const ROUTER_MTU_MINIMUM_IPV6 = 1280;
export const ROUTER_MTU_MAXIMUM = 65535;

// What the kernel `route` returns: drop reason (8 bits) | ROUTED_ANSWERED | bridge domain it goes on in << 16.
export const ROUTED_REASON_MASK = 0xff;
export const ROUTED_ANSWERED = 0x100; // the frame is an answer now, and leaves the way it came
export const ROUTED_DOMAIN_SHIFT = 16;

/** TTL and hop limit of what the router itself says. */
export const ROUTER_TTL = 64;
/** Most bytes of an ICMP error: header, and as much of the packet as fits (RFC 1812 §4.3.2.3, RFC 4443 §2.4 c). */
export const ICMP_ERROR_MAXIMUM = 576;
export const ICMPV6_ERROR_MAXIMUM = 1280;
/** Extension headers walked over to see whether a packet is an ICMPv6 error; more are not answered. */
export const IPV6_EXTENSIONS_MAXIMUM = 8;
