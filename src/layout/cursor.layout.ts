// A cursor: what the kernels that work from one stretch of bytes to another share with their caller, on captures, between
// the byte rings of lanes and of switches, and on pieces of shared captures. It says where to read, where to write, and
// where everything lies; the kernel stops with a status.

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
export const CURSOR_TRAILERS_LEFT_OUT = 112; // 64 bits: frames written without the check sequence they came with
export const CURSOR_JOURNAL = 120; // address, for workers between two byte rings
export const CURSOR_SWITCH = 124; // address of a switch's context, which works in place of stages; 0 = stages
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
export const CURSOR_SEAM = 164; // address of the seam that says where the first record is
export const CURSOR_NEXT_SEAM = 168; // address of the seam to write: the one of the piece behind
export const CURSOR_SCANNED = 172; // records found
export const CURSOR_RECORD_LENGTH = 176; // of a scan that needs input: bytes of that record, as far as they are known
// Fragments of carriers (fragment.layout), which are put together where a capture is worked on in order.
export const CURSOR_REASSEMBLY = 180; // address of the table; REASSEMBLY_WANTED; 0 = fragments are frames as others are
export const CURSOR_CARRIER_STAGE = 184; // address of the stage for which that is done: a decapsulation
export const CURSOR_SCAN_FRAGMENTS = 188; // a scan stops in front of fragments, if not 0
export const CURSOR_LABELS = 192; // address of what is written in front of each frame in a pcapng (label.layout); 0 = nothing
export const CURSOR_NOTICES = 196; // 1: of records, frames that are dropped leave a notice in the output (ring.layout)
/**
 * Not 0: records of the input say in their headers what no stage sees (ring.layout). Until somebody has said something, nobody
 * writes there; it is set when all records that are not worked on yet have been put in order.
 */
export const CURSOR_NOTES = 200;
export const CURSOR_LENGTH = 256;

/** The input ends inside a record, or there is none. */
export const STATUS_NEED_INPUT = 0;
/** The output has no room for another record. */
export const STATUS_OUTPUT_FULL = 1;
/** The next block is not a packet: it is the caller's to read. */
export const STATUS_OTHER_BLOCK = 2;
/** The next record cannot be true. */
export const STATUS_DAMAGE = 3;

/** The next record is a fragment: of a run, there is no table for it yet; of a scan, it is for who works in order. */
export const STATUS_FRAGMENT = 4;

export const FORMAT_PCAPNG = 1; // else pcap
export const FORMAT_BIG_ENDIAN = 2;
export const FORMAT_NANOSECONDS = 4; // pcap only
export const FORMAT_RECORDS = 8; // neither: records as in a byte ring
export const FORMAT_TRAILERS = 16; // of the output: frames that are as they were keep their check sequences
export const FORMAT_LENGTHS_SWAPPED = 32; // of the input, pcap before 2.3: the original length stands first
export const FORMAT_LENGTHS_DOUBTFUL = 64; // of the input, pcap 2.3: the greater length is the original one
