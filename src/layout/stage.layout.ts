// A pipeline is an array of stage records, 1024 bytes each; a kernel gets the address of its own. Nobody writes to a record
// once it lies in memory, and no address stands in it: it serves all threads.
//
//    0 operation
//    4 flags
//    8 state       where this stage's state lies in that of the thread
//   16 parameters  by operation, below
//  128 header      template of the headers that an encapsulation writes: 384 bytes; lists of a decapsulation of any kind
//
// The longest headers are 326 bytes: Ethernet, a tag, IPv6, UDP and Geneve with all the options there can be.
//
// The state of a thread is what changes while it runs the stages: the drop counters, by reason and by stage (drop.layout.ts),
// and behind them one piece for each stage, which begins with how many frames the stage changed.

export const STAGE_OPERATION = 0;
export const STAGE_FLAGS = 4;
export const STAGE_STATE = 8; // from the drop counters on
export const STAGE_LENGTH = 1024;
export const STAGES_MAXIMUM = 64;

export const STATE_CHANGED = 0; // 64 bits: frames this stage changed
export const STATE_LENGTH = 16; // of a stage that has no other state
export const STATE_ALIGNMENT = 16;

export const OPERATION_DECAPSULATE = 1;
export const OPERATION_ENCAPSULATE = 2;
export const OPERATION_VLAN_PUSH = 3;
export const OPERATION_VLAN_POP = 4;
export const OPERATION_VLAN_REWRITE = 5;
export const OPERATION_FILTER_VNI = 6;
export const OPERATION_SAMPLE = 7;
export const OPERATION_COUNT = 8;
export const OPERATION_DECAPSULATE_ANY = 9;
export const OPERATION_FILTER = 10;
export const OPERATION_ENCAPSULATE_ANY = 11;
export const OPERATION_MODULE = 12;

// Decapsulation
export const DECAPSULATE_VNI = 16; // VNI_NONE: any; of GRE the key, which counts only with DECAPSULATE_KEYED
export const DECAPSULATE_DEPTH = 20;
export const DECAPSULATE_FORM = 32; // what is known of the kind: tunnel.layout
export const DECAPSULATE_STRICT = 1; // reserved bits of VXLAN and GRE must be zero
export const DECAPSULATE_VERIFY_UDP = 2; // a UDP checksum that is there must be right
export const DECAPSULATE_KEEP_OTHERS = 4; // what is no tunnel packet goes on unchanged
export const DECAPSULATE_REFUSE_TAGGED = 8; // a passenger with a VLAN tag is dropped
export const DECAPSULATE_BARE = 16; // the frame starts with the tunnel header: it was a UDP payload, or that of an IP packet
export const DECAPSULATE_TRUST_IP = 32; // the outer IPv4 header checksum is not looked at
export const DECAPSULATE_TAKE_CRITICAL = 64; // Geneve: critical options are passed over as others are
export const DECAPSULATE_TRUST_GRE = 128; // the GRE checksum is not looked at
export const DECAPSULATE_KEYED = 256; // GRE: only packets with a key, and this one
export const DECAPSULATE_STRICT_LENGTHS = 512; // lengths of zero, and beyond the end of the frame, are no packet's
export const DECAPSULATE_RAW = 1024; // any kind: IP packets stay without an Ethernet header
export const DECAPSULATE_PLAIN = 2048; // any kind: nothing was asked for that the fast loops do not look at

// Of encapsulations and decapsulations alike: what outer IP header and passenger take over from each other.
export const INHERIT_ECN = 4096; // RFC 6040
export const INHERIT_DSCP = 8192; // RFC 2983: the uniform model
export const INHERIT_TTL = 16384; // RFC 3443: the uniform model
export const INHERIT = 28672;

// Decapsulation of any kind. It counts what it takes off: its table is laid out as that of a count (count.layout), by kind,
// VNI and key, and behind that table lies room for what was taken off the frame in work.
export const ANY_TAKEN = 36; // where that room lies, from the stage's state on
export const ANY_KINDS = 40; // 64 bits: one for the number of each kind that is taken off
export const ANY_DEPTH = 48;
export const ANY_ENTRY_COUNT = 52;
export const ANY_VNIS = 56; // how many of each were asked for, a byte for each; 0: any
export const ANY_KEYS = 57;
export const ANY_LOCALS = 58;
export const ANY_REMOTES = 59;
export const ANY_LABEL = 60; // a byte, of label.layout: what labels say; LABEL_NONE = there are none
export const ANY_LABELS = 64; // where they lie, from the stage's state on
export const ANY_NUMBERS = 128; // VNIs, and behind them keys, four bytes each
export const ANY_NUMBERS_MAXIMUM = 32;
export const ANY_ADDRESSES = 256; // local ones, and behind them remote ones, 16 bytes each: IPv4 as ::ffff:0:0/96
export const ANY_ADDRESSES_MAXIMUM = 16;
export const ANY_ENTRIES = 512; // a form for each UDP port (tunnel.layout), of which the first four words are there
export const ANY_ENTRY_LENGTH = 16; // GRE, if it is taken off, has the first, without a port; a mask of 0: no plain form
export const ANY_ENTRIES_MAXIMUM = 32;

// What was taken off the frame in work, one behind the other: kind, what its number is, number, length on the wire of what
// it carried.
export const TAKEN_KIND = 0;
export const TAKEN_NUMBER_IS = 4;
export const TAKEN_NUMBER = 8;
export const TAKEN_WIRE = 12;
export const TAKEN_LENGTH = 16;
export const TAKEN_MAXIMUM = 64;

