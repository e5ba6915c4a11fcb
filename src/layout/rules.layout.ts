// A rule table: what the module of rule tables finds as its data. Places are given from the beginning of the data on.
//
// Its rules lie in the order in which they are asked. Rules that ask for the same bits of the same words stand together in a
// tuple: a packet's bits under the tuple's masks are hashed, and the slot of that hash leads to the rules that are worth asking.
// Fields say beforehand which tuples can have a rule for a packet. Rules that are many in one slot have a tree below it: each
// node divides by one word of the packet's key.

export const RULES_RULES = 0; // the first rule
export const RULES_OTHERWISE = 4; // the number of the rule behind the last: what becomes of frames that none matches
export const RULES_SCRATCH = 8; // where a thread works, from the state on
export const RULES_ROOT = 12; // 0, or the node where all rules are looked for: there are no tuples then
export const RULES_FIELDS = 16; // the first field
export const RULES_FIELDS_END = 20;
export const RULES_TUPLES = 24; // the first tuple
export const RULES_SLOTS = 28; // a word for each: the cell, and below it a tag of eight bits; 0: none
export const RULES_SLOTS_MASK = 32;
export const RULES_CELLS = 36; // the first cell, which is none
export const RULES_TUPLES_ALL = 40; // 64 bits: one for each tuple
export const RULES_ASK_OTHERS = 48; // 1: a rule asks for words behind the first four that are no ports
export const RULES_HASH_OTHERS = 52; // 1: a tuple does
export const RULES_CROWD_BLOCKS = 56; // vectors of bits of crowded rules; 0: there are none
export const RULES_CROWD = 60; // the first crowded rule
export const RULES_CROWD_NODE = 64; // 0, or where those are looked for that have all bits: no field says all that they ask for
export const RULES_CROWD_DIRECT = 68; // two tables, of the family and the protocol
export const RULES_HEADER = 80;

// A crowded rule.
export const CROWD_RULE = 0; // its number
export const CROWD_TUPLES = 8; // 64 bits: the tuples that have a rule in front of it
export const CROWD_LENGTH = 16;
export const CROWD_BLOCK = 128; // rules to a vector
export const CROWD_RULES_MAXIMUM = 512;
// A table of a word that is small: the number of its bits for each value.
export const DIRECT_LAST = 256; // and for all that are larger
export const DIRECT_BITS = 0; // the bits
export const DIRECT_NUMBERS = 4; // 16 bits each
export const DIRECT_LENGTH = 520;

// The key of a frame: words, which are numbers. What most rules ask for fills a vector.
export const KEY_SOURCE = 0; // an IPv4 address, or the first word of one of IPv6
export const KEY_DESTINATION = 1;
export const KEY_PROTOCOL = 2; // what IP carries, or KEY_NONE
export const KEY_FAMILY = 3; // 4, 6, or 0 for what is no IP packet
export const KEY_SOURCE_REST = 4; // the other three words of an IPv6 address
export const KEY_DESTINATION_REST = 7;
export const KEY_SOURCE_MAC = 10; // its last four bytes, and its first two: KEY_NONE without an Ethernet header
export const KEY_DESTINATION_MAC = 12;
export const KEY_ETHER_TYPE = 14; // behind the tags
export const KEY_VLAN = 15; // of the outermost tag, or KEY_NONE
export const KEY_COMPARED = 16; // words up to here are compared under a mask, those behind must lie in a range
export const KEY_SOURCE_PORT = 16; // or KEY_NONE
export const KEY_DESTINATION_PORT = 17;
export const KEY_WORDS = 18;
export const KEY_SOURCE_CLASS = 18; // in which interval of its field a port lies, where tuples ask for that
export const KEY_DESTINATION_CLASS = 19;
export const KEY_NOTHING = 20; // where the interval of another field goes
export const KEY_BEST = 21; // the first rule that has matched so far
export const KEY_DESCRIPTOR = 22; // whose key it is
export const KEY_LENGTH = 96; // in bytes
export const KEY_NONE = 0xffffffff;

