// A ring in shared memory: 192 bytes of header, then a power of two of items or bytes, all of it usable.
//
// Head and tail are free-running 32-bit counts: tail - head is what is in the ring, also after they wrapped.
// Only producers write the tail, only the consumer writes the head; each stands on a cache line of its own,
// beside a copy of the other that is refreshed only when it says full or empty.
//
//   line 0  constant: mask, address of the first item, the doorbells of consumer and producer, what kind of ring
//   line 1  producers: tail, copy of head, lock
//   line 2  consumer: head, copy of tail
//
// Memory order. Items are written before the tail is stored, and the tail is loaded before items are read;
// items are read before the head is stored, and the head is loaded before items are overwritten. All four are
// sequentially consistent (WebAssembly and JavaScript know no weaker order that would do). For sleeping,
// the consumer counts itself as asleep and then looks at the tail again; a producer stores the tail and then looks
// for sleepers: in one total order of all these, at least one of the two sees the other. A worker serves many rings and
// sleeps at one doorbell for all: in its lane's cursor it says that it has no room for results, before it looks for the
// last time, and who takes results stores the head, looks there, and wakes no worker that merely has nothing to do.
//
// With many producers, the one that holds the lock is the producer: taking it and letting go of it order what
// one wrote before what the next reads. A producer that dies with the lock has published all of its push or nothing.

export const RING_MASK = 0;
export const RING_ITEMS = 4;
export const RING_CONSUMER_DOORBELL = 8; // address; rung when there is something to take; 0 = nobody sleeps
export const RING_PRODUCER_DOORBELL = 12; // address; rung when there is room again; 0 = nobody sleeps
export const RING_KIND = 16; // one of the kinds below, written last: there is a ring here
export const RING_MANY_PRODUCERS = 20; // 0 or 1
export const RING_HEADROOM = 24; // byte rings: bytes in front of every frame
export const RING_TAIL = 64;
export const RING_HEAD_COPY = 68;
export const RING_LOCK = 72; // 0 = free, else the number of the producer that holds it
export const RING_HEAD = 128;
export const RING_TAIL_COPY = 132;
export const RING_HEADER_LENGTH = 192;

export const RING_OF_ITEMS = 0x6d657469;
export const RING_OF_BYTES = 0x65747962;

// A doorbell: what one thread, or several, sleep at, however many rings they serve; on a cache line of its own.
export const DOORBELL_COUNT = 0; // goes up with every ring
export const DOORBELL_ASLEEP = 4; // how many threads sleep, each from before its last look until after waking
export const DOORBELL_CONTROL = 8; // control messages on their way: a worker with any looks at its messages
export const DOORBELL_BEAT = 12; // goes up as long as the worker that sleeps here is awake, and now and then when it sleeps
export const DOORBELL_LENGTH = 64;

/** Items of a descriptor ring: 32-bit numbers, an address or an index. */
export const ITEM_LENGTH = 4;
export const RING_CAPACITY_MAXIMUM = 1073741824;

// A byte ring holds records, each a multiple of 16 bytes and in one piece: where a record does not fit before
// the end, a filler takes the rest. A record is a header, headroom, the frame, and up to 15 bytes of padding.
export const RECORD_TOTAL = 0; // bytes of the whole record
export const RECORD_FRAME_LENGTH = 4; // bytes of the frame, or FILLER
export const RECORD_WIRE_LENGTH = 8;
export const RECORD_MARK = 12;
export const RECORD_VNI = 16;
// What no stage changes, and what stages get by asking: it is taken over from the record that came in, which lies in front of the frame's floor.
export const RECORD_PORT = 20; // a number of the sender's
export const RECORD_TIME = 24; // 64 bits: nanoseconds, or what else the sender counts in
export const RECORD_HEADER_LENGTH = 32;
export const RECORD_ALIGNMENT = 16;
export const FILLER = 0xffffffff;

// A notice is the header of a record in place of a frame that was dropped: without a frame, NOTICE for its length, and
// these in place of the VNI. Only lanes that are asked for notices write any.
export const NOTICE = 0xfffffffe;
export const RECORD_REASON = 16; // a byte, of drop.layout
export const RECORD_STAGE = 17; // a byte: which stage of the pipeline, from 0, or NO_STAGE

// What a worker notes while it works on a burst, so that what it held is known if it dies.
// WORKING: the receive ring from its head to CLAIM is in work; the two counts are those from before the burst.
// COMMITTING: the burst is done, and head and tail are to become these; whoever finds it so can do it.
export const JOURNAL_STATE = 0;
export const JOURNAL_CLAIM = 4;
export const JOURNAL_HEAD = 8;
export const JOURNAL_TAIL = 12;
export const JOURNAL_FORWARDED = 16; // 64 bits; of pipelines
export const JOURNAL_RECEIVED = 16; // 64 bits; of a switch, which counts in other places what it forwards
export const JOURNAL_DROPPED = 24; // 64 bits
export const JOURNAL_WRITTEN = 32; // a switch: how much of what leaves the tail includes
export const JOURNAL_LENGTH = 64;
export const JOURNAL_IDLE = 0;
export const JOURNAL_WORKING = 1;
export const JOURNAL_COMMITTING = 2;
