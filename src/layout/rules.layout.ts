// A rule table: what the module of rule tables finds as its data. Places are given from the beginning of the data on.
//
// Its rules lie in the order in which they are asked. A tree says which of them are worth asking for a frame: each node
// divides by one word of the frame's key.

export const RULES_ROOT = 0; // the first node
export const RULES_RULES = 4; // the first rule
export const RULES_OTHERWISE = 8; // 1: what no rule matches is dropped
export const RULES_SCRATCH = 12; // where a thread's key and stack lie, from the state on
export const RULES_NODES = 16;

// The key of a frame: words, which are numbers.
export const KEY_SOURCE = 0; // four words: an IPv4 address takes the first
export const KEY_DESTINATION = 4;
export const KEY_SOURCE_MAC = 8; // its last four bytes, and its first two: KEY_NONE without an Ethernet header
export const KEY_DESTINATION_MAC = 10;
export const KEY_ETHER_TYPE = 12; // behind the tags
export const KEY_VLAN = 13; // of the outermost tag, or KEY_NONE
export const KEY_PROTOCOL = 14; // what IP carries, or KEY_NONE
export const KEY_FAMILY = 15; // 4, 6, or 0 for what is no IP packet
export const KEY_COMPARED = 16; // words up to here are compared under a mask, those behind must lie in a range
export const KEY_SOURCE_PORT = 16; // or KEY_NONE
export const KEY_DESTINATION_PORT = 17;
export const KEY_WORDS = 18;
export const KEY_NONE = 0xffffffff;

// A node.
export const NODE_WORD = 0; // of the key, in bytes; NODE_LEAF: it does not divide
export const NODE_LEAF = 0xffffffff;
export const NODE_BEST = 4; // the first rule below it
export const NODE_ELSE = 8; // the node of rules that do not divide by this word, or 0
export const NODE_FAMILY = 12; // 0, or of which family the frame must be to have this word
export const NODE_STARTS = 16; // where intervals begin, in order, a word for each
export const NODE_CHILDREN = 20; // their nodes, or 0
export const NODE_FIRST = 24; // where the first begins
export const NODE_SHIFT = 28;
export const NODE_BUCKETS = 32; // by the words' upper bits: the last interval that begins before; one more for the end
export const NODE_LAST_BUCKET = 36;
export const NODE_LENGTH = 40;
export const LEAF_RULES = 8; // numbers of rules, in order
export const LEAF_COUNT = 12;

// A rule.
export const RULE_VALUE = 0;
export const RULE_MASK = 64;
export const RULE_SOURCE_PORT = 128; // the first of a range, and how many more there are
export const RULE_SOURCE_PORTS = 132;
export const RULE_DESTINATION_PORT = 136;
export const RULE_DESTINATION_PORTS = 140;
export const RULE_DROPS = 144;
export const RULE_MARKS = 148; // 1: the frame gets the mark
export const RULE_MARK = 152;
export const RULE_COUNTER = 156; // where its counters lie, from the state on
export const RULE_LENGTH = 160;

// The state of a thread: counters, and behind them the key of the frame in work and nodes that are still to be asked.
export const RULES_UNMATCHED = 8; // frames and bytes, 64 bits each
export const RULES_COUNTERS = 24; // those of each rule
export const RULES_COUNTER_LENGTH = 16;
export const SCRATCH_STACK = 80;
export const SCRATCH_DEPTH = 64;
export const SCRATCH_LENGTH = 336;
