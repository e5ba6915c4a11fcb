// The FDB in memory: a header of two cache lines, and buckets of one cache line each.
// A bucket holds four keys, then their four values; key and value are 64 bits.
//
//   key    MAC as its six bytes lie in a frame, read as a little-endian number | bridge domain << 48; 0 = free
//   value  destination (32 bits) | flags (8 bits) | stamp (24 bits); 0 = absent
//
// A table that learns has, beside the buckets, a chain for each slot, and a record for each port and bridge domain.
//
// Many threads. Lookups take no lock. Whoever changes which keys stand where holds the lock; a new entry's value
// is written before its key, and an entry that goes loses its value before its key, so that a key is never seen with
// another's value. That a key stands in its second bucket is counted before it does, and until after it has gone. A slot that was left is marked as retired, and is not used again before every reader that may
// have seen its old key has finished its burst: readers say when they begin (an epoch) and when they are idle.
// A refresh or a move changes one value in one piece.

export const FDB_BUCKETS = 0; // address of the first bucket
export const FDB_BUCKET_BITS = 4; // there are 2^bits buckets
export const FDB_SEED = 8; // 64 bits
export const FDB_CAPACITY = 16;
export const FDB_CHAINS = 20; // address of the chains; 0 = the table does not learn
export const FDB_PORTS = 24; // address of the records of ports
export const FDB_PORT_COUNT = 28;
export const FDB_DOMAINS = 32; // address of the records of bridge domains
export const FDB_POLICY = 36;
export const FDB_EVENTS = 40; // address of the events; 0 = none are kept
export const FDB_READERS = 44; // address of the readers' epochs; 0 = only one thread
export const FDB_READER_COUNT = 48;
export const FDB_DOMAIN_COUNT = 52;
// The second line changes.
export const FDB_ENTRIES = 64;
export const FDB_TOUCHED = 68; // lookups leave here what they read ahead, so that no compiler drops the reads
export const FDB_LOCK = 72; // 0 = free, else the number of the thread that holds it, from 1
export const FDB_EPOCH = 76; // goes up whenever slots have been retired
export const FDB_REFUSED = 80; // 64 bits: sources that were not learned for lack of room
export const FDB_HEADER_LENGTH = 128;

export const FDB_POLICY_EVICT = 1; // a full table makes room; else it learns nothing more

export const BUCKET_LENGTH = 64;
export const BUCKET_SLOTS = 4;
export const BUCKET_VALUES = 32;

/** Behind all buckets, a byte for each: how many keys that belong there first stand in their second bucket. */
export const STRAYED_LENGTH = 1;

export const KEY_LENGTH = 8;
export const KEY_DOMAIN = 6; // byte offset of the bridge domain in a key
/** The first byte of a retired slot's key, a group address that is never looked up; its epoch stands in the upper half. */
export const KEY_RETIRED = 0xff;
export const KEY_RETIRED_EPOCH = 4;

export const VALUE_LENGTH = 8;
export const VALUE_FLAGS = 4; // byte offset of the flags in a value
export const VALUE_PRESENT = 1;
export const VALUE_STATIC = 2;
export const VALUE_BLACKHOLE = 4;
/** What `lookupMany` writes for a key that is not in the table. */
export const NO_DESTINATION = 0xffffffff;
export const VALUE_STAMP_SHIFT = 40;
export const STAMP_MASK = 0xffffff; // seconds, modulo 2^24

// A destination of a switch: where a frame leaves. Port (16 bits) | VLAN << 16; VLAN 0: untagged.
export const DESTINATION_PORT_MASK = 0xffff;
export const DESTINATION_VID_SHIFT = 16;

// A chain: of each slot, which learned entries of its port come before and after it. Slots are numbered from 1, 0 is none.
export const CHAIN_PREVIOUS = 0;
export const CHAIN_NEXT = 4;
export const CHAIN_STAMP = 8; // the entry's stamp when it was put here
export const CHAIN_PORT = 12;
export const CHAIN_LENGTH = 16;

export const FDB_PORT_ENTRIES = 0; // learned entries
export const FDB_PORT_LIMIT = 4;
export const FDB_PORT_HEAD = 8;
export const FDB_PORT_TAIL = 12;
export const FDB_PORT_LENGTH = 16;

export const FDB_DOMAIN_ENTRIES = 0;
export const FDB_DOMAIN_LIMIT = 4;
export const FDB_DOMAIN_LENGTH = 8;

export const FDB_LIMIT_NONE = 0xffffffff;

// Events: a header, then records, written round and round; whoever takes them says up to where.
export const EVENTS_MASK = 0; // there are mask + 1 records
export const EVENTS_WRITTEN = 4; // free-running
export const EVENTS_TAKEN = 8;
export const EVENTS_LIMIT = 12; // most that wait to be taken
export const EVENTS_LOST = 16; // 64 bits
export const EVENTS_HEADER_LENGTH = 64;
export const EVENT_KEY = 0;
export const EVENT_KIND = 8;
export const EVENT_DESTINATION = 12;
export const EVENT_FROM = 16; // moved: the old destination
export const EVENT_STAMP = 20;
export const EVENT_LENGTH = 32;
export const EVENT_LEARNED = 1;
export const EVENT_MOVED = 2;
export const EVENT_AGED = 3;
export const EVENT_EVICTED = 4;

/** A reader's epoch, on a cache line of its own. */
export const READER_LENGTH = 64;
export const READER_IDLE = 0xffffffff;

/** Entries that have been refreshed since they were put into their list get a second chance, but not more than this many. */
export const EVICTION_CHANCES = 64;

export const FDB_CAPACITY_MAXIMUM = 16777216;
export const BRIDGE_DOMAIN_MAXIMUM = 65535;
export const AGE_SECONDS_MAXIMUM = 1000000;
