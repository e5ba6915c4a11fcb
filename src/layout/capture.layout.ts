// What the capture kernels share with their caller: a cursor, a stamp for each descriptor, an interface table.
//
// The cursor says where to read, where to write, and where everything lies; the kernel stops with a status.

export const CURSOR_IN = 0; // address of the next record
export const CURSOR_IN_END = 4;
export const CURSOR_OUT = 8; // address of the next free byte
export const CURSOR_OUT_END = 12;
export const CURSOR_STATUS = 16;
export const CURSOR_IN_FORMAT = 20;
export const CURSOR_OUT_FORMAT = 24;
export const CURSOR_INTERFACES = 28;
export const CURSOR_INTERFACE_COUNT = 32;
export const CURSOR_DESCRIPTORS = 36;
export const CURSOR_STAMPS = 40;
export const CURSOR_BURST = 44; // most records at a time
export const CURSOR_STAGING = 48; // where frames are copied to get headroom; 0 = they stay where they are
export const CURSOR_STAGING_END = 52;
export const CURSOR_HEADROOM = 56;
export const CURSOR_GROWTH = 60; // most bytes by which a record can be longer when it leaves
export const CURSOR_STAGES = 64;
export const CURSOR_STAGE_COUNT = 68;
export const CURSOR_COUNTERS = 72;
export const CURSOR_RECORDS = 80; // 64 bits: records read
export const CURSOR_FORWARDED = 88; // 64 bits: records written
export const CURSOR_BYTES_IN = 96; // 64 bits: frame bytes read
export const CURSOR_BYTES_OUT = 104; // 64 bits: frame bytes written
export const CURSOR_JOURNAL = 112; // address, for workers between two byte rings
export const CURSOR_SWITCH = 116; // address of a switch's context, which works in place of stages; 0 = stages
// A switch's burst that could not be finished, because the output had no room: how many frames, how many of what
// leaves has been written, the receive ring's head behind it, and what the kernel said.
export const CURSOR_BURST_FRAMES = 128;
export const CURSOR_BURST_WRITTEN = 132;
export const CURSOR_BURST_HEAD = 136;
export const CURSOR_BURST_STATUS = 140;
// A piece of a source in shared memory: whoever works on it copies it in.
export const CURSOR_RANGE_LENGTH = 148; // bytes of the source in which the piece's records begin
export const CURSOR_RANGE_OFFSET = 152; // 64 bits: where in the source they are
export const CURSOR_RANGE = 160; // address where they go
export const CURSOR_LINK = 164; // address of the link that says where the first record is
export const CURSOR_NEXT_LINK = 168; // address of the link to write: the one of the piece behind
export const CURSOR_SCANNED = 172; // records found
export const CURSOR_RECORD_LENGTH = 176; // of a scan that needs input: bytes of that record, as far as they are known
export const CURSOR_LENGTH = 192;

// A board: the pieces of one source that are handed out. Any worker takes the next that is open. All that a worker
// touches before it has taken one stands here: boards are held until all workers have read that the source is closed,
// and everything else only as long as there are pieces.
export const BOARD_HANDED_OUT = 0; // how many there have been
export const BOARD_CLAIMED = 64; // how many of these need no look any more; on a cache line of its own
export const BOARD_LOW = 4; // with so many that are open, or fewer, it is time for more
export const BOARD_PLACE_COUNT = 8;
export const BOARD_PLACES = 128; // piece n is at place n modulo their count
export const PLACE_CURSOR = 0; // address of the piece's cursor
export const PLACE_STATE = 4; // one of the following
export const PLACE_LENGTH = 8;

/** Nobody has the piece; its number, as far as there is room for it, in the bits below. */
export const PIECE_OPEN = 0x80000000;
export const PIECE_NUMBER_MASK = 0xffffff;
// Which worker has it, counted from 1, stands in the bits below these. Claimed: it is being copied, and waits for its
// link. Begun: what comes of it is lost if the worker dies.
export const PIECE_CLAIMED = 0x100;
export const PIECE_BEGUN = 0x200;
export const PIECE_DONE = 0x400;
export const PIECE_WORKER_MASK = 0xff;

// A link between two pieces, on a cache line of its own: written once, when the records of the piece in front are known.
export const LINK_VALUE = 0; // one of the following, or LINK_FIRST + the bytes of the range in front of the first record
export const LINK_DOORBELL = 4; // address: where the worker sleeps that has the piece behind; 0 = not given to any
export const LINK_LENGTH = 64;
/** Nothing is known yet. */
export const LINK_OPEN = 0;
/** There is more than records in front: the piece behind is not to be touched. */
export const LINK_STOP = 1;
export const LINK_FIRST = 2;

/** The input ends inside a record, or there is none. */
export const STATUS_NEED_INPUT = 0;
/** The output has no room for another record. */
export const STATUS_OUTPUT_FULL = 1;
/** The next block is not a packet: it is the caller's to read. */
export const STATUS_OTHER_BLOCK = 2;
/** The next record cannot be true. */
export const STATUS_DAMAGE = 3;

export const FORMAT_PCAPNG = 1; // else pcap
export const FORMAT_BIG_ENDIAN = 2;
export const FORMAT_NANOSECONDS = 4; // pcap only
export const FORMAT_RECORDS = 8; // neither: records as in a byte ring

// A stamp: what a capture knows of a frame beside its bytes.
export const STAMP_TICKS = 0; // 64 bits; pcap: seconds << 32 | fraction; pcapng: units of the interface
export const STAMP_INTERFACE = 8;
export const STAMP_OPTIONS = 12; // address of the packet's options as they stand in the input; pcapng only
export const STAMP_OPTIONS_LENGTH = 16;
export const STAMP_BLOCK_TYPE = 20; // pcapng only
export const STAMP_LENGTH = 32;

// The interface table.
export const INTERFACE_ENTRY_LINK_TYPE = 0;
export const INTERFACE_ENTRY_SNAP_LENGTH = 4;
export const INTERFACE_ENTRY_UNITS = 8; // 64 bits: ticks a second
export const INTERFACE_ENTRY_OFFSET = 16; // 64 bits, signed: seconds
export const INTERFACE_ENTRY_LENGTH = 32;
export const INTERFACES_MAXIMUM = 65536;
