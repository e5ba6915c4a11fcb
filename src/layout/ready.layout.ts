// Parameters of the ready stages: which of them it is, and what that one has been told. Where a number is a sixteen-bit one
// of a header, it lies as in the header.

export const READY_KIND = 0;
export const READY_TRUNCATE = 1;
export const READY_ANONYMISE = 2;
export const READY_REWRITE = 3;
export const READY_MARK = 4;
export const READY_DEDUP = 5;
export const READY_RATE = 6;

/** The state of each of them begins as every stage's does: with the count of frames that it changed. */
export const READY_STATE_CHANGED = 0;

// Truncation
export const TRUNCATE_BYTES = 4;

// Marks
export const MARK_VALUE = 4;
export const MARK_KEEP = 8; // bits of the mark that stay

// Frames that were seen before: a window, a mask for hashes, a key of 128 bits.
export const DEDUP_WINDOW = 4;
export const DEDUP_MASK = 8;
export const DEDUP_KEY = 16;
export const DEDUP_KEY_LENGTH = 16;
// Its state: how many frames have come; for each lower bits of hashes the number of the last frame; and behind that a ring.
export const DEDUP_STATE_FRAMES = 8;
export const DEDUP_STATE_LAST = 16;
export const SEEN_HASH = 0; // 64 bits
export const SEEN_BEFORE = 8; // the number of the frame before it with the same lower bits
export const SEEN_LENGTH = 16;
export const DEDUP_PLACE_LENGTH = 20; // a number, and an entry of the ring

// Rates: what has a bucket of its own, two limits, a key of 128 bits, and a mask for the sets of the table.
export const RATE_BY = 4;
export const RATE_BY_ALL = 0;
export const RATE_BY_FLOW = 1;
export const RATE_BY_SOURCE = 2;
export const RATE_BY_DESTINATION = 3;
export const RATE_BY_PORT = 4;
export const RATE_BY_VNI = 5;
export const RATE_BY_MARK = 6;
export const RATE_FRAMES = 8;
export const RATE_BITS = 32;
export const RATE_KEY = 56;
export const RATE_KEY_LENGTH = 16;
export const RATE_MASK = 72;
// A limit, three numbers of 64 bits; all of them 0: there is none.
export const LIMIT_RATE = 0; // billionths that come in a nanosecond
export const LIMIT_MOST = 8; // billionths that a bucket holds
export const LIMIT_FILL = 16; // nanoseconds in which an empty bucket is full
// Their state: buckets that gave way before they were full, the key of the frame in work, and buckets, some to a set.
export const RATE_STATE_FORGOTTEN = 8;
export const RATE_STATE_COUNTED = 16;
export const RATE_STATE_KEY = 16;
export const RATE_STATE_BUCKETS = 96;
export const RATE_WAYS = 4;
export const BUCKET_HASH = 0; // 64 bits; 0: it is nobody's
export const BUCKET_LAST = 8; // 64 bits: until when it has been filled
export const BUCKET_FRAMES = 16; // 64 bits: billionths of a frame that are there
export const BUCKET_BITS = 24; // likewise of a bit
export const BUCKET_LENGTH = 32;

// Rewriting: for each list where its rows begin, in the stage's data, and how many bytes they have.
export const REWRITE_TTL_LESS = 4; // so many are taken off; 0: none
export const REWRITE_LISTS = 16;
export const REWRITE_LIST_BYTES = 4;
export const REWRITE_LIST_LENGTH = 8;
export const LIST_SOURCE_MAC = 0;
export const LIST_DESTINATION_MAC = 1;
export const LIST_SOURCE_IPV4 = 2;
export const LIST_DESTINATION_IPV4 = 3;
export const LIST_SOURCE_IPV6 = 4;
export const LIST_DESTINATION_IPV6 = 5;
export const LIST_SOURCE_PORT = 6;
export const LIST_DESTINATION_PORT = 7;
export const LIST_VID = 8;
export const LIST_PCP = 9;
export const LIST_DSCP = 10;
export const LIST_TTL = 11;
export const LISTS = 12;
// A row about a number: one of a range becomes another, or one of a range as long.
export const CHANGE_FIRST = 0;
export const CHANGE_MORE = 4; // how many there are behind the first
export const CHANGE_TO = 8;
export const CHANGE_STEP = 12; // 1: the second becomes the number behind, and so on; 0: all become the same
// A row about an address, as it lies in a frame: what it must be under a mask, which bits stay, and which are put in.
export const CHANGE_WANTED = 0;
export const CHANGE_MASK = 16;
export const CHANGE_KEEP = 32;
export const CHANGE_BITS = 48;
export const CHANGE_LENGTH = 64;

// Anonymisation: flags, a key of 128 bits, and rows of prefixes that are kept; behind the rows of IPv4 those of IPv6.
export const ANONYMISE_FLAGS = 4;
export const ANONYMISE_KEY = 8;
export const ANONYMISE_ROWS_IPV4 = 24;
export const ANONYMISE_ROWS_IPV6 = 28;
export const ANONYMISE_ROWS = 32;
export const ANONYMISE_KEEP_MACS = 1;
export const ANONYMISE_KEEP_VENDORS = 2;
export const ANONYMISE_KEEP_PAYLOAD = 4; // else it becomes zeroes
export const ANONYMISE_CUT_PAYLOAD = 8; // and frames end where it began
export const ANONYMISE_KEEP_UNKNOWN = 16;
// A row: the first bits of addresses, as a number whose top bits they are.
export const ROW_HIGH = 0; // 64 bits; of IPv4 the address is in their upper half
export const ROW_LOW = 8; // 64 bits
export const ROW_BITS = 16;
export const ROW_WHOLE = 20; // if not 0, all of an address stays, not only its first bits
export const ROW_LENGTH = 24;
// Its state: what addresses have become before, each in a place that its bits choose. Zeroes become zeroes.
export const ANONYMISE_IPV4_CACHE = 16; // address, and what it has become
export const ANONYMISE_IPV4_PLACES = 4096;
export const ANONYMISE_MAC_CACHE = 32784; // the same, with 64 bits each
export const ANONYMISE_MAC_PLACES = 2048;
export const ANONYMISE_IPV6_CACHE = 65552; // the same, with 128 bits each
export const ANONYMISE_IPV6_PLACES = 2048;
export const ANONYMISE_SUMS = 131088; // of the frame in work: checksums that are to be put right
export const ANONYMISE_SUMS_MAXIMUM = 32;
export const SUM_FIELD = 0; // where it stands
export const SUM_START = 4; // what it is over, as far as it was captured
export const SUM_END = 8;
export const SUM_BEFORE = 12; // the folded sum of that before anything was changed
export const SUM_PSEUDO = 16; // 64 bits: the sum of what belongs to it and does not lie there, as it is afterwards
export const SUM_STATE = 24;
export const SUM_LENGTH = 32;
export const ANONYMISE_STATE_LENGTH = 132112;