// A field: in which interval a word lies, and which tuples have a rule for that. The intervals cover all words.
export const FIELD_WORD = 0; // of the key, in bytes
export const FIELD_CLASS = 4; // where the interval's number goes, in bytes of the key
export const FIELD_FIRST = 8; // where the first bucket begins
export const FIELD_SHIFT = 12;
export const FIELD_LAST_BUCKET = 16;
export const FIELD_BUCKETS = 20; // by the words' upper bits: the last interval that begins before
export const FIELD_STARTS = 24; // where intervals begin, in order, a word for each
export const FIELD_STEP = 28; // how far the first step of the search goes: a power of two, or 0
export const FIELD_SETS = 32; // of each interval the number of its set, 16 bits, and of its bits of crowded rules, as many
export const FIELD_TABLE = 36; // the sets: 64 bits, one for each tuple
export const FIELD_CROWD = 40; // the bits of crowded rules
export const FIELD_LENGTH = 48;
export const FIELDS_MAXIMUM = 6;
export const FIELD_SETS_MAXIMUM = 65536;

// A tuple: masks of what is hashed.
export const TUPLE_MASK = 0; // of the key's first four words
export const TUPLE_CLASSES = 16; // of the last vector of the key: of ports only intervals are hashed
export const TUPLE_SEED = 32;
export const TUPLE_OTHERS = 48; // of the words between
export const TUPLE_LENGTH = 96;
export const TUPLES_MAXIMUM = 64;
export const TAG_SHIFT = 24; // of a hash: the tag of a slot is the eight bits from here on,
export const TAG_ANY = 255; // or this: two cells stand there, or one whose tag is the same

// The hash of a key, lane by lane: the masked vectors times these, added up.
export const HASH_FIRST = 0x9e3779b1;
export const HASH_CLASSES = 0x85ebca77;
export const HASH_OTHERS_1 = 0xc2b2ae3d;
export const HASH_OTHERS_2 = 0x27d4eb2f;
export const HASH_OTHERS_3 = 0x165667b1;
export const HASH_LANE_SHIFT = 15;
// Another for each lane, so that a source and a destination that change places are two keys.
export const HASH_LANE_0 = 0x2c1b3c6d;
export const HASH_LANE_1 = 0x297a2d39;
export const HASH_LANE_2 = 0x5bd1e995;
export const HASH_LANE_3 = 0x1b873593;
export const HASH_SUM = 0x85ebca6b;
export const HASH_SUM_SHIFT = 16;
export const HASH_LAST_SHIFT = 13;

// A cell: a rule that is worth asking, and where it goes on if that does not match.
export const CELL_RULE = 0;
export const CELL_NEXT = 4; // 0, the number of a cell, or of a node its place and CELL_IS_NODE
export const CELL_LENGTH = 8;
export const CELL_IS_NODE = 0x80000000;

// A node of a tree.
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

// A rule: a cache line, which most rules need no other beside.
export const RULE_VALUE = 0; // of the key's first four words
export const RULE_MASK = 16;
export const RULE_SOURCE_PORT = 32; // the first of a range, and how many more there are
export const RULE_SOURCE_PORTS = 36;
export const RULE_DESTINATION_PORT = 40;
export const RULE_DESTINATION_PORTS = 44;
export const RULE_OTHERS = 48; // 0, or where values and masks of the other words lie: OTHERS_MASK
export const RULE_VERDICT = 52; // RULE_DROPS, RULE_MARKS
export const RULE_DROPS = 1;
export const RULE_MARKS = 2; // the frame gets the mark
export const RULE_MARK = 56;
export const RULE_COUNTER = 60; // where its counters lie, from the state on
export const RULE_LENGTH = 64;
export const OTHERS_MASK = 48; // three vectors of values, and as many of masks
export const OTHERS_LENGTH = 96;

// The state of a thread: counters, and behind them room to work in, for so many frames at a time.
export const RULES_UNMATCHED = 8; // frames and bytes, 64 bits each
export const RULES_COUNTERS = 24; // those of each rule
export const RULES_COUNTER_LENGTH = 16;
export const CHUNK = 64; // frames
export const SCRATCH_KEYS = 0;
export const SCRATCH_SETS = 6144; // of each frame the tuples that can have a rule for it, 64 bits
export const SCRATCH_ACTIVE = 6720; // the keys of frames that have any
export const SCRATCH_STACK = 7040; // nodes that are still to be asked
export const SCRATCH_DEPTH = 64;
export const SCRATCH_CROWD = 7296; // of each frame the first bits of crowded rules
export const SCRATCH_BITS = 8320; // and where the bits lie that its words have: two tables, and fields
export const BITS_LENGTH = 32;
export const SCRATCH_FOUND = 10368; // keys and cells, FOUND_LENGTH each; behind them keys and nodes, as many
export const FOUND_LENGTH = 8;