// Encapsulation
export const ENCAPSULATE_HEADER_LENGTH = 16;
export const ENCAPSULATE_IP_OFFSET = 20; // 0: no outer IP, the header alone
export const ENCAPSULATE_UDP_OFFSET = 24; // 0: no UDP
export const ENCAPSULATE_IP_SUM = 28; // of the IPv4 header with a length of zero, in memory order, folded
export const ENCAPSULATE_UDP_SUM = 32; // of pseudo-header, destination port and tunnel header, folded; of the GRE header alone
export const ENCAPSULATE_SEED = 36; // of the flow hash
export const ENCAPSULATE_GRE_CHECKSUM = 40; // where the GRE checksum lies; 0: none
export const ENCAPSULATE_NUMBER = 44; // where the four bytes lie that a VNI, VSID or GRE key is in
export const ENCAPSULATE_NUMBER_SHIFT = 48; // bits that come before it there: 8 in a GRE key, whose first byte is zero then
export const ENCAPSULATE_TUNNEL = 52; // any kind, from here on: where the tunnel header begins
export const ENCAPSULATE_TYPE = 56; // where 16 bits lie that say of which version an IP packet is; 0: nowhere
export const ENCAPSULATE_TYPE_IPV4 = 60; // what they say, as they lie in a packet
export const ENCAPSULATE_TYPE_IPV6 = 64;
export const ENCAPSULATE_LENGTH = 68; // where a length of 16 bits lies, beside those of IP and UDP; 0: nowhere
export const ENCAPSULATE_LENGTH_FROM = 72; // from where on it counts
export const ENCAPSULATE_TEMPLATE = 128;
export const ENCAPSULATE_TEMPLATE_LENGTH = 384;
export const ENCAPSULATE_IPV6 = 1;
export const ENCAPSULATE_UDP_CHECKSUM = 2;
export const ENCAPSULATE_STRIP_TAG = 4; // the passenger's outermost VLAN tag is taken off first
export const ENCAPSULATE_STRIP_ALL = 8; // all of its VLAN tags are
export const ENCAPSULATE_FLOW_ID = 16; // NVGRE: the header's last byte comes from the flow hash
export const ENCAPSULATE_OF_IPV4 = 32; // any kind: what goes in is an IP packet, without what is in front of it
export const ENCAPSULATE_OF_IPV6 = 64;
export const ENCAPSULATE_BEHIND_MACS = 128; // any kind: the headers go in behind the addresses of the frame
export const ENCAPSULATE_OWN_DESTINATION = 256; // any kind: the outer address is the frame's own, if it has one
export const ENCAPSULATE_OWN_SOURCE = 512;
export const ENCAPSULATE_OWN_PORT = 1024; // any kind: the UDP source port is that of the template

// VLAN tags
export const VLAN_TAG = 16; // push: TPID and TCI as they lie in the frame
export const VLAN_MATCH_TPID = 20; // pop, rewrite: only this TPID; 0 = any of the three
export const VLAN_KEEP_MASK = 24; // rewrite: TCI bits that stay
export const VLAN_SET_BITS = 28; // rewrite: TCI bits that are put in
export const VLAN_NEW_TPID = 32; // rewrite: 0 = the TPID stays
export const VLAN_MATCH_MASK = 36; // pop: TCI bits that are looked at
export const VLAN_MATCH_BITS = 40; // pop: and what they must be

// Filter by VNI
export const FILTER_VNI = 16;

// Sampling
export const SAMPLE_FLOWS = 1; // whole flows: those whose hash is small enough; else one frame in so many
export const SAMPLE_ONE_IN = 16;
export const SAMPLE_SEED = 20; // of the flow hash
export const SAMPLE_LIMIT = 24; // of the mixed hash: what is greater is not chosen
export const SAMPLE_STATE_WAIT = 8; // how many frames still to pass over

// Code that is no kernel's: a module of WebAssembly, of which each thread makes an instance of its own
export const CODE_START = 16; // where its bytes lie, from this record on
export const CODE_LENGTH = 20;
export const CODE_ID = 24; // two words that no other code has: threads keep what they have made of its bytes by them
export const CODE_ID_HIGH = 28;
/** What running it returns if it could not be run to its end. */
export const CODE_FAILED = 0xffffffff;

// Filter by an expression: code that was generated for it
export const FILTER_STATE_PASSED = 8; // of the last burst: frames that had been dropped before; there its room begins (walk.layout)
export const FILTER_STATE_LENGTH = 208;

// A module of the user's own
/** Of what modules rely on: of descriptors, and of what `run` is given. It goes up by hand. */
export const MODULE_VERSION = 1;
export const MODULE_DEBUG = 1; // what it made of the descriptors is looked at after each burst
export const MODULE_SCRIPT = 2; // its code is JSON: the address of a script in JavaScript, and options
export const MODULE_NAME_LENGTH = 32;
export const MODULE_NAME = 36; // in ASCII
export const MODULE_NAME_MAXIMUM = 64;
export const MODULE_DATA_LENGTH = 108;
export const MODULE_DATA = 112; // where its data lies, from its parameters on; 0: it has none
export const MODULE_HEADROOM = 116; // by how many bytes it may make a frame longer
export const MODULE_REASONS = 120; // how many drop reasons of its own it has
export const MODULE_REASON = 124; // the code of the first: the word in front of the parameters
export const MODULE_PARAMETERS = 128; // to the end of the record
export const MODULE_PARAMETERS_LENGTH = 896;
