// The FDB in memory: a header of two cache lines and buckets of one each.
// A bucket holds four keys, then their four values; key and value are 64 bits.
//
//   key    MAC as its six bytes lie in a frame, read as a little-endian number | bridge domain << 48; 0 = free
//   value  destination (32 bits) | flags (8 bits) | 24 bits free; 0 = absent

export const FDB_BUCKETS = 0; // address of the first bucket
export const FDB_BUCKET_BITS = 4; // there are 2^bits buckets
export const FDB_SEED = 8; // 64 bits
export const FDB_ENTRIES = 16;
export const FDB_CAPACITY = 20;
export const FDB_TOUCHED = 64; // lookups leave here what they read ahead; apart from what every lookup reads
export const FDB_HEADER_LENGTH = 128;

export const BUCKET_LENGTH = 64;
export const BUCKET_SLOTS = 4;
export const BUCKET_VALUES = 32;

export const KEY_LENGTH = 8;
export const VALUE_LENGTH = 8;
export const VALUE_FLAGS = 4; // byte offset of the flags in a value
export const VALUE_PRESENT = 1;

export const FDB_CAPACITY_MAXIMUM = 16777216;
export const BRIDGE_DOMAIN_MAXIMUM = 65535;
