// Counting by key: a table of what was counted, in the state of a stage that counts.
//
// The stage's record says how the table is laid out; its flags say what the key is made of.
export const COUNT_KEY_LENGTH = 16; // bytes, a multiple of 8
export const COUNT_ENTRY_LENGTH = 20;
export const COUNT_CAPACITY = 24; // entries
export const COUNT_INDEX = 28; // where the index lies, from the stage's state on
export const COUNT_INDEX_MASK = 32; // its length in places, less one

// What a key may be made of, in the order in which it lies there behind a word that says which of it the frame has. Words
// are numbers, all else lies as in the frame, with zeroes behind; what a frame has not is zero.
export const COUNT_VNI = 1; // one word
export const COUNT_SOURCE_MAC = 2; // two words
export const COUNT_DESTINATION_MAC = 4; // two words
export const COUNT_VID = 8; // one word: of the outermost tag
export const COUNT_SOURCE = 16; // four words: an IPv4 address takes the first
export const COUNT_DESTINATION = 32; // four words
export const COUNT_PROTOCOL = 64; // one word
export const COUNT_SOURCE_PORT = 128; // one word
export const COUNT_DESTINATION_PORT = 256; // one word
// Only of what a decapsulation of any kind took off, in front of the VNI and behind it.
export const COUNT_KIND = 512; // one word: the number of the kind
export const COUNT_TUNNEL_KEY = 1024; // one word: a GRE key
/** Only in the word in front: the addresses are IPv6's. */
export const COUNT_IPV6 = 0x10000;

// The state.
export const COUNT_OTHER_FRAMES = 8; // 64 bits: frames whose key found no place
export const COUNT_OTHER_BYTES = 16; // 64 bits
export const COUNT_USED = 24; // entries in use; they are used one behind the other, and none is given back
export const COUNT_KEY = 32; // the key of the frame in work
export const COUNT_ENTRIES = 128; // the first entry

/** The index: a word for each place, 0 or the number of an entry, counted from 1. A free place ends a search. */
export const COUNT_PLACE_LENGTH = 4;

// An entry.
export const ENTRY_FRAMES = 0; // 64 bits
export const ENTRY_BYTES = 8; // 64 bits: as long as the frames were on the wire
export const ENTRY_HASH = 16; // of the key
export const ENTRY_KEY = 24;
