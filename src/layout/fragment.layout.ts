// The fragment table: where fragments of carrier packets wait for each other while a capture is worked through. One region
// of fixed size, which a capture has from its first such fragment on:
//
//     0 head         what the table knows of itself
//   128 buckets      a hash chain of datagrams each
//       datagrams    96 bytes each
//       scratch      where a whole datagram is laid out: headroom, link header, IP header, payload
//       ring         fragments as they came, one behind the other; the oldest makes way for the newest
//
// Addresses are absolute; 0 is none.

export const TABLE_KEY = 0; // of the fragment in work, as below
export const TABLE_FREE = 40; // datagrams that were used before, chained by DATAGRAM_CHAIN
export const TABLE_UNUSED = 44; // the first datagram that never was
export const TABLE_OLDEST = 48; // datagrams in the order in which they began
export const TABLE_NEWEST = 52;
export const TABLE_RELEASED = 56; // datagrams whose fragments go on as they are, in the order of DATAGRAM_RELEASED
export const TABLE_RELEASED_LAST = 60;
export const TABLE_RING = 64;
export const TABLE_RING_END = 68;
export const TABLE_HEAD = 72; // where the next fragment goes
export const TABLE_TAIL = 76; // the oldest one; 0: the ring is empty. It is full where head and tail are one
export const TABLE_SCRATCH = 80;
export const TABLE_CLOCK = 88; // 64 bits: nanoseconds since 1970, of the fragment in work
export const TABLE_JOINED = 96; // 64 bits: records that became part of another's
export const TABLE_REASSEMBLED = 104; // 64 bits: datagrams that have become whole
export const TABLE_BUCKETS = 128;
export const BUCKETS = 4096;
export const TABLE_DATAGRAMS = 16512; // TABLE_BUCKETS + 4 * BUCKETS
export const DATAGRAMS_MAXIMUM = 4096;

// Key: source(16) destination(16) identification(4) protocol(1) version(1); IPv4 fills four bytes of an address, IPv6 has no
// protocol in it (RFC 8200 §4.5). By which link and in which VLAN a fragment came is no part of it: switches that spread
// packets over links by their ports send fragments of one packet by several.
export const KEY_DESTINATION = 16;
export const KEY_IDENTIFICATION = 32;
export const KEY_PROTOCOL = 36;
export const KEY_VERSION = 37;
export const KEY_LENGTH = 40;

export const DATAGRAM_KEY = 0;
export const DATAGRAM_CHAIN = 40; // the next of its bucket
export const DATAGRAM_OLDER = 44;
export const DATAGRAM_NEWER = 48;
export const DATAGRAM_RELEASED = 52; // the next whose fragments go on as they are
export const DATAGRAM_BEGUN = 56; // 64 bits: TABLE_CLOCK of its first fragment
export const DATAGRAM_REFUSED = 64; // the drop reason of all its fragments, those to come too; 0 as long as it may become whole
export const DATAGRAM_COUNT = 68; // fragments that wait
export const DATAGRAM_FIRST = 72; // of them, as they came
export const DATAGRAM_LAST = 76;
export const DATAGRAM_LOWEST = 80; // of them, by place
export const DATAGRAM_HIGHEST = 84;
export const DATAGRAM_COVERED = 88; // bytes of payload that are there
export const DATAGRAM_END = 92; // where the payload ends; END_UNKNOWN until the last fragment says so
export const DATAGRAM_LENGTH = 96;
export const END_UNKNOWN = 0xffffffff;

// A fragment in the ring, and behind these its frame with its check sequence, and its options.
export const FRAGMENT_TOTAL = 0; // bytes in the ring
export const FRAGMENT_OWNER = 4; // its datagram; 0: nobody's any more
export const FRAGMENT_NEXT = 8; // the next one that came
export const FRAGMENT_HIGHER = 12; // the next one by place; one that was there already has no place
export const FRAGMENT_CAPTURED = 16; // bytes of its frame
export const FRAGMENT_ORIGINAL = 20; // bytes that were on the wire
export const FRAGMENT_TRAILER = 24; // bytes of check sequence in that
export const FRAGMENT_PACKET = 28; // where its IP packet begins in the frame,
export const FRAGMENT_PAYLOAD = 32; // and where its payload
export const FRAGMENT_OFFSET = 36; // of the payload in that of the datagram
export const FRAGMENT_LENGTH = 40;
export const FRAGMENT_NEXT_HEADER = 44; // IPv6: where in the frame the byte is that names the fragment header
export const FRAGMENT_STAMP = 48; // a stamp (capture.layout)
export const FRAGMENT_FRAME = 80;
export const FRAGMENT_ALIGNMENT = 16;

/** Seconds that a datagram's fragments wait for the others: as Linux does it, and RFC 8200 §4.5. */
export const SECONDS_IPV4 = 30;
export const SECONDS_IPV6 = 60;
/** Most fragments of one datagram, those that came twice counted too: as many as there can be of eight bytes. */
export const FRAGMENTS_MAXIMUM = 8192;
/** Longest link header, tags and all, of a datagram that is put together. */
export const FRAGMENT_LINK_MAXIMUM = 1024;
/** Bytes of the scratch beside the headroom: link header, IP header, payload, and what copies write too much. */
export const SCRATCH_LENGTH = 67072;
/** Bytes of fragments that wait. */
export const FRAGMENT_RING = 4194304;

/** In a cursor in place of the table's address: fragments are to be put together, and there has been none yet. */
export const REASSEMBLY_WANTED = 1;
